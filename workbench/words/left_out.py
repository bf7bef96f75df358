"""What was left out of a folder of images, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def left_out_lines(data: Mapping[str, Any], tr: Callable[[str], str] = str) -> list[str]:
    """Return one line for each reason in ``data``, a ``DataInfo`` as plain values; none where
    nothing is known. ``tr`` translates a text. The words of a file are never a format string."""
    lines = []
    stored = data.get("left_out")
    for one in stored if isinstance(stored, list | tuple) else ():
        if not isinstance(one, Mapping) or not isinstance(one.get("count"), int):
            continue
        kind = str(one.get("kind", ""))
        what = tr(str(one.get("what", ""))).replace("{kind}", tr(kind) if kind else "")
        lines.append(
            tr("{what}: {count}, for example {example}").format(
                what=what, count=f"{one['count']:,}", example=str(one.get("example", ""))
            )
        )
    return lines
