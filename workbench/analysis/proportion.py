"""The interval of a share that was counted: how far an accuracy may lie from the true one."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""Of the standard normal distribution, 95% lie within so many standard deviations."""


def wilson_interval(correct: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """Return the interval for the share of which ``correct`` of ``total`` (1 or more) is a sample,
    each 0 to 1, at 95% by default (Wilson, "Probable inference", JASA 22, 1927)."""
    share = correct / total
    widened = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / widened
    half = z / widened * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)
