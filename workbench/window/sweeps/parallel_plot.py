"""Parallel coordinates: an axis for each hyperparameter, the accuracy last, a line for each point.

Dragging along an axis brushes it: only lines through the brushed part of every axis stay in color.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPen
from PySide6.QtWidgets import QWidget

from workbench.window.kit import theme
from workbench.window.kit.shades import scale as shades
from workbench.window.sweeps.scales import Scale

BANDS = 8
"""Colors from the worst to the best accuracy; each is one item to draw, however many lines."""

NEAR = 10.0
"""Pixels from the pointer within which a line is under it."""

_Range = tuple[float, float]


def line_positions(scales: Sequence[Scale], points: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return where each point crosses each axis, float64 (points, axes), NaN where it does not
    (momentum with Adam). A point's accuracy has the key ``""``."""
    found = np.full((len(points), len(scales)), np.nan)
    for row, values in enumerate(points):
        for column, scale in enumerate(scales):
            position = scale.position(values.get(scale.name))
            if position is not None:
                found[row, column] = position
    return found


def within(positions: np.ndarray, brushes: Mapping[int, _Range]) -> np.ndarray:
    """Return which lines go through every brush, bool (points,). A line that does not cross a
    brushed axis is outside."""
    inside = np.ones(len(positions), bool)
    for axis, (low, high) in brushes.items():
        column = positions[:, axis]
        with np.errstate(invalid="ignore"):
            inside &= (column >= low) & (column <= high)
    return inside


def top_share(accuracies: np.ndarray, percent: int) -> np.ndarray:
    """Return which points are among the best ``percent``, at least one; those without an accuracy
    only at 100."""
    if percent >= 100:
        return np.ones(len(accuracies), bool)
    known = np.flatnonzero(~np.isnan(accuracies))
    keep = max(1, round(len(known) * percent / 100)) if len(known) else 0
    best = known[np.argsort(-accuracies[known], kind="stable")[:keep]]
    chosen = np.zeros(len(accuracies), bool)
    chosen[best] = True
    return chosen


def nearest_line(positions: np.ndarray, x: float, y: float, height: float) -> tuple[int, float]:
    """Return the line nearest to a place between the axes, and how far it is in pixels of
    ``height`` from 0 to 1; -1 where there is none."""
    axis = int(np.clip(np.floor(x), 0, max(positions.shape[1] - 2, 0)))
    if positions.shape[1] < 2 or not len(positions):
        return -1, np.inf
    part = np.clip(x - axis, 0.0, 1.0)
    at = positions[:, axis] * (1 - part) + positions[:, axis + 1] * part
    distance = np.abs(at - y) * height
    if np.all(np.isnan(distance)):
        return -1, np.inf
    line = int(np.nanargmin(distance))
    return line, float(distance[line])


class ParallelPlot(pg.PlotWidget):
    """``chosen``: the place of a point, clicked. ``pointed``: of the one under the pointer, or
    ``None``. ``brushed``: which lines are in color has changed."""

    chosen = Signal(int)
    pointed = Signal(object)
    brushed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False)
        self.setObjectName("parallelPlot")
        self.setMouseTracking(True)
        self.hideButtons()
        item = self.getPlotItem()
        item.hideAxis("left")
        item.hideAxis("bottom")
        self._view = item.getViewBox()
        self._view.setMouseEnabled(False, False)
        self._scales: list[Scale] = []
        self._labels: list[str] = []
        self._ticks: list[list[tuple[float, str]]] = []
        self._positions = np.zeros((0, 0))
        self._accuracies = np.zeros(0)
        self._brushes: dict[int, _Range] = {}
        self._percent = 100
        self._drag: tuple[int, float] | None = None
        self._under = -1
        self._lines: list[Any] = [pg.PlotCurveItem() for _ in range(BANDS + 2)]
        for line in self._lines:
            self.addItem(line)
        self._frame: list[Any] = []
        self._marks: dict[int, Any] = {}

    # --- what is shown -----------------------------------------------------------------

    def show_points(
        self,
        scales: Sequence[Scale],
        labels: Sequence[str],
        ticks: Sequence[Sequence[tuple[float, str]]],
        points: Sequence[Mapping[str, Any]],
    ) -> None:
        """Show ``points`` over ``scales``, the last of which is that of the accuracy. Brushes stay
        where the axes are the same."""
        if [scale.name for scale in scales] != [scale.name for scale in self._scales]:
            self._brushes = {}
        self._scales, self._labels = list(scales), list(labels)
        self._ticks = [list(each) for each in ticks]
        self._positions = line_positions(scales, points)
        self._accuracies = np.array(
            [np.nan if values.get("") is None else values[""] for values in points], float
        )
        self._under = -1
        count = max(len(scales), 2)
        self._view.setRange(xRange=(-0.35, count - 0.65), yRange=(-0.1, 1.14), padding=0)
        self._draw_frame()
        self._draw()

    def show_top(self, percent: int) -> None:
        """Keep only the best ``percent`` in color."""
        self._percent = percent
        self._draw()
        self.brushed.emit()

    def in_color(self) -> np.ndarray:
        """Return which points are in color, bool (points,)."""
        return within(self._positions, self._brushes) & top_share(self._accuracies, self._percent)

    def brush(self, axis: int, part: _Range | None) -> None:
        """Keep only lines in color that cross ``axis`` within ``part``; ``None`` takes it away."""
        if part is None:
            self._brushes.pop(axis, None)
        else:
            self._brushes[axis] = part
        self._draw()
        self.brushed.emit()

    def clear_brushes(self) -> None:
        """Take all brushes away."""
        self._brushes = {}
        self._draw()
        self.brushed.emit()

    # --- drawing -----------------------------------------------------------------------

    def _draw_frame(self) -> None:
        for each in self._frame:
            self.removeItem(each)
        self._frame = []
        c = theme.colors()
        self.setBackground(c.surface)
        for axis, label in enumerate(self._labels):
            line = pg.PlotCurveItem([axis, axis], [0, 1], pen=QPen(QColor(c.border), 0))
            title = pg.TextItem(label, color=c.text, anchor=(0.5, 1.0))
            title.setPos(axis, 1.035)
            self._frame += [line, title]
            last = axis == len(self._labels) - 1 and axis > 0
            for position, text in self._ticks[axis]:
                tick = pg.TextItem(text, color=c.muted, anchor=(0.0 if last else 1.0, 0.5))
                tick.setPos(axis + (0.02 if last else -0.02), position)
                self._frame.append(tick)
        for each in self._frame:
            self.addItem(each, ignoreBounds=True)

    def _draw(self) -> None:
        c = theme.colors()
        chosen = self.in_color()
        faint = QColor(c.muted)
        faint.setAlpha(45)
        self._set_line(0, np.flatnonzero(~chosen), QPen(faint, 0))
        known = self._accuracies[~np.isnan(self._accuracies)]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
        part = (self._accuracies - low) / (high - low if high > low else 1.0)
        band = np.where(np.isnan(part), 0, np.minimum(BANDS - 1, np.nan_to_num(part) * BANDS))
        tones = shades(c.dark)
        for number in range(BANDS):
            color = QColor(tones[70 + round(185 * number / (BANDS - 1))])
            rows = np.flatnonzero(chosen & (band.astype(int) == number))
            pen = QPen(color, 1.0 + 0.6 * (number == BANDS - 1))
            pen.setCosmetic(True)
            self._set_line(1 + number, rows, pen)
        self._draw_under()
        for mark in self._marks.values():
            self.removeItem(mark)
        self._marks = {}
        for axis, (bottom, top) in self._brushes.items():
            color = QColor(c.accent)
            color.setAlpha(110)
            mark = pg.PlotCurveItem([axis, axis], [bottom, top], pen=_wide(color))
            self._marks[axis] = mark
            self.addItem(mark, ignoreBounds=True)

    def _draw_under(self) -> None:
        rows = np.array([self._under]) if self._under >= 0 else np.zeros(0, int)
        pen = QPen(QColor(theme.colors().reported), 2.6)
        pen.setCosmetic(True)
        self._set_line(BANDS + 1, rows, pen)

    def _set_line(self, number: int, rows: np.ndarray, pen: QPen) -> None:
        """Draw all of ``rows`` as one item; a gap where a line does not cross an axis."""
        axes = self._positions.shape[1]
        y = self._positions[rows].ravel()
        x = np.tile(np.arange(axes, dtype=float), len(rows))
        connect = np.ones(len(x), bool)
        if axes:
            connect[axes - 1 :: axes] = False
        following = np.append(y[1:], np.nan)
        connect &= ~np.isnan(y) & ~np.isnan(following)
        self._lines[number].setData(x, np.nan_to_num(y), connect=connect, pen=pen, antialias=True)

    # --- pointer -----------------------------------------------------------------------

    def _at(self, event: QMouseEvent) -> QPointF:
        return self._view.mapSceneToView(self.mapToScene(event.position().toPoint()))

    def _axis_near(self, x: float) -> int | None:
        axis = round(x)
        reach = NEAR * 1.2 * self._view.viewPixelSize()[0]
        return axis if 0 <= axis < len(self._scales) and abs(x - axis) <= reach else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._at(event)
        axis = self._axis_near(at.x())
        if event.button() == Qt.MouseButton.LeftButton and axis is not None:
            self._drag = (axis, at.y())
        elif event.button() == Qt.MouseButton.LeftButton and self._under >= 0:
            self.chosen.emit(self._under)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self._at(event)
        if self._drag is not None:
            axis, start = self._drag
            low, high = sorted((start, at.y()))
            self.brush(axis, (max(low, -0.02), min(high, 1.02)))
            return
        height = 1.0 / self._view.viewPixelSize()[1]
        line, distance = nearest_line(self._positions, at.x(), at.y(), height)
        under = line if distance <= NEAR and self._axis_near(at.x()) is None else -1
        if under != self._under:
            self._under = under
            self._draw_under()
            self.setCursor(
                Qt.CursorShape.PointingHandCursor if under >= 0 else Qt.CursorShape.ArrowCursor
            )
            self.pointed.emit(under if under >= 0 else None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            axis, start = self._drag
            self._drag = None
            if abs(self._at(event).y() - start) < 0.015:  # a click takes the brush away
                self.brush(axis, None)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if self._under >= 0:
            self._under = -1
            self._draw_under()
            self.pointed.emit(None)

    def wheelEvent(self, event: Any) -> None:
        event.ignore()

    def restyle(self) -> None:
        """Take the colors that hold now."""
        self._draw_frame()
        self._draw()


def _wide(color: QColor) -> QPen:
    pen = QPen(color, 9)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen
