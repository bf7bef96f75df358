import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from workbench.data.cifar10 import read_cifar10
from workbench.data.data_choice import CIFAR10_CLASSES
from workbench.messages import WorkbenchError

BATCHES = [f"data_batch_{n}" for n in range(1, 6)]


def write_pickle(path: Path, content: object) -> str:
    path.write_bytes(pickle.dumps(content, protocol=2))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's layout with four images in each batch file."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    random = np.random.default_rng(0)
    sums = {}
    for number, name in enumerate([*BATCHES, "test_batch"]):
        data = random.integers(0, 256, (4, 3072), np.uint8)
        data[0] = np.repeat([10 + number, 20, 30], 1024)  # planes: R, then G, then B
        sums[name] = write_pickle(folder / name, {"data": data, "labels": [number, 7, 8, 9]})
    meta = write_pickle(folder / "batches.meta", {"label_names": list(CIFAR10_CLASSES)})
    monkeypatch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in BATCHES])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": meta})
    return tmp_path


def test_reads_images_and_labels_of_both_splits(root: Path) -> None:
    arrays = read_cifar10(root)
    assert arrays.train_images.shape == (20, 32, 32, 3)
    assert arrays.train_images.dtype == np.uint8
    assert arrays.train_images.flags.c_contiguous
    assert arrays.train_images[4, 31, 0].tolist() == [11, 20, 30]
    assert arrays.train_labels.tolist()[:5] == [0, 7, 8, 9, 1]
    assert arrays.test_images[0, 0, 31].tolist() == [15, 20, 30]
    assert arrays.test_labels.tolist() == [5, 7, 8, 9]
    assert arrays.classes == CIFAR10_CLASSES
    assert (arrays.name, arrays.comparable) == ("CIFAR-10", True)


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_missing_file_is_named(root: Path, name: str) -> None:
    path = root / "cifar-10-batches-py" / name
    path.unlink()
    with pytest.raises(WorkbenchError) as error:
        read_cifar10(root)
    assert str(error.value).startswith(f"{path}: is missing; delete the folder ")


class RunsWhenOpened:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("name", ["data_batch_1", "data_batch_5", "test_batch", "batches.meta"])
def test_a_foreign_pickle_is_not_opened(root: Path, name: str) -> None:
    path, marker = root / "cifar-10-batches-py" / name, root / "it-ran"
    write_pickle(path, RunsWhenOpened(marker))
    with pytest.raises(WorkbenchError) as error:
        read_cifar10(root)
    assert not marker.exists()
    assert str(error.value).startswith(f"{path}: is not the published file")
    assert "download CIFAR-10 again" in str(error.value)
    # The trap itself works.
    pickle.loads(path.read_bytes())
    assert marker.exists()
