"""What Train, Resume, Pause and Cancel do: they ask the session, and the window shows it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from workbench.data.data_choice import DataChoice
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, experiment_from, with_changes
from workbench.spec.presets import Preset
from workbench.window.kit import dialogs
from workbench.window.kit.translation import tr
from workbench.window.run.run_view import RunView
from workbench.window.setup.data_button import DataButton
from workbench.window.setup.device_box import DeviceBox
from workbench.window.setup.preset_panel import PresetPanel
from workbench.window.work.session import Session
from workbench.words.titles import preset_title, run_title


@dataclass(frozen=True)
class Plan:
    """All but the hyperparameters of the next run, as they are chosen now."""

    preset: Preset
    data: DataChoice
    device: str
    threads: int | None


class RunCommands(QObject):
    """Begins runs through the ``session`` with what presets, data and device say, and shows in
    ``view`` that one is under way. Questions are asked over ``parent``."""

    begun = Signal()
    pausing = Signal(bool)
    """``True``: a pause was asked for and comes in a moment; ``False``: it was taken back."""
    said = Signal(str)
    problem = Signal(object)
    """A :class:`workbench.messages.Message`."""

    def __init__(
        self,
        session: Session,
        presets: PresetPanel,
        view: RunView,
        data: DataButton,
        device: DeviceBox,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.can_discard = True
        """Whether what the run that is under way has reached is this window's to discard."""
        self._session = session
        self._presets = presets
        self._view = view
        self._data = data
        self._device = device
        self._over = parent

    def plan(self) -> Plan | None:
        """Return what is chosen now; ``None`` without a preset that can be read."""
        preset = self._presets.current()
        if not isinstance(preset, Preset):
            return None
        return Plan(preset, self._data.choice, self._device.device(), self._session.threads)

    def train(self, experiment: Experiment | None, plan: Plan | None = None) -> None:
        """Train ``experiment`` as ``plan`` says, or as is chosen now; nothing while that cannot
        be."""
        plan = plan or self.plan()
        if self._session.busy or plan is None or experiment is None:
            return
        preset = plan.preset
        self.can_discard = True
        key = self._begin(preset_title(preset.id, preset.title, tr), plan.data.is_sample)
        self._session.train(
            experiment, plan.data, plan.device, preset.id, preset.title, plan.threads, key
        )

    def resume(self, record: RunRecord) -> None:
        """Train a run on; of a finished one it asks for how many epochs."""
        if record.status == "finished":
            dialogs.ask_epochs(
                self._over,
                run_title(record, tr),
                record.epochs_done,
                lambda epochs: self._resume(record, epochs),
            )
        else:
            self._resume(record, None)

    def _resume(self, record: RunRecord, epochs: int | None) -> None:
        if self._session.busy:
            return
        try:
            experiment = experiment_from(record.experiment)
            if epochs is not None:
                with_changes(experiment, {"epochs": epochs})
        except WorkbenchError as error:
            self.problem.emit(error.message)
            return
        self.can_discard = record.status == "finished"
        key = self._begin(run_title(record, tr), record.is_sample)
        self._session.resume_run(record.folder, epochs, key)

    def _begin(self, title: str, sample: bool) -> str:
        key = self._view.live_runs.begin(title, sample)
        self._view.begin(key)
        self.begun.emit()
        return key

    def pause(self) -> None:
        """Pauses, or goes on. The answer comes in a moment, between steps or the batches of a
        test; a second click before it takes the first one back."""
        if self._session.pause_wanted:
            self._session.resume()
            self.pausing.emit(False)
        else:
            self._session.pause()
            self.pausing.emit(True)

    def cancel(self) -> None:
        """End what is under way; ask first where it is a run."""
        if not self._session.running:
            self._session.cancel()  # a download, a decode or a test: nothing is lost
            return

        def answered(discard: bool) -> None:
            if discard:
                self._session.cancel()

        question = dialogs.ask_cancel(self._over, answered)
        dialogs.close_when_ended(question, self._session.run_event)
