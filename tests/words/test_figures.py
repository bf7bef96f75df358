"""Figures with their units."""

from __future__ import annotations

import math

import pytest

from workbench.words.figures import aligned, percent, three_digits, time_left


@pytest.mark.parametrize(
    ("accuracy", "text"),
    [(70.206, "70.21%"), (0.0, "0.00%"), (100.0, "100.00%"), (None, "–"), (math.nan, "–")],
)
def test_percent(accuracy: float | None, text: str) -> None:
    assert percent(accuracy) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1 s left"),
        (59.4, "59 s left"),
        (59.6, "1 min left"),
        (3590.0, "1 h 0 min left"),
        (5000.0, "1 h 23 min left"),
        (90_000.0, "1 d 1 h left"),
    ],
)
def test_time_left(seconds: float, text: str) -> None:
    assert str(time_left(seconds)) == text


def test_speed_has_three_digits() -> None:
    assert three_digits(62_345.0) == "62,300"
    assert three_digits(4.2149) == "4.21"


def test_a_count_has_room_for_the_last_one() -> None:
    assert aligned(3, 3125) == "\u2007\u2008\u2007\u20073"
    assert aligned(3125, 3125) == "3,125"
    assert aligned(5, 0) == "5"
