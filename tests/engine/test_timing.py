"""Timed steps: what they leave untouched, how large batches count, and a GPU's memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch

from workbench.data.datasets import DataSet
from workbench.engine import timing
from workbench.engine.control import RunControl
from workbench.engine.events import WeightsReady
from workbench.engine.step_times import Timing
from workbench.engine.timing import time_steps
from workbench.engine.training import train
from workbench.messages import Cancelled
from workbench.spec.experiment import Experiment, experiment_from, with_changes

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)
# All that draws random numbers, or lasts: weights, dropout, batch norm, Adam.
EVERYTHING = experiment_from(
    {"dropout": 0.2, "batch_norm": True, "optimizer": "adam", "batch_size": 20, "epochs": 2}
)


def trained(data: DataSet, experiment: Experiment) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = {}

    def report(event: object) -> None:
        if isinstance(event, WeightsReady) and event.kind == "last":
            weights.update(event.state_dict)

    train(experiment, data, report, RunControl())
    return weights


@pytest.mark.parametrize("test_mode", ["eval", "train"])
def test_random_state_and_the_next_run_are_what_they_are_without(
    test_mode: str, small: DataSet
) -> None:
    experiment = with_changes(EVERYTHING, {"test_mode": test_mode})
    without = trained(small, experiment)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert time_steps(experiment, CPU).seconds_per_step
    assert torch.equal(torch.get_rng_state(), before)
    behind = trained(small, experiment)
    assert behind.keys() == without.keys()
    assert all(torch.equal(behind[name], without[name]) for name in without)


def test_steps_are_of_the_experiments_batch_and_large_ones_count_by_their_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A second for each call of the clock, in place of the machine's.
    clock = iter(range(10_000))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(clock)))
    sizes = []
    network = timing.build_network

    def watched(*arguments: Any) -> torch.nn.Module:
        built = network(*arguments)
        built.register_forward_pre_hook(
            lambda module, images: sizes.append((len(images[0]), module.training))
        )
        return built

    monkeypatch.setattr(timing, "build_network", watched)
    assert time_steps(experiment_from({"batch_size": 4}), CPU) == Timing(1.0, 1 / 250)
    assert set(sizes) == {(4, True), (250, False)}
    sizes.clear()
    slip = experiment_from({"batch_size": 4, "test_mode": "train"})
    assert time_steps(slip, CPU) == Timing(1.0, 1 / 4)
    assert set(sizes) == {(4, True)}
    assert time_steps(experiment_from({"batch_size": 12_800}), CPU) == Timing(200.0, 1 / 250)


def test_it_ends_between_two_steps_once_it_is_unwanted() -> None:
    before = torch.get_rng_state()
    with pytest.raises(Cancelled):
        time_steps(EVERYTHING, CPU, stop=lambda: True)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A GPU with 10,000 bytes free of which torch holds 500 for others; what was forked."""
    forked: list[object] = []

    def fork(devices: list[object]) -> AbstractContextManager[None]:
        forked.extend(devices)
        return nullcontext()

    monkeypatch.setattr(torch.random, "fork_rng", fork)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10_000, 80_000))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 500)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3_500)
    return forked


def test_a_gpus_peak_is_what_the_steps_took(
    gpu: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "_seconds", lambda *_: (0.5, 0.25))
    assert time_steps(EVERYTHING, GPU) == Timing(0.5, 0.25, 3_000, 10_000)
    assert gpu == [GPU]


def test_a_gpu_without_the_memory_needs_at_least_what_was_free(
    gpu: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> tuple[float, float]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(timing, "_seconds", full)
    assert time_steps(EVERYTHING, GPU) == Timing(None, None, 10_000, 10_000)


def test_a_gpus_steps_are_timed_a_graph_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.engine.graph_steps import GraphSteps

    graphs = 0

    def record(work: Callable[[], None]) -> Callable[[], None]:
        def play() -> None:
            nonlocal graphs
            graphs += 1
            work()

        return play

    def build(*arguments: Any) -> tuple[GraphSteps, None]:
        return GraphSteps(*arguments, record=record), None

    monkeypatch.setattr(timing, "build_steps", build)
    monkeypatch.setattr(timing, "TRAINING_SECONDS", 0.0)
    clock = iter(range(10_000))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(clock)))
    assert time_steps(experiment_from({"batch_size": 2}), CPU).seconds_per_step == 1 / 25
    assert graphs == 2  # the first does not count
