"""Batches and pixel scaling."""

from __future__ import annotations

import pytest
import torch

from workbench.data.datasets import DataSet
from workbench.engine.steps import batch_bounds, pixel_scaling, pixel_statistics
from workbench.spec.experiment import experiment_from


def test_batches_cover_everything_once_and_the_last_may_be_short() -> None:
    assert batch_bounds(10, 4) == [(0, 4), (4, 8), (8, 10)]
    assert batch_bounds(9, 4, at_least=2) == [(0, 4), (4, 9)]
    assert batch_bounds(3, 16, at_least=2) == [(0, 3)]
    assert batch_bounds(1, 16, at_least=2) == [(0, 1)]


@pytest.mark.parametrize(("name", "low", "high"), [("none", 0.0, 1.0), ("half", -1.0, 1.0)])
def test_pixels_are_scaled_to_their_range(
    name: str, low: float, high: float, small: DataSet
) -> None:
    scaling = pixel_scaling(experiment_from({"normalization": name}), small)
    images = torch.zeros(2, 32, 32, 3, dtype=torch.uint8)
    images[1] = 255
    scaled = scaling(images)
    assert scaled.shape == (2, 3, 32, 32)
    assert scaled.dtype == torch.float32
    assert scaled[0].unique().tolist() == pytest.approx([low])
    assert scaled[1].unique().tolist() == pytest.approx([high])


def test_the_data_set_scaling_gives_mean_0_and_deviation_1(small: DataSet) -> None:
    scaled = pixel_scaling(experiment_from({"normalization": "dataset"}), small)(small.train_images)
    assert scaled.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert scaled.std((0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_statistics_are_those_of_a_float_copy(small: DataSet) -> None:
    mean, deviation = pixel_statistics(small.train_images)
    pixels = small.train_images.double()
    assert mean.tolist() == pytest.approx(pixels.mean((0, 1, 2)).tolist())
    assert deviation.tolist() == pytest.approx(pixels.std((0, 1, 2), correction=0).tolist())


def test_red_stays_red(small: DataSet) -> None:
    images = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    images[0, 3, 5, 0] = 255
    scaled = pixel_scaling(experiment_from({"normalization": "none"}), small)(images)
    assert scaled[0, 0, 3, 5] == 1
    assert scaled.sum() == 1
