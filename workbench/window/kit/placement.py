"""Where windows of their own open: over the main window, and whole on its screen."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QWidget

FRAME = QSize(8, 40)
"""About what a window manager adds around a window; how much is known only once it is shown."""


def centered(size: QSize, over: QRect, room: QRect) -> QRect:
    """A window of ``size`` in the middle of ``over``, made smaller and moved where it would
    otherwise not lie in ``room``, the free part of the screen."""
    size = size.boundedTo(room.size() - FRAME)
    place = QRect(QPoint(0, 0), size)
    place.moveCenter(over.center())
    left = min(max(place.left(), room.left()), room.right() - size.width() - FRAME.width() + 1)
    top = min(max(place.top(), room.top()), room.bottom() - size.height() - FRAME.height() + 1)
    place.moveTo(left, top)
    return place


def center_over(window: QWidget, parent: QWidget) -> None:
    """Puts a ``window`` that is not shown yet over the middle of ``parent``'s."""
    over = parent.window()
    place = centered(window.size(), over.frameGeometry(), over.screen().availableGeometry())
    window.resize(place.size())
    window.move(place.topLeft())
