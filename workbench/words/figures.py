"""Figures with their units: accuracies, durations, speeds, counts that stay as wide as they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from workbench.messages import Message

NONE = "–"
"""Stands for a figure that there is not."""


def percent(value: float | None) -> str:
    """``72.40%``: two digits, since one of 10,000 test images is 0.01%; a dash for none and for
    what is not finite."""
    return NONE if value is None or not math.isfinite(value) else f"{value:.2f}%"


def duration(seconds: float, tr: Callable[[str], str] = str) -> str:
    """``8.4 s``, ``3 min 5 s``, ``26 h 3 min``; ``tr`` translates a text."""
    if not math.isfinite(seconds):
        return "—"
    if seconds < 60:
        return tr("{seconds} s").format(seconds=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return tr("{minutes} min {seconds} s").format(minutes=minutes, seconds=rest)
    hours, minutes = divmod(minutes, 60)
    return tr("{hours} h {minutes} min").format(hours=f"{hours:,}", minutes=minutes)


def time_left(seconds: float) -> Message:
    """Round as one would say it: ``9 min left``."""
    if seconds < 59.5:
        return Message("{seconds} s left", seconds=max(round(seconds), 1))
    minutes = round(seconds / 60)
    if minutes < 60:
        return Message("{minutes} min left", minutes=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return Message("{hours} h {minutes} min left", hours=hours, minutes=minutes)
    days, hours = divmod(round(seconds / 3600), 24)
    return Message("{days} d {hours} h left", days=days, hours=hours)


def three_digits(value: float) -> str:
    """``1,650``, ``62,300``, ``4.21``: the digits after the third only flicker."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def aligned(value: int, widest: int) -> str:
    """Return ``value`` with thousands separators, padded on the left to the width of ``widest``
    with spaces as wide as a digit or a comma, so that what follows stays where it is."""
    text, room = f"{value:,}", f"{widest:,}"
    missing = room[: max(len(room) - len(text), 0)]
    return "".join("\u2008" if sign == "," else "\u2007" for sign in missing) + text


def local_time(created: str) -> str:
    """ISO 8601 as date and time of day here: ``2026-11-23 20:56:30``."""
    try:
        return f"{datetime.fromisoformat(created).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return created
