"""Schedulers: the learning rate of each epoch or step. Plain arithmetic, without torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.spec.registry import Choice, Registry

if TYPE_CHECKING:
    from workbench.spec.experiment import Experiment


@dataclass(frozen=True)
class Scheduler(Choice):
    """A scheduler.

    Args:
        rate: ``rate(experiment, epoch)``: the learning rate in ``epoch``, counted from 1.
        rate_of_step: ``rate_of_step(experiment, step, steps)``, in place of ``rate`` where the rate
            changes from step to step: that of ``step``, counted from 0, of all ``steps`` of a run.
    """

    rate: Callable[[Experiment, int], float] = lambda experiment, epoch: experiment.learning_rate
    rate_of_step: Callable[[Experiment, int, int], float] | None = None


def step_rate(experiment: Experiment, epoch: int) -> float:
    """Return the rate that ``torch.optim.lr_scheduler.StepLR`` gives when it is advanced after each
    epoch."""
    return experiment.learning_rate * experiment.gamma ** ((epoch - 1) // experiment.step_size)


def one_cycle_rate(experiment: Experiment, step: int, steps: int) -> float:
    """Return the rate of a triangle: up to the learning rate in a straight line during the warm-up,
    then in a straight line down to 0, which the step after the last would have.

    A form of the one-cycle policy of Smith and Topin, "Super-Convergence", 2018 (arXiv 1708.07120),
    as it is used for fast CIFAR-10 training (Page, "How to train your ResNet", 2018).
    """
    return experiment.learning_rate * min(
        _warm_up(experiment, step, steps), 1.0 - _after_warm_up(experiment, step, steps)
    )


def cosine_rate(experiment: Experiment, step: int, steps: int) -> float:
    """Return the rate of a warm-up in a straight line, then of half a cosine down to 0.

    Loshchilov and Hutter, "SGDR", 2017 (arXiv 1608.03983), equation 5, without restarts.
    """
    wave = 0.5 * (1.0 + math.cos(math.pi * _after_warm_up(experiment, step, steps)))
    return experiment.learning_rate * min(_warm_up(experiment, step, steps), wave)


def _warm_up(experiment: Experiment, step: int, steps: int) -> float:
    """The share of the learning rate that the warm-up allows, at most 1."""
    warm_up = experiment.warmup_share * steps
    return min(1.0, (step + 1) / warm_up) if warm_up else 1.0


def _after_warm_up(experiment: Experiment, step: int, steps: int) -> float:
    """Return how much of the rest of the run lies before ``step``: 0 to less than 1."""
    warm_up = experiment.warmup_share * steps
    return max(0.0, (step - warm_up) / (steps - warm_up))


SCHEDULERS: Registry[Scheduler] = Registry(
    Scheduler("none", "None"),
    Scheduler("step", "Step", fields=("step_size", "gamma"), rate=step_rate),
    Scheduler("one_cycle", "One cycle", fields=("warmup_share",), rate_of_step=one_cycle_rate),
    Scheduler("cosine", "Cosine", fields=("warmup_share",), rate_of_step=cosine_rate),
)
