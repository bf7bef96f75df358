"""Images of a data set that are the same, pixel by pixel, within a split and across both. Free of
torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.data.progress import DataProgress
from workbench.messages import Cancelled

Place = tuple[int, int]
"""Split (0: training, 1: test) and index into the arrays of that split."""

_ASKED_EVERY = 1_000
"""Images between two looks at ``stop``."""


@dataclass(frozen=True)
class Duplicates:
    """``groups``: the places of the same image, two or more in each, training before test, in the
    order in which they lie; the first group is the one that is met first. ``label_of`` is the class
    of each place."""

    groups: tuple[tuple[Place, ...], ...] = ()
    label_of: tuple[np.ndarray, np.ndarray] = (np.zeros(0, np.int64), np.zeros(0, np.int64))

    def within(self, split: int) -> int:
        """Return how many images of ``split`` repeat another one of it: of three that are the
        same, two."""
        counts = (sum(place[0] == split for place in group) for group in self.groups)
        return sum(max(count - 1, 0) for count in counts)

    def across(self) -> int:
        """Return how many test images are in the training split too: what a network may know by
        heart."""
        return sum(
            sum(split == 1 for split, _ in group)
            for group in self.groups
            if group[0][0] == 0  # training comes first
        )

    def contradictions(self) -> int:
        """Return how many groups hold the same image under different classes."""
        return sum(
            len({int(self.label_of[split][index]) for split, index in group}) > 1
            for group in self.groups
        )

    def group_of(self, place: Place) -> tuple[Place, ...]:
        """Return all places of the image at ``place``; empty where it is there once."""
        return self._by_place.get(place, ())

    @cached_property
    def _by_place(self) -> dict[Place, tuple[Place, ...]]:
        return {place: group for group in self.groups for place in group}


def find_duplicates(
    train_images: np.ndarray,
    test_images: np.ndarray,
    train_labels: np.ndarray,
    test_labels: np.ndarray,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[DataProgress], None] = lambda _: None,
) -> Duplicates:
    """Find equal images by a hash of their pixels (BLAKE2b, 128 bits).

    Args:
        train_images, test_images: uint8 (N, height, width, 3).
        train_labels, test_labels: int64 (N,).
        stop: asked now and then; raises :class:`Cancelled` where it is true.
        progress: hears how many of the images of both splits are compared.

    What was compressed again, moved by a pixel or recolored has other pixels and is not found.
    """
    places: dict[bytes, list[Place]] = {}
    done, total = 0, len(train_images) + len(test_images)
    for split, images in enumerate((train_images, test_images)):
        for index in range(len(images)):
            if index % _ASKED_EVERY == 0:
                if stop():
                    raise Cancelled
                progress(DataProgress(done + index, total, "images"))
            pixels = np.ascontiguousarray(images[index])
            digest = hashlib.blake2b(pixels.data, digest_size=16).digest()
            places.setdefault(digest, []).append((split, index))
        done += len(images)
    groups = tuple(tuple(found) for found in places.values() if len(found) > 1)
    return Duplicates(groups, (train_labels, test_labels))
