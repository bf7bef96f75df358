"""The live curves: training loss of every step, test accuracy and learning rate of every epoch.

The three plots share the epoch axis and its left edge. While "Follow" is on they show the run so
far and go on with it; zooming or panning turns it off, and the view then holds still.

- wheel: zoom in epochs; over the numbers on the left, or with Ctrl: zoom in values
- drag: move; right drag: zoom; double click: follow again
- keys, in a plot: left, right, +, -, Home (follow again)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from PySide6.QtCore import (
    QElapsedTimer,
    QEvent,
    QPoint,
    QRect,
    QRectF,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QHideEvent,
    QPainter,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from workbench.messages import Count
from workbench.spec.expected import LEVEL, Expected
from workbench.spec.presets import Reported
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import tr
from workbench.window.plots import curves
from workbench.window.plots.curve_export import CurveExport
from workbench.window.plots.epoch_plot import EpochPlot, EpochView
from workbench.window.plots.plot_legend import Entry, PlotLegend
from workbench.window.plots.smoothing_slider import SmoothingSlider
from workbench.words.figures import percent

MARGIN = 1.02
"""Room to the right of the last epoch, so that its marks are whole."""

REFRESH = 300
"""Milliseconds between two paintings. Each takes some 5 ms of a core, and on two cores that train
both wait for it: painting every 50 ms took 12% of a core, every 300 ms some 3%."""

PIECE = 250_000
"""Losses that are taken over in one turn of the event loop: a saved run may have a million, which
take 40 ms to smooth."""

SMOOTHING = 0.95
"""Where the slider stands first: an average over about 20 steps."""


# --- the view --------------------------------------------------------------------------


class LiveView(QWidget):
    """Curves of one run. Points come through :meth:`add_losses` and :meth:`add_epoch`, which
    only keep them; painting happens in :meth:`refresh`, at most every 300 ms and only while the
    view is visible."""

    problem = Signal(str)
    """A sentence for the person: an export failed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("liveView")
        self._loss = curves.LossCurve(SMOOTHING)
        self._dirty = self._epochs_dirty = True
        self._painting: Iterator[None] | None = None
        self._rate_drawn = 0.0
        self._linking = False
        self._paper = 0.0  # width of pens on paper, against the screen; 0 on screen
        self._pointer: float | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_turn)
        self._since = QElapsedTimer()

        left = self.fontMetrics().horizontalAdvance("0.00001") + 16
        self._loss_plot = EpochPlot("lossPlot", left, numbers_below=False)
        self._accuracy_plot = EpochPlot("accuracyPlot", left, numbers_below=False)
        self._rate_plot = EpochPlot("learningRatePlot", left, numbers_below=True)
        # It is low: the usual ticks would stand in each other's way.
        self._rate_plot.axis.setStyle(maxTickLevel=0, maxTextLevel=0)
        self._plots = (self._loss_plot, self._accuracy_plot, self._rate_plot)
        self._build_curves()
        self._build_layout()
        for plot in self._plots:
            plot.view.touched.connect(self._on_touched)
            plot.view.sigXRangeChanged.connect(self._on_x_range)
            plot.view.sigYRangeChanged.connect(self._on_y_range)
            plot.hovered.connect(self._on_hovered)
            plot.follow_wanted.connect(lambda: self._follow.setChecked(True))
        self.clear()
        self._restyle()
        self.retranslate()

    def _build_curves(self) -> None:
        # First, so that they lie under the person's own.
        self._expected_loss = self._loss_plot.curve(connect="finite", antialias=True)
        # A pen that draws nothing; without any pyqtgraph gives the shade between them no path.
        self._band = [self._accuracy_plot.curve(pen=pg.mkPen(None)) for _ in range(2)]
        self._band_between = pg.FillBetweenItem(*self._band)
        self._accuracy_plot.addItem(self._band_between, ignoreBounds=True)
        self._expected_accuracy = self._accuracy_plot.curve(connect="finite", antialias=True)
        self._raw_curve = self._loss_plot.curve(connect="finite", antialias=False)
        self._smooth_curve = self._loss_plot.curve(connect="finite", antialias=False)
        self._lonely_steps = self._loss_plot.curve(
            antialias=True, pen=None, symbol="o", symbolSize=6
        )
        self._reported_lines = [
            pg.InfiniteLine(
                angle=0, label="", labelOpts={"position": 0.01, "anchors": [(0, 1), (0, 1)]}
            )
            for _ in range(2)
        ]
        for line in self._reported_lines:
            self._accuracy_plot.addItem(line, ignoreBounds=True)
        self._accuracy_curve = self._accuracy_plot.curve(
            antialias=True, symbol="o", symbolSize=6, connect="finite"
        )
        self._validation_curve = self._accuracy_plot.curve(
            antialias=True, symbol="t", symbolSize=7, connect="finite"
        )
        self._best_mark = self._accuracy_plot.curve(
            antialias=True, pen=None, symbol="star", symbolSize=15
        )
        self._final_mark = self._accuracy_plot.curve(
            antialias=True, pen=None, symbol="d", symbolSize=12
        )
        self._final_text = pg.TextItem(anchor=(1.0, 1.15))
        self._accuracy_plot.addItem(self._final_text, ignoreBounds=True)
        self._planned_curve = self._rate_plot.curve(antialias=True)
        self._used_curve = self._rate_plot.curve(antialias=True)

    def _build_layout(self) -> None:
        self._log = QCheckBox()
        self._log.setObjectName("logScale")
        self._log.toggled.connect(self._on_log)
        self._smoothing_label = QLabel()
        self._slider = SmoothingSlider(SMOOTHING)
        self._slider.valueChanged.connect(self._on_smoothing)
        self._smoothing_label.setBuddy(self._slider)
        self._smoothing_value = QLabel()
        self._smoothing_value.setObjectName("smoothingValue")
        self._smoothing_value.setMinimumWidth(self.fontMetrics().horizontalAdvance("0.00") + 2)
        self._follow = QPushButton()
        self._follow.setObjectName("followButton")
        self._follow.setCheckable(True)
        self._follow.setChecked(True)
        self._follow.toggled.connect(self._on_follow)
        self._figure = QFrame()
        self._figure.setObjectName("liveFigure")
        self._figure.setProperty("card", True)
        self._export = CurveExport(
            self._figure, self._paint_figure, self._epochs_table, self._losses_table
        )
        self._export.problem.connect(self.problem)

        controls = QHBoxLayout()
        controls.setContentsMargins(4, 6, 4, 2)
        controls.setSpacing(8)
        controls.addWidget(self._log)
        controls.addSpacing(10)
        for widget in (self._smoothing_label, self._slider, self._smoothing_value):
            controls.addWidget(widget)
        controls.addStretch(1)
        controls.addWidget(self._follow)
        controls.addWidget(self._export)

        column = QVBoxLayout(self._figure)
        column.setContentsMargins(8, 6, 8, 2)
        column.setSpacing(2)
        self._titles, self._legends = [], []
        self._notice = ElidedLabel("problem")
        self._notice.setObjectName("lossNotice")
        self._sample_mark = QLabel()
        self._sample_mark.setObjectName("accuracySample")
        self._sample_mark.setProperty("role", "sample")
        for plot, beside, stretch in zip(
            self._plots, (self._notice, self._sample_mark, None), (8, 7, 4), strict=True
        ):
            title, legend = QLabel(), PlotLegend()
            legend.toggled.connect(self._on_legend)
            title.setProperty("role", "heading")
            head = QHBoxLayout()
            head.setContentsMargins(2, 0, 8, 0)
            head.setSpacing(8)
            head.addWidget(title)
            if beside is not None:
                head.addWidget(beside, 1 if beside is self._notice else 0)
            if beside is not self._notice:
                head.addStretch(1)
            head.addWidget(legend)
            column.addLayout(head)
            column.addWidget(plot, stretch)
            self._titles.append(title)
            self._legends.append(legend)

        self._readout = ElidedLabel("muted")
        self._readout.setObjectName("readout")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(controls)
        layout.addWidget(self._figure, 1)
        below = QHBoxLayout()
        below.setContentsMargins(10, 0, 8, 0)
        below.addWidget(self._readout)
        layout.addLayout(below)

    # --- what the window tells it -------------------------------------------------------

    def clear(self) -> None:
        """No run: the plots say what will appear in them."""
        self.start(1, 3, (), None, False, "eval")
        self._started = False
        self._show_words()

    def start(
        self,
        steps_per_epoch: int,
        epochs: int,
        learning_rates: Sequence[float],
        reported: Reported | None,
        sample: bool,
        test_mode: str,
        name: str = "run",
    ) -> None:
        """A new run without points. ``learning_rates``: the planned one of each epoch, or as many
        of each epoch as there are in it, evenly spaced;
        ``test_mode``: ``"train"`` or ``"eval"``; ``name``: what exported files are called."""
        self._begin(steps_per_epoch, epochs, learning_rates, reported, sample, test_mode, name)
        self._show_words()

    def _begin(
        self,
        steps_per_epoch: int,
        epochs: int,
        learning_rates: Sequence[float],
        reported: Reported | None,
        sample: bool,
        test_mode: str,
        name: str,
    ) -> None:
        self._started = True
        self._painting = None
        self._timer.stop()  # another run is painted at once
        self._since.invalidate()
        self._steps_per_epoch, self._epochs = max(steps_per_epoch, 1), max(epochs, 1)
        self._planned = np.array(learning_rates, float)
        self._reported = None if sample else reported
        self._sample, self._mode, self._export.run_name = sample, test_mode, name
        self._loss.clear()
        self._to_come = np.zeros(0, np.float32)
        self._done: list[int] = []
        self._accuracies: list[float] = []
        self._validation: list[float] = []
        self._rates: list[float] = []
        self._final: float | None = None
        self.set_expected(None)
        self._follow.setChecked(True)
        self._on_follow(True)

    def add_losses(self, losses: ArrayLike) -> None:
        """The losses of the steps that follow those given before. Does not paint."""
        self._to_come = np.append(self._to_come, np.asarray(losses, np.float32))
        if len(self._to_come) <= PIECE:
            self._take(PIECE)
        self._changed()

    def _take(self, most: int) -> None:
        """Takes over losses that were given."""
        if len(self._to_come):
            self._loss.extend(self._to_come[:most])
            self._to_come = self._to_come[most:]

    def add_epoch(
        self, epoch: int, accuracy: float, learning_rate: float, validation: float | None = None
    ) -> None:
        """Test accuracy in percent after ``epoch`` (from 1), and the rate that it trained with;
        ``validation``: the accuracy on the validation split, in all epochs of a run or in none."""
        self._done.append(epoch)
        self._accuracies.append(float(accuracy))
        self._rates.append(float(learning_rate))
        if validation is not None:
            self._validation.append(float(validation))
        self._changed(epochs=True)

    def set_final(self, accuracy: float | None) -> None:
        """Accuracy of the final test in percent, always in evaluation mode."""
        self._final = accuracy
        self._changed(epochs=True)

    def set_expected(self, expected: Expected | None) -> None:
        """Curves of what was measured with these hyperparameters before, drawn thin and dotted
        under the run's own, the band shaded; ``None`` for none."""
        self._expected = expected
        self._changed(epochs=True)

    def show_saved(
        self,
        steps_per_epoch: int,
        epochs: int,
        learning_rates: Sequence[float],
        reported: Reported | None,
        sample: bool,
        test_mode: str,
        losses: ArrayLike,
        rows: Sequence[Mapping[str, Any]],
        final: float | None = None,
        name: str = "run",
    ) -> None:
        """:meth:`start` and all points at once: ``rows`` as ``run_folder.read_epochs`` gives
        them. More points may follow."""
        self._begin(steps_per_epoch, epochs, learning_rates, reported, sample, test_mode, name)
        self.add_losses(losses)
        for row in rows:
            self.add_epoch(
                row["epoch"], row["accuracy"], row["learning_rate"], row.get("validation_accuracy")
            )
        self.set_final(final)

    def step_count(self) -> int:
        """How many losses it was given."""
        return len(self._loss) + len(self._to_come)

    @property
    def follows(self) -> bool:
        """Whether the view follows the newest points; zoom and pan by the person end it."""
        return self._follow.isChecked()

    def visible_epochs(self) -> tuple[float, float]:
        """Ends of the epoch axis."""
        low, high = self._loss_plot.view.viewRange()[0]
        return float(low), float(high)

    # --- when to paint ------------------------------------------------------------------

    def _changed(self, epochs: bool = False) -> None:
        """Something is to be painted: the losses, and with ``epochs`` the other plots too."""
        self._dirty = True
        self._epochs_dirty = self._epochs_dirty or epochs
        if self.isVisible() and not self._timer.isActive():
            passed = self._since.elapsed() if self._since.isValid() else REFRESH
            self._timer.start(max(REFRESH - passed, 0))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._dirty or self._painting is not None:
            self._changed()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _on_turn(self) -> None:
        """A piece of many losses at each turn of the event loop; then one plot at each."""
        if len(self._to_come) > PIECE:
            self._take(PIECE)
            self._timer.start(0)
            return
        self._painting = self._painting or self._paint()
        for _ in self._painting:
            self._timer.start(0)
            return
        self._painting = None
        if self._dirty:  # something came between two plots
            self._changed()

    def refresh(self) -> None:
        """Paints what has changed, at once."""
        self._timer.stop()
        for _ in self._painting or ():
            pass
        self._painting = None
        for _ in self._paint():
            pass

    def _paint(self) -> Iterator[None]:
        """What has changed, a plot at a time: a repaint follows each, and takes as long."""
        self._take(len(self._to_come))
        self._since.start()
        if not self._dirty:
            return
        epochs_dirty = self._epochs_dirty
        self._dirty = self._epochs_dirty = False
        self._follow_on(self._loss_plot)
        self._draw_loss()
        self._show_words()
        self._show_readout()
        # The other plots change once an epoch, and their painting costs as much as the loss's.
        if epochs_dirty:
            yield
            self._follow_on(self._accuracy_plot)
            self._draw_accuracy()
        low, high = self.visible_epochs()
        if epochs_dirty or self._position() - self._rate_drawn > (high - low) / 500:
            yield
            self._follow_on(self._rate_plot)
            self._draw_rate()
        self._follow_on(*self._plots)  # also those that have nothing new

    def _follow_on(self, *plots: EpochPlot) -> None:
        if self._follow.isChecked():
            horizon = curves.horizon(self._position(), self._epochs)
            self._set_x(plots, 0.0, MARGIN * horizon)

    def _position(self) -> float:
        """The epoch position that the run has come to."""
        steps = len(self._loss) / self._steps_per_epoch
        return max(steps, float(self._done[-1]) if self._done else 0.0)

    # --- drawing ------------------------------------------------------------------------

    def _draw_loss(self) -> None:
        log = self._log.isChecked()
        per_epoch, view = self._steps_per_epoch, self._loss_plot.view
        low, high = self.visible_epochs()
        # Half a screen more on either side, so that there is something while a pan goes on.
        margin = (high - low) / 2
        first = int((low - margin) * per_epoch) - 2
        last = int((high + margin) * per_epoch) + 2
        columns = int(2 * max(view.width(), 100) * self.devicePixelRatioF())
        seen: list[np.ndarray] = []
        legend = self._legends[0]
        for series, curve, key in (
            (self._loss.raw, self._raw_curve, "each step"),
            (self._loss.smoothed, self._smooth_curve, "smoothed"),
        ):
            curve.setVisible(legend.shows(key))
            index, values = series.envelope(first, last, columns)
            x = (index + 1.0) / per_epoch
            if log:
                with np.errstate(divide="ignore", invalid="ignore"):
                    values = np.log10(np.where(values > 0.0, values, np.nan))
            curve.setData(x, values)
            if legend.shows(key):
                seen.append(values[(x >= low) & (x <= high)])
        alone = curves.lonely(values)
        self._lonely_steps.setData(x[alone], values[alone])
        shows_expected = self._expected is not None and legend.shows("expected")
        self._expected_loss.setVisible(shows_expected)
        if self._expected is not None and shows_expected:
            # An epoch's mean loss stands in its middle.
            middles = np.arange(len(self._expected.loss)) + 0.5
            expected = np.log10(self._expected.loss) if log else np.array(self._expected.loss)
            self._expected_loss.setData(middles, expected)
            seen.append(expected[(middles >= low) & (middles <= high)])
        if not view.values_held:
            self._set_y(
                self._loss_plot, *curves.loss_range(np.concatenate([np.zeros(0), *seen]), log)
            )
        self._show_notice(int(low * per_epoch) - 1, int(high * per_epoch) + 1)

    def _show_notice(self, first: int, last: int) -> None:
        """Says what the loss plot does not show."""
        raw, view, log = self._loss.raw, self._loss_plot.view, self._log.isChecked()
        parts = []
        if raw.gaps and self._loss.first_gap is not None:
            text = tr("{count:step|steps} NaN or infinite, from epoch {epoch}")
            epoch = self._loss.first_gap // self._steps_per_epoch + 1
            parts.append(text.format(count=Count(raw.gaps), epoch=epoch))
        if view.values_held:
            ends = view.viewRange()[1]
            low, high = (10.0**end for end in ends) if log else ends
            below, above = raw.outside(first, last, low, high)
            if above:
                parts.append(tr("{count:point|points} above").format(count=Count(above)))
            if below:
                parts.append(tr("{count:point|points} below").format(count=Count(below)))
        elif log:
            zeros = raw.outside(first, last, float(np.nextafter(np.float32(0), 1)), np.inf)[0]
            if zeros:
                text = tr("not on a log scale: {count:point|points} of 0 or less")
                parts.append(text.format(count=Count(zeros)))
        self._notice.setText(" · ".join(parts))

    def _draw_accuracy(self) -> None:
        done, values = np.array(self._done, float), np.array(self._accuracies, float)
        if curves.best(self._accuracies) is None:  # not even one finite value
            done = values = np.empty(0)
        self._accuracy_curve.setData(done, values)
        self._validation_curve.setData(self._done[: len(self._validation)], self._validation)
        best = self._best() if len(done) else None
        star = [] if best is None else [best]
        self._best_mark.setData(done[star], values[star])
        legend = self._legends[1]
        shown: list[float] = []
        for curve, of_curve, key in (
            (self._accuracy_curve, self._accuracies, "test"),
            (self._validation_curve, self._validation, "validation"),
            (self._best_mark, values[star].tolist(), "best"),
        ):
            curve.setVisible(legend.shows(key))
            shown += of_curve if legend.shows(key) else []
        shows_expected = self._expected is not None and legend.shows("expected")
        self._expected_accuracy.setVisible(shows_expected)
        has_band = self._expected is not None and self._expected.has_band
        self._band_between.setVisible(shows_expected and has_band)
        if self._expected is not None and shows_expected:
            x = np.arange(1.0, len(self._expected.accuracy) + 1.0)
            expected = np.array(self._expected.accuracy)
            self._expected_accuracy.setData(x, expected)
            self._draw_band(self._expected)
            low, high = self.visible_epochs()
            shown += expected[(x >= low) & (x <= high)].tolist()
        lines = self._reported_values()
        for line, (value, text, dash) in zip(
            self._reported_lines, [*lines, (0.0, "", Qt.PenStyle.DashLine)] * 2, strict=False
        ):
            line.setVisible(bool(text))
            line.setValue(value)
            line.label.setFormat(text)
            line.setPen(self._pen(self._colors().reported, 1.5, dash))
        shown += [value for value, _, _ in lines]
        final = self._final if self._mode == "train" else None
        end = self._position()
        self._final_mark.setData([] if final is None else [end], [] if final is None else [final])
        self._final_text.setVisible(final is not None)
        if final is not None:
            shown.append(final)
            self._final_text.setText(tr("final test {accuracy}").format(accuracy=percent(final)))
            self._final_text.setPos(end, final)
            near = self._accuracies[-max(len(self._accuracies) // 4, 1) :]
            below = curves.stands_below(final, near, [value for value, _, _ in lines])
            self._final_text.setAnchor(pg.Point(1.0, -0.25 if below else 1.25))
        if not self._accuracy_plot.view.values_held:
            self._set_y(self._accuracy_plot, *curves.accuracy_range(shown))
        self._show_legends()

    def _best(self) -> int | None:
        """Index of the best epoch: by the validation split where there is one."""
        return curves.best(self._validation or self._accuracies)

    def _draw_band(self, expected: Expected) -> None:
        """Where honest runs stay. A piece without a band is left out."""
        for curve, ends in zip(self._band, (expected.low, expected.high), strict=True):
            kept = [(epoch, end) for epoch, end in enumerate(ends, 1) if end is not None]
            curve.setData([float(epoch) for epoch, _ in kept], [end for _, end in kept])

    def _reported_values(self) -> list[tuple[float, str, Qt.PenStyle]]:
        """Reported accuracies: value, words, dash."""
        if self._reported is None:
            return []
        figure = percent(self._reported.accuracy)
        if self._reported.accuracy_is_approximate:
            figure = f"≈{self._reported.accuracy:g}%"
        dash, dots = Qt.PenStyle.DashLine, Qt.PenStyle.DotLine
        train = self._reported.accuracy_train_mode
        if train is None:
            text = tr("reported {accuracy}").format(accuracy=figure)
            return [(self._reported.accuracy, text, dash)]
        final = tr("reported, final {accuracy}").format(accuracy=figure)
        trained = tr("reported, training mode {accuracy}").format(accuracy=percent(train))
        return [(self._reported.accuracy, final, dash), (train, trained, dots)]

    def _draw_rate(self) -> None:
        # Several for each epoch where the rate changes from step to step.
        parts = max(1, len(self._planned) // self._epochs)
        rates = self._planned
        if parts == 1:
            rates = np.append(self._rates, self._planned[len(self._rates) :])
        self._rate_drawn = self._position()
        usable = rates[rates > 0.0]
        log = parts == 1 and bool(len(usable)) and bool(usable.min() < usable.max())
        self._rate_plot.axis.logarithmic = log
        for curve, end, key in (
            (self._planned_curve, len(rates) / parts, "planned"),
            (self._used_curve, self._position(), "used"),
        ):
            curve.setVisible(self._legends[2].shows(key))
            x, y = curves.rate_line(rates, end * parts)
            if log:
                with np.errstate(divide="ignore", invalid="ignore"):
                    y = np.log10(y)
            curve.setData(x / parts, y, connect="finite")
        if not self._rate_plot.view.values_held:
            if log:
                low, high = np.log10(usable.min()), np.log10(usable.max())
                pad = max(0.2 * (high - low), 0.3)  # the number at the highest rate needs room
                ends = low - pad, high + pad
            else:
                room = 2.0 if parts == 1 else 1.25
                ends = 0.0, room * (usable.max() if len(usable) else 0.5)
            self._set_y(self._rate_plot, *ends)

    def _set_x(self, plots: Iterable[EpochPlot], low: float, high: float) -> None:
        self._linking = True
        for plot in plots:
            plot.set_ends((low, high), None)
        self._linking = False

    def _set_y(self, plot: EpochPlot, low: float, high: float) -> None:
        self._linking = True
        plot.set_ends(None, (low, high))
        self._linking = False

    def _show_words(self) -> None:
        loss = accuracy = rate = ""
        if len(self._loss) == 0:
            loss = tr("The loss of every step appears here while a run trains.")
        elif self._loss.raw.gaps == len(self._loss):
            loss = tr("No step has had a finite loss.")
        if not self._done and self._expected is None:
            accuracy = tr("The test accuracy appears here after each epoch.")
        if not len(self._planned) and not self._rates:
            rate = tr("The learning rate of each epoch appears here.")
        for plot, words in zip(self._plots, (loss, accuracy, rate), strict=True):
            plot.say(words)
            plot.show_numbers(self._started)

    # --- what the person does -----------------------------------------------------------

    def _on_touched(self, values: bool) -> None:
        self._follow.setChecked(False)
        self._changed()

    def _on_x_range(self, view: EpochView, ends: tuple[float, float]) -> None:
        if not self._linking:
            self._set_x(self._plots, *ends)
            self._changed()

    def _on_y_range(self, view: EpochView, ends: tuple[float, float]) -> None:
        if not self._linking:
            self._changed()

    def _on_follow(self, follow: bool) -> None:
        if follow:
            for plot in self._plots:
                plot.view.values_held = False
        self._changed(epochs=True)

    def _on_log(self, log: bool) -> None:
        self._loss_plot.axis.logarithmic = log
        self._loss_plot.view.values_held = False  # the range was in other units
        self._loss_plot.axis.picture = None  # its ticks are others, even where its ends are not
        self._loss_plot.axis.update()
        self._changed()

    def _on_legend(self, key: str, shown: bool) -> None:
        self._dirty = self._epochs_dirty = True
        self.refresh()

    def _on_smoothing(self, value: int) -> None:
        self._loss.smooth(self._slider.weight)
        self._show_smoothing()
        self._changed()

    def _show_smoothing(self) -> None:
        self._smoothing_value.setText(f"{self._slider.weight:.2f}")
        self._show_legends()

    def _on_hovered(self, position: float | None) -> None:
        self._pointer = position
        for plot in self._plots:
            plot.pointer.setVisible(position is not None and self._started)
            if position is not None:
                plot.pointer.setValue(position)
        self._show_readout()

    def _show_readout(self) -> None:
        # Where there is room for less, what the plots show at the pointer gives way first.
        text = self._readout_text()
        if self._readout.fontMetrics().horizontalAdvance(text) > self._readout.width():
            text = self._readout_text(short=True)
        self._readout.setText(text)

    def _readout_text(self, short: bool = False) -> str:
        if self._pointer is None or not self._started:
            return tr("Point at a curve to read its values; wheel to zoom, drag to move.")
        parts = []
        at = curves.moment(self._pointer, self._steps_per_epoch, len(self._loss))
        if at is not None and short:
            smoothed = f"{self._loss.smoothed.values[at.index]:.4f}"
            parts.append(tr("epoch {epoch}").format(epoch=f"{self._pointer:.2f}"))
            parts.append(tr("smoothed loss {smoothed}").format(smoothed=smoothed))
        elif at is not None:
            text = tr("epoch {epoch} · step {step} · loss {loss} · smoothed {smoothed}")
            parts.append(
                text.format(
                    epoch=at.epoch,
                    step=f"{at.step:,}",
                    loss=f"{self._loss.raw.values[at.index]:.4f}",
                    smoothed=f"{self._loss.smoothed.values[at.index]:.4f}",
                )
            )
        else:
            parts.append(tr("epoch {epoch}").format(epoch=f"{self._pointer:.2f}"))
        near = curves.nearest(self._done, self._pointer)
        if near is not None:
            text = tr("accuracy {accuracy} (epoch {epoch})")
            accuracy = percent(self._accuracies[near])
            parts.append(text.format(accuracy=accuracy, epoch=self._done[near]))
            if self._validation:
                value = percent(self._validation[near])
                parts.append(tr("validation {accuracy}").format(accuracy=value))
            if self._sample:
                parts.append(tr("sample"))
            if self._expected is not None and self._done[near] <= len(self._expected.accuracy):
                value = percent(self._expected.accuracy[self._done[near] - 1])
                parts.append(tr("expected {accuracy}").format(accuracy=value))
        return " · ".join(parts)

    # --- export -------------------------------------------------------------------------

    def _paint_figure(self, painter: QPainter, pens: float) -> None:
        """All three plots with titles and legends, as they are on screen but for the pointer;
        dark on white, as papers want it. ``pens``: times as wide as on screen, since pyqtgraph's
        pens count the device's pixels."""
        self.refresh()
        self._on_hovered(None)
        self._paper = pens
        self._restyle()
        self.refresh()
        c = self._colors()
        painter.fillRect(self._figure.rect(), QColor(c.surface))
        for widget, color in (
            *((title, c.muted) for title in self._titles),
            (self._notice, c.problem),
            (self._sample_mark, c.sample),
        ):
            painter.setFont(widget.font())
            painter.setPen(QColor(color))
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip
            painter.drawText(self._place(widget), flags, widget.text())
        for legend in self._legends:
            painter.save()
            painter.translate(self._place(legend).topLeft())
            legend.draw(painter, QColor(c.text))
            painter.restore()
        for plot in self._plots:
            plot.export(painter, QRectF(self._place(plot)))
        self._paper = 0.0
        self._restyle()
        self.refresh()

    def _place(self, widget: QWidget) -> QRect:
        return QRect(widget.mapTo(self._figure, QPoint()), widget.size())

    def _colors(self) -> theme.Colors:
        return theme.LIGHT if self._paper else theme.colors()

    def _epochs_table(self) -> str:
        self._take(len(self._to_come))
        return curves.epochs_csv(
            self._done,
            self._accuracies,
            self._rates,
            self._loss.raw.values,
            self._steps_per_epoch,
            self._mode,
            self._sample,
            self._validation,
        )

    def _losses_table(self) -> Iterator[str]:
        self._take(len(self._to_come))
        # From a copy: more may come meanwhile.
        losses = self._loss.raw.values.copy()
        return curves.losses_csv(losses, self._steps_per_epoch, self._sample)

    # --- words and colors ---------------------------------------------------------------

    def retranslate(self) -> None:
        self._log.setText(tr("Log scale"))
        self._log.setToolTip(tr("Draws the loss on a logarithmic axis."))
        self._smoothing_label.setText(tr("Smoothing"))
        self._slider.setToolTip(
            tr(
                "Weight of the average so far in each point of the smoothed line. The raw loss "
                "stays visible under it."
            )
        )
        self._slider.setAccessibleName(tr("Smoothing"))
        self._follow.setText(tr("Follow"))
        self._follow.setToolTip(
            tr("Shows the whole run and keeps up with it. Zooming or moving turns it off.")
        )
        self._export.retranslate()
        for plot, name in zip(
            self._plots,
            (tr("Training loss"), tr("Test accuracy"), tr("Learning rate")),
            strict=True,
        ):
            plot.setAccessibleName(name)
        accuracy = self._accuracy_plot
        self._loss_plot.name_curve(self._smooth_curve, tr("Training loss"), "lowest")
        accuracy.name_curve(self._accuracy_curve, tr("Test accuracy"), "highest", "%")
        accuracy.name_curve(self._validation_curve, tr("Validation accuracy"), "highest", "%")
        accuracy.name_curve(self._final_mark, tr("Final test"), "highest", "%")
        self._rate_plot.name_curve(self._used_curve, tr("Learning rate"), "highest")
        self._rate_plot.getPlotItem().setLabel("bottom", tr("epoch"))
        self._show_smoothing()
        self._changed(epochs=True)

    def _show_legends(self) -> None:
        c = self._colors()
        self._titles[0].setText(tr("Training loss"))
        smoothed = tr("smoothed {weight}").format(weight=f"{self._slider.weight:.2f}")
        expected = []
        if self._expected:
            line = Qt.PenStyle.DotLine
            expected = [Entry(tr("expected"), c.muted, 1, line=line, key="expected")]
        self._legends[0].show_entries(
            [
                *expected,
                Entry(tr("each step"), c.raw, 1, key="each step"),
                Entry(smoothed, c.measured, 2, key="smoothed"),
            ]
        )
        train = self._mode == "train"
        if self._validation:
            title = tr("Accuracy in training mode, %") if train else tr("Accuracy, %")
        else:
            title = tr("Test accuracy in training mode, %") if train else tr("Test accuracy, %")
        self._titles[1].setText(title)
        self._sample_mark.setText(tr("sample") if self._sample else "")
        entries = [*expected]
        if self._expected is not None and self._expected.has_band:
            text = tr("expected, {level} band").format(level=f"{LEVEL:.0%}")
            dots, short = Qt.PenStyle.DotLine, tr("expected")
            entries = [Entry(text, c.muted, 1, line=dots, short=short, key="expected")]
        if self._done:
            split = bool(self._validation)
            name = tr("test") if split else tr("measured")
            entries.append(Entry(name, c.measured, 2, "o", key="test"))
            if split:
                entries.append(Entry(tr("validation"), c.validation, 2, "t", key="validation"))
            best = self._best()
            if best is not None:
                template = (
                    tr("best by validation, epoch {epoch}")
                    if split
                    else tr("best by test, epoch {epoch}")
                )
                text = template.format(epoch=self._done[best])
                short = tr("best by validation") if split else tr("best by test")
                entries.append(Entry(text, c.best, 0, "star", short=short, key="best"))
        self._legends[1].show_entries(entries)
        self._legends[1].setToolTip(tooltip(*self._choice_words()))
        self._titles[2].setText(tr("Learning rate"))
        self._legends[2].show_entries(
            [
                Entry(tr("planned"), c.raw, 1, key="planned"),
                Entry(tr("used"), c.measured, 2, key="used"),
            ]
            if len(self._planned) or self._rates
            else []
        )

    def _choice_words(self) -> list[str]:
        band = []
        if self._expected is not None and self._expected.has_band:
            text = tr(
                "{level} of runs with other seeds stay in the shaded band after every epoch, by "
                "the {seeds} seeds that were measured."
            )
            band = [text.format(level=f"{LEVEL:.0%}", seeds=max(self._expected.seeds))]
        if not self._done:
            return band
        return [
            *band,
            tr("The star is the test accuracy of the epoch that was best on the validation split.")
            if self._validation
            else tr("The best epoch is selected on the test set, so its accuracy is optimistic."),
        ]

    def _restyle(self) -> None:
        c = self._colors()
        for plot in self._plots:
            plot.restyle(c)
        for curve in (self._expected_loss, self._expected_accuracy):
            curve.setPen(self._pen(c.muted, 1.5, Qt.PenStyle.DotLine))
        shade = QColor(c.muted)
        shade.setAlpha(36)
        self._band_between.setBrush(shade)
        self._raw_curve.setPen(self._pen(c.raw, 1))
        self._smooth_curve.setPen(self._pen(c.measured, 2))
        self._accuracy_curve.setPen(self._pen(c.measured, 2))
        self._validation_curve.setPen(self._pen(c.validation, 2))
        for mark, color in (
            (self._accuracy_curve, c.measured),
            (self._validation_curve, c.validation),
            (self._lonely_steps, c.measured),
            (self._best_mark, c.best),
            (self._final_mark, c.measured),
        ):
            mark.setSymbolBrush(color)
            mark.setSymbolPen(c.surface)
        for line in self._reported_lines:
            line.label.setColor(c.reported)
        self._final_text.setColor(c.measured)
        ground = QColor(c.surface)
        ground.setAlpha(210)  # read also where a curve of a few epochs runs behind it
        self._final_text.fill = pg.mkBrush(ground)
        self._planned_curve.setPen(self._pen(c.raw, 1))
        self._used_curve.setPen(self._pen(c.measured, 2))
        self._changed(epochs=True)

    def _pen(self, color: str, width: float, dash: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
        return pg.mkPen(color, width=width * (self._paper or 1.0), style=dash)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif theme.is_restyled(event) and hasattr(self, "_used_curve"):
            self._restyle()


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    application = QApplication([])
    theme.Theme(application)
    view = LiveView()
    steps, epochs = 3125, 18
    random = np.random.default_rng(0)
    x = np.arange(steps * epochs) / steps
    accuracies = 66.0 - 20.0 * np.exp(-np.arange(1, epochs + 1) / 4.0)
    view.show_saved(
        steps,
        30,
        [1e-4 * 0.2 ** (epoch // 20) for epoch in range(30)],
        Reported(accuracy=74.96, accuracy_train_mode=65.60),
        False,
        "train",
        (0.8 + 1.5 * np.exp(-x / 2.0)) * random.gamma(9.0, 1 / 9.0, x.size),
        [
            {"epoch": i + 1, "accuracy": value, "learning_rate": 1e-4}
            for i, value in enumerate(accuracies)
        ],
        75.1,
        "009",
    )
    view.resize(620, 590)
    view.show()
    application.exec()
