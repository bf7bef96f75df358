"""How the values of a layer spread, epoch by epoch: a column for each, dark where many lie."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from workbench.analysis.histogram_grid import histogram_grid
from workbench.engine.events import LayerHistogram
from workbench.window.kit import theme
from workbench.window.kit.painting import painting
from workbench.window.kit.translation import tr

ROWS = 96


class HistogramPicture(QWidget):
    """Value from bottom to top, epochs from left to right; a mark where the value is 0."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.epochs: list[int] = []
        self.grid = np.zeros((ROWS, 0))
        self.low, self.high = 0.0, 1.0
        self._empty = ""
        self.setMinimumSize(240, 90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(480, 200)

    def show_histograms(self, histograms: Mapping[int, LayerHistogram], empty: str) -> None:
        """The histogram after each epoch; ``empty`` is said where there is none."""
        self.epochs, self._empty = list(histograms), empty
        if histograms:
            self.grid, self.low, self.high = histogram_grid(list(histograms.values()), ROWS)
        self.setAccessibleDescription(
            f"{self.low:.3g} – {self.high:.3g}" if histograms else self._empty
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        c, metrics = theme.colors(), self.fontMetrics()
        if not self.epochs:
            painter.setPen(QColor(c.muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(12, 0, -12, 0), flags, self._empty)
            return
        line = metrics.height()
        left = max(metrics.horizontalAdvance(f"{end:.3g}") for end in (self.low, self.high)) + 10
        place = self.rect().adjusted(left, line // 2, -8, -line - 4)
        painter.fillRect(place, QColor(c.surface))
        painter.drawImage(place, self._picture(QColor(c.measured)))
        painter.setPen(QColor(c.muted))
        ends = [(self.low, place.bottom()), (self.high, place.top())]
        if self.low < 0.0 < self.high:
            at = place.bottom() - round(-self.low / (self.high - self.low) * place.height())
            painter.drawLine(place.left() - 4, at, place.left() - 1, at)
            if min(abs(at - y) for _, y in ends) > line:
                ends.append((0.0, at))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value, y in ends:
            painter.drawText(QRect(0, y - line // 2, left - 6, line), right, f"{value:.3g}")
        below = QRect(place.left(), place.bottom() + 3, place.width(), line)
        painter.drawText(
            below, Qt.AlignmentFlag.AlignLeft, tr("epoch {epoch}").format(epoch=self.epochs[0])
        )
        if len(self.epochs) > 1:
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{self.epochs[-1]:,}")

    def _picture(self, color: QColor) -> QImage:
        """The grid in shades of ``color``, each column by its own greatest share; square roots, so
        that what is rare is seen too."""
        largest = np.maximum(self.grid.max(0, keepdims=True), 1e-12)
        shade = np.sqrt(self.grid / largest)
        pixels = np.empty((*shade.shape, 4), np.uint8)
        pixels[..., 0], pixels[..., 1], pixels[..., 2] = color.red(), color.green(), color.blue()
        pixels[..., 3] = np.rint(255 * shade)
        height, width = shade.shape
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        return image.copy()  # of its own memory

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_restyled(event):
            self.update()
