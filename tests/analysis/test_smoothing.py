"""The weight that a run is smoothed with first."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.analysis.smoothing import SHARE, Smoother, weight_for


@pytest.mark.parametrize("steps", [40, 200, 1000])
def test_a_short_run_is_not_smoothed_with_a_lag(steps: int) -> None:
    line = np.linspace(2.0, 1.0, steps, dtype=np.float32)
    smoothed = Smoother(weight_for(steps, 0.99)).extend(line)
    # How many steps ago the loss was where the average is at the end.
    lag = (smoothed[-1] - line[-1]) / (line[0] - line[1])
    assert 0 <= lag <= steps / SHARE
    assert (Smoother(0.99).extend(line)[-1] - line[-1]) / (line[0] - line[1]) > lag


def test_a_long_run_is_smoothed_as_much_as_is_asked_for() -> None:
    assert weight_for(1_000_000, 0.99) == 0.99
    assert weight_for(1_000_000, 0.95) == 0.95
    assert weight_for(0, 0.95) == weight_for(1, 0.95) == 0.0
