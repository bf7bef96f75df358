"""Sweeps on a queue: every point is run once, what is missing is run again, losers end early."""

from __future__ import annotations

from typing import Any

import pytest

from workbench import atomic
from workbench.analysis.sweep_runs import outcome
from workbench.analysis.sweeps import SweepResults, sweep_results
from workbench.data.datasets import DataSet
from workbench.engine.control import RunControl
from workbench.engine.events import EpochDone
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.sweeps import StoredSweep, SweepStore
from workbench.messages import WorkbenchError
from workbench.running import runner
from workbench.running.queue_runner import QueueRunner
from workbench.running.sweeping import SweepDriver, add_sweep, start, stop
from workbench.spec.experiment import with_changes
from workbench.spec.presets import find_preset
from workbench.spec.sweep import sweep_from
from workbench.spec.sweep_file import SweepFile


@pytest.fixture(autouse=True)
def _small_data(small: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)


@pytest.fixture
def library(home: Any) -> Library:
    return Library()


def begin(library: Library, vary: dict[str, str], epochs: int = 1, **more: Any) -> StoredSweep:
    changes = {"epochs": epochs, "validation_share": 0.2}
    base = with_changes(find_preset("001").experiment, changes)
    sweep = sweep_from(base, vary, preset="001", title="T", **more)
    return add_sweep(library, SweepFile(sweep, dataset="sample", device="cpu"))


def run(library: Library) -> None:
    QueueRunner(library, executor="in_process").run()


def results(library: Library, stored: StoredSweep) -> SweepResults:
    return sweep_results(stored, library.runs(), Queue(library.path).entries(sweep=stored.id))


def states(library: Library) -> list[str]:
    return [entry.state for entry in Queue(library.path).entries()]


def test_a_grid_is_run_and_only_what_is_missing_is_run_again(library: Library) -> None:
    stored = begin(library, {"learning_rate": "0.001, 0.01"}, seeds=2)
    assert states(library) == ["waiting"] * 4
    run(library)
    found = results(library, stored)
    assert found.is_complete
    assert [len(point.scores) for point in found.points] == [2, 2]
    assert [run.experiment["seed"] for run in found.points[1].runs] == [0, 1]
    assert start(library, stored.id) == 0
    # One deleted in the library, one with its entry gone as well.
    gone, other = found.points[1].runs
    atomic.delete_folder(gone.folder)
    atomic.delete_folder(other.folder)
    queue = Queue(library.path)
    queue.remove([entry.id for entry in queue.entries() if entry.run == other.id])
    assert start(library, stored.id) == 2
    run(library)
    again = results(library, stored)
    assert again.is_complete
    assert [run.id for run in again.points[0].runs] == [run.id for run in found.points[0].runs]
    assert again.points[1].scores == found.points[1].scores


@pytest.mark.slow
def test_an_adaptive_sweep_proposes_as_it_goes_and_the_same_after_a_deletion(
    library: Library,
) -> None:
    stored = begin(library, {"learning_rate": "0.001..0.1:log"}, method="tpe", trials=6)
    assert len(states(library)) == 1
    run(library)
    found = results(library, stored)
    assert (len(found.points), found.is_complete) == (6, True)
    assert len({point.values["learning_rate"] for point in found.points}) == 6
    run_of = found.points[4].runs[0]
    atomic.delete_folder(run_of.folder)
    queue = Queue(library.path)
    queue.remove([entry.id for entry in queue.entries() if entry.run == run_of.id])
    start(library, stored.id)
    run(library)
    assert [p.values for p in results(library, stored).points] == [p.values for p in found.points]


def test_stop_takes_it_off_the_queue_and_resume_brings_it_back(library: Library) -> None:
    stored = begin(library, {"learning_rate": "0.001, 0.01"})
    assert stop(library, stored.id) == 0
    assert states(library) == []
    assert SweepStore(library.path).find(stored.id).file.stopped
    run(library)
    assert library.runs() == []
    assert start(library, stored.id) == 2
    assert not SweepStore(library.path).find(stored.id).file.stopped


@pytest.mark.slow
def test_a_run_below_the_median_is_ended_and_stands(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = "0.01, 0.02, 0.03, 0.04, 0.05"
    stored = begin(library, {"learning_rate": rates}, epochs=2, prune="median", seeds=2)
    real = SweepDriver._is_to_end

    def is_to_end(self: SweepDriver, stored: Any, entry: Any) -> bool:
        real(self, stored, entry)
        return bool(entry.point == 4 and entry.seed == 0)

    monkeypatch.setattr(SweepDriver, "_is_to_end", is_to_end)
    run(library)
    found = results(library, stored)
    (ended,) = found.points[4].runs
    assert (outcome(ended), ended.epochs_done) == ("pruned", 1)
    assert "below the median" in str(ended.why)
    assert found.points[4].standing == "pruned"
    assert found.is_complete
    assert start(library, stored.id) == 0  # neither it nor its other seed is run again


def test_what_is_asked_of_other_runs_is_nothing(library: Library) -> None:
    driver, control = SweepDriver(library), RunControl()
    stored = begin(library, {"learning_rate": "0.001, 0.01"})
    entry = Queue(library.path).entries()[0]
    event = EpochDone(1, 1.0, 1.0, 0.1, 1.0, 1.0, None, True, None)  # type: ignore[arg-type]
    driver.heard(entry, event, control)
    assert not control.stopping
    assert stored.sweep.prune == "none"


def test_data_that_are_not_there_are_said_before_anything_is_kept(library: Library) -> None:
    base = find_preset("001").experiment
    sweep = sweep_from(base, {"batch_size": "16, 64"})
    with pytest.raises(WorkbenchError, match="no such folder"):
        add_sweep(library, SweepFile(sweep, dataset="/not/there"))
    assert SweepStore(library.path).read() == ([], [])
