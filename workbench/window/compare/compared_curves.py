"""Curves of chosen runs over each other: accuracies and losses of training, test and validation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from workbench.analysis.repeats import same_group, spread_of
from workbench.analysis.smoothing import smoothed_steps, weight_for
from workbench.library.run_folder import RunRecord
from workbench.messages import Count
from workbench.window.compare.figure_choice import ACCURACIES, LOSSES, STEPS, FigureBox
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import say, tr
from workbench.window.plots.curves import LossCurve
from workbench.window.plots.epoch_plot import EpochPlot
from workbench.window.plots.smoothing_slider import SmoothingSlider
from workbench.words.memorizing import COUNTED
from workbench.words.run_lines import ON_DARK, ON_WHITE, RUN_DASHES, RUN_MARKERS

SMOOTHING = 0.99
"""Where the slider stands first: curves that lie over each other have to be smooth. Lower where the
shortest run is too short for it."""

FEW = 3
"""With more runs than these, training accuracies too would be too many curves to begin with."""

ACCURACY_COLUMNS = ("accuracy", "training_accuracy", "validation_accuracy")
LOSS_COLUMNS = ("loss", "test_loss", "validation_loss")

FAR = 1.5
"""The axis of the losses leaves out the highest ones where it would be that many times as long with
them."""

PIECE = 250_000
"""Losses that are smoothed in one turn of the event loop."""


def pen_of(number: int) -> QPen:
    """The pen of the run with this ``number``, from 0, in the theme in use."""
    tints = ON_DARK if theme.colors().dark else ON_WHITE
    pen = QPen(QColor(tints[number % len(tints)]), 1.0)
    pen.setCosmetic(True)
    if dashes := RUN_DASHES[number % len(RUN_DASHES)]:
        pen.setDashPattern(dashes)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


class ComparedCurves(QWidget):
    """Two plots over ``records``, with a band where these are repeats of one experiment. Empty
    until :meth:`draw` has been gone through."""

    accuracy: EpochPlot
    loss: EpochPlot
    slider: SmoothingSlider
    accuracy_title: ElidedLabel
    loss_title: ElidedLabel
    spread: QLabel

    def __init__(self, records: Sequence[RunRecord], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._records = records
        is_group = all(same_group(records[0], other) for other in records[1:])
        self._is_group = is_group and len(records) > 2
        self._drawn = False
        self._curves: list[dict[str, Any]] = []  # of each run, by column, and its steps
        self._losses: list[LossCurve] = []
        self._values: list[dict[str, tuple[np.ndarray, np.ndarray]]] = []
        self._hidden: set[int] = set()
        self._stale: list[int] = []
        self._smoothing = QTimer(self)
        self._smoothing.timeout.connect(self._smooth_next)
        self._redrawing = QTimer(self, singleShot=True)
        self._redrawing.timeout.connect(self._draw_losses)
        self._band: list[Any] = []
        self._test_modes: set[str] = set()
        self._weight = SMOOTHING
        self._cut = 0  # points above the axis of the losses
        few = len(records) <= FEW
        self.accuracy_box = FigureBox("accuracyFigures", ACCURACIES)
        self.accuracy_box.setCurrentIndex(0 if few else 1)
        self.loss_box = FigureBox("lossFigures", LOSSES)
        for box in (self.accuracy_box, self.loss_box):
            box.currentIndexChanged.connect(self._on_figures)

    def draw(
        self, rows: Sequence[list[dict[str, Any]]], losses: Sequence[np.ndarray]
    ) -> Iterator[None]:
        """In pieces, of which each is shorter than a person notices. For each run the rows of its
        epochs, and the loss of each of its steps."""
        self.accuracy = EpochPlot("comparisonAccuracy", 64, numbers_below=False, parent=self)
        yield
        self.loss = EpochPlot("comparisonLoss", 64, numbers_below=True, parent=self)
        yield
        for plot in (self.accuracy, self.loss):
            # No more points are given than the plot has room for, and a plot that is not laid out
            # yet would draw as many as a small one has room for.
            plot.getPlotItem().setDownsampling(auto=False)
        ends = [1.0]
        if any(len(steps) for steps in losses):
            self._weight = weight_for(min(len(steps) for steps in losses if len(steps)), SMOOTHING)
        for record, run, values_of_steps in zip(self._records, rows, losses, strict=True):
            loss = LossCurve(self._weight)
            for start in range(0, len(values_of_steps), PIECE):
                loss.extend(values_of_steps[start : start + PIECE])
                yield
            self._losses.append(loss)
            epochs = np.array([row["epoch"] for row in run], float)
            curves: dict[str, Any] = {STEPS: self.loss.curve(connect="finite")}
            drawn: dict[str, tuple[np.ndarray, np.ndarray]] = {}
            for plot, columns in (
                (self.accuracy, ACCURACY_COLUMNS),
                (self.loss, LOSS_COLUMNS),
            ):
                for column in columns:
                    values = np.array([_number(row.get(column)) for row in run], float)
                    there = np.isfinite(values)
                    # The mean of an epoch's losses stands in its middle.
                    x = epochs[there] - (0.5 if column == "loss" else 0.0)
                    drawn[column] = x, values[there]
                    curves[column] = plot.curve(x=x, y=values[there], **_SYMBOLS.get(column, {}))
            self._curves.append(curves)
            self._values.append(drawn)
            self._test_modes |= {str(row.get("test_mode")) for row in run}
            ends += [len(loss) / max(record.steps_per_epoch, 1), *epochs[-1:]]
            yield
        if self._is_group:
            self._draw_band(rows)
        x_ends = (0.0, max(ends) * 1.02)
        for plot in (self.accuracy, self.loss):
            plot.set_ends(x_ends, None)
        self._show_figures()
        self.loss.view.sigXRangeChanged.connect(lambda: self._redrawing.start(0))
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
        self.accuracy_title, self.loss_title = ElidedLabel("muted"), ElidedLabel("muted")
        self.spread = QLabel()
        for title in (self.accuracy_title, self.loss_title):
            title.setProperty("role", "heading")
        self.spread.setObjectName("comparisonSpread")
        self.spread.setProperty("role", "muted")
        self.spread.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(4)
        head = QHBoxLayout()
        head.addWidget(self.accuracy_title, 1)
        head.addWidget(self.accuracy_box)
        layout.addLayout(head)
        layout.addWidget(self.accuracy, 3)
        layout.addLayout(self._loss_head())
        layout.addWidget(self.loss, 2)
        layout.addWidget(self.spread)
        self._drawn = True
        self.restyle()
        self.retranslate()
        yield
        self.loss.show()

    def _loss_head(self) -> QHBoxLayout:
        self.slider = SmoothingSlider(self._weight)
        self.slider.valueChanged.connect(self._on_smoothing)
        self._slider_label, self._slider_value = QLabel(), QLabel()
        self._slider_label.setBuddy(self.slider)
        room = self.fontMetrics().horizontalAdvance("0.00") + 2
        self._slider_value.setMinimumWidth(room)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.loss_title, 1)
        for widget in (self._slider_label, self.slider, self._slider_value, self.loss_box):
            head.addWidget(widget)
        return head

    # --- what is drawn -----------------------------------------------------------------

    def show_run(self, number: int, shown: bool) -> None:
        """Show the curves of the run with this ``number``, from 0, or hide them."""
        (self._hidden.discard if shown else self._hidden.add)(number)
        if self._drawn:
            self._show_figures()

    def _on_figures(self) -> None:
        if self._drawn:
            for plot in (self.accuracy, self.loss):
                plot.view.values_held = False
            self._show_figures()
            self.retranslate()

    def _shown(self, number: int) -> tuple[str, ...]:
        """The columns that are drawn of the run with this number."""
        if number in self._hidden:
            return ()
        return self.accuracy_box.columns + self.loss_box.columns

    def _show_figures(self) -> None:
        for number, curves in enumerate(self._curves):
            shown = self._shown(number)
            for column, curve in curves.items():
                curve.setVisible(column in shown)
        for item in self._band:
            item.setVisible("accuracy" in self.accuracy_box.columns)
        self._draw_losses()
        self._fit_accuracy()

    def _has(self, columns: Sequence[str]) -> bool:
        """Return whether any run has a point in one of these columns."""
        if STEPS in columns:
            return any(len(loss) for loss in self._losses)
        return any(len(values[column][0]) for values in self._values for column in columns)

    def _draw_losses(self) -> None:
        """Draw the smoothed losses of what is visible, with as many points as there is room for,
        and fits the axis of the losses to them unless the person has chosen its ends."""
        view = self.loss.view
        low, high = view.viewRange()[0]
        margin = (high - low) / 2  # there is something while a pan goes on
        columns = int(2 * max(view.width(), 100) * self.devicePixelRatioF())
        seen: list[np.ndarray] = []
        for number, (record, loss) in enumerate(zip(self._records, self._losses, strict=True)):
            for column in set(LOSS_COLUMNS).intersection(self._shown(number)):
                x, values = self._values[number][column]
                seen.append(values[(x >= low) & (x <= high)])
            if STEPS not in self._shown(number):
                continue
            steps = max(record.steps_per_epoch, 1)
            first, last = int((low - margin) * steps) - 2, int((high + margin) * steps) + 2
            index, values = loss.smoothed.envelope(first, last, columns)
            x = (index + 1.0) / steps
            self._curves[number][STEPS].setData(x, values)
            seen.append(values[(x >= low) & (x <= high)])
        cut = 0
        if not view.values_held:
            ends = axis_range(seen, (0.0, 2.5))
            self.loss.set_ends(None, ends)
            cut = sum(int(np.count_nonzero(values > ends[1])) for values in seen)
        if cut != self._cut:
            self._cut = cut
            if self._drawn:
                self._show_smoothing()

    def _fit_accuracy(self) -> None:
        if self.accuracy.view.values_held:
            return
        shown = [
            values[column][1]
            for number, values in enumerate(self._values)
            for column in set(ACCURACY_COLUMNS).intersection(self._shown(number))
        ]
        self.accuracy.set_ends(None, axis_range(shown, (0.0, 100.0)))

    def _on_smoothing(self) -> None:
        # A long run takes 40 ms: one at each turn of the event loop.
        self._stale = list(range(len(self._losses)))
        self._smoothing.start(0)
        self._show_smoothing()

    def _smooth_next(self) -> None:
        if self._stale:
            self._losses[self._stale.pop(0)].smooth(self.slider.weight)
        if not self._stale:
            self._smoothing.stop()
            self._draw_losses()

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
        curves = self._curves[number]
        pen = pen_of(number)
        if self._is_group:
            faint = pen.color()
            faint.setAlphaF(0.55)
            pen.setColor(faint)
        dotted = QPen(pen)
        dotted.setStyle(Qt.PenStyle.DotLine)
        marker = RUN_MARKERS[number % len(RUN_MARKERS)]
        for column, curve in curves.items():
            curve.setPen(dotted if column.startswith("validation_") else pen)
            points = self._values[number].get(column)
            # No line is drawn through a single point.
            alone = points is not None and len(points[0]) == 1
            if column in _SYMBOLS or alone:
                # The others have one for all runs, or none but through a single point.
                own = column in ("accuracy", "test_loss") or column not in _SYMBOLS
                if own:
                    curve.setSymbol(marker)
                    curve.setSymbolSize(6 if marker in "os" else 8)
                curve.setSymbolBrush(pen.color())
                # A cross has no surface.
                line = own and marker in "+x"
                curve.setSymbolPen(pg.mkPen(pen.color(), width=1.5) if line else None)

    def retranslate(self) -> None:
        if not self._drawn:
            return
        self._slider_label.setText(tr("Smoothing"))
        self.slider.setAccessibleName(tr("Smoothing"))
        self.slider.setToolTip(
            tooltip(tr("Weight of the average so far, the same for every run: 0 shows each step."))
        )
        self._show_smoothing()
        if self._test_modes == {"train"}:
            words = tr("Test accuracy in training mode, %")
        elif self._test_modes == {"eval"}:
            words = tr("Test accuracy in evaluation mode, %")
        else:
            words = tr("Test accuracy, %; runs differ in the mode of the test")
        columns = self.accuracy_box.columns
        if columns == ("training_accuracy",):
            words = tr("Training accuracy, counted during the epoch, %")
        elif "training_accuracy" in columns and self._has(["training_accuracy"]):
            words += " · " + tr("without marks: training accuracy")
        elif "validation_accuracy" in columns and self._has(["validation_accuracy"]):
            words += " · " + tr("dotted, with triangles: validation accuracy")
        self.accuracy_title.setText(words)
        self.accuracy_title.setToolTip(tooltip(f"{words}. {say(COUNTED)}"))
        self.accuracy_box.retranslate(tr("What the upper plot shows"))
        self.loss_box.retranslate(tr("What the lower plot shows"))
        self._show_spread()
        no_epoch = tr("None of these runs has it.") if self._has(["accuracy"]) else ""
        no_epoch = no_epoch or tr("No epoch yet.")
        self.accuracy.say("" if self._has(columns) else no_epoch)
        no_loss = tr("No steps yet.") if STEPS in self.loss_box.columns else no_epoch
        self.loss.say("" if self._has(self.loss_box.columns) else no_loss)
        self.loss.getPlotItem().setLabel("bottom", tr("epoch"))

    def name_runs(self, names: Sequence[str]) -> None:
        """The plots say the last and best values of the runs by these names."""
        if not self._drawn:
            return
        self.accuracy.setAccessibleName(self.accuracy_title.text())
        self.loss.setAccessibleName(self.loss_title.text())
        for curves, name in zip(self._curves, names, strict=True):
            for column, curve in curves.items():
                said = f"{name}, {_spoken(column)}"
                if column in ACCURACY_COLUMNS:
                    self.accuracy.name_curve(curve, said, "highest", "%")
                else:
                    self.loss.name_curve(curve, said, "lowest")

    def _show_smoothing(self) -> None:
        weight, columns = self.slider.weight, self.loss_box.columns
        self._slider_value.setText(f"{weight:.2f}")
        for widget in (self._slider_label, self.slider, self._slider_value):
            widget.setVisible(STEPS in columns)
        if columns != (STEPS,):
            words = tr(_LOSS_TITLES[columns])
        elif weight:
            words = tr("Training loss, smoothed over about {steps} steps").format(
                steps=smoothed_steps(weight)
            )
        else:
            words = tr("Training loss of each step")
        if self._cut:
            words += " · " + tr("{count:point|points} above").format(count=Count(self._cut))
        self.loss_title.setText(words)

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


def _spoken(column: str) -> str:
    """Return what a curve shows, in words."""
    return {
        "accuracy": tr("Test accuracy"),
        "training_accuracy": tr("Training accuracy"),
        "validation_accuracy": tr("Validation accuracy"),
        "test_loss": tr("Test loss"),
        "validation_loss": tr("Validation loss"),
    }.get(column) or tr("Training loss")


_SYMBOLS: dict[str, dict[str, Any]] = {
    "accuracy": {"symbol": "o", "symbolSize": 5},
    "test_loss": {"symbol": "o", "symbolSize": 5},
    "validation_accuracy": {"symbol": "t", "symbolSize": 6},
    "validation_loss": {"symbol": "t", "symbolSize": 6},
}
"""What is counted while an epoch trains has no marks."""

_LOSS_TITLES = {
    ("test_loss", "loss"): "Test loss · without marks: training loss, mean of each epoch",
    ("test_loss", "validation_loss"): "Test loss · dotted, with triangles: validation loss",
    ("loss",): "Training loss, mean of each epoch",
}
LOSS_TITLES = tuple(_LOSS_TITLES.values())


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def axis_range(curves: Sequence[np.ndarray], empty: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of an axis for ``curves``: their whole range, or up to the highest 0.995
    quantile of any of them where a few values lie so far above it that the rest would be flat. Each
    curve has its own quantile, so that a short run beside long ones is not cut."""
    curves = [values[np.isfinite(values)] for values in curves]
    curves = [values for values in curves if len(values)]
    if not curves:
        return empty
    low, high = min(float(v.min()) for v in curves), max(float(v.max()) for v in curves)
    usual = max(float(np.quantile(values, 0.995)) for values in curves)
    if high - low > FAR * (usual - low) > 0:
        high = usual
    # Of a single value the axis shows what lies around it.
    room = 0.06 * (high - low) if high > low else 0.05 * max(abs(high), 1.0)
    return low - room, high + room
