"""Asks for the name of a preset and saves it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment
from workbench.spec.presets import list_presets, replaced_by, save_preset
from workbench.window.kit.translation import say, tr


class SavePresetDialog(QDialog):
    """``saved`` tells of the preset that was written. A name that cannot be is refused in words,
    and the dialog stays."""

    saved = Signal(object)

    def __init__(self, name: str, experiment: Experiment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("savePresetDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._experiment = experiment
        self._presets = list_presets()
        self._refused: WorkbenchError | None = None
        self._label = QLabel()
        self.name = QLineEdit(name)
        self.name.setObjectName("presetNameEdit")
        self.name.setMaxLength(80)
        self.name.selectAll()
        self._label.setBuddy(self.name)
        self.message = QLabel()
        self.message.setObjectName("presetNameMessage")
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setWordWrap(True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Room for its two lines before they are said.
        self.message.setMinimumHeight(2 * self.message.fontMetrics().lineSpacing() + 2)
        buttons = QDialogButtonBox()
        self.save = buttons.addButton("", QDialogButtonBox.ButtonRole.AcceptRole)
        self.save.setObjectName("savePresetConfirmButton")
        self.save.setProperty("primary", True)
        self.save.setDefault(True)
        self._cancel = buttons.addButton("", QDialogButtonBox.ButtonRole.RejectRole)
        self._cancel.setObjectName("savePresetCancelButton")
        layout = QVBoxLayout(self)
        layout.addWidget(self._label)
        layout.addWidget(self.name)
        layout.addWidget(self.message)
        layout.addWidget(buttons)
        self.setMinimumWidth(380)
        self.name.textChanged.connect(self._typed)
        buttons.accepted.connect(self._save)
        buttons.rejected.connect(self.reject)
        self.retranslate()

    def _typed(self) -> None:
        self._refused = None
        self.retranslate()

    def _save(self) -> None:
        try:
            preset = save_preset(self.name.text(), self._experiment)
        except WorkbenchError as error:
            self._refused = error
            self.retranslate()
            self.name.setFocus()
            self.name.selectAll()
            return
        self.saved.emit(preset)
        self.accept()

    def retranslate(self) -> None:
        replaces = replaced_by(self.name.text(), self._presets) is not None
        self.setWindowTitle(tr("Save as preset"))
        self._label.setText(tr("Name of the preset"))
        self.save.setText(tr("Replace") if replaces else tr("Save"))
        self._cancel.setText(tr("Cancel"))
        if self._refused is not None:
            text, role = say(self._refused.message), "problem"
        elif replaces:
            text, role = tr("A preset with this name exists; saving replaces it."), "muted"
        else:
            text, role = "", "muted"
        self.message.setText(text)
        self.name.setProperty("invalid", self._refused is not None)
        self.message.setProperty("role", role)
        for widget in (self.name, self.message):
            widget.style().unpolish(widget)
            widget.style().polish(widget)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    from workbench.spec.experiment import experiment_from
    from workbench.window.kit.theme import Theme

    application = QApplication([])
    Theme(application)
    dialog = SavePresetDialog("007", experiment_from({}))
    dialog.show()
    application.exec()
