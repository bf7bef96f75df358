"""What an exporter gets to work with: sources, places for its files, progress and stop. Opens
without torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from workbench import atomic
from workbench.file_names import file_name
from workbench.library.run_folder import RunRecord
from workbench.messages import Cancelled, Message, WorkbenchError

Progress = Callable[[int, int], None]
"""``progress(done, total)``, often; of any unit."""


@dataclass(frozen=True)
class Source:
    """One thing to export: a run, a weight file, or both (the run that the weights are of)."""

    record: RunRecord | None
    weights: Path | None = None

    @property
    def name(self) -> str:
        """Return what sentences call it."""
        if self.record is not None:
            return self.record.label
        return self.weights.name if self.weights is not None else ""

    @property
    def file_stem(self) -> str:
        """A name for its file, unique among the runs of a library."""
        if self.record is not None:
            return file_name(self.record.id)
        return file_name(self.weights.stem if self.weights is not None else "weights")


class Stage:
    """Files that take their places all together, once every one of them was written and checked.

    Args:
        force: whether they may replace files that are there.
    """

    def __init__(self, force: bool) -> None:
        self._force = force
        self._files: dict[Path, Path] = {}
        self._made: list[Path] = []

    @property
    def files(self) -> tuple[Path, ...]:
        """Return where the files will be, or are."""
        return tuple(self._files)

    def file(self, path: Path) -> Path:
        """Return the place to write the file ``path`` to for now.

        Raises :class:`WorkbenchError` where something is in its place and may not be replaced.
        """
        if path in self._files:
            raise WorkbenchError(
                "{path}: would be written twice; rename one of the runs.", path=path
            )
        if os.path.lexists(path) and (not self._force or path.is_dir()):
            raise _in_its_place(path)
        missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        self._made = [*missing, *self._made]
        temporary = path.with_name(f".{path.stem[:80]}.{os.getpid()}.tmp{path.suffix}")
        with suppress(FileNotFoundError):
            temporary.unlink()
        self._files[path] = temporary
        return temporary

    def commit(self) -> None:
        """Put all files into their places. Raises ``OSError``."""
        for temporary in self._files.values():
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        for path, temporary in self._files.items():
            if not self._force and os.path.lexists(path):  # it came meanwhile
                raise _in_its_place(path)
            atomic.replace(temporary, path)

    def discard(self) -> None:
        """Remove what was written and is not in its place, with the folders made for it."""
        for temporary in self._files.values():
            with suppress(OSError):
                atomic.delete(temporary)
        for folder in self._made:
            with suppress(OSError):
                folder.rmdir()  # only where it is empty


def _in_its_place(path: Path) -> WorkbenchError:
    if path.is_dir():
        return WorkbenchError("{path}: is a folder; choose another name.", path=path)
    return WorkbenchError(
        "{path}: is there already; choose another name, or replace it with --force.", path=path
    )


@dataclass
class Job:
    """One export.

    Args:
        sources: what to export; one or more.
        target: the file, folder or store as it was asked for.
        stage: gives places for files.
        known: runs among which repeats with other seeds are looked for.
        images: the data set on whose test images a network is checked, as ``--dataset`` takes it;
            ``None`` for the one that it was trained on.
        progress: hears how far the export is.
        stop: is asked often, and makes the export end.
        said: sentences for whoever asked: what was checked, and with which result.
    """

    sources: Sequence[Source]
    target: str
    stage: Stage
    known: Sequence[RunRecord] = ()
    images: str | None = None
    progress: Progress = lambda done, total: None
    stop: Callable[[], bool] = lambda: False
    said: list[Message] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The target as a path."""
        return Path(self.target)

    @property
    def records(self) -> list[RunRecord]:
        """The runs among the sources."""
        return [source.record for source in self.sources if source.record is not None]

    def places(self, ending: str) -> list[tuple[Source, Path]]:
        """Each source with the file to write it to: the target, or a file in it where it is a
        folder or there are several sources.

        Raises :class:`WorkbenchError` where the target has another ending.
        """
        target = self.folder
        several = len(self.sources) > 1
        if several or target.is_dir() or self.target.endswith(("/", os.sep)):
            if several and target.suffix == ending and not target.is_dir():
                raise WorkbenchError(
                    "{path}: is one file for several runs; name a folder.", path=target
                )
            return [(source, target / f"{source.file_stem}{ending}") for source in self.sources]
        return [(self.sources[0], with_ending(target, ending))]

    def look(self) -> None:
        """Raise :class:`Cancelled` where the export is to end."""
        if self.stop():
            raise Cancelled


def with_ending(path: Path, ending: str) -> Path:
    """Return ``path`` with ``ending``, where it has none. Raises :class:`WorkbenchError` where it
    has another one."""
    if path.suffix.lower() == ending:
        return path
    if path.suffix:
        raise WorkbenchError(
            "{path}: a file of this format ends in {ending}.", path=path, ending=ending
        )
    return path.with_name(path.name + ending)
