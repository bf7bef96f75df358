"""The test images of a data set, kept by its fingerprint: to look at what a run was tested on takes
no reading of the whole data set. Free of torch."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench import atomic, paths

TEST_ORDER_SEED = 10_000
"""Seed of the one shuffle of the test split. Files of a class lie together, and batch norm in
training mode would otherwise see batches of one class."""

MOST_KEPT = 4
"""Data sets; CIFAR-10's test images are 31 MB."""

_log = logging.getLogger("workbench")


@dataclass(frozen=True, eq=False)
class TestImages:
    """The test split to look at. ``images``: uint8, (N, 32, 32, 3), R G B, in the order of the
    stored logits. ``positions``: int64, (N,), where each image lies in the data set's own order,
    counted from 0. ``fingerprint`` as in ``DataInfo``."""

    __test__ = False  # pytest takes the name for a test

    fingerprint: str
    images: np.ndarray
    positions: np.ndarray


def test_order(count: int) -> np.ndarray:
    """int64 (count,): the image of the data set's own order that comes at each place of the test
    split."""
    return np.random.default_rng(TEST_ORDER_SEED).permutation(count)


test_order.__test__ = False  # type: ignore[attr-defined]


def keep_test_images(fingerprint: str, images: np.ndarray) -> None:
    """Keep ``images``, the test split in its shuffled order, for :func:`kept_test_images`.

    The data set is the one of ``fingerprint``, all of which was read: there is nothing to check
    when they are looked at. A file that cannot be written costs time later, and nothing else.
    """
    path = _file(fingerprint)
    if path is None or path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(path) as file:
            np.savez(file, images=images)
        by_age = sorted(path.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime)
        for old in by_age[:-MOST_KEPT]:
            atomic.delete(old)
    except OSError as error:
        _log.warning("%s: cannot be written (%s)", path, error)


def kept_test_images(fingerprint: str) -> TestImages | None:
    """Return what :func:`keep_test_images` kept; ``None`` where it is not there, or was damaged
    (the file's checksum is compared)."""
    path = _file(fingerprint)
    if path is None or not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            images = stored["images"]
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (32, 32, 3):
            raise ValueError("its array is not as expected")
    except Exception as error:
        # A broken zip raises nearly anything. The data set is read instead, and kept again.
        _log.warning("%s: is broken and is not used (%s)", path, error)
        atomic.delete(path)
        return None
    return TestImages(fingerprint, images, test_order(len(images)))


def _file(fingerprint: str) -> Path | None:
    # It may come from a file of somebody else's.
    if not re.fullmatch(r"[0-9a-f]{64}", fingerprint):
        return None
    return paths.cache() / "test_images" / f"{fingerprint}.npz"
