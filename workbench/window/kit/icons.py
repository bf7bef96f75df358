"""The few icons of the toolbar, painted in the colors of the palette so that they are sharp at any
scale and readable in light and dark."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF

from workbench import paths
from workbench.window.kit.painting import painter_on

SIDE = 16.0


def icon(name: str, color: str, disabled: str) -> QIcon:
    """Return what ``_paint`` knows as ``name``, in ``color``; ``disabled`` where it is off."""
    result = QIcon()
    for mode, tint in ((QIcon.Mode.Normal, color), (QIcon.Mode.Disabled, disabled)):
        for ratio in (1, 2, 3):
            pixmap = QPixmap(int(SIDE * ratio), int(SIDE * ratio))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            with painter_on(pixmap) as painter:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(tint))
                _paint(painter, name, tint)
            result.addPixmap(pixmap, mode)
    return result


def _paint(painter: QPainter, name: str, tint: str) -> None:
    if name == "train":
        painter.drawPolygon(QPolygonF([QPointF(4, 2), QPointF(14, 8), QPointF(4, 14)]))
    elif name == "pause":
        painter.drawRect(QRectF(3, 2, 4, 12))
        painter.drawRect(QRectF(9, 2, 4, 12))
    elif name == "stop":
        painter.drawRect(QRectF(3, 3, 10, 10))
    elif name == "enqueue":  # a list, and a plus at its end
        for y in (3, 7, 11):
            painter.drawRect(QRectF(2, y, 12 if y < 8 else 5, 2))
        painter.drawRect(QRectF(9, 11, 6, 2))
        painter.drawRect(QRectF(11, 9, 2, 6))
    elif name in ("cancel", "back"):
        pen = painter.pen()
        pen.setStyle(Qt.PenStyle.SolidLine)
        pen.setColor(QColor(tint))
        pen.setWidthF(2)
        painter.setPen(pen)
        if name == "cancel":
            painter.drawLine(QPointF(4, 4), QPointF(12, 12))
            painter.drawLine(QPointF(12, 4), QPointF(4, 12))
        else:
            painter.drawLine(QPointF(3, 8), QPointF(14, 8))
            painter.drawPolyline([QPointF(8, 3), QPointF(3, 8), QPointF(8, 13)])


def program_icon() -> QIcon:
    """The icon of the window."""
    return QIcon(str(paths.shipped("resources") / "icon.svg"))
