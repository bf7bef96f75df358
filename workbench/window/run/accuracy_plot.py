"""The accuracy after every epoch, beside what is expected and what the report says."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel

from workbench.spec.expected import LEVEL, Expected
from workbench.window.kit import theme
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import say, tr
from workbench.window.plots import curves
from workbench.window.plots.plot_legend import Entry
from workbench.window.run.run_curves import RunCurves
from workbench.window.run.run_plot import RunPlot, expected_entry
from workbench.words.figures import percent
from workbench.words.memorizing import COUNTED, gap_sentences


class AccuracyPlot(RunPlot):
    """Test and validation accuracy with the best epoch, the final test, the reported lines and the
    band that honest runs stay in."""

    stretch = 7

    def __init__(self, points: RunCurves, left: int) -> None:
        super().__init__("accuracyPlot", points, left, numbers_below=False)
        self.sample_mark = QLabel()
        self.sample_mark.setObjectName("accuracySample")
        self.sample_mark.setProperty("role", "sample")
        self.beside = self.sample_mark
        # First, so that they lie under the run's own. A pen that draws nothing; without any
        # pyqtgraph gives the shade between them no path.
        self.band = [self.curve(pen=pg.mkPen(None)) for _ in range(2)]
        self.band_between = pg.FillBetweenItem(*self.band)
        self.addItem(self.band_between, ignoreBounds=True)
        self.expected = self.curve(connect="finite", antialias=True)
        self.reported_lines = [
            pg.InfiniteLine(
                angle=0, label="", labelOpts={"position": 0.01, "anchors": [(0, 1), (0, 1)]}
            )
            for _ in range(2)
        ]
        for line in self.reported_lines:
            self.addItem(line, ignoreBounds=True)
        self.training = self.curve(antialias=True, symbolSize=6, connect="finite")
        self.turn = pg.InfiniteLine(angle=90)
        self.addItem(self.turn, ignoreBounds=True)
        self.test = self.curve(antialias=True, symbol="o", symbolSize=6, connect="finite")
        self.validation = self.curve(antialias=True, symbol="t", symbolSize=7, connect="finite")
        self.best_mark = self.curve(antialias=True, pen=None, symbol="star", symbolSize=15)
        self.final_mark = self.curve(antialias=True, pen=None, symbol="d", symbolSize=12)
        self.final_text = pg.TextItem(anchor=(1.0, 1.15))
        self.addItem(self.final_text, ignoreBounds=True)

    # --- words --------------------------------------------------------------------------

    def name(self) -> str:
        return tr("Test accuracy")

    def name_curves(self) -> None:
        self.name_curve(self.test, tr("Test accuracy"), "highest", "%")
        self.name_curve(self.validation, tr("Validation accuracy"), "highest", "%")
        self.name_curve(self.final_mark, tr("Final test"), "highest", "%")

    def title(self) -> str:
        train = self.points.mode == "train"
        if self.points.validation or self._counted():
            return tr("Accuracy in training mode, %") if train else tr("Accuracy, %")
        return tr("Test accuracy in training mode, %") if train else tr("Test accuracy, %")

    def _counted(self) -> bool:
        """Return whether the training images that were recognized are known of any epoch."""
        return any(one.training_accuracy is not None for one in self.points.figures)

    def empty_words(self) -> str:
        if self.points.done or self.points.expected is not None:
            return ""
        return tr("The test accuracy appears here after each epoch.")

    def refresh_legend(self) -> None:
        super().refresh_legend()
        self.sample_mark.setText(tr("sample") if self.points.sample else "")
        self.legend.setToolTip(tooltip(*self._choice_words()))

    def entries(self, c: theme.Colors) -> list[Entry]:
        points, entries = self.points, []
        if points.expected is not None and points.expected.has_band:
            text = tr("expected, {level} band").format(level=f"{LEVEL:.0%}")
            dots, short = Qt.PenStyle.DotLine, tr("expected")
            entries.append(Entry(text, c.muted, 1, line=dots, short=short, key="expected"))
        elif points.expected is not None:
            entries.append(expected_entry(c))
        if not points.done:
            return entries
        split = bool(points.validation)
        counted = self._counted()
        if counted:
            entries.append(Entry(tr("training"), c.training, 2, key="training"))
        name = tr("test") if split or counted else tr("measured")
        entries.append(Entry(name, c.measured, 2, "o", key="test"))
        if split:
            entries.append(Entry(tr("validation"), c.validation, 2, "t", key="validation"))
        if points.best is not None:
            template = (
                tr("best by validation, epoch {epoch}")
                if split
                else tr("best by test, epoch {epoch}")
            )
            text = template.format(epoch=points.done[points.best])
            entries.append(Entry(text, c.best, 0, "star", short=tr("best"), key="best"))
        return entries

    def _choice_words(self) -> list[str]:
        expected, band = self.points.expected, []
        if expected is not None and expected.has_band:
            text = tr(
                "{level} of runs with other seeds stay in the shaded band after every epoch, by "
                "the {seeds} seeds that were measured."
            )
            band = [text.format(level=f"{LEVEL:.0%}", seeds=max(expected.seeds))]
        if not self.points.done:
            return band
        gap = [say(sentence) for sentence in gap_sentences(self.points.figures)]
        counted = [say(COUNTED)] if self._counted() else []
        return [
            *gap,
            *counted,
            *band,
            tr("The star is the test accuracy of the epoch that was best on the validation split.")
            if self.points.validation
            else tr("The best epoch is selected on the test set, so its accuracy is optimistic."),
        ]

    # --- drawing ------------------------------------------------------------------------

    def draw(self) -> None:
        points = self.points
        done, values = np.array(points.done, float), np.array(points.accuracies, float)
        if curves.best(points.accuracies) is None:  # not even one finite value
            done = values = np.empty(0)
        self.test.setData(done, values)
        self.validation.setData(points.done[: len(points.validation)], points.validation)
        best = points.best if len(done) else None
        star = [] if best is None else [best]
        self.best_mark.setData(done[star], values[star])
        trained = points.of_epochs(lambda one: one.training_accuracy)
        self.training.setData(*trained)
        self.training.setSymbol("o" if len(trained[0]) == 1 else None)  # no line through one point
        self.mark_turn(self.turn, words=False)
        shown: list[float] = []
        for curve, of_curve, key in (
            (self.training, trained[1].tolist(), "training"),
            (self.test, points.accuracies, "test"),
            (self.validation, points.validation, "validation"),
            (self.best_mark, values[star].tolist(), "best"),
        ):
            curve.setVisible(self.legend.shows(key))
            shown += of_curve if self.legend.shows(key) else []
        shown += self._draw_expected()
        lines = self._draw_reported()
        shown += [*lines, *self._draw_final(lines)]
        self.fit_values(*curves.accuracy_range(shown))
        self.refresh_legend()

    def _draw_expected(self) -> list[float]:
        """Draw what is expected; return the values that are seen."""
        expected = self.points.expected
        shows = expected is not None and self.legend.shows("expected")
        self.expected.setVisible(shows)
        self.band_between.setVisible(shows and expected is not None and expected.has_band)
        if expected is None or not shows:
            return []
        x = np.arange(1.0, len(expected.accuracy) + 1.0)
        values = np.array(expected.accuracy)
        self.expected.setData(x, values)
        self._draw_band(expected)
        low, high = self.visible_epochs()
        inside: list[float] = values[(x >= low) & (x <= high)].tolist()
        return inside

    def _draw_band(self, expected: Expected) -> None:
        """Return where honest runs stay. A piece without a band is left out."""
        for curve, ends in zip(self.band, (expected.low, expected.high), strict=True):
            kept = [(epoch, end) for epoch, end in enumerate(ends, 1) if end is not None]
            curve.setData([float(epoch) for epoch, _ in kept], [end for _, end in kept])

    def _draw_reported(self) -> list[float]:
        lines = self._reported_values()
        for line, (value, text, dash) in zip(
            self.reported_lines, [*lines, (0.0, "", Qt.PenStyle.DashLine)] * 2, strict=False
        ):
            line.setVisible(bool(text))
            line.setValue(value)
            line.label.setFormat(text)
            line.setPen(self.pen(self.colors().reported, 1.5, dash))
        return [value for value, _, _ in lines]

    def _reported_values(self) -> list[tuple[float, str, Qt.PenStyle]]:
        """Reported accuracies: value, words, dash."""
        reported = self.points.reported
        if reported is None:
            return []
        figure = percent(reported.accuracy)
        if reported.accuracy_is_approximate:
            figure = f"≈{reported.accuracy:g}%"
        dash, dots = Qt.PenStyle.DashLine, Qt.PenStyle.DotLine
        train = reported.accuracy_train_mode
        if train is None:
            text = tr("reported {accuracy}").format(accuracy=figure)
            return [(reported.accuracy, text, dash)]
        final = tr("reported, final {accuracy}").format(accuracy=figure)
        trained = tr("reported, training mode {accuracy}").format(accuracy=percent(train))
        return [(reported.accuracy, final, dash), (train, trained, dots)]

    def _draw_final(self, reported: list[float]) -> list[float]:
        """Mark the final test, where it was taken in another mode than those after the epochs."""
        final = self.points.final if self.points.mode == "train" else None
        end = self.points.position
        self.final_mark.setData([] if final is None else [end], [] if final is None else [final])
        self.final_text.setVisible(final is not None)
        if final is None:
            return []
        self.final_text.setText(tr("final test {accuracy}").format(accuracy=percent(final)))
        self.final_text.setPos(end, final)
        near = self.points.accuracies[-max(len(self.points.accuracies) // 4, 1) :]
        below = curves.stands_below(final, near, reported)
        self.final_text.setAnchor(pg.Point(1.0, -0.25 if below else 1.25))
        return [final]

    def recolor(self, c: theme.Colors) -> None:
        self.expected.setPen(self.pen(c.muted, 1.5, Qt.PenStyle.DotLine))
        shade = QColor(c.muted)
        shade.setAlpha(36)
        self.band_between.setBrush(shade)
        self.training.setPen(self.pen(c.training, 2))
        self.test.setPen(self.pen(c.measured, 2))
        self.validation.setPen(self.pen(c.validation, 2))
        for mark, color in (
            (self.training, c.training),
            (self.test, c.measured),
            (self.validation, c.validation),
            (self.best_mark, c.best),
            (self.final_mark, c.measured),
        ):
            self.tint(mark, color, c)
        for line in self.reported_lines:
            line.label.setColor(c.reported)
        self.final_text.setColor(c.measured)
        ground = QColor(c.surface)
        ground.setAlpha(210)  # read also where a curve of a few epochs runs behind it
        self.final_text.fill = pg.mkBrush(ground)
