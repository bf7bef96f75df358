"""The arithmetic of the plots of a sweep: axes, brushes, the best share, the line that is near."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.spec.presets import find_preset
from workbench.spec.sweep import sweep_from
from workbench.window.sweeps.parallel_plot import (
    line_positions,
    nearest_line,
    top_share,
    within,
)
from workbench.window.sweeps.run_curves import joined
from workbench.window.sweeps.scales import Scale, accuracy_scale, scale_of


def test_axes_follow_how_a_field_varies() -> None:
    vary = {
        "learning_rate": "0.0001..0.1:log",
        "batch_size": "16, 64, 256",
        "optimizer": "sgd, adam",
        "dropout": "0.1, 0.2",
    }
    sweep = sweep_from(find_preset("007").experiment, vary)
    rate = scale_of(sweep, "learning_rate")
    assert rate.position(0.0001) == 0
    assert rate.position(0.1) == pytest.approx(1)
    assert rate.position(0.00316227766) == pytest.approx(0.5)
    assert [value for _, value in rate.ticks()] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert scale_of(sweep, "batch_size").log
    assert not scale_of(sweep, "dropout").log
    optimizer = scale_of(sweep, "optimizer")
    assert (optimizer.position("sgd"), optimizer.position("adam")) == (0.25, 0.75)
    assert optimizer.position(None) is None
    assert rate.position(float("nan")) is None


def test_an_axis_of_one_accuracy_or_none_is_one() -> None:
    assert accuracy_scale([]).position(50.0) == 0.5
    one = accuracy_scale([99.9])
    assert 0.0 < (one.position(99.9) or 0) < 1.0
    assert one.high == 100.0
    assert all(0 <= position <= 1 for position, _ in one.ticks())


SCALES = [Scale("a"), Scale("b"), Scale("", 0.0, 100.0)]
POINTS = [
    {"a": 0.0, "b": 0.0, "": 10.0},
    {"a": 0.5, "": 90.0},
    {"a": 1.0, "b": 1.0, "": None},
]


def test_brushes_keep_lines_that_cross_all_of_them() -> None:
    positions = line_positions(SCALES, POINTS)
    assert np.isnan(positions[1, 1])
    assert np.isnan(positions[2, 2])
    assert within(positions, {}).tolist() == [True, True, True]
    assert within(positions, {0: (0.4, 1.0)}).tolist() == [False, True, True]
    assert within(positions, {0: (0.4, 1.0), 1: (0.0, 1.0)}).tolist() == [False, False, True]


def test_the_best_share_is_at_least_one_and_needs_an_accuracy() -> None:
    accuracies = np.array([10.0, 90.0, np.nan, 50.0])
    assert top_share(accuracies, 100).all()
    assert top_share(accuracies, 1).tolist() == [False, True, False, False]
    assert top_share(accuracies, 67).tolist() == [False, True, False, True]
    assert not top_share(np.array([np.nan]), 50).any()


def test_the_nearest_line_is_between_its_axes() -> None:
    positions = line_positions(SCALES, POINTS)
    assert nearest_line(positions, 0.5, 0.05, 100) == (0, pytest.approx(5.0))
    assert nearest_line(positions, 0.5, 0.9, 100)[0] == 2
    assert nearest_line(np.zeros((0, 3)), 0.5, 0.5, 100)[0] == -1
    assert nearest_line(np.full((1, 3), np.nan), 0.5, 0.5, 100)[0] == -1


def test_curves_are_joined_with_gaps() -> None:
    x, y, connect = joined([(np.arange(2.0), np.ones(2)), (np.arange(1.0), np.zeros(1))])
    assert (x.tolist(), y.tolist()) == ([0, 1, 0], [1, 1, 0])
    assert connect.tolist() == [True, False, False]
    assert len(joined([])[0]) == 0
