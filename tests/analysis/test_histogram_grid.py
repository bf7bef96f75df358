"""Histograms of many epochs on one scale, by a worked example."""

from __future__ import annotations

from workbench.analysis.histogram_grid import histogram_grid
from workbench.engine.events import LayerHistogram


def test_they_share_a_range_and_keep_their_shares() -> None:
    first = LayerHistogram("a", "weights", 0.0, 2.0, (3, 1))
    second = LayerHistogram("a", "weights", -2.0, 2.0, (4, 4))
    grid, low, high = histogram_grid([first, second], 4)
    assert (low, high) == (-2.0, 2.0)
    # From 1 to 2, 0 to 1, -1 to 0, -2 to -1; a bin of the second covers two rows.
    assert grid.tolist() == [[0.25, 0.25], [0.75, 0.25], [0.0, 0.25], [0.0, 0.25]]


def test_one_without_values_is_empty() -> None:
    grid, *_ = histogram_grid([LayerHistogram("a", "weights", 0.0, 1.0, (0, 0))], 2)
    assert grid.tolist() == [[0.0], [0.0]]
