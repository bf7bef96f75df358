"""The library's trash: what is in the folder ``.trash``, its size, and emptying it.

Only what lies in ``.trash`` is ever deleted. A link in it is deleted itself, never what it leads
to, and a ``.trash`` that is a link is not emptied at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench import atomic
from workbench.messages import WorkbenchError
from workbench.plain_text import shortened

FOLDER = ".trash"


@dataclass(frozen=True)
class Trashed:
    """Something in the trash, and how much space it takes on the disk."""

    path: Path
    bytes: int


def trash_entries(library: Path) -> list[Path]:
    """Return what lies in the trash of ``library``, by name.

    Raises :class:`WorkbenchError` where the trash is a link or cannot be read.
    """
    folder = library / FOLDER
    if folder.is_symlink():
        raise WorkbenchError(
            "{path}: is a link to another folder, and nothing there is deleted; remove the link.",
            path=folder,
        )
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}).", path=folder, reason=error.strerror
        ) from None


def find_trashed(library: Path, which: str) -> Path:
    """The run in the trash of ``library`` that ``which`` names: by its name there, or by exactly
    the path of that.

    Raises :class:`WorkbenchError` for everything else, links and what is no run among it.
    """
    for entry in trash_entries(library):
        if which in (entry.name, str(entry)):
            if not entry.is_symlink() and entry.is_dir() and (entry / "run.json").is_file():
                return entry
            raise WorkbenchError("{path}: is not a run, and is not brought back.", path=entry)
    raise WorkbenchError(
        "{name}: there is no such run in the trash; `cifar-workbench runs trash` lists what is "
        "there.",
        name=shortened(which, 200),
    )


def read_trash(library: Path) -> list[Trashed]:
    """Return what lies in the trash, with sizes. Raises as :func:`trash_entries`."""
    return [Trashed(path, bytes_of(path)) for path in trash_entries(library)]


def bytes_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count themselves."""
    total = 0
    for place in (path, *_below(path)):
        with suppress(OSError):
            found = place.lstat()
            total += found.st_size
    return total


def _below(path: Path) -> Iterator[Path]:
    if path.is_symlink():
        return
    for folder, names, files in os.walk(path):
        for name in (*names, *files):
            yield Path(folder) / name


def delete_entry(path: Path) -> None:
    """Delete one entry of the trash for good. Raises :class:`WorkbenchError`."""
    try:
        if path.is_symlink() or not path.is_dir():
            atomic.delete(path)
        else:
            atomic.delete_folder(path)
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be deleted ({reason}).", path=path, reason=error.strerror
        ) from None


def empty_trash(library: Path) -> list[WorkbenchError]:
    """Delete what lies in the trash for good; the reasons for what could not be. Raises as
    :func:`trash_entries`."""
    problems = []
    for path in trash_entries(library):
        try:
            delete_entry(path)
        except WorkbenchError as error:
            problems.append(error)
    return problems
