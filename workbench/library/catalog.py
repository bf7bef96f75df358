"""The library: a folder of run folders. Opens without torch."""

from __future__ import annotations

import math
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import Timeout

from workbench import paths
from workbench.library.labels import FILE as LABELS_FILE
from workbench.library.labels import Change, clean_name
from workbench.library.run_folder import (
    CHECKPOINT,
    History,
    RunRecord,
    RunWriter,
    is_locked,
    keep_run,
    label_run,
    new_run_name,
    read_record,
    read_run,
)
from workbench.library.trash import FOLDER as TRASH
from workbench.library.trash import trash_entries
from workbench.messages import WorkbenchError

_Seen = tuple[int, ...]


class Library:
    """All runs under ``path``. The folders are the truth; what is remembered here only spares
    reading a ``run.json`` again that has not changed.

    :meth:`read` is for one thread; the other methods may be called from any.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or paths.library()).absolute()
        self.unread = 0
        """Runs that the last :meth:`read` left for the next one."""
        self._known: dict[str, _Entry] = {}

    def runs(self) -> list[RunRecord]:
        """Every run that can be read, newest first."""
        return self.read()[0]

    def read(self, seconds: float = math.inf) -> tuple[list[RunRecord], list[WorkbenchError]]:
        """Every run that can be read, newest first, and the reasons for those that cannot.

        A run that has not changed since the last call is the same object again. After
        ``seconds`` no further new run is opened (one always is): the youngest runs are
        there, ``unread`` says how many are not, and the next call goes on.
        """
        enough: float | None = None
        known: dict[str, _Entry] = {}
        unread = 0
        try:
            # The names start with the time.
            names = sorted(os.listdir(self.path), reverse=True)  # noqa: PTH208 (strings are quicker)
        except FileNotFoundError:
            names = []
        except OSError as error:
            self.unread, self._known = 0, {}
            return [], [
                WorkbenchError(
                    "{path}: the library cannot be read ({reason}).",
                    path=self.path,
                    reason=error.strerror,
                )
            ]
        for name in names:
            if name.startswith("."):
                continue
            # Looked at before the file is read: a change in between is found the next time.
            seen = _look(f"{self.path}/{name}")
            if seen is None:
                continue  # no run, or one that is being created or deleted this very moment
            before = self._known.get(name)
            if before and before.seen == seen and not _may_have_ended(before.run):
                known[name] = before
                continue
            if before is None:
                # Counted from the first new file, so that each call gets on however long the
                # looks at the others take.
                now = time.monotonic()
                enough = now + seconds if enough is None else enough
                if now > enough:
                    unread += 1
                    continue
            entry = _read(self.path / name, seen)
            if before and before.run == entry.run:
                entry = replace(entry, run=before.run)
            known[name] = entry
        self.unread, self._known = unread, known
        records = [entry.run for entry in known.values() if isinstance(entry.run, RunRecord)]
        problems = [entry.problem for entry in known.values() if entry.problem]
        records.sort(key=lambda record: (record.created, record.id), reverse=True)
        return records, problems

    def known(self) -> list[RunRecord]:
        """The runs as the last :meth:`read` found them, in no order."""
        return [entry.run for entry in self._known.values() if isinstance(entry.run, RunRecord)]

    def create(self, record: RunRecord, history: History | None = None) -> RunWriter:
        """A new run folder, written to through the returned writer. ``record.id`` is set from
        the time and the preset; ``history`` is that of the run that it continues.

        Raises :class:`WorkbenchError` where the library cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            folder = self._new_folder(new_run_name(record.preset))
            try:
                return RunWriter(folder, replace(record, id=folder.name), history)
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)  # half a folder is no run
                raise
        except OSError as error:
            raise WorkbenchError(
                "{path}: the library cannot be written ({reason}); choose another folder or free "
                "some space.",
                path=self.path,
                reason=error.strerror,
            ) from None

    def reopen(self, record: RunRecord, history: History) -> RunWriter:
        """The folder of a run that is resumed, cut back to its ``history``.

        Raises :class:`WorkbenchError` while another process trains it, and where it cannot be
        written.
        """
        try:
            return RunWriter(record.folder, record, history)
        except Timeout:
            raise WorkbenchError(
                "{name} is being trained already; stop it there first.", name=record.label
            ) from None
        except OSError as error:
            raise WorkbenchError(
                "{path}: cannot be written ({reason}).", path=record.folder, reason=error.strerror
            ) from None

    def _new_folder(self, name: str) -> Path:
        # Two runs in the same second, also from two processes: the folder is the arbiter.
        for number in range(1, 10_000):
            folder = self.path / (name if number == 1 else f"{name}_{number}")
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise WorkbenchError("{path}: has too many runs of this second.", path=self.path)

    def discard(self, writer: RunWriter) -> None:
        """Removes the folder of a cancelled run."""
        writer.close()
        shutil.rmtree(writer.folder, ignore_errors=True)

    def find(self, folder: Path) -> RunRecord:
        """The run in ``folder``. Raises :class:`WorkbenchError` where there is none."""
        if not (folder / "run.json").exists():
            raise WorkbenchError(
                "{path}: there is no such run; `cifar-workbench runs` lists them.", path=folder
            )
        return read_record(folder.absolute())

    def label(self, record: RunRecord, change: Change) -> RunRecord:
        """Edits a run's name, notes, tags or star; ``change`` takes the labels as they are on the
        disk to those wanted. Also while a process trains the run.

        Raises :class:`WorkbenchError` where it cannot be written.
        """
        return label_run(record.folder, change)

    def rename(self, record: RunRecord, name: str) -> RunRecord:
        """Names a run; an empty name takes the name away. Raises as :meth:`label`."""
        return self.label(record, lambda labels: replace(labels, name=clean_name(name)))

    def keep(self, record: RunRecord) -> RunRecord:
        """Marks an interrupted run as stopped; its checkpoint goes to the trash, and with it the
        way to resume the run.

        Raises :class:`WorkbenchError` while a process trains it, and where it cannot be written.
        """
        trash = self.path / TRASH
        with suppress(OSError):  # where there is none, the move says so
            trash.mkdir(exist_ok=True)
        return keep_run(record.folder, _free_place(trash, f"{record.folder.name}_{CHECKPOINT}"))

    def trash(self, record: RunRecord) -> str:
        """Moves a run into the library's folder ``.trash`` and returns its name there, which
        :meth:`restore` takes. Nothing is removed from there until somebody empties it.

        Raises :class:`WorkbenchError` while a process trains it, and where it cannot be moved.
        """
        if is_locked(record.folder):
            raise WorkbenchError(
                "{name} is being trained; delete it when it has ended.", name=record.label
            )
        trash = self.path / TRASH
        try:
            trash.mkdir(exist_ok=True)
            place = _free_place(trash, record.folder.name)
            record.folder.rename(place)
        except OSError as error:
            raise _cannot_be_moved(record.folder, error) from None
        return place.name

    def has_trash(self) -> bool:
        """Whether anything lies in the trash."""
        with suppress(OSError), os.scandir(self.path / TRASH) as entries:
            return next(entries, None) is not None
        return False

    def trashed(self) -> list[Path]:
        """What lies in the trash; nothing where it cannot be read."""
        with suppress(WorkbenchError):
            return trash_entries(self.path)
        return []

    def restore(self, name: str) -> RunRecord:
        """Moves a run out of the trash again; where a run of its id has come since, under a new
        id. Raises :class:`WorkbenchError` where it is not there or cannot be moved."""
        place = self.path / TRASH / name
        try:
            folder = _free_place(self.path, name)
            place.rename(folder)
        except OSError as error:
            raise _cannot_be_moved(place, error) from None
        return read_record(folder)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of a folder: its run, if it can be read, and what of it cannot."""

    seen: _Seen
    run: RunRecord | None
    problem: WorkbenchError | None


def _look(folder: str) -> _Seen | None:
    # Strings and os.stat: a large library has thousands of these a second.
    try:
        found = os.stat(f"{folder}/run.json")  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return (0,)  # there, and not for us: reading it says why
    # With the inode, as a file that is replaced within one tick of the clock has a new one.
    seen = (found.st_mtime_ns, found.st_size, found.st_ino)
    try:
        found = os.stat(f"{folder}/{LABELS_FILE}")  # noqa: PTH116
    except OSError:
        return seen
    return (*seen, found.st_mtime_ns, found.st_size, found.st_ino)


def _may_have_ended(run: RunRecord | None) -> bool:
    # Its process may be gone without a word in run.json.
    return run is not None and run.status == "running"


def _read(folder: Path, seen: _Seen) -> _Entry:
    try:
        return _Entry(seen, *read_run(folder))
    except WorkbenchError as error:
        return _Entry(seen, None, error)


def _free_place(parent: Path, name: str) -> Path:
    number, place = 1, parent / name
    while place.exists():
        number += 1
        place = parent / f"{name}_{number}"
    return place


def _cannot_be_moved(path: Path, error: OSError) -> WorkbenchError:
    return WorkbenchError("{path}: cannot be moved ({reason}).", path=path, reason=error.strerror)
