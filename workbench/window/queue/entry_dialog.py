"""Editing an entry of the queue that has not begun."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from workbench.data.data_choice import DataChoice
from workbench.library.queue_entry import Entry
from workbench.messages import WorkbenchError
from workbench.path_text import to_text
from workbench.spec.experiment import experiment_from
from workbench.spec.presets import Preset
from workbench.window.kit.translation import tr
from workbench.window.setup.hyperparameter_form import HyperparameterForm


class EntryDialog(QDialog):
    """``saved``: the id of the entry, and the fields of it that changed by name.

    Args:
        entry: what is edited.
        preset: what it was made from, where that can still be read.
        place: what its data are called.
        data, data_name: what is chosen in the window now, and its name.
        devices: torch's names and labels of what can be chosen.
    """

    saved = Signal(str, dict)

    def __init__(
        self,
        entry: Entry,
        preset: Preset | None,
        place: str,
        data: DataChoice,
        data_name: str,
        devices: list[tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("entryDialog")
        self.setWindowTitle(tr("Entry {id} of the queue").format(id=entry.id))
        self._entry = entry
        self._data = {"kind": data.kind, "path": to_text(data.path) if data.path else None}
        self.form = HyperparameterForm()
        self.form.save_button.hide()
        self.form.examples_button.hide()
        if preset is not None:
            self.form.set_preset(preset)
        try:
            self.form.set_experiment(experiment_from(entry.experiment))
        except WorkbenchError:  # of a newer program: the preset's own, which can be saved over it
            self.form.reset()
        self.form.changed.connect(self._update)
        self.data = QComboBox()
        self.data.setObjectName("entryData")
        self.data.addItem(tr("{data}, as it is").format(data=place), None)
        if self._data != entry.data:
            self.data.addItem(tr("{data}, as chosen now").format(data=data_name), self._data)
        self.device = QComboBox()
        self.device.setObjectName("entryDevice")
        for device, label in devices:
            self.device.addItem(label, device)
        at = self.device.findData(entry.device)
        if at < 0:
            self.device.addItem(entry.device, entry.device)
            at = self.device.count() - 1
        self.device.setCurrentIndex(at)
        self.problem = QLabel()
        self.problem.setObjectName("entryProblem")
        self.problem.setProperty("role", "problem")
        self.problem.setWordWrap(True)
        buttons = QDialogButtonBox()
        self.save = buttons.addButton(tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.save.setObjectName("entrySaveButton")
        self.save.setProperty("primary", True)
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        rows = QFormLayout()
        rows.addRow(tr("Data"), self.data)
        rows.addRow(tr("Device"), self.device)
        layout = QVBoxLayout(self)
        layout.addWidget(self.form, 1)
        layout.addLayout(rows)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self.resize(420, 620)
        self._update()

    def _update(self) -> None:
        self.problem.setText(self.form.problem())
        self.save.setEnabled(self.form.experiment() is not None)

    def _accept(self) -> None:
        experiment = self.form.experiment()
        if experiment is None:
            return
        changes: dict[str, Any] = {"experiment": experiment.values()}
        changes["device"] = self.device.currentData()
        if self.data.currentData() is not None:
            changes["data"] = self._data
        self.saved.emit(self._entry.id, changes)
        self.accept()
