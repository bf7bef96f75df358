"""The pixels of an image as the network gets them: three maps of numbers, and the numbers of one
pixel."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from workbench.window.kit import theme
from workbench.window.kit.painting import painting

GAP = 6
"""Pixels between two maps."""


def as_gray(values: np.ndarray) -> np.ndarray:
    """Return ``values`` (height, width, 3) as uint8, from black at their lowest to white at their
    highest, the same for all three colors; black where they are all the same."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return np.round((values - low) / (high - low) * 255).astype(np.uint8)


def range_words(values: np.ndarray) -> str:
    """Return ``R -1.99 to 2.06, G ... B ...`` of float (height, width, 3) values."""
    parts = []
    for channel, name in enumerate("RGB"):
        own = values[..., channel]
        parts.append(f"{name} {own.min():.2f} … {own.max():.2f}")
    return "   ".join(parts)


class NetworkPixels(QWidget):
    """Maps of red, green and blue, side by side. The arrow keys and the pointer choose a pixel,
    which ``looked_at`` hears."""

    looked_at = Signal(int, int)
    """Column and row, from 0 at the upper left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("networkPixels")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.values: np.ndarray | None = None
        self._gray: list[np.ndarray] = []
        self.pixel = QPoint(0, 0)

    def show_values(self, values: np.ndarray | None) -> None:
        """float32 (32, 32, 3), or nothing."""
        self.values = values
        gray = None if values is None else as_gray(values)
        self._gray = (
            []
            if gray is None
            else [np.ascontiguousarray(gray[..., channel]) for channel in (0, 1, 2)]
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(3 * 64 + 2 * GAP, 64 + 4)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _places(self) -> list[QRect]:
        side = 32 * max(1, min((self.width() - 2 * GAP) // 96, (self.height() - 4) // 32))
        return [QRect(number * (side + GAP), 2, side, side) for number in range(3)]

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        if self.values is None:
            return
        height, width, _ = self.values.shape
        painter.setPen(QPen(QColor(theme.colors().accent), 2))
        for gray, place in zip(self._gray, self._places(), strict=True):
            image = QImage(gray.data, width, height, width, QImage.Format.Format_Grayscale8)
            painter.drawImage(place, image)
            each = place.width() / width
            painter.drawRect(
                QRect(
                    round(place.left() + self.pixel.x() * each) - 1,
                    round(place.top() + self.pixel.y() * each) - 1,
                    round(each) + 2,
                    round(each) + 2,
                )
            )

    def _choose(self, column: int, row: int) -> None:
        if self.values is None:
            return
        height, width, _ = self.values.shape
        self.pixel = QPoint(min(max(column, 0), width - 1), min(max(row, 0), height - 1))
        self.looked_at.emit(self.pixel.x(), self.pixel.y())
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.values is None:
            return
        at = event.position().toPoint()
        for place in self._places():
            if place.contains(at):
                each = place.width() / self.values.shape[1]
                self._choose(
                    int((at.x() - place.left()) // each), int((at.y() - place.top()) // each)
                )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        self._choose(self.pixel.x() + move[0], self.pixel.y() + move[1])
