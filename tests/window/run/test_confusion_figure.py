"""The confusion matrix's arithmetic: colors, counts, places, tables."""

from __future__ import annotations

import math

import pytest

from workbench.engine.events import Evaluation
from workbench.window.kit.copy_table import as_html, as_tsv
from workbench.window.kit.shades import contrast, luminance, scale, scale_color, text_on
from workbench.window.kit.theme import DARK, LIGHT
from workbench.window.run.confusion_figure import (
    Mistake,
    as_csv,
    most_frequent_mistakes,
    place,
    short_count,
    table_rows,
)


def evaluation(rows: list[list[int]], names: list[str] | None = None) -> Evaluation:
    right = sum(row[i] for i, row in enumerate(rows))
    total = sum(map(sum, rows))
    return Evaluation(
        "eval",
        right,
        total,
        100 * right / total if total else math.nan,
        math.nan,
        tuple(names or [f"class {i}" for i in range(len(rows))]),
        tuple(100 * row[i] / sum(row) if sum(row) else None for i, row in enumerate(rows)),
        tuple(map(tuple, rows)),
    )


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable_on_every_color_of_the_scale(dark):
    assert min(contrast(text_on(color), color) for color in scale(dark)) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_the_scale_is_even_and_can_be_told_by_lightness_alone(dark):
    # CIE lightness: what every kind of color vision sees.
    lights = [116 * luminance(color) ** (1 / 3) - 16 for color in scale(dark) if color]
    steps = [b - a for a, b in zip(lights[::16], lights[16::16], strict=False)]
    assert all(step > 0 for step in steps) if dark else all(step < 0 for step in steps)
    assert max(map(abs, steps)) < 2 * min(map(abs, steps))


@pytest.mark.parametrize(("dark", "card"), [(False, LIGHT.surface), (True, DARK.surface)])
def test_nothing_is_the_color_of_the_card(dark, card):
    assert contrast(scale_color(0, dark), card) < 1.1
    assert scale_color(-1, dark) == scale_color(0, dark)
    assert scale_color(100.4, dark) == scale_color(100, dark)


def test_the_most_frequent_mistakes_come_first():
    figures = evaluation([[90, 3, 7], [0, 50, 0], [20, 0, 20]])
    assert most_frequent_mistakes(figures, 2) == [Mistake(2, 0, 20, 50.0), Mistake(0, 2, 7, 7.0)]
    assert len(most_frequent_mistakes(figures, 5)) == 3
    assert most_frequent_mistakes(evaluation([[5, 0], [0, 5]]), 5) == []


def test_short_counts():
    counts = [0, 9_999, 10_000, 12_345, 999_499, 999_500, 1_234_567, 87_654_321, 3_000_000_000]
    shown = ["0", "9,999", "10k", "12k", "999k", "1.0M", "1.2M", "88M", "3.0G"]
    assert [short_count(count) for count in counts] == shown


@pytest.mark.parametrize("classes", [1, 2, 10, 100, 1000])
@pytest.mark.parametrize("size", [(592, 380), (260, 200), (1600, 900)])
def test_the_figure_stays_within_its_room(classes, size):
    width, height = size
    figure, line = 40, 13
    g = place(width, height, classes, widest_name=70, figure=figure, line=line)
    assert g.left - g.names >= line
    assert g.top + g.height <= height
    assert g.bars + g.bar_width + figure <= width
    last = g.cell(classes - 1, classes - 1)
    assert (last.right() + 1, last.bottom() + 1) == (g.left + g.width, g.top + g.height)


def test_cells_are_found_where_they_are_painted():
    g = place(592, 380, 10, widest_name=70, figure=40, line=13)
    for cell in ((0, 0), (3, 7), (9, 9)):
        where = g.cell(*cell).center()
        assert g.cell_at(where.x(), where.y()) == cell
    assert g.cell_at(g.left - 1, g.top) is None
    assert g.cell_at(g.left, g.top + g.height) is None


def test_tables():
    rows = table_rows(evaluation([[1, 2], [0, 1_234_567]], ["a\tb", '<"c",d>']), "True class")
    assert as_tsv(rows) == 'True class\ta b\t<"c",d>\na b\t1\t2\n<"c",d>\t0\t1234567\n'
    assert as_csv(rows).splitlines()[2] == '"<""c"",d>",0,1234567'
    assert "<td>1234567</td>" in as_html(rows, "x < y")
    assert "<caption>x &lt; y</caption>" in as_html(rows, "x < y")
    assert "&lt;&quot;c&quot;,d&gt;</th>" in as_html(rows)
