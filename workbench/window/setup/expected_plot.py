"""What was measured with the chosen preset's hyperparameters, beside its reported or published
accuracy."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QWidget

from workbench.spec.expected import Expected
from workbench.window.kit import theme
from workbench.window.kit.translation import tr
from workbench.window.plots.epoch_plot import EpochPlot
from workbench.window.plots.plot_legend import Entry


class ExpectedPlot(EpochPlot):
    """The mean of the measured accuracies after each epoch, and a line for what was reported."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("expectedPlot", 44, numbers_below=True, parent=parent)
        self.setMouseEnabled(False, False)
        self.setMinimumHeight(90)
        self._expected: Expected | None = None
        self._reported: float | None = None
        self._curve = self.curve(antialias=True)
        self._line = pg.InfiniteLine(angle=0)
        self.addItem(self._line, ignoreBounds=True)
        self.restyle(theme.colors())

    def show_curves(self, expected: Expected | None, reported: float | None) -> None:
        """Show what is ``expected`` after each epoch, and what was ``reported``, in percent."""
        self._expected, self._reported = expected, reported
        accuracy = np.asarray(expected.accuracy if expected else (), float)
        epochs = np.arange(1, len(accuracy) + 1, dtype=float)
        single = len(accuracy) == 1
        self._curve.setData(epochs, accuracy, symbol="o" if single else None)
        self._line.setVisible(reported is not None)
        values = [v for v in (*accuracy, reported) if v is not None and math.isfinite(v)]
        if reported is not None:
            self._line.setValue(reported)
        self.show_numbers(bool(values))
        self.say("" if values else tr("Nothing was reported or measured for this preset."))
        if values:
            low, high = min(values), max(values)
            margin = max(0.08 * (high - low), 2.0)
            self.set_ends((0.5, max(len(accuracy), 2) + 0.5), (low - margin, high + margin))
        self.setAccessibleName(tr("Measured test accuracy of the chosen preset"))
        self.setAccessibleDescription(
            f"{accuracy[-1]:.2f}%" if len(accuracy) else tr("Nothing measured")
        )

    def entries(self, source: str) -> list[Entry]:
        """Return the legend; ``source``: the word for the line, reported or published."""
        c = theme.colors()
        entries = []
        if self._expected is not None:
            entries.append(Entry(tr("measured"), c.measured))
        if self._reported is not None:
            entries.append(Entry(source, c.reported, 1, line=Qt.PenStyle.DashLine))
        return entries

    def restyle(self, c: theme.Colors) -> None:
        super().restyle(c)
        self._curve.setPen(pg.mkPen(c.measured, width=2))
        self._curve.setSymbolBrush(c.measured)
        self._line.setPen(pg.mkPen(c.reported, width=1, style=Qt.PenStyle.DashLine))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_restyled(event) and hasattr(self, "_line"):
            self.restyle(theme.colors())
