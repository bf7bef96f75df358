"""Speed and remaining time of the run that trains, from its events."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence

from workbench.engine.events import StepsDone


def steady_speed(recent: Sequence[float]) -> float | None:
    """Median of recent speeds, which one slow moment does not move; ``None`` where there is no
    speed yet."""
    usable = [speed for speed in recent if math.isfinite(speed) and speed > 0.0]
    return statistics.median(usable) if usable else None


def seconds_left(
    steps_left: int,
    steps_per_second: float | None,
    tests_left: int,
    test_seconds: Sequence[float],
) -> float | None:
    """Seconds to the end of a run: the steps still to take at ``steps_per_second``, and the tests
    still to come at the median of the tests so far (0 before the first)."""
    if not steps_per_second:
        return None
    test = statistics.median(test_seconds) if test_seconds else 0.0
    return steps_left / steps_per_second + tests_left * test


class Speed:
    """Speed and remaining time of a run, from its events: medians of those of the last
    :data:`SPEED_SECONDS`, which one slow moment does not move."""

    def __init__(self) -> None:
        self._images: deque[float] = deque()
        self._steps: deque[float] = deque()
        self._seconds: deque[float] = deque()
        self._tests: deque[float] = deque(maxlen=20)
        self._last = (0, 0.0)

    def add(self, event: StepsDone) -> None:
        epoch, before = self._last
        seconds = event.seconds - (before if event.epoch == epoch else 0.0)
        self._last = (event.epoch, event.seconds)
        if seconds <= 0.0 or not event.losses:
            return
        self._images.append(event.images_per_second)
        self._steps.append(len(event.losses) / seconds)
        self._seconds.append(seconds)
        while len(self._seconds) > 1 and sum(self._seconds) > SPEED_SECONDS:
            for values in (self._images, self._steps, self._seconds):
                values.popleft()

    def add_test(self, seconds: float) -> None:
        """A test of the whole test split took ``seconds``."""
        self._tests.append(seconds)

    def images_per_second(self) -> float | None:
        return steady_speed(self._images)

    def seconds_left(self, event: StepsDone, epochs: int, steps_per_epoch: int) -> float | None:
        """After ``event``, of a run of ``epochs``; the final test counts as a test."""
        steps = steps_per_epoch - event.step + (epochs - event.epoch) * steps_per_epoch
        return seconds_left(steps, steady_speed(self._steps), epochs - event.epoch + 2, self._tests)


SPEED_SECONDS = 30.0
"""Seconds of training that speed and remaining time follow."""
