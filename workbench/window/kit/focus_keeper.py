"""Keeps the keyboard's focus where a person put it, while that is turned off or hidden."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QWidget


class FocusKeeper(QObject):
    """Gives the focus back to what it was taken from by turning it off or hiding it.

    Qt moves the focus to the next widget then, and the next press of the space bar presses
    another button than the one that was pressed before. Here it waits at the nearest widget
    around that is still on, where no key does anything, and comes back with the button. Tab goes
    on from there; whoever moves the focus meanwhile keeps it where they put it.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: QWidget | None = None
        self._place: QWidget | None = None
        self._left: list[QWidget] = []
        """What had the focus in each window that was left for another, as for a question."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._changed)

    def _changed(self, old: QWidget | None, now: QWidget | None) -> None:
        window = now.window() if now is not None else None
        left = self._changed_window(old, window)
        if left is not None and not _can_have_focus(left):
            old = left  # turned off while another window was in front
        if old is not None and window in (old.window(), None) and not _can_have_focus(old):
            # Also what it waits at may be turned off.
            self._wait(self._waiting if old is self._place and self._waiting else old)
        elif now is self._place:
            pass  # put there just now
        elif self._waiting is not None and window is self._waiting.window():
            self._forget()  # moved by the person

    def _changed_window(self, old: QWidget | None, window: QWidget | None) -> QWidget | None:
        """Note what was left for another window, and return what had been left in ``window``."""
        before = old.window() if old is not None else None
        if before is window:
            return None
        self._left = [widget for widget in self._left if shiboken6.isValid(widget)]
        back = [widget for widget in self._left if widget.window() is window]
        self._left = [widget for widget in self._left if widget.window() not in (before, window)]
        if old is not None:
            self._left.append(self._waiting if old is self._place and self._waiting else old)
        return back[0] if back else None

    def _wait(self, widget: QWidget) -> None:
        self._forget()
        window, place = widget.window(), widget.parentWidget()
        while place is not None and place is not window and not _can_have_focus(place):
            place = place.parentWidget()
        if place is None or not window.isVisible():
            return
        self._waiting, self._place = widget, place
        widget.installEventFilter(self)
        widget.destroyed.connect(self._destroyed)
        place.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        waiting, place = self._waiting, self._place
        if (
            event.type() in (QEvent.Type.EnabledChange, QEvent.Type.Show)
            and waiting is not None
            and place is not None
            and watched is waiting
            and _can_have_focus(waiting)
        ):
            self._forget()
            if waiting.window().focusWidget() is place:
                waiting.setFocus(Qt.FocusReason.OtherFocusReason)
        return False

    def _forget(self) -> None:
        waiting, self._waiting, self._place = self._waiting, None, None
        if waiting is not None:
            waiting.removeEventFilter(self)
            waiting.destroyed.disconnect(self._destroyed)

    def _destroyed(self) -> None:
        self._waiting = self._place = None


def _can_have_focus(widget: QWidget) -> bool:
    return widget.isEnabled() and widget.isVisible()
