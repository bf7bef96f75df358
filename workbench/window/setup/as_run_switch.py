"""The switch between a preset as the report declared it and as it ran."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from workbench.spec.presets import Preset
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import changes_text, tooltip
from workbench.window.kit.translation import tr


class AsRunSwitch(QWidget):
    """Two buttons, one of them down, and in one line how the two differ. Off where a preset ran as
    it was declared. ``beside`` stands at the right of the buttons. ``chosen``: the person pressed
    the other button; true for as run."""

    chosen = Signal(bool)

    def __init__(self, beside: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("asRunSwitch")
        self._preset: Preset | None = None
        self.declared, self.as_run = QPushButton(), QPushButton()
        self.declared.setObjectName("asDeclaredButton")
        self.as_run.setObjectName("asRunButton")
        self._group = QButtonGroup(self)
        self.difference = ElidedLabel("muted")
        self.difference.setObjectName("asRunDifference")
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.declared, self.as_run):
            button.setCheckable(True)
            self._group.addButton(button)
            row.addWidget(button)
        row.addSpacing(4)
        row.addWidget(beside, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.difference)
        self.declared.setChecked(True)
        self._group.buttonClicked.connect(lambda button: self.chosen.emit(button is self.as_run))
        self.retranslate()

    def show_preset(self, preset: Preset | None, as_run: bool) -> None:
        """Show which of the two is on. Emits nothing."""
        self._preset = preset
        self.setEnabled(preset is not None and preset.as_run is not None)
        (self.as_run if as_run else self.declared).setChecked(True)
        self.retranslate()

    def retranslate(self) -> None:
        self.declared.setText(tr("As written"))
        self.as_run.setText(tr("As actually run"))
        self.declared.setToolTip(tr("The experiment as written in the report"))
        text = how_it_differs(self._preset)
        self.as_run.setToolTip(tooltip(text))
        self.difference.setText(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def how_it_differs(preset: Preset | None) -> str:
    """``Scheduler Step → None · Epochs 60 → 25``; empty for a preset without a report."""
    if preset is None or preset.reported is None:
        return ""
    if preset.as_run is None:
        return tr("Ran as written")
    return changes_text(preset.experiment, preset.as_run)


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    from workbench.spec.presets import find_preset
    from workbench.window.kit.theme import Theme

    application = QApplication([])
    Theme(application)
    switch = AsRunSwitch(ElidedLabel("muted"))
    switch.show_preset(find_preset("007"), True)
    switch.resize(290, 30)
    switch.show()
    application.exec()
