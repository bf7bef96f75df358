"""The view of the table of runs: widths of columns, which of them are shown, and the names, which
stay in sight where the rest is scrolled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QStyle, QTableView, QWidget

from workbench.window.kit.translation import tr
from workbench.window.saved.run_cells import (
    ACCURACY,
    DATA,
    DATE,
    EPOCHS,
    NOTES,
    RUN,
    STAR,
    STATUS,
    TAGS,
    AccuracyCell,
    AnyIndex,
    NameCell,
    date_text,
    mark_font,
    run_width,
)
from workbench.window.saved.run_columns import COLUMNS, DIFFERS, column_of
from workbench.window.saved.run_table import LAST, RunTable

SHOWN_FIRST = ("differs",)
"""The further columns that are shown until the user chooses others."""


class _Table(QTableView):
    """What the table and its column of names have in common."""

    def __init__(self, table: RunTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(table)
        self.setItemDelegateForColumn(RUN, NameCell(self))
        self.setItemDelegateForColumn(ACCURACY, AccuracyCell(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        # Renaming starts by its action, so that its key stands in the menu.
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(16)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)


class RunTableView(_Table):
    """The table of runs. What differs stands behind the date; hyperparameters and further figures
    come after the notes, as far as they are shown."""

    columns_changed = Signal()
    """The user chose other columns."""

    def __init__(self, table: RunTable, parent: QWidget | None = None) -> None:
        super().__init__(table, parent)
        self.setObjectName("runTable")
        self._table = table
        self._widths: dict[int, int] = {}
        self._narrow = self._wide = 0
        self._fitting = False
        self._widths_are_ours = True
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._names = _Names(table, self)
        header = self.horizontalHeader()
        self.put_forward(())
        self.show_columns(SHOWN_FIRST)
        self.setSortingEnabled(True)
        self.sortByColumn(DATE, Qt.SortOrder.DescendingOrder)
        header.sectionResized.connect(self._column_resized)

    # --- which columns

    def shown_columns(self) -> list[str]:
        """Return the keys of the further columns that are shown."""
        return [
            column.key
            for place, column in enumerate(COLUMNS)
            if not self.isColumnHidden(DIFFERS + place)
        ]

    def show_columns(self, keys: Sequence[str]) -> None:
        """Show just these further columns; keys of none are left out."""
        wanted = {column for key in keys if (column := column_of(key)) is not None}
        before = self.shown_columns()
        for column in range(DIFFERS, LAST + 1):
            self.setColumnHidden(column, column not in wanted)
        self._fit()
        if self.shown_columns() != before:
            self.columns_changed.emit()

    def put_forward(self, keys: Sequence[str]) -> None:
        """Put these further columns right behind the accuracy, and all others where they belong."""
        front = [column for key in keys if (column := column_of(key)) is not None]
        wanted = [STAR, RUN, ACCURACY, *front, EPOCHS, DATE, DIFFERS]
        rest = [column for column in range(LAST + 1) if column not in wanted]
        header = self.horizontalHeader()
        for place, column in enumerate(dict.fromkeys([*wanted, *rest])):
            if header.visualIndex(column) != place:
                header.moveSection(header.visualIndex(column), place)

    def scrollTo(
        self,
        index: AnyIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        bar = self.horizontalScrollBar()
        before = bar.value()
        super().scrollTo(index, hint)
        if index.column() in (STAR, RUN) and before > 0:
            bar.setValue(before)  # the names are seen anyway

    # --- widths

    def measure(self) -> None:
        """Take the widths of the columns from what they may have to show."""
        metrics = QFontMetrics(self.font())
        small = QFontMetrics(mark_font(self.font()))
        room = 10  # pixels beside the text of a cell
        mark = max(small.horizontalAdvance(text) for text in (tr("sample"), "CIFAR-10"))
        figures = metrics.horizontalAdvance("97.60% ") + mark
        now = datetime(2026, 11, 28, 23, 58).astimezone()
        dates = (now, now - timedelta(days=2), now - timedelta(days=348))
        date = max(metrics.horizontalAdvance(date_text(then, now, self.locale())) for then in dates)
        longest = tr("Interrupted at epoch {epoch} of {total}").format(epoch=100, total=100)
        words = (tr("Running here"), longest)
        status = max(metrics.horizontalAdvance("● " + text) for text in words)
        texts = {
            ACCURACY: figures,
            EPOCHS: metrics.horizontalAdvance("100/100 ⚠"),
            DATE: date,
            STATUS: status,
            DATA: metrics.horizontalAdvance(tr("Sample data")),
            TAGS: metrics.horizontalAdvance("baseline, lesson-2"),
            NOTES: 2 * metrics.horizontalAdvance("baseline, lesson-2"),
            **{
                DIFFERS + place: metrics.horizontalAdvance(column.sample)
                for place, column in enumerate(COLUMNS)
            },
        }
        self._widths = {
            column: max(width + room, self._heading_width(column))
            for column, width in texts.items()
        }
        self._widths[STAR] = metrics.horizontalAdvance("★") + 6
        self._narrow = max(metrics.horizontalAdvance("007 Adam") + room, self._heading_width(RUN))
        self._wide = metrics.horizontalAdvance("009 Dropout, fixed") + room
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 12)
        self._names.verticalHeader().setDefaultSectionSize(metrics.height() + 12)
        self._fit()

    def _heading_width(self, column: int) -> int:
        # Not the header's own hint, which takes two lines for one.
        header = self.horizontalHeader()
        text: str = self._table.headerData(column, Qt.Orientation.Horizontal)
        lines = (header.fontMetrics().horizontalAdvance(line) for line in text.split("\n"))
        mark = self.style().pixelMetric(QStyle.PixelMetric.PM_HeaderMarkSize, None, header)
        return max(lines) + mark + 14  # with the padding on either side

    def _fit(self) -> None:
        # Once the user has set a width, all of them are theirs.
        if not self._widths_are_ours or not self._widths:
            return
        first = sum(self._widths[column] for column in (STAR, ACCURACY, EPOCHS, DATE))
        others = [DIFFERS + p for p in range(len(COLUMNS)) if not self.isColumnHidden(DIFFERS + p)]
        rest = sum(self._widths[column] for column in (STATUS, DATA, TAGS, NOTES, *others))
        run = run_width(self.viewport().width(), first, rest, self._narrow, self._wide)
        self._fitting = True
        for column, width in {RUN: run, **self._widths}.items():
            self.setColumnWidth(column, width)
        self._fitting = False

    def _column_resized(self, column: int, before: int, now: int) -> None:
        if not self._fitting and before and now:  # not shown or hidden
            self._widths_are_ours = False

    # --- Qt's events

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
        self._names.place()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and self._widths:
            self.measure()


class _Names(_Table):
    """Stars and names over the left edge of the table, while that is scrolled to the side."""

    def __init__(self, table: RunTable, over: RunTableView) -> None:
        super().__init__(table, over)
        self.setObjectName("runNames")
        self._over = over
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Last: a policy that is set afterwards goes to the proxy, the table itself.
        self.setFocusProxy(over)
        self.setSelectionModel(over.selectionModel())
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QTableView.Shape.NoFrame)
        for column in range(LAST + 1):
            self.setColumnHidden(column, column not in (STAR, RUN))
        header, main = self.horizontalHeader(), over.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.sectionClicked.connect(self._sort)
        main.sortIndicatorChanged.connect(self._show_order)
        self._show_order(main.sortIndicatorSection(), main.sortIndicatorOrder())
        header.customContextMenuRequested.connect(self._header_menu)
        main.sectionResized.connect(lambda *_: self.place())
        self.clicked.connect(lambda index: over.clicked.emit(index))
        self.doubleClicked.connect(lambda index: over.doubleClicked.emit(index))
        self.customContextMenuRequested.connect(
            lambda place: over.customContextMenuRequested.emit(place)
        )
        over.horizontalScrollBar().valueChanged.connect(lambda _: self.place())
        over.verticalScrollBar().valueChanged.connect(self._follow)
        self.verticalScrollBar().valueChanged.connect(self._lead)
        self.hide()

    def place(self) -> None:
        """Lie where the names are when nothing is scrolled; hide where nothing is."""
        over = self._over
        for column in (STAR, RUN):
            self.setColumnWidth(column, over.columnWidth(column))
        width = over.columnWidth(STAR) + over.columnWidth(RUN)
        scrolled = over.horizontalScrollBar().value() > 0
        # Where there is hardly more room than for the names, they would hide all the rest.
        fits = over.viewport().width() > 1.5 * width
        frame, header = over.frameWidth(), over.horizontalHeader().height()
        self.horizontalHeader().setFixedHeight(header)
        self.setGeometry(frame, frame, width, over.viewport().height() + header)
        self.setVisible(scrolled and fits)
        if self.isVisible():
            self.verticalScrollBar().setValue(over.verticalScrollBar().value())
            self.raise_()

    def _follow(self, value: int) -> None:
        if self.isVisible():
            self.verticalScrollBar().setValue(value)

    def _lead(self, value: int) -> None:
        if self.isVisible():  # by the wheel over the names
            self._over.verticalScrollBar().setValue(value)

    def _show_order(self, column: int, order: Qt.SortOrder) -> None:
        self.horizontalHeader().setSortIndicator(column, order)

    def _header_menu(self, place: QPoint) -> None:
        self._over.horizontalHeader().customContextMenuRequested.emit(place)

    def _sort(self, column: int) -> None:
        order = self.horizontalHeader().sortIndicatorOrder()
        self._over.sortByColumn(column, order)
