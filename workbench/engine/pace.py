"""Whether a run has slowed down because another program takes processor time. Free of torch."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil

from workbench.messages import Message

SLOWER = 2.0
"""Steps that take more than so many times what they took are slow."""

FOR_SECONDS, IN_BINS = 10.0, 3
"""For how long they must be slow. Where the machine slept or the process was halted, one report
spans all of that time, and not several."""

BIN_SECONDS = 1.0
"""Reports are taken together until they span so much training time: the first steps behind a
checkpoint or a test are slower, and say nothing."""

TAKEN = 0.2
"""Cores' worth of processor time that other programs must take, so that the slowness is theirs and
not that of a hot processor."""


@dataclass(frozen=True)
class Slowdown:
    """Steps a second, now and as they ``usual``\\ly were, with ``threads`` threads; with ``fewer``
    threads there are about ``then`` (``None`` where that is not known, or would not help)."""

    now: float
    usual: float
    threads: int
    fewer: int | None = None
    then: float | None = None


class Pace:
    """Follows the speed of one run. ``timed``: steps a second by number of threads, as they were
    timed at its start; empty where they were not."""

    def __init__(self, threads: int, timed: Mapping[int, float], others: Callable[[], float]):
        self._timed = dict(timed)
        self._others = others
        self.use(threads)

    def use(self, threads: int) -> None:
        """Measure the run from here on: it has another number of ``threads``."""
        self._threads = threads
        self._position = (0, 0.0)
        self._steps, self._seconds = 0, 0.0
        self._usual: deque[float] = deque(maxlen=60)
        if threads in self._timed:
            self._usual.append(1 / self._timed[threads])
        self._slow: list[tuple[int, float]] = []
        self._told = False

    def add(self, epoch: int, steps: int, seconds: float) -> Slowdown | bool | None:
        """After ``steps`` more steps, ``seconds`` of training into ``epoch`` (tests and pauses
        left out): a :class:`Slowdown` once the run has become slow, ``False`` once it is as fast
        as it was again, ``None`` while there is nothing new to say."""
        before_epoch, before = self._position
        self._position = (epoch, seconds)
        passed = seconds - (before if epoch == before_epoch else 0.0)
        # The first report of a resumed run counts the seconds of all of its epoch.
        if not before_epoch or not steps or passed <= 0:
            return None
        self._steps += steps
        self._seconds += passed
        if self._seconds < BIN_SECONDS:
            return None
        steps, passed = self._steps, self._seconds
        self._steps, self._seconds = 0, 0.0
        return self._judge(steps, passed)

    def _judge(self, steps: int, seconds: float) -> Slowdown | bool | None:
        each = seconds / steps
        if not self._usual or each <= SLOWER * statistics.median(self._usual):
            self._usual.append(each)
            self._slow.clear()
            self._others()  # counts from here
            told, self._told = self._told, False
            return False if told else None
        self._slow.append((steps, seconds))
        total = sum(seconds for _, seconds in self._slow)
        if self._told or total < FOR_SECONDS or len(self._slow) < IN_BINS:
            return None
        others = self._others()
        if others < TAKEN:
            self._slow.clear()
            return None
        self._told = True
        now = sum(steps for steps, _ in self._slow) / total
        return slowdown(now, 1 / statistics.median(self._usual), self._threads, self._timed, others)


def slowdown(
    now: float, usual: float, threads: int, timed: Mapping[int, float], others: float
) -> Slowdown:
    """Return what to do about ``now`` steps a second: of the numbers of threads that leave
    ``others`` cores' worth of time to other programs, the one that was the fastest when they were
    ``timed`` (one thread, where all cores are taken)."""
    left = max(1, max(timed, default=threads) - math.ceil(others - TAKEN))
    if not timed and left < threads:
        return Slowdown(now, usual, threads, left)
    choices = {n: speed for n, speed in timed.items() if n < threads and n <= left}
    if not choices:
        return Slowdown(now, usual, threads)
    fewer = max(choices, key=lambda n: choices[n])
    if choices[fewer] <= now:
        return Slowdown(now, usual, threads)
    return Slowdown(now, usual, threads, fewer, choices[fewer])


def as_sentence(slowdown: Slowdown) -> Message:
    """The line that a person reads."""
    values = {"now": _digits(slowdown.now), "usual": _digits(slowdown.usual)}
    if slowdown.then is None:
        return Message(
            "Another program takes processor time: {now} of {usual} steps a second.", **values
        )
    values["then"] = _digits(slowdown.then)
    if slowdown.fewer == 1:
        return Message(
            "Another program takes processor time: {now} of {usual} steps a second. With 1 thread "
            "about {then}.",
            **values,
        )
    return Message(
        "Another program takes processor time: {now} of {usual} steps a second. With {threads} "
        "threads about {then}.",
        threads=slowdown.fewer,
        **values,
    )


def _digits(speed: float) -> str:
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.1f}"


class OtherPrograms:
    """Called: cores' worth of processor time that other programs took since the last call; ``own``
    is called for the seconds that this one, and what belongs to it, has used."""

    def __init__(self, own: Callable[[], float] = time.process_time) -> None:
        self._own = own
        self._before = self._look()

    def __call__(self) -> float:
        (busy, own, total), before = self._look(), self._before
        self._before = (busy, own, total)
        cores = psutil.cpu_count() or 1
        passed = (total - before[2]) / cores
        return max(0.0, busy - before[0] - (own - before[1])) / passed if passed > 0 else 0.0

    def _look(self) -> tuple[float, float, float]:
        times, own = psutil.cpu_times(), self._own()
        # Linux counts the guests of virtual machines among ``user`` already.
        parts = times._asdict()
        total = sum(parts.values()) - parts.get("guest", 0.0) - parts.get("guest_nice", 0.0)
        busy = total - times.idle - parts.get("iowait", 0.0)
        return busy, own, total
