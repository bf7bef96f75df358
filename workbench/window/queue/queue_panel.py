"""The queue in its dock: the entries, what can be done with them, and who runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QPushButton,
    QSpinBox,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from workbench.engine.cores import usable_cores
from workbench.library.queue import Queue
from workbench.library.queue_entry import ENDED, Entry
from workbench.library.run_folder import RunRecord
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.settings import Settings
from workbench.window.kit.translation import tr
from workbench.window.queue.entry_cell import EntryCell
from workbench.window.queue.entry_row import EntryRow, entry_row, records_by_id
from workbench.window.queue.queue_model import QueueModel
from workbench.window.queue.queue_work import QueueWork, look_words
from workbench.window.saved.run_columns import Presets
from workbench.window.sweeps.vary_dialog import default_workers
from workbench.window.work.live_runs import LiveRun

LOOK = 1000
"""Milliseconds between two looks at the queue, and between two paintings, while it is in sight."""

KEY = "queue"
"""Of what is kept in the settings."""


class QueuePanel(QWidget):
    """``records`` returns the runs of the library, ``presets`` those by id, and ``seconds`` how
    long an entry takes, where that is known."""

    open_requested = Signal(object)
    """LiveRun or RunRecord."""
    edit_requested = Signal(object)
    """Entry."""

    def __init__(
        self,
        work: QueueWork,
        settings: Settings,
        records: Callable[[], list[RunRecord]],
        presets: Callable[[], Presets],
        seconds: Callable[[Entry], float | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("queuePanel")
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the dock keeps its width behind another tab
        self.setSizePolicy(policy)
        self.work = work
        self._settings = settings
        self._records = records
        self._presets = presets
        self._seconds = seconds
        self._by_id: dict[str, RunRecord] = {}

        self.start = self._button("queueStart", lambda: work.start(self.workers.value()))
        self.start.setProperty("primary", True)
        self.pause = self._button("queuePause", work.pause)
        self.stop = self._button("queueStop", work.stop)
        self._workers_label = QLabel()
        self.workers = QSpinBox()
        self.workers.setObjectName("queueWorkers")
        self.workers.setRange(1, 256)
        known = settings.record(KEY).get("workers")
        self.workers.setValue(known if isinstance(known, int) else default_workers("auto"))
        self.workers.valueChanged.connect(self._workers_chosen)
        self._workers_label.setBuddy(self.workers)
        self.state = ElidedLabel("muted")
        self.state.setObjectName("queueState")

        self.model = QueueModel(self._row, self)
        self.model.moved.connect(self._move)
        self.view = QListView()
        self.view.setObjectName("queueList")
        self.view.setModel(self.model)
        self.view.setItemDelegate(EntryCell(self.view))
        self.view.setUniformItemSizes(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.view.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.view.setDragDropOverwriteMode(False)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.doubleClicked.connect(lambda _: self.open.trigger())
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._update_actions())
        self.empty = QLabel()
        self.empty.setObjectName("queueEmpty")
        self.empty.setProperty("role", "muted")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMargin(16)
        self._make_actions()
        self._build_layout()
        work.looked.connect(self._show_look)
        work.at_work_changed.connect(self._show_look)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK)
        self._timer.timeout.connect(self._on_time)
        self.retranslate()

    def _button(self, name: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton()
        button.setObjectName(name)
        button.clicked.connect(lambda: act())
        return button

    def _make_actions(self) -> None:
        keys = Qt.Key
        self.open = self._action("queueOpen", self._open, keys.Key_Return, keys.Key_Enter)
        self.edit = self._action("queueEdit", self._edit, keys.Key_F2)
        self.duplicate = self._action("queueDuplicate", self._duplicate)
        self.again = self._action("queueAgain", self._again)
        self.up = self._action("queueUp", lambda: self._step(-1), "Alt+Up")
        self.down = self._action("queueDown", lambda: self._step(1), "Alt+Down")
        self.remove = self._action("queueRemove", self._remove, keys.Key_Delete)
        self.clear = self._action("queueClear", self._remove_ended)
        self._on_selection = (self.open, self.edit, self.duplicate, self.again, self.up, self.down)
        self.menu = QMenu(self)
        for action in (self.open, self.edit, self.duplicate, self.again, None):
            self._add(action)
        for action in (self.up, self.down, None, self.remove, self.clear):
            self._add(action)

    def _add(self, action: QAction | None) -> None:
        if action is None:
            self.menu.addSeparator()
        else:
            self.menu.addAction(action)

    def _action(self, name: str, act: Callable[[], object], *keys: Qt.Key | str) -> QAction:
        action = QAction(self)
        action.setObjectName(name)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda: act())
        self.view.addAction(action)
        return action

    def _build_layout(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.start, self.pause, self.stop):
            top.addWidget(widget)
        top.addStretch(1)
        below = QHBoxLayout()
        below.setSpacing(6)
        below.addWidget(self.state, 1)
        below.addWidget(self._workers_label)
        below.addWidget(self.workers)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)
        bottom = QHBoxLayout()
        bottom.setSpacing(4)
        for action in (self.edit, self.duplicate, self.remove, self.again):
            button = QToolButton()
            button.setObjectName(f"{action.objectName()}Button")
            button.setDefaultAction(action)
            bottom.addWidget(button)
        bottom.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addLayout(below)
        layout.addLayout(self._stack, 1)
        layout.addLayout(bottom)

    # --- what is shown -----------------------------------------------------------------

    def _row(self, entry: Entry) -> EntryRow:
        record = self._by_id.get(entry.run) if entry.run else None
        waits = entry.state == "waiting" and entry.run is None
        seconds = self._seconds(entry) if waits else None
        return entry_row(entry, self.work.live(entry), record, self._presets(), seconds)

    def show_runs(self) -> None:
        """The library's runs are others."""
        self._by_id = dict(records_by_id(self._records()))
        self.model.refresh()

    def _show_look(self) -> None:
        look = self.work.look
        self.model.show_entries(look.entries)
        self._stack.setCurrentWidget(self.view if look.entries else self.empty)
        self.state.setText(self.work.unreadable or look_words(look, self.work.at_work))
        runs = self.work.at_work or bool(look.processes)
        self.start.setEnabled(not runs and any(e.state not in ENDED for e in look.entries))
        self.pause.setEnabled(runs and look.asked == "run")
        self.stop.setEnabled(runs and look.asked != "stop")
        self.workers.setEnabled(not runs)
        self._update_actions()

    def _update_actions(self) -> None:
        chosen = self.selected()
        one = chosen[0] if len(chosen) == 1 else None
        live = one is not None and self.work.live(one) is not None
        self.open.setEnabled(live or (one is not None and one.run is not None))
        begun = one is not None and one.has_begun
        self.edit.setEnabled(one is not None and not begun)
        self.edit.setToolTip(
            tooltip(
                tr("It has begun: duplicate it and edit the copy.")
                if begun
                else tr("Edit the entry that is selected")
            )
        )
        for action in (self.duplicate, self.up, self.down):
            action.setEnabled(bool(chosen))
        self.again.setEnabled(bool(chosen) and all(e.state in ENDED for e in chosen))
        self.remove.setEnabled(bool(chosen) and all(e.state != "running" for e in chosen))
        self.clear.setEnabled(any(e.state in ENDED for e in self.model.entries))

    def selected(self) -> list[Entry]:
        """Return the entries that are selected, in order."""
        rows = sorted(index.row() for index in self.view.selectedIndexes())
        return [self.model.entries[row] for row in rows]

    def _on_time(self) -> None:
        self.work.refresh()
        if any(entry.state == "running" for entry in self.model.entries):
            self.view.viewport().update()  # only what is in sight is asked for

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._by_id = dict(records_by_id(self._records()))
        self.work.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    # --- what is done ------------------------------------------------------------------

    def _open(self) -> None:
        for entry in self.selected()[:1]:
            live: LiveRun | None = self.work.live(entry)
            record = self._by_id.get(entry.run) if entry.run else None
            if live is not None or record is not None:
                self.open_requested.emit(live or record)

    def _edit(self) -> None:
        for entry in self.selected()[:1]:
            self.edit_requested.emit(entry)

    def _ids(self) -> list[str]:
        return [entry.id for entry in self.selected()]

    def _duplicate(self) -> None:
        ids = self._ids()
        self.work.change(lambda queue: [queue.duplicate(id) for id in ids])

    def _again(self) -> None:
        ids = self._ids()
        self.work.change(lambda queue: queue.again(ids))

    def _remove(self) -> None:
        ids = self._ids()
        self.work.change(lambda queue: queue.remove(ids))

    def _remove_ended(self) -> None:
        self.work.change(_remove_ended)

    def _move(self, ids: Sequence[str], before: str | None) -> None:
        self.work.change(lambda queue: queue.move(ids, before))

    def _step(self, by: int) -> None:
        rows = sorted(index.row() for index in self.view.selectedIndexes())
        if not rows:
            return
        place = rows[0] - 1 if by < 0 else rows[-1] + 2
        if 0 <= place <= len(self.model.entries):
            self.model.move(self._ids(), place)

    def _show_menu(self, at: object) -> None:
        self.menu.popup(self.view.viewport().mapToGlobal(at))  # type: ignore[call-overload]

    def _workers_chosen(self, workers: int) -> None:
        self._settings.set_record(KEY, {"workers": workers})
        self._say_workers()

    # --- words -------------------------------------------------------------------------

    def _say_workers(self) -> None:
        cores = usable_cores()
        text = tr("Runs that train at once, each in a process of its own.")
        more = tr("More workers than cores: {cores}. Each is slower.").format(cores=cores)
        self.workers.setToolTip(tooltip(text, more if self.workers.value() > cores else ""))

    def retranslate(self) -> None:
        self.start.setText(tr("Start"))
        self.start.setToolTip(tooltip(tr("Train what waits, one after the other, by the workers")))
        self.pause.setText(tr("Pause"))
        self.pause.setToolTip(tooltip(tr("Let the running ones end, and begin no further one")))
        self.stop.setText(tr("Stop and keep all"))
        self.stop.setToolTip(
            tooltip(tr("Stop the running ones and keep them; Start goes on with them"))
        )
        self._workers_label.setText(tr("Workers"))
        self._say_workers()
        self.empty.setText(
            tr(
                "The queue is empty. Choose a preset and its hyperparameters, press “Add to "
                "queue” beside Train, and do so for each run that you want. Start then trains "
                "them, also while you do something else."
            )
        )
        self.view.setAccessibleName(tr("Queue"))
        self.open.setText(tr("Show the run"))
        self.edit.setText(tr("Edit…"))
        self.duplicate.setText(tr("Duplicate"))
        self.again.setText(tr("Run again"))
        self.up.setText(tr("Move up"))
        self.down.setText(tr("Move down"))
        self.remove.setText(tr("Remove"))
        self.clear.setText(tr("Remove what has ended"))
        self.again.setToolTip(tooltip(tr("Run again what has ended; a stopped one is resumed")))
        self.remove.setToolTip(tooltip(tr("Take it off the queue; its run stays in the library")))
        self._show_look()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _remove_ended(queue: Queue) -> None:
    queue.remove([entry.id for entry in queue.entries() if entry.state in ENDED])
