"""Asks before the library's trash is emptied, with its size, and empties it.

Counting and deleting take their time with many runs: both go on in slices between which the
window answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QProgressBar, QVBoxLayout, QWidget

from workbench.library.trash import bytes_of, delete_entry, trash_entries
from workbench.messages import WorkbenchError
from workbench.window.kit.translation import say, tr

SLICE_S = 0.02


class EmptyTrashDialog(QDialog):
    """``emptied`` when what was in the trash is gone, or as much of it as could be."""

    emptied = Signal()
    problem = Signal(str)

    def __init__(self, library: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("emptyTrashDialog")
        self._bytes = 0
        self._counted = False
        self._problems: list[WorkbenchError] = []
        try:
            self._entries = trash_entries(library)
        except WorkbenchError as error:
            self._entries = []
            self._problems.append(error)
        self.text = QLabel()
        self.text.setObjectName("trashSizeLabel")
        self.text.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, max(1, len(self._entries)))
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.bar.hide()
        buttons = QDialogButtonBox()
        self.delete = buttons.addButton("", QDialogButtonBox.ButtonRole.DestructiveRole)
        self.delete.setObjectName("emptyTrashButton")
        self.delete.setEnabled(False)
        self.keep = buttons.addButton("", QDialogButtonBox.ButtonRole.RejectRole)
        self.keep.setObjectName("keepTrashButton")
        self.keep.setDefault(True)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.bar)
        layout.addWidget(buttons)
        self.setMinimumWidth(400)
        self.delete.clicked.connect(self._delete)
        self.keep.clicked.connect(self.close)
        self._work = self._count()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._go_on)
        self._timer.start(0)
        self.retranslate()

    def _go_on(self) -> None:
        until = time.monotonic() + SLICE_S
        for _ in self._work:
            if time.monotonic() > until:
                self.retranslate()
                return
        self._timer.stop()
        self.retranslate()

    def _count(self) -> Iterator[None]:
        for entry in self._entries:
            self._bytes += bytes_of(entry)
            yield
        self._counted = True
        self.delete.setEnabled(bool(self._entries))

    def _delete(self) -> None:
        self.delete.setEnabled(False)
        self.bar.show()
        self._work = self._delete_all()
        self._timer.start(0)

    def _delete_all(self) -> Iterator[None]:
        for number, entry in enumerate(self._entries, 1):
            try:
                delete_entry(entry)
            except WorkbenchError as error:
                self._problems.append(error)
            self.bar.setValue(number)
            yield
        if self._problems:
            self.problem.emit(say(self._problems[0].message))
        self.close()

    def retranslate(self) -> None:
        count, size = len(self._entries), f"{self._bytes / 1e6:,.1f} MB"
        self.setWindowTitle(tr("Empty trash"))
        if self._problems:
            text = say(self._problems[0].message)
        elif not count:
            text = tr("The trash is empty.")
        elif not self._counted:
            text = tr("Counting: {size}").format(size=size)
        elif count == 1:
            text = tr("1 run ({size}) is permanently deleted.").format(size=size)
        else:
            text = tr("{count} runs ({size}) are permanently deleted.").format(
                count=count, size=size
            )
        self.text.setText(text)
        self.delete.setText(tr("Delete permanently"))
        self.keep.setText(tr("Cancel") if count else tr("Close"))

    def closeEvent(self, event: QCloseEvent) -> None:
        self._timer.stop()  # what is not deleted yet stays in the trash
        self.emptied.emit()
        super().closeEvent(event)
        self.deleteLater()

    def reject(self) -> None:
        self.close()  # Esc is no other way out

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
