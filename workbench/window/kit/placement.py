"""Where windows of their own open: over the main window, and whole on its screen."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QKeySequence, QShortcut
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
    """Put a ``window`` that is not shown yet over the middle of ``parent``'s."""
    over = parent.window()
    place = centered(window.size(), over.frameGeometry(), over.screen().availableGeometry())
    window.resize(place.size())
    window.move(place.topLeft())


def show_free(window: QWidget, parent: QWidget) -> None:
    """Show ``window`` over ``parent``, so that this can come in front of it: a window manager
    keeps what is transient for another window above it always."""
    center_over(window, parent)  # before there is a handle: then its place is that of its frame
    # Makes the handle. Not by winId(), which makes one for each dock of ``parent`` too: a menu that
    # opens over such a dock takes it for a window, and Qt warns.
    window.create()
    if (handle := window.windowHandle()) is not None:
        handle.setTransientParent(None)  # type: ignore[arg-type]  # PySide's stub knows no None
    close_by_key(window)
    window.show()


def close_by_key(window: QWidget) -> None:
    """Esc closes ``window``, and so does what the system closes windows with (Ctrl+W)."""
    for key in (QKeySequence.StandardKey.Cancel, QKeySequence.StandardKey.Close):
        QShortcut(key, window, window.close)
