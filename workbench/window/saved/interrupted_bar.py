"""One line over the run: which run was interrupted before the window was opened."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from workbench.library.run_folder import RunRecord, has_checkpoint
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.settings import Settings
from workbench.window.kit.translation import tr
from workbench.window.saved.run_cells import run_label

DISMISSED = "interrupted/dismissed"
"""The ids of the runs, with a slash between them: no folder has one in its name."""


class InterruptedBar(QFrame):
    """Offers to resume the newest run that a crash or a power cut has ended, and says how many
    more there are. It goes once they are resumed, given up, deleted or dismissed, and does not
    come back for runs that were dismissed."""

    resume_requested = Signal(object)
    """RunRecord."""
    others_requested = Signal()
    """All interrupted runs are to be shown."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("interruptedBar")
        self.setProperty("card", True)
        self._settings = settings
        self._offered: set[str] | None = None
        self._runs: list[RunRecord] = []
        self._off = ""
        self.text = ElidedLabel("text")
        self.text.setObjectName("interruptedText")
        self.others, self.resume, self.dismiss = QPushButton(), QPushButton(), QPushButton()
        self.others.setObjectName("otherInterruptedButton")
        self.resume.setObjectName("resumeInterruptedButton")
        self.dismiss.setObjectName("dismissInterruptedButton")
        self.others.clicked.connect(self.others_requested)
        self.resume.clicked.connect(lambda: self.resume_requested.emit(self._runs[0]))
        self.dismiss.clicked.connect(self._dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 5, 9, 5)
        row.addWidget(self.text, 1)
        for button in (self.others, self.resume, self.dismiss):
            row.addWidget(button)
        self.hide()
        self.retranslate()

    def show_runs(self, runs: Iterable[RunRecord]) -> None:
        """``runs``: all of the library. The first call says which ones are offered."""
        if self._offered is not None and not self._offered:
            return
        dismissed = self._dismissed()
        found = [
            run
            for run in runs
            if run.status == "interrupted"
            and (run.id not in dismissed if self._offered is None else run.id in self._offered)
            and has_checkpoint(run.folder)
        ]
        found.sort(key=lambda run: (run.created, run.id), reverse=True)
        self._offered = {run.id for run in found}
        self._runs = found
        self.retranslate()

    def set_off(self, reason: str) -> None:
        """Resume is off for a ``reason``, or on with ``""``."""
        self._off = reason
        self.retranslate()

    def _dismissed(self) -> set[str]:
        return set(self._settings.text(DISMISSED).split("/"))

    def _dismiss(self) -> None:
        ids = self._dismissed() | {run.id for run in self._runs}
        self._settings.set_text(DISMISSED, "/".join(sorted(ids - {""})))
        self._offered, self._runs = set(), []
        self.retranslate()

    def retranslate(self) -> None:
        self.setVisible(bool(self._runs))
        self.dismiss.setText(tr("Dismiss"))
        self.resume.setText(tr("Resume"))
        self.resume.setEnabled(not self._off)
        self.resume.setToolTip(
            self._off or tr("Resume from the last checkpoint, as if the run had never stopped")
        )
        more = len(self._runs) - 1
        self.others.setVisible(more > 0)
        self.others.setText(tr("{count} more").format(count=more))
        self.others.setToolTip(tr("Show all interrupted runs under Saved models"))
        if self._runs:
            run = self._runs[0]
            self.text.setText(
                tr("{run} was interrupted at epoch {epoch} of {total}.").format(
                    run=run_label(run),
                    epoch=min(run.epochs_done + 1, run.epochs),
                    total=run.epochs,
                )
            )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
