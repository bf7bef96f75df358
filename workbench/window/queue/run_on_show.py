"""Stop, Pause, Go on and Cancel for the run on show, whoever trains it.

A run of the window's own session is asked directly. Any other, of a worker of the queue, another
window or the command line, by a request in its folder (:mod:`workbench.running.requests`).
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from workbench.engine.events import Event, Paused, Resumed, RunEnded, RunStarted
from workbench.engine.status import RunStatus
from workbench.running.requests import Request, is_paused, request
from workbench.window.kit import dialogs
from workbench.window.kit.translation import tr
from workbench.window.run.run_view import RunView
from workbench.window.run.shown_run import ShownRun
from workbench.window.run_commands import RunCommands
from workbench.window.work.activity import Activity
from workbench.window.work.beside import Beside
from workbench.window.work.live_runs import LiveRun
from workbench.window.work.session import Session

LOOK = 700
"""Milliseconds between two looks whether a run elsewhere is paused."""
ANSWER_S = 5.0
"""Longest wait for the process that trains a run to take a request."""

_ACTIVITY = {
    RunStatus.LOADING: Activity.LOADING,
    RunStatus.PAUSED: Activity.PAUSED,
    RunStatus.STOPPING: Activity.STOPPING,
}


class RunOnShow(QObject):
    """``changed``: what can be asked of the run on show may be something else."""

    changed = Signal()
    problem = Signal(str)
    said = Signal(str)

    def __init__(self, session: Session, runs: RunCommands, view: RunView, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._runs = runs
        self._view = view
        self._over = parent
        self._paused = False
        self._stopping = ""
        self._question: QMessageBox | None = None
        self._beside = Beside(self)
        self._beside.problem.connect(self.problem)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK)
        self._timer.timeout.connect(self._look)
        view.shown_changed.connect(self._shown_changed)
        view.live_runs.listen(self._heard)

    @property
    def other(self) -> ShownRun | None:
        """The run on show where it trains, and not by this window's session."""
        run = self._view.run
        if run is None:
            return None
        if run.live:
            return run if run.key != self._session.run_key else None
        return run if run.record is not None and run.record.status == "running" else None

    @property
    def activity(self) -> Activity | None:
        """Return what :attr:`other` does; ``None`` where there is none."""
        run = self.other
        if run is None:
            return None
        if run.folder and run.folder == self._stopping:
            return Activity.STOPPING
        if not run.live:
            return Activity.PAUSED if self._paused else Activity.TRAINING
        return _ACTIVITY.get(run.state.status, Activity.TRAINING)

    @property
    def can_discard(self) -> bool:
        """Return whether Cancel would discard it: a run that was resumed keeps what it had."""
        run = self.other
        live = self._view.live_runs.get(run.key) if run is not None else None
        return live is None or not live.resumed

    # --- what the user does ------------------------------------------------------------

    def pause(self) -> None:
        """Pause the run, or go on with it."""
        if self.other is None:
            self._runs.pause()
        else:
            self._ask("continue" if self.activity is Activity.PAUSED else "pause")

    def stop(self) -> None:
        """End the run and keep what it reached."""
        if self.other is None:
            self._session.stop()
        else:
            self._ask("stop")

    def cancel(self) -> None:
        """End the run and discard it, after a question; or end the session's other work."""
        run = self.other
        if run is None or (self._session.busy and not self._session.running):
            self._runs.cancel()
            return
        folder = run.folder

        def answered(discard: bool) -> None:
            self._question = None
            if discard:
                self._ask("cancel", folder)

        self._question = dialogs.ask_cancel(self._over, answered)

    def _ask(self, what: Request, folder: str = "") -> None:
        run = self.other
        folder = folder or (run.folder if run is not None else "")
        if not folder:
            return
        if what in ("stop", "cancel"):
            self._stopping = folder
            self.changed.emit()
            if run is not None and run.key is not None:
                self._view.live_runs.stopping(run.key)
        self._beside.run(
            lambda: request(Path(folder), what, ANSWER_S), self._answered, self._failed
        )

    def _answered(self, taken: bool) -> None:
        if not taken:
            self._stopping = ""
            self.said.emit(tr("The process that trains this run has not answered yet."))
        self._look()
        self.changed.emit()

    def _failed(self) -> None:
        self._stopping = ""
        self.changed.emit()

    # --- what is heard -----------------------------------------------------------------

    def _heard(self, live: LiveRun, event: Event | None) -> None:
        if isinstance(event, RunEnded) and live.folder == self._stopping:
            self._stopping = ""
        run = self._view.run
        if run is None or run.key != live.key or live.key == self._session.run_key:
            return
        if isinstance(event, RunEnded) and self._question is not None:
            self._question.reject()
        if event is None or isinstance(event, Paused | Resumed | RunStarted | RunEnded):
            self.changed.emit()

    def _shown_changed(self) -> None:
        run = self.other
        elsewhere = run is not None and not run.live
        if elsewhere:
            self._look()
            self._timer.start()
        else:
            self._timer.stop()
        if run is None or run.folder != self._stopping:
            self._stopping = ""

    def _look(self) -> None:
        run = self.other
        if run is None or run.live:
            return
        paused = is_paused(Path(run.folder))
        if paused != self._paused:
            self._paused = paused
            self.changed.emit()

    def stop_looking(self) -> None:
        """Wait for what is being asked, before the window goes."""
        self._timer.stop()
        self._beside.wait(10_000)
