"""Data sets as tensors: one interface for every source."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from workbench.data.arrays import Arrays, Progress, Stop
from workbench.data.data_choice import DataChoice, DataInfo, DataKind
from workbench.data.kept_images import TestImages, keep_test_images, test_order
from workbench.data.sources import DATA_SOURCES
from workbench.messages import Cancelled
from workbench.path_text import to_text
from workbench.spec.altered_data import ALTERED
from workbench.spec.registry import resolve


@dataclass(frozen=True)
class DataSet:
    """Images and labels of both splits, on one device.

    ``*_images``: uint8, (N, 32, 32, 3), 0 to 255, R G B. ``*_labels``: int64, (N,), index into
    ``info.classes``. The test split is in its one shuffled order. ``validation_*``: training
    images that :func:`workbench.data.validation.split_validation` took out, ``None`` where it
    did not.
    """

    info: DataInfo
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    validation_images: Tensor | None = None
    validation_labels: Tensor | None = None

    def to(self, device: torch.device) -> DataSet:
        """The same data set with its tensors on ``device``."""
        return replace(
            self,
            train_images=self.train_images.to(device),
            train_labels=self.train_labels.to(device),
            test_images=self.test_images.to(device),
            test_labels=self.test_labels.to(device),
            validation_images=_moved(self.validation_images, device),
            validation_labels=_moved(self.validation_labels, device),
        )

    def to_validate(self) -> DataSet | None:
        """The same with the validation split in the place of the test split, for a test of it;
        ``None`` where there is none."""
        if self.validation_images is None or self.validation_labels is None:
            return None
        return replace(self, test_images=self.validation_images, test_labels=self.validation_labels)


def _moved(tensor: Tensor | None, device: torch.device) -> Tensor | None:
    return None if tensor is None else tensor.to(device)


def test_images(data: DataSet) -> TestImages:
    """The test split of ``data``, as arrays of its own."""
    positions = test_order(len(data.test_labels))
    # Waits for the device where the data lie there; once for a gallery, not for each image.
    return TestImages(data.info.fingerprint, data.test_images.cpu().numpy().copy(), positions)


test_images.__test__ = False  # type: ignore[attr-defined]


def load_data(choice: DataChoice, progress: Progress, stop: Stop) -> DataSet:
    """Load ``choice`` into memory, on the CPU.

    ``progress`` hears how far a decode is; ``stop`` is asked often and makes it raise
    :class:`~workbench.messages.Cancelled`. Raises :class:`~workbench.messages.WorkbenchError`
    where the data cannot be read.
    """
    source = DATA_SOURCES[choice.kind]
    arrays: Arrays = resolve(source.load)(choice.path, progress, stop)
    if stop():
        raise Cancelled
    data = _as_data_set(choice.kind, to_text(choice.path) if choice.path else None, arrays)
    if choice.kind != "sample":  # which is made as fast as it is read
        keep_test_images(data.info.fingerprint, data.test_images.numpy())
    return data


def _as_data_set(kind: DataKind, path: str | None, arrays: Arrays) -> DataSet:
    order = test_order(len(arrays.test_labels))
    test_images, test_labels = arrays.test_images[order], arrays.test_labels[order]
    fingerprint = _fingerprint(
        arrays.classes, arrays.train_images, arrays.train_labels, test_images, test_labels
    )
    info = DataInfo(
        kind=kind,
        name=ALTERED.get(fingerprint, arrays.name),
        classes=arrays.classes,
        train_images=len(arrays.train_labels),
        test_images=len(test_labels),
        fingerprint=fingerprint,
        comparable=arrays.comparable and fingerprint not in ALTERED,
        path=path,
        skipped=arrays.skipped,
        skipped_files=arrays.skipped_files,
        left_out=arrays.left_out,
    )
    return DataSet(
        info,
        torch.from_numpy(np.require(arrays.train_images, requirements=["C", "W"])),
        torch.from_numpy(np.require(arrays.train_labels, requirements=["C", "W"])),
        torch.from_numpy(test_images),
        torch.from_numpy(test_labels),
    )


def _fingerprint(classes: tuple[str, ...], *arrays: np.ndarray) -> str:
    # A name may hold a line break; all others are hashed as they have always been.
    plain = not any("\n" in name for name in classes)
    digest = hashlib.sha256(("\n".join(classes) if plain else json.dumps(classes)).encode("utf-8"))
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
