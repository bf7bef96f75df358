"""The live curves: training loss of every step, test accuracy and learning rate of every epoch.

Each plot has a file of its own; here is what they share: controls, export, when they are painted.
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
from numpy.typing import ArrayLike
from PySide6.QtCore import QElapsedTimer, QEvent, QPoint, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QPainter, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from workbench.analysis.smoothing import weight_for
from workbench.engine.events import EpochDone, Event, FinalTest, StepsDone
from workbench.engine.run_state import EpochFigures, RunState
from workbench.spec.expected import Expected
from workbench.spec.presets import Reported
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.translation import tr
from workbench.window.plots import curves
from workbench.window.plots.curve_export import CurveExport
from workbench.window.plots.epoch_plot import EpochPlot, EpochView
from workbench.window.plots.smoothing_slider import SmoothingSlider
from workbench.window.run.accuracy_plot import AccuracyPlot
from workbench.window.run.loss_plot import LossPlot
from workbench.window.run.rate_plot import RatePlot, planned_rates
from workbench.window.run.run_curves import RunCurves
from workbench.window.run.run_plot import RunPlot
from workbench.window.run.shown_run import ShownRun
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
"""Where the slider stands first: an average over about 20 steps, or fewer in a short run."""


class LiveView(QWidget):
    """Curves of one run. Points come through :meth:`add_losses` and :meth:`add_epoch`, which
    only keep them; painting happens in :meth:`refresh`, at most every 300 ms and only while the
    view is visible."""

    problem = Signal(str)
    """A sentence for the person: an export failed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("liveView")
        self.points = RunCurves(SMOOTHING)
        self._to_come = np.zeros(0, np.float32)
        self._smoothing_chosen = False
        self._dirty = self._epochs_dirty = True
        self._painting: Iterator[None] | None = None
        self._linking = False
        self._pointer: float | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_turn)
        self._since = QElapsedTimer()

        left = self.fontMetrics().horizontalAdvance("0.00001") + 16
        self.loss = LossPlot(self.points, left)
        self.accuracy = AccuracyPlot(self.points, left)
        self.rate = RatePlot(self.points, left)
        self._plots: tuple[RunPlot, ...] = (self.loss, self.accuracy, self.rate)
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
        for plot in self._plots:
            plot.legend.toggled.connect(self._on_legend)
            head = QHBoxLayout()
            head.setContentsMargins(2, 0, 8, 0)
            head.setSpacing(8)
            head.addWidget(plot.heading)
            # A sentence beside it takes what room there is, a word only its own.
            sentence = isinstance(plot.beside, ElidedLabel)
            if plot.beside is not None:
                head.addWidget(plot.beside, 1 if sentence else 0)
            if not sentence:
                head.addStretch(1)
            head.addWidget(plot.legend)
            column.addLayout(head)
            column.addWidget(plot, plot.stretch)

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

    def show_run(self, run: ShownRun | None) -> None:
        """Show the curves of ``run`` as far as it is."""
        if run is None or run.record is None or run.experiment is None:
            self.clear()
            return
        state, experiment = run.state, run.experiment
        rates = planned_rates(experiment, state.epochs, state.steps_per_epoch)
        self._begin(
            state.steps_per_epoch,
            state.epochs,
            rates,
            run.reported,
            run.sample,
            experiment.test_mode,
            run.record.id,
        )
        self.set_expected(run.expected)
        self._follow_state(state)

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Take what is new of the run's state; it is painted later."""
        if isinstance(event, StepsDone | EpochDone | FinalTest):
            self._follow_state(run.state)

    def _follow_state(self, state: RunState) -> None:
        known = self.step_count()
        if state.step_count > known:
            self.add_losses(state.step_losses[known:])
        for epoch in state.finished_epochs[len(self.points.done) :]:
            validation = epoch.validation.accuracy if epoch.validation else None
            self.add_epoch(epoch.epoch, epoch.test.accuracy, epoch.learning_rate, validation, epoch)
        if state.final and state.test is not None:
            self.set_final(state.test.accuracy)

    def clear(self) -> None:
        """No run: the plots say what will appear in them."""
        self.start(1, 3, (), None, False, "eval")
        self.points.started = False
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
        self._painting = None
        self._timer.stop()  # another run is painted at once
        self._since.invalidate()
        self.points.begin(steps_per_epoch, epochs, learning_rates, reported, sample, test_mode)
        self._export.run_name = name
        self._to_come = np.zeros(0, np.float32)
        if not self._smoothing_chosen:
            self._slider.blockSignals(True)
            self._slider.setValue(round(100 * weight_for(steps_per_epoch * epochs, SMOOTHING)))
            self._slider.blockSignals(False)
            self.points.loss.smooth(self._slider.weight)
            self._show_smoothing()
        self._follow.setChecked(True)
        self._on_follow(True)

    def add_losses(self, losses: ArrayLike) -> None:
        """The losses of the steps that follow those given before. Does not paint."""
        self._to_come = np.append(self._to_come, np.asarray(losses, np.float32))
        if len(self._to_come) <= PIECE:
            self._take(PIECE)
        self._changed()

    def _take(self, most: int) -> None:
        """Take over losses that were given."""
        if len(self._to_come):
            self.points.loss.extend(self._to_come[:most])
            self._to_come = self._to_come[most:]

    def add_epoch(
        self,
        epoch: int,
        accuracy: float,
        learning_rate: float,
        validation: float | None = None,
        figures: EpochFigures | None = None,
    ) -> None:
        """Test accuracy in percent after ``epoch`` (from 1), and the rate that it trained with;
        ``validation``: the accuracy on the validation split, in all epochs of a run or in none;
        ``figures``: all that is known of the epoch."""
        self.points.add_epoch(epoch, accuracy, learning_rate, validation, figures)
        self._changed(epochs=True)

    def set_final(self, accuracy: float | None) -> None:
        """Accuracy of the final test in percent, always in evaluation mode."""
        self.points.final = accuracy
        self._changed(epochs=True)

    def set_expected(self, expected: Expected | None) -> None:
        """Curves of what was measured with these hyperparameters before, drawn thin and dotted
        under the run's own, the band shaded; ``None`` for none."""
        self.points.expected = expected
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
            known = EpochFigures.from_row(row) if "test_loss" in row else None
            validation = row.get("validation_accuracy")
            self.add_epoch(row["epoch"], row["accuracy"], row["learning_rate"], validation, known)
        self.set_final(final)

    def step_count(self) -> int:
        """Return how many losses it was given."""
        return len(self.points.loss) + len(self._to_come)

    @property
    def follows(self) -> bool:
        """Return whether the view follows the newest points; zoom and pan by the person end it."""
        return self._follow.isChecked()

    def visible_epochs(self) -> tuple[float, float]:
        """Ends of the epoch axis."""
        return self.loss.visible_epochs()

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
        """Paint what has changed, at once."""
        self._timer.stop()
        for _ in self._painting or ():
            pass
        self._painting = None
        for _ in self._paint():
            pass

    def _paint(self) -> Iterator[None]:
        """Return what has changed, a plot at a time: a repaint follows each, and takes as long."""
        self._take(len(self._to_come))
        self._since.start()
        if not self._dirty:
            return
        epochs_dirty = self._epochs_dirty
        self._dirty = self._epochs_dirty = False
        self._follow_on(self.loss)
        self.loss.draw()
        self._show_words()
        self._show_readout()
        # The other plots change once an epoch, and their painting costs as much as the loss's.
        if epochs_dirty:
            yield
            self._follow_on(self.accuracy)
            self.accuracy.draw()
            self._show_legends()
        low, high = self.visible_epochs()
        if epochs_dirty or self.points.position - self.rate.drawn_to > (high - low) / 500:
            yield
            self._follow_on(self.rate)
            self.rate.draw()
        self._follow_on(*self._plots)  # also those that have nothing new

    def _follow_on(self, *plots: EpochPlot) -> None:
        if self._follow.isChecked():
            horizon = curves.horizon(self.points.position, self.points.epochs)
            self._set_x(plots, 0.0, MARGIN * horizon)

    def _set_x(self, plots: Iterable[EpochPlot], low: float, high: float) -> None:
        self._linking = True
        for plot in plots:
            plot.set_ends((low, high), None)
        self._linking = False

    def _show_words(self) -> None:
        for plot in self._plots:
            plot.show_words()

    def _show_legends(self) -> None:
        for plot in self._plots:
            plot.refresh_legend()

    # --- what the person does -----------------------------------------------------------

    def _on_touched(self, values: bool) -> None:
        self._follow.setChecked(False)
        self._changed()

    def _on_x_range(self, view: EpochView, ends: tuple[float, float]) -> None:
        if not self._linking:
            self._set_x(self._plots, *ends)
            self._changed()

    def _on_y_range(self, view: EpochView, ends: tuple[float, float]) -> None:
        if not self._linking and not any(plot.fitting for plot in self._plots):
            self._changed()

    def _on_follow(self, follow: bool) -> None:
        if follow:
            for plot in self._plots:
                plot.view.values_held = False
        self._changed(epochs=True)

    def _on_log(self, log: bool) -> None:
        self.loss.set_logarithmic(log)
        self._changed()

    def _on_legend(self, key: str, shown: bool) -> None:
        self._dirty = self._epochs_dirty = True
        self.refresh()

    def _on_smoothing(self, value: int) -> None:
        self._smoothing_chosen = True
        self.points.loss.smooth(self._slider.weight)
        self._show_smoothing()
        self._changed()

    def _show_smoothing(self) -> None:
        self._smoothing_value.setText(f"{self._slider.weight:.2f}")
        self.loss.smoothing = self._slider.weight
        self._show_legends()

    def _on_hovered(self, position: float | None) -> None:
        self._pointer = position
        for plot in self._plots:
            plot.pointer.setVisible(position is not None and self.points.started)
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
        if self._pointer is None or not self.points.started:
            return tr("Point at a curve to read its values; wheel to zoom, drag to move.")
        parts, points = [], self.points
        at = curves.moment(self._pointer, points.steps_per_epoch, len(points.loss))
        if at is not None and short:
            smoothed = f"{points.loss.smoothed.values[at.index]:.4f}"
            parts.append(tr("epoch {epoch}").format(epoch=f"{self._pointer:.2f}"))
            parts.append(tr("smoothed loss {smoothed}").format(smoothed=smoothed))
        elif at is not None:
            text = tr("epoch {epoch} · step {step} · loss {loss} · smoothed {smoothed}")
            parts.append(
                text.format(
                    epoch=at.epoch,
                    step=f"{at.step:,}",
                    loss=f"{points.loss.raw.values[at.index]:.4f}",
                    smoothed=f"{points.loss.smoothed.values[at.index]:.4f}",
                )
            )
        else:
            parts.append(tr("epoch {epoch}").format(epoch=f"{self._pointer:.2f}"))
        near = curves.nearest(points.done, self._pointer)
        if near is not None:
            text = tr("accuracy {accuracy} (epoch {epoch})")
            accuracy = percent(points.accuracies[near])
            parts.append(text.format(accuracy=accuracy, epoch=points.done[near]))
            parts += self._figures_at(near) if not short else []
            if points.validation:
                value = percent(points.validation[near])
                parts.append(tr("validation {accuracy}").format(accuracy=value))
            if points.sample:
                parts.append(tr("sample"))
            if points.expected is not None and points.done[near] <= len(points.expected.accuracy):
                value = percent(points.expected.accuracy[points.done[near] - 1])
                parts.append(tr("expected {accuracy}").format(accuracy=value))
        return " · ".join(parts)

    def _figures_at(self, near: int) -> list[str]:
        """Words on training and test of the epoch at this place in ``points.done``."""
        epoch = self.points.done[near]
        found = next((one for one in self.points.figures if one.epoch == epoch), None)
        if found is None:
            return []
        parts = []
        if found.training_accuracy is not None:
            text = tr("training {accuracy}")
            parts.append(text.format(accuracy=percent(found.training_accuracy)))
        parts.append(tr("test loss {loss}").format(loss=f"{found.test.loss:.4f}"))
        return parts

    # --- export -------------------------------------------------------------------------

    def _paint_figure(self, painter: QPainter, pens: float) -> None:
        """All three plots with titles and legends, as they are on screen but for the pointer;
        dark on white, as papers want it. ``pens``: times as wide as on screen, since pyqtgraph's
        pens count the device's pixels."""
        self.refresh()
        self._on_hovered(None)
        self._restyle(pens)
        self.refresh()
        c = theme.LIGHT
        painter.fillRect(self._figure.rect(), QColor(c.surface))
        for plot in self._plots:
            for label in plot.parts():
                painter.setFont(label.font())
                painter.setPen(QColor(self._ink(label, c)))
                flags = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip
                painter.drawText(self._place(label), flags, label.text())
            painter.save()
            painter.translate(self._place(plot.legend).topLeft())
            plot.legend.draw(painter, QColor(c.text))
            painter.restore()
        for plot in self._plots:
            plot.export(painter, QRectF(self._place(plot)))
        self._restyle(0.0)
        self.refresh()

    def _ink(self, label: QLabel, c: theme.Colors) -> str:
        """The color of a label above a plot, on paper."""
        return {self.loss.notice: c.problem, self.accuracy.sample_mark: c.sample}.get(
            label, c.muted
        )

    def _place(self, widget: QWidget) -> QRect:
        return QRect(widget.mapTo(self._figure, QPoint()), widget.size())

    def _epochs_table(self) -> str:
        self._take(len(self._to_come))
        points = self.points
        return curves.epochs_csv(
            points.done,
            points.accuracies,
            points.rates,
            points.loss.raw.values,
            points.steps_per_epoch,
            points.mode,
            points.sample,
            points.validation,
            points.figures,
        )

    def _losses_table(self) -> Iterator[str]:
        self._take(len(self._to_come))
        # From a copy: more may come meanwhile.
        losses = self.points.loss.raw.values.copy()
        return curves.losses_csv(losses, self.points.steps_per_epoch, self.points.sample)

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
        for plot in self._plots:
            plot.setAccessibleName(plot.name())
            plot.name_curves()
        self.rate.getPlotItem().setLabel("bottom", tr("epoch"))
        self._show_smoothing()
        self._changed(epochs=True)

    def _restyle(self, paper: float = 0.0) -> None:
        """Color everything; ``paper``: times as wide as on screen pens are, for paper."""
        for plot in self._plots:
            plot.paper = paper
            plot.restyle(plot.colors())
        self._changed(epochs=True)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif theme.is_restyled(event) and hasattr(self, "_readout"):
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
