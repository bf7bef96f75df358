"""How much of what the points of a sweep differ by each hyperparameter explains by itself.

The method is a one-way analysis of variance of the points' means for each hyperparameter: the share
of their variance that lies between the groups of points with the same value, adjusted for what so
many groups explain by chance (epsilon squared: Kelley, "An Unbiased Correlation Ratio Measure",
1935). Numbers with more than :data:`MOST_GROUPS` values are put into :data:`MOST_GROUPS` groups of
about equal size, in order. Whether it is more than chance is asked by shuffling the means
:data:`SHUFFLES` times. What two hyperparameters do together only is in no share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.analysis.flips import holm
from workbench.messages import Message

FEWEST_POINTS = 10
"""With fewer points a share means nothing."""

MOST_GROUPS = 5
SHUFFLES = 999


@dataclass(frozen=True)
class Share:
    """``share`` of the variance of the points' means, from 0 to 1, that the hyperparameter ``name``
    explains by itself; ``p``: how often shuffled means explain as much, corrected by Holm for all
    shares of the sweep. ``points`` in which it has an effect."""

    name: str
    share: float
    p: float
    points: int

    @property
    def is_chance(self) -> bool:
        """Return whether chance alone explains as much, at the 5% level."""
        return self.p >= 0.05


@dataclass(frozen=True)
class Importance:
    """``shares``, the largest first. ``seeds``: the share of the variance of the means that the
    seeds alone explain, from 0 to 1, ``None`` with one seed. ``problem`` says why there are no
    shares, where there are none."""

    shares: tuple[Share, ...] = ()
    seeds: float | None = None
    problem: Message | None = None


def importance(
    names: Sequence[str],
    points: Sequence[Mapping[str, Any]],
    means: Sequence[float],
    seed_variance: float | None = None,
) -> Importance:
    """Measure what explains ``means``, one for each of ``points``, the values by field.

    Args:
        names: the varied fields.
        means: accuracies in percent.
        seed_variance: variance of a mean that the seeds alone cause; ``None`` where unknown.
    """
    count = len(means)
    if count < FEWEST_POINTS:
        return Importance(
            problem=Message(
                "Importance is shown from {most} points with a result on; so far there are "
                "{count}.",
                most=FEWEST_POINTS,
                count=count,
            )
        )
    y = np.asarray(means, float)
    if np.ptp(y) == 0:
        return Importance(
            problem=Message("All points have the same accuracy, so that nothing explains it.")
        )
    shares = []
    for name in names:
        with_effect = [i for i, values in enumerate(points) if name in values]
        groups = _groups([points[i][name] for i in with_effect])
        if groups is not None and len(with_effect) >= FEWEST_POINTS:
            shares.append(_share(name, groups, y[with_effect]))
    if not shares:
        return Importance(
            problem=Message(
                "Every value of every hyperparameter stands in too few points to say how much it "
                "explains."
            )
        )
    ps = holm([share.p for share in shares])
    shares = [replace(share, p=p) for share, p in zip(shares, ps, strict=True)]
    shares.sort(key=lambda share: -share.share)
    seeds = None if seed_variance is None else min(1.0, seed_variance / float(y.var(ddof=1)))
    return Importance(tuple(shares), seeds)


def _groups(values: Sequence[Any]) -> np.ndarray | None:
    """The number of the group of each value; ``None`` where there are no two groups, or only one
    value in most of them."""
    distinct = sorted(set(values), key=lambda value: (str(type(value)), value))
    if len(distinct) > MOST_GROUPS and isinstance(distinct[0], int | float):
        ranks = np.argsort(np.argsort(np.asarray(values, float), kind="stable"))
        groups = ranks * MOST_GROUPS // len(values)
        # Equal values are not divided.
        first = {value: groups[list(values).index(value)] for value in distinct}
        groups = np.array([first[value] for value in values])
    else:
        groups = np.array([distinct.index(value) for value in values])
    sizes = np.unique(groups, return_counts=True)[1]
    if len(sizes) < 2 or len(values) < 2 * len(sizes):
        return None
    return groups


def _share(name: str, groups: np.ndarray, y: np.ndarray) -> Share:
    numbers, group = np.unique(groups, return_inverse=True)
    member = np.zeros((len(numbers), len(y)))
    member[group, np.arange(len(y))] = 1
    sizes = member.sum(1)
    centered = y - y.mean()
    total = float(centered @ centered)

    def explained(values: np.ndarray) -> np.ndarray:
        """Sum of squares between the groups, for each column of values (N, M)."""
        return ((member @ values) ** 2 / sizes[:, None]).sum(0)

    between = float(explained(centered[:, None])[0])
    n, g = len(y), len(numbers)
    share = 1 - (total - between) / (n - g) / (total / (n - 1)) if total and n > g else 0.0
    random = np.random.default_rng(0)
    shuffled = random.permuted(np.tile(centered, (SHUFFLES, 1)), axis=1).T
    as_much = int((explained(shuffled) >= between * (1 - 1e-9)).sum())
    return Share(name, max(0.0, share), (1 + as_much) / (1 + SHUFFLES), n)
