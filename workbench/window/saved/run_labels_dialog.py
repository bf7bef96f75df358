"""Asks for the tags and notes of one run, or the tags of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from workbench.library.labels import Change, Labels, clean_tags
from workbench.library.run_folder import RunRecord
from workbench.window.kit.translation import tr


def common_tags(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """The tags that all of ``runs`` have."""
    return tuple(tag for tag in runs[0].tags if all(tag in run.tags for run in runs))


def tags_change(before: Sequence[str], after: Sequence[str]) -> Change:
    """The edit that makes ``after`` of ``before``, and leaves tags alone that were not shown or
    that somebody else gave meanwhile."""
    gone = set(before) - set(after)

    def change(labels: Labels) -> Labels:
        kept = [tag for tag in labels.tags if tag not in gone]
        return replace(labels, tags=clean_tags([*kept, *after]))

    return change


class RunLabelsDialog(QDialog):
    """``edited`` tells of the runs and of the :data:`Change` that a person made."""

    edited = Signal(object, object)

    def __init__(self, runs: Sequence[RunRecord], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runLabelsDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._runs = list(runs)
        self._before = common_tags(runs)
        self._notes_before = runs[0].notes
        self._tags_label, self._notes_label = QLabel(), QLabel()
        self.tags = QLineEdit(", ".join(self._before))
        self.tags.setObjectName("tagsEdit")
        self._tags_label.setBuddy(self.tags)
        self.notes = QPlainTextEdit(self._notes_before)
        self.notes.setObjectName("notesEdit")
        self.notes.setTabChangesFocus(True)
        self._notes_label.setBuddy(self.notes)
        buttons = QDialogButtonBox()
        self.save = buttons.addButton("", QDialogButtonBox.ButtonRole.AcceptRole)
        self.save.setObjectName("saveLabelsButton")
        self.save.setProperty("primary", True)
        self.save.setDefault(True)
        self._cancel = buttons.addButton("", QDialogButtonBox.ButtonRole.RejectRole)
        self._cancel.setObjectName("cancelLabelsButton")
        layout = QVBoxLayout(self)
        for widget in (self._tags_label, self.tags, self._notes_label, self.notes, buttons):
            layout.addWidget(widget)
        if len(self._runs) > 1:
            self._notes_label.hide()
            self.notes.hide()
        self.setMinimumWidth(420)
        buttons.accepted.connect(self._save)
        buttons.rejected.connect(self.reject)
        self.retranslate()

    def _save(self) -> None:
        change_tags = tags_change(self._before, clean_tags([self.tags.text()]))
        notes = self.notes.toPlainText().strip()
        notes_edited = len(self._runs) == 1 and notes != self._notes_before

        def change(labels: Labels) -> Labels:
            labels = change_tags(labels)
            return replace(labels, notes=notes) if notes_edited else labels

        self.edited.emit(self._runs, change)
        self.accept()

    def retranslate(self) -> None:
        count = len(self._runs)
        if count == 1:
            self.setWindowTitle(tr("Tags and notes"))
            self._tags_label.setText(tr("Tags"))
        else:
            self.setWindowTitle(tr("Tags of {count} runs").format(count=count))
            self._tags_label.setText(tr("Tags that all of them have"))
        self.tags.setPlaceholderText(tr("baseline, lesson-2"))
        self._notes_label.setText(tr("Notes"))
        self.save.setText(tr("Save"))
        self._cancel.setText(tr("Cancel"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


if __name__ == "__main__":
    import sys
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from workbench.library.catalog import Library
    from workbench.window.kit.theme import Theme

    application = QApplication([])
    Theme(application)
    library = Library(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    dialog = RunLabelsDialog(library.runs()[:1])
    dialog.show()
    application.exec()
