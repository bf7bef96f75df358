"""Smoothing of losses: the same arithmetic in the window and in the written report."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class Smoother:
    """Exponential moving average with bias correction, as TensorBoard's scalar chart draws it
    (``resmoothDataset`` in tensorboard/components/vz_line_chart2/vz-line-chart2.ts)::

        last = weight * last + (1 - weight) * x;  smoothed = last / (1 - weight ** count)

    The first smoothed value is therefore the first raw one. A value that is not finite gives NaN
    and leaves the average as it was. ``weight`` is in [0, 1); it is Adam's bias correction too.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._last = 0.0
        self._count = 0

    def extend(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The smoothed values that follow those given before."""
        finite = np.isfinite(values)
        result = np.full(len(values), np.nan, np.float32)
        given = values[finite].astype(np.float64)
        average = self._filter(given)
        # The correction is 1 to the last digit once weight ** count is below 1e-17.
        ends = math.ceil(-40.0 / math.log(self.weight)) if self.weight else 1
        counts = np.arange(self._count + 1, min(self._count + len(given), ends) + 1)
        average[: len(counts)] /= 1.0 - np.power(self.weight, counts)
        result[finite] = average
        self._count += len(given)
        return result

    def _filter(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        # Rows of equal length are filtered side by side, then each gets what the row before it
        # left over: a million values in about 20 ms, where a plain loop takes a second.
        weight, length = self.weight, max(math.isqrt(len(x)), 1)
        rows = len(x) // length if len(x) > 1000 else 0
        body = np.ascontiguousarray(x[: rows * length].reshape(rows, length).T) * (1.0 - weight)
        for j in range(1, length if rows else 0):
            body[j] += weight * body[j - 1]
        before = np.empty(rows)
        for k in range(rows):
            before[k] = self._last
            self._last = weight**length * self._last + body[-1, k]
        if rows:
            body += np.outer(weight ** np.arange(1, length + 1), before)
        rest = []
        for value in x[rows * length :].tolist():
            self._last = weight * self._last + (1.0 - weight) * value
            rest.append(self._last)
        return np.append(body.T.ravel(), rest)


SHARE = 40
"""A smoothed value averages over at most the 40th part of a run, unless a person asks for more."""


def weight_for(steps: int, most: float) -> float:
    """Return the weight that a run of ``steps`` steps is smoothed with first: ``most``, or less
    where its run is short.

    Bias correction takes away the start of an average, not its lag: on a straight line the average
    stays ``weight / (1 - weight)`` steps behind (the mean age of what it averages over), 99 at a
    weight of 0.99. Of a run of 60 steps that would show little but its beginning; here the lag
    stays below a 40th of the run.
    """
    return min(most, 1.0 - 1.0 / max(steps / SHARE, 1.0))


def smoothed_steps(weight: float) -> int:
    """About how many steps a smoothed value averages over, at ``weight`` in [0, 1): the sum of
    their weights relative to the newest, 1 / (1 - weight)."""
    return round(1.0 / (1.0 - weight))
