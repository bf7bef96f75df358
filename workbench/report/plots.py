"""Plots as SVG text: lines, marks and bars on two axes. Made for paper: white ground, fixed
size, no script."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape as html_escape

import numpy as np

from workbench.plain_text import visible

WIDTH, HEIGHT = 640, 316
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 46, 44

MEASURED, RAW, REPORTED, BEST = "#1d6bc4", "#8fb8e6", "#a65c00", "#00775b"
STEPS, TRAINING, MEAN = "#f3c4aa", "#c2410c", "#7c2d12"
TEST, VALIDATION = MEASURED, "#b0398a"


@dataclass(frozen=True, eq=False)
class Line:
    """A line through ``x`` and ``y``, float arrays of one length; it breaks where ``y`` is not
    finite. ``dots`` marks each point."""

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str = MEASURED
    width: float = 1.6
    dash: str = ""
    dots: bool = False


@dataclass(frozen=True, eq=False)
class Band:
    """The area between ``low`` and ``high`` over ``x``."""

    name: str
    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    color: str = RAW


@dataclass(frozen=True)
class Level:
    """A horizontal line at ``y``."""

    name: str
    y: float
    color: str = REPORTED


Series = Line | Band | Level


def plot(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    y_range: tuple[float, float] | None = None,
) -> str:
    """The SVG element. Without any finite point the axes run from 0 to 1."""
    x_low, x_high = _range([s.x for s in series if not isinstance(s, Level)])
    y_low, y_high = y_range or _range([y for s in series for y in _heights(s)], margin=0.05)
    legend, rows = _legend(series)
    more = 16 * max(rows - 2, 0)  # two rows have room above the axes
    height = HEIGHT + more
    across = (WIDTH - _LEFT - _RIGHT) / (x_high - x_low)
    up = (HEIGHT - _TOP - _BOTTOM) / (y_high - y_low)

    def at(x: float, y: float) -> str:
        clipped = min(max(y, y_low), y_high)
        return f"{_LEFT + (x - x_low) * across:.1f},{height - _BOTTOM - (clipped - y_low) * up:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="11" fill="#1b1f27">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for y in ticks(y_low, y_high):
        parts.append(f'<path d="M{at(x_low, y)} L{at(x_high, y)}" stroke="#e3e7ec"/>')
        left, _, top = at(x_low, y).partition(",")
        parts.append(
            f'<text x="{float(left) - 6:.1f}" y="{float(top) + 4:.1f}" text-anchor="end">'
            f"{_number(y)}</text>"
        )
    for x in ticks(x_low, x_high, least=1.0 if x_high - x_low >= 2 else 0.0):
        left = at(x, y_low).partition(",")[0]
        parts.append(
            f'<text x="{left}" y="{height - _BOTTOM + 15}" text-anchor="middle">{_number(x)}</text>'
        )
    parts.append(
        f'<path d="M{at(x_low, y_high)} L{at(x_low, y_low)} L{at(x_high, y_low)}" fill="none" '
        'stroke="#596273"/>'
    )
    for s in series:
        parts += _drawn(s, at, x_low, x_high)
    parts.append(
        f'<text x="{(WIDTH + _LEFT - _RIGHT) / 2}" y="{height - 8}" text-anchor="middle">'
        f"{escape(x_label)}</text>"
    )
    middle = (HEIGHT + _TOP - _BOTTOM) / 2 + more
    parts.append(
        f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>"
    )
    return "".join([*parts, *legend, "</svg>"])


def escape(text: str) -> str:
    return html_escape(visible(text))


def _heights(s: Series) -> list[np.ndarray]:
    if isinstance(s, Line):
        return [s.y]
    return [s.low, s.high] if isinstance(s, Band) else [np.array([s.y])]


def _range(arrays: Sequence[np.ndarray], margin: float = 0.0) -> tuple[float, float]:
    values = np.concatenate([np.asarray(a, float).ravel() for a in arrays] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    room = margin * (high - low)
    return low - room, high + room


def ticks(low: float, high: float, about: int = 6, least: float = 0.0) -> list[float]:
    """Round numbers from ``low`` to ``high``, in steps of 1, 2 or 5 times a power of ten, and of
    ``least`` or more."""
    step = 10 ** math.floor(math.log10((high - low) / about))
    step *= next((m for m in (1, 2, 5) if (high - low) / (step * m) <= about), 10)
    step = max(step, least)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _number(value: float) -> str:
    return f"{value:.10g}"


def _drawn(s: Series, at: Callable[[float, float], str], x_low: float, x_high: float) -> list[str]:
    if isinstance(s, Level):
        path = f"M{at(x_low, s.y)} L{at(x_high, s.y)}"
        return [f'<path d="{path}" stroke="{s.color}" stroke-width="1.2" stroke-dasharray="6 4"/>']
    if isinstance(s, Band):
        keep = np.isfinite(s.low) & np.isfinite(s.high)
        outline = [*zip(s.x[keep], s.high[keep], strict=True)]
        outline += [*zip(s.x[keep][::-1], s.low[keep][::-1], strict=True)]
        if not outline:
            return []
        corners = " ".join(at(x, y) for x, y in outline)
        return [f'<polygon points="{corners}" fill="{s.color}" fill-opacity="0.5"/>']
    parts = []
    finite = np.isfinite(s.y)
    pieces = np.split(np.arange(len(s.y)), np.flatnonzero(~finite))
    for piece in pieces:
        points = [at(s.x[i], s.y[i]) for i in piece if finite[i]]
        if len(points) > 1:
            dash = f' stroke-dasharray="{s.dash}"' if s.dash else ""
            parts.append(
                f'<path d="M{" L".join(points)}" fill="none" stroke="{s.color}" '
                f'stroke-width="{s.width}" stroke-linejoin="round"{dash}/>'
            )
        if s.dots or len(points) == 1:
            for point in points:
                x, _, y = point.partition(",")
                parts.append(f'<circle cx="{x}" cy="{y}" r="2.4" fill="{s.color}"/>')
    return parts


def _legend(series: Sequence[Series]) -> tuple[list[str], int]:
    """Names above the axes, from the left, and in how many rows they stand; widths of text are only
    estimated in SVG."""
    parts = []
    x, y, rows = float(_LEFT), 12, 1
    for s in series:
        if not s.name:
            continue
        name = _shortened(s.name, WIDTH - _LEFT - 46)
        length = 46 + _text_width(name)
        if x > _LEFT and x + length > WIDTH:
            x, y, rows = float(_LEFT), y + 16, rows + 1
        width = 10 if isinstance(s, Band) else 2
        dash = s.dash if isinstance(s, Line) else "6 4" * isinstance(s, Level)
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(
            f'<path d="M{x:.0f} {y} h24" stroke="{s.color}" stroke-width="{width}"{dash}/>'
            f'<text x="{x + 30:.0f}" y="{y + 4}">{escape(name)}</text>'
        )
        x += length
    return parts, rows


def _text_width(text: str) -> float:
    return sum(11.5 if ord(letter) > 0x2E80 else 6.0 for letter in text)


def _shortened(text: str, width: float) -> str:
    """``text`` without its middle where it is wider: names of runs often differ in their ends."""
    if _text_width(text) <= width:
        return text
    half = len(text) // 2
    while half > 1 and _text_width(f"{text[:half]}…{text[-half:]}") > width:
        half -= 1
    return f"{text[:half]}…{text[-half:]}"


def thinned(values: np.ndarray, columns: int = 500) -> tuple[np.ndarray, ...]:
    """``(index, low, mean, high)`` of at most ``columns`` stretches of equal length: index
    (float, 0-based) of each stretch's middle, and its extremes and mean without what is not
    finite. All empty for no values."""
    values = np.asarray(values, np.float64)
    if not len(values):
        return (np.zeros(0),) * 4
    length = -(-len(values) // columns)
    padded = np.full(-(-len(values) // length) * length, np.nan)
    padded[: len(values)] = np.where(np.isfinite(values), values, np.nan)
    rows = padded.reshape(-1, length)
    there = np.isfinite(rows)
    count = there.sum(1)
    full = np.maximum(count, 1)
    nothing = count == 0
    low = np.where(nothing, np.nan, np.where(there, rows, np.inf).min(1))
    high = np.where(nothing, np.nan, np.where(there, rows, -np.inf).max(1))
    mean = np.where(nothing, np.nan, np.where(there, rows, 0.0).sum(1) / full)
    return np.arange(len(rows)) * length + (length - 1) / 2, low, mean, high


def sampled(values: np.ndarray, columns: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """``(index, value)`` of at most ``columns`` of ``values``, evenly apart, and the last: as they
    are, where :func:`thinned` averages over more steps the longer a run is. Index is 0-based."""
    length = max(-(-len(values) // columns), 1)
    index = np.arange(len(values) - 1, -1, -length)[::-1]
    return index, np.asarray(values, np.float64)[index]
