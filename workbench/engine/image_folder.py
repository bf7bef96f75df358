"""A folder of images: ``train/<class>/*`` and ``test/<class>/*``, decoded once and cached."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import warnings
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from workbench import atomic, paths
from workbench.engine.arrays import Arrays, Progress, Stop
from workbench.engine.data_choice import CIFAR10_CLASSES, IMAGE_ENDINGS
from workbench.engine.events import DataProgress
from workbench.messages import Cancelled, Count, WorkbenchError

# Pillow's own words on the terminal; what is too large is refused, what is only large is scaled.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_JPEG = (".jpg", ".jpeg")
SPLITS = ("train", "test")
CIFAR10_COUNTS = (5_000, 1_000)
"""Images of each class in the two splits."""
NAMED_FILES = 20
"""So many unreadable files are named in :class:`Arrays`; all of them are in the log."""

_SIZE = 32
_CACHE_FORMAT = 1
_REPORT_EVERY = 1 / 25
"""Seconds."""
_SMALL_FILE = 8_192
"""Bytes. Most of the work on a smaller image is Python's own, which threads only slow down
(60,000 CIFAR-10 JPEG files on two cores: 8 s with one thread, 13 s with two)."""

_log = logging.getLogger("workbench")


class _File(NamedTuple):  # of which there may be 60,000: quick to make
    split: int
    label: int
    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class _Skipped:
    count: int = 0
    files: tuple[str, ...] = ()


def read_image_folder(path: Path, progress: Progress, stop: Stop) -> Arrays:
    """The images below ``path``, scaled to 32x32 RGB without regard to their proportions.

    Classes are the folder names of ``train/``, sorted; ``test/`` must have the same. Images
    are the files of :data:`IMAGE_ENDINGS` directly inside a class folder, sorted by name.
    Hidden files and folders and files with other endings are left out. Images that cannot be
    read are skipped, counted, logged, and the first of them named in ``skipped_files``.

    What was decoded is kept in :func:`paths.cache` until a file's name, size or time changes.
    CIFAR-10's classes with as many images of each are named "CIFAR-10, JPEG" (or PNG) and are
    comparable; everything else has the folder's name and is not.

    ``progress`` hears the files, at most 25 times a second; ``stop`` is asked as often and
    makes it raise :class:`Cancelled`. Raises :class:`WorkbenchError` naming the folder where
    it has fewer than two classes, differing classes, or a class without a readable image.
    """
    path = path.absolute()
    classes, files = _scan(path)
    cache = _cache_file(path, files)
    cached = _read_cache(cache, classes)
    if cached is None:
        images, readable = _decode(files, progress, stop)
        skipped = _report_skipped(path, files, readable)
        arrays = _split(files, images, readable)
        _require_images(path, classes, arrays)
        _write_cache(cache, arrays, skipped)
    else:
        arrays, skipped = cached
        if skipped.count:
            _log.warning("%s: %d images cannot be read, as before", path, skipped.count)
    train_images, train_labels, test_images, test_labels = arrays
    name = _cifar10_name(classes, files, train_labels, test_labels)
    return Arrays(
        name=name or path.name,
        classes=classes,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        comparable=name is not None,
        skipped=skipped.count,
        skipped_files=skipped.files,
    )


def _scan(path: Path) -> tuple[tuple[str, ...], list[_File]]:
    """The classes, and the image files split by split, class by class, sorted by name."""
    try:
        found = {
            split: {entry.name for entry in _visible(path / split) if entry.is_dir()}
            for split in SPLITS
        }
        for split, missing in (SPLITS, SPLITS[::-1]):
            only = sorted(found[split] - found[missing])
            if only:
                raise WorkbenchError(
                    "{path}: class {name} is in {split}/ only; add it to {missing}/, or remove it.",
                    path=path,
                    name=only[0],
                    split=split,
                    missing=missing,
                )
        classes = tuple(sorted(found[SPLITS[0]]))
        if len(classes) < 2:
            raise WorkbenchError(
                "{path}: holds {count:class folder|class folders}; training needs two or more.",
                path=path / SPLITS[0],
                count=Count(len(classes)),
            )
        files: list[_File] = []
        others = 0
        for split_index, split in enumerate(SPLITS):
            for label, name in enumerate(classes):
                folder = path / split / name
                entries = [entry for entry in _visible(folder) if entry.is_file()]
                images = [entry for entry in entries if _ends(entry.name, IMAGE_ENDINGS)]
                if not images:
                    raise _no_images(folder)
                others += len(entries) - len(images)
                for entry in sorted(images, key=lambda entry: entry.name):
                    status = entry.stat()
                    files.append(
                        _File(split_index, label, entry.path, status.st_size, status.st_mtime_ns)
                    )
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}); check that it is there and may be read.",
            path=error.filename or path,
            reason=error.strerror,
        ) from None
    if others:
        _log.info("%s: %d files are no images by their endings and were left out", path, others)
    return classes, files


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def _ends(name: str, endings: tuple[str, ...]) -> bool:
    return name.lower().endswith(endings)


def _no_images(folder: Path) -> WorkbenchError:
    return WorkbenchError(
        "{path}: holds no readable image; add some ({endings}), or remove the class.",
        path=folder,
        endings=", ".join(IMAGE_ENDINGS),
    )


def _decode(
    files: Sequence[_File], progress: Progress, stop: Stop
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (files, 32, 32, 3), and bool (files,): whether a file could be read."""
    images = np.empty((len(files), _SIZE, _SIZE, 3), np.uint8)
    readable = np.zeros(len(files), bool)
    done: deque[None] = deque()  # appending is atomic, adding to a number is not
    cancelled = threading.Event()

    def work(first: int, step: int) -> None:
        for index in range(first, len(files), step):
            if cancelled.is_set():
                return
            try:
                images[index] = read_image(files[index].path)
                readable[index] = True
            except Exception as error:
                # Pillow's formats raise nearly anything for a broken file.
                _log.warning("%s: cannot be read (%s)", files[index].path, error)
            done.append(None)

    small = sum(file.size for file in files) / len(files) < _SMALL_FILE
    workers = 1 if small else min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(workers, "decode") as pool:
        try:
            waiting = {pool.submit(work, first, workers) for first in range(workers)}
            while waiting:
                finished, waiting = wait(waiting, timeout=_REPORT_EVERY)
                for future in finished:
                    future.result()
                progress(DataProgress(len(done), len(files), "files"))
                if waiting and stop():
                    raise Cancelled
        finally:
            cancelled.set()
    return images, readable


def read_image(path: str | Path | BinaryIO) -> np.ndarray:
    """uint8 (32, 32, 3): the image upright, in RGB, on white where it is transparent.

    An image of 32x32 keeps its pixels; others are scaled with a Lanczos filter. Raises what
    Pillow raises, ``Image.DecompressionBombError`` included.
    """
    with Image.open(path) as opened:
        # A large JPEG is decoded at a fraction of its size, still twice what is needed.
        opened.draft(None, (2 * _SIZE, 2 * _SIZE))
        image: Image.Image = opened
        if "exif" in image.info:  # how a camera was held
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
            image = Image.fromarray((np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        if image.mode != "RGB":
            image = image.convert("RGB")
        if image.size != (_SIZE, _SIZE):
            image = image.resize((_SIZE, _SIZE), Image.Resampling.LANCZOS)
        return np.asarray(image)


def _report_skipped(path: Path, files: Sequence[_File], readable: np.ndarray) -> _Skipped:
    names = [
        Path(file.path).relative_to(path).as_posix()
        for file, good in zip(files, readable, strict=True)
        if not good
    ]
    if names:
        _log.warning("%s: %d of %d images cannot be read", path, len(names), len(files))
    return _Skipped(len(names), tuple(names[:NAMED_FILES]))


_FourArrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _split(files: Sequence[_File], images: np.ndarray, readable: np.ndarray) -> _FourArrays:
    labels = np.array([file.label for file in files], np.int64)
    first_test = sum(file.split == 0 for file in files)
    train, test = slice(None, first_test), slice(first_test, None)
    if readable.all():  # slices, no copy
        return images[train], labels[train], images[test], labels[test]
    return (
        images[train][readable[train]],
        labels[train][readable[train]],
        images[test][readable[test]],
        labels[test][readable[test]],
    )


def _require_images(path: Path, classes: Sequence[str], arrays: _FourArrays) -> None:
    for split, labels in zip(SPLITS, (arrays[1], arrays[3]), strict=True):
        for label, count in enumerate(np.bincount(labels, minlength=len(classes))):
            if not count:
                raise _no_images(path / split / classes[label])


def _cifar10_name(
    classes: tuple[str, ...], files: Sequence[_File], *labels: np.ndarray
) -> str | None:
    """The name of CIFAR-10 as image files; ``None`` for anything else."""
    if classes != CIFAR10_CLASSES:  # both are sorted
        return None
    for own, count in zip(labels, CIFAR10_COUNTS, strict=True):
        if np.any(np.bincount(own, minlength=len(classes)) != count):
            return None
    for name, endings in (("CIFAR-10, JPEG", _JPEG), ("CIFAR-10, PNG", (".png",))):
        if all(_ends(file.path, endings) for file in files):
            return name
    return None


# The cache: one .npz for each folder, named after the folder and everything in it.


def _cache_file(path: Path, files: Sequence[_File]) -> Path:
    lines = [str(_CACHE_FORMAT)]
    lines += [f"{file.path}\0{file.size}\0{file.mtime_ns}" for file in files]
    return paths.cache() / f"{_sha256(str(path))[:16]}-{_sha256(chr(10).join(lines))}.npz"


def _sha256(text: str) -> str:
    # File names of other systems may not be valid UTF-8.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _read_cache(cache: Path, classes: Sequence[str]) -> tuple[_FourArrays, _Skipped] | None:
    if not cache.exists():
        return None
    try:
        with np.load(cache, allow_pickle=False) as stored:
            arrays = (stored["arr_0"], stored["arr_1"], stored["arr_2"], stored["arr_3"])
            about = json.loads(str(stored["skipped"]))
        skipped = _Skipped(int(about["count"]), tuple(str(name) for name in about["files"]))
        for images, labels in (arrays[:2], arrays[2:]):
            if (
                images.dtype != np.uint8
                or images.shape != (len(labels), _SIZE, _SIZE, 3)
                or labels.dtype != np.int64
                or labels.ndim != 1
                or set(np.unique(labels)) != set(range(len(classes)))
            ):
                raise ValueError("its arrays are not as expected")
    except Exception as error:
        # A broken zip or array raises nearly anything; the images themselves are still there.
        _log.warning("%s: is broken and will be written anew (%s)", cache, error)
        return None
    return arrays, skipped


def _write_cache(cache: Path, arrays: _FourArrays, skipped: _Skipped) -> None:
    # Without the cache the next load takes longer, and nothing else: no reason to fail.
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(cache) as file:
            np.savez(file, *arrays, skipped=np.array(json.dumps(asdict(skipped))))
        # Older states of the folder, and what a process that was killed left half written.
        folder = cache.name.partition("-")[0]
        for pattern in (f"{folder}-*.npz", f".{folder}-*.tmp"):
            for old in cache.parent.glob(pattern):
                if old != cache:
                    old.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s: cannot be written (%s)", cache, error)
