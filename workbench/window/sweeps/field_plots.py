"""Accuracy against each hyperparameter: a dot for each run, a bar of the spread for each point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QGridLayout, QWidget

from workbench.analysis.sweeps import PointResult
from workbench.window.kit import theme
from workbench.window.kit.translation import tr
from workbench.window.sweeps.scales import Scale

COLUMNS = 3


class FieldPlots(QWidget):
    """``chosen``: the number of a point that was clicked."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fieldPlots")
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.plots: list[Any] = []
        self._shown: tuple[Any, ...] = ((), (), (), (), "")

    def show_points(
        self,
        scales: Sequence[Scale],
        labels: Sequence[str],
        ticks: Sequence[Sequence[tuple[float, str]]],
        points: Sequence[PointResult],
        accuracy: str,
    ) -> None:
        """Show a plot for each of ``scales``, with the ``labels`` below and ``accuracy`` at the
        left; points without a result are left out."""
        self._shown = (scales, labels, ticks, points, accuracy)
        while len(self.plots) > len(scales):
            plot = self.plots.pop()
            self._layout.removeWidget(plot)
            plot.deleteLater()
        while len(self.plots) < len(scales):
            plot = pg.PlotWidget(enableMenu=False)
            plot.hideButtons()
            plot.setMouseEnabled(False, False)
            number = len(self.plots)
            self._layout.addWidget(plot, number // COLUMNS, number % COLUMNS)
            self.plots.append(plot)
        self._draw()

    def _draw(self) -> None:
        scales, labels, ticks, points, accuracy = self._shown
        c = theme.colors()
        rated = [point for point in points if point.scores]
        for plot, scale, label, marks in zip(self.plots, scales, labels, ticks, strict=True):
            plot.clear()
            plot.setBackground(c.surface)
            item = plot.getPlotItem()
            for side in ("left", "bottom"):
                axis = item.getAxis(side)
                axis.setPen(QPen(QColor(c.border), 1))
                axis.setTextPen(QPen(QColor(c.muted)))
            item.getAxis("bottom").setTicks([list(marks)])
            item.setLabel("bottom", label, color=c.text)
            item.setLabel("left", accuracy, color=c.muted)
            item.setXRange(-0.04, 1.04, padding=0)
            placed = [(scale.position(p.values.get(scale.name)), p) for p in rated]
            placed = [(x, p) for x, p in placed if x is not None]
            item.setTitle(None if placed else tr("No point with a result has it."), color=c.muted)
            item.getAxis("left").setStyle(showValues=bool(placed))
            if not placed:
                continue
            self._draw_points(plot, placed, c)

    def _draw_points(self, plot: Any, placed: Sequence[tuple[Any, PointResult]], c: Any) -> None:
        spread = [(x, p.mean, p.deviation) for x, p in placed if p.deviation is not None]
        if spread:
            x, mean, deviation = (np.array(column, float) for column in zip(*spread, strict=True))
            bars = pg.ErrorBarItem(
                x=x, y=mean, height=2 * deviation, beam=0.012, pen=QPen(QColor(c.measured), 0)
            )
            plot.addItem(bars)
        runs = [(x, score) for x, p in placed for score in p.scores]
        faint = QColor(c.measured)
        faint.setAlpha(110)
        dots = pg.ScatterPlotItem(
            x=[x for x, _ in runs],
            y=[y for _, y in runs],
            size=5,
            pen=None,
            brush=pg.mkBrush(faint),
        )
        plot.addItem(dots)
        # One seed cannot tell that the best is better: it is not marked as if it could.
        is_told = any(p.standing in ("same", "worse") for _, p in placed)
        best = c.best if is_told else c.measured
        means = pg.ScatterPlotItem(
            x=[x for x, _ in placed],
            y=[p.mean for _, p in placed],
            data=[p.number for _, p in placed],
            symbol=["star" if p.standing == "best" else "o" for _, p in placed],
            size=[14 if p.standing == "best" else 8 for _, p in placed],
            brush=[pg.mkBrush(best if p.standing == "best" else c.measured) for _, p in placed],
            pen=pg.mkPen(c.surface, width=1),
            hoverable=True,
            tip=None,
        )
        means.sigClicked.connect(lambda _, spots, *more: self.chosen.emit(int(spots[0].data())))
        plot.addItem(means)

    def restyle(self) -> None:
        """Take the colors that hold now."""
        self._draw()
