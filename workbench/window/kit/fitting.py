"""What is larger than its place scrolls in it, so that a window fits a small screen and a large
font without cutting anything."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

LEAST = QSize(180, 96)
"""Pixels that it has at least."""


class Fitting(QScrollArea):
    """Gives ``content`` all of its room, and scrolls where that is less than ``content`` needs.
    Itself it needs hardly any, and wants what ``content`` wants."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fitting")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
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

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.updateGeometry()
        return super().eventFilter(watched, event)
