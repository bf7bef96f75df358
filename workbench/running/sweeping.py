"""Sweeps on a queue: their runs are entries of it, added here, and the library alone says which
are missing.

:func:`start` begins a sweep and goes on with one that was stopped, crashed, or had runs deleted:
both add what is missing. Whoever runs the queue has a :class:`SweepDriver`, which proposes the next
points of adaptive sweeps and ends runs that are not worth their time.
"""

from __future__ import annotations

import logging
import statistics
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress

from workbench.analysis.sweep_runs import FINAL, outcome, runs_of, score
from workbench.analysis.sweeps import PointResult, SweepResults, sweep_results
from workbench.data.data_choice import choose_data
from workbench.engine.control import RunControl
from workbench.engine.events import EpochDone, Event
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.queue_entry import TO_DO, Entry, new_entry
from workbench.library.run_folder import RunRecord, read_epochs
from workbench.library.sweeps import StoredSweep, SweepStore
from workbench.messages import WorkbenchError
from workbench.running.requests import request
from workbench.running.sweep_pruner import Pruner, pruned_reason
from workbench.running.sweep_sampler import WORST, Trial, propose
from workbench.spec.sweep_file import SweepFile

_OPEN = (*TO_DO, "running")

log = logging.getLogger("workbench")


def add_sweep(library: Library, file: SweepFile) -> StoredSweep:
    """Keep a new sweep and put its runs into the queue. Raises :class:`WorkbenchError`."""
    if file.dataset:
        choose_data(file.dataset)  # before anything is written
    stored = SweepStore(library.path).add(file)
    start(library, stored.id)
    return stored


def start(library: Library, id: str, ahead: int = 1) -> int:
    """Put every missing run of a sweep into the queue, and return how many.

    A run that stands (finished, diverged or ended early) is not run again. One that was stopped is
    resumed; one that crashed, was deleted, or never began is begun. ``ahead``: runs that an
    adaptive sweep proposes now.

    Raises :class:`WorkbenchError`.
    """
    store, queue = SweepStore(library.path), Queue(library.path)
    stored = store.set_stopped(store.find(id).id, False)
    with store.holding(stored.id):
        entries = queue.entries(sweep=stored.id)
        results = sweep_results(stored, library.runs(), entries)
        labelled = {(entry.point, entry.seed): entry for entry in entries}
        again: list[str] = []
        fresh: list[Entry] = []
        for point in results.points:
            if point.count("pruned"):
                continue
            standing = {run.experiment.get("seed", 0) for run in point.runs if _stands(run)}
            for seed in stored.sweep.seeds:
                entry = labelled.get((point.number, seed))
                if seed in standing or (entry is not None and entry.state in _OPEN):
                    continue
                if entry is not None:
                    again.append(entry.id)
                else:
                    fresh.append(_entry(stored, point.number, point.values, seed))
        if again:
            queue.again(again)
        if fresh:
            queue.add(fresh)
    added = len(again) + len(fresh)
    return added + (_advance(library, store, queue, stored, ahead) if stored.sweep.adaptive else 0)


def _stands(run: RunRecord) -> bool:
    return outcome(run) in (*FINAL, "running")


def _entry(stored: StoredSweep, point: int, values: object, seed: int) -> Entry:
    sweep, file = stored.sweep, stored.file
    return new_entry(
        sweep.experiment_at(values, seed),  # type: ignore[arg-type]
        choose_data(file.dataset),
        preset=sweep.preset,
        title=sweep.title,
        device=file.device,
        sweep=stored.id,
        point=point,
        seed=seed,
    )


def stop(library: Library, id: str) -> int:
    """Take what waits of a sweep off the queue, stop and keep what runs, and return how many runs
    were stopped. Raises :class:`WorkbenchError`."""
    store, queue = SweepStore(library.path), Queue(library.path)
    stored = store.set_stopped(store.find(id).id, True)
    with store.holding(stored.id):
        _remove(queue, [e for e in queue.entries(sweep=stored.id) if e.state in TO_DO])
    stopped = 0
    for entry in queue.entries(sweep=stored.id):
        if entry.state == "running" and entry.run is not None:
            with suppress(WorkbenchError):  # it has just ended
                request(library.path / entry.run, "stop")
                stopped += 1
    return stopped


def _remove(queue: Queue, entries: Iterable[Entry]) -> None:
    for entry in entries:
        with suppress(WorkbenchError):  # a worker has just claimed it
            queue.remove([entry.id])


# --- adaptive --------------------------------------------------------------------------


def _advance(
    library: Library, store: SweepStore, queue: Queue, stored: StoredSweep, ahead: int
) -> int:
    """Propose points of an adaptive sweep until ``ahead`` runs wait or are trained; the number of
    runs that were added."""
    sweep, added = stored.sweep, 0
    with store.holding(stored.id):
        entries = queue.entries(sweep=stored.id)
        results = sweep_results(stored, library.runs(), entries)
        known = {point.number for point in results.points}
        waiting = sum(entry.state in _OPEN for entry in entries)
        trials = _trials(results, entries)
        for number in range(sweep.size):
            if waiting >= ahead:
                break
            if number in known:
                continue
            values = propose(sweep, number, trials)
            fresh = [_entry(stored, number, values, seed) for seed in sweep.seeds]
            queue.add(fresh)
            trials.append(Trial(number, values))
            waiting += len(fresh)
            added += len(fresh)
    return added


def _trials(results: SweepResults, entries: Sequence[Entry]) -> list[Trial]:
    """Return what the sampler is told. A point that crashed tells nothing."""
    going_on = {entry.point for entry in entries if entry.state in _OPEN}
    trials = []
    for point in results.points:
        values = dict(point.values)
        pruned = [run for run in point.runs if outcome(run) == "pruned"]
        if pruned:
            trials.append(Trial(point.number, values, curve=curve_of(pruned[0])))
        elif point.is_settled:
            trials.append(Trial(point.number, values, _told(results, point)))
        elif point.number in going_on:
            trials.append(Trial(point.number, values))
    return trials


def _told(results: SweepResults, point: PointResult) -> float:
    scores = [
        WORST if outcome(run) == "diverged" else score(results.sweep, run) for run in point.runs
    ]
    return statistics.fmean(WORST if value is None else value for value in scores)


def curve_of(run: RunRecord) -> dict[int, float]:
    """Return the validation accuracy of a run by epoch, in percent; empty where it cannot be
    read."""
    try:
        rows = read_epochs(run.folder)
    except WorkbenchError:
        return {}
    return {
        row["epoch"]: row["validation_accuracy"] for row in rows if "validation_accuracy" in row
    }


class SweepDriver:
    """What a process that runs the queue does for sweeps. For any thread.

    Args:
        library: whose queue it is.
        workers: entries that are trained at once.
    """

    def __init__(self, library: Library, workers: int = 1) -> None:
        self._library = Library(library.path)  # an object is for one thread at a time
        self._workers = workers
        self._lock = threading.Lock()
        self._store = SweepStore(library.path)
        self._queue = Queue(library.path)
        self._pruners: dict[str, Pruner] = {}
        self._complete: set[str] = set()

    def advance(self) -> None:
        """Propose the next points of the adaptive sweeps that go on. One that cannot (its data are
        gone) is left alone, as other entries have nothing to do with it; resuming it says why."""
        with self._lock:
            for stored in self._store.read()[0]:
                if not stored.sweep.adaptive or stored.file.stopped or stored.id in self._complete:
                    continue
                try:
                    _advance(self._library, self._store, self._queue, stored, self._workers)
                except WorkbenchError:
                    log.exception("%s: no further point can be proposed", stored.id)
                    self._complete.add(stored.id)
                    continue
                entries = self._queue.entries(sweep=stored.id)
                if not any(entry.state in _OPEN for entry in entries):
                    self._complete.add(stored.id)

    def heard(self, entry: Entry, event: Event, control: RunControl) -> None:
        """Take in an event of the run of ``entry``, and end the run where its sweep does."""
        if entry.sweep is None or not isinstance(event, EpochDone) or control.stopping:
            return
        try:
            self._judge(entry, event, control)
        except Exception:  # the run itself is well, and goes on
            log.exception("%s: whether its run ends early is not known", entry.sweep)

    def _judge(self, entry: Entry, event: EpochDone, control: RunControl) -> None:
        with self._lock:
            stored = self._store.find(entry.sweep or "")
            if stored.sweep.prune == "none" or entry.run is None or entry.point is None:
                return
            epochs = entry.experiment.get("epochs", 0)
            if self._is_to_end(stored, entry) and event.epoch < epochs:
                control.stop(pruned_reason(stored.sweep, event.epoch))
                waiting = [
                    other
                    for other in self._queue.entries(sweep=stored.id)
                    if other.point == entry.point and other.state == "waiting"
                ]
                _remove(self._queue, waiting)

    def _is_to_end(self, stored: StoredSweep, entry: Entry) -> bool:
        sweep = stored.sweep
        pruner = self._pruners.get(stored.id)
        if pruner is None:
            pruner = self._pruners[stored.id] = Pruner(sweep, stored.id)
        wrong = False
        runs = runs_of(stored, self._library.runs())
        for (point, seed), run in sorted(runs.items()):
            number = point * len(sweep.seeds) + sweep.seeds.index(seed)
            if run.id == entry.run:
                wrong = pruner.add(number, curve_of(run))
            elif not pruner.knows(number):
                pruner.add(number, curve_of(run), outcome(run) in FINAL)
        return wrong
