"""The header of the middle: which run it is, how far it is, and its one strong number."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QEvent, QRect, Qt, Signal
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

from workbench.analysis.chance import chance_sentence
from workbench.engine.events import EvaluationProgress, Event, StepsDone
from workbench.engine.run_state import RunState
from workbench.engine.status import RunStatus
from workbench.messages import Message
from workbench.spec.presets import Reported
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import summaries, tooltip
from workbench.window.kit.translation import say, tr
from workbench.window.run.header_words import (
    TRACK,
    best_words,
    comparable,
    loads,
    progress_words,
    status_in_words,
    tested_otherwise,
    track_basis,
)
from workbench.window.run.shown_run import ShownRun
from workbench.window.run.slow_notice import SlowNotice
from workbench.words.figures import percent, three_digits, time_left
from workbench.words.titles import run_title

REFRESH = 300
"""Milliseconds between two paintings of steps."""

_PARTS = 1000  # of the progress bar, which counts in 32 bits; a long run has more steps


class RunHeader(QFrame):
    """Name, status, test accuracy and progress of the run on show, made from its state."""

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

        self._run: ShownRun | None = None
        self._message: Message | None = None
        self._since = QElapsedTimer()
        self._status: RunStatus | None = None
        self._set_fonts()
        self.retranslate()

    def _label(self, name: str, role: str = "") -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            label.setProperty("role", role)
        return label

    # --- what the window tells it -------------------------------------------------------

    def show_run(self, run: ShownRun | None, message: Message | None = None) -> None:
        """Show ``run``; ``None``: say what to do. ``message``: why there is none, as of a run that
        failed before it was kept."""
        self._run, self._message = run, message
        self._slow_notice.show_slowdown(run.state.slowdown if run else None)
        self.retranslate()

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Follow the run. Steps are painted every :data:`REFRESH` ms, and the last of an epoch."""
        before, self._run = self._run, run
        if isinstance(event, EvaluationProgress) and run.state.status is self._status:
            return
        fresh = self._since.isValid() and self._since.elapsed() < REFRESH
        if isinstance(event, StepsDone) and fresh and event.step != run.state.steps_per_epoch:
            return
        if before is None or before.state.slowdown is not run.state.slowdown:
            self._slow_notice.show_slowdown(run.state.slowdown)
        self._show_all()

    # --- what it shows ------------------------------------------------------------------

    def retranslate(self) -> None:
        self._empty.setText(
            tr("No run here yet. Choose a preset and press Train, or open a saved run.")
        )
        self._bar.setAccessibleName(tr("Progress of the run"))
        self._sample_label.setToolTip(tr("Measured on sample data, made by the program."))
        self._reserve()
        self._show_all()

    def _show_all(self) -> None:
        self._since.start()
        run = self._run
        self._pages.setCurrentIndex(0 if run is None else 1)
        if run is not None:
            self._status = run.state.status
            self._sample_label.setText(tr("sample") if run.sample else "")
            self._sample_label.setVisible(run.sample)
            self._show_name(run)
            self._show_status(run)
            self._show_accuracy(run)
            self._show_best(run)
            self._show_reported(run)
            self._show_progress(run)
        self._show_message()

    def _show_name(self, run: ShownRun) -> None:
        name = run.title if run.record is None else run_title(run.record, tr)
        summary = summaries(run.experiment)[0] if run.experiment is not None else ""
        self._name.setText(name)
        self._name.setToolTip(tooltip(*filter(None, (name, summary))))

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

    def _show_status(self, run: ShownRun) -> None:
        text, tip = say(status_in_words(run)), ""
        if run.expected is not None and run.state.finished_epochs:
            last, otherwise = run.state.finished_epochs[-1], tested_otherwise(run)
            judged = run.expected.judge(last.epoch, last.test.accuracy)
            if judged is not None:
                text = f"{text} · {tr(TRACK[judged])}"
                tip = track_basis(run.expected, last.epoch, last.test.accuracy, otherwise)
        self._state_label.setText(text)
        self._state_label.setToolTip(tooltip(tip))

    def _show_accuracy(self, run: ShownRun) -> None:
        test = run.state.test
        final = test is not None and run.state.final
        caption = tr("final test accuracy") if final else tr("test accuracy")
        mirrored = test is not None and test.mirrored
        self._caption.setText(f"{caption}, {tr('with mirror images')}" if mirrored else caption)
        self._number.setText(percent(test.accuracy if test else None))
        tip = ""
        if test is not None:
            tip = (
                tr(
                    "Measured in training mode: dropout on, batch norm with the batch's own "
                    "statistics."
                )
                if test.mode == "train"
                else tr("Measured in evaluation mode.")
            )
        if mirrored:
            tip += " " + tr("Measured on the mean of each image and its mirror image.")
        self._number.setToolTip(tip)
        self._caption.setToolTip(tip)

    def _show_best(self, run: ShownRun) -> None:
        text = tip = ""
        # Without a test it is not known what the best one stands beside.
        if run.state.test is not None and (best := run.state.best) is not None:
            text, tip = best_words(best, tested_otherwise(run))
        self._best_label.setText(text)
        self._best_label.setToolTip(tooltip(text, tip))

    def _show_reported(self, run: ShownRun) -> None:
        reported = None if run.sample else run.reported
        self._reported_label.setText("")
        self._reported_label.setToolTip("")
        self._reported_label.setVisible(reported is not None)
        if reported is None:
            return
        test = run.state.test
        mode = test.mode if test is not None else "eval"
        value, approximate = comparable(reported, mode, run.state.final)
        figure = f"≈{value:g}%" if approximate else percent(value)
        self._reported_label.setText(tr("reported {accuracy}").format(accuracy=figure))
        if reported.accuracy_train_mode is not None:
            self._reported_label.setToolTip(
                tr(
                    "The report has {train} in training mode after the last epoch and {final} "
                    "in the final test."
                ).format(
                    train=percent(reported.accuracy_train_mode), final=percent(reported.accuracy)
                )
            )

    def _show_progress(self, run: ShownRun) -> None:
        state = run.state
        text, done, total = progress_words(run)
        if total > 0:
            self._bar.setRange(0, _PARTS)
            self._bar.setValue(round(_PARTS * min(max(done / total, 0.0), 1.0)))
        else:
            self._bar.setRange(0, 0)  # Qt shows "busy"
        self._done_label.setText(text)
        trains = run.live and loads(state) is None
        speed = state.speed.images_per_second if trains else None
        left = state.seconds_left if trains else None
        self._speed_label.setText(
            tr("{speed} images/s").format(speed=three_digits(speed)) if speed else ""
        )
        self._left_label.setText("" if left is None else say(time_left(left)))

    def _show_message(self) -> None:
        run, message, chance = self._run, self._message, None
        if run is not None:
            message = run.state.reason or run.damaged
            # During a run a test at chance is only the beginning.
            if run.state.test is not None and (run.state.final or not run.live):
                chance = chance_sentence(run.state.test)
        self._message_label.setText(say(message) if message else "")
        self._message_label.setVisible(message is not None)
        self._chance_label.setText(say(chance) if chance else "")
        self._chance_label.setVisible(chance is not None)

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
    header.show_run(
        ShownRun(
            RunState(RunStatus.TRAINING, epochs=30, steps_per_epoch=3125, epoch=18, step=1240),
            title="009 · Dropout, fixed",
            reported=Reported(accuracy=74.96),
            key="run 1",
        )
    )
    column.addWidget(header)
    column.addWidget(RunHeader())
    window.resize(620, 240)
    window.show()
    application.exec()
