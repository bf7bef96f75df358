"""Pages one behind the other that need no more room than the one that is seen.

Qt's own need as much as the largest of their pages, so that a plain page would scroll in a small
window for the sake of a hidden one.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QTabWidget, QWidget

from workbench.window.kit.fitting import least_height


class ShownPage(QWidget):
    """Pages without tabs. Not a ``QStackedWidget``, whose layout is asked past its own methods."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages: list[QWidget] = []
        self._shown = 0

    def addWidget(self, page: QWidget) -> None:
        """Put ``page`` behind the others; the first is shown."""
        page.setParent(self)
        self._pages.append(page)
        self.setCurrentIndex(self._shown)

    def currentIndex(self) -> int:
        """Return the number of the page that is seen, from 0."""
        return self._shown

    def setCurrentIndex(self, index: int) -> None:
        """Show the page with this number, from 0."""
        self._shown = index
        for number, page in enumerate(self._pages):
            page.setVisible(number == index)
        self._pages[index].setGeometry(self.rect())
        self.updateGeometry()

    def setCurrentWidget(self, page: QWidget) -> None:
        """Show ``page``, one of those that were put here."""
        self.setCurrentIndex(self._pages.index(page))

    def _page(self) -> QWidget | None:
        return self._pages[self._shown] if self._pages else None

    def sizeHint(self) -> QSize:
        page = self._page()
        return page.sizeHint() if page is not None else QSize()

    def minimumSizeHint(self) -> QSize:
        page = self._page()
        return page.minimumSizeHint() if page is not None else QSize()

    def hasHeightForWidth(self) -> bool:
        page = self._page()
        return page is not None and page.hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        """Return the pixels that the page needs, not those that it wants: see ``Fitting``."""
        page = self._page()
        return least_height(page, width) if page is not None else -1

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        page = self._page()
        if page is not None:
            page.setGeometry(self.rect())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().event(event)


class ShownTab(QTabWidget):
    """Pages with tabs above them, in document mode: without a frame."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self.currentChanged.connect(self.updateGeometry)

    def minimumSizeHint(self) -> QSize:
        page, tabs = self.currentWidget(), self.tabBar().minimumSizeHint()
        least = page.minimumSizeHint() if page is not None else QSize(0, 0)
        corner = self.cornerWidget()
        beside = corner.sizeHint().width() if corner and corner.isVisibleTo(self) else 0
        width = max(least.width(), tabs.width() + beside)
        return QSize(width, least.height() + self._height_of_tabs())

    def hasHeightForWidth(self) -> bool:
        page = self.currentWidget()
        return page is not None and page.hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        """Return the pixels that tabs and page need, not those that they want."""
        page = self.currentWidget()
        least = least_height(page, width) if page is not None else 0
        return least + self._height_of_tabs()

    def _height_of_tabs(self) -> int:
        corner = self.cornerWidget()
        beside = corner.sizeHint().height() if corner and corner.isVisibleTo(self) else 0
        return max(self.tabBar().sizeHint().height(), beside)
