"""Text that somebody else wrote, made fit for a terminal, a line of the window, or a table."""

from __future__ import annotations

import re
from typing import Any

# Control characters, line breaks, embeddings, overrides and isolates of the direction of
# writing, and surrogates without their other half (a file name that is not UTF-8, "\ud800" in
# JSON). Joiners stay: emoji and several scripts need them.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NUMBER = re.compile(r"[-+]?[\d.,]*\d(e[-+]?\d+)?\s?%?", re.ASCII | re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def visible(text: object, keep: str = "") -> str:
    r"""Return ``text`` in one line, with an escape (``\x1b``, ``\n``, ``\u202e``) in place of each
    character that is not seen but has an effect, and U+FFFD for what is no text; characters of
    ``keep`` stay.

    A terminal obeys control characters, and a line break in a name forges a line of output.
    """
    plain = str(text)
    if plain.isprintable():
        return plain
    return _HIDDEN.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), plain)


def _escape(character: str) -> str:
    if "\ud800" <= character <= "\udfff":  # half of a character, or a byte that is no text
        return "\N{REPLACEMENT CHARACTER}"
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: object, most: int = 60) -> str:
    """:func:`visible` text of at most ``most`` characters; what is longer ends in an ellipsis."""
    plain = visible(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def table_cell(value: Any) -> Any:
    """``value`` for a cell of a table that a spreadsheet may open.

    A word that the spreadsheet would take for a formula gets an apostrophe before it, as OWASP
    advises against CSV injection; numbers stay numbers, also those written as text.
    """
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
