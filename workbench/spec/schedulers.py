"""Schedulers: the learning rate of each epoch. Plain arithmetic, without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.spec.registry import Choice, Registry

if TYPE_CHECKING:
    from workbench.spec.experiment import Experiment


@dataclass(frozen=True)
class Scheduler(Choice):
    """``rate(experiment, epoch)``: the learning rate in ``epoch``, counted from 1."""

    rate: Callable[[Experiment, int], float] = lambda experiment, epoch: experiment.learning_rate


def step_rate(experiment: Experiment, epoch: int) -> float:
    """Return the rate that ``torch.optim.lr_scheduler.StepLR`` gives when it is advanced after each
    epoch."""
    return experiment.learning_rate * experiment.gamma ** ((epoch - 1) // experiment.step_size)


SCHEDULERS: Registry[Scheduler] = Registry(
    Scheduler("none", "None"),
    Scheduler("step", "Step", fields=("step_size", "gamma"), rate=step_rate),
)
