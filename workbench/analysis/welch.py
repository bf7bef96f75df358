"""Welch's t test of every pair of several groups, corrected for how many pairs there are.

Sources: Welch, "The Generalization of 'Student's' Problem When Several Different Population
Variances Are Involved", 1947; the incomplete beta function by its continued fraction (Press et al.,
"Numerical Recipes", 3rd edition, 6.4); Holm, "A Simple Sequentially Rejective Multiple Test
Procedure", 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LEVEL = 0.05
"""At a corrected p below it two groups are told apart."""


def welch_p(
    means: np.ndarray, variances: np.ndarray, sizes: np.ndarray, pairs: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Return the two-sided p of Welch's t test for each of ``pairs``.

    Args:
        means, variances, sizes: of the groups, float64 (G,): sample variances (n - 1), above 0;
            two or more values in each group.
        pairs: indices of the first and of the second group, int64 (P,) each.
    """
    first, second = pairs
    shares = variances / sizes
    error = shares[first] + shares[second]
    t2 = (means[first] - means[second]) ** 2 / error
    freedom = error**2 / (
        shares[first] ** 2 / (sizes[first] - 1) + shares[second] ** 2 / (sizes[second] - 1)
    )
    # P(|t| > T) = I_x(f / 2, 1 / 2) with x = f / (f + T^2).
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t2))


def _incomplete_beta(a: np.ndarray, b: float, x: np.ndarray) -> np.ndarray:
    """The regularized incomplete beta function I_x(a, b), for x from 0 to 1."""
    swap = x > (a + 1) / (a + b + 2)  # where the other fraction converges sooner
    p, q = np.where(swap, b, a), np.where(swap, a, b)
    y = np.where(swap, 1 - x, x)
    log_gamma = np.vectorize(math.lgamma, otypes=[float])
    beta = log_gamma(a + b) - log_gamma(a) - math.lgamma(b)
    with np.errstate(divide="ignore"):
        front = np.exp(beta + p * np.log(y) + q * np.log1p(-y)) / p
    value = np.clip(front * _fraction(p, q, y), 0.0, 1.0)
    return np.where(swap, 1 - value, value)


def _fraction(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300

    def away(value: np.ndarray) -> np.ndarray:
        return np.where(np.abs(value) < tiny, tiny, value)

    c = np.ones_like(x)
    d = 1 / away(1 - (a + b) * x / (a + 1))
    h = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / away(1 + even * d), away(1 + even / c)
        h = h * d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / away(1 + odd * d), away(1 + odd / c)
        h = h * d * c
        if np.all(np.abs(d * c - 1) < 1e-12):
            break
    return h


def compare_with_best(groups: Sequence[Sequence[float]], best: int, step: float) -> list[float]:
    """Return for each group the p of its difference from the group ``best``, corrected by Holm for
    all pairs of groups; 1.0 for the best itself.

    All pairs count, not only those with the best: it was chosen because it is the highest, and the
    highest of several equal groups lies above each of the others more often than by chance.

    Args:
        groups: values in percent, two or more in each.
        step: the smallest difference that a value can show, in percent (one image). Values that
            are equal for every seed are taken to vary by the rounding to it.
    """
    count = len(groups)
    if count < 2:
        return [1.0] * count
    sizes = np.array([len(group) for group in groups], float)
    means = np.array([np.mean(group) for group in groups])
    variances = np.array([np.var(group, ddof=1) for group in groups])
    variances = np.maximum(variances, step**2 / 12)  # of a uniform distribution of that width
    first, second = np.triu_indices(count, 1)
    ps = _holm(welch_p(means, variances, sizes, (first, second)))
    with_best = (first == best) | (second == best)
    others = np.where(first == best, second, first)[with_best]
    result = np.ones(count)
    result[others] = ps[with_best]
    return [float(p) for p in result]


def _holm(ps: np.ndarray) -> np.ndarray:
    """As :func:`workbench.analysis.flips.holm`, for the hundred thousand pairs of a large sweep."""
    order = np.argsort(ps)
    corrected = np.minimum(1.0, (len(ps) - np.arange(len(ps))) * ps[order])
    result = np.empty_like(ps)
    result[order] = np.maximum.accumulate(corrected)
    return result
