"""Colors, dashes and markers that tell compared runs apart, on the screen and on paper."""

from __future__ import annotations

ON_WHITE = ("#1d6bc4", "#a65c00", "#00775b", "#7a4da3", "#b3261e", "#4b5563", "#0e7490", "#854d6d")
"""Colors of the first, the second, ... run on a light ground."""

ON_DARK = ("#5aa9f5", "#e69f3c", "#35c296", "#c9a0f0", "#ff8a7e", "#aab4c4", "#4fc3d9", "#e394bd")
"""The same on a dark ground."""

RUN_DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (9, 4),
    (2, 3),
    (9, 3, 2, 3),
    (16, 4),
    (9, 3, 2, 3, 2, 3),
    (5, 8),
    (16, 3, 6, 3),
)
"""In the same order: lengths of strokes and gaps in pixels; the first is solid."""

RUN_MARKERS = ("o", "s", "t1", "d", "+", "star", "x", "p")
"""Symbols of pyqtgraph's, in the same order."""
