"""Welch's test of many groups, against scipy and against what chance does."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.analysis.welch import compare_with_best, welch_p

stats = pytest.importorskip("scipy.stats")


def test_p_is_that_of_scipy() -> None:
    random = np.random.default_rng(0)
    groups = [random.normal(50, 1 + random.random(), random.integers(2, 6)) for _ in range(20)]
    first, second = np.triu_indices(20, 1)
    ours = welch_p(
        np.array([g.mean() for g in groups]),
        np.array([g.var(ddof=1) for g in groups]),
        np.array([len(g) for g in groups], float),
        (first, second),
    )
    theirs = [
        stats.ttest_ind(groups[i], groups[j], equal_var=False).pvalue
        for i, j in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_of_equal_groups_one_is_told_from_the_best_in_at_most_5_percent_of_the_sweeps() -> None:
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        groups = random.normal(60.0, 0.5, (8, 4)).tolist()
        best = int(np.argmax(np.mean(groups, axis=1)))
        alarms += min(compare_with_best(groups, best, 0.01)) < 0.05
    assert alarms <= 16  # 10 expected at most; more than 16 in 3% of the cases


def test_a_large_difference_is_told_also_where_seeds_agree_to_the_image() -> None:
    ps = compare_with_best([[90.0, 90.0, 90.0], [40.0, 40.0, 40.0], [90.0, 90.0, 90.0]], 0, 0.2)
    assert ps[0] == 1.0
    assert ps[1] < 0.001
    assert ps[2] == 1.0


def test_one_group_alone_is_compared_with_nothing() -> None:
    assert compare_with_best([[1.0, 2.0]], 0, 0.01) == [1.0]
