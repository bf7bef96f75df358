"""One entry in the list of the queue: two lines, and a bar for how far it is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
)

from workbench.window.kit import theme
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.painting import logged
from workbench.window.queue.entry_row import EntryRow
from workbench.window.queue.queue_model import ROW

EDGE, GAP, BAR = 8, 12, 3
"""Pixels beside the text, between texts, and of the bar's height."""

Index = QModelIndex | QPersistentModelIndex


class EntryCell(QStyledItemDelegate):
    """Above the preset, what differs, and the state; below data, device, progress and time left."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        line = QFontMetrics(option.font).height()
        return QSize(160, 2 * line + 16)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        with logged("EntryCell"):
            self.initStyleOption(option, index)
            option.text = ""
            style = option.widget.style() if option.widget is not None else QApplication.style()
            element = QStyle.ControlElement.CE_ItemViewItem
            style.drawControl(element, option, painter, option.widget)
            row = index.data(ROW)
            if isinstance(row, EntryRow):
                painter.save()
                self._paint(painter, option.rect, option.font, row)
                painter.restore()

    def _paint(self, painter: QPainter, rect: QRect, font: QFont, row: EntryRow) -> None:
        c = theme.colors()
        line = QFontMetrics(font).height()
        room = rect.adjusted(EDGE, 4, -EDGE, 0)
        upper = QRect(room.left(), room.top(), room.width(), line)
        lower = upper.translated(0, line + 1)
        tint = {"running": c.accent, "problem": c.problem, "muted": c.muted}.get(row.kind, c.text)
        text = c.muted if row.kind == "muted" else c.text
        painter.setFont(font)
        _pair(painter, upper, row.name, text, row.state, tint)
        left, color = (row.why, c.problem) if row.why else (row.place, c.muted)
        _pair(painter, lower, left, color, row.progress, c.muted)
        if row.share and row.kind in ("running", "problem", ""):
            groove = QRect(room.left(), lower.bottom() + 3, room.width(), BAR)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.grid))
            painter.drawRoundedRect(groove, 1, 1)
            painter.setBrush(QColor(c.accent if row.kind == "running" else c.muted))
            groove.setWidth(max(BAR, round(groove.width() * row.share)))
            painter.drawRoundedRect(groove, 1, 1)

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        row = index.data(ROW) if event.type() == QEvent.Type.ToolTip else None
        if isinstance(row, EntryRow):
            QToolTip.showText(event.globalPos(), tooltip(*row.whole.split("\n")), view)
            return True
        return super().helpEvent(event, view, option, index)


def _pair(
    painter: QPainter, rect: QRect, left: str, color: str, right: str, right_color: str
) -> None:
    """Two texts in one line; the left one ends in an ellipsis where there is no room for it."""
    metrics = painter.fontMetrics()
    middle = Qt.AlignmentFlag.AlignVCenter
    # The right one keeps its figures, at the cost of the left one, up to two thirds.
    right = metrics.elidedText(right, Qt.TextElideMode.ElideRight, rect.width() * 2 // 3)
    taken = metrics.horizontalAdvance(right)
    painter.setPen(QColor(right_color))
    painter.drawText(rect, Qt.AlignmentFlag.AlignRight | middle, right)
    room = rect.width() - (taken + GAP if taken else 0)
    painter.setPen(QColor(color))
    left = metrics.elidedText(left, Qt.TextElideMode.ElideRight, room)
    painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | middle, left)
