"""How an image that is not square becomes one. Needs nothing but Python."""

from __future__ import annotations

from typing import Literal

Fit = Literal["crop", "whole"]
"""``crop``: the square in its middle; ``whole``: all of it, without regard to its proportions."""


def middle_square(width: int, height: int) -> tuple[int, int, int]:
    """Left, top and side of the largest square in the middle of an image."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side
