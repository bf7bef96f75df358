"""Histograms of many epochs on one scale. Knows neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.engine.events import LayerHistogram


def histogram_grid(
    histograms: Sequence[LayerHistogram], rows: int
) -> tuple[NDArray[np.float64], float, float]:
    """Lay histograms side by side, their values from bottom to top.

    Args:
        histograms: one for each epoch, one at least.
        rows: into how many parts the common range is divided.

    Returns:
        The share of the values in each part, (rows, histograms), the lowest values in the last row;
        and the ends of the common range. Within a bin values count as evenly spread.
    """
    low = min(one.low for one in histograms)
    high = max(one.high for one in histograms)
    edges = np.linspace(low, high, rows + 1)
    columns = []
    for one in histograms:
        below = np.concatenate([[0.0], np.cumsum(one.counts, dtype=np.float64)])
        own = np.linspace(one.low, one.high, len(one.counts) + 1)
        columns.append(np.diff(np.interp(edges, own, below)) / max(below[-1], 1.0))
    return np.stack(columns, axis=1)[::-1], low, high
