"""The menu of the table's header: which columns are shown, and how runs are grouped."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from workbench.spec.experiment import HYPERPARAMETERS
from workbench.window.kit.translation import tr
from workbench.window.saved.run_columns import COLUMNS, differing
from workbench.window.saved.run_groups import GROUPINGS
from workbench.window.saved.run_table import RunTable
from workbench.window.saved.run_table_view import SHOWN_FIRST, RunTableView


class ColumnsMenu(QObject):
    """Opens over the header; its actions also stand in :attr:`menu` for a button."""

    def __init__(self, view: RunTableView, table: RunTable, parent: QWidget) -> None:
        super().__init__(parent)
        self._view, self._table = view, table
        self.menu = QMenu(parent)
        self.menu.setObjectName("columnsMenu")
        self.menu.setToolTipsVisible(True)
        self.only_differing = QAction(self, checkable=True)
        self.only_differing.setObjectName("onlyWhatDiffers")
        self.only_differing.toggled.connect(self._show_differing)
        self._chosen: list[str] = []
        self.first_columns = QAction(self)
        self.first_columns.triggered.connect(self._show_first)
        self.columns = {column.key: QAction(self, checkable=True) for column in COLUMNS}
        for key, action in self.columns.items():
            action.setObjectName(f"column_{key}")
            action.toggled.connect(partial(self._show, key))
        self.groups = QActionGroup(self)
        self.grouping = {name: QAction(self, checkable=True) for name in ("", *GROUPINGS)}
        for name, action in self.grouping.items():
            action.setObjectName(f"group_{name or 'none'}")
            self.groups.addAction(action)
            action.triggered.connect(partial(self._group, name))
        header = view.horizontalHeader()
        header.customContextMenuRequested.connect(self._open)
        table.experiments_changed.connect(self.follow_runs)
        view.columns_changed.connect(self._take_over)
        self._take_over()
        self._fill()

    def retranslate(self) -> None:
        """Set all texts in the language of the window."""
        self.only_differing.setText(tr("Only hyperparameters that differ"))
        self.only_differing.setToolTip(
            tr("Shows a column for each hyperparameter in which the runs of the table differ")
        )
        self.first_columns.setText(tr("Reset columns"))
        for column in COLUMNS:
            self.columns[column.key].setText(column.heading().replace("&", "&&"))
            self.columns[column.key].setToolTip(column.tip())
        for name, action in self.grouping.items():
            action.setText(GROUPINGS[name].name() if name else tr("No groups"))
        self._group_menu.setTitle(tr("Group runs"))
        self._parameter_menu.setTitle(tr("Hyperparameters"))

    def state(self) -> dict[str, object]:
        """Return what :meth:`restore` takes: plain values for the settings."""
        differing = self.only_differing.isChecked()
        return {
            "columns": self._chosen if differing else self._view.shown_columns(),
            "only_differing": differing,
            "group": self._table.grouping,
        }

    def restore(self, state: dict[str, object]) -> None:
        """Show the columns and groups of ``state``; what is not understood is left out."""
        columns, group = state.get("columns"), state.get("group")
        if isinstance(columns, list):
            self._view.show_columns([key for key in columns if isinstance(key, str)])
        if isinstance(group, str) and group in GROUPINGS:
            self._group(group)
        self.only_differing.setChecked(state.get("only_differing") is True)

    def _fill(self) -> None:
        self._group_menu = QMenu(self.menu)
        self._group_menu.addActions(list(self.grouping.values()))
        self._parameter_menu = QMenu(self.menu)
        self._parameter_menu.setToolTipsVisible(True)
        self.menu.addAction(self.only_differing)
        self.menu.addMenu(self._group_menu)
        self.menu.addSeparator()
        for column in COLUMNS:
            parameter = column.key in HYPERPARAMETERS
            (self._parameter_menu if parameter else self.menu).addAction(self.columns[column.key])
        self.menu.addMenu(self._parameter_menu)
        self.menu.addSeparator()
        self.menu.addAction(self.first_columns)

    def _open(self, place: QPoint) -> None:
        self.menu.popup(self._view.horizontalHeader().viewport().mapToGlobal(place))

    def _show(self, key: str, shown: bool) -> None:
        keys = self._view.shown_columns()
        if shown != (key in keys):
            self.only_differing.setChecked(False)
            keys = [*keys, key] if shown else [other for other in keys if other != key]
            self._view.show_columns(keys)

    def _show_first(self) -> None:
        self.only_differing.setChecked(False)
        self._group("")
        self._view.show_columns(SHOWN_FIRST)

    def _show_differing(self, on: bool) -> None:
        if on:
            self._chosen = self._view.shown_columns()
            self._show_what_differs()
        else:
            self._view.put_forward(())
            self._view.show_columns(self._chosen)

    def follow_runs(self) -> None:
        """Look again at which hyperparameters differ, where only those are shown."""
        if self.only_differing.isChecked():
            self._show_what_differs()

    def _show_what_differs(self) -> None:
        kept = [key for key in self._chosen if key not in HYPERPARAMETERS]
        differ = differing(self._table.shown_records())
        self._view.show_columns([*kept, *differ])
        self._view.put_forward(differ)  # seen also where there is little room

    def _group(self, name: str) -> None:
        self._table.group_by(name)
        self.grouping[name].setChecked(True)

    def _take_over(self) -> None:
        shown = self._view.shown_columns()
        for key, action in self.columns.items():
            action.blockSignals(True)
            action.setChecked(key in shown)
            action.blockSignals(False)
        self.grouping[self._table.grouping].setChecked(True)
