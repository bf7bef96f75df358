"""Weights, maps and heat as pixels, by worked examples."""

from __future__ import annotations

import numpy as np

from workbench.analysis.heat import filters_as_pixels, heat_over, maps_as_pixels


def test_a_filter_is_gray_where_it_is_0_and_full_where_it_is_strongest() -> None:
    filters = np.zeros((2, 3, 1, 2), np.float32)
    filters[0, 0, 0, 1] = 0.5  # red is added at the second pixel
    filters[0, 2, 0, 1] = -0.25
    pixels = filters_as_pixels(filters)
    assert pixels.shape == (2, 1, 2, 3)
    assert pixels[0, 0].tolist() == [[128, 128, 128], [255, 128, 64]]
    assert (pixels[1] == 128).all()  # of zeros only


def test_filters_of_another_number_of_channels_are_gray() -> None:
    pixels = filters_as_pixels(np.array([[[[1.0]], [[0.0]]]], np.float32))
    assert pixels.tolist() == [[[[255, 255, 255]]]]


def test_maps_of_a_layer_share_a_scale() -> None:
    maps = np.array([[[0.0, 1.0]], [[2.0, 4.0]]], np.float32)
    assert maps_as_pixels(maps)[..., 0].tolist() == [[[0, 64]], [[128, 255]]]
    assert maps_as_pixels(maps - 1)[0, 0, :, 0].tolist() == [0, 64]
    assert (maps_as_pixels(np.zeros((1, 2, 2), np.float32)) == 0).all()
    assert maps_as_pixels(np.array([[[np.nan, 1.0]]], np.float32))[0, 0, :, 0].tolist() == [0, 255]


def test_heat_goes_from_dark_to_white() -> None:
    image = np.zeros((1, 3, 3), np.uint8)
    image[0, 0] = 255
    heat = np.array([[0.0, 1.0, 3.0]], np.float32)
    colors = heat_over(image, heat)
    assert colors[0, 0].tolist() == [89, 89, 89]  # the image alone
    assert colors[0, 1].tolist() == [166, 0, 0]
    assert colors[0, 2].tolist() == [166, 166, 166]
    assert heat_over(image, np.zeros((1, 3), np.float32))[0, 1].tolist() == [0, 0, 0]
