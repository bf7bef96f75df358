"""Runs of one experiment with other seeds, one after the other."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QInputDialog, QWidget

from workbench.analysis.repeats import WANTED_REPEATS, spread_of
from workbench.engine.events import RunEnded
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, with_changes
from workbench.window.kit.translation import say, tr

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
        self._forget()

    def _forget(self) -> None:
        self._queue = []
        self._total = self._seed = 0
        self._sample = False
        self._accuracies: list[float] = []

    @property
    def waiting(self) -> int:
        """Runs that are still to come."""
        return len(self._queue)

    def words(self) -> str:
        """Return which repeat trains; empty while none does."""
        if not self._total:
            return ""
        return tr("Repeat {number} of {total}, seed {seed}").format(
            number=self._total - len(self._queue), total=self._total, seed=self._seed
        )

    def ask(self, parent: QWidget, experiment: Experiment, sample: bool = False) -> QInputDialog:
        """Ask how often ``experiment`` is to be trained, on the sample or not, and start."""
        dialog = QInputDialog(parent)
        dialog.setObjectName("repeatDialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setInputMode(QInputDialog.InputMode.IntInput)
        dialog.setWindowTitle(tr("Repeat with other seeds"))
        dialog.setLabelText(
            tr(
                "Number of runs, one after the other, with seeds from {seed} on. Five or more "
                "show how much the seed alone changes the result."
            ).format(seed=experiment.seed)
        )
        dialog.setIntRange(2, MOST)
        dialog.setIntValue(WANTED_REPEATS)
        dialog.intValueSelected.connect(lambda count: self.start(experiment, count, sample))
        dialog.open()
        return dialog

    def start(self, experiment: Experiment, count: int, sample: bool = False) -> None:
        """Train ``experiment`` ``count`` times, with its own seed and those that follow."""
        self._forget()
        try:
            self._queue = [
                with_changes(experiment, {"seed": experiment.seed + number})
                for number in range(count)
            ]
        except WorkbenchError as error:  # beyond the last seed
            self.problem.emit(say(error.message))
            return
        self._total, self._sample = count, sample
        self.go_on()

    def run_ended(self, event: RunEnded) -> None:
        """A run that diverged says nothing of the other seeds; what kept one from starting, or a
        stop, ends them all. After the last one it says what they came to."""
        if not self._total:
            return
        if event.test is not None:
            self._accuracies.append(event.test.accuracy)
        if event.status not in ("finished", "failed") or not event.run:
            self._forget()
        elif not self._queue:
            text = self._summary()
            self._forget()
            if text:
                self.said.emit(text)

    def _summary(self) -> str:
        if len(self._accuracies) < 2:
            return ""
        spread = spread_of(self._accuracies)
        if spread is None:
            text = tr("Repeats: {accuracies}.").format(
                accuracies=", ".join(f"{accuracy:.2f}%" for accuracy in self._accuracies)
            )
        else:
            text = tr(
                "{runs} repeats: mean {mean}%, standard deviation {deviation} points."
            ).format(
                runs=spread.runs, mean=f"{spread.mean:.2f}", deviation=f"{spread.deviation:.2f}"
            )
        if self._sample:
            text += f" ({tr('sample')})"
        return text + " " + tr("To compare them, select them under Saved models and press Compare…")

    def go_on(self) -> None:
        """Start the next run, where there is one."""
        if not self._queue:
            return
        experiment = self._queue.pop(0)
        self._seed = experiment.seed
        self.train_wanted.emit(experiment)
        self.said.emit(self.words())
