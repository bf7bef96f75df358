"""Files that are either the old one or the new one, whenever the process dies; and moving and
deleting that waits for a moment where another program holds the file.

Windows refuses to replace, move or delete a file that a second window reads or a virus scanner
looks at. That lasts milliseconds, so it is tried again for :data:`PATIENCE_S`.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

PATIENCE_S = 1.0
"""Longest wait for another program to let go of a file."""
PAUSE_S = 0.02
MOST_WAITING = 32
"""Threads that wait for the disk at once."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a binary file; on leaving without an error it takes the place of ``path``.

    Temporary file in the same folder, flush, fsync, ``os.replace``; after an error the
    temporary file is removed and ``path`` is what it was. Raises ``OSError`` with the name of
    ``path``.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # What lies there may be a link to somewhere else: a new file, or none.
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _patiently(lambda: temporary.replace(path), path)
        _sync_folder(path.parent)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(path)  # the name that a person knows
        with suppress(OSError):
            delete(temporary)
        raise


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in UTF-8; a lone surrogate, which UTF-8 does not have, is
    written as JSON and Python spell it (``\\ud800``)."""
    with replacing(path) as file:
        file.write(text.encode("utf-8", errors="backslashreplace"))


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write many small files into one folder, each as :func:`write_text` does, in far less time:
    the disk is waited for by many threads, whose writes it takes together. After an error some may
    have been written. Raises ``OSError``."""
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in texts}
    try:
        for path, text in texts.items():
            temporary[path].unlink(missing_ok=True)
            with temporary[path].open("xb") as file:
                file.write(text.encode("utf-8", errors="backslashreplace"))
        with ThreadPoolExecutor(MOST_WAITING) as pool:
            list(pool.map(_sync_file, temporary.values()))
        for path, place in temporary.items():
            _patiently(partial(place.replace, path), path)
        for folder in {path.parent for path in texts}:
            _sync_folder(folder)
    except BaseException:
        for place in temporary.values():
            with suppress(OSError):
                place.unlink(missing_ok=True)
        raise


def move(path: Path, place: Path) -> None:
    """Rename a file or folder to ``place``, where nothing is yet. Raises ``OSError``."""
    _patiently(lambda: path.rename(place), path, place)


def replace(path: Path, place: Path) -> None:
    """Rename the file ``path`` to ``place``, in the place of what is there. Raises ``OSError``."""
    _patiently(lambda: path.replace(place), place)
    _sync_folder(place.parent)


def delete(path: Path) -> None:
    """Delete a file or a link, if it is there. Raises ``OSError``."""
    _patiently(lambda: path.unlink(missing_ok=True), path)


def delete_folder(folder: Path) -> None:
    """Delete a folder with all that is in it. Raises ``OSError``."""
    _patiently(lambda: shutil.rmtree(folder), folder)


def _patiently(action: Callable[[], object], *paths: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            action()
            return
        except PermissionError:
            # Where the folder itself may not be written, waiting does not help.
            if time.monotonic() > until or not all(os.access(p.parent, os.W_OK) for p in paths):
                raise
        time.sleep(PAUSE_S)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    # The rename itself must reach the disk; Windows cannot open folders and needs no such step.
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
