"""Shares: run folders of another library in one ``.zip``, checked and brought into this one.

====================  =====================================================================
``share.json``        what it is: ``kind``, ``format``, ``program``, ``runs``
``MODEL_CARD.md``     for whoever opens the archive; not brought in
``<run>/<file>``      the files of a run folder, as :mod:`workbench.library.run_folder` has them
====================  =====================================================================

An archive from outside is nobody's until it was looked through: only these names, each once, no
folder above or beside, no link, no more bytes than it declares and than a run may have. Every file
is read by its own reader before any run is in the library; nothing of it is unpickled.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import atomic
from workbench.file_names import file_name
from workbench.library.check import check_run
from workbench.library.histogram_file import HISTOGRAMS, read_histograms
from workbench.library.histogram_file import LARGEST as LARGEST_HISTOGRAMS
from workbench.library.labels import FILE as LABELS_FILE
from workbench.library.labels import read_labels
from workbench.library.run_files import (
    CHECKPOINT,
    LARGEST_LOG,
    LARGEST_LOSSES,
    LARGEST_TABLE,
    LARGEST_TEST,
    read_epochs,
    read_log,
    read_losses,
    read_record,
    read_test,
)
from workbench.library.run_record import RunRecord, is_plain_name, parse_json
from workbench.library.safe_file import LARGEST_JSON, open_to_read, own_folder, reason_of
from workbench.library.stored_test import LARGEST as LARGEST_LOGITS
from workbench.library.stored_test import read_stored_test
from workbench.messages import Cancelled, Message, WorkbenchError

KIND = "cifar-workbench share"
FORMAT = 1
ABOUT = "share.json"
CARD = "MODEL_CARD.md"

LARGEST_SHARE = 4_000_000_000
"""In bytes, unpacked."""
LARGEST_WEIGHTS = 100_000_000
MOST_RUNS = 10_000
_MOST_SHRUNK = 200
"""So many times larger than the archive its content may be, beside 100 MB: curves shrink to a
tenth, and what shrinks to a thousandth is no run."""

_LIMITS = {
    "run.json": LARGEST_JSON,
    LABELS_FILE: LARGEST_JSON,
    "epochs.csv": LARGEST_TABLE,
    "losses.f32": LARGEST_LOSSES,
    "test.json": LARGEST_TEST,
    "test_logits.npz": LARGEST_LOGITS,
    "log.txt": LARGEST_LOG,
    HISTOGRAMS: LARGEST_HISTOGRAMS,
    CHECKPOINT: 4 * LARGEST_WEIGHTS,
}
SHARED_FILES = tuple(_LIMITS)
"""Files of a run that are shared, beside its weights."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Imported:
    """What an import brought in, and the names of runs that were there already."""

    runs: tuple[RunRecord, ...]
    known: tuple[str, ...]


class Share:
    """An opened archive, whose names and sizes were looked through."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        self._runs: dict[str, dict[str, zipfile.ZipInfo]] = {}
        self.size = 0
        """Bytes of all files of runs, unpacked."""
        self._look_through()

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the runs."""
        return tuple(self._runs)

    def check(self) -> None:
        """Raise :class:`WorkbenchError` where a file in it is damaged."""
        with _damage(self._path):
            if self._archive.testzip() is not None:
                raise _damaged(self._path)

    def unpack(
        self, run: str, folder: Path, progress: Callable[[int], None], stop: Callable[[], bool]
    ) -> None:
        """Write the files of ``run`` into ``folder``. ``progress`` hears of bytes.

        Raises :class:`WorkbenchError`, ``OSError``, and :class:`Cancelled` where ``stop`` says so.
        """
        for name, member in self._runs[run].items():
            with (folder / name).open("xb") as file, _damage(self._path):
                content = self._archive.open(member)
                # zipfile gives no more than the declared size, and compares the checksum.
                while block := content.read(1 << 20):
                    if stop():
                        raise Cancelled
                    file.write(block)
                    progress(len(block))

    def _look_through(self) -> None:
        with _damage(self._path):
            members = self._archive.infolist()
        names = [member.filename for member in members]
        if len({name.casefold() for name in names}) < len(names):
            raise _refused(self._path, Message("two of its files have the same name"))
        archive_size = self._path.stat().st_size
        for member in members:
            name = member.filename
            if name in (ABOUT, CARD) or name.startswith("__MACOSX/"):
                continue
            run, _, file = name.rstrip("/").partition("/")
            if not _is_run_name(run) or not (file or name.endswith("/")):
                raise _refused(self._path, Message("{name} is no file of a run", name=name[:100]))
            if name.endswith("/"):
                continue
            limit = _LIMITS.get(file, LARGEST_WEIGHTS if _is_weights(file) else None)
            if limit is None or stat.S_ISLNK(member.external_attr >> 16):
                raise _refused(self._path, Message("{name} is no file of a run", name=name[:100]))
            if member.flag_bits & 1 or member.compress_type not in (
                zipfile.ZIP_STORED,
                zipfile.ZIP_DEFLATED,
            ):
                raise _refused(self._path, Message("it is encrypted or packed in another way"))
            self.size += member.file_size
            if member.file_size > limit or self.size > LARGEST_SHARE:
                raise _refused(self._path, Message("it holds more than runs can have"))
            self._runs.setdefault(run, {})[file] = member
        if self.size > 100_000_000 + _MOST_SHRUNK * archive_size:
            raise _refused(self._path, Message("it holds more than runs can have"))
        if not self._runs or len(self._runs) > MOST_RUNS:
            raise _refused(self._path, Message("it holds no runs"))
        for run, files in self._runs.items():
            if "run.json" not in files:
                raise _refused(self._path, Message("{name} has no run.json", name=run))
        self._require_known_format()

    def _require_known_format(self) -> None:
        about: Any = {}
        with _damage(self._path):
            if ABOUT in self._archive.namelist():
                member = self._archive.getinfo(ABOUT)
                if member.file_size > LARGEST_JSON:
                    raise _damaged(self._path)
                try:
                    about = parse_json(self._archive.read(member))
                except (ValueError, RecursionError):
                    raise _damaged(self._path) from None
        number = about.get("format") if isinstance(about, dict) else None
        if not isinstance(about, dict) or about.get("kind") != KIND or type(number) is not int:
            raise _refused(self._path, Message("it was not exported by this program"))
        if number > FORMAT:
            raise WorkbenchError(
                "{path}: was written by a newer version of the program; update the program to "
                "import it.",
                path=self._path,
            )


@contextmanager
def open_share(path: Path) -> Iterator[Share]:
    """Open the share at ``path`` and look through its names and sizes.

    Raises :class:`WorkbenchError` with one sentence for what is none.
    """
    try:
        file = open_to_read(path, LARGEST_SHARE)
    except FileNotFoundError:
        raise WorkbenchError("{path}: there is no such file.", path=path) from None
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}).", path=path, reason=reason_of(error)
        ) from None
    with file:
        try:
            archive = zipfile.ZipFile(file)
        except Exception:  # zipfile raises nearly anything
            raise _refused(path, Message("it is no .zip, or damaged")) from None
        with archive:
            yield Share(path, archive)


def import_share(
    path: Path,
    library: Path,
    progress: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Imported:
    """Bring the runs of the share at ``path`` into ``library``; all of them, or none.

    A run whose name is taken gets a number after it; one that is there already is left out. What
    is in the library is never changed. Raises :class:`WorkbenchError` with one sentence, and
    :class:`Cancelled` where ``stop`` says so.
    """
    places: list[Path] = []
    try:
        library.mkdir(parents=True, exist_ok=True)
        with open_share(path) as share:
            if shutil.disk_usage(library).free < share.size:
                raise WorkbenchError(
                    "{path}: needs {size} MB, more than is free at {library}; free some space.",
                    path=path,
                    size=f"{share.size / 1e6:,.0f}",
                    library=library,
                )
            done = 0

            def more(count: int) -> None:
                nonlocal done
                done += count
                progress(done, share.size)

            for number, run in enumerate(share.runs):
                # Hidden: no reader of the library looks at it.
                place = library / f".import-{os.getpid()}-{number}"
                if os.path.lexists(place):
                    atomic.delete_folder(own_folder(place))
                place.mkdir()
                places.append(place)
                share.unpack(run, place, more, stop)
                _require_readable(path, run, place)
                _require_whole(path, run, place)
                if stop():
                    raise Cancelled
            return _put_in_place(share.runs, places, library)
    except OSError as error:
        raise WorkbenchError(
            "{path}: the library cannot be written ({reason}); choose another folder or free "
            "some space.",
            path=library,
            reason=reason_of(error),
        ) from None
    finally:
        for place in places:
            with suppress(OSError):
                if place.is_dir():
                    atomic.delete_folder(place)


def _put_in_place(runs: Sequence[str], places: Sequence[Path], library: Path) -> Imported:
    brought, known = [], []
    for run, place in zip(runs, places, strict=True):
        number, target = 1, library / run
        while os.path.lexists(target):
            if _same_run(place, target):
                known.append(target.name)
                break
            number += 1
            target = library / f"{run}_{number}"
        else:
            atomic.move(place, target)
            brought.append(read_record(target))
    return Imported(tuple(brought), tuple(known))


def _same_run(one: Path, other: Path) -> bool:
    """Tell whether two folders hold the same run: begun in the same second, with the same losses
    and weights of the same name."""
    try:
        a, b = read_record(one), read_record(other)
        if (a.created, a.experiment, a.status, a.weights) != (
            *(b.created, b.experiment, b.status, b.weights),
        ):
            return False
        return read_losses(one).tobytes() == read_losses(other).tobytes()
    except WorkbenchError:
        return False


def _require_readable(path: Path, run: str, folder: Path) -> None:
    """Read every file of the run in ``folder`` by the reader that checks it."""
    from workbench.library.checkpoint import load_checkpoint  # torch takes a second to import
    from workbench.library.weights import load_weights

    readers: dict[str, Callable[[], object]] = {
        "run.json": lambda: read_record(folder),
        LABELS_FILE: lambda: read_labels(folder),
        "epochs.csv": lambda: read_epochs(folder),
        "losses.f32": lambda: read_losses(folder),
        "test.json": lambda: read_test(folder),
        "log.txt": lambda: read_log(folder),
        HISTOGRAMS: lambda: read_histograms(folder),
        "test_logits.npz": lambda: read_stored_test(folder / "test_logits.npz"),
        CHECKPOINT: lambda: load_checkpoint(folder),
    }
    for file in sorted(folder.iterdir()):
        try:
            if file.name in readers:
                readers[file.name]()
            else:
                load_weights(file, own=True)
        except (WorkbenchError, OSError, ValueError):
            raise WorkbenchError(
                "{path}: {file} of the run {run} cannot be used, so nothing was imported; have it "
                "exported again.",
                path=path,
                file=file.name,
                run=run,
            ) from None


_TORN = ("losses_disagree", "half_loss", "epochs_disagree", "missing_weights", "damaged")
"""What the check of a library may not find in a run that is brought in."""


def _require_whole(path: Path, run: str, folder: Path) -> None:
    """Raise :class:`WorkbenchError` where the files of the run do not belong together."""
    for finding in check_run(folder):
        if finding.kind in _TORN:
            raise WorkbenchError(
                "{path}: {file} of the run {run} does not go with its other files, so nothing was "
                "imported; have it exported again.",
                path=path,
                file=finding.path.name,
                run=run,
            )


def _is_run_name(name: str) -> bool:
    return (
        is_plain_name(name) and name[0] != "." and len(name) <= 120 and file_name(name, 120) == name
    )


def _is_weights(name: str) -> bool:
    return is_plain_name(name) and name[0] != "." and name.endswith(".pkl") and len(name) <= 200


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Whatever zipfile raises for a damaged archive, as one sentence."""
    try:
        yield
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, NotImplementedError),
    ):
        raise _damaged(path) from None


def _damaged(path: Path) -> WorkbenchError:
    return WorkbenchError(
        "{path}: is damaged or incomplete; copy or download the file again.", path=path
    )


def _refused(path: Path, reason: Message) -> WorkbenchError:
    return WorkbenchError(
        "{path}: is no share of this program ({reason}); nothing was imported.",
        path=path,
        reason=reason,
    )
