"""Every entry of a menu can be chosen by a letter: each gets one that no other entry of the menu
has, in whatever language it is written."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

_ADDED = re.compile(r"\s*\(&\w\)")


def without_mnemonic(text: str) -> str:
    """Return ``text`` as it is read: ``File``, not ``&File``; ``파일``, not ``파일(&F)``. What Qt
    writes as ``&&`` is an ampersand."""
    text = _ADDED.sub("", text)
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def mnemonic_of(text: str) -> str:
    """Return the letter of ``text`` in lower case; empty where it has none."""
    found = re.search(r"&(\w)", text.replace("&&", ""))
    return found[1].lower() if found else ""


def with_mnemonics(texts: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return ``texts`` with a letter of each marked, no letter twice.

    Marks that the texts have are kept where they are free. Otherwise a text in Latin letters gets
    the first free letter that begins a word in it, else any free one in it; another text gets one
    in brackets behind it, by its entry of ``names`` (English words), as is the custom in Korean.
    """
    used: set[str] = set()
    marked = []
    for text, name in zip(texts, names, strict=True):
        kept = mnemonic_of(text)
        if kept and kept not in used:
            used.add(kept)
            marked.append(text)
            continue
        plain = without_mnemonic(text)
        written = plain.replace("&", "&&")
        place = _free_letter(plain, used)
        if place is not None:
            used.add(plain[place].lower())
            before, after = plain[:place].replace("&", "&&"), plain[place:].replace("&", "&&")
            marked.append(f"{before}&{after}")
            continue
        letter = next(
            (c for c in name.lower() + string.ascii_lowercase + string.digits if _fits(c, used)), ""
        )
        used.add(letter)
        dots = "…" if written.endswith("…") else ""
        marked.append(f"{written.removesuffix('…')}(&{letter.upper()}){dots}" if letter else text)
    return marked


def _free_letter(text: str, used: set[str]) -> int | None:
    if any(unicodedata.category(c) == "Lo" for c in text):
        return None  # of a script whose letters no key types alone
    places = [place for place, c in enumerate(text) if _fits(c.lower(), used)]
    first = [place for place in places if place == 0 or not text[place - 1].isalnum()]
    return next(iter(first or places), None)


def _fits(letter: str, used: set[str]) -> bool:
    return letter in string.ascii_lowercase + string.digits and letter not in used


def give_mnemonics(menu: QMenu) -> None:
    """Mark a letter in each entry of ``menu`` whenever it opens: texts change with the language and
    with what is chosen."""
    menu.aboutToShow.connect(lambda: mark_entries(menu))


def mark_entries(menu: QMenu) -> None:
    """Mark a letter in each entry of ``menu``."""
    actions = [action for action in menu.actions() if not action.isSeparator() and action.text()]
    texts = with_mnemonics([action.text() for action in actions], [_name(a) for a in actions])
    for action, text in zip(actions, texts, strict=True):
        if action.text() != text:
            action.setText(text)


def _name(action: QAction) -> str:
    inner = action.menu()
    return (inner.objectName() if isinstance(inner, QMenu) else "") or action.objectName()
