"""The axis that curves of several runs share."""

from __future__ import annotations

import numpy as np

from workbench.window.compare.compared_curves import axis_range


def test_a_short_run_beside_a_long_one_is_seen_whole() -> None:
    short, long = np.linspace(2.6, 2.0, 16), np.linspace(2.3, 0.5, 3_000)
    low, high = axis_range([short, long], (0.0, 2.5))
    assert low < 0.5
    assert high > 2.6


def test_only_what_lies_far_above_every_curve_is_left_out() -> None:
    values = np.linspace(2.3, 0.5, 1_000)
    values[3] = 400.0
    _, high = axis_range([values, np.array([np.nan])], (0.0, 2.5))
    assert 2.3 < high < 3.0
    assert axis_range([np.array([np.inf])], (0.0, 2.5)) == (0.0, 2.5)
