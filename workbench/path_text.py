"""Names of files as text. To the system they are bytes, and need not be UTF-8: Python then has them
with lone surrogates, which no file format and no screen takes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SURROGATE = re.compile("[\ud800-\udfff]")
_ADDRESS = "file://"


def shown(name: object) -> str:
    """``str(name)`` to be shown: with U+FFFD in the place of each byte that is no text."""
    return _SURROGATE.sub(REPLACEMENT, str(name))


def to_text(path: Path) -> str:
    """``path`` to be written: as it is, or absolute as a ``file://`` address with its bytes in
    percent form where it is not UTF-8. :func:`from_text` is the way back."""
    text = str(path)
    if shown(text) == text:
        return text
    return _ADDRESS + quote_from_bytes(os.fsencode(path.absolute().as_posix()))


def from_text(text: str) -> Path:
    """The path of which :func:`to_text` made ``text``, or one that a person wrote."""
    if not text.startswith(_ADDRESS):
        return Path(text)
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_ADDRESS))))
