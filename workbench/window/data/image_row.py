"""A few images in a row, each enlarged by whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from workbench.window.images.image_gallery import as_qimage
from workbench.window.kit.painting import painting

SIDE, GAP = 32, 6
"""Pixels of an image at least, and between two."""


class ImageRow(QWidget):
    """As many of the images as there is room for, from the first."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.images: list[np.ndarray] = []

    def show_images(self, images: Sequence[np.ndarray]) -> None:
        """uint8 (32, 32, 3) each."""
        self.images = [np.ascontiguousarray(image) for image in images]
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(6 * (SIDE + GAP), SIDE + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(SIDE, SIDE + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        for number, image in enumerate(self.images):
            place = QRect(number * (SIDE + GAP), 1, SIDE, SIDE)
            if place.right() < self.width():
                painter.drawImage(place, as_qimage(image))
