"""The confusion matrix of one test: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import (
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from workbench import atomic
from workbench.analysis.chance import chance_sentence
from workbench.engine.events import EpochDone, Evaluation, Event, FinalTest
from workbench.file_names import file_name
from workbench.window.kit import theme
from workbench.window.kit.copy_table import copy_table
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.save_file import ask_to_save
from workbench.window.kit.shown_page import ShownPage
from workbench.window.kit.translation import say, tr
from workbench.window.run.confusion_figure import (
    most_frequent_mistakes,
    table_rows,
)
from workbench.window.run.confusion_file import Shown, corner, described, file_content
from workbench.window.run.confusion_matrix import ConfusionMatrix, read_out, short_name, summary
from workbench.window.run.shown_run import ShownRun
from workbench.words.titles import data_name, run_title

MISTAKES = 5
"""How many of the most frequent mistakes are listed."""

LIST_FROM_HEIGHT = 420
"""The list of mistakes needs a view at least this high, in pixels; below it the matrix goes
first."""


def _mode(test: Evaluation) -> str:
    """Return how a test was taken, for the title of its confusion matrix."""
    mode = tr("training mode") if test.mode == "train" else tr("evaluation mode")
    return f"{mode}, {tr('mean of each image and its mirror image')}" if test.mirrored else mode


class ConfusionView(QWidget):
    """Whose matrix it is, the matrix with the accuracy of each class, what the pointer says, the
    most frequent mistakes, and the buttons that copy and export it."""

    problem = Signal(str)
    """One sentence for the person: a file could not be written."""
    images_wanted = Signal(object, object)
    """True and predicted class whose images were asked for, each an index or ``None`` for all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("confusionView")
        self._shown: Shown | None = None
        self._again: Callable[[], None] | None = None  # shows it in another language
        self.has_images = False
        """Whether there is a prediction for each image of what is on show."""

        self._empty = QLabel()
        self._empty.setObjectName("confusionEmpty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "muted")

        self._caption = ElidedLabel("muted")
        self._caption.setObjectName("confusionCaption")
        self._summary = QLabel()
        self._summary.setObjectName("confusionSummary")
        font = self._summary.font()
        font.setBold(True)
        self._summary.setFont(font)
        self._sample = QLabel()
        self._sample.setObjectName("confusionSample")
        self._sample.setProperty("role", "sample")
        result = QHBoxLayout()
        result.addWidget(self._summary)
        result.addWidget(self._sample)
        result.addStretch(1)

        self._matrix = ConfusionMatrix()
        self._readout = ElidedLabel("muted")
        self._readout.setObjectName("confusionReadout")

        self._mistakes_box = QWidget()
        grid = QGridLayout(self._mistakes_box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(0)
        self._mistakes_title = ElidedLabel("muted")
        self._mistakes_title.setProperty("role", "heading")
        grid.addWidget(self._mistakes_title, 0, 0)
        self._mistakes = [ElidedLabel("text") for _ in range(MISTAKES)]
        for place, label in enumerate(self._mistakes, start=1):
            label.setObjectName(f"confusionMistake{place}")
            grid.addWidget(label, place % 3, place // 3)  # read downwards
        for column in range(2):
            grid.setColumnStretch(column, 1)

        self._copy = QPushButton()
        self._copy.setObjectName("confusionCopyButton")
        self._copy.clicked.connect(self.copy)
        self._export = QPushButton()
        self._export.setObjectName("confusionExportButton")
        self._export.clicked.connect(self._ask_where)
        buttons = QHBoxLayout()
        buttons.addWidget(self._readout, 1)
        buttons.addWidget(self._copy)
        buttons.addWidget(self._export)

        content = QWidget()
        column_layout = QVBoxLayout(content)
        column_layout.setContentsMargins(14, 10, 14, 10)
        column_layout.setSpacing(4)
        column_layout.addWidget(self._caption)
        column_layout.addLayout(result)
        column_layout.addSpacing(6)
        column_layout.addWidget(self._matrix, 1)
        column_layout.addSpacing(4)
        column_layout.addWidget(self._mistakes_box)
        column_layout.addLayout(buttons)

        self._pages = ShownPage()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(content)
        card = QFrame()
        card.setProperty("card", "true")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._pages)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(card)

        self._matrix.read.connect(self.say)
        self._matrix.copy_wanted.connect(self.copy)
        self._matrix.chosen.connect(self.images_wanted)
        self.retranslate()

    def show_run(self, run: ShownRun | None) -> None:
        """Show the latest test of ``run``."""
        test = run.state.test if run is not None and run.record is not None else None
        if run is None or run.record is None or test is None:
            self._again, self.has_images = None, False
            self.clear()
            return
        self._again, self.has_images = (lambda: self.show_run(run)), run.state.final
        when = (
            tr("final test")
            if run.state.final
            else tr("after epoch {epoch}").format(epoch=run.state.epochs_done)
        )
        parts = (run_title(run.record, tr), when, _mode(test), data_name(run.record.data, tr))
        self.show_evaluation(test, ", ".join(parts), run.sample)

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Show each test."""
        if isinstance(event, EpochDone | FinalTest):
            self.show_run(run)

    def show_weights_test(self, title: str, test: Evaluation, data: str, sample: bool) -> None:
        """Show a test of weights, called ``title``, on the data set ``data``."""
        self._again = lambda: self.show_weights_test(title, test, data, sample)
        self.has_images = False
        caption = ", ".join((title, tr("test"), _mode(test), data))
        self.show_evaluation(test, caption, sample)
        if (sentence := chance_sentence(test)) is not None:
            self.say(say(sentence))

    def show_evaluation(self, evaluation: Evaluation | None, caption: str, sample: bool) -> None:
        """Show ``evaluation``; ``caption`` says whose it is, ``sample`` that it was taken on
        sample data. ``None`` is as :meth:`clear`."""
        self._shown = Shown(evaluation, caption, sample) if evaluation else None
        self._matrix.show_evaluation(evaluation)
        self._fill()

    def clear(self) -> None:
        """Back to the empty state."""
        self.show_evaluation(None, "", False)

    def _fill(self) -> None:
        shown = self._shown
        self._pages.setCurrentIndex(0 if shown is None else 1)
        if shown is None:
            return
        self._caption.setText(shown.caption)
        self._summary.setText(summary(shown.evaluation))
        self._sample.setText(tr("sample data") if shown.sample else "")
        mistakes = most_frequent_mistakes(shown.evaluation, MISTAKES)
        names = shown.evaluation.classes
        for i, label in enumerate(self._mistakes):
            text = hint = ""
            if i < len(mistakes):
                one = mistakes[i]
                text = tr("{true} → {predicted}: {count} ({percent}%)").format(
                    true=short_name(names[one.true]),
                    predicted=short_name(names[one.predicted]),
                    count=f"{one.count:,}",
                    percent=f"{one.percent:.1f}",
                )
                hint = read_out(shown.evaluation, one.true, one.predicted)
            elif i == 0:
                text = tr("None") if shown.evaluation.total else "—"
            label.setText(text)
            label.setToolTip(tooltip(hint))
        if self._matrix.cell() is None:
            self.say("")

    def say(self, text: str) -> None:
        """Words in the line below the matrix; empty for those that tell what to do."""
        self._readout.set_tint("text" if text else "muted")
        self._readout.setText(
            text or tr("Point at a cell or use the arrow keys; a click or Enter shows its images.")
        )

    def copy(self) -> None:
        """Put the counts on the clipboard, as text with tabs and as a table for spreadsheets."""
        if self._shown is None:
            return
        rows = table_rows(self._shown.evaluation, corner(self._shown.sample))
        copy_table(rows, described(self._shown))
        self.say(tr("Copied the counts as a table."))

    def _ask_where(self) -> None:
        shown = self._shown
        if shown is None:
            return

        def save(path: Path, kind: str) -> None:
            # What was on the screen when it was asked for, also where an epoch ended meanwhile.
            self._write(shown, path, kind)

        ask_to_save(
            self,
            tr("Export the confusion matrix"),
            file_name(f"confusion {shown.caption}"),
            {"png": tr("Picture"), "svg": tr("Drawing"), "csv": tr("Table of counts")},
            save,
        )

    def _write(self, shown: Shown, path: Path, kind: str) -> None:
        try:
            with atomic.replacing(path) as file:
                file.write(file_content(shown, kind, self.font()))
        except OSError as error:
            self.problem.emit(
                tr("{path}: cannot be written ({reason}).").format(
                    path=path, reason=error.strerror or error
                )
            )
            return
        self.say(tr("Saved {name}.").format(name=path.name))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._mistakes_box.setVisible(self.height() >= LIST_FROM_HEIGHT)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def retranslate(self) -> None:
        self._empty.setText(
            tr(
                "The confusion matrix appears after the first epoch, and when a saved run is "
                "opened or weights are tested."
            )
        )
        self._matrix.setAccessibleName(tr("Confusion matrix"))
        self._mistakes_title.setText(tr("Most frequent errors"))
        self._copy.setText(tr("Copy as table"))
        self._copy.setToolTip(tr("Counts with class names, for a spreadsheet."))
        self._export.setText(tr("Export…"))
        self._export.setToolTip(tr("Save as PNG or SVG (dark on white), or the counts as CSV."))
        if self._again is not None:
            self._again()
        self._fill()
        self._matrix.tell()


if __name__ == "__main__":
    import random
    import sys

    from PySide6.QtWidgets import QApplication

    from workbench.data.data_choice import CIFAR10_CLASSES

    application = QApplication(sys.argv)
    theme.Theme(application)
    rows = [[random.randrange(60) for _ in range(10)] for _ in range(10)]
    for i, row in enumerate(rows):
        row[i] += 1000 - sum(row)
    right = sum(row[i] for i, row in enumerate(rows))
    view = ConfusionView()
    view.show_evaluation(
        Evaluation(
            "train",
            right,
            10_000,
            right / 100,
            0.9,
            CIFAR10_CLASSES,
            tuple(row[i] / 10 for i, row in enumerate(rows)),
            tuple(map(tuple, rows)),
        ),
        "007 Adam, epoch 3, test in training mode, CIFAR-10, JPEG",
        sample=False,
    )
    view.resize(620, 560)
    view.show()
    sys.exit(application.exec())
