"""Puts experiments into the queue, shows it in its dock, and asks before the window leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from workbench.analysis.estimate import estimate
from workbench.data.data_choice import DataChoice
from workbench.library.catalog import Library
from workbench.library.queue_entry import Entry, new_entry
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, experiment_from
from workbench.spec.presets import Preset
from workbench.window.kit import dialogs
from workbench.window.kit.settings import Settings
from workbench.window.kit.translation import tr
from workbench.window.queue.entry_dialog import EntryDialog
from workbench.window.queue.entry_row import data_text
from workbench.window.queue.queue_panel import QueuePanel
from workbench.window.queue.queue_work import QueueWork
from workbench.window.run_commands import Plan
from workbench.window.saved.run_columns import Presets
from workbench.window.work.live_runs import LiveRun, LiveRuns


class Queueing(QObject):
    """``parent`` is the window; ``presets`` returns those that can be read, by id."""

    problem = Signal(str)
    said = Signal(str)
    """A sentence for the status bar."""
    live_requested = Signal(str)
    """The key of a run under way that is to be shown."""
    record_requested = Signal(object)
    """A RunRecord that is to be shown."""
    added = Signal()
    """An entry was added, by the user: its dock may come to the front."""

    def __init__(
        self,
        library: Library,
        live_runs: LiveRuns,
        settings: Settings,
        presets: Callable[[], Presets],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._library = library
        self._presets = presets
        self._over = parent
        self._known_seconds: dict[tuple[str, str, str, int], float | None] = {}
        self._leaving = False
        self.work = QueueWork(library, live_runs, self)
        self.work.problem.connect(self.problem)
        self.work.said.connect(self.said)
        self.panel = QueuePanel(self.work, settings, library.known, presets, self._seconds)
        self.panel.open_requested.connect(self._open)

    def add(self, experiment: Experiment | None, plan: Plan | None) -> None:
        """Add ``experiment`` as ``plan`` says at the end of the queue."""
        if experiment is None or plan is None:
            return
        entry = new_entry(
            experiment,
            plan.data,
            preset=plan.preset.id,
            title=plan.preset.title,
            device=plan.device,
            threads=plan.threads,
        )

        def done(added: list[Entry]) -> None:
            text = tr("Added to the queue as entry {id}; Start in the queue trains it.")
            if self.work.at_work:
                text = tr("Added to the queue as entry {id}.")
            self.said.emit(text.format(id=added[0].id))

        self.work.change(lambda queue: queue.add([entry]), done)
        self.added.emit()

    def edit(
        self, entry: Entry, data: DataChoice, data_name: str, devices: list[tuple[str, str]]
    ) -> EntryDialog:
        """Ask what is to change of ``entry``; ``data`` are those that are chosen now."""
        preset = self._presets().get(entry.preset or "")
        known = preset if isinstance(preset, Preset) else None
        dialog = EntryDialog(entry, known, data_text(entry), data, data_name, devices, self._over)
        dialog.saved.connect(
            lambda id, changes: self.work.change(lambda queue: queue.edit(id, **changes))
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def start(self, workers: int) -> None:
        """Run the queue by so many workers, where nobody does."""
        self.work.start(workers)

    def _open(self, run: LiveRun | RunRecord) -> None:
        if isinstance(run, LiveRun):
            self.live_requested.emit(run.key)
        else:
            self.record_requested.emit(run)

    def _seconds(self, entry: Entry) -> float | None:
        """Return how long ``entry`` takes, as earlier runs of the kind did."""
        runs = self._library.known()
        if not runs:
            return None
        speed = {**entry.experiment, "seed": 0}  # it takes as long with any seed
        values = json.dumps([speed, entry.data], sort_keys=True)
        key = (values, entry.device, str(entry.threads), len(runs))
        if key not in self._known_seconds:
            if len(self._known_seconds) > 2_000:
                self._known_seconds.clear()
            try:
                experiment, data = experiment_from(entry.experiment), entry.data_choice()
            except WorkbenchError:
                self._known_seconds[key] = None
            else:
                expected = estimate(experiment, data, entry.device, runs, self._library.path)
                self._known_seconds[key] = expected.seconds
        return self._known_seconds[key]

    # --- the window closes -------------------------------------------------------------

    def may_close(self, close: Callable[[], object]) -> bool:
        """Return whether the window may close now. Where the queue is at work here, the user is
        asked, and ``close`` called once what was answered has been done."""
        if not self.work.at_work:
            return True
        if not self._leaving:
            ask_leave(self._over, lambda answer: self._answered(answer, close))
        return False

    def _answered(self, answer: str, close: Callable[[], object]) -> None:
        if answer == "stay":
            return
        if not self.work.at_work:  # it has ended meanwhile
            close()
            return
        self._leaving = True
        self.said.emit(tr("Stopping"))

        def stay() -> None:
            self._leaving = False

        def left() -> None:
            self._leaving = False  # a run outside of the queue may still keep the window open
            close()

        if answer == "keep":
            self.work.leave(left)
        else:
            workers = self.panel.workers.value()
            self.work.leave(lambda: self.work.run_in_background(workers, left, stay))

    def wait(self, milliseconds: int) -> None:
        """Wait for what is being read and written."""
        self.work.wait(milliseconds)


def ask_leave(parent: QWidget, answered: Callable[[str], None]) -> QMessageBox:
    """Quit while the queue is at work; ``answered`` hears ``"keep"``, ``"background"`` or
    ``"stay"``."""
    box, buttons = dialogs.question(
        parent,
        "queueQuestion",
        tr("The queue is at work."),
        tr(
            "Stop its runs and keep them, so that the queue goes on with them at the next Start? "
            "Or let it go on in the background, where the next window finds it?"
        ),
        [
            ("keep", tr("Keep and quit"), dialogs.Role.AcceptRole),
            ("background", tr("Go on in the background"), dialogs.Role.ActionRole),
            ("stay", tr("Stay"), dialogs.Role.RejectRole),
        ],
    )
    box.setDefaultButton(buttons["keep"])
    box.setEscapeButton(buttons["stay"])

    def finished() -> None:
        clicked = box.clickedButton()
        answered(next((key for key, button in buttons.items() if button is clicked), "stay"))

    box.finished.connect(finished)
    box.open()
    return box
