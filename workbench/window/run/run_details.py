"""Everything that is known of one run, as a table to read and to copy."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from workbench.engine.events import EpochDone, Event
from workbench.library.run_folder import RunRecord
from workbench.messages import Count
from workbench.spec.presets import Preset, preset_with_id
from workbench.window.kit import theme
from workbench.window.kit.copy_table import claims_copy, copy_table
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.shown_page import ShownPage
from workbench.window.kit.translation import tr
from workbench.window.run.network_view import NetworkView
from workbench.window.run.run_rows import Row, layers_of, preset_of, rows_of
from workbench.window.run.shown_run import ShownRun


class _Table(QTableWidget):
    """Copies its selected rows, or all where none is selected."""

    copied = Signal(int)

    def __init__(self) -> None:
        super().__init__(0, 2)
        self.setObjectName("runDetailsTable")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(True)
        self.setTabKeyNavigation(False)
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(8)
        self._rows: list[Row] = []

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Selection and place stay where the rows are the same ones with other values."""
        same = [row.label for row in rows] == [row.label for row in self._rows]
        self._rows = list(rows)
        if not same:
            self.clearSpans()
            self.clearSelection()
            self.setRowCount(len(rows))
        for i, row in enumerate(rows):
            for j, text in enumerate((row.label, row.value)):
                item = self.item(i, j)
                if item is None:
                    item = QTableWidgetItem()
                    self.setItem(i, j, item)
                # A heading stands close to what it heads.
                end = (
                    Qt.AlignmentFlag.AlignBottom
                    if row.kind == "heading"
                    else Qt.AlignmentFlag.AlignTop
                )
                item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | end)
                item.setText(_breakable(text))
                item.setToolTip(tooltip(text) if j == 1 else "")
                font = self.font()
                font.setBold(row.kind == "heading" or (row.kind == "changed" and j == 1))
                item.setFont(font)
            if not same and row.kind == "heading":
                self.setSpan(i, 0, 1, 2)
        self.recolor()
        self._fit_heights()
        if not same:
            self.scrollToTop()

    def _fit_heights(self) -> None:
        # Not the header's ResizeToContents: it gives each row the height of a header's section.
        for i, row in enumerate(self._rows):
            above = 16 if row.kind == "heading" and i else 5
            self.setRowHeight(i, self.sizeHintForRow(i) + above)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_heights()  # texts wrap at the new width

    def recolor(self) -> None:
        colors = theme.colors()
        for i, row in enumerate(self._rows):
            label = colors.text if row.kind == "heading" else colors.muted
            for item, color in ((self.item(i, 0), label), (self.item(i, 1), colors.text)):
                if item is not None:
                    item.setForeground(QBrush(QColor(color)))

    def chosen(self) -> list[Row]:
        picked = sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [self._rows[i] for i in picked] or self._rows

    def copy(self, rows: Sequence[Row]) -> None:
        cells = [[row.label, row.value] if row.kind != "heading" else [row.label] for row in rows]
        copy_table(cells, header=False)
        self.copied.emit(len(cells))

    def all_rows(self) -> list[Row]:
        return self._rows

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy(self.chosen())
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if claims_copy(event):
            event.accept()
            return True
        return super().event(event)


def _breakable(text: str) -> str:
    """Let long paths break after a slash: a zero-width space stands there, on the screen only."""
    return text.replace("/", "/\u200b").replace("\\", "\\\u200b")


class RunDetails(QWidget):
    """Run, results, hyperparameters, data, environment and files of one run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runDetails")
        self._record: RunRecord | None = None
        self._preset: Preset | None = None

        self._empty = QLabel()
        self._empty.setObjectName("runDetailsEmpty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "muted")
        empty = QFrame()
        empty.setProperty("card", "true")
        QVBoxLayout(empty).addWidget(self._empty)

        self._table = _Table()
        self._note = ElidedLabel("muted")
        self._note.setObjectName("runDetailsNote")
        self._table.copied.connect(self._say_copied)
        self._copy = QPushButton()
        self._copy.setObjectName("runDetailsCopyButton")
        self._copy.clicked.connect(lambda: self._table.copy(self._table.all_rows()))
        self._layers = QPushButton()
        self._layers.setObjectName("runDetailsLayersButton")
        self._layers.setCheckable(True)
        self._layers.toggled.connect(self._show_layers)
        self._network = NetworkView()
        self._parts = ShownPage()
        self._parts.addWidget(self._table)
        self._parts.addWidget(self._network)
        buttons = QHBoxLayout()
        buttons.addWidget(self._layers)
        buttons.addWidget(self._note, 1)
        buttons.addWidget(self._copy)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(6)
        inner.addWidget(self._parts, 1)
        inner.addLayout(buttons)

        self._pages = ShownPage()
        self._pages.addWidget(empty)
        self._pages.addWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.retranslate()

    def show_run(self, run: ShownRun | None) -> None:
        """Show what is known of ``run``, or the empty state."""
        record = run.record if run is not None else None
        if record is not None and (self._record is None or self._record.preset != record.preset):
            self._preset = preset_of(record)
        self._record = record
        self._note.setText("")
        self._fill()

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Show the figures of each epoch."""
        if isinstance(event, EpochDone):
            self.show_run(run)

    def _fill(self) -> None:
        self._pages.setCurrentIndex(0 if self._record is None else 1)
        if self._record is not None:
            self._table.show_rows(rows_of(self._record, self._preset))
            layers = layers_of(self._record)
            self._network.show_layers(layers)
            self._layers.setEnabled(bool(layers))
            if not layers:
                self._layers.setChecked(False)

    def _show_layers(self, shown: bool) -> None:
        self._parts.setCurrentWidget(self._network if shown else self._table)

    def _say_copied(self, rows: int) -> None:
        self._note.setText(tr("Copied {rows:row|rows}.").format(rows=Count(rows)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif theme.is_restyled(event) and self._record is not None:
            self._table.recolor()

    def retranslate(self) -> None:
        self._empty.setText(
            tr(
                "Hyperparameters, data, environment and results of a run appear here once it "
                "trains, or when a saved run is opened."
            )
        )
        self._table.setAccessibleName(tr("Details of the run"))
        self._layers.setText(tr("Layers"))
        self._layers.setToolTip(
            tr("Draws the network, with the shape of one image after each layer.")
        )
        self._copy.setText(tr("Copy as table"))
        self._copy.setToolTip(tr("All rows, for a spreadsheet; Copy takes the selected ones."))
        self._note.setText("")
        self._fill()


if __name__ == "__main__":
    import sys
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from workbench.engine.run_state import RunState

    application = QApplication(sys.argv)
    theme.Theme(application)
    preview = preset_with_id("007")
    view = RunDetails()
    record = RunRecord(
        id="2026-11-23_205630_007",
        created="2026-11-23T20:56:30+00:00",
        preset="007",
        title="Adam",
        experiment={**preview.experiment.values(), "learning_rate": 0.0005, "epochs": 3},
        data={"kind": "cifar10", "name": "CIFAR-10", "train_images": 50_000},
        device="cpu",
        environment={"python": "3.12.3", "cpu_threads": 2},
        epochs=3,
        steps_per_epoch=3125,
        status="finished",
        epochs_done=3,
        accuracy=70.21,
        best_epoch=2,
        best_accuracy=70.5,
        seconds=185.2,
        folder=Path("runs") / "2026-11-23_205630_007",
    )
    view.show_run(ShownRun(RunState(), record=record))
    view.resize(620, 560)
    view.show()
    sys.exit(application.exec())
