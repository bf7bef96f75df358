"""The library: a folder of run folders. Opens without torch."""

from __future__ import annotations

import errno
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import Timeout

from workbench import atomic, paths
from workbench.collector import collector_set_aside
from workbench.library.index import RunIndex, Seen
from workbench.library.labels import FILE as LABELS_FILE
from workbench.library.labels import Change, clean_name
from workbench.library.run_files import require_own_folder
from workbench.library.run_folder import (
    History,
    RunRecord,
    RunWriter,
    is_locked,
    label_run,
    new_run_name,
    read_record,
    read_run,
)
from workbench.library.safe_file import own_folder, reason_of
from workbench.library.trash import FOLDER as TRASH
from workbench.library.trash import find_trashed, trash_entries
from workbench.messages import Message, WorkbenchError

_log = logging.getLogger("workbench")

FEW = 200
"""Runs up to which a library needs no index."""
LOOK_S = 0.01
"""Longest time for looking whether runs have changed that are not likely to have."""


class Library:
    """All runs under ``path``. The folders are the truth; what is remembered here, and for large
    libraries in an index beside them, only spares reading a run again that has not changed.

    Its methods may be called from any thread; :meth:`read` waits for another one that reads.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or paths.library()).absolute()
        self.unread = 0
        """Folders that the last :meth:`read` left for the next one."""
        self._known: dict[str, _Entry] = {}
        self._records: list[RunRecord] = []
        self._index = RunIndex(self.path)
        self._reading = threading.Lock()
        self._opening = True
        self._was_there = False
        self._unsaved: list[str] = []
        self._edited: set[str] = set()
        self._turn: list[str] = []
        self._names: list[str] = []
        self._pending: list[str] = []

    def runs(self) -> list[RunRecord]:
        """Every run that can be read, newest first."""
        return self.read()[0]

    def read(self, seconds: float = math.inf) -> tuple[list[RunRecord], list[WorkbenchError]]:
        """Every run that can be read, newest first, and the reasons for those that cannot.

        A run that has not changed since the last call is the same object again. After
        ``seconds`` no further new run is opened (one always is): the youngest runs are
        there, ``unread`` says how many folders are not, and the next call goes on. Of those that
        are known, runs that train and runs that were edited through this object are looked at
        each time, the others in turn for a few milliseconds.
        """
        with self._reading:
            return self._read(seconds)

    def _read(self, seconds: float) -> tuple[list[RunRecord], list[WorkbenchError]]:
        changed = False
        if not self.unread:
            try:
                # The names start with the time.
                self._names = sorted(os.listdir(self.path), reverse=True)  # noqa: PTH208 (quicker)
                self._was_there = True
            except FileNotFoundError:
                self._names = []
                if self._was_there:
                    self._known, self._records = {}, []
                    return [], [
                        WorkbenchError(
                            "{path}: the library's folder is missing; was it moved? The runs "
                            "are shown again when it is back.",
                            path=self.path,
                        )
                    ]
            except OSError as error:
                self._known, self._records = {}, []
                return [], [
                    WorkbenchError(
                        "{path}: the library cannot be read ({reason}).",
                        path=self.path,
                        reason=error.strerror,
                    )
                ]
            changed = self._forget(self._names)
            # Before the new ones are read, which need no second look.
            changed |= self._look_again(LOOK_S if seconds < math.inf else math.inf)
            known = self._known
            self._pending = [name for name in self._names if name not in known and name[0] != "."]
            self._pending.reverse()
        with collector_set_aside() if len(self._pending) > FEW else nullcontext():
            changed |= self._read_pending(seconds)
        # While there is more to read, those that came stand as they came: youngest first.
        if changed and not self.unread:
            self._records = [e.run for e in self._known.values() if e.run is not None]
            self._records.sort(key=lambda record: (record.created, record.id), reverse=True)
        return list(self._records), [e.problem for e in self._known.values() if e.problem]

    def _forget(self, names: list[str]) -> bool:
        gone = self._known.keys() - set(names)
        for name in gone:
            del self._known[name]
        return bool(gone)

    def _read_pending(self, seconds: float) -> bool:
        many, pending = len(self._names) > FEW, self._pending
        began: float | None = None
        changed = False
        while pending:
            # Looked at before the file is read: a change in between is found the next time.
            seen = _look(f"{self.path}/{pending[-1]}")
            # Counted from the first new file, so that each call gets on however long the
            # looks at the others take.
            now = time.monotonic()
            if began is not None and now - began > seconds:
                break
            name = pending.pop()
            if seen is None:
                continue  # no run, or one that is being created or deleted this very moment
            began = now if began is None else began
            run = self._index.find(name, seen) if many else None
            if run is not None:
                entry = _Entry(seen, run, None)
            else:
                entry = _read(self.path / name, seen)
                self._unsaved.append(name)
            self._known[name] = entry
            if entry.run is not None:
                self._records.append(entry.run)
            changed = True
        self.unread = len(pending)
        if many:
            self._save_index()
        return changed

    def _look_again(self, seconds: float) -> bool:
        """Looks at known runs, those first that are likely to have changed."""
        known = self._known
        first = [name for name, entry in known.items() if _may_have_ended(entry.run)]
        while self._edited:  # one by one: another thread may add to it
            name = self._edited.pop()
            if name in known:
                first.append(name)
        until = time.monotonic() + seconds
        changed = self._look_at(first, math.inf)
        if not self._turn or seconds == math.inf:
            self._turn = list(known)
        return self._look_at(self._turn, until) or changed

    def _look_at(self, names: list[str], until: float) -> bool:
        """Looks at runs from the end of the list, taking them off, until that time."""
        changed = False
        while names:
            name = names.pop()
            before = self._known.get(name)
            if before is None:
                continue
            seen = _look(f"{self.path}/{name}")
            if seen is None:
                del self._known[name]
                changed = True
            elif seen != before.seen or _has_ended(before.run):
                entry = _read(self.path / name, seen)
                if before.run == entry.run:
                    entry = replace(entry, run=before.run)
                changed |= entry.run is not before.run
                self._known[name] = entry
                self._unsaved.append(name)
            if time.monotonic() > until:
                break
        return changed

    def _save_index(self) -> None:
        if self._unsaved and (not self.unread or len(self._unsaved) > 200):
            entries = [e for name in self._unsaved if (e := self._known.get(name))]
            self._index.save((e.seen, e.run) for e in entries if e.run and _is_settled(e))
            self._unsaved = []
        if not self.unread and self._opening:
            self._opening = False
            self._index.keep_only(self._known)
        if not self.unread:
            self._index.close()

    def known(self) -> list[RunRecord]:
        """The runs as the last :meth:`read` found them, in no order."""
        return [entry.run for entry in list(self._known.values()) if entry.run is not None]

    def create(
        self,
        record: RunRecord,
        history: History | None = None,
        announce: Callable[[str], None] = lambda name: None,
    ) -> RunWriter:
        """A new run folder, written to through the returned writer. ``record.id`` is set from
        the time and the preset; ``history`` is that of the run that it continues. ``announce`` is
        told the name of the folder right before it is made.

        Raises :class:`WorkbenchError` where the library cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            folder = self._new_folder(new_run_name(record.preset), announce)
            try:
                return RunWriter(folder, replace(record, id=folder.name), history)
            except OSError:
                with suppress(OSError):
                    atomic.delete_folder(folder)  # half a folder is no run
                raise
        except OSError as error:
            raise WorkbenchError(
                "{path}: the library cannot be written ({reason}); choose another folder or free "
                "some space.",
                path=self.path,
                reason=reason_of(error),
            ) from None

    def reopen(self, record: RunRecord, history: History) -> RunWriter:
        """The folder of a run that is resumed, cut back to its ``history``.

        Raises :class:`WorkbenchError` while another process trains it, and where it cannot be
        written.
        """
        try:
            # Before the lock, whose file would make a folder that was deleted once more.
            if not record.folder.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            return RunWriter(record.folder, record, history)
        except Timeout:
            raise WorkbenchError(
                "{name} is already being trained; stop it there first.", name=record.label
            ) from None
        except OSError as error:
            raise WorkbenchError(
                "{path}: cannot be written ({reason}).",
                path=error.filename or record.folder,
                reason=reason_of(error),
            ) from None

    def _new_folder(self, name: str, announce: Callable[[str], None]) -> Path:
        # Two runs in the same second, also from two processes: the folder is the arbiter.
        for number in range(1, 10_000):
            folder = self.path / (name if number == 1 else f"{name}_{number}")
            if os.path.lexists(folder):
                continue
            announce(folder.name)
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise WorkbenchError("{path}: has too many runs started in this second.", path=self.path)

    def discard(self, writer: RunWriter) -> None:
        """Remove the folder of a cancelled run."""
        writer.close()
        with suppress(OSError):
            atomic.delete_folder(writer.folder)

    def label(self, record: RunRecord, change: Change) -> RunRecord:
        """Edit a run's name, notes, tags or star; ``change`` takes the labels as they are on the
        disk to those wanted. Also while a process trains the run.

        Raises :class:`WorkbenchError` where it cannot be written.
        """
        self._edited.add(record.folder.name)
        return label_run(record.folder, change)

    def rename(self, record: RunRecord, name: str) -> RunRecord:
        """Names a run; an empty name takes the name away. Raises as :meth:`label`."""
        return self.label(record, lambda labels: replace(labels, name=clean_name(name)))

    def look_at(self, record: RunRecord) -> None:
        """Has the next :meth:`read` look at this run, which is being edited."""
        self._edited.add(record.folder.name)

    def free_place_in_trash(self, name: str) -> Path:
        """Return where in the trash something can be moved to: ``name``, or with a number after it.

        Raises :class:`WorkbenchError` where there can be no trash of the library's own.
        """
        trash = self.path / TRASH
        try:
            return _free_place(own_folder(trash), name)
        except OSError as error:
            raise _cannot_be_moved(self.path / name, error) from None

    def trash(self, record: RunRecord) -> str:
        """Move a run into the library's folder ``.trash`` and return its name there, which
        :meth:`restore` takes. Nothing is removed from there until somebody empties it.

        Raises :class:`WorkbenchError` while a process trains it, where it lies elsewhere than in
        this library, and where it cannot be moved.
        """
        self.require_own(record)
        if is_locked(record.folder):
            raise WorkbenchError(
                "{name} is being trained; delete it when it has ended.", name=record.label
            )
        try:
            trash = own_folder(self.path / TRASH)
            place = _free_place(trash, record.folder.name)
            atomic.move(record.folder, place)
        except OSError as error:
            raise _cannot_be_moved(record.folder, error) from None
        return place.name

    def require_own(self, record: RunRecord) -> None:
        """Raise :class:`WorkbenchError` where the run lies elsewhere than in this library."""
        with suppress(OSError):
            if record.folder.parent.samefile(self.path):
                return
        raise WorkbenchError(
            "{path}: does not lie in the library {library}, and is not moved to its trash.",
            path=record.folder,
            library=self.path,
        )

    def has_trash(self) -> bool:
        """Return whether anything lies in the trash."""
        with suppress(OSError), os.scandir(self.path / TRASH) as entries:
            return next(entries, None) is not None
        return False

    def trashed(self) -> list[Path]:
        """Return what lies in the trash; nothing where it cannot be read."""
        with suppress(WorkbenchError):
            return trash_entries(self.path)
        return []

    def restore(self, name: str) -> RunRecord:
        """Move a run out of the trash again; where a run of its id has come since, under a new
        id. ``name`` is as :func:`find_trashed` takes it. Raises :class:`WorkbenchError` where it
        is not there, cannot be read or cannot be moved."""
        read_record(find_trashed(self.path, name))
        return read_record(self.put_back(name))

    def put_back(self, name: str) -> Path:
        """Move out of the trash as :meth:`restore` does, also a run that cannot be read, and return
        its folder."""
        place = find_trashed(self.path, name)
        try:
            folder = _free_place(self.path, place.name)
            atomic.move(place, folder)
        except OSError as error:
            raise _cannot_be_moved(place, error) from None
        return folder


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of a folder: its run, if it can be read, and what of it cannot."""

    seen: Seen
    run: RunRecord | None
    problem: WorkbenchError | None


def _look(folder: str) -> Seen | None:
    # Strings and os.lstat: a large library has thousands of these a second.
    try:
        found = os.lstat(f"{folder}/run.json")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return (0,)  # there, and not for us: reading it says why
    # With the inode, as a file that is replaced within one tick of the clock has a new one.
    seen = (found.st_mtime_ns, found.st_size, found.st_ino)
    try:
        found = os.lstat(f"{folder}/{LABELS_FILE}")
    except OSError:
        return seen
    return (*seen, found.st_mtime_ns, found.st_size, found.st_ino)


def _is_settled(entry: _Entry) -> bool:
    # Whether a run is interrupted depends on its lock, not on its files alone.
    return (
        entry.run is not None
        and entry.problem is None
        and entry.run.status not in ("running", "interrupted")
    )


def _may_have_ended(run: RunRecord | None) -> bool:
    # Its process may be gone without a word in run.json.
    return run is not None and run.status == "running"


def _has_ended(run: RunRecord | None) -> bool:
    return run is not None and run.status == "running" and not is_locked(run.folder)


def _read(folder: Path, seen: Seen) -> _Entry:
    try:
        require_own_folder(folder)
        return _Entry(seen, *read_run(folder))
    except WorkbenchError as error:
        return _Entry(seen, None, error)
    except Exception:
        # One run, whatever is wrong with it, does not keep the others from being shown.
        _log.exception("%s could not be read", folder)
        problem = WorkbenchError(
            "{path}: this run cannot be read ({reason}).",
            path=folder,
            reason=Message("it is damaged"),
        )
        return _Entry(seen, None, problem)


def _free_place(parent: Path, name: str) -> Path:
    number, place = 1, parent / name
    while os.path.lexists(place):
        number += 1
        place = parent / f"{name}_{number}"
    return place


def _cannot_be_moved(path: Path, error: OSError) -> WorkbenchError:
    return WorkbenchError("{path}: cannot be moved ({reason}).", path=path, reason=reason_of(error))
