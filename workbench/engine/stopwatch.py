"""The seconds that a training takes: without pauses, and without the time in which the machine
slept or the process was halted. Free of torch."""

from __future__ import annotations

import time
from collections.abc import Callable

ASLEEP = 300.0
"""Seconds between two looks at the clock that nothing takes, as long as nothing is known of how
long the work takes."""

LONGER = 30.0
"""A piece of work that takes more than so many times what its kind takes on average was
interrupted. Beside busy programs steps were up to 10 times slower."""

SHORTEST_HALT = 2.0
"""Seconds. Less than this can always be a disk, or another program."""

KNOWN_AFTER = 5
"""Pieces of work of a kind, after which its average is used."""

REMEMBERED = 100
"""Pieces of work that the average follows."""


class Stopwatch:
    """Counts seconds. The clocks of some systems go on while the machine sleeps, and all do while
    a process is halted: what no work takes is left out, judged by how long such work has taken.

    ``before``: seconds that were counted already. ``clock``: seconds that never go back.
    """

    def __init__(self, before: float = 0.0, clock: Callable[[], float] | None = None) -> None:
        # Looked up now: a test may replace it.
        self._clock = clock if clock is not None else time.monotonic
        self._seconds = before
        self._looked: float | None = self._clock()
        self._averages: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def seconds(self) -> float:
        """Return the seconds so far."""
        gone = self._gone()
        self._seconds += gone if gone < ASLEEP else 0.0
        return self._seconds

    def lap(self, work: str) -> float:
        """Return the seconds so far; since the last look one piece of ``work`` was done, such as
        a training step."""
        gone = self._gone()
        count, average = self._counts.get(work, 0), self._averages.get(work, 0.0)
        limit = max(LONGER * average, SHORTEST_HALT) if count >= KNOWN_AFTER else ASLEEP
        if gone < limit:
            self._counts[work] = count + 1
            self._averages[work] = average + (gone - average) / min(count + 1, REMEMBERED)
            self._seconds += gone
        else:
            self._seconds += average  # the work itself
        return self._seconds

    def halt(self) -> None:
        """Stop counting, as in a pause."""
        self.seconds()
        self._looked = None

    def go_on(self) -> None:
        """Count again after :meth:`halt`."""
        self._looked = self._clock()

    def _gone(self) -> float:
        """Seconds since the last look; none while it is halted."""
        if self._looked is None:
            return 0.0
        now = self._clock()
        gone, self._looked = now - self._looked, now
        return gone
