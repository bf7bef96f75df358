"""Augmentation: what is done to training images before the network gets them.

All random numbers of an epoch are drawn at its beginning, on the CPU, from a random state of their
own, and lie in tables by image: so they are the same on every device and with every batch size,
recorded steps need none, and a resumed run draws the same ones again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from workbench.data.datasets import DataSet
from workbench.spec.augmentations import augmentations
from workbench.spec.experiment import Experiment
from workbench.spec.registry import resolve

if TYPE_CHECKING:
    from workbench.engine.steps import PixelScaling

SIZE = 32
"""Rows and columns of an image."""

FIRST_SEED = 2**31
"""Seeds of augmentation begin here, above those of an experiment: the order of the images and the
first weights are drawn from the experiment's own seed."""


class Augmenter:
    """Augments batches of training images, on the device of the data."""

    def __init__(self, experiment: Experiment, data: DataSet, scaling: PixelScaling) -> None:
        self._experiment = experiment
        self._used = [(resolve(a.draw), resolve(a.apply)) for a in augmentations(experiment)]
        self._images = len(data.train_labels)
        self._device = data.train_images.device
        self._fill = fill_color(scaling)
        self._tables: list[Tensor] = []
        self.random = torch.Generator().manual_seed(FIRST_SEED + experiment.seed)
        """What the next epoch is drawn from."""
        if self._used:
            before = self.random.get_state()
            self._tables = [table.to(self._device) for table in self._draw(1)]
            self.random.set_state(before)

    def begin_epoch(self, epoch: int) -> None:
        """Draw what ``epoch``, counted from 1, does to each image."""
        if self._used:
            for table, drawn in zip(self._tables, self._draw(epoch), strict=True):
                table.copy_(drawn)  # in place, where recorded steps read

    def pass_over(self, epochs: int) -> None:
        """Draw what the first ``epochs`` drew: a run that goes on without their random state sees
        none of their images again."""
        if self._used:
            for epoch in range(1, epochs + 1):
                self._draw(epoch)

    def _draw(self, epoch: int) -> list[Tensor]:
        return [draw(self._experiment, self._images, epoch, self.random) for draw, _ in self._used]

    def __call__(self, pixels: Tensor, indices: Tensor) -> Tensor:
        """Return ``pixels``, uint8 (N, 32, 32, 3) of the images at ``indices`` (int64, (N,)), as
        this epoch changes them."""
        for (_, apply), table in zip(self._used, self._tables, strict=True):
            pixels = apply(self._experiment, pixels, table[indices], self._fill)
        return pixels


def fill_color(scaling: PixelScaling) -> Tensor:
    """Return the color, uint8 (3,), that comes nearest to 0 once it is scaled."""
    color = -scaling.offset / scaling.factor
    return color.round().clamp(0, 255).to(torch.uint8).view(3)


# --- flip ------------------------------------------------------------------------------------


def draw_flips(experiment: Experiment, images: int, epoch: int, random: torch.Generator) -> Tensor:
    """Draw 1 for each image that is mirrored, else 0: uint8 (images, 1).

    Alternating flips: K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, arXiv
    2404.00498, 3.6: half of the images in the first epoch, then each in every other epoch.
    """
    if experiment.flip == "random":
        return torch.randint(2, (images, 1), generator=random, dtype=torch.uint8)
    fixed = torch.Generator().manual_seed(FIRST_SEED + experiment.seed)
    first = torch.randint(2, (images, 1), generator=fixed, dtype=torch.uint8)
    return first ^ (epoch + 1) % 2


def flip(experiment: Experiment, pixels: Tensor, drawn: Tensor, fill: Tensor) -> Tensor:
    """Mirror left to right the images whose row of ``drawn`` is 1."""
    count = len(pixels)
    mirrored = pixels.flip(2).view(count, -1)  # flat: one choice for each image, in long runs
    return torch.where(drawn.bool(), mirrored, pixels.reshape(count, -1)).view(pixels.shape)


# --- crop ------------------------------------------------------------------------------------


def draw_shifts(experiment: Experiment, images: int, epoch: int, random: torch.Generator) -> Tensor:
    """Draw where the crop begins in the padded image, row and column: int64 (images, 2), each 0 to
    twice the padding."""
    places = 2 * experiment.crop_padding + 1
    return torch.randint(places, (images, 2), generator=random)


def crop(experiment: Experiment, pixels: Tensor, drawn: Tensor, fill: Tensor) -> Tensor:
    """Pad by reflection (the edge is not repeated) and cut 32x32 out where ``drawn`` says.

    The padding of 4 and the crop: K. He et al., "Deep Residual Learning", 2015, 4.2, which pads
    with zeros; by reflection: cifar10-fast and airbench.
    """
    padding, count = experiment.crop_padding, len(pixels)
    first, last = slice(1, padding + 1), slice(SIZE - 1 - padding, SIZE - 1)
    padded = torch.cat([pixels[:, first].flip(1), pixels, pixels[:, last].flip(1)], 1)
    left, right = padded[:, :, first].flip(2), padded[:, :, last].flip(2)
    padded = torch.cat([left, padded, right], 2)
    # All crops of each image as a view, (N, rows to begin at, columns, 32, 3 * 32): the one that is
    # wanted is copied in whole rows. Twice as fast on the CPU as an index for each pixel.
    places, row = 2 * padding + 1, 3 * (SIZE + 2 * padding)
    shape = (count, places, places, SIZE, 3 * SIZE)
    crops = padded.as_strided(shape, (row * (SIZE + 2 * padding), row, 3, row, 1))
    images = torch.arange(count, device=pixels.device)
    return crops[images, drawn[:, 0], drawn[:, 1]].view(count, SIZE, SIZE, 3)


# --- cutout ----------------------------------------------------------------------------------


def draw_centers(
    experiment: Experiment, images: int, epoch: int, random: torch.Generator
) -> Tensor:
    """Draw the square's middle, row and column: int64 (images, 2), each 0 to 31."""
    return torch.randint(SIZE, (images, 2), generator=random)


def cut_out(experiment: Experiment, pixels: Tensor, drawn: Tensor, fill: Tensor) -> Tensor:
    """Lay a square of the color ``fill`` over each image, its middle where ``drawn`` says.

    T. DeVries and G. Taylor, "Improved Regularization of Convolutional Neural Networks with
    Cutout", 2017, arXiv 1708.04552: the middle is anywhere, so the square may reach over the edge.
    """
    place = torch.arange(SIZE, device=pixels.device) - drawn[:, :, None]  # (N, 2, 32)
    low = -(experiment.cutout // 2)
    inside = (place >= low) & (place < low + experiment.cutout)
    square = inside[:, 0, :, None] & inside[:, 1, None, :]
    return torch.where(square[..., None], fill, pixels)


# --- for the eye -----------------------------------------------------------------------------


@dataclass(frozen=True)
class AugmentedExamples:
    """``originals`` and ``augmented``: uint8 (count, 32, 32, 3), image by image."""

    originals: np.ndarray
    augmented: np.ndarray


def augmented_examples(
    experiment: Experiment, data: DataSet, count: int, seed: int
) -> AugmentedExamples:
    """Return ``count`` training images (fewer where there are fewer) as they are and as the network
    gets them, but for the scaling of their pixels.

    Args:
        data: with its training images on the CPU.
        count: 1 or more.
        seed: which images, and what is done to them: 0 to 2**31 - 1.
    """
    from workbench.engine.steps import pixel_scaling

    random = torch.Generator().manual_seed(seed)
    indices = torch.randperm(len(data.train_labels), generator=random)[:count]
    originals = data.train_images[indices]
    augmenter = Augmenter(experiment, data, pixel_scaling(experiment, data))
    augmenter.random.manual_seed(seed)
    augmenter.begin_epoch(1 + seed % 2)
    return AugmentedExamples(originals.numpy(), augmenter(originals, indices).numpy())
