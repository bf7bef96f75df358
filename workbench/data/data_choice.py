"""Which data set a run uses, and where it was found. Opens without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench import paths
from workbench.data.sources import BATCHES_FOLDER, DATA_SOURCES, DataSource
from workbench.messages import Message, WorkbenchError
from workbench.path_text import from_text, shown, to_text
from workbench.plain_text import shortened

DataKind = Literal["cifar10", "cifar100", "folder", "parquet", "sample"]
"""Names of :data:`workbench.data.sources.DATA_SOURCES`."""

CIFAR10_IMAGES = (50_000, 10_000)
"""Training and test images of CIFAR-10."""

IMAGE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
)
"""How the names of images end. What is an image is known by its content; a file with such an ending
that is none counts as an image that cannot be read."""

SAMPLE_IMAGES = (2_000, 500)
"""Training and test images of the sample."""

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def is_sample(data: Mapping[str, Any]) -> bool:
    """Return whether ``data``, a ``DataInfo`` as plain values, is the program's own sample."""
    return data.get("kind") == "sample"


@dataclass(frozen=True)
class DataChoice:
    """A data set to load. ``path`` is the folder that holds ``cifar-10-batches-py`` (cifar10)
    or ``train/`` and ``test/`` (folder), ``None`` for the sample. ``reason`` says which data
    set it is and why, and how to get the real data where it is the sample."""

    kind: DataKind
    path: Path | None
    reason: Message

    @property
    def is_sample(self) -> bool:
        return self.kind == "sample"

    def is_of(self, data: Mapping[str, Any]) -> bool:
        """Return whether a run on ``data``, a ``DataInfo`` as plain values, used this data set."""
        if data.get("kind") != self.kind:
            return False
        placed = self.kind in ("folder", "parquet") and self.path is not None
        return not placed or data.get("path") == to_text(self.path or Path())


@dataclass(frozen=True)
class LeftOut:
    """Files of a folder that are left out for one reason. ``what``: a phrase to translate, with
    ``kind`` in the place of ``{kind}``; ``example``: one of them, relative to the folder."""

    what: str
    kind: str
    count: int
    example: str

    def __str__(self) -> str:
        what = self.what.replace("{kind}", self.kind)
        return f"{what}: {self.count:,}, for example {self.example}"


@dataclass(frozen=True)
class DataInfo:
    """What is known of a loaded data set, without its images; kept with every run.

    ``fingerprint``: SHA-256 over class names, images and labels, in hexadecimal.
    ``comparable``: may stand beside the report's figures. ``skipped``: number of unreadable
    images; ``skipped_files``: the first 20 of them, relative to ``path``. ``left_out``: all that
    the folder holds and that is not in the data set, by reason, unreadable images first.
    ``classes`` and ``path`` are text that can be written anywhere (``class_names``,
    :func:`to_text`).
    """

    kind: DataKind
    name: str
    classes: tuple[str, ...]
    train_images: int
    test_images: int
    fingerprint: str
    comparable: bool
    path: str | None = None
    skipped: int = 0
    skipped_files: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_sample(self) -> bool:
        return self.kind == "sample"


def cifar10_places() -> list[Path]:
    """Folders that are looked into for ``cifar-10-batches-py``, in this order."""
    chosen = os.environ.get("CIFAR10_ROOT")
    user = Path.home()
    return [
        *([_outer(paths.expanded(chosen))] if chosen else []),
        paths.data(),
        *_current_folders(),
        user / "data",
        user / "datasets",
        user / ".keras" / "datasets",
        user,
    ]


def _current_folders() -> list[Path]:
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return []
    return [here, here / "data"]


def _outer(path: Path) -> Path:
    # Whoever names the inner folder means the same.
    return path.parent if path.name == BATCHES_FOLDER else path


def find_cifar10() -> Path | None:
    """The first of :func:`cifar10_places` that holds ``cifar-10-batches-py`` with its test
    batch; ``None`` where there is none."""
    return find_on_this_machine("cifar10")


def find_on_this_machine(kind: str) -> Path | None:
    """Return the first of :func:`cifar10_places` that holds the data called ``kind``; ``None``
    where none does, or where they are not looked for."""
    source = DATA_SOURCES[kind]
    if not source.inside:
        return None
    test = {"cifar10": "test_batch", "cifar100": "test"}.get(kind, "")
    for place in cifar10_places():
        if (place / source.inside / test).is_file():
            return place
    return None


def choose_data(wanted: str | None = None) -> DataChoice:
    """The choice for ``--dataset``: ``"cifar10"``, ``"cifar100"``, ``"sample"``, a folder or a
    Parquet file, or ``None`` (CIFAR-10 where it is on this machine, else the sample).

    Raises :class:`WorkbenchError` where ``wanted`` is not on this machine.
    """
    name = wanted if wanted is not None else "cifar10"
    source = DATA_SOURCES.get(name)
    if source is not None and source.inside:
        found = find_on_this_machine(name)
        if found:
            return _choice(source, found)
    if wanted is None:
        return DataChoice(
            "sample",
            None,
            Message(
                "Sample data, made by the program: CIFAR-10 is not on this machine. "
                "`cifar-workbench data download` gets it (170 MB), or name a folder of images "
                "with --dataset."
            ),
        )
    if wanted == "sample":
        return DataChoice("sample", None, DATA_SOURCES["sample"].described)
    if wanted == "cifar10":
        raise WorkbenchError(
            "CIFAR-10 is not on this machine; get it with `cifar-workbench data download` "
            "(170 MB), or put {folder} into {place}.",
            folder=BATCHES_FOLDER,
            place=paths.data(),
        )
    if source is not None and source.inside:
        raise WorkbenchError(
            "{name} is not on this machine; put its folder {folder} into {place}.",
            name=source.label,
            folder=source.inside,
            place=paths.data(),
        )
    path = paths.expanded(from_text(wanted)).absolute()
    if not path.exists():
        raise WorkbenchError(
            "{path}: there is no such folder; name cifar10, sample, or a folder of images.",
            path=shown(path),
        )
    for source in DATA_SOURCES.values():
        root = source.found_in(path)
        if root is not None:
            return _choice(source, root)
    expected = [source.expected for source in DATA_SOURCES.values() if source.expected]
    raise WorkbenchError(
        "{path}: no data set was found there: it holds {found}. Expected: {expected}.",
        path=shown(path),
        found=_content(path),
        expected="; ".join(expected),
    )


def _choice(source: DataSource, root: Path) -> DataChoice:
    place = root / source.inside if source.inside else root
    kind: Any = source.name
    return DataChoice(kind, root, Message(source.described.template, path=shown(place)))


def _content(path: Path) -> object:
    """The first names in a folder, for a sentence."""
    if not path.is_dir():
        return Message("a single file")
    try:
        names = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(path))
    except OSError:
        return Message("what cannot be read")
    names = [shortened(shown(name), 40) for name in names if not name.startswith(".")]
    if not names:
        return Message("nothing")
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def choice_of(data: Mapping[str, Any]) -> DataChoice:
    """The data set of a run or a weight file, from its ``DataInfo`` as plain values.

    Raises :class:`WorkbenchError` where it is not on this machine.
    """
    kind, path = data.get("kind"), data.get("path")
    source = DATA_SOURCES.get(str(kind))
    by_name = source is None or source.inside or kind == "sample"
    if not by_name and not path:
        raise WorkbenchError(
            "{name}: it is not known where this folder of images is; choose the folder.",
            name=str(data.get("name", "")),
        )
    return choose_data(str(kind) if by_name else str(path))
