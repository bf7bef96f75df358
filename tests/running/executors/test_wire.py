"""The wire between processes: a message comes out as it went in; anything else is refused."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch

from workbench.engine.events import CheckpointReady, FinalTest, Notice, StepsDone
from workbench.engine.status import RunStatus
from workbench.engine.training import Outcome
from workbench.messages import Count, Message
from workbench.running.executors.wire import decode, encode


@pytest.mark.parametrize(
    "value",
    [
        ("event", StepsDone(1, 2, (0.5, float("inf")), 0.1, 900.0)),
        (
            "event",
            Notice(Message("{a} of {b}: {c}", a=1, b=Count(2), c=Message("{d}", d="실험 🙂"))),
        ),
        ("outcome", Outcome(RunStatus.FINISHED, 3, 1.5)),
        ("control", {"paused": False, "threads": None}),
    ],
)
def test_events_come_out_as_they_went_in(value: object) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(3, 4, 5).permute(2, 0, 1),
        torch.arange(4, dtype=torch.uint8),
        torch.tensor(3.0),
        torch.empty(0),
        torch.randn(7).to(torch.bfloat16),
        torch.tensor([True, False]),
    ],
)
def test_tensors_come_out_bit_for_bit(tensor: torch.Tensor) -> None:
    (_, event) = decode(encode(("event", CheckpointReady({"weights": tensor}))))
    found = event.checkpoint["weights"]
    assert found.dtype == tensor.dtype
    assert found.shape == tensor.shape
    assert torch.equal(found, tensor)
    found.zero_()  # memory of its own, which may be written


def test_arrays_come_out_bit_for_bit() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    event = decode(encode(FinalTest(None, logits, np.arange(3)[::-1])))  # type: ignore[arg-type]
    assert np.array_equal(event.logits, logits)
    assert event.labels.tolist() == [2, 1, 0]


class _Code:
    def __reduce__(self) -> object:
        return os.system, ("echo run > /tmp/ran",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(_Code()),
        pickle.dumps(torch.nn.Linear(1, 1)),
        b"",
        b"\x80\x05X",
        encode(("event", torch.ones(3)))[:-4],
        pickle.dumps(np.float64(1.0)),
    ],
)
def test_what_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|pickle|part"):
        decode(content)
