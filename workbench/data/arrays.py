"""What a source of images delivers, before it becomes tensors. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.data.data_choice import LeftOut
from workbench.data.progress import DataProgress

Progress = Callable[[DataProgress], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Arrays:
    """What a source delivers: uint8 (N, 32, 32, 3) images and int64 (N,) labels, test split
    in the source's own order; the rest as in :class:`DataInfo`. The data set keeps the arrays
    of the training split without a copy where they are contiguous and writable."""

    name: str
    classes: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    comparable: bool
    skipped: int = 0
    skipped_files: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
