"""File names from words that a person wrote: the same name is allowed on every system."""

from __future__ import annotations

import re
import unicodedata

_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])(\.|$)", re.IGNORECASE)
"""What Windows takes for a device, whatever ending follows (Microsoft, *Naming Files, Paths, and
Namespaces*)."""


def file_name(words: str, longest: int = 80, otherwise: str = "untitled") -> str:
    """``words`` as a file name without an ending: ``"007 Adam, epoch 3"`` is
    ``"007-Adam-epoch-3"``, ``"con"`` is ``"_con"``.

    Letters of any script, digits, ``_`` and ``.`` stay, anything else becomes ``-``. At most
    ``longest`` characters and 200 bytes: file systems allow 255, with an ending and all.
    ``otherwise`` where nothing is left.
    """
    text = re.sub(r"[^\w.]+", "-", unicodedata.normalize("NFC", words)).strip("-.")
    text = text[:longest].encode("utf-8")[:200].decode("utf-8", errors="ignore").rstrip("-.")
    return f"_{text}"[:longest] if _RESERVED.match(text) else text or otherwise


def same_file_name(one: str, other: str) -> bool:
    """Windows and macOS take names that differ only in case, or in how accents are composed, for
    one file; so does this program everywhere."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
