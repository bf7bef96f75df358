"""An image of one's own as it is, with the square that the network gets."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QRegion
from PySide6.QtWidgets import QSizePolicy, QWidget

from workbench.data.image_square import Fit, middle_square
from workbench.window.images.image_gallery import as_qimage
from workbench.window.kit.painting import painting


class OriginalPicture(QWidget):
    """The whole image; of one that is cropped what is left out lies in the dark."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("originalPicture")
        self.pixels: np.ndarray | None = None
        self._fit: Fit = "crop"
        self.setMinimumSize(96, 96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(192, 192)

    def show_image(self, pixels: np.ndarray | None, fit: Fit) -> None:
        """uint8 (height, width, 3), or nothing."""
        self.pixels = None if pixels is None else np.ascontiguousarray(pixels)
        self._fit = fit
        self.setVisible(pixels is not None)
        self.update()

    def place(self) -> QRect:
        """Return where the image is painted."""
        if self.pixels is None:
            return QRect()
        height, width, _ = self.pixels.shape
        size = QSize(width, height).scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(self.rect().center())
        return place

    def square(self) -> QRect:
        """Return where the part lies that the network gets."""
        place = self.place()
        if self._fit == "whole":
            return place
        left, top, side = middle_square(place.width(), place.height())
        return QRect(place.left() + left, place.top() + top, side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.pixels is None:
            return
        place, square = self.place(), self.square()
        image = as_qimage(self.pixels)
        with painting(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(place, image)
            if square != place:
                painter.setClipRegion(QRegion(place) - QRegion(square))
                painter.fillRect(place, QColor(0, 0, 0, 150))
                painter.setClipping(False)
            # White on black, which is seen on an image of any color.
            for color, width in ((QColor(0, 0, 0), 3), (QColor(255, 255, 255), 1)):
                painter.setPen(QPen(color, width))
                painter.drawRect(square.adjusted(1, 1, -2, -2))
