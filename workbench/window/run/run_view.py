"""The middle of the window: one run, the one that trains or a saved one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QElapsedTimer, QEvent, Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from workbench.analysis.chance import chance_sentence
from workbench.data.progress import DataProgress
from workbench.engine.events import (
    EpochDone,
    Evaluation,
    EvaluationProgress,
    FinalTest,
    RunEnded,
    RunStarted,
    StepsDone,
)
from workbench.engine.pace import Slowdown
from workbench.engine.run_state import RunState
from workbench.engine.status import RunStatus
from workbench.library.run_folder import (
    RunRecord,
    read_epochs,
    read_log,
    read_losses,
    read_record,
    read_test,
)
from workbench.messages import Message, WorkbenchError
from workbench.spec.altered_data import is_comparable
from workbench.spec.expected import Expected, expected_of
from workbench.spec.experiment import Experiment, experiment_from
from workbench.spec.presets import Reported, how_it_ran, preset_with_id
from workbench.spec.schedulers import SCHEDULERS
from workbench.window.kit.hyperparameter_text import summaries
from workbench.window.kit.translation import say, tr
from workbench.window.run.classes_view import ClassesView
from workbench.window.run.confusion_view import ConfusionView
from workbench.window.run.images_view import ImagesView
from workbench.window.run.live_view import REFRESH, LiveView
from workbench.window.run.log_view import LogView
from workbench.window.run.report_view import ReportView
from workbench.window.run.run_details import RunDetails
from workbench.window.run.run_header import RunHeader
from workbench.words.status import ELSEWHERE, record_status, status_word
from workbench.words.titles import data_name, run_title


class RunView(QWidget):
    """Header and tabs of the run that is shown.

    ``live_run`` is the folder of the run that this window trains, ``shown_run`` that of the one
    that is shown; events of the live run are drawn while it is the shown one, and its files are
    read when it is shown again.
    """

    problem = Signal(str)
    shown_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.header = RunHeader()
        self.live = LiveView()
        self.confusion = ConfusionView()
        self.log = LogView()
        self.details = RunDetails()
        self.report = ReportView()
        self.classes = ClassesView()
        self.images = ImagesView()
        self.tabs = QTabWidget()
        self.tabs.setObjectName("tabs")
        self.tabs.setDocumentMode(True)
        for view in (
            self.live,
            self.confusion,
            self.classes,
            self.images,
            self.report,
            self.log,
            self.details,
        ):
            self.tabs.addTab(view, "")
        self.live.problem.connect(self.problem)
        self.confusion.problem.connect(self.problem)
        self.confusion.images_wanted.connect(self._show_images)
        self.log.problem.connect(self.problem)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 4)
        layout.setSpacing(6)
        layout.addWidget(self.header)
        layout.addWidget(self.tabs, 1)

        self.live_run: str | None = None
        self.shown_run: str | None = None
        self._record: RunRecord | None = None
        self._expected: Expected | None = None
        self._matrix_has_images = False
        self._steps_drawn = 0
        self._epochs_drawn = 0
        self._state = RunState()
        self._slowdown: Slowdown | None = None
        self._latest: StepsDone | None = None
        self._progress_shown = QElapsedTimer()
        self._live_state = "loading"
        self._loading = ("", False)
        self._lines_drawn = self._lines_heard = 0
        # Shows the confusion matrix that is on, again: its caption is a sentence of ours.
        self._tested: Callable[[], None] | None = None
        self.retranslate()

    def show_above(self, widget: QWidget) -> None:
        """Puts ``widget`` over the header."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(0, widget)

    def retranslate(self) -> None:
        names = (
            tr("Live"),
            tr("Confusion"),
            tr("Classes"),
            tr("Images"),
            tr("Report"),
            tr("Log"),
            tr("Details"),
        )
        for index, text in enumerate(names):
            self.tabs.setTabText(index, text)
        if self._tested is not None:
            self._tested()
        if self._record is not None:
            self.header.set_name(run_title(self._record, tr))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    @property
    def shows_live(self) -> bool:
        """Whether the run that this window trains is the one that is shown."""
        return self.live_run is not None and self.live_run == self.shown_run

    @property
    def record(self) -> RunRecord | None:
        """The run that is shown; ``None`` without one, and while its data load."""
        return self._record

    # --- the run that trains -----------------------------------------------------------

    def begin(self, title: str, sample: bool) -> None:
        """A run was asked for: its data load."""
        self._clear()
        self.live_run = self.shown_run = ""
        self._loading, self._live_state = (title, sample), "loading"
        self._lines_heard = 0
        self.header.show_run(title, status_word("loading"), sample, None)
        self.tabs.setCurrentWidget(self.live)
        self.shown_changed.emit()

    def _clear(self) -> None:
        self.live.clear()
        self.confusion.clear()
        self.log.clear()
        self.details.show_record(None)
        self.report.show_record(None)
        self.classes.show_record(None)
        self.images.show_record(None)
        self._forget()

    def _forget(self) -> None:
        self._record = self._expected = None
        self._tested = self._latest = None
        self._steps_drawn = self._epochs_drawn = self._lines_drawn = 0

    def on_data_progress(self, event: DataProgress) -> None:
        if self.shows_live:
            self.header.set_data_progress(event.done, event.total, event.unit)

    def on_started(self, event: RunStarted) -> None:
        was_shown = self.shows_live
        self.live_run = event.run
        self._state = RunState().after(event)
        self._slowdown = None
        if was_shown:
            self.show_record(read_record(Path(event.run)))

    def on_steps(self, event: StepsDone) -> None:
        self._state = self._state.after(event)
        record = self._record
        if not self.shows_live or record is None:
            return
        # What was drawn from the run's files, when it was shown again, is not drawn twice.
        position = (event.epoch - 1) * record.steps_per_epoch + event.step
        new = min(position - self._steps_drawn, len(event.losses))
        if new > 0:
            self.live.add_losses(event.losses[-new:])
            self._steps_drawn = position
        self._latest = event
        passed = self._progress_shown.elapsed() if self._progress_shown.isValid() else REFRESH
        if passed >= REFRESH or event.step == record.steps_per_epoch:
            self._show_progress()

    def _show_progress(self) -> None:
        event, record = self._latest, self._record
        if event is None or record is None or not self.shows_live:
            return
        self._latest = None
        self._progress_shown.start()
        self.header.set_progress(
            event.epoch,
            record.epochs,
            event.step,
            record.steps_per_epoch,
            self._state.speed.images_per_second,
            self._state.seconds_left,
        )

    def on_slowed(self, slowdown: Slowdown | None) -> None:
        """Another program slows the run down; ``None``: it no longer does."""
        self._slowdown = slowdown
        if self.shows_live:
            self.header.set_slowdown(slowdown)

    def on_epoch(self, event: EpochDone) -> None:
        self._state = self._state.after(event)
        if not self.shows_live or self._record is None or event.epoch <= self._epochs_drawn:
            return
        record = self._record
        validation = event.validation.accuracy if event.validation else None
        best: dict[str, Any] = {}
        if event.best:
            best = {
                "best_epoch": event.epoch,
                "best_accuracy": event.test.accuracy,
                "best_validation_accuracy": validation,
            }
        self._record = replace(
            record,
            epochs_done=event.epoch,
            accuracy=event.test.accuracy,
            seconds=record.seconds + event.seconds + event.test_seconds,
            **best,
        )
        self._epochs_drawn = event.epoch
        self.live.add_epoch(event.epoch, event.test.accuracy, event.learning_rate, validation)
        self.details.show_record(self._record)
        self.report.show_record(self._record)
        self._show_test(event.test, event.epoch, final=False)
        self.header.set_track(
            self._expected, event.epoch, event.test.accuracy, record.tested_otherwise
        )

    def on_final_test(self, event: FinalTest) -> None:
        if self.shows_live and self._record is not None:
            self.live.set_final(event.figures.accuracy)
            self._show_test(event.figures, self._record.epochs_done, final=True)

    def on_lines(self, lines: list[str]) -> None:
        # Those that were read from the run's log, when it was shown again, are not added twice.
        new = lines[max(0, self._lines_drawn - self._lines_heard) :]
        self._lines_heard += len(lines)
        if self.shows_live and new:
            self.log.append(new)

    def on_state(self, state: str) -> None:
        """The session's state, while a run is under way."""
        if state not in list(RunStatus):
            return
        self._live_state = state
        self._show_progress()  # also the steps since the last painting: a pause may follow
        if self.shows_live:
            self.header.set_state(status_word(state))

    def on_evaluation(self, event: EvaluationProgress) -> None:
        """The test after an epoch, which leaves the bar where it is."""
        if self.shows_live and self._live_state == "training":
            status = "testing" if event.done < event.total else "training"
            self.header.set_state(status_word(status))

    def on_ended(self, event: RunEnded) -> None:
        """The run's end: a kept run stays on show as a saved one, a discarded one goes."""
        was_shown = self.shows_live
        self.live_run = None
        if not was_shown:
            return
        if event.run:
            self.show_record(read_record(Path(event.run)))
        else:
            self.shown_run = None
            self._clear()
            self.header.show_idle()
            if event.reason is not None:
                self.header.set_message(say(event.reason))
            self.shown_changed.emit()

    # --- any run, from its files -------------------------------------------------------

    def show_live(self) -> None:
        """Shows the run that trains again."""
        if self.live_run:
            self.show_record(read_record(Path(self.live_run)))
        elif self.live_run == "":  # its data still load
            title, sample = self._loading
            self._clear()
            self.shown_run = ""
            self.header.show_run(title, status_word("loading"), sample, None)
            self.shown_changed.emit()

    def is_outdated(self, record: RunRecord) -> bool:
        """Whether ``record``, of the shown run, is another one than what is shown."""
        return self._record is not None and self._record != record

    def show_record(self, record: RunRecord) -> None:
        """Show what is on disk of a run. A damaged test is said, and the rest shown; raises
        :class:`WorkbenchError` where its curves are damaged."""
        losses, rows = read_losses(record.folder), read_epochs(record.folder)
        latest, damaged = None, None
        try:
            latest = read_test(record.folder)
        except WorkbenchError as error:
            damaged = error.message
        experiment = experiment_from(record.experiment)
        reported = _reported(record)
        sample = record.is_sample
        # From here on nothing fails: a run is shown whole or not at all.
        live = self.live_run == str(record.folder)
        self.confusion.clear()  # the other views replace what they show
        self._forget()
        self._record = record
        self.shown_run = str(record.folder)
        self._steps_drawn, self._epochs_drawn = len(losses), len(rows)
        self.header.show_run(
            run_title(record, tr),
            status_word(self._live_state) if live else shown_status(record),
            sample,
            reported,
        )
        self.header.set_summary(summaries(experiment)[0])
        self.header.set_slowdown(self._slowdown if live else None)
        self.live.show_saved(
            steps_per_epoch=record.steps_per_epoch,
            epochs=record.epochs,
            learning_rates=planned_rates(experiment, record.epochs, record.steps_per_epoch),
            reported=reported,
            sample=sample,
            test_mode=experiment.test_mode,
            losses=losses,
            rows=rows,
            name=record.id,
        )
        # Only on the report's data: the sample is easier, and another folder another task.
        self._expected = expected_of(experiment) if is_comparable(record.data) else None
        self.live.set_expected(self._expected)
        if rows:
            self.header.set_track(
                self._expected, rows[-1]["epoch"], rows[-1]["accuracy"], record.tested_otherwise
            )
        text = read_log(record.folder)
        self._lines_drawn = text.count("\n") if live else 0
        self.log.set_text(text)
        self.details.show_record(record)
        self.report.show_record(record)
        self.classes.show_record(record)
        self.images.show_record(record)
        step = len(losses) - max(0, (len(losses) - 1) // record.steps_per_epoch) * (
            record.steps_per_epoch
        )
        self.header.set_progress(
            max(1, -(-len(losses) // record.steps_per_epoch)),
            record.epochs,
            step,
            record.steps_per_epoch,
            ended_early=record.ended_early,
        )
        if latest is not None:
            test, epoch, final = latest
            if final:
                self.live.set_final(test.accuracy)
            self._show_test(test, epoch, final)
        problem = record.why or damaged
        if problem is not None:
            self.header.set_message(problem)
        self.shown_changed.emit()

    def _show_test(self, test: Evaluation, epoch: int, final: bool) -> None:
        assert self._record is not None
        record = self._record
        self.header.set_accuracy(
            test.accuracy,
            record.best_accuracy,
            record.best_epoch,
            test.mode,
            final,
            record.best_validation_accuracy,
            record.tested_otherwise,
            test.mirrored,
        )
        # During a run a test at chance is only the beginning.
        self.header.set_chance(chance_sentence(test) if final or not self.shows_live else None)
        self._tested = lambda: self._show_test(test, epoch, final)
        self._matrix_has_images = final
        when = tr("final test") if final else tr("after epoch {epoch}").format(epoch=epoch)
        mode = _mode(test)
        self.confusion.show_evaluation(
            test,
            ", ".join((run_title(record, tr), when, mode, data_name(record.data, tr))),
            record.is_sample,
        )

    def _show_images(self, true: int | None, predicted: int | None) -> None:
        """The images behind a cell, a row or a column of the matrix."""
        if not self._matrix_has_images:
            self.confusion.say(tr("Only a run's final test keeps its prediction for each image."))
            return
        self.tabs.setCurrentWidget(self.images)
        self.images.show_class(true, predicted)

    def show_weights_test(self, title: str, test: Evaluation, data_name: str, sample: bool) -> None:
        """The confusion matrix of a test of weights, in place of the shown run's."""
        self._tested = lambda: self._show_weights_test(title, test, data_name, sample)
        self._tested()
        self.tabs.setCurrentWidget(self.confusion)

    def _show_weights_test(
        self, title: str, test: Evaluation, data_name: str, sample: bool
    ) -> None:
        self._matrix_has_images = False
        caption = ", ".join((title, tr("test"), _mode(test), data_name))
        self.confusion.show_evaluation(test, caption, sample)
        if (sentence := chance_sentence(test)) is not None:
            self.confusion.say(say(sentence))


def _mode(test: Evaluation) -> str:
    """How a test was taken, for the title of its confusion matrix."""
    mode = tr("training mode") if test.mode == "train" else tr("evaluation mode")
    return f"{mode}, {tr('mean of each image and its mirror image')}" if test.mirrored else mode


MOST_RATES = 2_000
"""Learning rates that are drawn of a run whose rate changes from step to step."""


def planned_rates(experiment: Experiment, epochs: int, steps: int) -> list[float]:
    """The learning rate of each of ``epochs`` epochs of ``steps`` steps; where it changes from step
    to step, several of each epoch."""
    varies = SCHEDULERS[experiment.scheduler].rate_of_step is not None
    parts = max(1, min(steps, MOST_RATES // epochs)) if varies else 1
    return [
        rate for epoch in range(1, epochs + 1) for rate in experiment.learning_rates(epoch, parts)
    ]


def shown_status(record: RunRecord) -> Message:
    """The word for the status of a saved run, seen from this window."""
    return ELSEWHERE if record.status == "running" else record_status(record)


def _reported(record: RunRecord) -> Reported | None:
    # Only what may be compared: the report's data, and the preset's own hyperparameters.
    if not is_comparable(record.data) or record.preset is None:
        return None
    try:
        preset = preset_with_id(record.preset)
        ran = how_it_ran(preset, experiment_from(record.experiment))
    except WorkbenchError:
        return None
    return preset.reported if ran is not None else None
