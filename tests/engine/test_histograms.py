"""Histograms of weights and gradients: worked examples, on the way through a run, and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.engine.test_training import last_weights, of, run, same
from workbench.data.datasets import DataSet
from workbench.engine.events import BINS, EpochDone, LayerHistogram
from workbench.engine.histograms import layer_histograms
from workbench.library.histogram_file import HISTOGRAMS, line_of, read_histograms
from workbench.messages import WorkbenchError


def test_a_worked_example() -> None:
    network = nn.Linear(4, 1, bias=True)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-1.0, -1.0, 0.0, 1.0]]))
    (weights,) = layer_histograms(network)
    assert (weights.layer, weights.kind, weights.low, weights.high) == ("weight", "weights", -1, 1)
    expected = [0] * BINS
    expected[0], expected[BINS // 2], expected[-1] = 2, 1, 1  # the greatest is in the last bin
    assert list(weights.counts) == expected

    network(torch.tensor([[2.0, 2.0, 2.0, torch.inf]])).sum().backward()
    _, gradients = layer_histograms(network)
    # Equal values stand in the middle of a range around them; what is infinite is left out.
    assert (gradients.kind, gradients.low, gradients.high) == ("gradients", 1.0, 3.0)
    assert gradients.counts[BINS // 2] == sum(gradients.counts) == 3


def test_a_run_keeps_them_where_it_is_asked_to_and_trains_the_same(small: DataSet) -> None:
    _, plain = run(small, batch_norm=True)
    _, kept = run(small, batch_norm=True, histograms=True)
    assert same(last_weights(plain), last_weights(kept))
    assert all(not epoch.histograms for epoch in of(plain, EpochDone))
    first, last = (epoch.histograms for epoch in of(kept, EpochDone))
    assert first != last
    final = last_weights(kept)
    layers = [name for name, tensor in final.items() if tensor.ndim > 1]
    assert [f"{one.layer}.weight" for one in last if one.kind == "weights"] == layers
    assert [f"{one.layer}.weight" for one in last if one.kind == "gradients"] == layers
    assert last[0].high == final[layers[0]].max()


ONE = LayerHistogram("conv1.0", "weights", -0.5, 0.25, tuple(range(BINS)))


def test_the_file_gives_back_what_was_written(tmp_path: Path) -> None:
    assert read_histograms(tmp_path) == {}
    content = line_of(1, (ONE,)) + line_of(2, ())
    (tmp_path / HISTOGRAMS).write_bytes(content + b'{"epoch":3,"lay')  # killed while it wrote
    assert read_histograms(tmp_path) == {1: (ONE,), 2: ()}


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense\n",
        b'{"epoch":0,"layers":[]}\n',
        b'{"epoch":1,"layers":[{"layer":"a","kind":"weights","low":0,"high":1,"counts":[1]}]}\n',
        line_of(1, (ONE,)).replace(b"0.25", b"-0.5"),
        line_of(1, (ONE,)).replace(b'"counts":[0', b'"counts":[-1'),
    ],
)
def test_a_damaged_file_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / HISTOGRAMS).write_bytes(content)
    with pytest.raises(WorkbenchError, match="it is damaged"):
        read_histograms(tmp_path)
