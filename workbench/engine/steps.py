"""Batches, and training steps one by one. ``graph_steps.py`` has those of a GPU."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data.datasets import DataSet
from workbench.engine.augmentation import Augmenter
from workbench.engine.optimizers import set_learning_rate
from workbench.spec.experiment import Experiment
from workbench.spec.networks import may_have_batch_norm


@dataclass(frozen=True)
class PixelScaling:
    """``pixel * factor + offset``; both float32, (3, 1, 1), for R, G and B."""

    factor: Tensor
    offset: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 (N, 32, 32, 3) to float32 (N, 3, 32, 32) in channels-last memory format, which
        torch's convolutions on the CPU and on newer GPUs prefer."""
        pixels = images.permute(0, 3, 1, 2).to(torch.float32)
        return pixels.mul_(self.factor).add_(self.offset)


Statistics = tuple[Tensor, Tensor]
"""Mean and standard deviation of each color, 0 to 255, float64 (3,)."""


def pixel_scaling(
    experiment: Experiment, data: DataSet, statistics: Statistics | None = None
) -> PixelScaling:
    """The experiment's scaling, on the device of ``data``. ``dataset`` goes by ``statistics``
    (those of the data that weights were trained on), or measures the training split."""
    if experiment.normalization == "dataset":
        statistics = statistics or pixel_statistics(data.train_images)
    scaling = scaling_of(experiment, statistics)
    device = data.train_images.device
    return PixelScaling(scaling.factor.to(device), scaling.offset.to(device))


def scaling_of(experiment: Experiment, statistics: Statistics | None) -> PixelScaling:
    """Return the experiment's scaling, on the CPU. ``statistics`` of the training images are
    needed where it scales by the data set."""
    if experiment.normalization == "dataset":
        assert statistics is not None
        mean, deviation = statistics
        # A channel that is the same everywhere would divide by 0.
        factor, offset = 1 / deviation.clamp_min(1e-3), -mean / deviation.clamp_min(1e-3)
    else:
        half = experiment.normalization == "half"
        factor = torch.full((3,), 1 / 127.5 if half else 1 / 255)
        offset = torch.full((3,), -1.0 if half else 0.0)
    return PixelScaling(
        factor.to(torch.float32).view(3, 1, 1), offset.to(torch.float32).view(3, 1, 1)
    )


def pixel_statistics(images: Tensor) -> Statistics:
    """Mean and standard deviation of each color, 0 to 255, float64 (3,), from uint8
    (N, 32, 32, 3)."""
    # Counting the 256 values is exact, and needs no float copy of the split.
    values = torch.arange(256, dtype=torch.float64)
    means, deviations = [], []
    for channel in range(3):
        counts = torch.bincount(images[..., channel].reshape(-1), minlength=256).cpu().double()
        share = counts / counts.sum()
        mean = (share * values).sum()
        means.append(mean)
        deviations.append((share * (values - mean) ** 2).sum().sqrt())
    return torch.stack(means), torch.stack(deviations)


def batch_bounds(images: int, batch_size: int, at_least: int = 1) -> list[tuple[int, int]]:
    """``(start, end)`` of each batch; the last may be shorter. One with fewer than ``at_least``
    images joins the batch before it (batch norm cannot train on a single image)."""
    bounds = [(start, min(start + batch_size, images)) for start in range(0, images, batch_size)]
    if len(bounds) > 1 and bounds[-1][1] - bounds[-1][0] < at_least:
        bounds[-2:] = [(bounds[-2][0], images)]
    return bounds


def training_bounds(experiment: Experiment, images: int) -> list[tuple[int, int]]:
    """The batches of one epoch of ``images``. Without the last, shorter one where the experiment
    drops it, unless it is the only one."""
    size = experiment.batch_size
    if experiment.drop_last and images >= size:
        return batch_bounds(images - images % size, size)
    return test_bounds(experiment, images)


def test_bounds(experiment: Experiment, images: int) -> list[tuple[int, int]]:
    """The batches of one test of ``images`` in training mode: all of them."""
    several = may_have_batch_norm(experiment.model_dump())
    return batch_bounds(images, experiment.batch_size, at_least=2 if several else 1)


test_bounds.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test


def ema_weight(decay: float, step: int) -> float:
    """Return how far the averaged copy moves toward the weights after ``step``, counted from 0 in
    the run: 1 - ``decay``, and further early on, so that the first weights are soon forgotten
    (as ``num_updates`` of TensorFlow's ExponentialMovingAverage has it)."""
    return 1.0 - min(decay, (1.0 + step) / (10.0 + step))


class EagerSteps:
    """Training steps, operation by operation, on any device. Never waits for the device."""

    def __init__(
        self,
        experiment: Experiment,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        data: DataSet,
        scaling: PixelScaling,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.bounds = training_bounds(experiment, len(data.train_labels))
        """``(start, end)`` of each step's batch in the epoch's order of the images."""
        device = data.train_labels.device
        self.losses = torch.zeros(len(self.bounds), device=device)
        """The loss of each step of the epoch before its update, float32, (steps,)."""
        self.correct = torch.zeros((), dtype=torch.int64, device=device)
        """How many images of the epoch were recognized so far, int64, ()."""
        self.order = torch.zeros_like(data.train_labels)
        """The images of the epoch as they come, int64, (images,)."""
        self._uncounted: list[tuple[Tensor, Tensor]] = []
        self._images = data.train_images
        self._labels = data.train_labels
        self._scaling = scaling
        self._bfloat16 = experiment.precision == "bfloat16"
        self._smoothing = experiment.label_smoothing
        self.augmenter = Augmenter(experiment, data, scaling)
        self._rates: list[float] = []
        self._averaging = torch.zeros(len(self.bounds), device=device)
        self._ema = experiment.ema
        self.averaged = copy.deepcopy(network) if experiment.ema else network
        """The network that is tested and saved: an averaged copy where the experiment asks for
        one, else the network itself."""
        self._pairs = (
            list(
                zip(self.averaged.state_dict().values(), network.state_dict().values(), strict=True)
            )
            if experiment.ema
            else []
        )

    def begin_epoch(self, order: Tensor, rates: float | Sequence[float], epoch: int = 1) -> None:
        """Prepare the steps of ``epoch`` (from 1).

        Args:
            order: a permutation of the training images, int64, (images,), on any device.
            rates: the learning rate, or that of each step.
        """
        self.order.copy_(order)
        self.correct.zero_()
        self._uncounted.clear()
        self.augmenter.begin_epoch(epoch)
        steps = len(self.bounds)
        self._rates = [rates] * steps if isinstance(rates, float) else list(rates)
        if self._ema:
            first = (epoch - 1) * steps
            weights = [ema_weight(self._ema, first + step) for step in range(steps)]
            self._averaging.copy_(torch.tensor(weights))
        set_learning_rate(self.optimizer, self._rates[0])

    def advance(self, step: int) -> int:
        """Train from ``step`` (counted from 0 in the epoch) on, and fill ``losses``; how many steps
        that were."""
        start, end = self.bounds[step]
        indices = self.order[start:end]
        set_learning_rate(self.optimizer, self._rates[step])
        self.losses[step], logits = self.train_on(indices)
        if self._ema:
            self._average(self._averaging[step])
        self._uncounted.append((logits, indices))
        return 1

    @torch.no_grad()
    def _average(self, weight: Tensor) -> None:
        """Move the averaged copy toward the network by ``weight``, (), 0 to 1: the weights, and
        batch norm's running statistics with them."""
        for average, value in self._pairs:
            if average.is_floating_point():
                average.lerp_(value, weight)
            else:
                average.copy_(value)

    def results(self, first: int, end: int) -> tuple[list[float], int]:
        """Return the losses of the steps from ``first`` up to ``end``, and how many images of the
        epoch were recognized so far. Waits for the device: all of it comes in one transfer."""
        if self._uncounted:
            self._count(self._uncounted)
            self._uncounted.clear()
        # float64 holds both exactly: every float32, and every count of images.
        both = torch.cat((self.losses[first:end].double(), self.correct.view(1).double()))
        *losses, correct = both.tolist()
        return losses, int(correct)

    def _count(self, steps: list[tuple[Tensor, Tensor]]) -> None:
        """Add the images whose highest logit was that of their label, with as few operations for
        all ``steps`` (logits and indices of each) as for one."""
        logits, indices = (torch.cat(parts) for parts in zip(*steps, strict=True))
        self.correct.add_((logits.argmax(1) == self._labels[indices]).sum())

    def train_on(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Train one step on the images at ``indices``, int64, (N,), on the device.

        Returns the loss before the step, float32, (), and the logits that it is of, (N, classes).
        """
        pixels = self._scaling(self.augmenter(self._images[indices], indices))
        # Only network and gradients are in bfloat16: weights, loss and optimizer stay float32.
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self._bfloat16):
            logits = self.network(pixels)
        loss = F.cross_entropy(
            logits.float(), self._labels[indices], label_smoothing=self._smoothing
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach(), logits.detach()
