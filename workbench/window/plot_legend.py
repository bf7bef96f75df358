"""The legend of a plot, as a row beside its title."""

from __future__ import annotations

from dataclasses import dataclass

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget


@dataclass(frozen=True)
class Entry:
    """What a legend shows: a piece of line, or a symbol of pyqtgraph's."""

    text: str
    color: str
    width: int = 2
    symbol: str = ""
    dotted: bool = False


class PlotLegend(QWidget):
    """A row of entries beside a plot's title, where it covers no data."""

    SWATCH, GAP = 18, 14

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entry] = []
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    def show_entries(self, entries: list[Entry]) -> None:
        self._entries = entries
        self.setAccessibleName(", ".join(entry.text for entry in entries))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = sum(
            self.SWATCH + 5 + metrics.horizontalAdvance(entry.text) for entry in self._entries
        )
        return QSize(width + self.GAP * max(len(self._entries) - 1, 0) + 2, metrics.height())

    def minimumSizeHint(self) -> QSize:
        # A legend that grows during a run must not push the docks aside.
        return QSize(0, self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        self.draw(QPainter(self), self.palette().color(self.foregroundRole()))

    def draw(self, painter: QPainter, text: QColor) -> None:
        """Draws the entries at the painter's origin, their words in the color ``text``."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        metrics, x, middle = self.fontMetrics(), 0, self.height() / 2
        for entry in self._entries:
            color = QColor(entry.color)
            if entry.width:
                style = Qt.PenStyle.DotLine if entry.dotted else Qt.PenStyle.SolidLine
                painter.setPen(QPen(color, entry.width, style))
                painter.drawLine(QPointF(x, middle), QPointF(x + self.SWATCH, middle))
            if entry.symbol:
                painter.save()
                painter.translate(x + self.SWATCH / 2, middle)
                size = 12.0 if entry.symbol == "star" else 8.0
                painter.scale(size, size)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color)
                painter.drawPath(Symbols[entry.symbol])
                painter.restore()
            x += self.SWATCH + 5
            painter.setPen(text)
            baseline = (self.height() - metrics.height()) // 2 + metrics.ascent()
            painter.drawText(x, baseline, entry.text)
            x += metrics.horizontalAdvance(entry.text) + self.GAP


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    application = QApplication([])
    legend = PlotLegend()
    legend.show_entries([Entry("each step", "#8fb8e6", 1), Entry("best", "#00775b", 0, "star")])
    legend.show()
    application.exec()
