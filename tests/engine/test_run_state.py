"""A run's events, folded into one value."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from workbench.data.data_choice import DataInfo
from workbench.data.progress import DataProgress
from workbench.engine.events import (
    EpochDone,
    Evaluation,
    EvaluationProgress,
    FinalTest,
    Notice,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    StepsDone,
)
from workbench.engine.run_state import EpochFigures, Losses, RunState, best_epoch, steady_speed
from workbench.engine.status import RunStatus
from workbench.messages import Message

DATA = DataInfo("sample", "sample", ("a", "b"), 40, 10, "f" * 64, False)


def started(epoch: int = 1, step: int = 0) -> RunStarted:
    return RunStarted(DATA, "cpu", "CPU", None, 1, 3, 4, 10, epoch, step, run="/runs/one")


def figures(correct: int, mode: Any = "eval") -> Evaluation:
    return Evaluation(
        mode, correct, 10, 10.0 * correct, 0.5, ("a", "b"), (1.0, 2.0), ((5, 0), (0, 5))
    )


def epoch(number: int, correct: int, validation: int | None = None) -> EpochDone:
    held_out = figures(validation) if validation is not None else None
    return EpochDone(
        *(number, 0.7, 0.6, 0.1, 2.00004, 0.5, figures(correct), correct > 5, held_out),
        *(30, 40),
    )


def steps(number: int, last: int, *losses: float) -> StepsDone:
    return StepsDone(number, last, losses, 0.1 * last, 100.0)


def run_of(*events: Any) -> RunState:
    state = RunState()
    for event in events:
        state = state.after(event)
    return state


def test_a_whole_run_ends_with_its_figures() -> None:
    state = run_of(
        DataProgress(3, 40),
        started(),
        Notice(Message("Said.")),
        steps(1, 4, 0.9, 0.8, 0.7, 0.6),
        epoch(1, 4),
        steps(2, 4, 0.5, 0.5, 0.5, 0.5),
        epoch(2, 7),
        steps(3, 4, 0.4, 0.4, 0.4, 0.4),
        epoch(3, 6),
        FinalTest(figures(8), None, None),
        RunEnded("finished", 3, 7.5, run="/runs/one", weights="/runs/one/w.pkl"),
    )
    assert state.status is RunStatus.FINISHED
    assert state.status.ended
    assert (state.epochs_done, state.accuracy, state.seconds) == (3, 80.0, 7.5)
    assert state.best is not None
    assert (state.best.epoch, state.best_chosen_on) == (2, "test")
    assert len(state.step_losses) == 12
    assert [str(notice) for notice in state.notices] == ["Said."]
    assert state.weights == "/runs/one/w.pkl"
    assert state.progress is None
    assert state.seconds_left is None


def test_the_best_epoch_goes_by_the_validation_split() -> None:
    state = run_of(started(), epoch(1, 9, validation=3), epoch(2, 5, validation=6))
    assert state.best is not None
    assert (state.best.epoch, state.best_chosen_on, state.best.test.accuracy) == (
        2,
        "validation",
        50.0,
    )


def test_the_first_of_equal_epochs_is_the_best_and_nan_never_is() -> None:
    rows = [EpochFigures.of(epoch(number, 5)) for number in (1, 2)]
    nan = replace(rows[0], test=replace(rows[0].test, accuracy=math.nan))
    assert best_epoch(tuple(rows)) is rows[0]
    assert best_epoch((nan, rows[1])) is rows[1]
    assert best_epoch((nan,)) is None


@pytest.mark.parametrize("validation", [None, 4])
def test_a_row_of_the_table_gives_the_same_figures_again(validation: int | None) -> None:
    row = EpochFigures.of(epoch(1, 5, validation))
    assert EpochFigures.from_row(row.row()) == row
    assert ("validation_loss" in row.row()) == (validation is not None)


def test_status_follows_loading_training_testing_and_pausing() -> None:
    state = RunState().after(DataProgress(1, 2))
    assert state.status is RunStatus.LOADING
    assert state.progress is not None
    state = state.after(started())
    assert (state.status, state.progress) == (RunStatus.TRAINING, None)
    state = state.after(EvaluationProgress(5, 10))
    assert state.status is RunStatus.TESTING
    assert state.after(EvaluationProgress(10, 10)).status is RunStatus.TRAINING
    state = state.after(Paused())
    assert state.status is RunStatus.PAUSED
    assert state.after(Resumed()).status is RunStatus.TRAINING


def test_a_run_that_was_asked_to_stop_keeps_saying_so_while_its_last_steps_arrive() -> None:
    state = run_of(started()).stopping()
    assert state.after(steps(1, 2, 0.9, 0.8)).status is RunStatus.STOPPING
    assert state.after(EvaluationProgress(10, 10)).status is RunStatus.STOPPING
    assert state.after(RunEnded("stopped", 0, 1.0)).status is RunStatus.STOPPED


def test_an_ended_run_stays_as_it_is() -> None:
    state = run_of(started(), RunEnded("failed", 0, 1.0, reason=Message("Why.")))
    assert state.after(steps(1, 1, 0.5)) is state
    assert state.stopping() is state


def test_an_older_state_still_has_its_own_losses() -> None:
    first = run_of(started(), steps(1, 2, 0.9, 0.8))
    second = first.after(steps(1, 4, 0.7, 0.6))
    other = first.after(steps(1, 3, 0.1))
    np.testing.assert_array_equal(first.step_losses, np.float32([0.9, 0.8]))
    np.testing.assert_array_equal(second.step_losses, np.float32([0.9, 0.8, 0.7, 0.6]))
    np.testing.assert_array_equal(other.step_losses, np.float32([0.9, 0.8, 0.1]))


def test_a_million_losses_are_not_copied_at_each_event() -> None:
    losses = Losses(np.zeros(1_000_000, np.float32))
    state = replace(run_of(started()), losses=losses, step_count=len(losses))
    grown = replace(state, steps_per_epoch=2_000_000).after(steps(1, 1_000_001, 0.5))
    again = grown.after(steps(1, 1_000_002, 0.5))
    assert again.losses is grown.losses
    assert np.shares_memory(again.step_losses, grown.step_losses)


def test_what_the_files_knew_already_is_not_counted_twice() -> None:
    read = replace(
        run_of(started()),
        losses=Losses([0.9, 0.8, 0.7]),
        step_count=3,
        finished_epochs=(EpochFigures.of(epoch(1, 4)),),
    )
    state = read.after(steps(1, 4, 0.8, 0.7, 0.6)).after(epoch(1, 4))
    np.testing.assert_array_equal(state.step_losses, np.float32([0.9, 0.8, 0.7, 0.6]))
    assert state.epochs_done == 1


def test_a_resumed_run_goes_back_to_its_checkpoint() -> None:
    before = run_of(
        started(), steps(1, 4, 1, 1, 1, 1), epoch(1, 4), steps(2, 3, 2, 2, 2), epoch(2, 5)
    )
    state = before.after(started(epoch=2, step=1))
    assert (state.epochs_done, state.step_count, state.epoch, state.step) == (1, 5, 2, 1)
    state = state.after(steps(2, 2, 3.0))
    np.testing.assert_array_equal(state.step_losses, np.float32([1, 1, 1, 1, 2, 3]))


def test_time_left_counts_steps_and_tests() -> None:
    state = run_of(
        started(),
        StepsDone(1, 2, (1.0, 1.0), 1.0, 20.0),
        StepsDone(1, 4, (1.0, 1.0), 2.0, 20.0),
        epoch(1, 4),
    )
    # 8 steps at 2 a second, two epochs' tests and the final one of 0.5 s.
    assert state.seconds_left == pytest.approx(8 / 2 + 3 * 0.5)
    assert state.speed.images_per_second == 20.0
    assert RunState().seconds_left is None


def test_one_slow_moment_moves_neither_speed_nor_time() -> None:
    state = run_of(RunStarted(DATA, "cpu", "CPU", None, 1, 1, 5000, 10))
    for i in range(1, 21):
        state = state.after(StepsDone(1, 100 * i, (1.0,) * 100, 1.0 * i, 1600.0))
    assert state.seconds_left == pytest.approx(30.0)  # 3,000 steps at 100 a second
    slow = state.after(StepsDone(1, 2100, (1.0,) * 100, 30.0, 16.0))
    assert slow.seconds_left == pytest.approx(29.0)
    assert slow.speed.images_per_second == 1600.0
    assert steady_speed([math.nan, 0.0, math.inf]) is None


def test_speed_follows_the_last_half_minute() -> None:
    state = run_of(RunStarted(DATA, "cpu", "CPU", None, 1, 1, 5000, 10))
    for i in range(1, 41):
        state = state.after(StepsDone(1, i, (1.0,), 1.0 * i, 100.0 if i <= 20 else 10.0))
    assert len(state.speed.images) == 30
    assert state.speed.images_per_second == 10.0
