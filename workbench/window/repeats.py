"""Runs of one experiment with other seeds, one after the other."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QInputDialog, QWidget

from workbench.engine.events import RunEnded
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, with_changes
from workbench.window.translation import say, tr

MOST = 100


class Repeats(QObject):
    """A queue: :meth:`start` fills it, ``train_wanted`` gives the next experiment each time that
    :meth:`go_on` finds the session idle, and a run that was stopped or cancelled empties it."""

    train_wanted = Signal(object)
    """Experiment."""
    said = Signal(str)
    """A sentence for the status bar."""
    problem = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: list[Experiment] = []
        self._total = 0

    @property
    def waiting(self) -> int:
        """Runs that are still to come."""
        return len(self._queue)

    def ask(self, parent: QWidget, experiment: Experiment) -> QInputDialog:
        """Asks how often ``experiment`` is to be trained, and starts."""
        dialog = QInputDialog(parent)
        dialog.setObjectName("repeatDialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setInputMode(QInputDialog.InputMode.IntInput)
        dialog.setWindowTitle(tr("Repeat with other seeds"))
        dialog.setLabelText(
            tr(
                "Number of runs, one after the other, with the seeds from {seed} on. Three or more "
                "tell how much the seed alone moves the result."
            ).format(seed=experiment.seed)
        )
        dialog.setIntRange(2, MOST)
        dialog.setIntValue(3)
        dialog.intValueSelected.connect(lambda count: self.start(experiment, count))
        dialog.open()
        return dialog

    def start(self, experiment: Experiment, count: int) -> None:
        """Trains ``experiment`` ``count`` times, with its own seed and those that follow."""
        try:
            self._queue = [
                with_changes(experiment, {"seed": experiment.seed + number})
                for number in range(count)
            ]
        except WorkbenchError as error:  # beyond the last seed
            self.problem.emit(say(error.message))
            return
        self._total = count
        self.go_on()

    def run_ended(self, event: RunEnded) -> None:
        """A run that diverged says nothing of the other seeds; what kept one from starting, or a
        stop, ends them all."""
        if event.status not in ("finished", "failed") or not event.run:
            self._queue = []

    def go_on(self) -> None:
        """Starts the next run, where there is one."""
        if not self._queue:
            return
        experiment = self._queue.pop(0)
        self.train_wanted.emit(experiment)
        self.said.emit(
            tr("Repeat {number} of {total}, seed {seed}").format(
                number=self._total - len(self._queue), total=self._total, seed=experiment.seed
            )
        )
