"""A plot with epochs along its bottom, as the live view stacks them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QWidget

from workbench.window.kit.theme import Colors
from workbench.window.kit.translation import tr
from workbench.window.plots import curves
from workbench.window.plots.curves import number

Best = Literal["highest", "lowest"]


def spoken_curve(name: str, x: Any, y: Any, best: Best, unit: str = "") -> str:
    """Return the last and the best value of a curve in words; empty where it has none.

    ``x``: epochs, ``y``: values, both (n,); NaN and infinity count for nothing.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    finite = np.isfinite(y)
    if not finite.any():
        return ""
    x, y = x[finite], y[finite]
    at = int(np.argmax(y) if best == "highest" else np.argmin(y))
    template = (
        tr("{name}: last {last}, highest {best} at epoch {epoch}")
        if best == "highest"
        else tr("{name}: last {last}, lowest {best} at epoch {epoch}")
    )
    return template.format(
        name=name,
        last=f"{y[-1]:.4g}{unit}",
        best=f"{y[at]:.4g}{unit}",
        epoch=number(float(x[at]), 4),
    )


class Axis(pg.AxisItem):
    """The left axis: numbers in few characters, and ticks at 1, 2, 5 where values are log10."""

    logarithmic = False

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[Any, Any]]:
        if not self.logarithmic:
            levels: list[tuple[Any, Any]] = super().tickValues(low, high, size)
            if levels and high > low:
                # pyqtgraph counts on less height than a line of Korean has.
                spacing, values = levels[0]
                line = QFontMetricsF(self.font()).height()
                while len(values) > 1 and spacing / (high - low) * size < line:
                    spacing *= 2
                    values = [v for v in values if abs(v / spacing - round(v / spacing)) < 1e-6]
                levels[0] = (spacing, values)
            return levels
        named, plain = curves.log_ticks(low, high)
        if size > 0 and high > low:
            line = QFontMetricsF(self.font()).height()
            apart = curves.apart(named, line * (high - low) / size)
            plain = sorted([*plain, *(value for value in named if value not in apart)])
            named = apart
        # pyqtgraph writes numbers at the first level, and at the next where there is room; a
        # spacing of None marks the level without.
        return [(1.0, named), (None, plain)]

    def tickStrings(self, values: list[float], scale: float, spacing: float | None) -> list[str]:
        if self.logarithmic:
            if spacing is None:
                return [""] * len(values)
            return [number(10.0**value, 3) for value in values]
        texts = super().tickStrings(values, scale, spacing)
        return [
            text if len(text) <= 7 and "e" not in text else number(value, 3)
            for text, value in zip(texts, values, strict=True)
        ]


class EpochView(pg.ViewBox):
    """Wheel and drag act on the epochs; on the values only over their axis, with Ctrl, or once
    the person has chosen a range of values. Otherwise the values fit what is visible."""

    touched = Signal(bool)  # by the person; whether the values' range was changed

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.values_held = False

    def wheelEvent(self, event: Any, axis: int | None = None) -> None:
        if axis is None:
            axis = 1 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 0
        super().wheelEvent(event, axis)
        self._touch(axis)

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        if axis is None and not self.values_held:
            axis = 0
        super().mouseDragEvent(event, axis)
        self._touch(axis)

    def _touch(self, axis: int | None) -> None:
        if axis != 0:
            self.values_held = True
        self.touched.emit(axis != 0)

    def keyPressEvent(self, event: Any) -> None:
        event.ignore()  # pyqtgraph's zoom history; the plot has its own keys


class EpochPlot(pg.PlotWidget):
    """A plot without menu, with words in its middle while it is empty."""

    hovered = Signal(object)  # the epoch position under the pointer, or None
    follow_wanted = Signal()

    def __init__(
        self, name: str, left: int, numbers_below: bool, parent: QWidget | None = None
    ) -> None:
        self.view = EpochView()
        self.axis = Axis("left")
        super().__init__(parent, viewBox=self.view, axisItems={"left": self.axis})
        self._named: dict[int, tuple[Any, str, Best, str]] = {}
        self.setObjectName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(self.Shape.NoFrame)
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setDownsampling(auto=True, mode="peak")
        item.setClipToView(True)
        item.setContentsMargins(0, 4, 10, 0)
        self.view.disableAutoRange()
        self.axis.setWidth(left)
        below = item.getAxis("bottom")
        below.setStyle(showValues=numbers_below)
        for axis in (self.axis, below):
            axis.enableAutoSIPrefix(False)
            axis.setZValue(-1000)  # the grid lies under the curves
            # Numbers and grid change seldom and cost more to paint than the curves.
            axis.setCacheMode(pg.GraphicsObject.CacheMode.DeviceCoordinateCache)
        if not numbers_below:
            below.setHeight(6)
        self.words = QLabel(self)
        self.words.setObjectName(name + "Words")
        self.words.setProperty("role", "muted")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setWordWrap(True)
        self.words.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.pointer = pg.InfiniteLine(angle=90)
        self.pointer.setVisible(False)
        self.addItem(self.pointer, ignoreBounds=True)
        self.scene().sigMouseMoved.connect(self._on_mouse_moved)

    def curve(self, **options: Any) -> Any:
        item = pg.PlotDataItem(**options)
        self.addItem(item)
        return item

    def name_curve(self, curve: Any, name: str, best: Best, unit: str = "") -> None:
        """``spoken`` says the last and the best value of ``curve`` by this name."""
        self._named[id(curve)] = (curve, name, best, unit)

    def spoken(self) -> str:
        """Return what the plot shows, in words, for who does not see it."""
        if not self.words.isHidden():
            return self.words.text()
        parts = []
        for curve, name, best, unit in self._named.values():
            x, y = curve.getOriginalDataset()
            if x is not None and curve.isVisible():
                y = 10.0 ** np.asarray(y, float) if self.axis.logarithmic else y
                parts.append(spoken_curve(name, x, y, best, unit))
        return "; ".join(filter(None, parts))

    def focusInEvent(self, event: QFocusEvent) -> None:
        # A screen reader asks when the focus comes.
        self.setAccessibleDescription(self.spoken())
        super().focusInEvent(event)

    def restyle(self, c: Colors) -> None:
        self.setBackground(c.surface)
        item = self.getPlotItem()
        for axis in (self.axis, item.getAxis("bottom")):
            axis.setPen(QPen(QColor(c.border), 1))
            axis.setTextPen(QPen(QColor(c.muted)))
            axis.setTickPen(QPen(QColor(c.grid), 1))
        self.axis.setGrid(255)
        self.pointer.setPen(pg.mkPen(c.muted, width=1, style=Qt.PenStyle.DotLine))

    def say(self, words: str) -> None:
        """Words in the middle of the plot; none where ``words`` is empty."""
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def show_numbers(self, shown: bool) -> None:
        """Numbers at the left axis; without any data they would say nothing."""
        if self.axis.style["showValues"] != shown:
            self.axis.setStyle(showValues=shown)

    def set_ends(self, x: tuple[float, float] | None, y: tuple[float, float] | None) -> None:
        """Ends of the axes; ``None`` leaves one as it is."""
        now_x, now_y = self.view.viewRange()
        # pyqtgraph lays out and paints again even where nothing changes.
        if x is not None and tuple(now_x) != x:
            self.view.setXRange(*x, padding=0)
        if y is not None and tuple(now_y) != y:
            self.view.setYRange(*y, padding=0)

    def export(self, painter: QPainter, place: QRectF) -> None:
        """Paint the plot into ``place`` as shapes, not as the pictures that the screen caches."""
        axes = (self.axis, self.getPlotItem().getAxis("bottom"))
        symbols = [item.scatter for item in self.getPlotItem().listDataItems()]
        for axis in axes:
            axis.setCacheMode(pg.GraphicsObject.CacheMode.NoCache)
        for item in symbols:
            item.setExportMode(True, {"antialias": True})
        painter.save()
        painter.setClipRect(place)
        self.render(painter, place)
        painter.restore()
        for item in symbols:
            item.setExportMode(False)
        for axis in axes:
            axis.setCacheMode(pg.GraphicsObject.CacheMode.DeviceCoordinateCache)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "words"):  # pyqtgraph resizes while it is being made
            # Below the middle, where a reported value lies while nothing else is there.
            top = self.height() // 4 if self.height() > 120 else 0
            room = self.rect().adjusted(self.axis.width() + 12, top, -16, -8)
            self.words.setGeometry(room)

    def _on_mouse_moved(self, position: QPointF) -> None:
        inside = self.view.sceneBoundingRect().contains(position)
        self.hovered.emit(self.view.mapSceneToView(position).x() if inside else None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.hovered.emit(None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        self.follow_wanted.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        low, high = self.view.viewRange()[0]
        width = high - low
        match event.key():
            case Qt.Key.Key_Left:
                low, high = low - 0.1 * width, high - 0.1 * width
            case Qt.Key.Key_Right:
                low, high = low + 0.1 * width, high + 0.1 * width
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                low, high = low + 0.1 * width, high - 0.1 * width
            case Qt.Key.Key_Minus:
                low, high = low - 0.125 * width, high + 0.125 * width
            case Qt.Key.Key_Home:
                self.follow_wanted.emit()
                return
            case _:
                event.ignore()
                return
        self.view.setXRange(low, high, padding=0)
        self.view.touched.emit(False)


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    from workbench.window.kit import theme

    application = QApplication([])
    theme.Theme(application)
    plot = EpochPlot("lossPlot", 60, numbers_below=True)
    plot.restyle(theme.colors())
    plot.say("The loss of every step appears here while a run trains.")
    plot.show()
    application.exec()
