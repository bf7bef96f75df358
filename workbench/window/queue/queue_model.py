"""The entries of the queue as rows of a list, which can be dragged to other places."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from workbench.library.queue_entry import Entry
from workbench.window.queue.entry_row import EntryRow

ROW = Qt.ItemDataRole.UserRole
MIME = "application/x-cifar-workbench-queue"
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


class QueueModel(QAbstractListModel):
    """``row`` says what is shown of an entry, asked only for what is in sight."""

    moved = Signal(list, object)
    """The ids of entries that were dropped, and the id before which they belong, or ``None``."""

    def __init__(self, row: Callable[[Entry], EntryRow], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        self._row = row

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Show ``entries`` in their order. What is selected, and how far the list is scrolled,
        stay."""
        wanted = {entry.id for entry in entries}
        for end in range(len(self.entries), 0, -1):
            if self.entries[end - 1].id not in wanted:
                self.beginRemoveRows(QModelIndex(), end - 1, end - 1)
                del self.entries[end - 1]
                self.endRemoveRows()
        there = {entry.id for entry in self.entries}
        new = [entry for entry in entries if entry.id not in there]
        if new:
            first = len(self.entries)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self.entries += new
            self.endInsertRows()
        places = {entry.id: place for place, entry in enumerate(entries)}
        if [entry.id for entry in self.entries] != [entry.id for entry in entries]:
            self.layoutAboutToBeChanged.emit()
            before = self.persistentIndexList()
            after = [self.index(places[self.entries[index.row()].id]) for index in before]
            self.entries = list(entries)
            self.changePersistentIndexList(before, after)
            self.layoutChanged.emit()
        self.entries = list(entries)
        self.refresh()

    def refresh(self) -> None:
        """Say again what is shown of each entry."""
        if self.entries:
            self.dataChanged.emit(self.index(0), self.index(len(self.entries) - 1))

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.entries):
            return None
        roles = Qt.ItemDataRole
        if role not in (ROW, roles.DisplayRole, roles.AccessibleTextRole):
            return None
        row = self._row(self.entries[index.row()])
        return row if role == ROW else row.whole.replace("\n", ", ")

    # --- dragging ----------------------------------------------------------------------

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        rows = sorted(index.row() for index in indexes)
        data = QMimeData()
        ids = [self.entries[row].id for row in rows]
        data.setData(MIME, QByteArray(json.dumps(ids).encode()))
        return data

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not data.hasFormat(MIME):
            return False
        ids = [str(id) for id in json.loads(bytes(data.data(MIME).data()))]
        place = row if row >= 0 else len(self.entries)
        self.move(ids, place)
        return False  # the queue moves them; the list follows it

    def move(self, ids: Sequence[str], place: int) -> None:
        """Ask for the entries ``ids`` to come right before the one that is at ``place``."""
        moved = set(ids)
        rest = (entry.id for entry in self.entries[place:] if entry.id not in moved)
        self.moved.emit(list(ids), next(rest, None))
