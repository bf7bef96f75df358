"""Student's t and prediction intervals. Plain Python: opens without numpy or scipy."""

from __future__ import annotations

import functools
import math


@functools.cache
def student_t(level: float, freedom: int) -> float:
    """The number that the absolute value of Student's t with ``freedom`` degrees of freedom (1 or
    more) stays below with probability ``level`` (between 0 and 1).

    Found by bisection of its distribution function, a finite sum for whole degrees of freedom
    (Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4).
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # halves an angle as often as a float has digits
        middle = (low + high) / 2
        if _within(middle, freedom) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """The probability that |t| stays below sqrt(freedom) * tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(odd, freedom - 1, 2):
        total += term
        term *= (k + 1) / (k + 2) * cosine * cosine
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def prediction_margin(deviation: float, runs: int, level: float = 0.95) -> float:
    """Return how far one further run may lie from the mean of ``runs`` runs (2 or more) of sample
    standard ``deviation``, in its unit, with probability ``level``, where runs are normally
    distributed: t * s * sqrt(1 + 1 / n) (Hahn and Meeker, "Statistical Intervals", 1991, 4.7)."""
    return student_t(level, runs - 1) * deviation * math.sqrt(1.0 + 1.0 / runs)
