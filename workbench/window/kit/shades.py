"""Shades for shares of 100%, in both themes, and which text can be read on them. No Qt."""

from __future__ import annotations

import math
from functools import lru_cache


def percent(count: int, of: int) -> float | None:
    """0 to 100; ``None`` where there is nothing to take a part of."""
    return 100 * count / of if of else None


SHADES = 256


@lru_cache
def scale(dark: bool) -> tuple[str, ...]:
    """The colors from 0% to 100% in even steps, as ``#rrggbb``."""
    return tuple(_shade(i / (SHADES - 1), dark) for i in range(SHADES))


def scale_color(percent: float, dark: bool) -> str:
    """The color for ``percent`` (0 to 100) of the true class."""
    return scale(dark)[round(min(max(percent, 0.0), 100.0) / 100 * (SHADES - 1))]


def _shade(part: float, dark: bool) -> str:
    if dark:
        lightness = 0.255 + (0.90 - 0.255) * part
        chroma = 0.016 + 0.12 * math.sin(math.pi * min(part, 0.85))
    else:
        lightness = 1 - (1 - 0.36) * part
        chroma = 0.14 * (1 - (1 - part) ** 2)
    hue = math.radians(252)
    # Less chroma until the screen can show it; the lightness stays what it must be.
    while True:
        rgb = _oklab_to_linear_rgb(lightness, chroma * math.cos(hue), chroma * math.sin(hue))
        if chroma < 1e-3 or all(-1e-4 <= value <= 1 + 1e-4 for value in rgb):
            break
        chroma *= 0.97
    return "#" + "".join(f"{round(255 * _gamma(min(max(v, 0.0), 1.0))):02x}" for v in rgb)


def _oklab_to_linear_rgb(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """Björn Ottosson's OKLab to linear sRGB, each 0 to 1 where the screen can show it."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def luminance(color: str) -> float:
    """Relative luminance of ``#rrggbb`` as WCAG defines it, 0 to 1."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG defines it, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@lru_cache(maxsize=1024)
def text_on(background: str) -> str:
    """Black or white, whichever is read better: one of them always has 4.58:1 or more."""
    return max("#000000", "#ffffff", key=lambda text: contrast(text, background))
