"""Curves of chosen runs over each other: test accuracy and training loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from workbench.library.comparison import same_group, spread_of
from workbench.library.run_folder import RunRecord
from workbench.window import theme
from workbench.window.epoch_plot import EpochPlot
from workbench.window.translation import tr

_LIGHT = ("#1d6bc4", "#a65c00", "#00775b", "#7a4da3", "#b3261e", "#4b5563", "#0e7490", "#854d6d")
_DARK = ("#5aa9f5", "#e69f3c", "#35c296", "#c9a0f0", "#ff8a7e", "#aab4c4", "#4fc3d9", "#e394bd")
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)


def pen_of(number: int) -> QPen:
    """The pen of the run with this ``number``, from 0, in the theme in use."""
    tints = _DARK if theme.colors().dark else _LIGHT
    pen = QPen(QColor(tints[number % len(tints)]), 1.0)
    pen.setCosmetic(True)
    pen.setStyle(_DASHES[number // 3 % len(_DASHES)])
    return pen


class ComparedCurves(QWidget):
    """Two plots over ``records``, with a band where these are repeats of one experiment. Empty
    until :meth:`draw` has been gone through."""

    accuracy: EpochPlot
    loss: EpochPlot
    accuracy_title: QLabel
    loss_title: QLabel
    spread: QLabel

    def __init__(self, records: Sequence[RunRecord], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._records = records
        is_group = all(same_group(records[0], other) for other in records[1:])
        self._is_group = is_group and len(records) > 2
        self._drawn = False
        self._curves: list[tuple[Any, Any, Any]] = []
        self._band: list[Any] = []
        self._test_modes: set[str] = set()
        self._has_validation = self._has_epochs = self._has_steps = False

    def draw(
        self, rows: Sequence[list[dict[str, Any]]], losses: Sequence[tuple[np.ndarray, ...]]
    ) -> Iterator[None]:
        """In pieces, of which each is shorter than a person notices. For each run the rows of its
        epochs, and its losses as :func:`workbench.report.plots.thinned` gives them."""
        self.accuracy = EpochPlot("comparisonAccuracy", 64, numbers_below=False, parent=self)
        yield
        self.loss = EpochPlot("comparisonLoss", 64, numbers_below=True, parent=self)
        yield
        for plot in (self.accuracy, self.loss):
            # The losses are thinned already, and a plot that is not laid out yet would draw as
            # many points as a small one has room for.
            plot.getPlotItem().setDownsampling(auto=False)
        ends = [1.0]
        all_losses, accuracies = [np.zeros(0)], [np.zeros(0)]
        for record, run, (index, _, mean, _) in zip(self._records, rows, losses, strict=True):
            x = (index + 1) / max(record.steps_per_epoch, 1)
            epochs = np.array([row["epoch"] for row in run], float)
            values = np.array([_number(row["accuracy"]) for row in run])
            split = bool(run) and "validation_accuracy" in run[0]
            held_out = np.array([_number(row["validation_accuracy"]) for row in run if split])
            self._curves.append(
                (
                    self.loss.curve(x=x, y=mean, connect="finite"),
                    self.accuracy.curve(x=epochs, y=values, symbol="o", symbolSize=5),
                    self.accuracy.curve(
                        x=epochs[: len(held_out)], y=held_out, symbol="t", symbolSize=6
                    ),
                )
            )
            self._has_validation |= split
            self._test_modes |= {str(row.get("test_mode")) for row in run}
            ends += [*x[-1:], *epochs[-1:]]
            all_losses.append(mean)
            accuracies += [values, held_out]
            yield
        if self._is_group:
            self._draw_band(rows)
        x_ends = (0.0, max(ends) * 1.02)
        self.accuracy.set_ends(x_ends, _range(np.concatenate(accuracies), (0.0, 100.0)))
        self.loss.set_ends(x_ends, _range(np.concatenate(all_losses), (0.0, 2.5)))
        self._has_epochs = any(len(values) for values in accuracies)
        self._has_steps = any(len(values) for values in all_losses)
        for plot, other in ((self.loss, self.accuracy), (self.accuracy, self.loss)):
            plot.view.sigXRangeChanged.connect(
                lambda _, x, other=other: other.set_ends(tuple(x), None)
            )
        yield
        yield from self._lay_out()

    def _lay_out(self) -> Iterator[None]:
        # In two pieces: to paint a plot for the first time takes longer than to make it.
        policy = self.loss.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.loss.setSizePolicy(policy)
        self.loss.hide()
        self.accuracy_title, self.loss_title, self.spread = QLabel(), QLabel(), QLabel()
        for title in (self.accuracy_title, self.loss_title):
            title.setProperty("role", "heading")
        self.spread.setObjectName("comparisonSpread")
        self.spread.setProperty("role", "muted")
        self.spread.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(self.accuracy_title)
        layout.addWidget(self.accuracy, 3)
        layout.addWidget(self.loss_title)
        layout.addWidget(self.loss, 2)
        layout.addWidget(self.spread)
        self._drawn = True
        self.restyle()
        self.retranslate()
        yield
        self.loss.show()

    def _draw_band(self, rows: Sequence[list[dict[str, Any]]]) -> None:
        # Mean and deviation after each epoch that every repeat has come to.
        count = min(len(run) for run in rows)
        values = np.array([[_number(row["accuracy"]) for row in run[:count]] for run in rows])
        epochs = np.arange(1, count + 1, dtype=float)
        mean, deviation = values.mean(0), values.std(0, ddof=1)
        # Plain curves, whose paths are whole whatever part of them is visible.
        edges = [pg.PlotCurveItem(epochs, mean + side * deviation) for side in (-1, 1)]
        fill = pg.FillBetweenItem(*edges)
        fill.setZValue(-100)
        self.accuracy.addItem(fill)
        self._band = [fill, self.accuracy.curve(x=epochs, y=mean)]

    # --- colors and words --------------------------------------------------------------

    def restyle(self) -> None:
        if not self._drawn:
            return
        c = theme.colors()
        for plot in (self.accuracy, self.loss):
            plot.restyle(c)
        for number in range(len(self._curves)):
            self._style_curves(number)
        if self._band:
            fill, mean = self._band
            tint = QColor(c.text)
            tint.setAlphaF(0.14)
            fill.setBrush(tint)
            mean.setPen(pg.mkPen(c.text, width=2))

    def _style_curves(self, number: int) -> None:
        loss, accuracy, validation = self._curves[number]
        pen = pen_of(number)
        if self._is_group:
            faint = pen.color()
            faint.setAlphaF(0.55)
            pen.setColor(faint)
        for curve in (loss, accuracy):
            curve.setPen(pen)
        dotted = QPen(pen)
        dotted.setStyle(Qt.PenStyle.DotLine)
        validation.setPen(dotted)
        for curve in (accuracy, validation):
            curve.setSymbolBrush(pen.color())
            curve.setSymbolPen(None)

    def retranslate(self) -> None:
        if not self._drawn:
            return
        self.loss_title.setText(tr("Training loss, mean of neighbouring steps"))
        if self._test_modes == {"train"}:
            words = tr("Test accuracy in training mode, %")
        elif self._test_modes == {"eval"}:
            words = tr("Test accuracy in evaluation mode, %")
        else:
            words = tr("Test accuracy, %; runs differ in the mode of the test")
        if self._has_validation:
            words += " · " + tr("dotted, with triangles: validation accuracy")
        self.accuracy_title.setText(words)
        self._show_spread()
        self.accuracy.say("" if self._has_epochs else tr("No epoch yet."))
        self.loss.say("" if self._has_steps else tr("No steps yet."))
        self.loss.getPlotItem().setLabel("bottom", tr("epoch"))

    def _show_spread(self) -> None:
        values = [r.accuracy for r in self._records if r.accuracy is not None]
        spread = spread_of(values) if self._is_group else None
        self.spread.setVisible(spread is not None)
        if spread is not None:
            self.spread.setText(
                tr(
                    "Repeats with other seeds: {runs} runs, mean {mean}%, standard deviation "
                    "{deviation} points. The band is one standard deviation around the mean."
                ).format(
                    runs=spread.runs, mean=f"{spread.mean:.2f}", deviation=f"{spread.deviation:.2f}"
                )
            )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _range(values: np.ndarray, empty: tuple[float, float]) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return empty
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    high = max(high, low + 1e-3)
    room = 0.06 * (high - low) + 1e-6
    return low - room, high + room
