"""The cells of the table of runs: what they say, how they look, and the widths of columns."""

from __future__ import annotations

import html
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QDateTime, QLocale, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from workbench.library.run_filter import searched_text
from workbench.library.run_folder import RunRecord
from workbench.library.safe_file import clean_text
from workbench.messages import Message, WorkbenchError
from workbench.plain_text import visible
from workbench.window.kit import theme
from workbench.window.kit.painting import logged
from workbench.window.kit.translation import say, tr
from workbench.words.figures import NONE, percent
from workbench.words.status import ENDED_EARLY, status_word

STAR, RUN, ACCURACY, EPOCHS, DATE, STATUS, DATA, TAGS, NOTES = range(9)
"""Columns. Those up to the date are what a narrow window shows."""

MARKS = {
    "running": "●",
    "finished": "✓",
    "stopped": "■",
    "failed": "⚠",
    "interrupted": "⚠",
    "unreadable": "⚠",
}
FIGURE_ROLE = Qt.ItemDataRole.UserRole
"""The figure alone, where the cell has a mark before it; else ``None``."""
MARK_ROLE = FIGURE_ROLE + 1
"""What stands small before the figure: the word for sample data, or the name of data that are not
the chosen ones; else ``None``."""

AnyIndex = QModelIndex | QPersistentModelIndex
MIRRORED = "⇄"


def accuracy_text(record: RunRecord) -> str:
    """``70.21%``, with the word for sample data before it where it was taken on them, else with a
    mark where it is of each image and its mirror image: for both there is no room."""
    figure = percent(record.accuracy)
    if figure == NONE:
        return figure
    if record.is_sample:
        return f"{tr('sample')} {figure}"
    return f"{figure} {MIRRORED}" if record.mirrored else figure


def epochs_text(record: RunRecord) -> str:
    """``18/30 ●``: epochs done and asked for, and the mark of the status."""
    if record.status == UNREADABLE:
        return f"{NONE} {MARKS[UNREADABLE]}"
    return f"{record.epochs_done}/{record.epochs} {MARKS.get(record.status, '')}"


def plain_status(status: str) -> str:
    """The word for a status, also for that of a folder whose run cannot be read."""
    # One translation a call: a large library asks for thousands at once.
    return tr("Cannot be read") if status == UNREADABLE else say(status_word(status))


def status_text(record: RunRecord) -> str:
    """The status in words; of an interrupted run also how far it came."""
    if record.status == "interrupted":
        return interrupted_text(record)
    return say(ENDED_EARLY) if record.ended_early else plain_status(record.status)


def interrupted_text(record: RunRecord) -> str:
    return tr("Interrupted at epoch {epoch} of {total}").format(
        epoch=min(record.epochs_done + 1, record.epochs), total=record.epochs
    )


def data_text(record: RunRecord) -> str:
    return tr("Sample data") if record.is_sample else visible(record.data.get("name") or NONE)


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


def full_date_text(created: datetime, locale: QLocale) -> str:
    return locale.toString(_qt_time(created), QLocale.FormatType.LongFormat)


UNREADABLE = "unreadable"
"""The status of a row that stands for a folder whose run cannot be read."""


def unreadable_run(problem: WorkbenchError, library: Path) -> RunRecord | None:
    """A row for a folder of ``library`` whose run cannot be read, with the reason in its notes,
    and as its ``reason`` also what to do; ``None`` where the ``problem`` is another one."""
    message = problem.message
    folder = Path(str(message.values.get("path", "")))
    if folder.parent != library:
        return None
    name = clean_text(folder.name)
    reason = say(Message(message.template, **{**message.values, "path": name}))
    if "newer version" not in message.template:  # that says itself what to do
        reason += " " + tr("Run `cifar-workbench runs check --fix`.")
    return RunRecord(
        id=folder.name,
        created="",
        preset=None,
        title="",
        experiment={},
        data={},
        device="",
        environment={},
        epochs=0,
        steps_per_epoch=1,
        status=UNREADABLE,  # type: ignore[arg-type]
        reason=reason,
        name=name,
        notes=say(message),
        folder=folder,
    )


def created_time(record: RunRecord) -> datetime | None:
    """When the run began, in local time."""
    try:
        return datetime.fromisoformat(record.created).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def run_label(record: RunRecord) -> str:
    """``RunRecord.label`` with the preset's title in the window's language."""
    return record.label_with(tr(record.title)) if record.title else record.label


def search_text(record: RunRecord, label: str) -> str:
    """Return what the words of a search are looked for in, in both languages."""
    words = [say(ENDED_EARLY)] if record.ended_early else []
    return searched_text(record, label, data_text(record), plain_status(record.status), *words)


def tags_text(record: RunRecord) -> str:
    return visible(", ".join(record.tags))


def notes_text(record: RunRecord) -> str:
    """The notes in one line."""
    return visible(" ".join(record.notes.split()))


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
    shown = html.escape(visible(text, keep="\n"))
    return f"<p style='white-space: pre-wrap'>{shown}</p>" if text else ""


def alignment(column: int) -> Qt.AlignmentFlag:
    """Return how the cells of a column that the table always has are aligned."""
    if column == STAR:
        return Qt.AlignmentFlag.AlignCenter
    side = (
        Qt.AlignmentFlag.AlignRight if column in (ACCURACY, EPOCHS) else Qt.AlignmentFlag.AlignLeft
    )
    return side | Qt.AlignmentFlag.AlignVCenter


def color(record: RunRecord, column: int) -> QColor | None:
    c = theme.colors()
    if column == STAR:
        return QColor(c.sample if record.starred else c.muted)
    if column == STATUS and record.status in ("failed", "interrupted", UNREADABLE):
        return QColor(c.problem)
    if column == STATUS and record.status == "running":
        return QColor(c.measured)
    if column in (DATE, DATA, NOTES):
        return QColor(c.muted)
    return None


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


LEAST_OF_NAME = 6
"""Characters of a data set's name that a mark has at least."""


class AccuracyCell(QStyledItemDelegate):
    """Paints the word for sample data, or the name of other data than the chosen ones, small and in
    its color before the figure, so that the figures of a column stand below each other."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        if self._mark_fits(option, index):
            option.text = index.data(FIGURE_ROLE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().paint(painter, option, index)
        with logged(type(self).__name__):
            self._paint_mark(painter, option, index)

    def _paint_mark(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        if not self._mark_fits(option, index):
            return
        margin = _margin(option)
        rect = option.rect.adjusted(margin, 0, -margin, 0)
        figure = option.fontMetrics.horizontalAdvance(index.data(FIGURE_ROLE) + " ")
        room = rect.width() - figure
        painter.save()
        painter.setFont(mark_font(option.font))
        mark, colors = index.data(MARK_ROLE), theme.colors()
        if mark == tr("sample"):
            painter.setPen(QColor(colors.sample))
        else:
            selected = bool(option.state & QStyle.StateFlag.State_Selected)
            painter.setPen(QColor(colors.text if selected else colors.muted))
        painter.drawText(
            rect.adjusted(0, 0, -figure, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            painter.fontMetrics().elidedText(mark, Qt.TextElideMode.ElideRight, room),
        )
        painter.restore()

    def _mark_fits(self, option: QStyleOptionViewItem, index: AnyIndex) -> bool:
        # Where it does not, the cell is a plain text that is cut at its end: the word for sample
        # data stays, and the name of other data, which may be cut, stands in the tooltip alone.
        if not index.data(FIGURE_ROLE):
            return False
        figure = option.fontMetrics.horizontalAdvance(index.data(FIGURE_ROLE) + " ")
        mark = index.data(MARK_ROLE)
        least = mark if mark == tr("sample") else mark[:LEAST_OF_NAME]
        word = QFontMetrics(mark_font(option.font)).horizontalAdvance(least)
        return bool(option.rect.width() >= figure + word + 2 * _margin(option))


def _margin(option: QStyleOptionViewItem) -> int:
    widget = option.widget
    style = widget.style() if widget else QApplication.style()
    return style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, widget) + 1


def mark_font(font: QFont) -> QFont:
    """The font of a mark before a figure."""
    small = QFont(font)
    if font.pointSizeF() > 0:
        small.setPointSizeF(font.pointSizeF() * 0.87)
    return small
