"""Where the main window and its docks are: kept from one start to the next."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QWidget

from workbench.window.kit.fitting import Fitting
from workbench.window.kit.settings import Settings

VERSION = 2
"""Counted up when docks are renamed or added, so that an old layout is not applied to new docks."""


WIDE = 1700
"""Pixels of width from which the table of runs has room for what differs."""


class WindowLayout:
    """Size, place and docks of ``window``: presets, hyperparameters, models, queue. To be
    made when the docks are in their first places."""

    def __init__(
        self, window: QMainWindow, docks: Sequence[QDockWidget], settings: Settings
    ) -> None:
        self._window = window
        self._docks = docks
        self._settings = settings
        self._first_state = window.saveState(VERSION)
        self._is_first = False

    def reset(self) -> None:
        """All docks in their first places."""
        self._window.restoreState(self._first_state, VERSION)
        for dock in self._docks:
            dock.setFloating(False)
            dock.show()
        self._size_docks()

    def keep(self) -> None:
        """Writes into the settings what :meth:`restore` reads."""
        self._settings.set_bytes("window/geometry", self._window.saveGeometry())
        self._settings.set_bytes("window/state", self._window.saveState(VERSION))

    def restore(self) -> None:
        """As it was when the window was last closed, as far as the screens allow."""
        geometry = self._settings.bytes("window/geometry")
        if geometry.isEmpty() or not self._window.restoreGeometry(geometry):
            room = QGuiApplication.primaryScreen().availableSize()
            # The frame of the window is not known before it is shown.
            self._window.resize(QSize(1440, 900).boundedTo(room - QSize(8, 40)))
        state = self._settings.bytes("window/state")
        if state.isEmpty() or not self._window.restoreState(state, VERSION):
            self._is_first = True  # its docks take their places with its texts and font
        self._bring_back()

    def settle(self) -> None:
        """Once the window is shown: sizes that follow from its texts and font, and floating docks,
        which were restored before there was a window to lie above."""
        if self._is_first:
            self._size_docks()
        for dock in self._docks:
            if dock.isFloating() and dock.isVisible():
                QTimer.singleShot(0, dock, dock.raise_)

    def follow(self, before: int, now: int) -> None:
        """Give the table of runs room for what differs once the window is :data:`WIDE`, and take it
        back below that, where the docks were not placed by the user before: ``before`` and
        ``now``, its width in pixels."""
        if self._is_first and (before >= WIDE) != (now >= WIDE):
            self._size_docks()

    def _size_docks(self) -> None:
        presets, form, models, queue = self._docks
        if self._is_narrow():
            # One behind the other, so that the run has more than half of the width.
            self._window.tabifyDockWidget(presets, form)
            self._window.tabifyDockWidget(form, models)
            self._window.tabifyDockWidget(models, queue)
            presets.raise_()
            for bar in self._window.findChildren(
                QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly
            ):
                bar.setElideMode(Qt.TextElideMode.ElideNone)  # with a large font it scrolls
                bar.setUsesScrollButtons(True)
            wide = max(284, _least(form.widget()), self._window.width() // 3)
            wide = min(wide, self._window.width() // 2)
            self._window.resizeDocks([presets], [wide], Qt.Orientation.Horizontal)
            return
        if self._window.tabifiedDockWidgets(presets):
            self._window.restoreState(self._first_state, VERSION)
        # What presets and plots leave goes to names of runs; at 1280 pixels long ones are cut.
        width = self._window.width()
        wide = max(396, min(780, width - 1140) if width >= WIDE else min(460, width - 1010))
        left = max(284, _least(presets.widget()), _least(form.widget()))
        self._window.resizeDocks([presets, models], [left, wide], Qt.Orientation.Horizontal)
        # All of the report's presets in one line each, where the form keeps half of the height.
        height = self._window.height()
        rows = min(presets.sizeHint().height() + 8, max(height // 2 - 100, 1))
        self._window.resizeDocks([presets, form], [rows, height - rows], Qt.Orientation.Vertical)

    def _is_narrow(self) -> bool:
        """Whether docks on both sides, as wide as they need to be, would leave the run too little
        of the window's width: on a small screen, or with a large font."""
        presets, form, models, queue = (_least(dock.widget()) for dock in self._docks)
        run = _least(self._window.centralWidget())
        return max(presets, form) + max(models, queue) + run > self._window.width()

    def _bring_back(self) -> None:
        """A window or a floating dock on a monitor that has gone comes back to one that is there;
        a window larger than the screen fits it."""
        screens = QGuiApplication.screens()
        room = QGuiApplication.primaryScreen().availableGeometry()
        floating = [dock for dock in self._docks if dock.isFloating()]
        widgets: list[QWidget] = [self._window, *floating]
        for widget in widgets:
            frame = widget.frameGeometry()
            if not any(s.availableGeometry().contains(frame.center()) for s in screens):
                widget.move(room.topLeft())
            if frame.width() > room.width() or frame.height() > room.height():
                widget.resize(frame.size().boundedTo(room.size()))


def _least(widget: QWidget | None) -> int:
    """Pixels across that the content of ``widget`` needs so as not to scroll."""
    content = widget.widget() if isinstance(widget, Fitting) else widget
    return 0 if content is None else content.minimumSizeHint().width()
