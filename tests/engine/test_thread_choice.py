"""The number of threads: as told, as the environment says, or as timed."""

from __future__ import annotations

import pytest
import torch

from workbench.engine import thread_choice, timing
from workbench.engine.thread_choice import choose_threads, fastest
from workbench.engine.timing import time_threads
from workbench.messages import Cancelled, WorkbenchError
from workbench.spec.experiment import experiment_from

CPU = torch.device("cpu")
EXPERIMENT = experiment_from({"dropout": 0.2, "batch_norm": True, "batch_size": 20})


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody fixed the number of threads; four cores, of which three are the fastest."""
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(thread_choice, "usable_cores", lambda: 4)
    seconds = {1: 0.02, 2: 0.0125, 3: 0.01, 4: 0.011}
    monkeypatch.setattr(
        thread_choice, "time_threads", lambda _, numbers, *__: {n: seconds[n] for n in numbers}
    )


@pytest.mark.usefixtures("free")
def test_the_fastest_is_taken_and_what_was_timed_is_kept() -> None:
    choice = choose_threads(EXPERIMENT, CPU)
    assert choice.threads == 3
    assert choice.steps_per_second == pytest.approx({1: 50, 2: 80, 3: 100, 4: 1000 / 11})


@pytest.mark.usefixtures("free")
def test_what_is_told_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_threads(EXPERIMENT, CPU, wanted=4) == thread_choice.ThreadChoice(4)
    own = torch.get_num_threads()
    assert choose_threads(EXPERIMENT, torch.device("cuda", 0)).threads == own
    monkeypatch.setattr(thread_choice, "usable_cores", lambda: 1)
    assert choose_threads(EXPERIMENT, CPU) == thread_choice.ThreadChoice(1)
    monkeypatch.setattr(thread_choice, "usable_cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert choose_threads(EXPERIMENT, CPU) == thread_choice.ThreadChoice(own)


@pytest.mark.parametrize("wanted", [0, -1, 257])
def test_a_number_that_cannot_be_is_refused(wanted: int) -> None:
    with pytest.raises(WorkbenchError, match="from 1 to 256"):
        choose_threads(EXPERIMENT, CPU, wanted)


def test_fewer_threads_win_where_they_are_as_fast() -> None:
    assert fastest({1: 50.0, 2: 98.0, 3: 100.0}) == 2
    assert fastest({1: 50.0, 2: 90.0, 3: 100.0}) == 3


def test_timing_leaves_random_state_and_threads_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timing, "THREADS_SECONDS", 0.0)
    used: list[int] = []
    network = timing.build_network

    def watched(*arguments: object) -> torch.nn.Module:
        built = network(*arguments)  # type: ignore[arg-type]
        built.register_forward_pre_hook(lambda *_: used.append(torch.get_num_threads()))
        return built

    monkeypatch.setattr(timing, "build_network", watched)
    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    seconds = time_threads(EXPERIMENT, [1, 2])
    assert seconds.keys() == {1, 2}
    assert all(each > 0 for each in seconds.values())
    assert set(used) == {1, 2}
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_a_stop_ends_the_timing() -> None:
    threads = torch.get_num_threads()
    with pytest.raises(Cancelled):
        time_threads(EXPERIMENT, [1, 2], stop=lambda: True)
    assert torch.get_num_threads() == threads
