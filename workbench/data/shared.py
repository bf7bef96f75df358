"""A data set that several processes of this machine train on: decoded once, and in memory once.

Its four arrays are files in the cache that every process maps into its memory; the system keeps one
copy of them for all. Not shared memory: containers often have 64 MB of it, and CIFAR-10 takes 184.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench import atomic, paths
from workbench.data.data_choice import DataInfo
from workbench.data.datasets import DataSet
from workbench.messages import WorkbenchError

_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
MOST_KEPT = 4
"""Data sets that stay in the cache."""


@dataclass(frozen=True)
class SharedData:
    """Where the arrays of a data set are, and what is known of it."""

    info: DataInfo
    folder: Path


def share(data: DataSet) -> SharedData:
    """Write the arrays of ``data``, whole and on the CPU, where they are not there already.

    Raises :class:`WorkbenchError` where the cache cannot be written.
    """
    folder = paths.cache() / "shared" / data.info.fingerprint
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            array = getattr(data, name).numpy()
            path = folder / f"{name}.npy"
            if not _holds(path, array):
                with atomic.replacing(path) as file:
                    np.save(file, array, allow_pickle=False)
        folder.touch()
        _remove_others(folder)
    except OSError as error:
        raise WorkbenchError(
            "{path}: the data cannot be kept for the workers ({reason}); free some space.",
            path=folder,
            reason=error.strerror or error,
        ) from None
    return SharedData(data.info, folder)


def _holds(path: Path, array: np.ndarray) -> bool:
    try:
        kept = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return False  # none, or damaged: written again
    return kept.dtype == array.dtype and np.array_equal(kept, array)


def _remove_others(own: Path) -> None:
    by_age = sorted(own.parent.iterdir(), key=lambda folder: folder.stat().st_mtime)
    for old in by_age[:-MOST_KEPT]:
        with suppress(OSError):  # Windows keeps what another process has mapped
            atomic.delete_folder(old)


def open_shared(shared: SharedData) -> DataSet:
    """Return the data set with its tensors on the CPU, mapped: what is written to them would stay
    in this process."""
    arrays = [
        torch.from_numpy(np.load(shared.folder / f"{name}.npy", mmap_mode="c", allow_pickle=False))
        for name in _ARRAYS
    ]
    return DataSet(shared.info, *arrays)
