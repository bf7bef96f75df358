"""The weights in use: a file that was put into use, its test, and what its card says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from workbench.engine.events import EvaluationProgress
from workbench.messages import Message
from workbench.plain_text import visible
from workbench.spec.experiment import Experiment, tests_otherwise
from workbench.window.kit.translation import say, tr
from workbench.window.setup.data_button import DataButton
from workbench.window.setup.device_box import DeviceBox
from workbench.window.weights.weights_card import WeightsCard
from workbench.window.work.session import Session
from workbench.words.titles import data_name


class WeightsInUse(QObject):
    """Opens and tests a weight file through the ``session``, and fills its ``card``."""

    opened = Signal(object)
    """Path of the file that is in use now."""
    tested = Signal(str, object, str, bool)
    """What to call the weights, the ``Evaluation``, the data set's name, whether it is the
    sample."""

    def __init__(
        self, session: Session, card: WeightsCard, data: DataButton, device: DeviceBox
    ) -> None:
        super().__init__(session)
        self.path: Path | None = None
        self.title = ""
        self._session = session
        self._card = card
        self._data = data
        self._device = device
        self._weights: Any = None  # as load_weights gives them
        self._notes: tuple[Message, ...] = ()  # of the last test
        self._test_when_loaded = False  # what was asked for
        self._test_when_idle = False  # and can be done, as the weights could be read
        card.test_requested.connect(self.test)
        session.weights_opened.connect(self._opened)
        session.weights_tested.connect(self._tested)
        session.progress.connect(self._progress)

    def ask(self, parent: QWidget) -> None:
        """Let the person choose a file."""
        folder = self.path.parent if self.path else self._session.library.path
        kinds = (
            tr("Weights") + " (*.pkl *.pt *.pth *.ckpt *.safetensors);;" + tr("All files") + " (*)"
        )
        path, _ = QFileDialog.getOpenFileName(parent, tr("Open weights"), str(folder), kinds)
        if path:
            self.load(Path(path))

    def load(self, path: Path) -> None:
        self._load(path, then_test=False)

    def load_and_test(self, path: Path) -> None:
        self._load(path, then_test=True)

    def _load(self, path: Path, then_test: bool) -> None:
        if not self._session.busy:
            self._test_when_loaded, self._test_when_idle = then_test, False
            self._session.open_weights(path)

    def test(self) -> None:
        if self.path is not None and not self._session.busy:
            self._session.test_weights(self.path, self._data.choice, self._device.device())

    def test_if_asked(self) -> bool:
        """Begin the test that was asked for with the loading, now that the session is idle;
        whether there was one."""
        asked, self._test_when_idle = self._test_when_idle, False
        if asked:
            self.test()
        return asked

    def retranslate(self) -> None:
        self._show()

    def _opened(self, path: Path, weights: Any) -> None:
        self.path, self._weights, self._notes = path, weights, ()
        self._test_when_idle = self._test_when_loaded
        preset = visible(weights.preset or "")
        self.title = f"{path.name} ({preset})" if preset else path.name
        self._show()
        self.opened.emit(path)

    def _show(self) -> None:
        weights = self._weights
        if weights is None or self.path is None:
            return
        lines = []
        if weights.metrics.get("epoch"):
            template = _chosen_on(self.path, weights.metrics, weights.experiment)
            lines.append(template.format(epoch=weights.metrics["epoch"]))
        if weights.data:
            lines.append(tr("Trained on {data}").format(data=data_name(weights.data, tr)))
        notes = [*weights.notes, *(n for n in self._notes if n not in weights.notes)]
        lines.append(tr("{count} classes").format(count=len(weights.classes)))
        self._card.show_weights(self.path, self.title, lines, [say(note) for note in notes])

    def _tested(self, outcome: Any) -> None:
        test, data = outcome.figures, outcome.data
        sample = data.is_sample
        self._notes = outcome.notes
        self._show()
        self._card.set_result(test.accuracy, test.correct, test.total, data.name, sample)
        self.tested.emit(self.title, test, data.name, sample)

    def _progress(self, event: object) -> None:
        if isinstance(event, EvaluationProgress) and self._session.state == "testing":
            self._card.set_testing(event.done, event.total)


def _chosen_on(path: Path, metrics: dict[str, Any], experiment: Experiment) -> str:
    """The sentence for the epoch of weights. Files of best weights that do not say on what they
    were chosen are of a version that knew only the test set."""
    chosen = metrics.get("chosen_on") or ("test" if path.stem.endswith("_best") else "")
    if chosen == "validation":
        return tr("After epoch {epoch}, the best on the validation split")
    if chosen == "test" and tests_otherwise(experiment.values()):
        return tr("After epoch {epoch}, the best on the test set in training mode")
    if chosen == "test":
        return tr("After epoch {epoch}, the best on the test set (optimistic)")
    return tr("After epoch {epoch}")
