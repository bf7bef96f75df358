"""The legend of a plot, as a row beside its title."""

from __future__ import annotations

from dataclasses import dataclass

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from workbench.window.painting import painting


@dataclass(frozen=True)
class Entry:
    """What a legend shows: a piece of line, or a symbol of pyqtgraph's. ``short`` are its words
    where the row has too little room."""

    text: str
    color: str
    width: int = 2
    symbol: str = ""
    dotted: bool = False
    short: str = ""


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
        words = [entry.text for entry in self._entries]
        return QSize(self._width(words) + 2, self.fontMetrics().height())

    def _width(self, words: list[str]) -> int:
        advance = self.fontMetrics().horizontalAdvance
        width = sum(self.SWATCH + 5 + advance(text) for text in words)
        return width + self.GAP * max(len(words) - 1, 0)

    def words(self) -> list[str]:
        """The words of the entries as they are drawn."""
        if self.width() >= self.sizeHint().width():
            return [entry.text for entry in self._entries]
        return [entry.short or entry.text for entry in self._entries]

    def minimumSizeHint(self) -> QSize:
        # A legend that grows during a run must not push the docks aside.
        return QSize(0, self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self.draw(painter, self.palette().color(self.foregroundRole()))

    def draw(self, painter: QPainter, ink: QColor) -> None:
        """Draws the entries in a row that ends at the right of this widget, whose left upper corner
        is the painter's origin; their words in the color ``ink``."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        metrics, middle, words = self.fontMetrics(), self.height() / 2, self.words()
        x = max(0, self.width() - self._width(words) - 2)
        for entry, said in zip(self._entries, words, strict=True):
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
            painter.setPen(ink)
            baseline = (self.height() - metrics.height()) // 2 + metrics.ascent()
            painter.drawText(x, baseline, said)
            x += metrics.horizontalAdvance(said) + self.GAP


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    application = QApplication([])
    legend = PlotLegend()
    legend.show_entries([Entry("each step", "#8fb8e6", 1), Entry("best", "#00775b", 0, "star")])
    legend.show()
    application.exec()
