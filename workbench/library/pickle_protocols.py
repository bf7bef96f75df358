"""Pickles of protocols 3 to 5, written again as protocol 2, which is all that torch reads without
running code."""

from __future__ import annotations

import io
import pickletools
import struct
from typing import Any

_MOST_OPERATIONS = 1_000_000


def as_protocol_2(stream: io.BytesIO) -> bytes:
    """Return the next pickle of ``stream`` in protocol 2; the stream stands behind it afterwards.

    Nothing is run or looked up. A name of a class or function, which protocol 4 takes from two
    strings on the stack, is written as what it is. Raises ``ValueError`` where the pickle is cut
    off or damaged, or takes such a name from anything else than two strings.
    """
    content = stream.getvalue()
    start = stream.tell()
    parts: list[tuple[bytes, str | None]] = []  # operations; the text of those that push one
    texts: dict[int, str] = {}  # texts in the memo
    count = 0  # entries of the memo
    operations = list(_operations(stream))
    ends = [*(position for _, _, position in operations[1:]), stream.tell() - start]
    for (operation, argument, position), end in zip(operations, ends, strict=True):
        name = operation.name
        if name == "PROTO":
            parts.append((b"\x80\x02", None))
        elif name == "FRAME":
            continue
        elif name in ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"):
            parts.append(_text(str(argument)))
        elif name in ("MEMOIZE", "BINPUT", "LONG_BINPUT"):
            index = count if name == "MEMOIZE" else int(argument)
            count += 1
            if not parts or index > _MOST_OPERATIONS:
                raise ValueError("an entry of the memo that cannot be")
            text = parts[-1][1]
            if text is not None:
                texts[index] = text  # a text is written again wherever it is used
            else:
                texts.pop(index, None)
                parts.append((b"r" + struct.pack("<I", index), None))
        elif name in ("BINGET", "LONG_BINGET") and int(argument) in texts:
            parts.append(_text(texts[int(argument)]))
        elif name == "STACK_GLOBAL":
            (_, owner), (_, called) = parts[-2:] if len(parts) > 1 else ((b"", None),) * 2
            if owner is None or called is None or "\n" in owner + called:
                raise ValueError("a name that is not two texts")
            parts[-2:] = [(f"c{owner}\n{called}\n".encode(), None)]
        else:
            parts.append((content[start + position : start + end], None))
    return b"".join(part for part, _ in parts)


def _operations(stream: io.BytesIO) -> list[tuple[pickletools.OpcodeInfo, Any, int]]:
    start, found = stream.tell(), []
    for number, (operation, argument, position) in enumerate(pickletools.genops(stream)):
        if number == _MOST_OPERATIONS:
            raise ValueError("too long")
        found.append((operation, argument, (position or 0) - start))
    return found


def _text(text: str) -> tuple[bytes, str]:
    encoded = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(encoded)) + encoded, text
