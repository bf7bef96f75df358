from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from workbench.data import sample
from workbench.data.data_choice import choose_data
from workbench.data.datasets import Arrays, DataSet, load_data

Load = Callable[[Arrays], DataSet]


def small() -> Arrays:
    """Every image's pixels say which it is: train i, test 100 + i."""

    def images(first: int, count: int) -> np.ndarray:
        numbers = np.arange(first, first + count, dtype=np.uint8)
        return np.broadcast_to(numbers[:, None, None, None], (count, 32, 32, 3)).copy()

    return Arrays(
        name="small",
        classes=("a", "b"),
        train_images=images(0, 6),
        train_labels=np.arange(6) % 2,
        test_images=images(100, 60),
        test_labels=np.arange(60) // 30,
        comparable=True,
        skipped=3,
        skipped_files=("train/a/broken.png",),
    )


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    def loaded(arrays: Arrays) -> DataSet:
        monkeypatch.setattr(sample, "make_sample", lambda: arrays)
        return load_data(choose_data("sample"), lambda _: None, lambda: False)

    return loaded


def test_shapes_and_what_is_known_of_the_data(load: Load) -> None:
    data = load(small())
    assert data.train_images.shape == (6, 32, 32, 3)
    assert data.test_images.shape == (60, 32, 32, 3)
    assert data.train_images.dtype == torch.uint8
    assert data.train_labels.dtype == data.test_labels.dtype == torch.int64
    info = data.info
    assert (info.kind, info.name, info.classes) == ("sample", "small", ("a", "b"))
    assert (info.train_images, info.test_images) == (6, 60)
    assert (info.comparable, info.path) == (True, None)
    assert (info.skipped, info.skipped_files) == (3, ("train/a/broken.png",))


def test_the_test_split_is_shuffled_the_same_way_every_time(load: Load) -> None:
    torch.manual_seed(1)
    first = load(small())
    torch.manual_seed(2)
    second = load(small())
    assert torch.equal(first.test_images, second.test_images)
    assert not torch.equal(first.test_labels, first.test_labels.sort().values)
    # The training split stays in its order: the trainer shuffles it.
    assert first.train_images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_labels_follow_their_images(load: Load) -> None:
    data = load(small())
    assert torch.equal(data.test_images[:, 5, 5, 1].long().sub(100) // 30, data.test_labels)
    assert torch.equal(data.train_images[:, 5, 5, 1].long() % 2, data.train_labels)
    assert sorted(data.test_images[:, 0, 0, 0].tolist()) == list(range(100, 160))


def changed(array: np.ndarray, place: Any) -> np.ndarray:
    other = array.copy()
    other[place] ^= 1
    return other


@pytest.mark.parametrize(
    "change",
    [
        lambda a: {"train_images": changed(a.train_images, (5, 31, 31, 2))},
        lambda a: {"test_images": changed(a.test_images, (59, 0, 0, 0))},
        lambda a: {"train_labels": changed(a.train_labels, 0)},
        lambda a: {"test_labels": changed(a.test_labels, 0)},
        lambda a: {"classes": ("a", "c")},
        lambda a: {"train_images": a.train_images[:5], "train_labels": a.train_labels[:5]},
    ],
    ids=["train pixel", "test pixel", "train label", "test label", "class name", "one fewer"],
)
def test_the_fingerprint_changes_with(
    load: Load, change: Callable[[Arrays], dict[str, Any]]
) -> None:
    arrays = small()
    before = load(arrays).info.fingerprint
    assert load(replace(arrays, **change(arrays))).info.fingerprint != before


def test_the_fingerprint_is_of_the_content_alone(load: Load) -> None:
    before = load(small()).info.fingerprint
    other = replace(small(), name="renamed", comparable=False, skipped=0, skipped_files=())
    assert load(other).info.fingerprint == before
    transposed = np.asfortranarray(other.train_images)
    assert load(replace(other, train_images=transposed)).info.fingerprint == before


def test_large_training_arrays_are_not_copied(load: Load) -> None:
    arrays = small()
    assert load(arrays).train_images.data_ptr() == arrays.train_images.ctypes.data


def test_read_only_arrays_become_writable_tensors(load: Load) -> None:
    arrays = small()
    arrays.train_images.setflags(write=False)
    load(arrays).train_images[0] = 7
    assert arrays.train_images[0].max() == 0


def test_the_real_sample_loads() -> None:
    data = load_data(choose_data("sample"), lambda _: None, lambda: False)
    assert (data.info.train_images, data.info.test_images) == (2000, 500)
    assert data.test_labels.bincount().tolist() == [50] * 10
