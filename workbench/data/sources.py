"""Where images can come from: each source is declared here, with how it is found, described and
loaded. Opens without torch.

A source is added with a declaration in :data:`DATA_SOURCES` and a function that loads it; it is
then known to ``--dataset``, the Data button and run folders.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.messages import Message
from workbench.spec.registry import Choice, Registry

BATCHES_FOLDER = "cifar-10-batches-py"
"""The folder of CIFAR-10's batch files in torchvision's layout."""
CIFAR100_FOLDER = "cifar-100-python"
"""The folder of CIFAR-100's files in torchvision's layout."""

TEST_NAMES = ("test", "val", "valid", "validation")
"""Names of the folder of test images, the first that is there."""


@dataclass(frozen=True)
class DataSource(Choice):
    """A source of images.

    Args:
        found_in: ``found_in(path)``: the folder to load from, where a person named ``path`` or
            the program looks at it; ``None`` where there are no such data.
        load: ``load(path, progress, stop)`` -> :class:`workbench.data.arrays.Arrays`, or where it
            is, as ``"package.module:name"``.
        described: the sentence that says which data were chosen, with ``{path}``.
        expected: what a folder must hold, for a sentence.
        images: training and test images, where they are always as many.
        inside: the folder's name inside of which the data lie; empty where they lie in the path
            itself. Data with one are looked for on this machine, and can be chosen by name.
    """

    found_in: Callable[[Path], Path | None] = lambda path: None
    load: Callable[..., Any] | str = ""
    described: Message = field(default_factory=lambda: Message("{path}"))
    expected: str = ""
    images: tuple[int, int] | None = None
    inside: str = ""


def _batches_in(inside: str, needed: str) -> Callable[[Path], Path | None]:
    def found_in(path: Path) -> Path | None:
        # Whoever names the inner folder means the same.
        root = path.parent if path.name == inside else path
        return root if (root / inside / needed).is_file() or (root / inside).is_dir() else None

    return found_in


def split_folders(path: Path) -> dict[str, Path] | None:
    """Return the folders of training and test images in ``path``, by ``train`` and ``test``:
    ``Train``, ``TEST`` and ``val`` too. ``None`` where one of them is missing."""
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return None
    found = {}
    for split, wanted in (("train", ("train",)), ("test", TEST_NAMES)):
        for name in wanted:
            # As it is spelled here, before any other case.
            alike = [one for one in names if one.casefold() == name]
            if alike:
                found[split] = path / (name if name in alike else alike[0])
                break
        else:
            return None
    return found


def parquet_files(path: Path) -> dict[str, list[Path]] | None:
    """Return the Parquet files of both splits as a hub stores them, by ``train`` and ``test``:
    ``train-00000-of-00001.parquet`` in the folder, or in one of a usual name inside it. ``None``
    where there are none."""
    if path.suffix.lower() == ".parquet":
        path = path.parent
    for folder in (path, path / "data", path / "plain_text", path / "default", path / "cifar100"):
        try:
            files = sorted(p for p in folder.glob("*.parquet") if not p.name.startswith("."))
        except OSError:
            continue
        train = [file for file in files if file.name.lower().startswith("train")]
        for name in TEST_NAMES:
            test = [file for file in files if file.name.lower().startswith(name)]
            if train and test:
                return {"train": train, "test": test}
    return None


DATA_SOURCES: Registry[DataSource] = Registry(
    DataSource(
        "cifar10",
        "CIFAR-10",
        found_in=_batches_in(BATCHES_FOLDER, "test_batch"),
        load="workbench.data.cifar10:load_cifar10",
        described=Message("CIFAR-10, found in {path}."),
        expected=BATCHES_FOLDER,
        images=(50_000, 10_000),
        inside=BATCHES_FOLDER,
    ),
    DataSource(
        "cifar100",
        "CIFAR-100",
        found_in=_batches_in(CIFAR100_FOLDER, "test"),
        load="workbench.data.cifar10:load_cifar100",
        described=Message("CIFAR-100, found in {path}."),
        expected=CIFAR100_FOLDER,
        images=(50_000, 10_000),
        inside=CIFAR100_FOLDER,
    ),
    DataSource(
        "folder",
        "Folder of images",
        found_in=lambda path: path if split_folders(path) else None,
        load="workbench.data.image_folder:read_image_folder",
        described=Message("Folder of images: {path}."),
        expected="train/ and test/ (or val/) with one folder for each class",
    ),
    DataSource(
        "parquet",
        "Parquet",
        found_in=lambda path: (
            (path.parent if path.suffix.lower() == ".parquet" else path)
            if parquet_files(path)
            else None
        ),
        load="workbench.data.parquet_files:read_parquet",
        described=Message("Images in Parquet files: {path}."),
        expected="train*.parquet and test*.parquet",
    ),
    DataSource(
        "sample",
        "Sample",
        load="workbench.data.sample:load_sample",
        described=Message("Sample data, made by the program, as chosen."),
        images=(2_000, 500),
    ),
)
