"""Everything that helps, behind the entries of the menu Help."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

from workbench.window.help.first_steps import FirstSteps
from workbench.window.help.help_html import HelpReader
from workbench.window.help.help_window import HelpWindow
from workbench.window.help.shortcuts import all_shortcuts
from workbench.window.help.what_is_this import WhatIsThis
from workbench.window.kit.settings import Settings
from workbench.window.kit.translation import Translation


class HelpCenter(QObject):
    """``menus`` gives those of the window, from which the shortcuts are gathered; ``open_window``
    shows a window over ``parent``."""

    def __init__(
        self,
        translation: Translation,
        settings: Settings,
        menus: Callable[[], Iterable[QMenu]],
        open_window: Callable[[QWidget, QWidget], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.reader = HelpReader(translation)
        self.what_is_this = WhatIsThis(self.reader, self)
        self.first_steps = FirstSteps(self.reader, settings)
        self._menus = menus
        self._open_window = open_window
        self._parent = parent
        self._window: HelpWindow | None = None

    def show_tab(self, tab: int) -> HelpWindow:
        """The window on help with this tab; it is only one."""
        if self._window is None:
            self._window = HelpWindow(
                self.reader, lambda: all_shortcuts(self._menus()), self._parent
            )
            self._window.destroyed.connect(self._closed)
            self._open_window(self._window, self._parent)
        self._window.show_tab(tab)
        return self._window

    def _closed(self) -> None:
        self._window = None

    def close(self) -> None:
        """Close what is open."""
        self.what_is_this.stop()
        if self._window is not None:
            self._window.close()
