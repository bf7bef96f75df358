"""The table of runs: what its cells say, how they sort, and how rows come and go."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QDateTime,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from workbench.library.run_folder import RunRecord
from workbench.window import theme
from workbench.window.translation import say, tr

RUN, ACCURACY, EPOCHS, DATE, STATUS, DATA = range(6)
"""Columns. The first four are what a narrow window shows."""

MARKS = {"running": "●", "finished": "✓", "stopped": "■", "failed": "⚠", "interrupted": "⚠"}
FIGURE_ROLE = Qt.ItemDataRole.UserRole
"""The figure alone, where the cell has the word for sample data before it; else ``None``."""

AnyIndex = QModelIndex | QPersistentModelIndex
NONE = "–"


# --- what cells say --------------------------------------------------------------------


def is_sample(record: RunRecord) -> bool:
    return record.data.get("kind") == "sample"


def figure_text(accuracy: float | None) -> str:
    """``70.21%``; a dash for none and for what is not a number."""
    return NONE if accuracy is None or accuracy != accuracy else f"{accuracy:.2f}%"


def accuracy_text(record: RunRecord) -> str:
    """``70.21%``, with the word for sample data before it where it was taken on them."""
    figure = figure_text(record.accuracy)
    if figure == NONE or not is_sample(record):
        return figure
    return f"{tr('sample')} {figure}"


def epochs_text(record: RunRecord) -> str:
    """``18/30 ●``: epochs done and asked for, and the mark of the status."""
    return f"{record.epochs_done}/{record.epochs} {MARKS.get(record.status, '')}"


def status_word(status: str) -> str:
    return {
        "running": tr("Running"),
        "finished": tr("Finished"),
        "stopped": tr("Stopped"),
        "failed": tr("Failed"),
        "interrupted": tr("Interrupted"),
    }.get(status, status)


def data_text(record: RunRecord) -> str:
    return tr("Sample data") if is_sample(record) else str(record.data.get("name") or NONE)


def date_text(created: datetime | None, now: datetime, locale: QLocale) -> str:
    """Local time today, day and month this year, else the date; ``now`` and ``created`` with a
    time zone."""
    if created is None:
        return NONE
    local = created.astimezone(now.tzinfo)
    moment = _qt_time(local)
    if local.date() == now.date():
        return locale.toString(moment.time(), QLocale.FormatType.ShortFormat)
    short = locale.dateFormat(QLocale.FormatType.ShortFormat)
    if local.year == now.year:
        # Qt has no format of day and month alone; the order is that of the whole date.
        day_first = short.find("d") < short.find("M")
        return locale.toString(moment.date(), tr("d MMM") if day_first else tr("MMM d"))
    return locale.toString(moment.date(), QLocale.FormatType.ShortFormat)


def _qt_time(moment: datetime) -> QDateTime:
    return QDateTime(*moment.timetuple()[:6])


def created_time(record: RunRecord) -> datetime | None:
    """When the run began, in local time."""
    try:
        return datetime.fromisoformat(record.created).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def run_label(record: RunRecord) -> str:
    """``RunRecord.label`` with the preset's title in the window's language."""
    return replace(record, title=tr(record.title)).label if record.title else record.label


def search_text(record: RunRecord) -> str:
    """What the search looks through."""
    parts = (
        record.name,
        record.preset or "",
        record.title,
        run_label(record),
        data_text(record),
        str(record.data.get("name", "")),
        status_word(record.status),
    )
    return "\n".join(parts).casefold()


def matches(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def run_width(viewport: int, first: int, rest: int, narrow: int, wide: int) -> int:
    """Width of the column of names in pixels, where the other columns that are always to be
    seen take ``first`` and all others ``rest``.

    It takes what is left beside the first columns, from ``narrow`` to ``wide``; then the others
    come into view, and when all are seen it takes what is left again.
    """
    if viewport >= first + rest + wide:
        return viewport - first - rest
    return max(narrow, min(wide, viewport - first))


def plain_tooltip(text: str) -> str:
    """A tooltip that shows ``text`` as it is, also where it looks like HTML."""
    return f"<p style='white-space: pre-wrap'>{html.escape(text)}</p>" if text else ""


# --- the model -------------------------------------------------------------------------


@dataclass(slots=True)
class _Row:
    record: RunRecord
    key: str
    created: datetime | None
    search: str
    order: tuple[Any, ...]
    """What rows are put in order by, for each column; ``None`` where the cell is empty. Kept, as
    sorting 1,000 rows asks 10,000 times."""


def _row(record: RunRecord) -> _Row:
    created = created_time(record)
    accuracy = record.accuracy
    order: dict[int, Any] = {
        RUN: run_label(record).casefold(),
        ACCURACY: None if figure_text(accuracy) == NONE else accuracy,
        EPOCHS: (record.epochs_done, record.epochs),
        DATE: created.timestamp() if created else None,
        STATUS: status_word(record.status).casefold(),
        DATA: data_text(record).casefold(),
    }
    keys = tuple(order[column] for column in sorted(order))
    return _Row(record, record.folder.name, created, search_text(record), keys)


class RunTable(QAbstractTableModel):
    """Runs as rows, in no order. A run is known by the name of its folder."""

    renamed = Signal(object, str)
    """A person gave the run (RunRecord) another name."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []
        self._current = ""
        self._locale = QLocale()

    # what is in it

    def show_runs(self, records: Sequence[RunRecord]) -> None:
        """Makes ``records`` the rows, changing no more of them than it must."""
        wanted = {record.folder.name: record for record in records}
        self._remove([i for i, row in enumerate(self._rows) if row.key not in wanted])
        for index, row in enumerate(self._rows):
            record = wanted.pop(row.key)
            # Records that have not changed are the same objects.
            if record is not row.record:
                self._rows[index] = _row(record)
                self._changed(index)
        if wanted:
            added = [_row(record) for record in wanted.values()]
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(added) - 1)
            self._rows += added
            self.endInsertRows()

    def _remove(self, gone: list[int]) -> None:
        while gone:
            last = first = gone.pop()
            while gone and gone[-1] == first - 1:
                first = gone.pop()
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._rows[first : last + 1]
            self.endRemoveRows()

    def _changed(self, index: int) -> None:
        self.dataChanged.emit(self.index(index, 0), self.index(index, DATA))

    def set_current(self, key: str) -> None:
        """Marks the run that this window trains; an empty ``key`` for none."""
        before, self._current = self._current, key
        for index, row in enumerate(self._rows):
            if row.key in (before, key):
                self._changed(index)

    def retranslate(self, locale: QLocale) -> None:
        self._locale = locale
        self._rows = [_row(row.record) for row in self._rows]
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, RUN, DATA)
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, DATA))

    def record(self, row: int) -> RunRecord:
        return self._rows[row].record

    def row_of(self, key: str) -> int | None:
        return next((i for i, row in enumerate(self._rows) if row.key == key), None)

    def search_text(self, row: int) -> str:
        return self._rows[row].search

    def is_before(self, left: int, right: int, column: int, descending: bool) -> bool:
        """Whether row ``left`` is less than row ``right``; empty cells come last in either
        order, and runs that are equal stand as they were begun."""
        one, other = self._rows[left], self._rows[right]
        a, b = one.order[column], other.order[column]
        if a is None or b is None:
            if (a is None) != (b is None):
                return (a is None) == descending
        elif a != b:
            return bool(a < b)
        return (one.record.created, one.key) < (other.record.created, other.key)

    # what Qt asks

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else DATA + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        names = (
            tr("Run"),
            tr("Test accuracy"),
            tr("Epochs"),
            tr("Date"),
            tr("Status"),
            tr("Data"),
        )
        if role == Qt.ItemDataRole.DisplayRole:
            # Two lines: the figures below are narrower than their heading.
            return names[section].replace(" ", "\n", 1)
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                tr("Name of the run, or its preset"),
                tr("Test accuracy at the end, in percent; of the last epoch while there is none"),
                tr("Epochs done of the epochs asked for"),
                tr("When the run began"),
                tr("Whether the run goes on, or how it ended"),
                tr("Data set that it was trained and tested on"),
            )[section]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return names[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            # Not to the right, where the mark of the order is painted.
            figures = section in (ACCURACY, EPOCHS)
            return Qt.AlignmentFlag.AlignCenter if figures else _alignment(section)
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        record = row.record
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.EditRole:
            return run_label(record)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._tooltip(row, column))
        if role == FIGURE_ROLE and column == ACCURACY and is_sample(record):
            figure = figure_text(record.accuracy)
            return None if figure == NONE else figure
        if role == Qt.ItemDataRole.ForegroundRole:
            return _color(record, column)
        if role == Qt.ItemDataRole.FontRole and column == RUN and row.key == self._current:
            font = QFont()  # only bold is set; the rest stays the view's
            font.setBold(True)
            return font
        return None

    def _text(self, row: _Row, column: int) -> str:
        record = row.record
        if column == RUN:
            # A name is one line, whatever run.json says.
            return " ".join(run_label(record).split())
        if column == ACCURACY:
            return accuracy_text(record)
        if column == EPOCHS:
            return epochs_text(record)
        if column == DATE:
            return date_text(row.created, datetime.now().astimezone(), self._locale)
        if column == STATUS:
            return f"{MARKS.get(record.status, '')} {self._status(row)}"
        return data_text(record)

    def _status(self, row: _Row) -> str:
        if row.key == self._current and row.record.status == "running":
            return tr("Running here")
        return status_word(row.record.status)

    def _tooltip(self, row: _Row, column: int) -> str:
        record = row.record
        if column == RUN:
            lines = [run_label(record), *([record.title] if record.name and record.title else [])]
            return "\n".join([*lines, str(record.folder)])
        if column == ACCURACY:
            lines = [accuracy_text(record)]
            best = figure_text(record.best_accuracy)
            if best != NONE and record.best_epoch is not None:
                lines.append(
                    tr("Best {accuracy} after epoch {epoch}").format(
                        accuracy=f"{best} ({tr('sample')})" if is_sample(record) else best,
                        epoch=record.best_epoch,
                    )
                )
            if is_sample(record):
                lines.append(tr("On sample data, which the program makes: not to be compared."))
            return "\n".join(lines)
        if column == EPOCHS:
            return tr("{done} of {total} epochs · {status}").format(
                done=record.epochs_done, total=record.epochs, status=self._status(row)
            )
        if column == DATE and row.created:
            return self._locale.toString(_qt_time(row.created), QLocale.FormatType.LongFormat)
        if column == STATUS:
            why = say(record.why) if record.why else ""
            if record.status == "interrupted":
                why = tr("The program that trained it was ended before the run was.")
            return "\n".join(filter(None, (self._status(row), why)))
        return self._text(row, column)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == RUN:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid() or index.column() != RUN:
            return False
        record = self._rows[index.row()].record
        name = " ".join(str(value).split())
        if name != run_label(record):
            self.renamed.emit(record, name)
        return True


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = (
        Qt.AlignmentFlag.AlignRight if column in (ACCURACY, EPOCHS) else Qt.AlignmentFlag.AlignLeft
    )
    return side | Qt.AlignmentFlag.AlignVCenter


def _color(record: RunRecord, column: int) -> QColor | None:
    c = theme.colors()
    if column == STATUS and record.status in ("failed", "interrupted"):
        return QColor(c.problem)
    if column == STATUS and record.status == "running":
        return QColor(c.measured)
    if column in (DATE, DATA):
        return QColor(c.muted)
    return None


class RunOrder(QSortFilterProxyModel):
    """The runs that match the search, in order: numbers as numbers, empty cells last."""

    def __init__(self, table: RunTable, parent: Any = None) -> None:
        super().__init__(parent)
        self._table = table
        self._words: list[str] = []
        self._descending = False
        self.setSourceModel(table)

    def search(self, text: str) -> None:
        """Shows the runs that hold every word of ``text``."""
        self.beginFilterChange()
        self._words = text.casefold().split()
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def filterAcceptsRow(self, row: int, parent: AnyIndex) -> bool:
        return matches(self._table.search_text(row), self._words)

    def lessThan(self, left: AnyIndex, right: AnyIndex) -> bool:
        return self._table.is_before(left.row(), right.row(), left.column(), self._descending)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._descending = order == Qt.SortOrder.DescendingOrder
        super().sort(column, order)

    def record(self, index: AnyIndex) -> RunRecord:
        return self._table.record(self.mapToSource(index).row())

    def index_of(self, folder: Path | str) -> QModelIndex:
        """The first cell of a run; not valid where it is not shown."""
        row = self._table.row_of(Path(folder).name)
        return QModelIndex() if row is None else self.mapFromSource(self._table.index(row, RUN))


class NameCell(QStyledItemDelegate):
    """Gives the field in which a run is renamed room beyond its column."""

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: AnyIndex
    ) -> None:
        rect = option.rect
        viewport = editor.parentWidget()
        room = viewport.width() - rect.left() if viewport else 0
        wanted = editor.fontMetrics().averageCharWidth() * 30
        rect.setWidth(max(rect.width(), min(room, wanted)))
        editor.setGeometry(rect)


class AccuracyCell(QStyledItemDelegate):
    """Paints the word for sample data small and in its color before the figure, so that the
    figures of a column stand below each other."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        if self._mark_fits(option, index):
            option.text = index.data(FIGURE_ROLE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().paint(painter, option, index)
        if not self._mark_fits(option, index):
            return
        margin = _margin(option)
        rect = option.rect.adjusted(margin, 0, -margin, 0)
        figure = option.fontMetrics.horizontalAdvance(index.data(FIGURE_ROLE) + " ")
        painter.save()
        painter.setFont(mark_font(option.font))
        painter.setPen(QColor(theme.colors().sample))
        painter.drawText(
            rect.adjusted(0, 0, -figure, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            tr("sample"),
        )
        painter.restore()

    def _mark_fits(self, option: QStyleOptionViewItem, index: AnyIndex) -> bool:
        # Where it does not, the cell is a plain text that is cut at its end: the word stays.
        if not index.data(FIGURE_ROLE):
            return False
        figure = option.fontMetrics.horizontalAdvance(index.data(FIGURE_ROLE) + " ")
        word = QFontMetrics(mark_font(option.font)).horizontalAdvance(tr("sample"))
        return bool(option.rect.width() >= figure + word + 2 * _margin(option))


def _margin(option: QStyleOptionViewItem) -> int:
    widget = option.widget
    style = widget.style() if widget else QApplication.style()
    return style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, widget) + 1


def mark_font(font: QFont) -> QFont:
    """The font of the word for sample data."""
    small = QFont(font)
    if font.pointSizeF() > 0:
        small.setPointSizeF(font.pointSizeF() * 0.87)
    return small
