"""The loss of every training step, raw, smoothed and as mean of an epoch; the loss of tests."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from workbench.messages import Count
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.translation import tr
from workbench.window.plots import curves
from workbench.window.plots.plot_legend import Entry
from workbench.window.run.run_curves import RunCurves
from workbench.window.run.run_plot import RunPlot, expected_entry


class LossPlot(RunPlot):
    """Draws the envelope of as many steps as there are, on a linear or a logarithmic axis."""

    stretch = 8

    def __init__(self, points: RunCurves, left: int) -> None:
        super().__init__("lossPlot", points, left, numbers_below=False)
        self.logarithmic = False
        self.smoothing = 0.0
        self.notice = ElidedLabel("problem")
        self.notice.setObjectName("lossNotice")
        self.beside = self.notice
        # First, so that it lies under the run's own.
        self.expected = self.curve(connect="finite", antialias=True)
        self.raw = self.curve(connect="finite", antialias=False)
        self.smooth = self.curve(connect="finite", antialias=False)
        self.mean = self.curve(antialias=True, symbol="s", symbolSize=5)
        self.validation = self.curve(antialias=True, symbol="t", symbolSize=7)
        self.test = self.curve(antialias=True, symbol="o", symbolSize=6)
        self.turn = pg.InfiniteLine(
            angle=90, label="", labelOpts={"position": 0.9, "anchors": [(0, 0.5), (1, 0.5)]}
        )
        self.addItem(self.turn, ignoreBounds=True)
        self.lonely_steps = self.curve(antialias=True, pen=None, symbol="o", symbolSize=6)

    def name(self) -> str:
        return tr("Training and test loss")

    def title(self) -> str:
        return tr("Loss")

    def name_curves(self) -> None:
        self.name_curve(self.smooth, tr("Training loss"), "lowest")

    def empty_words(self) -> str:
        loss = self.points.loss
        if len(loss) == 0:
            return tr("The loss of every step appears here while a run trains.")
        return tr("No step has had a finite loss.") if loss.raw.gaps == len(loss) else ""

    def entries(self, c: theme.Colors) -> list[Entry]:
        smoothed = tr("smoothed {weight}").format(weight=f"{self.smoothing:.2f}")
        points = self.points
        entries = [
            *([expected_entry(c)] if points.expected else []),
            Entry(tr("each step"), c.steps, 1, key="each step"),
            Entry(smoothed, c.training, 2, key="smoothed"),
        ]
        if points.figures:
            mean = tr("mean of the epoch")
            entries += [
                Entry(mean, c.training, 1, "s", short=tr("mean"), key="mean"),
                Entry(tr("test"), c.measured, 2, "o", key="test"),
            ]
        if points.validation and points.figures:
            entries.append(Entry(tr("validation"), c.validation, 2, "t", key="validation"))
        return entries

    def set_logarithmic(self, logarithmic: bool) -> None:
        self.logarithmic = self.axis.logarithmic = logarithmic
        self.view.values_held = False  # the range was in other units
        self.axis.picture = None  # its ticks are others, even where its ends are not
        self.axis.update()

    def draw(self) -> None:
        points, log, expected = self.points, self.logarithmic, self.points.expected
        per_epoch = points.steps_per_epoch
        low, high = self.visible_epochs()
        # Half a screen more on either side, so that there is something while a pan goes on.
        margin = (high - low) / 2
        first = int((low - margin) * per_epoch) - 2
        last = int((high + margin) * per_epoch) + 2
        columns = int(2 * max(self.view.width(), 100) * self.devicePixelRatioF())
        seen: list[np.ndarray] = []
        for series, curve, key in (
            (points.loss.raw, self.raw, "each step"),
            (points.loss.smoothed, self.smooth, "smoothed"),
        ):
            curve.setVisible(self.legend.shows(key))
            index, values = series.envelope(first, last, columns)
            x = (index + 1.0) / per_epoch
            if log:
                with np.errstate(divide="ignore", invalid="ignore"):
                    values = np.log10(np.where(values > 0.0, values, np.nan))
            curve.setData(x, values)
            if self.legend.shows(key):
                seen.append(values[(x >= low) & (x <= high)])
        alone = curves.lonely(values)
        self.lonely_steps.setData(x[alone], values[alone])
        shows_expected = expected is not None and self.legend.shows("expected")
        self.expected.setVisible(shows_expected)
        if expected is not None and shows_expected:
            # An epoch's mean loss stands in its middle.
            middles = np.arange(len(expected.loss)) + 0.5
            means = np.log10(expected.loss) if log else np.array(expected.loss)
            self.expected.setData(middles, means)
            seen.append(means[(middles >= low) & (middles <= high)])
        seen += self._draw_epochs(low, high)
        self.fit_values(*curves.loss_range(np.concatenate([np.zeros(0), *seen]), log))
        self._show_notice(int(low * per_epoch) - 1, int(high * per_epoch) + 1)

    def _draw_epochs(self, low: float, high: float) -> list[np.ndarray]:
        """Draw what there is one figure of for each epoch; return the values that are seen."""
        points, seen = self.points, []
        for curve, key, (x, values) in (
            # A mean stands in the middle of its epoch.
            (self.mean, "mean", points.of_epochs(lambda one: one.loss)),
            (self.test, "test", points.of_epochs(lambda one: one.test.loss)),
            (
                self.validation,
                "validation",
                points.of_epochs(lambda one: one.validation.loss if one.validation else None),
            ),
        ):
            if self.logarithmic:
                x, values = x[values > 0.0], np.log10(values[values > 0.0])
            if key == "mean":
                x = x - 0.5
            curve.setVisible(self.legend.shows(key))
            curve.setData(x, values)
            if self.legend.shows(key):
                seen.append(values[(x >= low) & (x <= high)])
        self.mark_turn(self.turn, words=True)
        return seen

    def _show_notice(self, first: int, last: int) -> None:
        """Say what the plot does not show."""
        points, log = self.points, self.logarithmic
        raw, view = points.loss.raw, self.view
        parts = []
        if raw.gaps and points.loss.first_gap is not None:
            text = tr("{count:step|steps} NaN or infinite, from epoch {epoch}")
            epoch = points.loss.first_gap // points.steps_per_epoch + 1
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
        self.notice.setText(" · ".join(parts))

    def recolor(self, c: theme.Colors) -> None:
        self.expected.setPen(self.pen(c.muted, 1.5, Qt.PenStyle.DotLine))
        self.raw.setPen(self.pen(c.steps, 1))
        self.smooth.setPen(self.pen(c.training, 2))
        for curve, color, width in (
            (self.mean, c.training, 1.0),
            (self.test, c.measured, 2.0),
            (self.validation, c.validation, 2.0),
        ):
            curve.setPen(self.pen(color, width))
            self.tint(curve, color, c)
        self.tint(self.lonely_steps, c.training, c)
