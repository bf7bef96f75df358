"""The confusion matrices of two of the compared runs: side by side, and their difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.analysis.metrics import read_predictions
from workbench.analysis.repeats import data_fingerprint
from workbench.engine.events import Evaluation
from workbench.library.run_folder import RunRecord
from workbench.messages import Message, WorkbenchError
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.figure_table import Cell, FigureTable
from workbench.window.kit.translation import say, tr
from workbench.window.run.confusion_matrix import ConfusionMatrix, read_out, summary

Test = tuple[Evaluation, int, bool]
"""A test, the epoch that it followed, and whether it is the final one."""


class OneMatrix(QWidget):
    """One run's matrix under its name, with what a cell says below. ``pointed`` gives the cell
    that is read out, or ``None``; a click or Enter ``chosen`` as that of the matrix."""

    pointed = Signal(object)

    def __init__(self, side: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = QComboBox()
        self.box.setObjectName(f"{side}ConfusionRun")
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.name = ElidedLabel("text")
        self.name.setProperty("role", "heading")
        self.result = ElidedLabel("text")
        self.matrix = ConfusionMatrix()
        self.readout = ElidedLabel("muted")
        self.empty = QLabel()
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setProperty("role", "muted")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.matrix)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.box, self.name, self.result):
            layout.addWidget(widget)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.readout)
        self.matrix.read.connect(self.readout.setText)
        self.matrix.read.connect(lambda: self.pointed.emit(self.matrix.cell()))
        self.test: Evaluation | None = None

    def show_test(self, name: str, found: Test | Message | None) -> None:
        """Show a run's test, or why there is none."""
        self.test = found[0] if isinstance(found, tuple) else None
        self.name.setText(name)
        self.matrix.setAccessibleName(f"{tr('Confusion matrix')}: {name}")
        self.pages.setCurrentIndex(0 if self.test is None else 1)
        self.matrix.show_evaluation(self.test)
        if not isinstance(found, tuple):
            self.result.setText("")
            self.empty.setText(say(found) if found is not None else tr("No test yet."))
            return
        test, epoch, final = found
        when = tr("final test") if final else tr("after epoch {epoch}").format(epoch=epoch)
        mode = tr("training mode") if test.mode == "train" else tr("evaluation mode")
        self.result.setText(f"{summary(test)}, {when}, {mode}")

    def read(self, cell: tuple[int, int] | None) -> None:
        """Say what this matrix has in the cell that the other one's pointer is on."""
        fits = self.test is not None and cell is not None and max(cell) < len(self.test.classes)
        text = read_out(self.test, *cell, short=True) if fits and self.test and cell else ""
        self.readout.setText(text)


class ComparedConfusion(QWidget):
    """Two matrices on one color scale, 0 to 100% of a true class, or the second minus the first.
    With more than two runs two boxes choose which."""

    images_wanted = Signal(object, object, str, int)
    """As that of :class:`~workbench.window.compare.flips_view.FlipsView`."""

    def __init__(self, records: Sequence[RunRecord], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("comparedConfusion")
        self._records = records
        self._tests: list[Test | Message | None] = [None] * len(records)
        self._names = [record.label for record in records]
        self.view_label, self.view_box = QLabel(), QComboBox()
        self.view_box.setObjectName("confusionViewBox")
        self.view_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.view_box.addItems(["", ""])
        self.view_label.setBuddy(self.view_box)
        self.hint = ElidedLabel("muted")
        self.sides = (OneMatrix("first"), OneMatrix("second"))
        self.difference_title = QLabel()
        self.difference_title.setWordWrap(True)
        self.difference = FigureTable("comparisonMatrix")
        self._lay_out()
        several = len(records) > 2
        for number, side in enumerate(self.sides):
            side.box.addItems(self._names)
            side.box.setCurrentIndex(number)
            side.box.setVisible(several)
            side.name.setVisible(not several)
            side.box.currentIndexChanged.connect(self._fill)
            side.pointed.connect(self.sides[1 - number].read)
            side.matrix.chosen.connect(
                lambda row, column, number=number: self._open(number, row, column)
            )
        self.view_box.currentIndexChanged.connect(self._fill)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.view_label)
        head.addWidget(self.view_box)
        head.addSpacing(12)
        head.addWidget(self.hint, 1)
        head.addStretch(0)
        both = QWidget()
        columns = QHBoxLayout(both)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(16)
        for side in self.sides:
            columns.addWidget(side, 1)
        table = QWidget()
        rows = QVBoxLayout(table)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.difference_title)
        rows.addWidget(self.difference, 1)
        rows.addStretch(0)
        self._views = QStackedWidget()
        self._views.addWidget(both)
        self._views.addWidget(table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addLayout(head)
        layout.addWidget(self._views, 1)

    # --- what is shown -----------------------------------------------------------------

    def show_tests(self, tests: Sequence[Test | Message | None]) -> None:
        """``tests``: of each run the latest one, why it cannot be read, or ``None``."""
        self._tests = list(tests)
        self._fill()

    def _chosen(self) -> list[int]:
        return [side.box.currentIndex() for side in self.sides]

    def _fill(self) -> None:
        self._views.setCurrentIndex(self.view_box.currentIndex())
        self.hint.setVisible(self.view_box.currentIndex() == 0)
        for side, number in zip(self.sides, self._chosen(), strict=True):
            side.show_test(self._names[number], self._tests[number])
        self._show_difference()

    def _show_difference(self) -> None:
        numbers = self._chosen()
        first, second = (self._tests[number] for number in numbers)
        names = [self._names[number] for number in numbers]
        same = len({data_fingerprint(self._records[number]) for number in numbers}) == 1
        self.difference.hide()
        if not isinstance(first, tuple) or not isinstance(second, tuple):
            which = 1 if isinstance(first, tuple) else 0
            self.difference_title.setText(f"{names[which]}: {self.sides[which].empty.text()}")
            return
        if not same or first[0].classes != second[0].classes:
            why = Message(
                "The runs were tested on different images; compare runs on the same data."
            )
            self.difference_title.setText(say(why))
            return
        self.difference.show()
        self.difference_title.setText(
            tr(
                "Confusion matrix of {second} minus that of {first} (rows are true classes, "
                "columns predicted ones). Green: {second} is better, with more right or fewer "
                "mistaken; red: worse."
            ).format(first=names[0], second=names[1])
        )
        counts = np.array(second[0].confusion) - np.array(first[0].confusion)
        most = max(int(np.abs(counts).max(initial=0)), 1)
        rows = []
        for i, name in enumerate(first[0].classes):
            cells = [Cell(name)]
            for j, count in enumerate(counts[i].tolist()):
                # More on the diagonal is better, more beside it worse.
                tint = "best" if (count > 0) == (i == j) else "problem"
                cells.append(Cell(f"{count:+,}" if count else "0", count, tint, abs(count) / most))
            rows.append(cells)
        self.difference.show_rows(["", *first[0].classes], rows)

    def _open(self, side: int, row: int | None, column: int | None) -> None:
        """Ask for the images of a cell, a true class or a predicted one, most confident first."""
        record, test = self._records[self._chosen()[side]], self.sides[side].test
        if test is None:
            return
        try:
            predictions = read_predictions(record.folder, test.classes)
        except WorkbenchError as error:
            self.sides[side].readout.setText(say(error.message))
            return
        if predictions is None:
            self.sides[side].readout.setText(
                tr("Only the final test keeps its predictions, which the images need.")
            )
            return
        wanted = np.ones(len(predictions.labels), bool)
        if row is not None:
            wanted &= predictions.labels == row
        if column is not None:
            wanted &= predictions.predicted == column
        indices = np.flatnonzero(wanted)
        if not len(indices):
            return
        confidence = np.nan_to_num(predictions.confidence[indices], nan=-1.0)
        order = indices[np.argsort(-confidence, kind="stable")]
        true, predicted = (
            tr("all") if which is None else test.classes[which] for which in (row, column)
        )
        self.images_wanted.emit(record, order, f"{true} → {predicted}", int(order[0]))

    # --- words -------------------------------------------------------------------------

    def retranslate(self, names: Sequence[str]) -> None:
        """``names`` of the runs, as they are called beside each other."""
        self._names = list(names)
        self.view_label.setText(tr("Show"))
        self.hint.setText(
            tr("Point at a cell or use the arrow keys; a click or Enter shows its images.")
        )
        for index, text in enumerate((tr("Side by side"), tr("Difference"))):
            self.view_box.setItemText(index, text)
        for side, heading in zip(self.sides, (tr("First run"), tr("Second run")), strict=True):
            side.box.setAccessibleName(heading)
            for index, name in enumerate(names):
                side.box.setItemText(index, name)
        self.difference.setAccessibleName(tr("Difference of the confusion matrices"))
        self._fill()
