"""What Train, Resume, Pause and Cancel do: they ask the session, and the window shows it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, experiment_from, with_changes
from workbench.spec.presets import Preset
from workbench.window import dialogs
from workbench.window.data_button import DataButton
from workbench.window.device_box import DeviceBox
from workbench.window.hyperparameter_form import HyperparameterForm
from workbench.window.preset_panel import PresetPanel
from workbench.window.run_view import RunView, preset_title, run_title
from workbench.window.session import Session
from workbench.window.translation import tr


class RunCommands(QObject):
    """Begins runs through the ``session`` with what form, presets, data and device say, and shows
    in form and ``view`` that one is under way. Questions are asked over ``parent``."""

    begun = Signal()
    pausing = Signal(bool)
    """``True``: a pause was asked for and comes in a moment; ``False``: it was taken back."""
    said = Signal(str)
    problem = Signal(object)
    """A :class:`workbench.messages.Message`."""

    def __init__(
        self,
        session: Session,
        form: HyperparameterForm,
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
        self._form = form
        self._presets = presets
        self._view = view
        self._data = data
        self._device = device
        self._over = parent

    def train(self, experiment: Experiment | None) -> None:
        """Trains ``experiment`` as a run of the current preset; nothing while that cannot be."""
        preset = self._presets.current()
        if self._session.busy or not isinstance(preset, Preset) or experiment is None:
            return
        title = preset_title(preset.id, preset.title)
        self.can_discard = True
        self._begin(experiment, title, self._data.is_sample)
        self._session.train(
            experiment, self._data.choice, self._device.device(), preset.id, preset.title
        )

    def resume(self, record: RunRecord) -> None:
        """Trains a run on; of a finished one it asks for how many epochs."""
        if record.status == "finished":
            dialogs.ask_epochs(
                self._over,
                run_title(record),
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
                experiment = with_changes(experiment, {"epochs": epochs})
        except WorkbenchError as error:
            self.problem.emit(error.message)
            return
        self.can_discard = record.status == "finished"
        self._begin(experiment, run_title(record), record.data.get("kind") == "sample")
        self._session.resume_run(record.folder, epochs)

    def _begin(self, experiment: Experiment, title: str, sample: bool) -> None:
        self._form.show_running(experiment, title)
        self._presets.set_enabled_for_run(False)
        self._view.begin(title, sample)
        self.begun.emit()

    def ended(self) -> None:
        """Form and presets are the person's again."""
        self._form.show_editing()
        self._presets.set_enabled_for_run(True)

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
        """Ends what is under way; asks first where it is a run."""
        if not self._session.running:
            self._session.cancel()  # a download, a decode or a test: nothing is lost
            return

        def answered(discard: bool) -> None:
            if discard and self._session.running:
                self._session.cancel()
            elif discard:
                self.said.emit(tr("The run had already ended; it was kept."))

        dialogs.ask_cancel(self._over, answered)
