"""A folder of images: ``train/<class>/*`` and ``test/<class>/*``, decoded once and cached."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from workbench import atomic, paths
from workbench.data import image_decoding
from workbench.data.arrays import Arrays, Progress, Stop
from workbench.data.class_names import class_names
from workbench.data.data_choice import CIFAR10_CLASSES, IMAGE_ENDINGS, LeftOut
from workbench.data.folder_scan import SPLITS, ImageFile, Rest, no_images, scan_folder
from workbench.data.image_decoding import Measured, Range, UnreadableImage, range_of
from workbench.data.progress import DataProgress
from workbench.messages import Cancelled
from workbench.path_text import shown

CIFAR10_COUNTS = (5_000, 1_000)
"""Images of each class in the two splits."""
NAMED_FILES = 20
"""So many unreadable files are named in :class:`Arrays`; all of them are in the log."""
_SIZE = image_decoding.SIZE
_CACHE_FORMAT = 2
_REPORT_EVERY = 1 / 25
"""Seconds."""
_SMALL_FILE = 8_192
"""Bytes. Most of the work on a smaller image is Python's own, which threads only slow down
(60,000 CIFAR-10 JPEG files on two cores: 8 s with one thread, 13 s with two)."""

_log = logging.getLogger("workbench")


@dataclass(frozen=True)
class _About:
    """What is known of a decode beside its arrays. ``formats``: of the images that were read."""

    skipped: int = 0
    skipped_files: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    formats: tuple[str, ...] = ()


def read_image_folder(path: Path, progress: Progress, stop: Stop) -> Arrays:
    """The images below ``path``, scaled to 32x32 RGB without regard to their proportions.

    Classes are the folder names of ``train/``, sorted, as :func:`class_names` writes them;
    ``test/`` must have the same. Images are the regular files directly inside a class folder that
    :mod:`~workbench.data.image_decoding` can read, whatever their endings, sorted by name.
    Images of more than 8 bits whose files do not declare a range are scaled by the range of all of
    their kind in both splits. Files with an image's ending that cannot be read are counted,
    logged, and the first of them named in ``skipped_files``; they and all else that is there are
    counted by reason in ``left_out``.

    What was decoded is kept in :func:`paths.cache` until a file's name, size or time changes.
    CIFAR-10's classes with as many images of each are named "CIFAR-10, JPEG" (or PNG) and are
    comparable; everything else has the folder's name and is not.

    ``progress`` hears the files, at most 25 times a second; ``stop`` is asked as often and
    makes it raise :class:`Cancelled`. Raises :class:`WorkbenchError` naming the folder where
    it has fewer than two classes, differing classes, or a class without a readable image.
    """
    path = path.absolute()
    rest = Rest(path)  # found by the scan, which is never kept
    folders, files = scan_folder(path, rest)
    classes = class_names(folders)
    cache = _cache_file(path, files)
    cached = _read_cache(cache, classes)
    if cached is None:
        images, readable, about = _decode(path, files, progress, stop)
        arrays = _split(files, images, readable)
        _require_images(path, folders, arrays)
        _write_cache(cache, arrays, about)
    else:
        arrays, about = cached
    if about.skipped:
        _log.warning("%s: %d images cannot be read", shown(path), about.skipped)
    left_out = (*about.left_out, *rest.all())
    for one in left_out:
        _log.info("%s: left out, %s", shown(path), one)
    train_images, train_labels, test_images, test_labels = arrays
    name = _cifar10_name(classes, about.formats, train_labels, test_labels)
    return Arrays(
        name=name or shown(path.name),
        classes=classes,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        comparable=name is not None,
        skipped=about.skipped,
        skipped_files=about.skipped_files,
        left_out=left_out,
    )


def _decode(
    path: Path, files: Sequence[ImageFile], progress: Progress, stop: Stop
) -> tuple[np.ndarray, np.ndarray, _About]:
    """uint8 (files, 32, 32, 3); bool (files,): which files could be read; and about the others."""
    images = np.empty((len(files), _SIZE, _SIZE, 3), np.uint8)
    readable = np.zeros(len(files), bool)
    formats: set[str] = set()
    ranges: dict[str, Range] = {}
    measured: dict[int, Measured] = {}
    failed: dict[int, UnreadableImage] = {}

    def read(index: int) -> None:
        try:
            name, found = image_decoding.decode(files[index].path, ranges)
        except UnreadableImage as error:
            failed[index] = error
            return
        if isinstance(found, Measured):
            measured[index] = found
            return
        images[index] = found
        readable[index] = True
        formats.add(name)

    small = sum(file.size for file in files) / len(files) < _SMALL_FILE
    workers = 1 if small else min(os.cpu_count() or 1, 8)
    _for_all(range(len(files)), read, workers, 0, progress, stop)
    by_kind: dict[str, list[int]] = defaultdict(list)
    for index, one in sorted(measured.items()):
        by_kind[one.kind].append(index)
    again = []
    for kind, indices in by_kind.items():
        known = range_of(measured[index] for index in indices)
        if known is None:
            error = UnreadableImage(image_decoding.UNKNOWN_RANGE, kind)
            failed |= dict.fromkeys(indices, error)
            continue
        _log.info(
            "%s: %d images (%s) do not declare their range; black is %g, white %g in all of them",
            *(shown(path), len(indices), kind, known.black, known.white),
        )
        ranges[kind] = known
        again += indices
    if again:
        _for_all(again, read, workers, len(files), progress, stop)
    return images, readable, _about(path, files, failed, formats)


def _for_all(
    indices: Sequence[int],
    read: Callable[[int], None],
    workers: int,
    before: int,
    progress: Progress,
    stop: Stop,
) -> None:
    """Call ``read`` for all ``indices`` in so many threads. Raises :class:`Cancelled`."""
    done: deque[None] = deque()  # appending is atomic, adding to a number is not
    cancelled = threading.Event()

    def work(first: int) -> None:
        for index in indices[first::workers]:
            if cancelled.is_set():
                return
            read(index)
            done.append(None)

    with ThreadPoolExecutor(workers, "decode") as pool:
        try:
            waiting = {pool.submit(work, first) for first in range(workers)}
            while waiting:
                finished, waiting = wait(waiting, timeout=_REPORT_EVERY)
                for future in finished:
                    future.result()
                progress(DataProgress(before + len(done), before + len(indices), "files"))
                if waiting and stop():
                    raise Cancelled
        finally:
            cancelled.set()


def _about(
    path: Path,
    files: Sequence[ImageFile],
    failed: Mapping[int, UnreadableImage],
    formats: Iterable[str],
) -> _About:
    """Files that could not be read: images by their endings, or something else."""
    unreadable, others, names = Rest(path), Rest(path), []
    for index, error in sorted(failed.items()):
        file = files[index].path
        if error.reason == image_decoding.NOT_AN_IMAGE and not file.lower().endswith(IMAGE_ENDINGS):
            others.add(file, error.reason, error.kind)
            continue
        unreadable.add(file, error.reason, error.kind)
        names.append(unreadable.relative(file))
        _log.warning("%s: cannot be read (%s)", shown(file), error)
    return _About(
        len(names),
        tuple(names[:NAMED_FILES]),
        (*unreadable.all(), *others.all()),
        tuple(sorted(formats)),
    )


_FourArrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _split(files: Sequence[ImageFile], images: np.ndarray, readable: np.ndarray) -> _FourArrays:
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


def _require_images(path: Path, folders: Sequence[str], arrays: _FourArrays) -> None:
    for split, labels in zip(SPLITS, (arrays[1], arrays[3]), strict=True):
        for label, count in enumerate(np.bincount(labels, minlength=len(folders))):
            if not count:
                raise no_images(path / split / folders[label])


def _cifar10_name(
    classes: tuple[str, ...], formats: tuple[str, ...], *labels: np.ndarray
) -> str | None:
    """The name of CIFAR-10 as image files; ``None`` for anything else."""
    if classes != CIFAR10_CLASSES or formats not in (("JPEG",), ("PNG",)):  # classes are sorted
        return None
    for own, count in zip(labels, CIFAR10_COUNTS, strict=True):
        if np.any(np.bincount(own, minlength=len(classes)) != count):
            return None
    return f"CIFAR-10, {formats[0]}"


# The cache: one .npz for each folder, named after the folder and everything in it.


def _cache_file(path: Path, files: Sequence[ImageFile]) -> Path:
    lines = [f"{_CACHE_FORMAT} {PIL.__version__}"]  # another Pillow may decode otherwise
    lines += [f"{file.path}\0{file.size}\0{file.mtime_ns}" for file in files]
    return paths.cache() / f"{_sha256(str(path))[:16]}-{_sha256(chr(10).join(lines))}.npz"


def _sha256(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()  # file names need not be UTF-8


def _read_cache(cache: Path, classes: Sequence[str]) -> tuple[_FourArrays, _About] | None:
    if not cache.exists():
        return None
    try:
        with np.load(cache, allow_pickle=False) as stored:
            arrays = (stored["arr_0"], stored["arr_1"], stored["arr_2"], stored["arr_3"])
            about = _read_about(json.loads(str(stored["about"])))
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
        _log.warning("%s: is broken and will be written again (%s)", cache, error)
        return None
    return arrays, about


def _read_about(content: dict[str, Any]) -> _About:
    return _About(
        int(content["skipped"]),
        tuple(map(str, content["skipped_files"])),
        tuple(LeftOut(**one) for one in content["left_out"]),
        tuple(map(str, content["formats"])),
    )


def _write_cache(cache: Path, arrays: _FourArrays, about: _About) -> None:
    # Without the cache the next load takes longer, and nothing else: no reason to fail.
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(cache) as file:
            np.savez(file, *arrays, about=np.array(json.dumps(asdict(about))))
        # Older states of the folder, and what a process that was killed left half written.
        folder = cache.name.partition("-")[0]
        for pattern in (f"{folder}-*.npz", f".{folder}-*.tmp"):
            for old in cache.parent.glob(pattern):
                if old != cache:
                    atomic.delete(old)
    except OSError as error:
        _log.warning("%s: cannot be written (%s)", cache, error)
