"""What can be done with several saved runs: compare them, and write them up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from workbench.library.run_folder import RunRecord
from workbench.window.compare.comparison_window import MOST_RUNS
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import tr


class ResultsBar(QWidget):
    """Two buttons below the table of runs; ``selected`` gives the runs that they are for."""

    compare_requested = Signal(list)
    """RunRecords, two to ``MOST_RUNS``."""
    report_requested = Signal(list)
    """RunRecords, one or more."""
    export_requested = Signal(list)
    """RunRecords, one or more."""

    def __init__(
        self,
        selected: Callable[[], Sequence[RunRecord]],
        unreadable: Callable[[], int] = int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._selected = selected
        self._unreadable = unreadable
        self.compare_action = QAction(self)
        self.compare_action.setObjectName("compareRunsAction")
        self.compare_action.triggered.connect(
            lambda: self.compare_requested.emit(list(self._selected()))
        )
        self.report_action = QAction(self)
        self.report_action.setObjectName("writeReportAction")
        self.report_action.triggered.connect(
            lambda: self.report_requested.emit(list(self._selected()))
        )
        self.export_action = QAction(self)
        self.export_action.setObjectName("exportRunsAction")
        self.export_action.triggered.connect(
            lambda: self.export_requested.emit(list(self._selected()))
        )
        self.compare_button, self.report_button = QPushButton(), QPushButton()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for name, button, action in (
            ("compareButton", self.compare_button, self.compare_action),
            ("writeReportButton", self.report_button, self.report_action),
        ):
            button.setObjectName(name)
            button.clicked.connect(action.trigger)
            layout.addWidget(button, 1)
        self.retranslate()

    def actions_for_menu(self) -> list[QAction]:
        return [self.compare_action, self.report_action, self.export_action]

    def update_state(self) -> None:
        """Set what is on, with the reason in the tooltip where something is off."""
        count = len(self._selected())
        self.compare_action.setEnabled(2 <= count <= MOST_RUNS)
        self.report_action.setEnabled(count > 0)
        self.export_action.setEnabled(count > 0)
        self.export_action.setToolTip(
            tooltip(
                tr("Weights, curves or whole runs as files for other programs")
                if count
                else tr("Choose a run first.")
            )
        )
        unreadable = self._unreadable()
        if count < 2 and unreadable:
            compare = (
                tr("This run cannot be read.")
                if count + unreadable == 1
                else tr("Too few of the chosen runs can be read.")
            )
        elif count < 2:
            compare = tr("Choose two runs or more first, with Ctrl or Shift.")
        elif count > MOST_RUNS:
            compare = tr("Choose {most} runs or fewer.").format(most=MOST_RUNS)
        else:
            compare = tr("Curves, differences, and for two runs the images they disagree on")
        report = (
            tr("One document on the chosen runs, HTML or Markdown")
            if count
            else tr("This run cannot be read.")
            if unreadable == 1
            else tr("Too few of the chosen runs can be read.")
            if unreadable
            else tr("Choose a run first.")
        )
        for button, action, words in (
            (self.compare_button, self.compare_action, compare),
            (self.report_button, self.report_action, report),
        ):
            button.setEnabled(action.isEnabled())
            button.setToolTip(tooltip(words))
            action.setToolTip(tooltip(words))

    def retranslate(self) -> None:
        self.compare_action.setText(tr("Compare…"))
        self.report_action.setText(tr("Write report…"))
        self.export_action.setText(tr("Export…"))
        self.compare_button.setText(tr("Compare…"))
        self.report_button.setText(tr("Write report…"))
        self.update_state()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
