"""A queue trained by worker processes: as in this process, whatever dies or is asked."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running.test_resume import everything
from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.events import Event, Notice, Paused, RunEnded, RunStarted, StepsDone
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.queue_entry import Entry, new_entry
from workbench.library.queue_runners import queue_processes
from workbench.library.run_folder import RunRecord, is_locked, read_record
from workbench.messages import WorkbenchError
from workbench.running import executors, queue_runner, runner
from workbench.running.executors.local import LocalProcesses
from workbench.running.queue_runner import QueueRunner
from workbench.running.requests import request
from workbench.spec.experiment import experiment_from

PLAIN: dict[str, Any] = {"optimizer": "sgd", "dropout": 0.0, "batch_norm": False}
ADAM: dict[str, Any] = {"epochs": 2, "optimizer": "adam", "dropout": 0.2, "batch_norm": True}


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalProcesses]:
    """Two workers that the tests of this module share: starting one takes a second or two."""
    processes = LocalProcesses(2)
    yield processes
    processes.close()


@pytest.fixture
def library(
    tmp_path: Path, small: DataSet, workers: LocalProcesses, monkeypatch: pytest.MonkeyPatch
) -> Library:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL", 0.0)
    monkeypatch.setattr(queue_runner, "open_executor", lambda name, number: workers)
    monkeypatch.setattr(workers, "close", lambda: None)
    workers._data.clear()  # the test's home, and its cache, are others
    return Library(tmp_path / "my runs 실험 🙂")


def add(library: Library, *seeds: int, **values: Any) -> list[Entry]:
    return Queue(library.path).add(
        new_entry(
            experiment_from({**ADAM, "seed": seed, **values}),
            choose_data("sample"),
            device="cpu",
            threads=1,
            sweep="seeds",
            point=seed,
        )
        for seed in seeds
    )


def run(library: Library, listener: Callable[[Entry, Event], None] = lambda *_: None) -> None:
    QueueRunner(library, workers=2, listener=listener).run()


def states(library: Library) -> list[str]:
    return [entry.state for entry in Queue(library.path).entries()]


def here(library: Library, **values: Any) -> RunRecord:
    """The same run in this process."""
    ended = runner.run_experiment(
        experiment_from({**ADAM, **values}),
        library,
        lambda event: None,
        RunControl(),
        data=choose_data("sample"),
        device="cpu",
        threads=1,
    )
    return read_record(Path(ended.run))


@pytest.mark.slow
def test_workers_train_bit_for_bit_what_this_process_does(library: Library, tmp_path: Path) -> None:
    add(library, 1, 2)
    ended: list[tuple[str, str]] = []
    threads = set()

    def listen(entry: Entry, event: Event) -> None:
        if isinstance(event, RunEnded):
            ended.append((entry.id, event.status))
        threads.add(threading.current_thread())

    run(library, listen)
    assert sorted(ended) == [("1", "finished"), ("2", "finished")]
    assert len(threads) == 2
    entries = Queue(library.path).entries()
    assert [entry.state for entry in entries] == ["finished"] * 2
    for entry in entries:
        assert entry.run is not None
        folder = library.path / entry.run
        record = read_record(folder)
        assert (record.entry, record.sweep, record.point) == (entry.id, "seeds", entry.point)
        assert record.environment["cpu_threads"] == 1
        alone = here(Library(tmp_path / "here"), seed=entry.point)
        assert everything(folder) == everything(alone.folder)
    assert len(library.runs()) == 2


@pytest.mark.slow
def test_a_lost_worker_is_replaced_and_its_run_goes_on(
    library: Library, workers: LocalProcesses, tmp_path: Path
) -> None:
    add(library, 1, epochs=3)
    killed: list[int] = []
    heard: list[Event] = []

    def listen(entry: Entry, event: Event) -> None:
        heard.append(event)
        if isinstance(event, StepsDone) and (event.epoch, event.step) == (2, 3) and not killed:
            killed.extend(workers.process_ids())
            for each in killed:
                os.kill(each, signal.SIGKILL)

    run(library, listen)
    assert killed
    assert states(library) == ["finished"]
    (record,) = library.runs()
    assert len(record.resumed) == 1
    assert any("SIGKILL" in str(e.message) for e in heard if isinstance(e, Notice))
    assert everything(record.folder) == everything(
        here(Library(tmp_path / "a"), seed=1, epochs=3).folder
    )


@pytest.mark.slow
def test_a_run_that_always_ends_its_worker_fails_and_the_queue_goes_on(
    library: Library, workers: LocalProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_runner, "MOST_LOST", 1)
    add(library, 1, 2)

    def listen(entry: Entry, event: Event) -> None:
        if entry.id == "1" and isinstance(event, RunStarted):
            for each in workers.process_ids():
                os.kill(each, signal.SIGKILL)

    QueueRunner(library, workers=1, listener=listen).run()
    assert states(library) == ["failed", "finished"]
    assert "2 workers were lost" in str(Queue(library.path).find("1").why)


def test_what_fails_says_why_and_the_queue_goes_on(library: Library) -> None:
    add(library, 1, learning_rate=10.0, momentum=0.99, **PLAIN)
    queue = Queue(library.path)
    (point,) = add(library, 2)  # of a sweep, which is not edited
    absent = queue.duplicate(point.id)
    queue.remove([point.id])
    queue.edit(absent.id, data={"kind": "folder", "path": "/nowhere"})
    (last,) = add(library, 3)
    run(library)
    assert states(library) == ["failed", "failed", "finished"]
    assert "learning rate" in str(queue.find("1").why)
    assert "/nowhere: there is no such folder" in str(queue.find(absent.id).why)
    deleted = queue.find(last.id)
    library.trash(read_record(library.path / str(deleted.run)))
    queue.again([last.id])
    run(library)
    assert queue.find(last.id).state == "finished"
    assert queue.find(last.id).run != deleted.run or read_record(library.path / str(deleted.run))


def test_requests_reach_the_run_of_a_worker(library: Library) -> None:
    add(library, 1, epochs=400)
    asked: list[str] = []
    paused_at: list[float] = []

    def ask(folder: Path, what: str) -> None:
        asked.append(what)
        threading.Thread(target=request, args=(folder, what, 5.0)).start()

    folder: list[Path] = []

    def listen(entry: Entry, event: Event) -> None:
        if isinstance(event, RunStarted):
            folder.append(Path(event.run))
            ask(folder[0], "pause")
        if isinstance(event, Paused):
            paused_at.append(time.monotonic())
            ask(folder[0], "continue")
        if isinstance(event, StepsDone) and paused_at and "stop" not in asked:
            ask(folder[0], "stop")

    run(library, listen)
    assert asked[:3] == ["pause", "continue", "stop"]
    assert states(library) == ["stopped"]
    record = read_record(folder[0])
    assert record.status == "stopped"
    assert record.weights
    assert not list(folder[0].glob("*request*")) + list(folder[0].glob("paused"))
    with pytest.raises(WorkbenchError, match="not being trained; nothing can be asked"):
        request(folder[0], "stop")


@pytest.mark.slow
def test_the_whole_queue_stops_and_goes_on_where_it_was(library: Library, tmp_path: Path) -> None:
    add(library, 1, 2, 3)
    queue = Queue(library.path)

    def listen(entry: Entry, event: Event) -> None:
        if isinstance(event, RunStarted):
            assert [each.pid for each in queue_processes(library.path)] == [os.getpid()]
        if isinstance(event, StepsDone) and event.epoch == 1:
            Queue(library.path).ask("stop")
            time.sleep(0.6)

    run(library, listen)
    assert states(library) == ["waiting"] * 3
    assert queue_processes(library.path) == []
    begun = [entry.run for entry in queue.entries()]
    assert begun[0] is not None
    assert begun[2] is None
    run(library)
    assert states(library) == ["finished"] * 3
    assert queue.find("1").run == begun[0]
    assert read_record(library.path / begun[0]).resumed
    assert len(library.runs()) == 3
    first = library.path / str(begun[0])
    assert everything(first) == everything(here(Library(tmp_path / "a"), seed=1).folder)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP")
def test_a_halted_worker_is_no_dead_one(library: Library, workers: LocalProcesses) -> None:
    add(library, 1)
    halted: list[int] = []

    def go_on() -> None:
        for each in halted:
            os.kill(each, signal.SIGCONT)

    def listen(entry: Entry, event: Event) -> None:
        if isinstance(event, StepsDone) and not halted:
            halted.extend(workers.process_ids())
            for each in halted:
                os.kill(each, signal.SIGSTOP)
            threading.Timer(1.5, go_on).start()

    run(library, listen)
    assert states(library) == ["finished"]
    assert library.runs()[0].resumed == []


def test_executors_are_checked_before_anything_starts(library: Library) -> None:
    with pytest.raises(WorkbenchError, match="no such executor; there are in_process, local"):
        QueueRunner(library, executor="cloud")
    with pytest.raises(WorkbenchError, match="trains 1 at a time"):
        QueueRunner(library, executor="in_process", workers=2)
    assert set(executors.EXECUTORS) >= {"in_process", "local"}
    assert not is_locked(library.path)
