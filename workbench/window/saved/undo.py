"""What was done to saved runs and can be taken back, with the line that offers it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from workbench.library.catalog import Library
from workbench.library.giving_up import GivenUp, take_back
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.window.kit.translation import tr

SHOWN_MS = 10_000


@dataclass(frozen=True)
class Deleted:
    """Runs that were deleted: their names in the trash; apart those that cannot be read."""

    names: tuple[str, ...]
    unreadable: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names) + len(self.unreadable)


Step = Deleted | GivenUp


class Undo(QWidget):
    """Says for a moment what was done, with a button that takes it back; :meth:`take_back` does
    it also later. ``asked``: the button was pressed; ``offered``: whether the line is on show."""

    asked = Signal()
    offered = Signal(bool)

    def __init__(self, library: Library, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._steps: list[Step] = []
        self.text = QLabel()
        self.button = QPushButton()
        self.button.setObjectName("undoButton")
        self.button.clicked.connect(self.asked)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.text)
        line.addWidget(self.button)
        line.addStretch()
        self._shown = QTimer(self)
        self._shown.setSingleShot(True)
        self._shown.setInterval(SHOWN_MS)
        self._shown.timeout.connect(self._hide)

    def add(self, step: Step) -> None:
        """Remember ``step``, and offer to take it back."""
        self._steps.append(step)
        self.retranslate()
        self.offered.emit(True)
        self._shown.start()

    @property
    def latest(self) -> Step | None:
        """Return what :meth:`take_back` takes back."""
        return self._steps[-1] if self._steps else None

    def take_back(self) -> tuple[list[RunRecord], list[WorkbenchError]]:
        """Take the latest step back: the runs that it was done to, and what went wrong."""
        back: list[RunRecord] = []
        problems: list[WorkbenchError] = []
        step = self._steps.pop() if self._steps else Deleted(())
        if isinstance(step, GivenUp):
            try:
                back.append(take_back(self._library, step))
            except WorkbenchError as problem:
                problems.append(problem)
        else:
            for name in step.names:
                try:
                    back.append(self._library.restore(name))
                except WorkbenchError as problem:
                    problems.append(problem)
            for name in step.unreadable:
                try:
                    self._library.put_back(name)
                except WorkbenchError as problem:
                    problems.append(problem)
        self._hide()
        return back, problems

    def forget_what_is_gone(self) -> None:
        """Leave the steps whose files are still in the trash."""
        there = {path.name for path in self._library.trashed()}
        kept: list[Step] = []
        for step in self._steps:
            if isinstance(step, GivenUp):
                if step.checkpoint is None or step.checkpoint in there:
                    kept.append(step)
            else:
                names = tuple(name for name in step.names if name in there)
                unreadable = tuple(name for name in step.unreadable if name in there)
                if names or unreadable:
                    kept.append(Deleted(names, unreadable))
        self._steps = kept
        if not kept:
            self._hide()

    def retranslate(self) -> None:
        self.button.setText(tr("Undo"))
        self.button.setToolTip(self.tip())
        step = self.latest
        if isinstance(step, GivenUp):
            self.text.setText(tr("Resuming was given up."))
        elif step is not None:
            count = len(step)
            self.text.setText(
                tr("Run deleted.")
                if count == 1
                else tr("{count} runs deleted.").format(count=count)
            )

    def name(self) -> str:
        """Return what the menu calls it."""
        if isinstance(self.latest, GivenUp):
            return tr("Undo giving up resuming")
        return tr("Undo delete")

    def tip(self) -> str:
        if isinstance(self.latest, GivenUp):
            return tr("Bring the run's checkpoint back, so that it can be resumed")
        return tr("Restore the runs deleted last")

    def _hide(self) -> None:
        self._shown.stop()
        self.offered.emit(False)
