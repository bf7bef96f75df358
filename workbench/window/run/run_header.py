"""The header of the middle: which run it is, how far it is, and its one strong number."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from workbench.engine.pace import Slowdown
from workbench.messages import Message
from workbench.spec.expected import LEVEL, Expected
from workbench.spec.presets import Reported
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import say, tr
from workbench.window.run.slow_notice import SlowNotice
from workbench.words.figures import aligned, percent, three_digits, time_left

_PARTS = 1000  # of the progress bar, which counts in 32 bits; a long run has more steps


def comparable(reported: Reported, mode: str, final: bool) -> tuple[float, bool]:
    """The reported accuracy that an accuracy taken in ``mode`` compares with, and whether it is
    approximate. 009 and 010 report two: after the epochs in training mode, and the final test in
    evaluation mode."""
    if mode == "train" and not final and reported.accuracy_train_mode is not None:
        return reported.accuracy_train_mode, False
    return reported.accuracy, reported.accuracy_is_approximate


TRACK = {"on track": "on track", "below": "below expected", "above": "above expected"}
"""Words for how a run stands to the expected curve."""


def track_basis(expected: Expected, epoch: int, accuracy: float, otherwise: bool) -> str:
    """What "on track" after ``epoch`` goes by: the test accuracy after it, in which mode, and the
    band that it is compared with, its level, seeds, data and device. Empty without a band there."""
    low, high = expected.low[epoch - 1], expected.high[epoch - 1]
    if low is None or high is None:
        return ""
    text = tr(
        "After epoch {epoch}, {low} to {high} is expected: {level} of runs stay in the band of "
        "these {seeds} seeds in every epoch. Measured on {data} with {device}."
    )
    compared = (
        tr(
            "Goes by the test accuracy after epoch {epoch}, {accuracy} in training mode, not by "
            "the final test."
        )
        if otherwise
        else tr("Goes by the test accuracy after epoch {epoch}, {accuracy}.")
    )
    compared = compared.format(epoch=epoch, accuracy=percent(accuracy))
    return f"{compared} " + text.format(
        epoch=epoch,
        low=percent(max(low, 0.0)),
        high=percent(min(high, 100.0)),
        level=f"{LEVEL:.0%}",
        seeds=expected.seeds[epoch - 1],
        data=expected.data,
        device=expected.device,
    )


class RunHeader(QFrame):
    """Name, state, test accuracy and progress of the run that the middle shows.

    Shows what it is told and computes no speed: ``Speed`` does.
    """

    threads_wanted = Signal(int)
    """The run is to go on with so many threads of the CPU."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runHeader")
        self.setProperty("card", True)

        self._empty = QLabel()
        self._empty.setObjectName("runHeaderEmpty")
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._name = ElidedLabel("text")
        self._name.setObjectName("runName")
        self._state_label = self._label("runState")
        self._caption = self._label("accuracyCaption", "muted")
        self._number = self._label("accuracyNumber")
        self._sample_label = self._label("sampleMark", "sample")
        self._best_label = ElidedLabel("muted")  # yields, so that its words move no dock
        self._best_label.setObjectName("bestAccuracy")
        self._reported_label = self._label("reportedAccuracy", "reported")
        self._bar = QProgressBar()
        self._bar.setObjectName("progressBar")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _PARTS)
        self._done_label = ElidedLabel("muted")
        self._done_label.setObjectName("runProgress")
        self._speed_label = self._label("runSpeed", "muted")
        self._left_label = self._label("runTimeLeft", "muted")
        self._slow_notice = SlowNotice()
        self._slow_notice.threads_wanted.connect(self.threads_wanted)
        self._message_label = self._label("runMessage", "problem")
        self._message_label.setWordWrap(True)
        self._chance_label = self._label("chanceNote", "muted")
        self._chance_label.setWordWrap(True)
        self._message_label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for label in (
            self._caption,
            self._number,
            self._best_label,
            self._speed_label,
            self._left_label,
        ):
            label.setAlignment(right)

        content = QWidget()
        rows = QVBoxLayout(content)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(3)
        rows.addLayout(_row(self._name, self._caption, self._number, self._sample_label))
        second = _row(self._state_label, self._best_label, self._reported_label)
        second.setStretchFactor(self._state_label, 0)
        second.setStretchFactor(self._best_label, 1)
        rows.addLayout(second)
        rows.addWidget(self._bar)
        rows.addLayout(_row(self._done_label, self._speed_label, self._left_label))
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 9, 14, 9)
        column.setSpacing(3)
        # Pages of one stack, so that the header is as high without a run as with one.
        self._pages = QStackedLayout()
        column.addLayout(self._pages)
        column.addWidget(self._chance_label)
        column.addWidget(self._slow_notice)
        column.addWidget(self._message_label)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(content)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

        self._forget()
        self._set_fonts()
        self.retranslate()

    def _label(self, name: str, role: str = "") -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            label.setProperty("role", role)
        return label

    def _forget(self) -> None:
        self._running = False
        self._run_name = ""
        self._summary = ""
        self._state: Message | None = None
        self._track: tuple[Expected, int, float, bool] | None = None
        self._sample = False
        self._reported: Reported | None = None
        self._accuracy: float | None = None
        self._best: tuple[float, int] | None = None
        self._best_validation: float | None = None
        self._best_otherwise = False
        self._mirrored = False
        self._mode: Literal["train", "eval"] = "eval"
        self._final = False
        self._steps: tuple[int, int, int, int] | None = None
        self._ended_early = False
        self._pace: tuple[float | None, float | None] = (None, None)
        self._other: tuple[int, int, str] | None = None
        self._problem: Message | str = ""
        self._chance: Message | None = None
        self._slow_notice.show_slowdown(None)

    # --- what the window tells it -------------------------------------------------------

    def show_idle(self) -> None:
        """No run to show: says what to do. A message may follow, as of a run that failed before it
        was kept."""
        self._forget()
        self.retranslate()

    def show_run(self, name: str, state: Message, sample: bool, reported: Reported | None) -> None:
        """A run, still without figures. ``state`` is its status in a word;
        ``reported`` is left out on the sample."""
        self._forget()
        self._running = True
        self._run_name = name
        self._state = state
        self._sample = sample
        self._reported = None if sample else reported
        self.retranslate()

    def set_name(self, name: str) -> None:
        """The run was renamed."""
        self._run_name = name
        self._show_name()

    def set_summary(self, text: str) -> None:
        """The run's hyperparameters in short, which the form may show no more."""
        self._summary = text
        self._show_name()

    def _show_name(self) -> None:
        self._name.setText(self._run_name)
        self._name.setToolTip(tooltip(*filter(None, (self._run_name, self._summary))))

    def set_state(self, state: Message) -> None:
        """``state`` as in :meth:`show_run`."""
        self._state = state
        self.retranslate()

    def set_progress(
        self,
        epoch: int,
        epochs: int,
        step: int,
        steps: int,
        images_per_second: float | None = None,
        seconds_left: float | None = None,
        ended_early: bool = False,
    ) -> None:
        """After ``step`` of ``steps`` of ``epoch`` of ``epochs``, all from 1. Speed and time are
        left empty where they are ``None``, as for a run that does not train. ``ended_early``: by
        early stopping, so that this is its end."""
        self._steps = (epoch, epochs, step, steps)
        self._ended_early = ended_early
        self._pace = (images_per_second, seconds_left)
        self._other = None
        self._show_progress()

    def set_data_progress(
        self, done: int, total: int, unit: Literal["files", "bytes"] = "files"
    ) -> None:
        """While data load; a ``total`` of 0 is not known yet."""
        self._other = (done, total, unit)
        self._show_progress()

    def set_accuracy(
        self,
        accuracy: float | None,
        best: float | None,
        best_epoch: int | None,
        mode: Literal["train", "eval"],
        final: bool,
        best_validation: float | None = None,
        best_otherwise: bool = False,
        mirrored: bool = False,
    ) -> None:
        """Test accuracies in percent; ``mode`` is how ``accuracy`` was taken, ``final`` whether
        it is that of the final test. ``best_validation``: by which accuracy on the validation split
        the best epoch was chosen, ``None`` where it was by the test. ``best_otherwise``:
        whether ``best`` was taken in training mode, where that is another figure than in
        evaluation mode; ``mirrored``: of the mean of each image and its mirror image."""
        self._accuracy = accuracy
        self._best = (best, best_epoch) if best is not None and best_epoch is not None else None
        self._best_validation, self._best_otherwise = best_validation, best_otherwise
        self._mode, self._final, self._mirrored = mode, final, mirrored
        self._show_accuracy()

    def set_track(
        self,
        expected: Expected | None,
        epoch: int,
        accuracy: float,
        otherwise: bool = False,
    ) -> None:
        """How ``accuracy`` after ``epoch``, taken in training mode where ``otherwise``, stands to
        what is ``expected``, beside the state."""
        self._track = (expected, epoch, accuracy, otherwise) if expected is not None else None
        self._show_state()

    def set_chance(self, sentence: Message | None) -> None:
        """Says that the accuracy is no better than chance; ``None`` where it is."""
        self._chance = sentence
        self._show_message()

    def set_slowdown(self, slowdown: Slowdown | None) -> None:
        """Whether another program slows the run down, and what would help."""
        self._slow_notice.show_slowdown(slowdown)

    def set_message(self, text: Message | str) -> None:
        """Why the run failed; empty for nothing."""
        self._problem = text
        self._show_message()

    # --- what it shows ------------------------------------------------------------------

    def retranslate(self) -> None:
        self._empty.setText(
            tr("No run here yet. Choose a preset and press Train, or open a saved run.")
        )
        self._pages.setCurrentIndex(1 if self._running else 0)
        self._bar.setAccessibleName(tr("Progress of the run"))
        self._reserve()
        self._show_name()
        self._show_state()
        self._sample_label.setText(tr("sample") if self._sample else "")
        self._sample_label.setVisible(self._sample)
        self._sample_label.setToolTip(tr("Measured on sample data, made by the program."))
        self._show_accuracy()
        self._show_progress()
        self._show_message()

    def _reserve(self) -> None:
        # Room for the widest figure that can come, so that nothing moves when it comes.
        def room(label: QLabel, *texts: str) -> None:
            metrics = label.fontMetrics()
            label.setMinimumWidth(max(map(metrics.horizontalAdvance, texts)) + 2)
            # A line of Korean is taller than one of figures, where another font steps in.
            wide = QRect(0, 0, 10_000, 1000)
            label.setMinimumHeight(max(metrics.boundingRect(wide, 0, t).height() for t in texts))

        room(self._number, percent(100.0))
        room(self._caption, tr("test accuracy"), tr("final test accuracy"))
        room(self._speed_label, tr("{speed} images/s").format(speed="99,900"))
        room(
            self._left_label,
            tr("{minutes} min left").format(minutes="59"),
            tr("{hours} h {minutes} min left").format(hours="23", minutes="59"),
        )

    def _show_state(self) -> None:
        text, tip = say(self._state) if self._state else "", ""
        if self._track is not None:
            expected, epoch, accuracy, otherwise = self._track
            judged = expected.judge(epoch, accuracy)
            if judged is not None:
                text = f"{text} · {tr(TRACK[judged])}"
                tip = track_basis(expected, epoch, accuracy, otherwise)
        self._state_label.setText(text)
        self._state_label.setToolTip(tooltip(tip))

    def _show_accuracy(self) -> None:
        known = self._accuracy is not None
        caption = tr("final test accuracy") if self._final else tr("test accuracy")
        self._caption.setText(
            f"{caption}, {tr('with mirror images')}" if self._mirrored else caption
        )
        self._number.setText("–" if self._accuracy is None else percent(self._accuracy))
        mode = (
            tr("Measured in training mode: dropout on, batch norm with the batch's own statistics.")
            if self._mode == "train"
            else tr("Measured in evaluation mode.")
        )
        if self._mirrored:
            mode += " " + tr("Measured on the mean of each image and its mirror image.")
        self._number.setToolTip(mode if known else "")
        self._caption.setToolTip(mode if known else "")
        best = tip = ""
        if self._best is not None:
            validation = self._best_validation
            if validation is None:
                template = tr("best epoch {epoch} by test: {accuracy}")
                tip = (
                    tr("Selected on the test set.")
                    if self._best_otherwise
                    else tr("Selected on the test set, so optimistic.")
                )
            else:
                template = tr("best epoch {epoch} by validation: test {accuracy}")
                tip = tr(
                    "Test accuracy of the epoch with the best validation accuracy, {validation}."
                ).format(validation=percent(validation))
            accuracy = percent(self._best[0])
            if self._best_otherwise:
                accuracy = tr("{accuracy} in training mode").format(accuracy=accuracy)
                tip += " " + tr(
                    "Like every test after an epoch of this run, it was measured in training "
                    "mode; the final test is in evaluation mode and cannot be compared with it."
                )
            best = template.format(accuracy=accuracy, epoch=self._best[1])
        self._best_label.setText(best)
        self._best_label.setToolTip(tooltip(best, tip))
        self._reported_label.setText("")
        self._reported_label.setToolTip("")
        self._reported_label.setVisible(self._reported is not None)
        if self._reported is not None:
            value, approximate = comparable(self._reported, self._mode, self._final)
            figure = f"≈{value:g}%" if approximate else percent(value)
            text = tr("reported {accuracy}").format(accuracy=figure)
            self._reported_label.setText(text)
            if self._reported.accuracy_train_mode is not None:
                self._reported_label.setToolTip(
                    tr(
                        "The report has {train} in training mode after the last epoch and {final} "
                        "in the final test."
                    ).format(
                        train=percent(self._reported.accuracy_train_mode),
                        final=percent(self._reported.accuracy),
                    )
                )

    def _show_progress(self) -> None:
        speed, left = self._pace
        text, done, total = "", 0.0, 1.0
        if self._other is not None:
            speed = left = None
            done, total, unit = self._other
            if unit == "bytes":
                text = tr("{done} of {total} MB").format(
                    done=aligned(round(done / 1e6), round(total / 1e6)),
                    total=f"{round(total / 1e6):,}",
                )
            else:
                text = tr("{done} of {total} files").format(
                    done=aligned(int(done), int(total)), total=f"{total:,}"
                )
        elif self._steps is not None:
            epoch, epochs, step, steps = self._steps
            done, total = (epoch - 1) * steps + step, epochs * steps
            text = tr("epoch {epoch} of {epochs} · step {step} of {steps}").format(
                epoch=f"{epoch:,}",
                epochs=f"{epochs:,}",
                step=aligned(step, steps),
                steps=f"{steps:,}",
            )
            if self._ended_early:
                done = total
                text = tr("ended early after epoch {epoch} of {epochs}").format(
                    epoch=f"{epoch:,}", epochs=f"{epochs:,}"
                )
        if total > 0:
            self._bar.setRange(0, _PARTS)
            self._bar.setValue(round(_PARTS * min(max(done / total, 0.0), 1.0)))
        else:
            self._bar.setRange(0, 0)  # Qt shows "busy"
            text = ""
        self._done_label.setText(text)
        self._speed_label.setText(
            tr("{speed} images/s").format(speed=three_digits(speed)) if speed else ""
        )
        self._left_label.setText("" if left is None else say(time_left(left)))

    def _show_message(self) -> None:
        text = say(self._problem) if isinstance(self._problem, Message) else self._problem
        self._message_label.setText(text)
        self._message_label.setVisible(bool(text))
        self._chance_label.setText(say(self._chance) if self._chance else "")
        self._chance_label.setVisible(self._chance is not None)

    def _set_fonts(self) -> None:
        for label, factor in ((self._name, 1.25), (self._number, 1.45)):
            font = QFont(self.font())
            font.setPointSizeF(font.pointSizeF() * factor)
            font.setBold(True)
            label.setFont(font)
        for label in (self._number, self._done_label, self._speed_label, self._left_label):
            font = label.font()
            font.setFeature(QFont.Tag("tnum"), 1)  # digits of one width
            label.setFont(font)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _row(first: QWidget, *others: QWidget) -> QHBoxLayout:
    """``first`` at the left with whatever room there is, ``others`` at the right."""
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(first, 1)
    for widget in others:
        row.addWidget(widget)
    return row


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    from workbench.window.kit.theme import Theme

    application = QApplication([])
    Theme(application)
    window = QWidget()
    column = QVBoxLayout(window)
    header = RunHeader()
    header.show_run("009 · Dropout, fixed", Message("Training"), False, Reported(accuracy=74.96))
    header.set_progress(18, 30, 1240, 3125, 62_300, 543)
    header.set_accuracy(72.4, 72.9, 16, "eval", False)
    column.addWidget(header)
    column.addWidget(RunHeader())
    window.resize(620, 240)
    window.show()
    application.exec()
