"""Class names from folder names, which are bytes to the system and text to everything else."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote_from_bytes

from workbench.path_text import REPLACEMENT, shown

_LONGEST = 250
"""Characters; of a longer name not the bytes follow but their checksum."""


def class_names(folders: Sequence[str]) -> tuple[str, ...]:
    """One name for each folder, in their order: text that can be written anywhere, no two alike.

    A name that is text is kept as it is. Where it is not UTF-8, each byte that is none is replaced
    by U+FFFD, and all of them follow in percent form, so that the name still says which folder it
    is: "caf\N{REPLACEMENT CHARACTER} (caf%E9)". They also follow where two names look alike, as
    with an accent that is written as one character or as two.
    """
    names = [shown(folder) for folder in folders]
    looks = Counter(map(_look, names))
    named = [
        _with_bytes(name, folder) if REPLACEMENT in name or looks[_look(name)] > 1 else name
        for name, folder in zip(names, folders, strict=True)
    ]
    if len(set(named)) < len(named):  # a folder has the very name that another one got
        named = [_with_bytes(name, folder) for name, folder in zip(names, folders, strict=True)]
    return tuple(named)


def _look(name: str) -> str:
    """The same for names that look the same: without what cannot be seen."""
    seen = (c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return " ".join("".join(seen).split())


def _with_bytes(name: str, folder: str) -> str:
    content = os.fsencode(folder)
    written = quote_from_bytes(content)
    if len(name) + len(written) > _LONGEST:
        written = f"SHA-256 {hashlib.sha256(content).hexdigest()[:16]}"
    return f"{name} ({written})"
