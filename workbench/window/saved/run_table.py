"""The table of runs: which of them it shows, in which order, and how rows come and go.

It filters and sorts itself: with ten thousand runs a proxy model that asks Python for every
comparison holds the window up for more than a second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QLocale, QModelIndex, Qt, Signal
from PySide6.QtGui import QFont

from workbench.data.data_choice import DataChoice
from workbench.library.run_filter import parse_filter
from workbench.library.run_folder import RunRecord
from workbench.spec.presets import Preset
from workbench.window.kit.translation import say, tr
from workbench.window.saved import run_cells
from workbench.window.saved.run_cells import (
    ACCURACY,
    DATE,
    EPOCHS,
    FIGURE_ROLE,
    MARK_ROLE,
    MARKS,
    NOTES,
    RUN,
    STAR,
    STATUS,
    UNREADABLE,
    AnyIndex,
    accuracy_text,
    alignment,
    color,
    created_time,
    data_text,
    date_text,
    epochs_text,
    full_date_text,
    notes_text,
    plain_status,
    plain_tooltip,
    run_label,
    search_text,
    status_text,
    tags_text,
)
from workbench.window.saved.run_columns import COLUMNS, DIFFERS, differs_text
from workbench.window.saved.run_groups import GROUPINGS, RunGroup
from workbench.words.figures import NONE, percent

LAST = DIFFERS + len(COLUMNS) - 1
"""The last column."""

MANY = 64
"""Rows that are put where they belong one by one, and blocks of rows that come or go so; where
there are more, all are sorted, and the view is told to look at the whole table again, which is
quicker."""


class _Row:
    """A run with what its cells, the search and the order ask for. Kept, as they ask often.
    ``found``: the search finds it."""

    __slots__ = (
        "_differs",
        "_group",
        "created",
        "found",
        "key",
        "keys",
        "label",
        "record",
        "search",
    )

    def __init__(self, record: RunRecord) -> None:
        self.key = record.id
        self.found = True
        self.show(record)

    def show(self, record: RunRecord) -> None:
        self.record = record
        self._differs: tuple[Mapping[str, Preset], str] | None = None
        self._group = ("", "")
        self.created = created_time(record)
        self.label = run_label(record)
        self.search = search_text(record, self.label)
        accuracy = None if percent(record.accuracy) == NONE else record.accuracy
        self.keys: tuple[Any, ...] = (
            not record.starred,
            self.label.casefold(),
            accuracy,
            (record.epochs_done, record.epochs),
            self.created.timestamp() if self.created else None,
            plain_status(record.status).casefold(),
            data_text(record).casefold(),
            tags_text(record).casefold() or None,
            notes_text(record).casefold() or None,
        )
        """What rows are put in order by, for each column that the table always has; ``None`` where
        the cell is empty."""

    def order(self, column: int, presets: Mapping[str, Preset]) -> Any:
        """Return what rows are put in order by in ``column``; ``None`` for an empty cell."""
        if column < DIFFERS:
            return self.keys[column]
        if column == DIFFERS:
            return self.differs(presets).casefold() or None
        return COLUMNS[column - DIFFERS].order(self.record, presets)

    def differs(self, presets: Mapping[str, Preset]) -> str:
        """Return the cell of what differs from ``presets``."""
        if self._differs is None or self._differs[0] is not presets:
            self._differs = presets, differs_text(self.record, presets)
        return self._differs[1]

    def group(self, grouping: str) -> str:
        """Return the title of its group by a key of ``GROUPINGS``."""
        if self._group[0] != grouping:
            self._group = grouping, GROUPINGS[grouping].title(self.record)
        return self._group[1]


class RunTable(QAbstractTableModel):
    """Runs as rows: those that the search finds, numbers in order as numbers, empty cells last.
    A run is known by the name of its folder."""

    renamed = Signal(object, str)
    """A person gave the run (RunRecord) another name."""
    runs_changed = Signal(object)
    """Runs came, went or changed, also where the search hides them: the names of their folders."""
    experiments_changed = Signal()
    """Runs came or went, or the hyperparameters of one are others."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _Row] = {}
        self._ordered: list[_Row] = []
        self._shown: list[_Row | RunGroup] = []
        self._found_count = 0
        self._grouping = ""
        self._groups: dict[str, RunGroup] = {}
        self._presets: Mapping[str, Preset] = {}
        self._known_places: dict[str, int] | None = None
        self._choice: DataChoice | None = None
        self._waiting = False
        self._filter = parse_filter("")
        self._column, self._descending = DATE, True
        self._current = ""
        self._locale = QLocale()

    # what is in it

    def show_runs(self, records: Sequence[RunRecord], more: bool = False) -> None:
        """Make ``records`` the runs, changing no more rows than it must. While ``more`` are
        being read, those that come are put into order only now and then, as that takes longer
        than reading them."""
        changed: set[str] = set()
        come: set[str] = set()
        gone: set[str] = set()
        before, experiments = len(self._rows), False
        rows = self._rows
        # Those that come stand at the end; what else changed is seen once all are there.
        for record in records[before:] if more else records:
            row = rows.get(record.id)
            if row is None:
                rows[record.id] = _Row(record)
                come.add(record.id)
            elif row.record is not record:  # those that have not changed are the same objects
                experiments |= row.record.experiment != record.experiment
                row.show(record)
                changed.add(record.id)
        if len(rows) > len(records):
            gone = rows.keys() - {record.id for record in records}
            self._rows = {key: row for key, row in rows.items() if key not in gone}
        touched = changed | come | gone
        for key in changed | come:
            row = rows[key]
            row.found = self._filter.finds_all or self._filter.matches(row.record, row.search)
        if (touched or self._waiting) and not (more and len(self._rows) < 2 * len(self._ordered)):
            if self._waiting or len(touched) > MANY:
                self._order()
            else:
                self._put_in_order(touched)
            self._arrange(changed)
            self.runs_changed.emit(touched)
            if come or gone or experiments:
                self.experiments_changed.emit()
        else:
            self._waiting |= bool(touched)

    def search(self, text: str) -> None:
        """Show the runs that ``text`` finds (:mod:`workbench.library.run_filter`).

        Raises :class:`WorkbenchError` where it cannot be understood; the rows stay as they are.
        """
        self._filter = parse_filter(text)
        finds_all, matches = self._filter.finds_all, self._filter.matches
        for row in self._rows.values():
            row.found = finds_all or matches(row.record, row.search)
        self._arrange()

    def show_presets(self, presets: Mapping[str, Preset]) -> None:
        """Hold runs against these ``presets``, by id, in the column of what differs."""
        self._presets = presets
        if self._column == DIFFERS:
            self._order()
            self._arrange()
        self._tell_all_changed()

    def show_data(self, choice: DataChoice) -> None:
        """Mark the runs that are on other data than ``choice``."""
        if choice != self._choice:
            self._choice = choice
            self._tell_all_changed()

    @property
    def grouping(self) -> str:
        """By what runs are grouped, a key of ``GROUPINGS``; empty for no groups."""
        return self._grouping

    def group_by(self, name: str) -> None:
        """Put runs into groups, by a key of ``GROUPINGS``; ``""`` for none."""
        self._grouping = name if name in GROUPINGS else ""
        self._groups = {}
        self._arrange()

    def fold(self, group: RunGroup, folded: bool) -> None:
        """Hide the runs of ``group``, or show them again."""
        group.folded = folded
        self._arrange()
        self._tell_changed([group.key])

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        waiting = self._waiting
        self._order()
        wanted = self._wanted()
        if len(wanted) == len(self._shown) and not waiting:
            self._reorder(wanted)
        else:
            self._arrange()

    def set_current(self, key: str) -> None:
        """Mark the run that this window trains; an empty ``key`` for none."""
        before, self._current = self._current, key
        self._tell_changed({before, key})

    def retranslate(self, locale: QLocale) -> None:
        self._locale = locale
        finds_all, matches = self._filter.finds_all, self._filter.matches
        for row in self._rows.values():
            row.show(row.record)
            row.found = finds_all or matches(row.record, row.search)
        self._order()
        self._arrange()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, STAR, LAST)
        self._tell_all_changed()

    def _tell_all_changed(self) -> None:
        if self._shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, LAST))

    @property
    def total(self) -> int:
        """Runs, also those that the search hides."""
        return len(self._rows)

    @property
    def shown_unreadable(self) -> int:
        """Rows that stand for a run that cannot be read, of those that are shown."""
        return sum(record.status == UNREADABLE for record in self.shown_records())

    @property
    def shown_runs(self) -> int:
        """Runs that the search finds, also those in folded groups."""
        return self._found_count

    def shown_records(self) -> list[RunRecord]:
        """Return the runs that the search finds, in order, also those in folded groups."""
        return [row.record for row in self._found()]

    def record(self, index: AnyIndex) -> RunRecord | None:
        """Return the run of a row; ``None`` for the row of a group."""
        row = self._shown[index.row()]
        return row.record if isinstance(row, _Row) else None

    def group(self, index: AnyIndex) -> RunGroup | None:
        """Return the group whose row this is; ``None`` for a run."""
        row = self._shown[index.row()]
        return row if isinstance(row, RunGroup) else None

    def index_of(self, folder: Path | str) -> QModelIndex:
        """The name's cell of a run; not valid where it is not shown."""
        place = self._places.get(Path(folder).name)
        return QModelIndex() if place is None else self.index(place, RUN)

    # which rows, in which order

    def _arrange(self, changed: Iterable[str] = ()) -> None:
        """Show what the search finds, in order, and tell the view what that changes."""
        before, wanted = self._shown, self._wanted()
        if wanted == before:
            self._tell_changed(changed)
            return
        staying = set(before) & set(wanted)
        gone = [place for place, row in enumerate(before) if row not in staying]
        come = [place for place, row in enumerate(wanted) if row not in staying]
        going, coming = _blocks(gone), _blocks(come)
        if len(going) + len(coming) > MANY:
            self.beginResetModel()
            self._show(wanted)
            self.endResetModel()
            return
        for first, last in reversed(going):
            self.beginRemoveRows(QModelIndex(), first, last)
            self._show(self._shown[:first] + self._shown[last + 1 :])
            self.endRemoveRows()
        kept = [row for row in wanted if row in staying] if come else wanted
        if kept != self._shown:
            self._reorder(kept)
        for first, last in coming:
            self.beginInsertRows(QModelIndex(), first, last)
            self._show(self._shown[:first] + wanted[first : last + 1] + self._shown[first:])
            self.endInsertRows()
        self._tell_changed(changed)

    def _order(self) -> None:
        self._waiting = False
        rows, presets = list(self._rows.values()), self._presets
        self._ordered = _in_order(rows, self._column, self._descending, presets)

    def _put_in_order(self, keys: Set[str]) -> None:
        """Put the rows of a few runs that came, went or changed where they belong."""
        rows = [row for row in self._ordered if row.key not in keys]
        for key in keys:
            if (row := self._rows.get(key)) is not None:
                rows.insert(self._place(row, rows), row)
        self._ordered = rows

    def _place(self, row: _Row, rows: list[_Row]) -> int:
        """Return where ``row`` belongs among ``rows``, which are as :func:`_in_order` has them."""
        column, presets = self._column, self._presets

        def is_empty(other: _Row) -> bool:
            return other.order(column, presets) is None

        def order(other: _Row) -> Any:
            begun = _begun(other)
            return begun if is_empty(other) else (other.order(column, presets), begun)

        filled = bisect_left(rows, True, key=is_empty)
        low, high = (filled, len(rows)) if is_empty(row) else (0, filled)
        own = order(row)
        while low < high:
            middle = (low + high) // 2
            other = order(rows[middle])
            if other > own if self._descending else other < own:
                low = middle + 1
            else:
                high = middle
        return low

    def _wanted(self) -> list[_Row | RunGroup]:
        """Return the rows to show: the runs that the search finds, each group below its row, the
        groups in the order of their first runs."""
        found = self._found()
        self._found_count = len(found)
        if not self._grouping:
            return list(found)
        members: dict[str, list[_Row]] = {}
        for row in found:
            members.setdefault(row.group(self._grouping), []).append(row)
        before, self._groups = self._groups, {}
        rows: list[_Row | RunGroup] = []
        for name, runs in members.items():
            key = f"/{name}"  # no folder of a run has a slash in its name
            group = self._groups[key] = before.get(key) or RunGroup(key)
            group.show(name, [row.record for row in runs])
            rows.append(group)
            if not group.folded:
                rows += runs
        return rows

    def _found(self) -> list[_Row]:
        if self._filter.finds_all:
            return self._ordered
        return [row for row in self._ordered if row.found]

    def _reorder(self, rows: list[_Row | RunGroup]) -> None:
        self.layoutAboutToBeChanged.emit()
        indexes = self.persistentIndexList()
        keys = [self._shown[index.row()].key for index in indexes]
        self._show(rows)
        places = self._places
        moved = [
            self.index(places[key], index.column())
            for key, index in zip(keys, indexes, strict=True)
        ]
        self.changePersistentIndexList(indexes, moved)
        self.layoutChanged.emit()

    def _show(self, rows: list[_Row | RunGroup]) -> None:
        self._shown = rows
        self._known_places = None

    @property
    def _places(self) -> dict[str, int]:
        """Return where the rows are, by their keys. Made when asked for: rows come and go in
        blocks."""
        if self._known_places is None:
            self._known_places = {row.key: place for place, row in enumerate(self._shown)}
        return self._known_places

    def _tell_changed(self, keys: Iterable[str]) -> None:
        # The means of groups follow their runs.
        places = self._places
        for key in (*keys, *self._groups):
            place = places.get(key)
            if place is not None:
                self.dataChanged.emit(self.index(place, STAR), self.index(place, LAST))

    # what Qt asks

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else LAST + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if section >= DIFFERS:
            return _further_heading(section, role)
        names = (
            "★",
            tr("Run"),
            tr("Test accuracy"),
            tr("Epochs"),
            tr("Date"),
            tr("Status"),
            tr("Data"),
            tr("Tags"),
            tr("Notes"),
        )
        if role == Qt.ItemDataRole.DisplayRole:
            # Two lines: the figures below are narrower than their heading.
            return names[section].replace(" ", "\n", 1)
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                tr("Star"),
                tr("Name of the run, or its preset"),
                tr("Final test accuracy in percent; until then, that of the last epoch"),
                tr("Epochs done out of the epochs requested"),
                tr("When the run began"),
                tr("Whether the run is still training, or how it ended"),
                tr("Data set used for training and testing"),
                tr("Words for finding the run"),
                tr("Your notes about the run"),
            )[section]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return tr("Star") if section == STAR else names[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            # Not to the right, where the mark of the order is painted.
            figures = section in (STAR, ACCURACY, EPOCHS)
            return Qt.AlignmentFlag.AlignCenter if figures else alignment(section)
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._shown[index.row()], index.column()
        if isinstance(row, RunGroup):
            return _group_cell(row, column, role)
        record = row.record
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.EditRole:
            return row.record.name or row.label  # without the number, which is not edited
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._tooltip(row, column))
        if role == Qt.ItemDataRole.AccessibleTextRole and column == STAR:
            return tr("Starred") if record.starred else ""
        if column == ACCURACY and role in (FIGURE_ROLE, MARK_ROLE):
            mark = None if percent(record.accuracy) == NONE else self._mark(record)
            if mark is None or role == MARK_ROLE:
                return mark
            return percent(record.accuracy) if record.is_sample else accuracy_text(record)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == ACCURACY:
            other = not record.is_sample and self._is_on_other_data(record)
            return ", ".join([accuracy_text(record), *([data_text(record)] if other else [])])
        if role == Qt.ItemDataRole.ForegroundRole:
            return color(record, column)
        if role == Qt.ItemDataRole.FontRole and column == RUN and row.key == self._current:
            font = QFont()  # only bold is set; the rest stays the view's
            font.setBold(True)
            return font
        return None

    def _text(self, row: _Row, column: int) -> str:
        record = row.record
        if column == DIFFERS:
            return row.differs(self._presets)
        if column > DIFFERS:
            return COLUMNS[column - DIFFERS].text(record, self._presets)
        match column:
            case run_cells.STAR:
                return "★" if record.starred else "☆"
            case run_cells.RUN:
                # A name is one line, whatever run.json says.
                return " ".join(row.label.split())
            case run_cells.ACCURACY:
                return accuracy_text(record)
            case run_cells.EPOCHS:
                return epochs_text(record)
            case run_cells.DATE:
                return date_text(row.created, datetime.now().astimezone(), self._locale)
            case run_cells.STATUS:
                return f"{MARKS.get(record.status, '')} {self._status(row)}"
            case run_cells.DATA:
                return data_text(record)
            case run_cells.TAGS:
                return tags_text(record)
        return notes_text(record)

    def _mark(self, record: RunRecord) -> str | None:
        """Return what stands small before an accuracy that is not to be held against others."""
        if record.is_sample:
            return tr("sample")
        return data_text(record) if self._is_on_other_data(record) else None

    def _is_on_other_data(self, record: RunRecord) -> bool:
        choice = self._choice
        return choice is not None and bool(record.data) and not choice.is_of(record.data)

    def _status(self, row: _Row) -> str:
        if row.key == self._current and row.record.status == "running":
            return tr("Running here")
        return status_text(row.record)

    def _tooltip(self, row: _Row, column: int) -> str:
        record = row.record
        if column == RUN:
            title = [tr(record.title)] if record.name and record.title else []
            return "\n".join([row.label, *title, *_labels(record), str(record.folder)])
        if column == STAR:
            return tr("Starred") if record.starred else tr("Click to star")
        if column == NOTES:
            return record.notes
        if column == ACCURACY:
            lines = [accuracy_text(record)]
            if record.mirrored:
                lines.append(tr("Measured on the mean of each image and its mirror image."))
            best = percent(record.best_accuracy)
            if best != NONE and record.best_epoch is not None:
                template = (
                    tr("Best {accuracy} after epoch {epoch}, selected on the test set: optimistic")
                    if record.best_chosen_on == "test" and not record.tested_otherwise
                    else tr("Best {accuracy} after epoch {epoch}, selected on the test set")
                    if record.best_chosen_on == "test"
                    else tr(
                        "{accuracy} after epoch {epoch}, the best on the validation split with "
                        "{validation}"
                    )
                )
                if record.tested_otherwise:
                    best = tr("{accuracy} in training mode").format(accuracy=best)
                lines.append(
                    template.format(
                        accuracy=f"{best} ({tr('sample')})" if record.is_sample else best,
                        epoch=record.best_epoch,
                        validation=percent(record.best_validation_accuracy),
                    )
                )
            if record.is_sample:
                lines.append(tr("On sample data made by the program: not comparable."))
            elif self._is_on_other_data(record):
                lines.append(
                    tr("On {data}, not on the chosen data set.").format(data=data_text(record))
                )
            return "\n".join(lines)
        if column == EPOCHS:
            return tr("{done} of {total} epochs · {status}").format(
                done=record.epochs_done, total=record.epochs, status=self._status(row)
            )
        if column == DATE and row.created:
            return full_date_text(row.created, self._locale)
        if column == STATUS:
            why = say(record.why) if record.why else ""
            if record.status == "interrupted":
                why = tr("The program ended before the run did.")
            return "\n".join(filter(None, (self._status(row), why)))
        return self._text(row, column)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and self.group(index) is not None:
            return flags & ~Qt.ItemFlag.ItemIsSelectable
        if index.isValid() and index.column() == RUN:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid() or index.column() != RUN:
            return False
        row = self._shown[index.row()]
        if isinstance(row, RunGroup):
            return False
        name = " ".join(str(value).split())
        if name != (row.record.name or row.label):
            self.renamed.emit(row.record, name)
        return True


def _alignment(column: int) -> Qt.AlignmentFlag:
    if column < DIFFERS:
        return alignment(column)
    figures = COLUMNS[column - DIFFERS].figures
    side = Qt.AlignmentFlag.AlignRight if figures else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _further_heading(section: int, role: int) -> Any:
    column = COLUMNS[section - DIFFERS]
    if role == Qt.ItemDataRole.DisplayRole:
        return column.heading().replace(" ", "\n", 1)
    if role == Qt.ItemDataRole.ToolTipRole:
        return plain_tooltip(column.tip())
    if role == Qt.ItemDataRole.AccessibleTextRole:
        return column.heading()
    if role == Qt.ItemDataRole.TextAlignmentRole:
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return Qt.AlignmentFlag.AlignCenter if column.figures else left
    return None


def _group_cell(group: RunGroup, column: int, role: int) -> Any:
    if role == Qt.ItemDataRole.DisplayRole:
        return {RUN: group.heading, ACCURACY: group.accuracy_text}.get(column, "")
    if role == Qt.ItemDataRole.ToolTipRole:
        return plain_tooltip(group.tooltip)
    if role == Qt.ItemDataRole.AccessibleTextRole and column == RUN:
        return group.tooltip.replace("\n", ", ")
    if role == Qt.ItemDataRole.TextAlignmentRole:
        return _alignment(column)
    if role == Qt.ItemDataRole.FontRole:
        font = QFont()
        font.setBold(True)
        return font
    return None


def _in_order(
    rows: list[_Row], column: int, descending: bool, presets: Mapping[str, Preset]
) -> list[_Row]:
    """Rows by a column; empty cells come last in either order, and runs that are equal stand as
    they were begun."""
    rows.sort(key=_begun, reverse=descending)
    keys = {row.key: row.order(column, presets) for row in rows}
    empty = [row for row in rows if keys[row.key] is None]
    if empty:
        rows = [row for row in rows if keys[row.key] is not None]
    rows.sort(key=lambda row: keys[row.key], reverse=descending)
    return rows + empty


_begun = attrgetter("record.created", "key")


def _blocks(places: list[int]) -> list[tuple[int, int]]:
    """Ascending places as blocks of neighbors, (first, last)."""
    blocks: list[tuple[int, int]] = []
    for place in places:
        if blocks and blocks[-1][1] == place - 1:
            blocks[-1] = (blocks[-1][0], place)
        else:
            blocks.append((place, place))
    return blocks


def _labels(record: RunRecord) -> list[str]:
    """Tags and notes as lines of a tooltip."""
    tags = " ".join(f"#{tag}" for tag in record.tags)
    return [text for text in (tags, record.notes) if text]
