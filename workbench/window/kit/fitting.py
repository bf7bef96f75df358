"""What is larger than its place scrolls in it, so that a window fits a small screen and a large
font without cutting anything."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QStyle, QWidget

LEAST = QSize(180, 96)
"""Pixels that it has at least."""


class Fitting(QScrollArea):
    """Gives ``content`` all of its room, and scrolls where that is less than ``content`` needs.
    Itself it needs hardly any, and wants what ``content`` wants.

    Not by ``setWidgetResizable``: where words wrap, Qt would give ``content`` the height that it
    wants, and not the one that it needs.
    """

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fitting")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(content.sizePolicy())
        self.setWidget(content)
        # A scroll area paints its own ground under the content otherwise.
        self.viewport().setAutoFillBackground(False)
        content.setAutoFillBackground(False)

    def minimumSizeHint(self) -> QSize:
        content = self.widget()
        return content.minimumSizeHint().boundedTo(LEAST) if content else LEAST

    def sizeHint(self) -> QSize:
        content = self.widget()
        return content.sizeHint().expandedTo(content.minimumSizeHint()) if content else LEAST

    def _fit(self) -> None:
        content = self.widget()
        if content is None:
            return
        least, room = content.minimumSizeHint(), self.maximumViewportSize()
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        width = max(room.width(), least.width())
        height = least_height(content, width)
        across = least.width() > room.width()
        if height > room.height() - (bar if across else 0):
            width = max(room.width() - bar, least.width())
            height = least_height(content, width)
            across = least.width() > room.width() - bar
        content.resize(width, max(height, room.height() - (bar if across else 0)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.updateGeometry()
            self._fit()
        return super().eventFilter(watched, event)


def least_height(content: QWidget, width: int) -> int:
    """Return the pixels that ``content`` needs from top to bottom where it is ``width`` wide."""
    layout = content.layout()
    if layout is not None and layout.hasHeightForWidth():
        return layout.minimumHeightForWidth(width)
    return content.minimumSizeHint().height()
