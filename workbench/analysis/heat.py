"""Weights, maps and heat as pixels to look at. Knows neither torch nor Qt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def filters_as_pixels(filters: NDArray[np.float32]) -> Pixels:
    """Return filters as colors: middle gray is a weight of 0, each filter scaled by its largest
    magnitude.

    Args:
        filters: float32, (filters, channels, height, width). Of another number of channels than
            the three colors the mean over them is shown in gray.

    Returns:
        uint8, (filters, height, width, 3).
    """
    colors = filters if filters.shape[1] == 3 else filters.mean(1, keepdims=True).repeat(3, 1)
    colors = np.nan_to_num(colors.astype(np.float64), posinf=0.0, neginf=0.0)
    largest = np.abs(colors).max((1, 2, 3), keepdims=True, initial=1e-12)
    return _bytes(0.5 + 0.5 * colors / largest).transpose(0, 2, 3, 1)


def maps_as_pixels(maps: NDArray[np.float32]) -> Pixels:
    """Return the maps of a layer in gray, all on one scale: black is the lowest value of the layer
    or 0, whichever is lower, white the highest.

    Args:
        maps: float32, (channels, height, width).

    Returns:
        uint8, (channels, height, width, 3).
    """
    values = np.nan_to_num(maps.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = values.min(initial=0.0), values.max(initial=0.0)
    return _bytes((values - low) / max(high - low, 1e-12))[..., None].repeat(3, -1)


def heat_over(image: Pixels, heat: NDArray[np.float32]) -> Pixels:
    """Lay heat over an image in gray: from dark over red and yellow to white, scaled by its highest
    value.

    Args:
        image: uint8, (height, width, 3).
        heat: float32, (height, width), 0 or more.

    Returns:
        uint8, (height, width, 3).
    """
    heat = np.nan_to_num(heat.astype(np.float64), posinf=0.0, neginf=0.0)
    share = heat / max(heat.max(initial=0.0), 1e-12)
    color = np.clip(3.0 * share[..., None] - np.array([0.0, 1.0, 2.0]), 0.0, 1.0)
    gray = image.astype(np.float64).mean(-1, keepdims=True) / 255.0
    return _bytes(0.35 * gray + 0.65 * color)


def _bytes(shares: NDArray[np.float64]) -> Pixels:
    return np.clip(np.rint(255.0 * shares), 0, 255).astype(np.uint8)
