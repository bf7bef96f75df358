"""Downloads CIFAR-10. Opens without torch, so that the window can import it."""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.client
import re
import shutil
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from workbench import atomic, paths
from workbench.data.data_choice import BATCHES_FOLDER
from workbench.data.progress import DataProgress
from workbench.messages import Cancelled, WorkbenchError

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SIZE = 170_498_071
"""Bytes."""
MD5 = "c58f30108f718f92721af3b95e74349a"

ARCHIVE = "cifar-10-python.tar.gz"
BATCH_FILES = (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta")

_CHUNK = 1 << 16
_REPORT_EVERY = 1 / 30
"""Seconds."""


Progress = Callable[[DataProgress], None]
Stop = Callable[[], bool]


class _Cut(Exception):
    """The connection failed; another may go on where it stopped. ``str()`` says how."""


def download_cifar10(
    progress: Progress,
    stop: Stop,
    url: str = URL,
    target: Path | None = None,
    *,
    md5: str = MD5,
    size: int = SIZE,
    timeout: float = 5.0,
    attempts: int = 5,
    pause: float = 2.0,
) -> Path:
    """Download ``url`` into ``target`` (:func:`paths.data`) and unpack it there; return ``target``,
    which then holds ``cifar-10-batches-py``. Does nothing where it does already.

    ``progress`` hears the bytes, at most 30 times a second. ``stop`` is asked with every piece
    and at least every ``timeout`` seconds; it raises :class:`Cancelled`. What has arrived by
    then, or by a cut, stays in a ``.part`` file, and the next download goes on from there.
    The unpacked folder appears whole or not at all. Two downloads into one folder take turns.

    ``attempts`` connections in a row may bring nothing new, ``pause`` seconds apart; then, and
    where the server refuses, sends the download on to something that is no web address, sends more
    or fewer than ``size`` bytes, the checksum differs or the disk is full, raises
    :class:`WorkbenchError`.
    """
    target = target or paths.data()
    part = target / f"{ARCHIVE}.part"
    report = _Reporter(progress)
    try:
        target.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target / f".{ARCHIVE}.lock")
        while True:
            try:
                lock.acquire(timeout=0.1)
                break
            except Timeout:  # somebody else downloads: show how far that is
                _raise_if(stop)
                report(_size(part), size)
        try:
            if not _is_there(target / BATCHES_FOLDER):
                _receive(url, part, size, report, stop, timeout, attempts, pause)
                _check(part, md5, stop)
                _unpack(part, target, stop)
            atomic.delete(part)
        finally:
            lock.release()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise WorkbenchError(
                "{path}: the disk is full; free 360 MB and start the download again.", path=target
            ) from None
        raise WorkbenchError(
            "{path}: cannot be written ({reason}); check its permissions, or choose another "
            "folder with CIFAR_WORKBENCH_HOME.",
            path=error.filename or target,
            reason=error.strerror or error,
        ) from None
    return target


class _Reporter:
    """Passes on what a person can see, and the end."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or done >= total:
            self._next = now + _REPORT_EVERY
            self._progress(DataProgress(done, total, "bytes"))


def _raise_if(stop: Stop) -> None:
    if stop():
        raise Cancelled


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_there(folder: Path) -> bool:
    """Raise :class:`WorkbenchError` for a folder that lacks files: it may be the person's."""
    if not folder.exists():
        return False
    for name in BATCH_FILES:
        if not (folder / name).is_file():
            raise WorkbenchError(
                "{path}: is missing; delete the folder {folder} and download CIFAR-10 again.",
                path=folder / name,
                folder=folder,
            )
    return True


def _receive(
    url: str,
    part: Path,
    size: int,
    report: _Reporter,
    stop: Stop,
    timeout: float,
    attempts: int,
    pause: float,
) -> None:
    """Fill ``part``, connection after connection."""
    longest, failures = _size(part), 0
    while _size(part) != size:
        _raise_if(stop)
        try:
            _connect(url, part, size, report, stop, timeout)
            return
        except _Cut as cut:
            # A server without Range starts over each time: only what is new counts.
            failures = 0 if _size(part) > longest else failures + 1
            longest = max(longest, _size(part))
            if failures >= attempts:
                raise WorkbenchError(
                    "{url}: the download failed ({reason}); check the connection and start it "
                    "again; it continues where it stopped.",
                    url=url,
                    reason=cut,
                ) from None
        until = time.monotonic() + pause
        while time.monotonic() < until:
            _raise_if(stop)
            time.sleep(min(0.05, pause))


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """Follows a server to other web addresses, and to nothing else."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def http_error_302(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any
    ) -> Any:
        location = headers.get("Location", "")
        try:
            parts = urllib.parse.urlsplit(urllib.parse.urljoin(req.full_url, location))
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            (parts.hostname or "").encode("idna")
        except ValueError:  # a port that is no number, a bracket that does not close, a long name
            good = False
        if not good:
            fp.close()
            raise WorkbenchError(
                "{url}: the server sends the download on to {other}, which is no web address; "
                "try again later, or put {folder} into {place} yourself.",
                url=req.full_url,
                other=" ".join(location.split())[:200],
                folder=BATCHES_FOLDER,
                place=self._place,
            )
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _other_file(url: str, part: Path, sent: int, size: int) -> WorkbenchError:
    return WorkbenchError(
        "{url}: the server sends another file than the published one ({sent} bytes in place of "
        "{size}); try again later, or put {folder} into {place} yourself.",
        url=url,
        sent=f"{sent:,}",
        size=f"{size:,}",
        folder=BATCHES_FOLDER,
        place=part.parent,
    )


def _connect(
    url: str, part: Path, size: int, report: _Reporter, stop: Stop, timeout: float
) -> None:
    """One connection. Raises :class:`_Cut` where it ends early; an ``OSError`` is the disk's."""
    have = _size(part)
    request = urllib.request.Request(url)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.build_opener(_WebOnly(part.parent)).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # nothing is left to send; the checksum tells whether so
            return
        if error.code in (408, 429) or error.code >= 500:
            raise _Cut(error) from None
        raise WorkbenchError(
            "{url}: the server refuses the download ({reason}); try again later, or put "
            "{folder} into {place} yourself.",
            url=url,
            reason=" ".join(str(error).split()),  # urllib's are of several lines
            folder=BATCHES_FOLDER,
            place=part.parent,
        ) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _Cut(getattr(error, "reason", None) or error) from None
    with response:
        continues = response.status == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        if not continues:
            have = 0
        length = response.headers.get("Content-Length", "")
        if re.fullmatch(r"[0-9]{1,18}", length) and have + int(length) != size:
            raise _other_file(url, part, have + int(length), size)
        with part.open("ab" if continues else "wb") as file:
            while True:
                _raise_if(stop)
                try:
                    # read1: what has arrived, without waiting for a whole chunk
                    piece = response.read1(_CHUNK)
                except (OSError, ValueError, http.client.HTTPException) as error:
                    raise _Cut(error) from None
                if not piece:
                    break
                have += len(piece)
                if have > size:  # whatever length was promised
                    break
                file.write(piece)
                report(have, size)
    if have > size:
        atomic.delete(part)
        raise _other_file(url, part, have, size)
    if have < size:
        raise _Cut("the connection was cut")


def _check(part: Path, md5: str, stop: Stop) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with part.open("rb") as file:
        while piece := file.read(1 << 20):
            _raise_if(stop)
            digest.update(piece)
    if digest.hexdigest() != md5:
        atomic.delete(part)
        raise WorkbenchError(
            "{path}: is not the published file (its checksum differs) and was deleted; start "
            "the download again.",
            path=part,
        )


def _unpack(part: Path, target: Path, stop: Stop) -> None:
    """Whole or not at all: into a folder beside it, then one rename."""
    temporary = target / f".{BATCHES_FOLDER}.unpacking"
    if temporary.exists():  # of a process that was killed
        atomic.delete_folder(temporary)
    temporary.mkdir()
    try:
        with tarfile.open(part, "r:gz") as archive:
            wanted = {f"{BATCHES_FOLDER}/{name}": name for name in BATCH_FILES}
            for member in archive:
                # Only plain files of the known names, written under names of our own: nothing
                # in the archive can point elsewhere.
                if not member.isfile() or member.name not in wanted:
                    continue
                source = archive.extractfile(member)
                assert source is not None
                with source, (temporary / wanted.pop(member.name)).open("wb") as file:
                    _copy(source, file, stop)
        if wanted:
            raise tarfile.ReadError("files are missing")
        atomic.move(temporary, target / BATCHES_FOLDER)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        atomic.delete(part)
        raise WorkbenchError(
            "{path}: cannot be unpacked ({reason}) and was deleted; start the download again.",
            path=part,
            reason=error,
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy(source: IO[bytes], file: IO[bytes], stop: Stop) -> None:
    while piece := source.read(1 << 20):
        _raise_if(stop)
        file.write(piece)
