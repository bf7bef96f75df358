"""A data set to look at before anything is trained on it. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.data.data_choice import DataInfo
from workbench.data.duplicates import Duplicates
from workbench.spec.experiment import Experiment

NetworkInput = Callable[[Experiment, int, int], np.ndarray]
"""Experiment, split and index of an image: float32 (32, 32, 3), as a network of the experiment gets
it."""

Augmented = Callable[[Experiment, int, int], np.ndarray | None]
"""Experiment, index of a training image and a number: uint8 (number, 32, 32, 3), what becomes of
the image in so many epochs; ``None`` for an experiment that does not augment."""


@dataclass(frozen=True, eq=False)
class BrowsedData:
    """A whole data set; pairs are of the training and the test split.

    Attributes:
        info: what is known of the data set.
        images: uint8 (N, 32, 32, 3), R G B; both splits in the data set's own order.
        labels: int64 (N,), indices into ``info.classes``.
        counts: int64 (classes,), images of each class.
        means, deviations: float64 (3,), of R, G and B, 0 to 255.
        duplicates: images that are the same.
        network_input: see :data:`NetworkInput`; scaled by the training split's statistics where
            the experiment goes by those.
        augmented: see :data:`Augmented`.
    """

    info: DataInfo
    images: tuple[np.ndarray, np.ndarray]
    labels: tuple[np.ndarray, np.ndarray]
    counts: tuple[np.ndarray, np.ndarray]
    means: tuple[np.ndarray, np.ndarray]
    deviations: tuple[np.ndarray, np.ndarray]
    duplicates: Duplicates
    network_input: NetworkInput
    augmented: Augmented
