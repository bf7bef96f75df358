"""What every test has: a home of its own, and no data set of the person who runs the tests."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

# The networks are small: two threads that wait for each other make a busy machine crawl. Before
# torch is imported, so that it holds in every thread and in the processes that tests start.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet, load_data


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's home in a temporary folder; the person's own is never touched."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CIFAR_WORKBENCH_HOME", str(folder))
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    person = tmp_path / "person"
    person.mkdir()
    monkeypatch.setattr(Path, "home", lambda: person)
    monkeypatch.chdir(person)
    return folder


@pytest.fixture(scope="session")
def sample() -> DataSet:
    """The sample, whole."""
    return load_data(choose_data("sample"), lambda progress: None, lambda: False)


@pytest.fixture(scope="session")
def small(sample: DataSet) -> DataSet:
    """The first 70 training and 50 test images of the sample."""
    return cut(sample, 70, 50)


def cut(data: DataSet, train: int, test: int) -> DataSet:
    """``data`` with its first images only."""
    return replace(
        data,
        info=replace(data.info, train_images=train, test_images=test),
        train_images=data.train_images[:train],
        train_labels=data.train_labels[:train],
        test_images=data.test_images[:test],
        test_labels=data.test_labels[:test],
    )
