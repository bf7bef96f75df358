"""Where the main window and its docks are: kept from one start to the next."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QWidget

from workbench.window.kit.fitting import Fitting
from workbench.window.kit.settings import Settings

VERSION = 2
"""Counted up when docks are renamed or added, so that an old layout is not applied to new docks."""


WIDE = 1700
"""Pixels of width from which the table of runs has room for what differs."""

MIDDLE = 0.45
"""The run's least share of the width between docks on both sides."""
LEAST_LEFT, LEAST_RIGHT = 284, 330
"""Pixels that docks have at least where they stand on both sides."""
BETWEEN = 12
"""Pixels between docks and run."""


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
        self._before: QByteArray | None = None  # the docks as they were before they yielded
        self._squeezed = False

    def reset(self) -> None:
        """All docks in their first places."""
        self._before, self._is_first = None, True
        self._window.restoreState(self._first_state, VERSION)
        for dock in self._docks:
            dock.setFloating(False)
            dock.show()
        self._size_docks()

    def keep(self) -> None:
        """Write into the settings what :meth:`restore` reads."""
        self._settings.set_bytes("window/geometry", self._window.saveGeometry())
        state = self._before or self._window.saveState(VERSION)  # docks yield as the window needs
        self._settings.set_bytes("window/state", state)

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
        elif self._is_narrow() and self._on_both_sides():
            self._put_behind()
        for dock in self._docks:
            if dock.isFloating() and dock.isVisible():
                QTimer.singleShot(0, dock, dock.raise_)

    def follow(self, before: int, now: int) -> None:
        """Keep the run's share of the width, :data:`MIDDLE`, as the window's goes from ``before``
        to ``now`` pixels: docks get narrower, then lie one behind the other, and come back in a
        wider window. Docks that the user did not place give the table of runs room for what
        differs once the window is :data:`WIDE`."""
        if self._before is not None:
            if not self._is_narrow():
                self._bring_out()
        elif self._is_narrow() and self._on_both_sides():
            self._put_behind()
        elif now < before and self._on_both_sides():
            self._squeeze()
        elif self._is_first and (self._squeezed or before < WIDE <= now):
            self._size_docks()
        if self._is_first and now < WIDE <= before and self._before is None:
            self._size_docks()

    def _put_behind(self) -> None:
        """All docks on one side, one behind the other, so that the run has more than half of the
        width."""
        presets, form, models, queue = self._docks
        self._before = self._window.saveState(VERSION)
        hidden = [dock for dock in self._docks if dock.isHidden()]
        self._window.tabifyDockWidget(presets, form)
        self._window.tabifyDockWidget(form, models)
        self._window.tabifyDockWidget(models, queue)
        for dock in hidden:
            dock.hide()
        presets.raise_()
        for bar in self._window.findChildren(
            QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly
        ):
            bar.setElideMode(Qt.TextElideMode.ElideNone)  # with a large font it scrolls
            bar.setUsesScrollButtons(True)
        wide = max(LEAST_LEFT, _least(form.widget()), self._window.width() // 3)
        wide = min(wide, self._window.width() // 2)
        self._window.resizeDocks([presets], [wide], Qt.Orientation.Horizontal)

    def _bring_out(self) -> None:
        """The docks as they were before they yielded; what was closed meanwhile stays closed."""
        before, self._before = self._before, None
        hidden = [dock.isHidden() for dock in self._docks]
        if before is not None:
            self._window.restoreState(before, VERSION)
        for dock, is_hidden in zip(self._docks, hidden, strict=True):
            dock.setVisible(not is_hidden)
        self._docks[2].raise_()
        if self._is_first:
            self._size_docks()
        else:
            self._squeeze()

    def _squeeze(self) -> None:
        """Docks as narrow as the run needs them, where they are wider."""
        presets, _, models, _ = self._docks
        width, run = self._window.width(), self._window.centralWidget()
        if run is None or run.width() >= MIDDLE * width:
            return
        room = int((1 - MIDDLE) * width) - BETWEEN
        least_left, least_right = self._needed()
        left = min(presets.width(), max(room - least_right, least_left))
        right = max(min(models.width(), room - left), least_right)
        self._window.resizeDocks([presets, models], [left, right], Qt.Orientation.Horizontal)
        self._squeezed = True

    def _size_docks(self) -> None:
        presets, form, models, _ = self._docks
        if self._is_narrow():
            self._put_behind()
            return
        # What presets and plots leave goes to names of runs; at 1280 pixels long ones are cut.
        width = self._window.width()
        wide = max(396, min(780, width - 1140) if width >= WIDE else min(460, width - 1010))
        left, least = self._needed()
        wide = max(min(wide, int((1 - MIDDLE) * width) - BETWEEN - left), least)
        self._squeezed = wide < 396
        self._window.resizeDocks([presets, models], [left, wide], Qt.Orientation.Horizontal)
        # All of the report's presets in one line each, where the form keeps half of the height.
        height = self._window.height()
        rows = min(presets.sizeHint().height() + 8, max(height // 2 - 100, 1))
        self._window.resizeDocks([presets, form], [rows, height - rows], Qt.Orientation.Vertical)

    def _needed(self) -> tuple[int, int]:
        """Return the least widths of the docks on the left and on the right, in pixels."""
        presets, form, models, queue = (_least(dock.widget()) for dock in self._docks)
        return max(LEAST_LEFT, presets, form), max(LEAST_RIGHT, models, queue)

    def _is_narrow(self) -> bool:
        """Return whether docks on both sides, as narrow as they can be, would leave the run too
        little of the window's width: on a small screen, or with a large font."""
        return sum(self._needed()) + BETWEEN > (1 - MIDDLE) * self._window.width()

    def _on_both_sides(self) -> bool:
        """Return whether docks that are open stand on the left and on the right."""
        areas = {
            self._window.dockWidgetArea(dock)
            for dock in self._docks
            if not dock.isFloating() and not dock.isHidden()
        }
        return {
            Qt.DockWidgetArea.LeftDockWidgetArea,
            Qt.DockWidgetArea.RightDockWidgetArea,
        } <= areas

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
