"""Images that are the same, counted as a person would."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.duplicates import find_duplicates
from workbench.messages import Cancelled


def images(*values: int) -> np.ndarray:
    return np.stack([np.full((32, 32, 3), value, np.uint8) for value in values])


def test_within_and_across_the_splits_and_under_other_classes() -> None:
    train, test = images(1, 2, 1, 3, 1, 4), images(5, 1, 5, 2, 6)
    found = find_duplicates(train, test, np.zeros(6, np.int64), np.array([0, 0, 0, 1, 0]))
    assert found.groups == (((0, 0), (0, 2), (0, 4), (1, 1)), ((0, 1), (1, 3)), ((1, 0), (1, 2)))
    assert (found.within(0), found.within(1), found.across()) == (2, 1, 2)
    assert found.contradictions() == 1  # 2 is of class 0 here and of class 1 there
    assert found.group_of((1, 3)) == ((0, 1), (1, 3))
    assert found.group_of((0, 3)) == ()


def test_one_pixel_makes_another_image_and_a_view_does_not() -> None:
    train = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    test = train[::-1, :, :, :].copy()
    test[0, 31, 31, 2] ^= 1
    labels = np.zeros(4, np.int64)
    assert find_duplicates(train, test, labels, labels).across() == 3
    turned = train.transpose(0, 2, 1, 3)  # not contiguous
    assert find_duplicates(turned, turned, labels, labels).across() == 4


def test_none_and_a_stop() -> None:
    none = np.zeros(0, np.int64)
    assert find_duplicates(images(1)[:0], images(1)[:0], none, none).groups == ()
    with pytest.raises(Cancelled):
        find_duplicates(images(1), images(1), none, none, lambda: True)
