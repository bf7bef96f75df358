"""Standard output and standard error that cannot end a run: closed, full, or left by their
reader."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class Unbreakable:
    """A text stream that goes on when what it writes to fails: a run must not die with ``head``,
    an ssh connection, or a full disk that only its output goes to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._problem: OSError | None = None

    def write(self, text: str) -> int:
        if self._problem is None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._problem = error
        return len(text)

    def flush(self) -> None:
        if self._problem is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._problem = error

    def lost(self) -> OSError | None:
        """Return why part of the output was not written; ``None`` where all of it was, or where its
        reader left, as ``head`` does."""
        self.flush()
        return None if self._problem is None or _reader_left(self._problem) else self._problem

    def release(self) -> None:
        """Drop what could not be written: Python would try again when it ends, and complain."""
        self.flush()
        if self._problem is not None:
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _reader_left(error: OSError) -> bool:
    # EIO: the terminal was closed. Windows reports a pipe without a reader as EINVAL.
    gone = {errno.EPIPE, errno.EIO, errno.ECONNRESET, errno.ESHUTDOWN}
    return error.errno in (gone | {errno.EINVAL} if sys.platform == "win32" else gone)


@contextmanager
def unbreakable_streams() -> Iterator[Unbreakable]:
    """Make ``sys.stdout`` and ``sys.stderr`` unbreakable within the block, and yield the former.

    A character that the encoding of a stream lacks is written as an escape. Streams that were
    closed when the program started, or that a program without a console never had, are there and
    write nowhere.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    guarded = [Unbreakable(_stream_or_nowhere(stream)) for stream in before]
    sys.stdout, sys.stderr = (cast(TextIO, stream) for stream in guarded)
    try:
        yield guarded[0]
    finally:
        for stream in guarded:
            stream.release()
        sys.stdout, sys.stderr = before


def _stream_or_nowhere(stream: TextIO | None) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _open_closed() -> None:
    """Open the descriptors 0 to 2 where they are closed: else the next file that is opened, such
    as the losses of a run, would get the number, and what torch or Qt print would land in it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
