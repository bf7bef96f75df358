"""The figures of a run as plain rows: what tables, TensorBoard and MLflow are made from. Opens
without torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from workbench.library.run_folder import RunRecord, read_epochs, read_losses, read_test
from workbench.spec.experiment import HYPERPARAMETERS

PER_EPOCH = {
    "loss": "train/mean_loss",
    "last_loss": "train/last_loss",
    "learning_rate": "train/learning_rate",
    "accuracy": "test/accuracy",
    "test_loss": "test/loss",
    "validation_accuracy": "validation/accuracy",
    "validation_loss": "validation/loss",
    "seconds": "time/training_seconds",
    "test_seconds": "time/test_seconds",
}
"""Columns of ``epochs.csv``, and what dashboards call them."""

STEP_LOSS = "train/loss"


@dataclass(frozen=True)
class Point:
    """One value of a curve. ``step``: steps trained until then; ``at``: seconds since 1970."""

    name: str
    step: int
    value: float
    at: float


class Figures:
    """All figures of one run.

    ``losses``: float32 (steps,). ``epochs``: rows of ``epochs.csv``. Raises
    :class:`WorkbenchError` where they cannot be read.
    """

    def __init__(self, run: RunRecord) -> None:
        self.run = run
        self.losses = read_losses(run.folder)
        self.epochs = read_epochs(run.folder)
        self.test = read_test(run.folder)
        self.began = datetime.fromisoformat(run.created).timestamp()

    @property
    def count(self) -> int:
        """Return how many :meth:`points` there are."""
        return len(self.losses) + sum(sum(name in row for name in PER_EPOCH) for row in self.epochs)

    def points(self) -> Iterator[Point]:
        """Yield the loss of every step and the figures of every epoch, each curve in order."""
        ends = self.epoch_ends()
        times = np.interp(
            np.arange(1, len(self.losses) + 1),
            [0, *(step for step, _ in ends)],
            [self.began, *(at for _, at in ends)],
        )
        for step, (loss, at) in enumerate(
            zip(self.losses.tolist(), times.tolist(), strict=True), 1
        ):
            yield Point(STEP_LOSS, step, loss, at)
        for column, name in PER_EPOCH.items():
            for row, (step, at) in zip(self.epochs, ends, strict=True):
                if column in row:
                    yield Point(name, step, float(row[column]), at)

    def epoch_ends(self) -> list[tuple[int, float]]:
        """Return for each epoch the steps trained until its end, and when that was."""
        ends, at = [], self.began
        for row in self.epochs:
            at += row["seconds"] + row["test_seconds"]
            ends.append((row["epoch"] * self.run.steps_per_epoch, at))
        return ends

    def final(self) -> dict[str, float]:
        """Return the figures at the end: those of the final test, and of the best epoch."""
        found: dict[str, Any] = {
            "final/test_accuracy": self.run.accuracy,
            "final/test_loss": self.test[0].loss if self.test and self.test[2] else None,
            "best/epoch": self.run.best_epoch,
            "best/test_accuracy": self.run.best_accuracy,
            "best/validation_accuracy": self.run.best_validation_accuracy,
            "time/seconds": self.run.seconds,
        }
        return {
            name: float(value)
            for name, value in found.items()
            if value is not None and math.isfinite(value)
        }


def hyperparameters(run: RunRecord) -> dict[str, Any]:
    """Return the hyperparameters of ``run`` by name, in the order of their declaration."""
    return {name: run.experiment[name] for name in HYPERPARAMETERS if name in run.experiment}
