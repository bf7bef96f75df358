"""Runs on show, without files."""

from __future__ import annotations

from typing import Any

from workbench.engine.events import Evaluation
from workbench.engine.run_state import EpochFigures, RunState, Speed, SplitFigures
from workbench.engine.status import RunStatus
from workbench.library.run_folder import RunRecord
from workbench.window.run.shown_run import RunTab, ShownRun


def show(view: RunTab, record: RunRecord | None) -> None:
    """Shows a run of which only the record matters."""
    run = None
    if record is not None:
        run = ShownRun(RunState(), sample=record.is_sample, record=record)
    view.show_run(run)


def figures_of(accuracy: float, mode: Any = "eval") -> Evaluation:
    """A test of 10,000 images of ten classes."""
    classes = tuple("abcdefghij")
    correct = round(100 * accuracy)
    row = (1000,) + (0,) * 9
    return Evaluation(mode, correct, 10_000, accuracy, 1.0, classes, (accuracy,) * 10, (row,) * 10)


def after_epoch(epoch: int, accuracy: float, validation: float | None = None) -> EpochFigures:
    """The figures of an epoch."""
    return EpochFigures(
        epoch=epoch,
        loss=1.0,
        last_loss=1.0,
        test=SplitFigures(accuracy, round(100 * accuracy), 10_000, 1.0),
        test_mode="eval",
        validation=None if validation is None else SplitFigures(validation, 0, 1_000, 1.0),
        learning_rate=0.1,
        seconds=1.0,
        test_seconds=1.0,
    )


def training(**changes: Any) -> RunState:
    """A run in its third of 30 epochs, at 1653 images and 150 steps a second."""
    values: dict[str, Any] = {
        "status": RunStatus.TRAINING,
        "epochs": 30,
        "steps_per_epoch": 3125,
        "epoch": 3,
        "step": 1200,
        "step_count": 2 * 3125 + 1200,
        "finished_epochs": (after_epoch(1, 50.0), after_epoch(2, 62.91)),
        "test": figures_of(62.4, "train"),
        "speed": Speed((1653.4,), (160.0,), (1.0,)),
    }
    return RunState(**values | changes)
