"""The queue of a library: what is to be trained, in order, for window, command line and sweeps.

The folder ``.queue`` of the library holds one small JSON file for each entry
(:mod:`~workbench.library.queue_entry`), replaced as a whole, and is the only truth: it survives
quitting and a kill, and any number of processes may work on it. Opens without torch.

Adding entries, and reading back what became of them::

    queue = Queue(Library().path)
    added = queue.add(
        [
            new_entry(experiment, data, preset="007", title="Adam", sweep="rates", point=3, seed=1)
            for ...
        ]
    )
    for entry in queue.entries(sweep="rates"):
        entry.point, entry.seed  # its labels
        entry.state              # "waiting", "running", "finished", "failed", "stopped" or
                                 # "interrupted" (its process is gone; the queue resumes it)
        entry.run                # the id of its run, for read_record(library.path / entry.run)
        entry.why                # why it failed, as a Message

A point whose run was deleted, or that failed, runs again with ``queue.again([entry.id])``. A run
that is under way is stopped early by :func:`workbench.running.requests.request`. The run's record
has the labels too (``RunRecord.sweep``, ``point``, ``entry``), so that they outlive the queue.

Two locks keep processes apart: ``.lock`` is held for the milliseconds of a change, and ``N.lock``
by whoever runs the entry ``N``, so that each is run once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from workbench import atomic
from workbench.library.queue_entry import ENDED, TO_DO, Entry, entry_text, read_entry, with_reason
from workbench.library.run_files import has_checkpoint
from workbench.library.safe_file import is_held, lock_file, own_folder, read_bytes, reason_of
from workbench.messages import Message, WorkbenchError
from workbench.spec.experiment import experiment_from

FOLDER = ".queue"
MOST_ENTRIES = 100_000
LOCK_SECONDS = 60.0
"""Longest wait for another process that changes the queue, which takes it milliseconds for one
entry and some seconds for thousands."""

_NAME = re.compile(r"[1-9][0-9]{0,8}\.json")
_ASKED, _LAST = "asked.json", "last.json"

Asked = Literal["run", "pause", "stop"]
"""What is asked of everybody who runs the queue: to go on, to start no more entries, or to stop
the running ones, which are kept."""


@dataclass(frozen=True, slots=True)
class _Known:
    seen: tuple[int, int, int]
    entry: Entry | None
    problem: WorkbenchError | None


class Queue:
    """The queue of the library in the folder ``library``. An object is for one thread.

    Every method that changes something raises :class:`WorkbenchError` where the disk does not take
    it, where an entry is not there, or where it may not be changed.
    """

    def __init__(self, library: Path) -> None:
        self.library = library.absolute()
        self.path = self.library / FOLDER
        self._known: dict[str, _Known] = {}

    # --- reading -----------------------------------------------------------------------

    def entries(self, sweep: str | None = None) -> list[Entry]:
        """Return the entries that can be read, in order; with ``sweep`` those of that sweep."""
        return [entry for entry in self.read()[0] if sweep is None or entry.sweep == sweep]

    def read(self) -> tuple[list[Entry], list[WorkbenchError]]:
        """Return the entries in order, and why others cannot be read. An entry whose file has not
        changed since the last call is the same object again."""
        known: dict[str, _Known] = {}
        for name, seen in self._files():
            before = self._known.get(name)
            found = before if before is not None and before.seen == seen else self._look(name, seen)
            if found is not None:
                known[name] = found
        self._known = known
        entries = [_as_it_is(self.path, each.entry) for each in known.values() if each.entry]
        entries.sort(key=lambda entry: (entry.order, int(entry.id)))
        return entries, [each.problem for each in known.values() if each.problem]

    def _files(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        try:
            with os.scandir(self.path) as files:
                for file in files:
                    if _NAME.fullmatch(file.name):
                        with suppress(FileNotFoundError):
                            found = file.stat(follow_symlinks=False)
                            yield file.name, (found.st_mtime_ns, found.st_size, found.st_ino)
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorkbenchError(
                "{path}: the queue cannot be read ({reason}).",
                path=self.path,
                reason=reason_of(error),
            ) from None

    def _look(self, name: str, seen: tuple[int, int, int]) -> _Known | None:
        try:
            return _Known(seen, read_entry(self.path / name), None)
        except FileNotFoundError:
            return None  # removed meanwhile
        except WorkbenchError as problem:
            return _Known(seen, None, problem)

    def find(self, id: str) -> Entry:
        """Return the entry ``id``. Raises :class:`WorkbenchError` where it is not there or cannot
        be read."""
        return _as_it_is(self.path, self._written(id))

    def _written(self, id: str) -> Entry:
        path = self._file(id)
        try:
            return read_entry(path)
        except FileNotFoundError:
            raise _unknown(id) from None

    def _file(self, id: str) -> Path:
        if not _NAME.fullmatch(f"{id}.json"):
            raise _unknown(id)
        return self.path / f"{id}.json"

    # --- changing ----------------------------------------------------------------------

    def add(self, entries: Iterable[Entry], first: bool = False) -> list[Entry]:
        """Add ``entries``, made by :func:`~workbench.library.queue_entry.new_entry`, at the end or
        with ``first`` before all others, and return them with their ids."""
        added = list(entries)
        with self._changing():
            numbers = self._numbers()
            if len(numbers) + len(added) > MOST_ENTRIES:
                raise WorkbenchError(
                    "The queue holds {most} entries at most; remove some that have ended.",
                    most=MOST_ENTRIES,
                )
            number = max(*numbers, self._last_number(), 0)
            orders = [entry.order for entry in self.read()[0]]
            order = min(orders, default=0.0) - len(added) if first else max(orders, default=0.0) + 1
            now = datetime.now(UTC).isoformat(timespec="seconds")
            fresh = [
                replace(entry, id=str(number + place), order=float(order + place - 1), created=now)
                for place, entry in enumerate(added, 1)
            ]
            texts = [entry_text(entry) for entry in fresh]  # all are checked before one is written
            try:
                atomic.write_texts(dict(zip(map(self._of, fresh), texts, strict=True)))
            except OSError:
                for entry in fresh:  # all or none
                    with suppress(OSError):
                        self._of(entry).unlink(missing_ok=True)
                raise
        return fresh

    def move(self, ids: Sequence[str], before: str | None = None) -> None:
        """Move entries, in the order of ``ids``, right before the entry ``before``; to the end
        where it is ``None``."""
        with self._changing():
            moved = [self._written(id) for id in dict.fromkeys(ids)]
            gone = {entry.id for entry in moved}
            others = [entry for entry in self.read()[0] if entry.id not in gone]
            place = len(others)
            if before is not None:
                place = next((n for n, e in enumerate(others) if e.id == before), -1)
                if place < 0:
                    raise _unknown(before)
            orders = _between(
                others[place - 1].order if place else None,
                others[place].order if place < len(others) else None,
                len(moved),
            )
            if orders is None:  # no more numbers in between
                everything = [*others[:place], *moved, *others[place:]]
                moved, orders = everything, [float(n) for n in range(1, len(everything) + 1)]
            fresh = [replace(e, order=o) for e, o in zip(moved, orders, strict=True)]
            atomic.write_texts({self._of(entry): entry_text(entry) for entry in fresh})

    def edit(self, id: str, **changes: Any) -> Entry:
        """Change fields of an entry that has not begun, and return it: ``experiment``, ``data``
        (plain values), ``preset``, ``title``, ``device``, ``threads``, ``keep_checkpoint`` or a
        label."""
        if others := changes.keys() & {"id", "order", "created", "state", "run", "format"}:
            raise ValueError(f"not to be edited: {sorted(others)}")
        with self._changing():
            entry = self._written(id)
            if entry.has_begun:
                raise WorkbenchError(
                    "Entry {id} of the queue has begun and cannot be edited; duplicate it and edit "
                    "the copy.",
                    id=id,
                )
            if entry.sweep:
                raise WorkbenchError(
                    "Entry {id} of the queue is a point of the sweep {sweep} and cannot be edited; "
                    "duplicate it and edit the copy.",
                    id=id,
                    sweep=entry.sweep,
                )
            entry = replace(entry, **changes)
            experiment_from(entry.experiment)
            return self._write(entry)

    def duplicate(self, id: str) -> Entry:
        """Add the same experiment once more at the end of the queue, and return the new entry. The
        copy of a sweep's point is no part of the sweep."""
        entry = with_reason(self.find(id), "waiting")
        return self.add([replace(entry, run=None, sweep=None, point=None, seed=None)])[0]

    def remove(self, ids: Iterable[str]) -> None:
        """Take entries off the queue; their runs stay in the library. One that cannot be read is
        removed as well; one that runs is refused."""
        with self._changing():
            wanted = list(dict.fromkeys(ids))
            for id in wanted:
                if not os.path.lexists(self._file(id)):
                    raise _unknown(id)
                if is_held(self._lock(id)):
                    raise WorkbenchError(
                        "Entry {id} of the queue is running; stop its run first.", id=id
                    )
            # Its number is never given again: another process may just wait for its lock.
            last = {"format": 1, "last": max(*self._numbers(), self._last_number(), 0)}
            atomic.write_text(self.path / _LAST, json.dumps(last))
            for id in wanted:
                atomic.delete(self._file(id))
                with suppress(OSError):
                    self._lock(id).unlink(missing_ok=True)

    def again(self, ids: Iterable[str]) -> list[Entry]:
        """Have entries that have ended wait again, and return them: one whose run can be resumed
        resumes it, any other gets a new run."""
        with self._changing():
            ended = [self.find(id) for id in dict.fromkeys(ids)]
            for entry in ended:
                if entry.state not in ENDED:
                    raise WorkbenchError(
                        "Entry {id} of the queue has not ended; it runs without being asked again.",
                        id=entry.id,
                    )
            fresh = [
                replace(
                    with_reason(entry, "waiting"),
                    run=entry.run if self._can_resume(entry) else None,
                )
                for entry in ended
            ]
            atomic.write_texts({self._of(entry): entry_text(entry) for entry in fresh})
            return fresh

    def _can_resume(self, entry: Entry) -> bool:
        if entry.state == "finished" or entry.run is None:
            return False
        return has_checkpoint(self.library / entry.run)

    # --- running -----------------------------------------------------------------------

    def claim(self) -> Claim | None:
        """Take the first entry that is to be run and that nobody runs; ``None`` where there is
        none. It is the caller's until :meth:`Claim.release`, or until this process dies."""
        for entry in self.entries():
            if entry.state in TO_DO and (claim := self._claim(entry.id)):
                return claim
        return None

    def _claim(self, id: str) -> Claim | None:
        try:
            lock = lock_file(self._lock(id), timeout=0.05)
            # Somebody who only looks whether it runs holds it for microseconds.
            lock.acquire(poll_interval=0.005)
        except Timeout:
            return None
        except OSError as error:
            raise self._cannot_be_written(error) from None
        try:
            with self._changing():
                entry = self._written(id)
                # Another process may have run it between the look and the lock.
                if entry.state in ("waiting", "running"):
                    return Claim(self, self._write(with_reason(entry, "running")), lock)
        except WorkbenchError:
            if os.path.lexists(self._file(id)):
                lock.release()
                raise
            with suppress(OSError):
                self._lock(id).unlink(missing_ok=True)  # removed meanwhile
        except BaseException:
            lock.release()
            raise
        lock.release()
        return None

    def ask(self, asked: Asked) -> None:
        """Ask everybody who runs this queue to go on, to start no more entries, or to stop and
        keep the running ones."""
        with self._changing():
            content = {"format": 1, "asked": asked}
            atomic.write_text(self.path / _ASKED, json.dumps(content))

    @property
    def asked(self) -> Asked:
        """Return what was asked for last; ``"run"`` where that cannot be read."""
        asked = self._value(_ASKED, "asked")
        return asked if asked in ("pause", "stop") else "run"

    # --- files -------------------------------------------------------------------------

    def _numbers(self) -> list[int]:
        return [int(name[:-5]) for name, _ in self._files()]

    def _last_number(self) -> int:
        last = self._value(_LAST, "last")
        return last if type(last) is int and 0 <= last < 10**9 - MOST_ENTRIES else 0

    def _value(self, file: str, name: str) -> Any:
        try:
            content = json.loads(read_bytes(self.path / file, 10_000))
        except (OSError, ValueError, RecursionError):
            return None
        return content.get(name) if isinstance(content, dict) else None

    def _lock(self, id: str) -> Path:
        return self.path / f"{id}.lock"

    def _of(self, entry: Entry) -> Path:
        return self._file(entry.id)

    def _write(self, entry: Entry) -> Entry:
        atomic.write_text(self._of(entry), entry_text(entry))
        return entry

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other changes out; what the disk says becomes one sentence."""
        try:
            self.library.mkdir(parents=True, exist_ok=True)
            own_folder(self.path)
            with lock_file(self.path / ".lock", LOCK_SECONDS).acquire(poll_interval=0.005):
                yield
        except Timeout:
            raise WorkbenchError(
                "{path}: another process is writing to the queue; try again.", path=self.path
            ) from None
        except OSError as error:
            raise self._cannot_be_written(error) from None

    def _cannot_be_written(self, error: OSError) -> WorkbenchError:
        return WorkbenchError(
            "{path}: the queue cannot be written ({reason}).",
            path=error.filename or self.path,
            reason=reason_of(error),
        )


class Claim:
    """An entry that this process runs, for the thread that claimed it."""

    def __init__(self, queue: Queue, entry: Entry, lock: FileLock) -> None:
        self.entry = entry
        self._queue = queue
        self._lock = lock

    def set_run(self, run: str | None) -> None:
        """Keep the id of its run: before the run's folder is made, so that no kill in between
        leaves a run that belongs to no entry."""
        self._change(lambda entry: replace(entry, run=run))

    def set_state(
        self,
        state: Literal["waiting", "finished", "failed", "stopped"],
        reason: Message | None = None,
    ) -> None:
        """Keep how it ended, and why it failed; ``waiting`` where it is to be resumed."""
        self._change(lambda entry: with_reason(entry, state, reason))

    def _change(self, change: Callable[[Entry], Entry]) -> None:
        with self._queue._changing():
            # Read again: somebody may have moved it.
            self.entry = self._queue._write(change(self._queue._written(self.entry.id)))

    def release(self) -> None:
        """Give it back. May be called again."""
        self._lock.release()


def _as_it_is(folder: Path, entry: Entry) -> Entry:
    """The state of an entry goes by its lock, as that of a run does."""
    if entry.state != "running" or is_held(folder / f"{entry.id}.lock"):
        return entry
    try:
        again = read_entry(folder / f"{entry.id}.json")  # it may have ended between the two looks
    except (OSError, WorkbenchError):
        return entry
    return again if again.state != "running" else replace(again, state="interrupted")


def _between(low: float | None, high: float | None, count: int) -> list[float] | None:
    """``count`` ascending numbers between the two; ``None`` where floats have none left."""
    if low is None:
        low = (high if high is not None else 1.0) - count - 1
    if high is None:
        high = low + count + 1
    step = (high - low) / (count + 1)
    numbers = [low + step * place for place in range(1, count + 1)]
    distinct = all(a < b for a, b in zip([low, *numbers], [*numbers, high], strict=True))
    return numbers if distinct and abs(low) < 1e11 and abs(high) < 1e11 else None


def _unknown(id: str) -> WorkbenchError:
    return WorkbenchError(
        "{id}: there is no such entry in the queue; `cifar-workbench queue list` shows them.", id=id
    )
