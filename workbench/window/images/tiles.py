"""Many small pictures of one size, in rows: filters, or the maps of a layer."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from workbench.window.images.image_gallery import as_qimage
from workbench.window.kit.painting import painting

GAP = 2
LARGEST = 96
"""Pixels of the screen that a tile takes at most."""


def columns_for(count: int, tile: QSize, room: QSize) -> tuple[int, float]:
    """Return in how many columns ``count`` tiles of this size fill ``room`` best, and the factor
    that they are enlarged by then: a whole number wherever they fit in their own size."""
    best = (1, 0.0)
    for columns in range(1, count + 1):
        rows = math.ceil(count / columns)
        across = (room.width() - GAP * (columns - 1)) / (columns * tile.width())
        down = (room.height() - GAP * (rows - 1)) / (rows * tile.height())
        factor = min(across, down, LARGEST / max(tile.width(), tile.height()))
        factor = float(math.floor(factor)) if factor >= 1 else factor
        if factor >= best[1]:
            best = (columns, factor)
    return best


class Tiles(QWidget):
    """Paints the tiles as large as there is room for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insideTiles")
        self.pictures: np.ndarray | None = None
        self.setMinimumSize(200, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(560, 300)

    def show_pictures(self, pictures: np.ndarray | None) -> None:
        """uint8, (pictures, height, width, 3), or nothing."""
        self.pictures = None if pictures is None else np.ascontiguousarray(pictures)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        if self.pictures is None or not len(self.pictures):
            return
        count, height, width, _ = self.pictures.shape
        columns, factor = columns_for(count, QSize(width, height), self.size())
        across, down = max(1, int(factor * width)), max(1, int(factor * height))
        for number, pixels in enumerate(self.pictures):
            row, column = divmod(number, columns)
            place = QRect(column * (across + GAP), row * (down + GAP), across, down)
            painter.drawImage(place, as_qimage(pixels))
