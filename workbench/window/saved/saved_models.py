"""Saved models: every run of the library, and what can be done with it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from operator import is_
from pathlib import Path

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QHideEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from workbench.data.data_choice import DataChoice
from workbench.library.catalog import Library
from workbench.library.giving_up import GivenUp
from workbench.library.labels import Change
from workbench.library.run_folder import RunRecord, has_checkpoint
from workbench.messages import Count, WorkbenchError
from workbench.spec.presets import Preset
from workbench.window.kit import dialogs
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.translation import say, tr
from workbench.window.saved.columns_menu import ColumnsMenu
from workbench.window.saved.empty_trash_dialog import EmptyTrashDialog
from workbench.window.saved.library_reader import LibraryReader, Reading
from workbench.window.saved.run_actions import RunActions
from workbench.window.saved.run_buttons import RunButtons
from workbench.window.saved.run_cells import (
    RUN,
    STAR,
    UNREADABLE,
    interrupted_text,
    plain_tooltip,
    run_label,
    unreadable_run,
)
from workbench.window.saved.run_labels_dialog import RunLabelsDialog
from workbench.window.saved.run_table import RunTable
from workbench.window.saved.run_table_view import RunTableView
from workbench.window.saved.undo import Deleted, Undo

REFRESH_MS = 1000
"""Time between two looks at the library, which other processes write to."""


class SavedModels(QWidget):
    """The table of runs with its search and its actions. While it is visible, the library is read
    once a second on a thread of its own, also what other processes put there."""

    open_requested = Signal(object)
    """RunRecord: show the run."""
    load_requested = Signal(object)
    """Path of a weight file to put into use."""
    test_requested = Signal(object)
    """Path of a weight file to test."""
    hyperparameters_requested = Signal(object)
    """RunRecord whose experiment is to be put into the form."""
    show_in_folder_requested = Signal(object)
    """Path of a run's folder."""
    resume_requested = Signal(object)
    """RunRecord: train the run on, a finished one for more epochs."""
    give_up_requested = Signal(object)
    """RunRecord: give up resuming it; :meth:`given_up` hears when that is done."""
    problem = Signal(str)
    """A sentence on what could not be done."""

    def __init__(self, library: Library, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("savedModels")
        self._library = library
        self._current = ""
        self._records: list[RunRecord] = []
        self._problems: list[WorkbenchError] = []
        self._more = False
        self._broken: dict[WorkbenchError, RunRecord] = {}
        self._search_problem: WorkbenchError | None = None
        self._searching = False
        self._wanted: list[str] = []

        self.table = RunTable(self)
        self._make_widgets()
        self._make_actions()
        self._make_buttons()
        self._lay_out()

        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._reader = LibraryReader(library, self)
        self._reader.found.connect(self._show)
        self._timer.timeout.connect(self._reader.look)
        self.retranslate()

    # --- what the main window uses

    def refresh(self) -> None:
        """Read and show at once what the user has just changed. Rows that have not changed stay
        as they are."""
        self._show(self._reader.look_now())

    def _show(self, reading: Reading) -> None:
        if reading.more and self.isVisible():
            self._reader.look()
        more, self._more = self._more, reading.more
        same = more == reading.more and self._problems == reading.problems
        if same and _are_same(self._records, reading.runs):
            self._update_actions()  # the trash is another process's too
            return
        self._records, self._problems = reading.runs, reading.problems
        self._show_runs()

    def _show_runs(self) -> None:
        top = QPersistentModelIndex(self.view.indexAt(QPoint(0, 0)))
        before = self.view.rowViewportPosition(top.row()) if top.isValid() else 0
        broken = [] if self._more else self._broken_rows()
        self.table.show_runs([*self._records, *broken], more=self._more)
        bar = self.view.verticalScrollBar()
        # Rows that came or went above must not move what is being looked at; at the very top,
        # the newest run is.
        if top.isValid() and bar.value() > 0:
            bar.setValue(bar.value() + self.view.rowViewportPosition(top.row()) - before)
        self._update_actions()

    def _broken_rows(self) -> list[RunRecord]:
        """A row for each folder whose run cannot be read; the same object while that stays so."""
        before, self._broken = self._broken, {}
        for problem in self._problems:
            row = before.get(problem) or unreadable_run(problem, self._library.path)
            if row is not None:
                self._broken[problem] = row
        return list(self._broken.values())

    def set_current_run(self, path: str | None) -> None:
        """The folder of the run that this window trains; ``None`` when it trains none."""
        self._current = Path(path).name if path else ""
        self.table.set_current(self._current)
        self._update_actions()

    def set_off(self, name: str, reason: str) -> None:
        """Turn one action off for a ``reason`` that its tooltip gives, in the language of the
        window; an empty ``reason`` turns it on again. ``name``: ``open``, ``load``,
        ``load_best``, ``test``, ``hyperparameters``, ``rename``, ``star``, ``labels``, ``delete``,
        ``resume``, ``give_up`` or ``show``."""
        self.run_actions.set_off(name, reason)
        self._update_actions()

    def selected(self) -> list[RunRecord]:
        """The selected runs, from the top; without rows whose run cannot be read."""
        return [run for run in self._selected_rows() if run.status != UNREADABLE]

    def selected_unreadable(self) -> int:
        """Return how many rows are selected whose run cannot be read."""
        return len(self._selected_rows()) - len(self.selected())

    def _selected_rows(self) -> list[RunRecord]:
        """Also of what cannot be read: its folder can be shown and deleted."""
        rows = self.view.selectionModel().selectedRows(RUN)
        records = (self.table.record(index) for index in sorted(rows, key=QModelIndex.row))
        return [record for record in records if record is not None]

    def show_presets(self, presets: Mapping[str, Preset]) -> None:
        """Hold runs against these ``presets``, by id, in the column of what differs."""
        self.table.show_presets(presets)

    def show_data(self, choice: DataChoice) -> None:
        """Mark the runs that are on other data than ``choice``."""
        self.table.show_data(choice)

    def select_run(self, path: str | Path) -> None:
        """Select the run with this folder, where it is shown."""
        index = self.table.index_of(path)
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)

    # --- building

    def _make_widgets(self) -> None:
        self.heading = QLabel()
        self.heading.setProperty("role", "heading")
        self.search = QLineEdit()
        self.search.setObjectName("runSearch")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._search)
        self.hint = ElidedLabel("muted")
        self.hint.setObjectName("searchHint")
        # Whole, on as many lines as it takes: it says what to type instead.
        self.search_problem = QLabel()
        self.search_problem.setObjectName("searchProblem")
        self.search_problem.setProperty("role", "problem")
        self.search_problem.setTextFormat(Qt.TextFormat.PlainText)
        self.search_problem.setWordWrap(True)
        self.search_problem.hide()

        self.view = RunTableView(self.table)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self.columns = ColumnsMenu(self.view, self.table, self)
        self.columns_button = QToolButton()
        self.columns_button.setObjectName("columnsButton")
        self.columns_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.columns_button.setMenu(self.columns.menu)

        self.empty = QLabel()
        self.empty.setProperty("rich", True)  # it has a link
        self.empty.setObjectName("noRuns")
        self.empty.setProperty("role", "muted")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMargin(24)
        self.empty.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.empty.linkActivated.connect(lambda _: self._clear_search())

        self.counts = QLabel()
        self.counts.setObjectName("runCounts")
        self.counts.setProperty("role", "muted")
        self.counts.setTextFormat(Qt.TextFormat.PlainText)
        self.counts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.undo = Undo(self._library)

    def _make_actions(self) -> None:
        actions = self.run_actions = RunActions(self.view)
        for action, do in (
            (actions.open, self._open),
            (actions.resume, self._resume),
            (actions.give_up, self._ask_to_give_up),
            (actions.load, self._load),
            (actions.load_best, self._load_best),
            (actions.test, self._test),
            (actions.hyperparameters, self._use_hyperparameters),
            (actions.rename, self._rename),
            (actions.star, self._star),
            (actions.labels, self._ask_labels),
            (actions.delete, self._delete),
            (actions.show, self._show_in_folder),
            (actions.undo, self._undo),
            (actions.empty_trash, self._ask_empty_trash),
        ):
            action.triggered.connect(lambda _, do=do: do())
        self.addAction(actions.undo)

        self.table.renamed.connect(self._renamed)
        self.table.modelReset.connect(self._select_wanted)
        self.view.clicked.connect(self._clicked)
        self.view.doubleClicked.connect(self._double_clicked)
        self.menu = QMenu(self)
        self.menu.setObjectName("runMenu")
        self.menu.setToolTipsVisible(True)
        self.menu.addActions(actions.for_menu())

    def _make_buttons(self) -> None:
        self.buttons = RunButtons(self.run_actions)
        self.undo.asked.connect(self.run_actions.undo.trigger)
        self.undo.offered.connect(lambda offered: self._line.setCurrentIndex(int(offered)))

    def _lay_out(self) -> None:
        # Over the table, whose heading stays: nothing moves when the last row goes.
        stack = QGridLayout()
        stack.addWidget(self.view, 0, 0)
        stack.addWidget(self.empty, 0, 0)
        counts = QWidget()
        line = QHBoxLayout(counts)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.counts)
        self._line = QStackedLayout()
        self._line.addWidget(counts)
        self._line.addWidget(self.undo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.heading)
        searching = QHBoxLayout()
        searching.addWidget(self.search, 1)
        searching.addWidget(self.columns_button)
        layout.addLayout(searching)
        layout.addWidget(self.hint)
        layout.addWidget(self.search_problem)
        layout.addLayout(stack, 1)
        layout.addLayout(self._line)
        layout.addWidget(self.buttons)

    # --- words and widths

    def retranslate(self) -> None:
        self._broken = {}  # their notes are sentences
        if self._problems:
            self._show_runs()
        self.heading.setText(tr("Saved models"))
        self.search.setPlaceholderText(tr("Search runs, as in learning_rate<0.001"))
        self.search.setAccessibleName(tr("Search saved models"))
        self.search.setToolTip(
            plain_tooltip(
                tr(
                    "Words find runs by name, preset, tag, note, data and status.\n"
                    "Conditions: learning_rate<0.001, optimizer=adam, epochs>=10, accuracy>60, "
                    "created>=2026-11-01, tag:lesson, status:interrupted, starred; "
                    "also short: lr, bs, wd.\n"
                    "All of them must hold."
                )
            )
        )
        self._show_hint()
        self.view.setAccessibleName(tr("Saved models"))
        self.run_actions.retranslate()
        self.undo.retranslate()
        self.table.retranslate(self.locale())
        self._update_actions()
        self.columns.retranslate()
        self.columns_button.setText(tr("Columns"))
        self.columns_button.setToolTip(tr("Which columns are shown, and how runs are grouped"))
        self.view.measure()

    def _show_counts(self) -> None:
        shown = self.table.shown_runs
        if self._broken:
            shown -= self.table.shown_unreadable
        total = self.table.total - len(self._broken)
        if total == 0:
            text = ""
        elif shown < total:
            text = tr("{shown} of {total:run|runs}").format(shown=shown, total=Count(total))
        else:
            text = tr("1 run") if total == 1 else tr("{total} runs").format(total=total)
        if self._problems:
            unreadable = tr("{count} cannot be read").format(count=len(self._problems))
            text = f"{text} · {unreadable}" if text else unreadable
        runs, whole = self._selected_rows(), False
        if len(runs) == 1 and runs[0].status == "interrupted":
            text = interrupted_text(runs[0])
        elif len(runs) == 1 and runs[0].status == UNREADABLE:
            text, whole = runs[0].reason or "", True
        self.counts.setWordWrap(whole)
        self.counts.setText(text)
        sentences = "\n".join(say(problem.message) for problem in self._problems[:20])
        self.counts.setToolTip(plain_tooltip(sentences))
        self.empty.setVisible(self.table.rowCount() == 0 and not self._more)
        if total:
            link = tr("Clear the search.")
            self.empty.setText(f'{tr("No run matches.")} <a href="#">{link}</a>')
        elif self._problems:
            self.empty.setText(html.escape(say(self._problems[0].message)))
        else:
            self.empty.setText(
                tr(
                    "No runs yet. Choose a preset and press Train; runs from the command line "
                    "appear here too."
                )
            )

    # --- search and selection

    def _search(self, text: str) -> None:
        # The selection comes back with its rows; Qt would wander to a neighbor at each key.
        self._searching = True
        self._search_problem = None
        try:
            self.table.search(text)
        except WorkbenchError as problem:
            self._search_problem = problem
        self.columns.follow_runs()
        self._select_wanted()
        self._searching = False
        self._show_hint()
        self._update_actions()

    def _show_hint(self) -> None:
        problem = self._search_problem
        self.hint.setText(tr("Also: accuracy>60, tag:…, starred"))
        self.search_problem.setText(say(problem.message) if problem else "")
        self.hint.setVisible(problem is None)
        self.search_problem.setVisible(problem is not None)
        if self.search.property("invalid") != (problem is not None):
            self.search.setProperty("invalid", problem is not None)
            self.style().polish(self.search)

    def _select_wanted(self) -> None:
        self._select([i for i in map(self.table.index_of, self._wanted) if i.isValid()])

    def _clear_search(self) -> None:
        self.search.clear()
        self.search.setFocus()

    def _select(self, indexes: list[QModelIndex]) -> None:
        selection = QItemSelection()
        for index in indexes:
            selection.select(index, index)
        flags = QItemSelectionModel.SelectionFlag
        model = self.view.selectionModel()
        current = indexes[0] if indexes else QModelIndex()
        model.setCurrentIndex(current, flags.NoUpdate)
        model.select(selection, flags.ClearAndSelect | flags.Rows)
        if indexes:
            self.view.scrollTo(indexes[0])

    def _selection_changed(self) -> None:
        if not self._searching:
            self._wanted = [record.folder.name for record in self._selected_rows()]
        self._update_actions()

    # --- actions

    def _update_actions(self) -> None:
        runs = self.selected()
        training = {run.folder.name for run in runs if self._is_training(run)}
        rows = self._selected_rows()
        self.run_actions.update(
            runs,
            training,
            self.undo.latest is not None,
            self._library.has_trash(),
            unreadable=len(rows) - len(runs),
        )
        self.run_actions.undo.setText(self.undo.name())
        self.run_actions.undo.setToolTip(self.undo.tip())
        self.buttons.show_run(rows[0] if len(rows) == 1 else None)
        self._show_counts()

    def _is_training(self, run: RunRecord) -> bool:
        return run.status == "running" or run.folder.name == self._current

    def _open(self) -> None:
        for run in self.selected()[:1]:
            self.open_requested.emit(run)

    def _resume(self) -> None:
        for run in self.selected()[:1]:
            self.resume_requested.emit(run)

    def _ask_to_give_up(self) -> None:
        for run in self.selected()[:1]:
            agreed = partial(self.give_up_requested.emit, run)
            dialogs.ask_give_up(self, run_label(run), has_checkpoint(run.folder), agreed)

    def given_up(self, given: GivenUp) -> None:
        """Resuming was given up, as was asked for; offers to take that back."""
        self.undo.add(given)
        if given.problem is not None:
            self.problem.emit(say(given.problem.message))
        self.refresh()

    def _load(self) -> None:
        for run in self.selected()[:1]:
            self.load_requested.emit(run.folder / (run.weights or ""))

    def _load_best(self) -> None:
        for run in self.selected()[:1]:
            self.load_requested.emit(run.folder / (run.best_weights or ""))

    def _test(self) -> None:
        for run in self.selected()[:1]:
            self.test_requested.emit(run.folder / (run.weights or ""))

    def _use_hyperparameters(self) -> None:
        for run in self.selected()[:1]:
            self.hyperparameters_requested.emit(run)

    def _show_in_folder(self) -> None:
        for run in self._selected_rows()[:1]:
            self.show_in_folder_requested.emit(run.folder)

    def _rename(self) -> None:
        for run in self.selected()[:1]:
            index = self.table.index_of(run.folder)
            self.view.scrollTo(index)
            self.view.setCurrentIndex(index)
            self.view.edit(index)

    def _renamed(self, run: RunRecord, name: str) -> None:
        try:
            self._library.rename(run, name)
        except WorkbenchError as error:
            self.problem.emit(say(error.message))
        # Not while the editor closes: the row may move.
        QTimer.singleShot(0, self, self.refresh)

    def _clicked(self, index: QModelIndex) -> None:
        run = self.table.record(index)
        group = self.table.group(index)
        if group is not None:
            self.table.fold(group, not group.folded)
        if run is None:
            return
        if index.column() == STAR and run.status != UNREADABLE:
            self._label([run], lambda labels: replace(labels, starred=not run.starred))

    def _double_clicked(self, index: QModelIndex) -> None:
        run = self.table.record(index)
        if run is None:
            return
        if run.status == UNREADABLE:
            self.problem.emit(run.reason or "")
        elif index.column() != STAR:  # there it is two clicks
            self.run_actions.open.trigger()

    def _star(self) -> None:
        runs = self.selected()
        starred = not all(run.starred for run in runs)
        self._label(runs, lambda labels: replace(labels, starred=starred))

    def _ask_labels(self) -> None:
        if runs := self.selected():
            dialog = RunLabelsDialog(runs, self)
            dialog.edited.connect(self._label)
            dialog.open()

    def _label(self, runs: list[RunRecord], change: Change) -> None:
        try:
            for run in runs:
                self._library.label(run, change)
        except WorkbenchError as error:
            self.problem.emit(say(error.message))
        self.refresh()

    def _delete(self) -> None:
        gone: list[str] = []
        unreadable: list[str] = []
        following = self._after_selection()
        for run in self._selected_rows():
            if self._is_training(run):
                continue
            try:
                names = unreadable if run.status == UNREADABLE else gone
                names.append(self._library.trash(run))
            except WorkbenchError as error:
                self.problem.emit(say(error.message))
        if gone or unreadable:
            self.undo.add(Deleted(tuple(gone), tuple(unreadable)))
        self.refresh()
        if (gone or unreadable) and not self._selected_rows():
            self._select([index for index in [self.table.index_of(following)] if index.isValid()])

    def _after_selection(self) -> str:
        """The run that is selected when the selected ones are gone: the next one, else the one
        before."""
        rows = {index.row() for index in self.view.selectionModel().selectedRows(RUN)}
        if not rows:
            return ""
        after = range(max(rows) + 1, self.table.rowCount())
        before = range(min(rows) - 1, -1, -1)
        others = (
            self.table.record(self.table.index(row, RUN))
            for row in (*after, *before)
            if row not in rows
        )
        following = next((record for record in others if record is not None), None)
        return "" if following is None else following.folder.name

    def _undo(self) -> None:
        back, problems = self.undo.take_back()
        for problem in problems:
            self.problem.emit(say(problem.message))
        self.refresh()
        places = [self.table.index_of(run.folder) for run in back]
        self._select([place for place in places if place.isValid()])
        self.view.setFocus()

    def _ask_empty_trash(self) -> None:
        dialog = EmptyTrashDialog(self._library.path, self)
        dialog.problem.connect(self.problem)
        dialog.emptied.connect(self._trash_emptied)
        dialog.open()

    def _trash_emptied(self) -> None:
        self.undo.forget_what_is_gone()
        self._update_actions()

    def _show_menu(self, place: QPoint) -> None:
        self.menu.popup(self.view.viewport().mapToGlobal(place))

    # --- Qt's events

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        self._reader.end()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.LanguageChange, QEvent.Type.LocaleChange):
            self.retranslate()


def _are_same(before: list[RunRecord], after: list[RunRecord]) -> bool:
    return len(before) == len(after) and all(map(is_, before, after))


if __name__ == "__main__":
    import sys

    from PySide6.QtWidgets import QApplication

    from workbench.window.kit.theme import Theme

    app = QApplication([])
    Theme(app)
    preview = SavedModels(Library(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
    preview.problem.connect(print)
    preview.resize(350, 500)
    preview.show()
    sys.exit(app.exec())
