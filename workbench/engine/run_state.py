"""One run as one value: what its events so far add up to. Free of torch and Qt.

``state.after(event)`` folds one event; a saved run is read as the same value
(:mod:`workbench.library.stored_state`). The files of a run folder are written from it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.data.data_choice import DataInfo
from workbench.data.progress import DataProgress
from workbench.engine.events import (
    EpochDone,
    Evaluation,
    EvaluationProgress,
    Event,
    FinalTest,
    Notice,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    Slowed,
    StepsDone,
    ThreadsChanged,
)
from workbench.engine.pace import Slowdown
from workbench.engine.status import RunStatus
from workbench.messages import Message

SPEED_SECONDS = 30.0
"""Seconds of training that speed and time left follow."""

TESTS = 20
"""Tests whose median is the time of the next one."""


class Losses:
    """The losses of a run's steps, float32, in one buffer that only grows.

    States share it by reference: each knows how many of the values are its own, so that an older
    state still shows what it showed. A state that is not the newest copies the buffer when a loss
    is added to it.
    """

    def __init__(self, values: ArrayLike = ()) -> None:
        start = np.asarray(values, np.float32)
        self._values = np.empty(max(1024, len(start)), np.float32)
        self._values[: len(start)] = start
        self._length = len(start)

    def __len__(self) -> int:
        return self._length

    def first(self, count: int) -> NDArray[np.float32]:
        """Return a view of the first ``count`` losses, not to be changed."""
        view = self._values[:count]
        view.flags.writeable = False
        return view

    def added(self, count: int, values: ArrayLike) -> Losses:
        """Return losses that hold the first ``count`` of these and then ``values``."""
        new = np.asarray(values, np.float32)
        if count != self._length:
            return Losses(np.concatenate([self._values[:count], new]))
        end = count + len(new)
        if end > len(self._values):
            grown = np.empty(max(end, 2 * len(self._values)), np.float32)
            grown[:count] = self._values[:count]
            self._values = grown
        self._values[count:end] = new
        self._length = end
        return self


@dataclass(frozen=True)
class SplitFigures:
    """A test of one split: ``accuracy`` in percent, ``loss`` the mean cross entropy."""

    accuracy: float
    correct: int
    total: int
    loss: float

    @classmethod
    def of(cls, test: Evaluation) -> SplitFigures:
        return cls(test.accuracy, test.correct, test.total, test.loss)


@dataclass(frozen=True)
class EpochFigures:
    """One row of ``epochs.csv``. ``loss`` is the mean over the epoch's steps, ``last_loss`` that of
    its last step; ``seconds`` of training and ``test_seconds`` of testing, to a tenth of a
    millisecond. ``training_correct`` as in :class:`~workbench.engine.events.EpochDone`; it and
    ``training_total`` are ``None`` where an earlier version did not count."""

    epoch: int
    loss: float
    last_loss: float
    test: SplitFigures
    test_mode: Literal["train", "eval"]
    validation: SplitFigures | None
    learning_rate: float
    seconds: float
    test_seconds: float
    training_correct: int | None = None
    training_total: int | None = None

    @property
    def training_accuracy(self) -> float | None:
        """Accuracy on the training images in percent, counted while the epoch trained; ``None``
        where it was not counted."""
        if self.training_correct is None or not self.training_total:
            return None
        return 100.0 * self.training_correct / self.training_total

    @property
    def chosen_by(self) -> float:
        """The accuracy that the best epoch is chosen by, in percent: on the validation split where
        there is one, else on the test split."""
        return (self.validation or self.test).accuracy

    @classmethod
    def of(cls, event: EpochDone) -> EpochFigures:
        """Make the row of an epoch from its event."""
        return cls(
            epoch=event.epoch,
            loss=event.loss,
            last_loss=event.last_loss,
            test=SplitFigures.of(event.test),
            test_mode=event.test.mode,
            validation=SplitFigures.of(event.validation) if event.validation else None,
            learning_rate=event.learning_rate,
            seconds=round(event.seconds, 4),
            test_seconds=round(event.test_seconds, 4),
            training_correct=event.training_correct,
            training_total=None if event.training_correct is None else event.training_total,
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> EpochFigures:
        """Make it from a checked row of ``epochs.csv``, numbers as numbers."""
        validation = None
        if "validation_accuracy" in row:
            validation = SplitFigures(
                row["validation_accuracy"],
                row["validation_correct"],
                row["validation_total"],
                row["validation_loss"],
            )
        return cls(
            epoch=row["epoch"],
            loss=row["loss"],
            last_loss=row["last_loss"],
            test=SplitFigures(row["accuracy"], row["correct"], row["total"], row["test_loss"]),
            test_mode=row["test_mode"],
            validation=validation,
            learning_rate=row["learning_rate"],
            seconds=row["seconds"],
            test_seconds=row["test_seconds"],
            training_correct=row.get("training_correct"),
            training_total=row.get("training_total"),
        )

    def row(self) -> dict[str, Any]:
        """Return the cells of ``epochs.csv`` in their order; those of the training images only
        where they were counted, those of the validation split only where there is one."""
        cells: dict[str, Any] = {
            "epoch": self.epoch,
            "loss": self.loss,
            "last_loss": self.last_loss,
        }
        if self.training_correct is not None:
            cells |= {
                "training_accuracy": self.training_accuracy,
                "training_correct": self.training_correct,
                "training_total": self.training_total,
            }
        cells |= {
            "accuracy": self.test.accuracy,
            "correct": self.test.correct,
            "total": self.test.total,
            "test_loss": self.test.loss,
            "test_mode": self.test_mode,
        }
        if self.validation is not None:
            cells |= {
                "validation_accuracy": self.validation.accuracy,
                "validation_correct": self.validation.correct,
                "validation_total": self.validation.total,
                "validation_loss": self.validation.loss,
            }
        return cells | {
            "learning_rate": self.learning_rate,
            "seconds": self.seconds,
            "test_seconds": self.test_seconds,
        }


def best_epoch(epochs: tuple[EpochFigures, ...]) -> EpochFigures | None:
    """Return the first epoch with the highest :attr:`~EpochFigures.chosen_by`; ``None`` without
    epochs. An accuracy that is no number is never the best."""
    numbers = [epoch for epoch in epochs if epoch.chosen_by == epoch.chosen_by]
    return max(numbers, key=lambda epoch: epoch.chosen_by, default=None)


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` while data load or a test runs; a ``total`` of 0 is not known yet."""

    done: int
    total: int
    unit: Literal["files", "bytes", "images"]


def steady_speed(recent: Sequence[float]) -> float | None:
    """Return the median of recent speeds, which one slow moment does not move; ``None`` where none
    is finite and above 0."""
    usable = [speed for speed in recent if math.isfinite(speed) and speed > 0.0]
    return statistics.median(usable) if usable else None


@dataclass(frozen=True)
class Speed:
    """How fast a run goes: medians over the last :data:`SPEED_SECONDS` of training. ``images`` and
    ``steps`` a second and ``seconds`` have an entry for each report of that time, ``tests`` the
    seconds of each test; ``epoch_seconds`` of ``epoch`` had passed at the last report."""

    images: tuple[float, ...] = ()
    steps: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    tests: tuple[float, ...] = ()
    epoch: int = 0
    epoch_seconds: float = 0.0

    def after_steps(self, event: StepsDone) -> Speed:
        passed = event.seconds - (self.epoch_seconds if event.epoch == self.epoch else 0.0)
        now = replace(self, epoch=event.epoch, epoch_seconds=event.seconds)
        if passed <= 0.0 or not event.losses:
            return now
        seconds = (*self.seconds, passed)
        first, total = 0, sum(seconds)
        while first < len(seconds) - 1 and total > SPEED_SECONDS:
            total -= seconds[first]
            first += 1
        return replace(
            now,
            images=(*self.images, event.images_per_second)[first:],
            steps=(*self.steps, len(event.losses) / passed)[first:],
            seconds=seconds[first:],
        )

    def after_test(self, seconds: float) -> Speed:
        return replace(self, tests=(*self.tests, seconds)[-TESTS:])

    @property
    def images_per_second(self) -> float | None:
        """Training images per second; ``None`` before the first steps."""
        return steady_speed(self.images)

    @property
    def steps_per_second(self) -> float | None:
        """Steps per second; ``None`` before the first steps."""
        return steady_speed(self.steps)

    @property
    def test_seconds(self) -> float:
        """Seconds of a test; 0 before the first."""
        return statistics.median(self.tests) if self.tests else 0.0


@dataclass(frozen=True)
class RunState:
    """A run after some of its events.

    Args:
        status: how far it is.
        run: its folder; empty until it has one.
        data: what it trains on; ``None`` while that is not known.
        epoch, step: the last step done, both from 1; ``step`` 0 before the first of an epoch.
        step_count: steps so far, each with a loss in :attr:`step_losses`.
        finished_epochs: the figures of the epochs done.
        test, final: the latest test, and whether it is the final one.
        seconds: training and tests so far, without pauses and loading.
        progress: of what is loaded or tested at the moment.
        notices: what was worth a sentence on the way.
        reason: why it failed.
        weights: path of the last weights, once it has ended.
        slowdown: how another program slows it down at the moment.
    """

    status: RunStatus = RunStatus.LOADING
    run: str = ""
    data: DataInfo | None = None
    device: str = ""
    device_name: str = ""
    threads: int = 0
    epochs: int = 0
    steps_per_epoch: int = 0
    batch_size: int = 0
    validation_images: int = 0
    epoch: int = 1
    step: int = 0
    step_count: int = 0
    finished_epochs: tuple[EpochFigures, ...] = ()
    test: Evaluation | None = None
    final: bool = False
    seconds: float = 0.0
    reason: Message | None = None
    weights: str | None = None
    notices: tuple[Message, ...] = ()
    losses: Losses = field(default_factory=Losses, compare=False, repr=False)
    progress: Progress | None = field(default=None, compare=False)
    slowdown: Slowdown | None = field(default=None, compare=False)
    speed: Speed = field(default=Speed(), compare=False, repr=False)

    @property
    def step_losses(self) -> NDArray[np.float32]:
        """The loss of every step so far, float32, (``step_count``,). A view."""
        return self.losses.first(self.step_count)

    @property
    def epochs_done(self) -> int:
        return len(self.finished_epochs)

    @property
    def best(self) -> EpochFigures | None:
        """The best epoch so far, by the validation split where there is one, else by the test."""
        return best_epoch(self.finished_epochs)

    @property
    def best_chosen_on(self) -> Literal["validation", "test"] | None:
        """By which split the best epoch was chosen; ``None`` while there is none."""
        if self.best is None:
            return None
        return "test" if self.best.validation is None else "validation"

    @property
    def accuracy(self) -> float | None:
        """Test accuracy in percent: the final test's, else that after the last epoch."""
        if self.final and self.test is not None:
            return self.test.accuracy
        return self.finished_epochs[-1].test.accuracy if self.finished_epochs else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end at the pace of now, the final test counted as a test; ``None`` while
        that is not known, and once the run has ended."""
        pace = self.speed.steps_per_second
        if not pace or self.status.ended:
            return None
        steps = self.epochs * self.steps_per_epoch - self.step_count
        tests = self.epochs - self.epochs_done + 1
        return max(0, steps) / pace + tests * self.speed.test_seconds

    def after(self, event: Event) -> RunState:
        """Return the state that follows this one by ``event``.

        A run that has ended stays as it is; an event that tells nothing of a run's state (weights,
        checkpoints) changes nothing.
        """
        if self.status.ended:
            return self
        match event:
            case DataProgress():
                return replace(self, progress=Progress(event.done, event.total, event.unit))
            case RunStarted():
                return self._started(event)
            case Notice():
                return replace(self, notices=(*self.notices, event.message))
            case StepsDone():
                return self._stepped(event)
            case EvaluationProgress():
                return self._tested_so_far(event)
            case EpochDone():
                return self._epoch_done(event)
            case FinalTest():
                return replace(self, test=event.figures, final=True, progress=None)
            case Slowed():
                return replace(self, slowdown=event.slowdown)
            case ThreadsChanged():
                return replace(self, threads=event.threads)
            case Paused():
                return replace(self, status=RunStatus.PAUSED)
            case Resumed():
                return replace(self, status=RunStatus.TRAINING)
            case RunEnded():
                return replace(
                    self,
                    status=RunStatus(event.status),
                    seconds=event.seconds,
                    reason=event.reason,
                    run=event.run or self.run,
                    weights=event.weights,
                    progress=None,
                    slowdown=None,
                )
        return self

    def stopping(self) -> RunState:
        """Return the state of a run that was asked to end and has not ended yet."""
        return self if self.status.ended else replace(self, status=RunStatus.STOPPING)

    def with_past(self, past: RunState) -> RunState:
        """Return this state of a run that is resumed with losses, epochs and test of ``past``,
        which was read from its files."""
        return replace(
            self,
            losses=past.losses,
            step_count=past.step_count,
            finished_epochs=past.finished_epochs,
            test=past.test,
        )

    def _started(self, event: RunStarted) -> RunState:
        steps = (event.epoch - 1) * event.steps_per_epoch + event.step
        kept = self.finished_epochs[: event.epoch - 1]
        return replace(
            self,
            status=self._unless_stopping(RunStatus.TRAINING),
            run=event.run,
            data=event.data,
            device=event.device,
            device_name=event.device_name,
            threads=event.threads,
            epochs=event.epochs,
            steps_per_epoch=event.steps_per_epoch,
            batch_size=event.batch_size,
            validation_images=event.validation_images,
            epoch=event.epoch,
            step=event.step,
            step_count=min(steps, self.step_count),
            finished_epochs=kept,
            # Those of an epoch that was begun come again, with the event of its end.
            seconds=sum(epoch.seconds + epoch.test_seconds for epoch in kept),
            final=False,
            progress=None,
            reason=None,
            notices=(*self.notices, event.device_note) if event.device_note else self.notices,
        )

    def _stepped(self, event: StepsDone) -> RunState:
        position = (event.epoch - 1) * self.steps_per_epoch + event.step
        # A state that was read from the run's files may know some of these steps already.
        new = min(position - self.step_count, len(event.losses))
        losses, count = self.losses, self.step_count
        if new > 0:
            losses = losses.added(count, event.losses[-new:])
            count += new
        return replace(
            self,
            status=self._unless_stopping(RunStatus.TRAINING),
            epoch=event.epoch,
            step=event.step,
            losses=losses,
            step_count=count,
            speed=self.speed.after_steps(event),
            progress=None,
        )

    def _tested_so_far(self, event: EvaluationProgress) -> RunState:
        testing = event.done < event.total
        status = RunStatus.TESTING if testing else RunStatus.TRAINING
        progress = Progress(event.done, event.total, "images") if testing else None
        return replace(self, status=self._unless_stopping(status), progress=progress)

    def _epoch_done(self, event: EpochDone) -> RunState:
        if event.epoch <= self.epochs_done:  # known already, from the run's files
            return replace(self, speed=self.speed.after_test(event.test_seconds))
        return replace(
            self,
            status=self._unless_stopping(RunStatus.TRAINING),
            finished_epochs=(*self.finished_epochs, EpochFigures.of(event)),
            test=event.test,
            final=False,
            seconds=self.seconds + event.seconds + event.test_seconds,
            speed=self.speed.after_test(event.test_seconds),
            progress=None,
        )

    def _unless_stopping(self, status: RunStatus) -> RunStatus:
        # Steps that were done before the request was seen still arrive.
        return RunStatus.STOPPING if self.status is RunStatus.STOPPING else status
