"""Begins sweeps and shows what they came to; the main window only wires it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from workbench import paths
from workbench.library.catalog import Library
from workbench.library.queue_runners import queue_processes
from workbench.messages import WorkbenchError
from workbench.running.sweeping import add_sweep, start, stop
from workbench.spec.sweep_file import SweepFile
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.placement import show_free
from workbench.window.kit.translation import say, tr
from workbench.window.sweeps.sweep_window import SweepWindow
from workbench.window.sweeps.vary_dialog import Start, VaryDialog, default_workers
from workbench.window.work.session import Work

log = logging.getLogger("workbench")

LOOK_MS = 2_000
"""Milliseconds between two looks at whether the queue in the background still runs."""


class Sweeps(QObject):
    """``parent`` is the window over which its windows open."""

    problem = Signal(str)
    said = Signal(str)
    """A sentence for the status bar."""
    open_requested = Signal(object)
    """RunRecord."""
    hyperparameters_requested = Signal(object, object)
    """The id of a preset or ``None``, and an Experiment."""
    report_requested = Signal(object)
    """Runs."""

    def __init__(self, library: Library, parent: QWidget) -> None:
        super().__init__(parent)
        self._library = library
        self._parent = parent
        self._window: SweepWindow | None = None
        self._works: list[Work] = []
        self.run_queue: Callable[[int], None] = self._run_in_background
        self._watch = QTimer(self, interval=LOOK_MS)
        self._watch.timeout.connect(self._look_at_queue)
        self.button = QPushButton()
        self.button.setObjectName("varyButton")
        self.retranslate()

    def set_off(self, reason: str) -> None:
        """Turn the button off with a reason in its tooltip, or on with ``""``."""
        self.button.setEnabled(not reason)
        self.button.setToolTip(
            tooltip(
                reason
                or tr("Train this experiment with other values of some hyperparameters (a sweep)")
            )
        )

    def retranslate(self) -> None:
        self.button.setText(tr("Vary…"))

    def vary(self, begin: Start, seeds: int = 1, gpu: bool = False) -> VaryDialog:
        """Ask what varies, and start the sweep; with ``seeds`` above 1 and nothing varied it
        repeats the experiment."""
        dialog = VaryDialog(begin, seeds, gpu, self._parent)
        dialog.started.connect(self._start)
        dialog.open()
        return dialog

    def show(self, id: str = "") -> SweepWindow:
        """Show the sweeps, with ``id`` that one."""
        if self._window is None:
            window = SweepWindow(self._library.path, self._library.known, self._parent)
            window.problem.connect(self.problem)
            window.open_requested.connect(self.open_requested)
            window.hyperparameters_requested.connect(self.hyperparameters_requested)
            window.report_requested.connect(self.report_requested)
            window.resume_requested.connect(self._resume)
            window.stop_requested.connect(self._stop)
            window.destroyed.connect(self._closed)
            self._window = window
            show_free(window, self._parent)
        if id:
            self._window.show_sweep(id)
        self._window.activateWindow()
        return self._window

    def _closed(self) -> None:
        self._window = None

    def _start(self, file: SweepFile, workers: int) -> None:
        added: list[str] = []

        def add() -> None:
            added.append(add_sweep(Library(self._library.path), file).id)

        def then() -> None:
            self.run_queue(workers)
            self.show(added[0])

        self._work(add, then)

    def _resume(self, id: str) -> None:
        self._work(
            lambda: start(Library(self._library.path), id),
            lambda: self.run_queue(default_workers("auto")),
        )

    def _stop(self, id: str) -> None:
        self._work(lambda: stop(Library(self._library.path), id), lambda: None)

    def _run_in_background(self, workers: int) -> None:
        """Have somebody run the queue, where nobody does: a process that goes on when the window
        closes."""
        if queue_processes(self._library.path):
            return
        place = str(self._library.path)
        command = [sys.executable, "-m", "workbench", "queue", "run", "--library", place]
        command += ["--workers", str(workers), "--detach"]

        def run() -> None:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise WorkbenchError(
                    "The queue did not start: {reason}", reason=done.stderr.strip()[-500:]
                )

        def then() -> None:
            self.said.emit(tr("The queue runs in the background."))
            self._watch.start()

        self._work(run, then)

    def _look_at_queue(self) -> None:
        """Say when the queue in the background has ended; what was said of it no longer holds."""
        if not queue_processes(self._library.path):
            self._watch.stop()
            self.said.emit(tr("The queue in the background has ended."))

    def _work(self, act: Callable[[], object], then: Callable[[], None]) -> None:
        outcome: list[WorkbenchError] = []

        def run() -> None:
            try:
                act()
            except WorkbenchError as error:
                outcome.append(error)
            except Exception as error:
                log.exception("A sweep could not be changed")
                outcome.append(
                    WorkbenchError(
                        "Unexpected error ({kind}); the log file has the details: {log}",
                        kind=type(error).__name__,
                        log=paths.log_file(),
                    )
                )

        def ended() -> None:
            work.wait()
            self._works.remove(work)
            if outcome:
                self.problem.emit(say(outcome[0].message))
            else:
                then()

        work = Work(run)
        self._works.append(work)
        work.finished.connect(ended)
        work.begin()

    def close(self) -> None:
        """Close the window over the sweeps."""
        if self._window is not None:
            self._window.close()

    def wait(self, milliseconds: int) -> None:
        """Wait for what is being written."""
        for work in list(self._works):
            work.wait(milliseconds)
