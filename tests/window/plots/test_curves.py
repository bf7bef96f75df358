"""The arithmetic of the curves, against plain loops."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest

from workbench.window.plots import curves
from workbench.window.plots.curves import LossCurve, Series, Smoother


def f32(*values: float) -> curves.Floats:
    return np.array(values, np.float32)


def noise(size: int) -> curves.Floats:
    return np.random.default_rng(0).gamma(9.0, 0.2, size).astype(np.float32)


def plainly_smoothed(values: curves.Floats, weight: float) -> list[float]:
    last, count, result = 0.0, 0, []
    for value in values.tolist():
        if math.isfinite(value):
            last, count = weight * last + (1 - weight) * value, count + 1
            result.append(last / (1 - weight**count))
        else:
            result.append(math.nan)
    return result


@pytest.mark.parametrize("weight", [0.0, 0.6, 0.99])
def test_smoothing_is_the_same_at_once_and_in_parts(weight: float) -> None:
    values = noise(5000)
    values[[7, 3000]] = np.nan, np.inf
    smoother = Smoother(weight)
    parts = [smoother.extend(part) for part in np.split(values, [1, 10, 10, 2000])]
    expected = plainly_smoothed(values, weight)
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-6)
    np.testing.assert_allclose(Smoother(weight).extend(values), expected, rtol=1e-6)


def test_smoothing_begins_at_the_first_value_and_stays_between_the_raw_ones() -> None:
    values = noise(3000)
    smoothed = Smoother(0.99).extend(values)
    assert smoothed[0] == values[0]
    assert values.min() <= smoothed.min()
    assert smoothed.max() <= values.max()
    assert np.isnan(Smoother(0.9).extend(f32(1.0, np.nan, 1.0))[1])


@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000, 100_003])
@pytest.mark.parametrize("columns", [7, 500])
def test_no_spike_is_lost_at_any_zoom(size: int, columns: int) -> None:
    values = noise(size)
    values[size // 2] = 100.0
    series = Series()
    for part in np.array_split(values, 9):
        series.extend(part)
    for start, stop in [(0, size), (size // 3, size // 3 + size // 2 + 1)]:
        index, drawn = series.envelope(start, stop, columns)
        inside = values[start:stop]
        assert len(drawn) <= max(3 * (columns + 2), 2 * columns)
        assert np.nanmax(drawn) >= inside.max()
        assert np.nanmin(drawn) <= inside.min()
        assert np.isin(drawn, values).all()  # nothing is invented
        assert (np.diff(index) >= 0).all()
        assert 0 <= index.min() <= index.max() <= size - 1


def test_gaps_are_drawn_as_gaps_at_every_zoom() -> None:
    values = noise(10_000)
    values[5000] = np.nan
    values[7000:8000] = np.inf
    series = Series()
    series.extend(values)
    assert series.gaps == 1001
    for columns in (10, 100, 20_000):
        _, drawn = series.envelope(0, 10_000, columns)
        assert np.isnan(drawn).any()
        assert not np.isinf(drawn).any()
        assert np.nanmax(drawn) == values[np.isfinite(values)].max()
    np.testing.assert_array_equal(series.values, values)  # as they were, for the table


def test_an_empty_series_and_one_without_a_finite_value() -> None:
    series = Series()
    assert len(series.envelope(0, 100, 10)[0]) == 0
    series.extend(f32(*[np.nan] * 1000))
    assert np.isnan(series.envelope(0, 1000, 10)[1]).all()
    assert curves.loss_range(series.values, log=False) == (0.0, 3.0)


def test_smoothing_again_keeps_the_raw_losses() -> None:
    curve = LossCurve(0.98)
    curve.extend([3.0, 2.0, math.nan, 1.0])
    curve.smooth(0.0)
    np.testing.assert_array_equal(curve.smoothed.values, f32(3.0, 2.0, np.nan, 1.0))
    assert curve.first_gap == 2
    curve.extend([0.5])
    assert curve.smoothed.values[-1] == 0.5


@pytest.mark.parametrize(
    ("position", "epochs", "end"),
    [(0, 30, 5), (0.5, 1, 1), (4.9, 30, 5), (5.1, 30, 10), (17, 30, 20), (21, 30, 30), (7, 5, 7)],
)
def test_the_axis_grows_in_few_steps(position: float, epochs: int, end: float) -> None:
    assert curves.horizon(position, epochs) == end


def test_ranges_hold_everything() -> None:
    low, high = curves.loss_range(f32(0.1, 9.0, np.nan), log=False)
    assert low == 0.0
    assert high > 9.0
    low, high = curves.loss_range(f32(2.29, 2.31), log=False)
    assert 2.2 < low < 2.29
    assert 2.31 < high < 2.4
    assert curves.accuracy_range([]) == (0.0, 100.0)
    assert curves.accuracy_range([49.0, 74.96, math.nan]) == (45.0, 85.0)
    low, high = curves.accuracy_range([10.0, 10.0])
    assert low <= 5.0
    assert high >= 15.0
    # Nothing is above 100%.
    assert curves.accuracy_range([97.0, 100.0]) == (90.0, 100.5)
    assert curves.accuracy_range([30.0, 99.0])[1] == 100.0


@pytest.mark.parametrize(
    ("values", "lone"),
    [
        ([], []),
        ([2.3], [0]),
        ([2.3, 2.2], []),
        ([math.nan, 1.0, math.nan, 2.0, 3.0, math.nan, 4.0], [1, 6]),
        ([math.inf, 1.0, -math.inf], [1]),
    ],
)
def test_points_that_no_line_shows(values: list[float], lone: list[int]) -> None:
    assert np.flatnonzero(curves.lonely(np.array(values, float))).tolist() == lone


@pytest.mark.parametrize(
    "ends", [(-1.0, 0.5), (-0.2, 0.1), (0.3, 0.4), (-5.0, -3.7), (-10, 30), (0.0, 0.0)]
)
def test_log_ticks_lie_within_and_are_few(ends: tuple[float, float]) -> None:
    named, plain = curves.log_ticks(*ends)
    assert all(ends[0] - 1e-9 <= tick <= ends[1] + 1e-9 for tick in named + plain)
    assert len(named) <= 12
    assert len(named) >= 2 or ends[0] == ends[1]


def test_numbers_are_short() -> None:
    assert curves.number(0.00001) == "0.00001"
    assert curves.number(0.0001) == "0.0001"
    assert curves.number(2.5) == "2.5"
    assert len(curves.number(1.23456789e30, 3)) <= 8


def test_the_learning_rate_holds_for_whole_epochs() -> None:
    def line(rates: list[float], end: float) -> list[list[float]]:
        return [values.tolist() for values in curves.rate_line(rates, end)]

    assert line([0.1, 0.1, 0.02], 2.5) == [[0, 2, 2, 2.5], [0.1, 0.1, 0.02, 0.02]]
    assert line([0.1, 0.02], 2.0) == [[0, 1, 1, 2], [0.1, 0.1, 0.02, 0.02]]
    assert line([0.1], 5.0) == [[0, 1], [0.1, 0.1]]
    assert line([0.1], 0.0) == line([], 3.0) == [[], []]
    assert line([0.1] * 100_000, 100_000) == [[0, 100_000], [0.1, 0.1]]


def test_best_is_the_first_of_equals_and_never_nan() -> None:
    assert curves.best([]) is None
    assert curves.best([math.nan]) is None
    assert curves.best([10.0, 72.9, math.nan, 72.9]) == 1


def test_a_position_is_told_in_epochs_and_steps() -> None:
    at = curves.moment(1.0, 100, 250)
    assert at is not None
    assert (at.epoch, at.step, at.index) == (1, 100, 99)
    at = curves.moment(1.01, 100, 250)
    assert at is not None
    assert (at.epoch, at.step) == (2, 1)
    assert curves.moment(2.9, 100, 250) is None
    assert curves.moment(0.5, 100, 0) is None


def test_tables() -> None:
    losses = f32(2.5, 1.5, np.nan, 0.5, 0.1)
    rows = list(csv.DictReader(io.StringIO("".join(curves.losses_csv(losses, 2, True)))))
    assert [row["loss"] for row in rows] == ["2.5", "1.5", "nan", "0.5", "0.1"]
    assert [(row["epoch"], row["step_of_epoch"]) for row in rows][2:] == [
        ("2", "1"),
        ("2", "2"),
        ("3", "1"),
    ]
    assert {row["sample"] for row in rows} == {"yes"}
    text = curves.epochs_csv([1, 2], [50.0, 60.5], [0.1, 0.02], losses[:2], 2, "eval", False)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["mean_loss"] == "2.0"
    assert rows[1]["mean_loss"] == ""
    assert rows[1]["test_accuracy_percent"] == "60.5"
