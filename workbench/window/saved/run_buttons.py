"""The buttons below the table of runs: what the chosen run asks for."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from workbench.library.run_folder import RunRecord, has_checkpoint
from workbench.window.saved.run_actions import RunActions
from workbench.window.saved.run_cells import UNREADABLE


class RunButtons(QWidget):
    """Open, Load and Test; Resume where a run can be resumed. Of an interrupted run there is
    nothing to load yet: Give up resuming and Delete stand there. Of one that cannot be read only
    Delete does something."""

    def __init__(self, actions: RunActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.open = QPushButton()
        self.resume = QPushButton()
        self.load = QPushButton()
        self.test = QPushButton()
        self.give_up = QPushButton()
        self.delete = QPushButton()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for name, button, action in (
            ("openRunButton", self.open, actions.open),
            ("resumeRunButton", self.resume, actions.resume),
            ("loadWeightsButton", self.load, actions.load),
            ("testRunButton", self.test, actions.test),
            ("giveUpRunButton", self.give_up, actions.give_up),
            ("deleteRunButton", self.delete, actions.delete),
        ):
            button.setObjectName(name)
            button.clicked.connect(action.trigger)
            action.changed.connect(lambda a=action, b=button: _follow(b, a))
            row.addWidget(button, 1)
        self.show_run(None)

    def show_run(self, run: RunRecord | None) -> None:
        """The buttons for ``run``, the only one that is chosen; ``None`` for none or several."""
        interrupted = run is not None and run.status == "interrupted"
        unreadable = run is not None and run.status == UNREADABLE
        self.resume.setVisible(interrupted or _has_stopped(run))
        for button in (self.load, self.test):
            button.setVisible(not interrupted and not unreadable)
        self.give_up.setVisible(interrupted)
        self.delete.setVisible(interrupted or unreadable)


def _has_stopped(run: RunRecord | None) -> bool:
    """Return whether it ended before its time and can be resumed."""
    return run is not None and run.status in ("stopped", "failed") and has_checkpoint(run.folder)


def _follow(button: QPushButton, action: QAction) -> None:
    button.setText(action.iconText())
    button.setEnabled(action.isEnabled())
    button.setToolTip(action.toolTip())
