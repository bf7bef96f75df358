"""Weights in use: which weights are loaded, and what their latest test gave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from workbench.messages import Count
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.translation import tr
from workbench.window.saved.run_table import plain_tooltip
from workbench.words.figures import percent

LINES = 3
"""Lines of text that room is reserved for below the title: the file's name and two more."""


def result_text(accuracy: float, total: int, data_name: str, sample: bool) -> str:
    """``70.21% of 10,000 on CIFAR-10``; ``accuracy`` in percent of ``total`` test images. For
    sample data the name is left out: the word stands beside it."""
    figure, count = percent(accuracy), f"{total:,}"
    if sample:
        return tr("{accuracy} of {total}").format(accuracy=figure, total=count)
    return tr("{accuracy} of {total} on {data}").format(
        accuracy=figure, total=count, data=data_name
    )


def fitted(texts: Sequence[str], count: int) -> list[str]:
    """Exactly ``count`` lines: the last takes all that is left, or empty ones are added."""
    lines = [*texts, *[""] * count]
    return [*lines[: count - 1], " · ".join(filter(None, lines[count - 1 :]))]


def notes_text(notes: Sequence[str]) -> str:
    """One line for all notes: the first, and how many there are."""
    if len(notes) < 2:
        return "".join(notes)
    return tr("{count:note|notes}: {first}").format(count=Count(len(notes)), first=notes[0])


class WeightsCard(QFrame):
    """The weights that are in use, a button that tests them, and the latest test."""

    test_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weightsCard")
        self.setProperty("card", "true")
        self._path: Path | None = None
        self._result: tuple[float, int, int, str, bool] | None = None
        self._done, self._total = 0, 0
        self._on, self._reason = True, ""

        self.heading = QLabel()
        self.heading.setProperty("role", "heading")
        self.title = ElidedLabel("text")
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.lines = [ElidedLabel("muted") for _ in range(LINES)]
        self.notes = ElidedLabel("muted")
        self.notes.setObjectName("weightsNotes")
        self.empty = ElidedLabel("muted")
        self.empty.setObjectName("noWeights")
        self.test_button = QPushButton()
        self.test_button.setObjectName("testButton")
        self.test_button.clicked.connect(self.test_requested)
        self.result = ElidedLabel("text")
        self.result.setObjectName("testResult")
        self.sample = QLabel()
        self.sample.setProperty("role", "sample")
        self.progress = QProgressBar()
        self.progress.setObjectName("testProgress")
        self.progress.setTextVisible(False)
        # Its room is kept when it is not seen.
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)

        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self.test_button)
        bottom.addWidget(self.result, 1)
        bottom.addWidget(self.sample)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(3)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.heading)
        top.addWidget(self.empty, 1)
        layout.addLayout(top)
        # One line where there are no weights: the room is the table's.
        self._loaded = QWidget()
        loaded = QVBoxLayout(self._loaded)
        loaded.setContentsMargins(0, 2, 0, 0)
        loaded.setSpacing(3)
        for line in (self.title, *self.lines, self.notes):
            loaded.addWidget(line)
        loaded.addSpacing(4)
        loaded.addLayout(bottom)
        loaded.addSpacing(4)
        loaded.addWidget(self.progress)
        layout.addWidget(self._loaded)
        self.clear()
        self.retranslate()

    # --- what the main window uses

    def show_weights(
        self, path: str | Path, title: str, lines: Sequence[str], notes: Sequence[str]
    ) -> None:
        """Weights were loaded from ``path``. ``title`` names them; ``lines`` say what they are
        (preset, epochs, data they were trained on), ``notes`` what had to be assumed. A result
        of other weights goes."""
        self._path = Path(path)
        self._result = None
        self._done = self._total = 0
        _show(self.title, title, str(path))
        texts = [self._path.name, *lines]
        for line, text in zip(self.lines, fitted(texts, LINES), strict=True):
            _show(line, text, "\n".join([str(path), *lines]) if text else "")
        _show(self.notes, notes_text(notes), "\n".join(notes))
        self._update()

    def clear(self) -> None:
        """No weights are in use."""
        self._path = None
        self._result = None
        self._done = self._total = 0
        self.title.setText("")
        for line in (*self.lines, self.notes):
            line.setText("")
        self._update()

    def set_testing(self, done: int, total: int) -> None:
        """``done`` of ``total`` test images while a test runs; a ``total`` of 0 ends it."""
        self._done, self._total = done, total
        self._update()

    def set_result(
        self, accuracy: float, correct: int, total: int, data_name: str, sample: bool
    ) -> None:
        """The latest test: ``accuracy`` in percent, ``correct`` of ``total`` test images of
        the data set ``data_name``; ``sample`` where that is the program's own."""
        self._result = (accuracy, correct, total, data_name, sample)
        self._done = self._total = 0
        self._update()

    def set_enabled(self, on: bool, reason: str = "") -> None:
        """Return whether a test can be started; ``reason`` says in the tooltip why not."""
        self._on, self._reason = on, reason
        self._update()

    # --- what is shown

    def retranslate(self) -> None:
        self.heading.setText(tr("Weights in use"))
        self.empty.setText(tr("None: load a saved run, or open a .pkl file."))
        self.empty.setToolTip(self.empty.text())
        self.test_button.setText(tr("Test"))
        self.progress.setAccessibleName(tr("Progress of the test"))
        self.sample.setText(tr("sample"))
        self._update()

    def _update(self) -> None:
        loaded, testing = self._path is not None, self._total > 0
        self.empty.setVisible(not loaded)
        self._loaded.setVisible(loaded)
        self.progress.setVisible(testing)
        self.progress.setRange(0, max(1, self._total))
        self.progress.setValue(self._done)
        if not loaded:
            reason = tr("Load weights first.")
        elif testing:
            reason = tr("A test is running.")
        else:
            reason = "" if self._on else self._reason
        self.test_button.setEnabled(loaded and self._on and not testing)
        self.test_button.setToolTip(
            reason or tr("Test these weights on the chosen data set, in evaluation mode")
        )
        result = self._result
        self.sample.setVisible(bool(result and result[4] and not testing))
        if testing:
            self.result.setText(
                tr("{done} of {total} images").format(
                    done=f"{self._done:,}", total=f"{self._total:,}"
                )
            )
        elif result:
            accuracy, correct, total, data_name, sample = result
            detail = tr("{correct} of {total} test images right").format(
                correct=f"{correct:,}", total=f"{total:,}"
            )
            text = result_text(accuracy, total, data_name, sample)
            _show(self.result, text, f"{text}\n{detail}")
        else:
            self.result.setText("")
        self.result.setAccessibleName(
            f"{self.result.text()} {tr('sample') if result and result[4] else ''}".strip()
        )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _show(label: ElidedLabel, text: str, whole: str) -> None:
    """``text`` on one line, and ``whole`` in the tooltip."""
    label.setText(" ".join(text.split()))
    label.setToolTip(plain_tooltip(whole))


if __name__ == "__main__":
    import sys

    from PySide6.QtWidgets import QApplication

    from workbench.window.kit.theme import Theme

    app = QApplication([])
    Theme(app)
    preview = WeightsCard()
    preview.show_weights(
        "mlp_weight_007.pkl", "007 Adam", ["3 epochs on CIFAR-10"], ["ReLU is assumed."]
    )
    preview.set_result(70.21, 7021, 10000, "CIFAR-10", sample=False)
    preview.show()
    sys.exit(app.exec())
