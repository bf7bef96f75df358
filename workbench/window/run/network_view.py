"""The layers of a run's network, drawn with the shape of one image after each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from workbench.spec.layers import Layer
from workbench.window.kit import theme
from workbench.window.kit.painting import painting
from workbench.window.kit.translation import say, tr
from workbench.words.network_drawing import (
    BOX_HEIGHT,
    ROW,
    Box,
    Drawing,
    draw,
)

_TINTS = {"conv": "#3b82d6", "linear": "#8b63d4", "add": "#d39331", "image": ""}
_OTHER = "#7f8b99"
_STRENGTH = 46
"""Of a tint over the ground, of 255: text on it is read in both themes."""


class _Picture(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("networkPicture")
        self.drawing: Drawing | None = None

    def show_drawing(self, drawing: Drawing | None) -> None:
        self.drawing = drawing
        if drawing is not None:
            self.setFixedSize(QSize(round(drawing.width), round(drawing.height)))
            words = [", ".join(filter(None, (say(b.title), b.shape))) for b in drawing.boxes]
            self.setAccessibleDescription("; ".join(words))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.drawing is None:
            return
        with painting(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for points in self.drawing.lines:
                self._line(painter, [QPointF(x, y) for x, y in points])
            for box in self.drawing.boxes:
                self._box(painter, box)

    def _line(self, painter: QPainter, points: list[QPointF]) -> None:
        color = QColor(theme.colors().muted)
        painter.setPen(QPen(color, 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(points))
        before, end = points[-2:]
        x, y = end.x(), end.y()
        # An arrow's head: down, or to the left.
        down = y > before.y() and before.x() == x
        sides = [(x - 4, y - 7), (x + 4, y - 7)] if down else [(x + 7, y - 4), (x + 7, y + 4)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawPolygon(QPolygonF([end, *(QPointF(a, b) for a, b in sides)]))

    def _box(self, painter: QPainter, box: Box) -> None:
        colors = theme.colors()
        frame = QRectF(box.x, box.y, box.width, BOX_HEIGHT)
        tint = _TINTS.get(box.kind, _OTHER)
        painter.setPen(QPen(QColor(tint or colors.muted), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if tint:
            fill = QColor(tint)
            fill.setAlpha(_STRENGTH)
            painter.setBrush(fill)
        painter.drawRoundedRect(frame, 5, 5)
        font = self.font()
        font.setPixelSize(12)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        upper = frame.adjusted(8, 3, -8, -BOX_HEIGHT / 2)
        lower = frame.adjusted(8, BOX_HEIGHT / 2, -8, -3)
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        middle, cut = Qt.AlignmentFlag.AlignVCenter, Qt.TextElideMode.ElideRight
        painter.setPen(QColor(colors.muted))
        painter.drawText(upper, right | middle, box.shape)
        details = " · ".join(say(words) for words in box.details)
        room = int(lower.width())
        painter.drawText(lower, left | middle, metrics.elidedText(details, cut, room))
        painter.setPen(QColor(colors.text))
        room -= metrics.horizontalAdvance(box.shape)
        painter.drawText(upper, left | middle, metrics.elidedText(say(box.title), cut, room))


class NetworkView(QFrame):
    """The layers in as many columns as there is room for; scrolls."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("networkView")
        self.setProperty("card", "true")
        self._layers: Sequence[Layer] = ()
        self._picture = _Picture()
        self._area = QScrollArea()
        self._area.setWidget(self._picture)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        # The card's own background, not the window's.
        self._picture.setAutoFillBackground(False)
        self._area.viewport().setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._area)
        self.retranslate()

    def show_layers(self, layers: Sequence[Layer]) -> None:
        """Draw ``layers``; none for nothing."""
        self._layers = layers
        self._draw()

    def _draw(self) -> None:
        if not self._layers:
            self._picture.show_drawing(None)
            return
        room = self._area.viewport()
        rows = max(int(room.height() // ROW) - 1, 6)
        drawing = draw(self._layers, rows)
        # Longer columns where so many do not fit side by side: it scrolls down, not to the side.
        while drawing.width > room.width() and rows < len(self._layers):
            rows += 2
            drawing = draw(self._layers, rows)
        self._picture.show_drawing(drawing)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def retranslate(self) -> None:
        self._picture.setAccessibleName(tr("Layers of the network"))
        self._draw()
