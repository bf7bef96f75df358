"""The sweeps of a library: what each runs, one YAML file each in the folder ``.sweeps``.

The runs say what became of it (``RunRecord.sweep`` and ``point``); the file holds nothing that they
know. It is replaced as a whole, checked before it is used, and written only where it can be read
again. Opens without torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from filelock import Timeout

from workbench import atomic
from workbench.library.run_writer import file_label, now_utc
from workbench.library.safe_file import lock_file, own_folder, read_bytes, reason_of
from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.spec.plain_yaml import LARGEST_FILE
from workbench.spec.sweep import Sweep
from workbench.spec.sweep_file import SweepFile, parse_sweep, sweep_text

FOLDER = ".sweeps"
ENDING = ".yaml"
LOCK_SECONDS = 10.0
"""Longest wait for another process that adds the next runs of a sweep."""


@dataclass(frozen=True)
class StoredSweep:
    """A sweep of a library; ``id`` is the name of its file without the ending."""

    id: str
    file: SweepFile

    @property
    def sweep(self) -> Sweep:
        return self.file.sweep

    @property
    def label(self) -> str:
        """Return what it is called: its title, else its id."""
        return self.sweep.title or self.id


_Seen = tuple[int, int, int]


class SweepStore:
    """The sweeps of the library in the folder ``library``. An object is for one thread."""

    def __init__(self, library: Path) -> None:
        self.path = library.absolute() / FOLDER
        self._known: dict[str, tuple[_Seen, StoredSweep | WorkbenchError]] = {}

    def read(self) -> tuple[list[StoredSweep], list[WorkbenchError]]:
        """Return the sweeps, newest first, and why others cannot be read. One whose file has not
        changed since the last call is the same object again."""
        known: dict[str, tuple[_Seen, StoredSweep | WorkbenchError]] = {}
        for name, seen in self._files():
            before = self._known.get(name)
            if before is not None and before[0] == seen:
                known[name] = before
                continue
            with suppress(FileNotFoundError):  # removed meanwhile
                known[name] = seen, self._look(name)
        self._known = known
        found = [each for _, each in known.values() if isinstance(each, StoredSweep)]
        found.sort(key=lambda each: (each.file.created, each.id), reverse=True)
        return found, [each for _, each in known.values() if isinstance(each, WorkbenchError)]

    def _files(self) -> Iterator[tuple[str, _Seen]]:
        try:
            with os.scandir(self.path) as files:
                for file in files:
                    if file.name.endswith(ENDING) and not file.name.startswith("."):
                        with suppress(FileNotFoundError):
                            found = file.stat(follow_symlinks=False)
                            yield file.name, (found.st_mtime_ns, found.st_size, found.st_ino)
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorkbenchError(
                "{path}: the sweeps cannot be read ({reason}).",
                path=self.path,
                reason=reason_of(error),
            ) from None

    def _look(self, name: str) -> StoredSweep | WorkbenchError:
        try:
            return self._read(name.removesuffix(ENDING))
        except WorkbenchError as problem:
            return problem

    def _read(self, id: str) -> StoredSweep:
        path = self.path / f"{id}{ENDING}"
        try:
            text = read_bytes(path, LARGEST_FILE).decode("utf-8")
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else Message("it is damaged")
            raise WorkbenchError(
                "{path}: this sweep cannot be read ({reason}).", path=path, reason=reason
            ) from None
        return StoredSweep(id, parse_sweep(path, text, many=True, checked=True))

    def find(self, name: str = "") -> StoredSweep:
        """Return the sweep with the id ``name``, or the only one whose id contains it; without a
        name the newest. Raises :class:`WorkbenchError` where there is none."""
        ids = sorted(file.removesuffix(ENDING) for file, _ in self._files())
        if not name:
            found, problems = self.read()
            if found:
                return found[0]
            if problems:
                raise problems[0]
            raise WorkbenchError(
                "There is no sweep yet; begin one: cifar-workbench sweep 007 --vary "
                "learning_rate=0.0001..0.1:log --trials 10."
            )
        alike = [id for id in ids if id == name] or [id for id in ids if name in id]
        if len(alike) > 1:
            raise WorkbenchError(
                "{name}: could be {ids}; write more of it.",
                name=shortened(name),
                ids=shortened(", ".join(alike), 200),
            )
        with suppress(FileNotFoundError):
            if alike:
                return self._read(alike[0])
        raise WorkbenchError(
            "{name}: there is no such sweep; `cifar-workbench sweep list` shows them.",
            name=shortened(name),
        )

    def add(self, file: SweepFile) -> StoredSweep:
        """Keep a new sweep, and return it with its id. Raises :class:`WorkbenchError` where the
        disk does not take it, or it is too long to be read again."""
        file = replace(file, created=now_utc())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            own_folder(self.path)
            with self._locked(""):
                name = f"sweep_{datetime.now():%Y-%m-%d_%H%M%S}_{file_label(file.sweep.preset)}"
                number, id = 1, name
                while os.path.lexists(self.path / f"{id}{ENDING}"):
                    number += 1
                    id = f"{name}_{number}"
                return self._write(id, file)
        except OSError as error:
            raise self._not_written(error) from None

    def set_stopped(self, id: str, stopped: bool) -> StoredSweep:
        """Keep whether more of the sweep is to be run, and return it. Raises
        :class:`WorkbenchError`."""
        try:
            with self._locked(""):
                return self._write(id, replace(self.find(id).file, stopped=stopped))
        except OSError as error:
            raise self._not_written(error) from None

    def _write(self, id: str, file: SweepFile) -> StoredSweep:
        path, text = self.path / f"{id}{ENDING}", sweep_text(file)
        if len(text.encode("utf-8", "backslashreplace")) > LARGEST_FILE:
            raise WorkbenchError("The sweep lists too many values to be kept; use ranges.")
        stored = StoredSweep(id, parse_sweep(path, text, many=True, checked=True))
        atomic.write_text(path, text)
        return stored

    def _not_written(self, error: OSError) -> WorkbenchError:
        return WorkbenchError(
            "{path}: the sweeps cannot be written ({reason}).",
            path=error.filename or self.path,
            reason=reason_of(error),
        )

    @contextmanager
    def holding(self, id: str) -> Iterator[None]:
        """Keep other processes from adding runs of the sweep ``id`` meanwhile."""
        try:
            with self._locked(f"{id}"):
                yield
        except OSError as error:
            raise self._not_written(error) from None

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        try:
            with lock_file(self.path / f".{name}.lock", LOCK_SECONDS).acquire(poll_interval=0.01):
                yield
        except Timeout:
            raise WorkbenchError(
                "{path}: another process is writing to the sweeps; try again.", path=self.path
            ) from None
