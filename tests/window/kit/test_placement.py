"""Where windows of their own open."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, QSize

from workbench.window.kit.placement import FRAME, centered

SCREEN = QRect(0, 0, 1280, 800)


@pytest.mark.parametrize(
    ("size", "over"),
    [
        (QSize(400, 300), QRect(200, 100, 800, 600)),
        (QSize(400, 300), QRect(1000, 500, 800, 600)),  # partly beside the screen
        (QSize(400, 300), QRect(-700, -500, 800, 600)),
        (QSize(3000, 2000), QRect(200, 100, 800, 600)),  # larger than the screen
        (QSize(1280, 800), SCREEN),
    ],
)
def test_it_lies_on_the_screen_with_its_frame(size: QSize, over: QRect) -> None:
    place = centered(size, over, SCREEN)
    assert SCREEN.contains(QRect(place.topLeft(), place.size() + FRAME))


def test_it_lies_in_the_middle_where_there_is_room() -> None:
    place = centered(QSize(400, 300), QRect(200, 100, 800, 600), SCREEN)
    assert (place.center(), place.size()) == (QPoint(599, 399), QSize(400, 300))


def test_a_second_screen_is_no_less_a_screen() -> None:
    second = QRect(1280, 0, 1920, 1080)
    place = centered(QSize(400, 300), QRect(1400, 100, 800, 600), second)
    assert second.contains(place)
