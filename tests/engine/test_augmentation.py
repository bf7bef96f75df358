"""Augmentation: what is done to images, that it is drawn for each epoch, and again for a resumed
one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import cut
from workbench.data.datasets import DataSet
from workbench.engine.augmentation import Augmenter, augmented_examples, crop
from workbench.engine.steps import EagerSteps, ema_weight, pixel_scaling, training_bounds
from workbench.spec.experiment import experiment_from


def augmented(data: DataSet, epoch: int = 1, **values: Any) -> Tensor:
    experiment = experiment_from(values)
    augmenter = Augmenter(experiment, data, pixel_scaling(experiment, data))
    augmenter.begin_epoch(epoch)
    return augmenter(data.train_images, torch.arange(len(data.train_labels)))


def mirrored(data: DataSet, images: Tensor) -> Tensor:
    """For each image, 1 where it is the mirror image of the original."""
    original, mirror = data.train_images, data.train_images.flip(2)
    is_mirror = (images == mirror).flatten(1).all(1)
    assert bool((is_mirror | (images == original).flatten(1).all(1)).all())
    return is_mirror


def test_without_augmentation_images_stay_as_they_are(small: DataSet) -> None:
    assert augmented(small) is small.train_images


def test_random_flips_hit_about_half_and_others_each_epoch(sample: DataSet) -> None:
    data = cut(sample, 400, 10)
    experiment = experiment_from({"flip": "random"})
    augmenter = Augmenter(experiment, data, pixel_scaling(experiment, data))
    indices = torch.arange(400)
    seen = []
    for epoch in (1, 2):
        augmenter.begin_epoch(epoch)
        seen.append(mirrored(data, augmenter(data.train_images, indices)))
        assert 140 < int(seen[-1].sum()) < 260
    assert not torch.equal(*seen)


def test_alternating_flips_show_each_image_both_ways(small: DataSet) -> None:
    first, second, third = (
        mirrored(small, augmented(small, epoch, flip="alternating")) for epoch in (1, 2, 3)
    )
    assert torch.equal(first, ~second)
    assert torch.equal(first, third)
    assert 10 < int(first.sum()) < 60


@pytest.mark.parametrize("padding", [1, 4, 16])
def test_a_crop_is_cut_from_the_image_padded_by_reflection(padding: int, small: DataSet) -> None:
    images = small.train_images[:6]
    experiment = experiment_from({"crop_padding": padding})
    ends = torch.tensor([[0, 0], [2 * padding, 0], [padding, padding], [1, 2 * padding]])
    drawn = ends.repeat(2, 1)[:6]
    padded = torch.nn.functional.pad(
        images.permute(0, 3, 1, 2).float(), (padding,) * 4, mode="reflect"
    )
    cropped = crop(experiment, images, drawn, torch.zeros(3, dtype=torch.uint8))
    for image, wanted, (row, column) in zip(cropped, padded, drawn.tolist(), strict=True):
        place = wanted[:, row : row + 32, column : column + 32]
        assert torch.equal(image.permute(2, 0, 1).float(), place)


def test_cutout_lays_a_square_that_is_0_to_the_network(small: DataSet) -> None:
    images = augmented(small, cutout=8, normalization="dataset")
    scaling = pixel_scaling(experiment_from({"normalization": "dataset"}), small)
    changed = (images != small.train_images).any(3)
    # Whole inside, a quarter of it at a corner; a pixel may have had the color before.
    assert 0 < int(changed.flatten(1).sum(1).max()) <= 64
    assert int(changed.flatten(1).sum(1).min()) >= 1
    fill = images[changed].unique(dim=0)
    assert len(fill) == 1
    assert float(scaling(fill.view(1, 1, 1, 3)).abs().max()) < 0.02
    whole = augmented(small, cutout=32)  # a quarter of the image at least
    assert bool(((whole == 127).all(3).flatten(1).sum(1) >= 256).all())


def test_examples_show_originals_and_what_becomes_of_them(small: DataSet) -> None:
    experiment = experiment_from({"flip": "random", "crop_padding": 4, "cutout": 6})
    shown = augmented_examples(experiment, small, 16, seed=5)
    assert shown.originals.shape == shown.augmented.shape == (16, 32, 32, 3)
    assert (shown.originals != shown.augmented).any()
    again = augmented_examples(experiment, small, 16, seed=5)
    assert (shown.augmented == again.augmented).all()
    other = augmented_examples(experiment, small, 16, seed=6)
    assert (shown.originals != other.originals).any()
    assert len(augmented_examples(experiment, small, 500, seed=0).originals) == 70


def test_a_short_last_batch_can_be_dropped() -> None:
    dropped = experiment_from({"batch_size": 16, "drop_last": True})
    assert training_bounds(dropped, 70) == [(0, 16), (16, 32), (32, 48), (48, 64)]
    assert training_bounds(dropped, 64)[-1] == (48, 64)
    assert training_bounds(dropped, 7) == [(0, 7)]  # the only one


def test_the_averaged_copy_follows_the_weights(small: DataSet) -> None:
    from workbench.engine.networks import build_network
    from workbench.engine.optimizers import build_optimizer

    experiment = experiment_from({"ema": 0.99, "batch_norm": True, "learning_rate": 0.05})
    torch.manual_seed(0)
    network = build_network(experiment, 10)
    optimizer = build_optimizer(experiment, network.parameters(), torch.device("cpu"))
    scaling = pixel_scaling(experiment, small)
    steps = EagerSteps(experiment, network, optimizer, small, scaling)
    average = {name: t.double() for name, t in steps.averaged.state_dict().items()}
    steps.begin_epoch(torch.arange(70), 0.05)
    for step in range(3):
        steps.advance(step)
        weight = ema_weight(0.99, step)
        for name, value in network.state_dict().items():
            average[name] += weight * (value.double() - average[name])
    for name, value in steps.averaged.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value.double(), average[name], atol=1e-5), name
        else:
            assert torch.equal(value, network.state_dict()[name])
    assert ema_weight(0.99, 10_000) == pytest.approx(0.01)
