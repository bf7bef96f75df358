"""The check for GPUs, as far as it goes without one: it compares, and it finds a difference."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import gpu_check
import pytest
import torch

from workbench.engine.graph_steps import GraphSteps

CPU = torch.device("cpu")


class Played(GraphSteps):
    def _record(self, work: Callable[[], None]) -> Callable[[], None]:
        return work


class Wrong(Played):
    """As a graph that reads the first epoch's learning rate for ever."""

    def begin_epoch(
        self, order: torch.Tensor, rates: float | Sequence[float], epoch: int = 1
    ) -> None:
        super().begin_epoch(order, self.optimizer.defaults["lr"], epoch)


@pytest.fixture(autouse=True)
def _recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "GraphSteps", Played)


@pytest.mark.slow
def test_equal_training_passes() -> None:
    result = gpu_check.equal("009", {"dropout": 0.0}, CPU)
    assert result["equal"]
    assert result["steps"] == 200
    assert result["loss_difference"] == 0


@pytest.mark.slow
def test_a_graph_that_misses_the_decay_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "GraphSteps", Wrong)
    result = gpu_check.equal("009", {"dropout": 0.0, "learning_rate": 0.01}, CPU)
    assert not result["equal"]


@pytest.mark.slow
def test_speed_is_measured_for_every_contender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "EPOCH", 60)
    monkeypatch.setattr(gpu_check, "SHORT", 50)
    monkeypatch.setattr(gpu_check, "TEST_IMAGES", 100)
    monkeypatch.setattr(gpu_check, "kernels", lambda *parts: {})
    result = gpu_check.speed("001", CPU)
    assert len(result["seconds"]) == 6
    assert all(seconds > 0 for seconds in result["seconds"].values())
    assert set(result["variants"]) == {"cuDNN benchmark", "TF32 in convolutions"}


def test_a_machine_without_a_gpu_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu_check.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main() == 2
    assert "finds 0 GPUs on this machine" in capsys.readouterr().err
