"""With how many threads of the CPU a run trains: as it was told, or as many as are fastest now."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from workbench.engine.cores import numbers_to_time, usable_cores
from workbench.engine.timing import time_threads
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment

CLOSE = 0.97
"""A speed of this share of the fastest is as fast: timings vary by more. The fewest threads that
reach it are taken, and leave the other cores to other programs."""

MOST = 256
"""Threads that can be asked for."""


@dataclass(frozen=True)
class ThreadChoice:
    """``threads``, and steps a second by number of threads, empty where nothing was timed."""

    threads: int
    steps_per_second: Mapping[int, float] = field(default_factory=dict)


def choose_threads(
    experiment: Experiment,
    device: torch.device,
    wanted: int | None = None,
    classes: int = 10,
    stop: Callable[[], bool] = lambda: False,
) -> ThreadChoice:
    """Choose the number of threads for ``experiment`` on ``device``.

    ``wanted`` is taken as it is. Without it, the process's own number holds on a GPU and where
    the environment sets ``OMP_NUM_THREADS``; else steps are timed, in under a second, as
    :func:`~workbench.engine.timing.time_threads` says. Changes no number of threads.
    Raises :class:`WorkbenchError` where ``wanted`` is not 1 to 256.
    """
    if wanted is not None:
        return ThreadChoice(require_threads(wanted))
    if device.type != "cpu" or "OMP_NUM_THREADS" in os.environ:
        return ThreadChoice(torch.get_num_threads())
    cores = usable_cores()
    if cores == 1:
        return ThreadChoice(1)
    seconds = time_threads(experiment, numbers_to_time(cores), classes, stop)
    speeds = {number: 1 / each for number, each in seconds.items()}
    return ThreadChoice(fastest(speeds), speeds)


def require_threads(threads: int) -> int:
    """Return ``threads``. Raises :class:`WorkbenchError` where that is not 1 to 256."""
    if not 1 <= threads <= MOST:
        raise WorkbenchError(
            "threads: {threads} cannot be used; set it to a whole number from 1 to {most}.",
            threads=threads,
            most=MOST,
        )
    return threads


def fastest(speeds: Mapping[int, float]) -> int:
    """The fewest threads whose speed is as good as the best."""
    best = max(speeds.values())
    return min(number for number, speed in speeds.items() if speed >= CLOSE * best)
