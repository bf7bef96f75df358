"""A table of figures to read, sort and copy: words at the left, numbers at the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from workbench.report.blocks import is_numeric
from workbench.window.kit import theme
from workbench.window.kit.copy_table import claims_copy, copy_table
from workbench.window.kit.hyperparameter_text import tooltip


@dataclass(frozen=True)
class Cell:
    """``text`` and what it sorts by. ``tint`` is a color of the theme by name, laid under the
    text with ``shade``, 0 to 1; ``role`` is ``"heading"`` for a row that names a group, or a
    color of the text."""

    text: str
    key: float | None = None
    tint: str = ""
    shade: float = 0.0
    role: str = ""


class _Item(QTableWidgetItem):
    def __init__(self, cell: Cell) -> None:
        super().__init__(cell.text)
        self.cell = cell

    def __lt__(self, other: QTableWidgetItem) -> bool:
        assert isinstance(other, _Item)
        mine, theirs = self.cell.key, other.cell.key
        if mine is None or theirs is None or math.isnan(mine) or math.isnan(theirs):
            # What has no number stands below every number.
            return (mine is None, self.text()) < (theirs is None, other.text())
        return mine < theirs


def _text(item: QTableWidgetItem | None) -> str:
    return item.text() if item is not None else ""


class FigureTable(QTableWidget):
    """Read only. Ctrl+C copies the selected rows with their header."""

    def __init__(self, name: str, sortable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._sortable = sortable
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setMinimumSectionSize(40)
        self.setSortingEnabled(sortable)
        self.fits = True
        """Whether the first column yields where all would not fit."""
        self._first_width = 0
        self.horizontalHeader().sectionResized.connect(self._resized)
        self._fitting = False

    def show_rows(self, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Replace everything; the order a person sorted by stays."""
        self.setSortingEnabled(False)
        self.clear()
        self.setColumnCount(len(header))
        self.setRowCount(len(rows))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        sides = []
        for column in range(len(header)):
            texts = [row[column].text for row in rows]
            # Only dashes: figures that are not known yet.
            numbers = is_numeric(texts) or set(texts) == {"–"}
            sides.append(right if column and numbers else left)
        for column, text in enumerate(header):
            heading = QTableWidgetItem(text)
            heading.setTextAlignment(sides[column])
            self.setHorizontalHeaderItem(column, heading)
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                item = _Item(cell)
                item.setTextAlignment(sides[j])
                item.setToolTip(tooltip(cell.text) if len(cell.text) > 20 else "")
                self.setItem(i, j, item)
        self._recolor()
        if self._sortable:
            self.setSortingEnabled(True)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.resizeColumnsToContents()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setColumnWidth(0, min(self.columnWidth(0), 400))
        for column in range(1, len(header)):
            # Room between numbers; where it sorts, the mark of the order has made some.
            room = 0 if self._sortable else 12
            self.setColumnWidth(column, min(self.columnWidth(column) + room, 260))
        self.fit_first_column()

    def fit_first_column(self) -> None:
        """Make the first column, of names, as narrow as it must be for the last to be seen, where
        that is enough; as wide as its names are where there is room."""
        if not self.columnCount() or not self.fits:
            return
        others = sum(self.columnWidth(column) for column in range(1, self.columnCount()))
        left = self.viewport().width() - others
        least = min(self._first_width, 11 * self.fontMetrics().averageCharWidth())
        self._fitting = True
        self.setColumnWidth(0, min(self._first_width, left) if left >= least else self._first_width)
        self._fitting = False

    def _resized(self, column: int, before: int, width: int) -> None:
        if column == 0 and not self._fitting:
            self._first_width = width  # as someone wants it

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_first_column()

    def texts(self) -> list[list[str]]:
        """The cells as they stand, for a test or a copy."""
        columns = range(self.columnCount())
        return [[_text(self.item(i, j)) for j in columns] for i in range(self.rowCount())]

    def copy(self) -> None:
        """The selected rows, or all where none is, with the header, as text and as a table."""
        chosen = sorted({index.row() for index in self.selectedIndexes()})
        texts = self.texts()
        header = [_text(self.horizontalHeaderItem(j)) for j in range(self.columnCount())]
        rows = [header, *(texts[i] for i in chosen or range(self.rowCount()))]
        copy_table(rows)

    def _recolor(self) -> None:
        c = theme.colors()
        bold = self.font()
        bold.setBold(True)
        for i in range(self.rowCount()):
            for j in range(self.columnCount()):
                item = self.item(i, j)
                if not isinstance(item, _Item):
                    continue
                cell = item.cell
                if cell.role == "heading":
                    item.setFont(bold)
                    item.setForeground(QColor(c.muted))
                elif cell.role:
                    item.setForeground(QColor(getattr(c, cell.role)))
                if cell.tint and cell.shade:
                    ground = QColor(getattr(c, cell.tint))
                    ground.setAlphaF(min(0.6, 0.6 * cell.shade))
                    item.setBackground(ground)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_restyled(event):
            self._recolor()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if claims_copy(event):
            event.accept()
            return True
        return super().event(event)
