"""A ring around whatever has the keyboard's focus, the same for every kind of widget."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPaintEvent, QPen, QRegion
from PySide6.QtWidgets import QApplication, QScrollArea, QTabBar, QWidget

from workbench.window.kit import theme
from workbench.window.kit.painting import painting

WIDTH = 2
"""Pixels of the ring; inside it runs a line of one pixel in the color of surfaces, which shows
it on a button that has the ring's color itself."""


class FocusRing(QObject):
    """Follows the focus through all windows of the application. What a mouse gives the focus to
    needs no ring: its place is known."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._ring: _Ring | None = None
        self._watched: list[QWidget] = []
        self._focused: QWidget | None = None
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._changed)

    def _changed(self, old: QWidget | None, now: QWidget | None) -> None:
        for widget in self._watched:
            if shiboken6.isValid(widget):
                widget.removeEventFilter(self)
        self._watched = []
        # Not ``now``: a slot before this one may have moved the focus on, and been heard first.
        now = QApplication.focusWidget()
        by_mouse = QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton
        self._focused = None if by_mouse or _is_container(now) else now
        if self._focused is not None:
            self._watched = [self._focused]
            parent = self._focused.parentWidget()
            while parent is not None and not self._watched[-1].isWindow():
                self._watched.append(parent)
                parent = parent.parentWidget()
            for widget in self._watched:
                widget.installEventFilter(self)
                if isinstance(widget, QScrollArea):
                    # Qt does so only for who comes from another field in it.
                    widget.ensureWidgetVisible(self._focused)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (
            QEvent.Type.Move,
            QEvent.Type.Resize,
            QEvent.Type.Show,
            QEvent.Type.Hide,
            QEvent.Type.EnabledChange,
            QEvent.Type.LayoutRequest,
            QEvent.Type.KeyRelease,  # as another tab of a bar
        ):
            self._place()
        return False

    def _place(self) -> None:
        widget = self._focused
        if widget is None or not shiboken6.isValid(widget):
            if self._ring is not None and shiboken6.isValid(self._ring):
                self._ring.hide()
            return
        window = widget.window()
        if self._ring is not None and not shiboken6.isValid(self._ring):
            self._ring = None  # it went with its window
        if self._ring is not None and self._ring.parentWidget() is not window:
            # Not moved over: what Qt keeps of a window's pixels would outlive the window.
            self._ring.hide()
            self._ring.deleteLater()
            self._ring = None
        if self._ring is None:
            self._ring = _Ring(window)
        self._ring.put(place_of(widget))


def _is_container(widget: QWidget | None) -> bool:
    """Return whether no key gets there: what holds others, or a popup, which shows its place
    itself."""
    if widget is None or widget.windowType() == Qt.WindowType.Popup:
        return True
    return widget.window().windowType() == Qt.WindowType.Popup or (
        not widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    )


def place_of(widget: QWidget) -> QRect:
    """Return what is seen of ``widget``, in its window; of a row of tabs the current one. Nothing
    where it is off: no key does anything there."""
    place = widget.rect()
    if isinstance(widget, QTabBar):
        place = widget.tabRect(widget.currentIndex())
    # Clipped by what lies around it, as by a list that is scrolled.
    inner, around = widget, widget.parentWidget()
    while around is not None and not inner.isWindow():
        place = place.translated(inner.pos()) & around.rect()
        inner, around = around, around.parentWidget()
    return place if widget.isVisible() and widget.isEnabled() else QRect()


class _Ring(QWidget):
    """The ring itself, over everything else in its window."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("focusRing")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def put(self, place: QRect) -> None:
        if place.isEmpty():
            self.hide()
            return
        self.setGeometry(place)
        band = WIDTH + 1
        inside = self.rect().adjusted(band, band, -band, -band)
        # Only the band: what lies in the middle is not painted again with the ring.
        self.setMask(QRegion(self.rect()) - QRegion(inside))
        self.raise_()
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        c = theme.colors()
        with painting(self) as painter:
            for color, width, inset in ((c.accent, WIDTH, 0), (c.surface, 1, WIDTH)):
                pen = QPen(QColor(color), width)
                pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
                painter.setPen(pen)
                half = width // 2
                edge = inset + half
                # A pen of one pixel lies on the pixels right and below its line.
                more = 1 if width == 1 else 0
                painter.drawRect(self.rect().adjusted(edge, edge, -edge - more, -edge - more))
