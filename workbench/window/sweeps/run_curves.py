"""The accuracy of every run of a sweep by epoch, in one plot; runs that were ended early faded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPen
from PySide6.QtWidgets import QWidget

from workbench.analysis.sweep_runs import outcome
from workbench.library.run_folder import RunRecord, read_epochs
from workbench.messages import WorkbenchError
from workbench.window.kit import theme
from workbench.window.kit.translation import tr

AT_A_TURN = 10
"""Runs whose epochs are read in one turn of the event loop."""

NEAR = 8.0
"""Pixels from a curve that a click may miss it by."""

Curve = tuple[np.ndarray, np.ndarray]


def joined(curves: Sequence[Curve]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the curves as one line with gaps: x, y, and which points are joined to the next."""
    if not curves:
        return np.zeros(0), np.zeros(0), np.zeros(0, bool)
    x = np.concatenate([each[0] for each in curves])
    y = np.concatenate([each[1] for each in curves])
    connect = np.ones(len(x), bool)
    connect[np.cumsum([len(each[0]) for each in curves]) - 1] = False
    return x, y, connect


class RunCurves(pg.PlotWidget):
    """``chosen``: the RunRecord of a curve that was clicked."""

    chosen = Signal(object)
    drawn = Signal(bool)
    """Every curve that there is; ``False`` where no run has an epoch yet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False)
        self.setObjectName("runCurves")
        self.hideButtons()
        self._runs: list[RunRecord] = []
        self._best: set[str] = set()
        self._column = "accuracy"
        self._curves: dict[str, tuple[RunRecord, Curve]] = {}
        self._unread: list[RunRecord] = []
        self._pressed: Any = None
        self._faded, self._others, self._good = (pg.PlotCurveItem() for _ in range(3))
        self._dots = pg.ScatterPlotItem(size=5)
        for item in (self._faded, self._others, self._good, self._dots):
            self.addItem(item)
        self._reading = QTimer(self)
        self._reading.timeout.connect(self._read)

    def show_runs(
        self, runs: Sequence[RunRecord], best: Sequence[str], validation: bool, words: str
    ) -> None:
        """Show ``runs``; those with the ids ``best`` stand out. ``validation``: the accuracy on
        the validation split, else on the test set; ``words`` say which."""
        column = "validation_accuracy" if validation else "accuracy"
        if column != self._column:
            self._curves = {}
        self._column, self._best = column, set(best)
        self._runs = list(runs)
        known = {run.id for run in runs}
        self._curves = {id: each for id, each in self._curves.items() if id in known}
        self._unread = [
            run for run in runs if run.id not in self._curves or self._curves[run.id][0] != run
        ]
        self.getPlotItem().setLabel("left", words)
        self.getPlotItem().setLabel("bottom", tr("Epoch"))
        if self._unread:
            self._reading.start()
        else:
            self._draw()

    def _read(self) -> None:
        for run in self._unread[:AT_A_TURN]:
            try:
                rows = [row for row in read_epochs(run.folder) if self._column in row]
            except WorkbenchError:
                rows = []  # deleted or damaged meanwhile
            x = np.array([row["epoch"] for row in rows], float)
            y = np.array([row[self._column] for row in rows], float)
            self._curves[run.id] = run, (x, y)
        del self._unread[:AT_A_TURN]
        if not self._unread:
            self._reading.stop()
            self._draw()

    @property
    def ready(self) -> bool:
        """Return whether every curve is drawn."""
        return not self._unread

    def _draw(self) -> None:
        c = theme.colors()
        self.setBackground(c.surface)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(QPen(QColor(c.border), 1))
            axis.setTextPen(QPen(QColor(c.muted)))
        faded, others, good, lone = [], [], [], []
        for run, curve in self._curves.values():
            if not len(curve[0]):
                continue
            if len(curve[0]) == 1:
                lone.append(curve)
            if run.id in self._best:
                good.append(curve)
            elif outcome(run) == "pruned":
                faded.append(curve)
            else:
                others.append(curve)
        for item, curves, color, alpha, width in (
            (self._faded, faded, c.muted, 70, 1.0),
            (self._others, others, c.measured, 130, 1.0),
            (self._good, good, c.best, 255, 2.0),
        ):
            tint = QColor(color)
            tint.setAlpha(alpha)
            pen = QPen(tint, width)
            pen.setCosmetic(True)
            x, y, connect = joined(curves)
            item.setData(x, y, connect=connect, pen=pen, antialias=True)
        last = max((int(x[-1]) for _, (x, _) in self._curves.values() if len(x)), default=1)
        step = max(1, -(-last // 10))
        whole = [(epoch, str(epoch)) for epoch in range(step, last + 1, step)]
        self.getPlotItem().getAxis("bottom").setTicks([whole])
        # A curve of one epoch is no line.
        self._dots.setData(
            [each[0][0] for each in lone],
            [each[1][0] for each in lone],
            pen=None,
            brush=pg.mkBrush(c.measured),
        )
        if not self._unread:
            self.drawn.emit(bool(faded or others or good))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.position()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        moved = event.position() - self._pressed if self._pressed is not None else None
        if event.button() == Qt.MouseButton.LeftButton and moved and moved.manhattanLength() < 4:
            self._click(event)

    def _click(self, event: QMouseEvent) -> None:
        view = self.getPlotItem().getViewBox()
        at = view.mapSceneToView(self.mapToScene(event.position().toPoint()))
        across, up = view.viewPixelSize()
        nearest, chosen = NEAR, None
        for run, (x, y) in self._curves.values():
            if not len(x):
                continue
            value = np.interp(at.x(), x, y)
            beyond = max(x[0] - at.x(), at.x() - x[-1], 0.0) / across
            distance = float(np.hypot(beyond, (value - at.y()) / up))
            if distance < nearest:
                nearest, chosen = distance, run
        if chosen is not None:
            self.chosen.emit(chosen)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # pyqtgraph restyles itself while it is being made.
        if theme.is_restyled(event) and hasattr(self, "_dots"):
            self._draw()
