"""Plots as SVG."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from workbench.report.plots import HEIGHT, WIDTH, Band, Level, Line, plot, sampled, thinned, ticks

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_a_line_lies_where_its_values_are() -> None:
    root = parsed(
        plot(
            [Line("a", np.array([0.0, 1.0, 2.0]), np.array([0.0, 5.0, 10.0]), dots=True)],
            "x",
            "y",
            (0.0, 10.0),
        )
    )
    circles = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter(f"{SVG}circle")]  # type: ignore[arg-type]
    (x0, y0), (x1, y1), (x2, y2) = circles
    assert x0 < x1 < x2
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 > y1 > y2  # up is more
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in circles)
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"x", "y", "a", "0", "10"} <= set(texts)


def test_a_value_beyond_the_axis_stays_on_its_edge() -> None:
    root = parsed(
        plot(
            [Line("", np.array([0.0, 1.0]), np.array([0.0, 1e9]), dots=True)], "x", "y", (0.0, 1.0)
        )
    )
    assert all(0 < float(c.get("cy")) < HEIGHT for c in root.iter(f"{SVG}circle"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "y", [[], [np.nan] * 3, [2.0], [1.0, np.nan, 3.0], [np.inf, 1.0], [5.0, 5.0]]
)
def test_nothing_a_number_or_a_gap(y: list[float]) -> None:
    values = np.array(y)
    x = np.arange(len(values), dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = plot(
            [Band("b", x, values, values), Line("l", x, values), Level("level", 1.0)], "x", "y"
        )
    parsed(svg)
    assert "nan" not in svg
    assert "inf" not in svg


def test_names_are_escaped() -> None:
    root = parsed(plot([Level("<b> & 'c'", 1.0)], "a < b", "</svg><script>"))
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"<b> & 'c'", "a < b", "</svg><script>"} <= set(texts)
    assert not list(root.iter(f"{SVG}script"))


def test_a_long_legend_has_room_above_the_plot() -> None:
    x, y = np.arange(3.0), np.arange(3.0)
    names = [
        f"0{n:02d} · a preset with a long title, learning rate 0.001, seed {n}" for n in range(9)
    ]
    root = parsed(plot([Line(name, x, y) for name in [*names, "x" * 300 + "end"]], "x", "y"))
    texts = [t for t in root.iter(f"{SVG}text") if t.text in names or "…" in (t.text or "")]
    assert [t.text for t in texts[:9]] == names
    assert str(texts[9].text).endswith("end")  # where names differ
    top = min(float(t.get("y")) for t in root.iter(f"{SVG}text") if t.text == "2")  # type: ignore[arg-type]
    assert max(float(t.get("y")) for t in texts) < top  # type: ignore[arg-type]
    assert len({t.get("y") for t in texts}) == 10
    assert float(root.get("height")) == HEIGHT + 16 * 8  # type: ignore[arg-type]


def test_ticks_are_round() -> None:
    assert ticks(0.0, 10.0) == [0, 2, 4, 6, 8, 10]
    assert ticks(29.6, 30.1) == [29.6, 29.7, 29.8, 29.9, 30.0, 30.1]
    assert ticks(0.0, 1e-5)[1] == 2e-6
    for low, high in ((0, 1), (-3, 400), (1e6, 1.2e6)):
        assert 3 <= len(ticks(low, high)) <= 7


def test_thinning_keeps_extremes_and_gaps() -> None:
    values = np.random.default_rng(0).normal(size=100_003)
    values[50_000] = 99.0
    values[10] = np.nan
    index, low, mean, high = thinned(values, 500)
    assert len(index) <= 500
    assert high.max() == 99.0
    assert low.min() == np.nanmin(values)
    assert np.isfinite(mean).all()
    assert ((low <= mean) & (mean <= high)).all()
    few = thinned(np.array([1.0, np.nan, 3.0]))
    assert few[0].tolist() == [0, 1, 2]
    assert np.isnan(few[2][1])
    assert [len(a) for a in thinned(np.zeros(0))] == [0] * 4


@pytest.mark.parametrize("size", [0, 1, 499, 500, 501, 100_003])
def test_sampled_values_are_values_as_they_are(size: int) -> None:
    values = np.random.default_rng(0).random(size)
    index, found = sampled(values, 500)
    assert np.array_equal(found, values[index])
    assert len(index) == size if size <= 500 else 250 <= len(index) <= 500
    if size:
        assert index[-1] == size - 1
        assert len(set(np.diff(index).tolist())) <= 1
