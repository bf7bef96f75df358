"""What a person writes to a run: name, notes, tags, a star. Kept in ``labels.json``, a file of
its own, so that the process that trains the run and the person never write the same file.

``{"format": 1, "name": ..., "notes": ..., "tags": [...], "starred": ...}``; what was never
edited is left out. Opens without torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from filelock import Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench import atomic
from workbench.library.safe_file import LARGEST_JSON, cleaned, lock_file, read_bytes, reason_of
from workbench.messages import Message, WorkbenchError

FILE = "labels.json"
FORMAT = 1
"""Format number of ``labels.json``."""

LOCK_SECONDS = 2.0
"""Longest wait for another process that writes labels, which takes it milliseconds."""


@dataclass(frozen=True)
class Labels:
    """``name`` is ``None`` while nobody has edited it: then the one in ``run.json`` counts, where
    earlier versions kept it. ``tags`` are in the order in which they were given."""

    name: str | None = None
    notes: str = ""
    tags: tuple[str, ...] = ()
    starred: bool = False


Change = Callable[[Labels], Labels]
"""An edit: it is applied to what is in the file at that moment, not to what was shown."""


def clean_name(name: str) -> str:
    """A name is one line."""
    return " ".join(name.split())


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without spaces and commas, which divide them, and each once, however it is spelled."""
    seen: dict[str, str] = {}
    for tag in tags:
        for word in tag.replace(",", " ").split():
            seen.setdefault(word.casefold(), word)
    return tuple(seen.values())


def read_labels(folder: Path) -> Labels:
    """The labels of a run folder; none where there is no file.

    Raises :class:`WorkbenchError` where the file is damaged, or of a newer format.
    """
    try:
        content = cleaned(json.loads(read_bytes(folder / FILE, LARGEST_JSON).decode("utf-8-sig")))
    except (FileNotFoundError, NotADirectoryError):
        return Labels()
    except (OSError, ValueError, RecursionError) as error:
        raise WorkbenchError(
            "{path}: the run's name, notes and tags cannot be read ({reason}).",
            path=folder / FILE,
            reason=reason_of(error) if isinstance(error, OSError) else Message("not valid JSON"),
        ) from None
    number = content.get("format") if isinstance(content, dict) else None
    if type(number) is int and number > FORMAT:
        raise WorkbenchError(
            "{path}: was written by a newer version of the program; update the program to read "
            "the run's name, notes and tags.",
            path=folder / FILE,
        )
    try:
        found = _LabelsFile.model_validate(content)
    except ValidationError:
        raise WorkbenchError(
            "{path}: the run's name, notes and tags cannot be read ({reason}).",
            path=folder / FILE,
            reason=Message("it is damaged"),
        ) from None
    return Labels(found.name, found.notes, clean_tags(found.tags), found.starred)


class _LabelsFile(BaseModel):
    """What ``labels.json`` may hold; what a newer version added is left out."""

    model_config = ConfigDict(strict=True, extra="ignore")

    format: Annotated[int, Field(ge=0)]
    name: Annotated[str, Field(max_length=10_000)] | None = None
    notes: Annotated[str, Field(max_length=500_000)] = ""
    tags: Annotated[list[Annotated[str, Field(max_length=10_000)]], Field(max_length=1_000)] = []
    starred: bool = False


def edit_labels(folder: Path, change: Change) -> None:
    """Apply ``change`` to the labels of the run in ``folder``, which must be there, and write them.
    One lock for the library beside the folder keeps two edits at once from undoing each other.

    Raises :class:`WorkbenchError` where the labels cannot be read (they are not written over),
    or written.
    """
    try:
        with lock_file(folder.with_name(".labels.lock"), timeout=LOCK_SECONDS):
            before = read_labels(folder)
            after = change(before)
            if after != before:
                _write(folder, after)
    except Timeout:
        raise WorkbenchError(
            "{path}: another process is writing to the library; try again.", path=folder
        ) from None
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written ({reason}).", path=folder, reason=reason_of(error)
        ) from None


def _write(folder: Path, labels: Labels) -> None:
    content = {"format": FORMAT, **asdict(labels)}
    if labels.name is None:
        del content["name"]
    content = cleaned(json.loads(json.dumps(content)))
    try:
        _LabelsFile.model_validate(content)
    except ValidationError:
        raise WorkbenchError(
            "{path}: the name, notes or tags are too long to be kept; shorten them.", path=folder
        ) from None
    atomic.write_text(folder / FILE, json.dumps(content, ensure_ascii=False, indent=1))
