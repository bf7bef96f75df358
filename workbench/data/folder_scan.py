"""What lies in a folder of images: ``train/<class>/*`` and ``test/<class>/*``, and all the rest."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from workbench.data.class_names import class_names
from workbench.data.data_choice import IMAGE_ENDINGS, LeftOut
from workbench.data.image_decoding import (
    CANNOT_OPEN,
    DAMAGED,
    NO_ENDING,
    NOT_A_FILE,
    NOT_AN_IMAGE,
    TOO_LARGE,
    UNKNOWN_RANGE,
    UnreadableImage,
    decode,
)
from workbench.data.sources import split_folders
from workbench.messages import Count, WorkbenchError
from workbench.path_text import shown

SPLITS = ("train", "test")
NAMED_REASONS = 20
"""So many reasons for leaving files out are told apart."""

# Reasons, beside those of image_decoding: phrases to translate.
HIDDEN = "hidden"
BROKEN_LINK = "link to nothing"
DEEPER = "in a folder inside a class folder"
LINKED = "link to a folder inside a class folder"
OUTSIDE = "outside the class folders"
BESIDE = "folder beside train and test"
OTHERS = "other files"
REASONS = (
    *(NOT_AN_IMAGE, DAMAGED, TOO_LARGE, UNKNOWN_RANGE, NOT_A_FILE, CANNOT_OPEN),
    *(HIDDEN, BROKEN_LINK, DEEPER, LINKED, OUTSIDE, BESIDE, OTHERS, NO_ENDING),
)
"""All phrases that :class:`LeftOut` may hold, for the translation."""


class ImageFile(NamedTuple):  # of which there may be 60,000: quick to make
    split: int
    label: int
    path: str
    size: int
    mtime_ns: int


_Reason = tuple[str, str]
"""A phrase, and what stands for ``{kind}`` in it."""


class Rest:
    """What is left out, by reason: how many, and one example of each."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._counts: dict[_Reason, int] = defaultdict(int)
        self._examples: dict[_Reason, str] = {}

    def add(self, path: str | Path, what: str, kind: str = "", count: int = 1) -> None:
        if (what, kind) not in self._examples and len(self._examples) >= NAMED_REASONS:
            what, kind = OTHERS, ""
        self._counts[what, kind] += count
        if (what, kind) not in self._examples:
            self._examples[what, kind] = self.relative(path)

    def relative(self, path: str | Path) -> str:
        return shown(Path(path).relative_to(self._root).as_posix())

    def all(self) -> tuple[LeftOut, ...]:
        return tuple(
            LeftOut(what, shown(kind), count, self._examples[what, kind])
            for (what, kind), count in self._counts.items()
        )


def scan_folder(path: Path, rest: Rest) -> tuple[tuple[str, ...], list[ImageFile]]:
    """The class folders, and the files in them split by split, class by class, sorted by name.
    ``rest`` hears of all else."""
    try:
        places = split_folders(path) or {split: path / split for split in SPLITS}
        found: dict[str, set[str]] = {split: set() for split in SPLITS}
        for split in SPLITS:
            for entry, status in _entries(places[split], rest):
                if stat.S_ISDIR(status.st_mode):
                    found[split].add(entry.name)
                else:
                    rest.add(entry.path, OUTSIDE)
        spelled = _spelled_as_in_test(found)
        _require_same_classes(path, places, found)
        folders = tuple(sorted(found[SPLITS[0]]))
        files: list[ImageFile] = []
        for split_index, split in enumerate(SPLITS):
            for label, name in enumerate(folders):
                before = len(files)
                folder = places[split] / (spelled.get(name, name) if split_index else name)
                for entry, status in _class_entries(folder, rest):
                    mode, size = status.st_mode, status.st_size
                    if stat.S_ISREG(mode):
                        files.append(
                            ImageFile(split_index, label, entry.path, size, status.st_mtime_ns)
                        )
                    elif stat.S_ISDIR(mode):
                        _count_deeper(entry, rest)
                    else:
                        rest.add(entry.path, NOT_A_FILE)
                if len(files) == before:
                    raise no_images(folder)
        beside_names = {place.name for place in places.values()} | set(SPLITS)
        with os.scandir(path) as beside:
            for entry in sorted(beside, key=lambda entry: entry.name):
                known = entry.name in beside_names or entry.name.lower() in SPLITS
                if not known and not _is_hidden(entry.name) and entry.is_dir():
                    rest.add(entry.path, BESIDE)
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}); check that it is there and may be read.",
            path=shown(error.filename or path),
            reason=error.strerror,
        ) from None
    return folders, files


def _entries(folder: Path, rest: Rest) -> list[tuple[os.DirEntry[str], os.stat_result]]:
    """Return what is in ``folder`` by name, and what the system says of it (of what it points
    to)."""
    found = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if _is_hidden(entry.name):
                rest.add(entry.path, HIDDEN)
                continue
            try:
                found.append((entry, entry.stat()))
            except OSError as error:  # points to nothing or in a circle, or has just been deleted
                if entry.is_symlink():
                    rest.add(entry.path, BROKEN_LINK)
                else:
                    rest.add(entry.path, CANNOT_OPEN, error.strerror or "")
    return found


def _is_hidden(name: str) -> bool:
    """Also what storage systems put beside images: thumbnails of Synology, forks of macOS."""
    return name[0] == "." or name in ("@eaDir", "__MACOSX")


def _class_entries(folder: Path, rest: Rest) -> list[tuple[os.DirEntry[str], os.stat_result]]:
    """Return what is in a class folder, or, where no image lies there itself and there is one
    folder inside, what is in that (``train/<class>/images/*``)."""
    own = _entries(folder, rest)
    inner = [entry for entry, status in own if stat.S_ISDIR(status.st_mode)]
    if len(inner) != 1 or inner[0].is_symlink():
        return own
    files = [(entry, status) for entry, status in own if entry is not inner[0]]
    if any(_may_be_image(entry, status) for entry, status in files):
        return own
    return [*_entries(Path(inner[0].path), rest), *files]


def _may_be_image(entry: os.DirEntry[str], status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode):
        return False
    if entry.name.lower().endswith(IMAGE_ENDINGS):
        return True
    try:
        decode(entry.path)
    except UnreadableImage:
        return False
    return True


def _spelled_as_in_test(found: dict[str, set[str]]) -> dict[str, str]:
    """Class folders of the training split whose names in the test split are the same but for how
    accents are composed: theirs by ours, and ``found`` with the same names in both."""
    train, test = (found[split] for split in SPLITS)
    by_form: dict[str, list[str]] = defaultdict(list)
    for name in sorted(test - train):
        by_form[unicodedata.normalize("NFC", name)].append(name)
    ours = sorted(train - test)
    spelled = {}
    for name in ours:
        alike = by_form.get(unicodedata.normalize("NFC", name), [])
        twins = [
            n for n in ours if unicodedata.normalize("NFC", n) == unicodedata.normalize("NFC", name)
        ]
        if len(alike) == len(twins) == 1:
            spelled[name] = alike[0]
    found[SPLITS[1]] = (test - set(spelled.values())) | set(spelled)
    return spelled


def _count_deeper(folder: os.DirEntry[str], rest: Rest) -> None:
    if folder.is_symlink():  # which may lead back up
        rest.add(folder.path, LINKED)
        return
    for place, _, names in os.walk(folder.path):
        if names:
            rest.add(Path(place, min(names)), DEEPER, count=len(names))


def _require_same_classes(path: Path, places: dict[str, Path], found: dict[str, set[str]]) -> None:
    every = sorted(set.union(*found.values()))
    names = dict(zip(every, class_names(every), strict=True))
    for split, missing in (SPLITS, SPLITS[::-1]):
        only = sorted(found[split] - found[missing])
        if only:
            raise WorkbenchError(
                "{path}: class {name} is in {split}/ only; add it to {missing}/, or remove it.",
                path=shown(path),
                name=names[only[0]],
                split=places[split].name,
                missing=places[missing].name,
            )
    if len(every) < 2:
        raise WorkbenchError(
            "{path}: holds {count:class folder|class folders}; training needs two or more.",
            path=shown(places[SPLITS[0]]),
            count=Count(len(every)),
        )


def no_images(folder: Path) -> WorkbenchError:
    for place, _, names in os.walk(folder):
        if names and Path(place) != folder:
            return WorkbenchError(
                "{path}: holds no readable image itself; move those of the folders inside it "
                "(for example {example}) up into it, or remove the class.",
                path=shown(folder),
                example=shown((Path(place) / min(names)).relative_to(folder).as_posix()),
            )
    return WorkbenchError(
        "{path}: holds no readable image; add some ({endings}), or remove the class.",
        path=shown(folder),
        endings=", ".join(IMAGE_ENDINGS),
    )
