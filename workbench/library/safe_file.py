"""The files of a library, opened as somebody else's: only regular files, only below a size limit,
and never through a link.

Everything that reads or writes in a library goes through here. A FIFO does not hold the reader up,
a device is not read, and a link does not lead a writer out of the run's folder.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from workbench import atomic
from workbench.messages import Message

LARGEST_JSON = 4_000_000
"""In bytes: run.json with the names of a thousand classes takes 300,000."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Opening a FIFO for reading would wait for somebody who writes to it.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)

A_LINK = Message("it is a link")
NO_FILE = Message("it is not a regular file")
NO_FOLDER = Message("it is not a folder")


class UnsafeFile(OSError):
    """A file that is not opened. ``reason`` is part of a sentence: ``it is a link``."""

    def __init__(self, path: Path, reason: Message) -> None:
        super().__init__(errno.EINVAL, str(reason), str(path))
        self.reason = reason


class TooLargeFile(UnsafeFile):
    """A file that holds more than anything of its kind."""


def reason_of(error: Exception) -> object:
    """Return why a file could not be read or written, for the ``{reason}`` of a sentence."""
    if isinstance(error, UnsafeFile):
        return error.reason
    return getattr(error, "strerror", None) or Message("it is damaged")


def read_bytes(path: Path, limit: int, *, links: bool = False) -> bytes:
    """The content of the regular file ``path``; with ``links``, also of one that a link leads to.

    Raises ``OSError``: ``FileNotFoundError`` where there is none, :class:`UnsafeFile` where it is
    something else than a regular file, or holds more than ``limit`` bytes.
    """
    with _opened(path, os.O_RDONLY, "rb", links) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise _too_large(path, limit)
        content: bytes = file.read(limit + 1)
    if len(content) > limit:  # it grew meanwhile
        raise _too_large(path, limit)
    return content


def open_to_read(path: Path, limit: int) -> IO[bytes]:
    """The regular file ``path``, open for reading. Raises as :func:`read_bytes`."""
    file = _opened(path, os.O_RDONLY, "rb")
    if os.fstat(file.fileno()).st_size > limit:
        file.close()
        raise _too_large(path, limit)
    return file


def open_to_add(path: Path) -> IO[bytes]:
    """The regular file ``path`` of one name, open for adding to it; made where it is missing.

    Raises ``OSError``, :class:`UnsafeFile` where something else is in its place.
    """
    require_plain(path)
    try:
        shared = path.lstat().st_nlink > 1
    except FileNotFoundError:
        shared = False
    if shared:
        # A copy made by linking (of a backup) must stay as it is: from here on a file of our own.
        with _opened(path, os.O_RDONLY, "rb") as before, atomic.replacing(path) as own:
            while block := before.read(1 << 20):
                own.write(block)
    return _opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, "ab")


def _opened(path: Path, flags: int, mode: str, links: bool = False) -> IO[Any]:
    if not links and not _NO_LINK:
        require_plain(path)  # where the system cannot open without following (Windows)
    no_link = 0 if links else _NO_LINK
    try:
        descriptor = os.open(path, flags | no_link | _NO_WAIT | _BINARY, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsafeFile(path, A_LINK) from None
        if error.errno in (errno.ENXIO, errno.EISDIR, errno.EOPNOTSUPP):
            raise UnsafeFile(path, NO_FILE) from None  # a socket or FIFO; a folder
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnsafeFile(path, NO_FILE)
        return os.fdopen(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise


def _too_large(path: Path, limit: int) -> TooLargeFile:
    return TooLargeFile(
        path, Message("it holds more than {limit} MB", limit=max(1, limit // 1_000_000))
    )


def require_plain(path: Path) -> None:
    """Raise :class:`UnsafeFile` where ``path`` is there and is no regular file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise UnsafeFile(path, A_LINK if stat.S_ISLNK(mode) else NO_FILE)


def require_folder(path: Path) -> None:
    """Raise :class:`UnsafeFile` where ``path`` is a link or no folder, ``OSError`` where there is
    nothing."""
    mode = path.lstat().st_mode
    if not stat.S_ISDIR(mode):
        raise UnsafeFile(path, A_LINK if stat.S_ISLNK(mode) else NO_FOLDER)


def own_folder(path: Path) -> Path:
    """``path`` as a folder, made where it is missing. Raises ``OSError``, :class:`UnsafeFile` where
    it is a link, which would lead what is moved there to somewhere else."""
    path.mkdir(exist_ok=True)
    require_folder(path)
    return path


def lock_file(path: Path, timeout: float) -> FileLock:
    """The lock whose file is ``path``; a lock empties its file, which must be nobody else's.

    Raises ``OSError``, :class:`UnsafeFile` where something else is in its place.
    """
    require_plain(path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return FileLock(path, timeout=timeout)
    if found.st_nlink > 1 and found.st_size:
        raise UnsafeFile(path, NO_FILE)
    return FileLock(path, timeout=timeout)


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock whose file is ``path``."""
    try:
        path.lstat()
        lock = lock_file(path, 0.004)
        # Another look from elsewhere holds the lock for some microseconds, its owner for longer.
        lock.acquire(poll_interval=0.002)
    except Timeout:
        return True
    except OSError:
        return False  # none, no file, or a read-only library: nobody holds it
    lock.release()
    return False


# --- texts -----------------------------------------------------------------------------

_LONE = re.compile("[\ud800-\udfff]")
_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def clean_text(text: str) -> str:
    """``text`` with the replacement character for each lone surrogate, which no file, terminal or
    database takes."""
    return _LONE.sub("�", text)


def clean_path(text: str) -> str:
    """As :func:`clean_text`, but for what stands for the bytes of a file name (PEP 383)."""
    return _NO_BYTES.sub("�", text)


def cleaned(value: Any, clean: Callable[[str], str] = clean_text) -> Any:
    """A value of JSON with :func:`clean_text` of every text in it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): cleaned(item, clean) for key, item in value.items()}
    if isinstance(value, list):
        return [cleaned(item, clean) for item in value]
    return value


def escaped(text: str) -> str:
    """JSON whose lone surrogates are escaped, so that it can be encoded."""
    return _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
