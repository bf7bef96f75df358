"""The system's note that a long run has ended, where the window is in the background."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from workbench.engine.events import RunEnded
from workbench.window.kit.translation import say, tr
from workbench.words.status import status_word

LONG_RUN = 60
"""Seconds from which a run's end is told."""

SHOWN = 10_000
"""Milliseconds that the icon of the note stands in the system's tray."""


class EndNote(QObject):
    """Tells of the end of a run of ``window``, by its entry in the task bar and, where the system
    has one, by a note from the tray."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._began = 0.0
        self._tray: QSystemTrayIcon | None = None

    def begin(self) -> None:
        self._began = time.monotonic()

    def tell(self, event: RunEnded) -> None:
        lasted = time.monotonic() - self._began
        if self._window.isActiveWindow() or lasted < LONG_RUN or event.status == "cancelled":
            return
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        icon = self._window.windowIcon()
        if self._tray is None:
            self._tray = QSystemTrayIcon(icon, self)
        self._tray.show()
        text = tr("The run has ended: {status}").format(status=say(status_word(event.status)))
        if event.test is not None:
            text += " · " + tr("Test accuracy {accuracy}%").format(
                accuracy=f"{event.test.accuracy:.2f}"
            )
        self._tray.showMessage(tr("CIFAR Workbench"), text, icon)
        QTimer.singleShot(SHOWN, self._tray, self._tray.hide)
