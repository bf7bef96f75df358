"""A run against the report: reported beside measured, and the verdict with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from workbench.analysis.against_report import VERDICTS, AgainstReport, against_report
from workbench.engine.events import EpochDone, Event
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.report.document import error_sentences, figure_text, shown_figures
from workbench.spec.presets import preset_with_id
from workbench.window.kit import theme
from workbench.window.kit.figure_table import Cell, FigureTable
from workbench.window.kit.shown_page import ShownPage
from workbench.window.kit.translation import say, tr
from workbench.window.run.shown_run import ShownRun

TINTS = {
    "compatible": "best",
    "deviates": "problem",
    "not comparable": "muted",
    "open": "muted",
}


class ReportView(QWidget):
    """Reads the run's files when it is looked at, and not while another tab is on top.

    ``known_runs`` gives the runs among which repeats with other seeds are looked for.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reportView")
        self.known_runs: Callable[[], Sequence[RunRecord]] = list
        self._record: RunRecord | None = None
        self._against: AgainstReport | None = None
        self._problem: WorkbenchError | None = None

        self._empty = QLabel()
        self._empty.setObjectName("reportEmpty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "muted")
        empty = QFrame()
        empty.setProperty("card", "true")
        QVBoxLayout(empty).addWidget(self._empty)

        self._verdict = QLabel()
        self._verdict.setObjectName("reportVerdict")
        font = self._verdict.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.3)
        self._verdict.setFont(font)
        self._reason = self._paragraph("reportReason")
        self._table = FigureTable("reportTable")
        self._notes = self._paragraph("reportNotes")
        self._notes.setProperty("role", "muted")
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(4, 10, 4, 6)
        layout.setSpacing(6)
        layout.addWidget(self._verdict)
        layout.addWidget(self._reason)
        layout.addSpacing(4)
        layout.addWidget(self._table, 1)
        layout.addWidget(self._notes)
        layout.addStretch(0)  # keeps the sentences at the top where there is no table

        self._pages = ShownPage()
        self._pages.addWidget(empty)
        self._pages.addWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.retranslate()

    def _paragraph(self, name: str) -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def show_run(self, run: ShownRun | None) -> None:
        """Show ``run`` once this view is visible, or the empty state."""
        self._record = run.record if run is not None else None
        if self.isVisible():
            self._read()

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Compare it again after each epoch."""
        if isinstance(event, EpochDone):
            self.show_run(run)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # Repeats may have come since.
        self._read()

    def _read(self) -> None:
        record = self._record
        self._against, self._problem = None, None
        if record is not None and record.preset is not None:
            try:
                preset = preset_with_id(record.preset)
                self._against = against_report(record, preset, self.known_runs())
            except WorkbenchError as error:
                self._problem = error
        self._fill()

    def _fill(self) -> None:
        against = self._against
        self._pages.setCurrentIndex(0 if against is None else 1)
        if against is None:
            self._empty.setText(self._why_empty())
            return
        self._verdict.setText(say(VERDICTS[against.outcome]))
        self._reason.setText(say(against.reason))
        self._tint()
        rows = [
            (
                Cell(say(figure.name)),
                Cell(
                    ("≈ " if figure.approximate else "") + figure_text(figure, figure.reported),
                    role="reported",
                ),
                Cell(figure_text(figure, figure.measured)),
                Cell(figure_text(figure, figure.difference, sign=True)),
            )
            for figure in shown_figures(against)
        ]
        header = (
            tr("Preset {preset}").format(preset=against.preset.id),
            tr("reported"),
            tr("measured"),
            tr("difference"),
        )
        self._table.show_rows(header, rows)
        self._table.setVisible(bool(rows))
        self._notes.setText("\n".join(say(sentence) for sentence in error_sentences(against)))

    def _why_empty(self) -> str:
        if self._record is None:
            return tr("What the report says of a run appears here once it trains or is opened.")
        if self._problem is not None:
            return say(self._problem.message)
        return tr("The report says nothing of this run: its preset is none of the report's.")

    def _tint(self) -> None:
        if self._against is not None:
            color = getattr(theme.colors(), TINTS[self._against.outcome])
            self._verdict.setStyleSheet(f"color: {color}")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def retranslate(self) -> None:
        self._table.setAccessibleName(tr("Against the report"))
        self._fill()


if __name__ == "__main__":
    import sys

    from PySide6.QtWidgets import QApplication

    from workbench.library.catalog import Library
    from workbench.window.run.shown_run import of_record

    application = QApplication(sys.argv)
    theme.Theme(application)
    runs = Library().runs()
    view = ReportView()
    view.known_runs = lambda: runs
    view.show_run(of_record(runs[0]) if runs else None)
    view.resize(620, 560)
    view.show()
    sys.exit(application.exec())
