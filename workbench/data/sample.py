"""Sample data: small colored figures, drawn by the program. No file, no network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.data.arrays import Arrays

SEED = 20_200_501
TRAIN_IMAGES = 2_000
TEST_IMAGES = 500

_SIZE = 32
_NOISE = 14.0
"""Standard deviation of the noise of each pixel, in steps of 255."""

_Field = np.ndarray
"""float32 (N, 32, 32), or (N, 1, 1) for one figure's own value."""


# Signed distances to the edge in pixels, below 0 inside. `x`, `y` are measured from the
# figure's center, `r` is its radius.
def _disc(x: _Field, y: _Field, r: _Field) -> _Field:
    return np.hypot(x, y) - r


def _ring(x: _Field, y: _Field, r: _Field) -> _Field:
    return np.abs(np.hypot(x, y) - 0.8 * r) - 0.25 * r


def _square(x: _Field, y: _Field, r: _Field) -> _Field:
    return np.maximum(np.abs(x), np.abs(y)) - 0.85 * r


def _triangle(x: _Field, y: _Field, r: _Field) -> _Field:
    return np.maximum(0.87 * np.abs(x) - 0.5 * y, y) - 0.6 * r


def _cross(x: _Field, y: _Field, r: _Field) -> _Field:
    x, y = np.abs(x), np.abs(y)
    return np.maximum(np.maximum(x, y) - r, np.minimum(x, y) - 0.32 * r)


_Figure = Callable[[_Field, _Field, _Field], _Field]

# No two classes share a color, but neighbors come close under changing light: then the figure
# decides, which takes a network longer to learn.
_CLASSES: tuple[tuple[str, tuple[int, int, int], _Figure], ...] = (
    ("red disc", (205, 45, 45), _disc),
    ("orange square", (225, 125, 40), _square),
    ("yellow triangle", (225, 205, 55), _triangle),
    ("green cross", (60, 165, 65), _cross),
    ("teal ring", (45, 165, 165), _ring),
    ("blue disc", (50, 85, 215), _disc),
    ("purple square", (135, 65, 185), _square),
    ("pink triangle", (225, 105, 175), _triangle),
    ("brown cross", (125, 80, 45), _cross),
    ("white ring", (235, 235, 235), _ring),
)


def make_sample() -> Arrays:
    """2,000 training and 500 test images of ten classes, as many of each, the same every time.

    The figures vary in place, size, turn, shade and background, and all pixels have noise.
    """
    random = np.random.default_rng(SEED)
    train_images, train_labels = _draw(TRAIN_IMAGES, random)
    test_images, test_labels = _draw(TEST_IMAGES, random)
    return Arrays(
        name="sample",
        classes=tuple(name for name, _, _ in _CLASSES),
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        comparable=False,
    )


def load_sample(path: object, progress: object, stop: object) -> Arrays:
    """As :func:`make_sample`, called as every source is."""
    return make_sample()


def _draw(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (count, 32, 32, 3) images and int64 (count,) labels; classes take turns."""

    def each(low: float, high: float, *shape: int) -> np.ndarray:
        return random.uniform(low, high, (count, 1, 1, *shape)).astype(np.float32)

    labels = np.arange(count, dtype=np.int64) % len(_CLASSES)
    down, across = np.mgrid[:_SIZE, :_SIZE].astype(np.float32) - (_SIZE - 1) / 2
    radius = each(7, 11.5)
    room = 15.5 - radius
    x = across - each(-1, 1) * room
    y = down - each(-1, 1) * room
    turn = each(-0.35, 0.35)
    x, y = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x

    distance = np.empty((count, _SIZE, _SIZE), np.float32)
    colors = np.empty((count, 1, 1, 3), np.float32)
    for label, (_, color, figure) in enumerate(_CLASSES):
        own = labels == label
        distance[own] = figure(x[own], y[own], radius[own])
        colors[own] = color
    # The edge is one pixel wide, as a camera would see it.
    cover = np.clip(0.5 - distance, 0, 1)[..., None]

    colors = colors * each(0.78, 1.1, 1) + each(-18, 18, 3)
    ground = each(50, 190, 1) + each(-12, 12, 3)
    slope = (each(-1.8, 1.8) * across + each(-1.8, 1.8) * down)[..., None]
    noise = random.standard_normal((count, _SIZE, _SIZE, 3), np.float32) * _NOISE
    images = ground + slope + cover * (colors - ground - slope) + noise
    return np.clip(images, 0, 255).astype(np.uint8), labels
