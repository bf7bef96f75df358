"""What the live plots have in common: a heading, a legend, words while they are empty.

A plot draws from :class:`~workbench.window.run.run_curves.RunCurves`. Another curve is one more
item in a plot's ``__init__``, with its points in ``draw``, its color in ``recolor`` and its entry
in ``entries``.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QLabel

from workbench.analysis.memorizing import memorizing
from workbench.window.kit import theme
from workbench.window.kit.translation import say, tr
from workbench.window.plots.epoch_plot import EpochPlot
from workbench.window.plots.plot_legend import Entry, PlotLegend
from workbench.window.run.run_curves import RunCurves
from workbench.words.memorizing import short_gap


class RunPlot(EpochPlot):
    """A plot of ``points`` with its ``heading`` and its ``legend``, which stand above it.

    ``paper``: how many times as wide as on screen pens are on paper; 0 on screen.
    """

    stretch = 1
    """How much of the height it has, beside the others."""

    def __init__(self, name: str, points: RunCurves, left: int, numbers_below: bool) -> None:
        super().__init__(name, left, numbers_below)
        self.points = points
        self.paper = 0.0
        self.fitting = False
        """True while the plot itself sets the range of its values."""
        self.heading = QLabel()
        self.heading.setProperty("role", "heading")
        self.legend = PlotLegend()
        self.beside: QLabel | None = None
        """What stands beside the heading."""

    # --- what each plot says and draws --------------------------------------------------

    @abstractmethod
    def name(self) -> str:
        """Return what it is called for screen readers."""

    @abstractmethod
    def name_curves(self) -> None:
        """Name the curves whose values screen readers say."""

    def title(self) -> str:
        """The words of its heading."""
        return self.name()

    @abstractmethod
    def empty_words(self) -> str:
        """Return what will appear in it; empty where there is something."""

    @abstractmethod
    def entries(self, c: theme.Colors) -> list[Entry]:
        """Its legend."""

    @abstractmethod
    def draw(self) -> None:
        """Draw all points."""

    @abstractmethod
    def recolor(self, c: theme.Colors) -> None:
        """Give every curve its color."""

    # --- what they share ----------------------------------------------------------------

    def refresh_legend(self) -> None:
        self.heading.setText(self.title())
        self.legend.show_entries(self.entries(self.colors()))

    def show_words(self) -> None:
        self.say(self.empty_words())
        self.show_numbers(self.points.started)

    def restyle(self, c: theme.Colors) -> None:
        super().restyle(c)
        self.recolor(c)

    def visible_epochs(self) -> tuple[float, float]:
        """Ends of the epoch axis."""
        low, high = self.view.viewRange()[0]
        return float(low), float(high)

    def fit_values(self, low: float, high: float) -> None:
        """Set the range of the values, unless somebody else has."""
        if not self.view.values_held:
            self.fitting = True
            self.set_ends(None, (low, high))
            self.fitting = False

    def colors(self) -> theme.Colors:
        return theme.LIGHT if self.paper else theme.colors()

    def pen(self, color: str, width: float, dash: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
        return pg.mkPen(color, width=width * (self.paper or 1.0), style=dash)

    def tint(self, mark: Any, color: str, c: theme.Colors) -> None:
        """Color the symbols of a curve."""
        mark.setSymbolBrush(color)
        mark.setSymbolPen(c.surface)

    def mark_turn(self, line: pg.InfiniteLine, words: bool) -> None:
        """Put ``line`` where the run began to memorize, with ``words`` beside it, if it does."""
        found = memorizing(self.points.figures)
        line.setVisible(found is not None)
        if found is not None:
            c = self.colors()
            line.setValue(float(found.since))
            line.setPen(self.pen(c.muted, 1.2, Qt.PenStyle.DashLine))
            if words:
                said = short_gap(self.points.figures)
                line.label.setFormat(say(said) if said else "")
                line.label.setColor(c.text)

    def parts(self) -> list[QLabel]:
        """Heading and what stands beside it."""
        return [self.heading, *([self.beside] if self.beside is not None else [])]


def expected_entry(c: theme.Colors) -> Entry:
    """The entry of what was measured with these hyperparameters before."""
    return Entry(tr("expected"), c.muted, 1, line=Qt.PenStyle.DotLine, key="expected")
