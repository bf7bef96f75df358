"""Testing: the whole test split (or the validation split in its place), in evaluation or in
training mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data.datasets import DataSet
from workbench.engine.control import RunControl
from workbench.engine.events import Evaluation, EvaluationProgress
from workbench.engine.steps import PixelScaling, batch_bounds, test_bounds
from workbench.spec.experiment import Experiment

EVALUATION_BATCH = 250
"""Images for each batch in evaluation mode, where the size changes nothing but the speed: small
enough for the processor's cache."""


class StopRequested(Exception):
    """The person asked for stop or cancel."""


def check(control: RunControl) -> None:
    """Raise :class:`StopRequested` once stop or cancel was asked for."""
    if control.stopping:
        raise StopRequested


def evaluate(
    network: nn.Module,
    data: DataSet,
    scaling: PixelScaling,
    between_batches: Callable[[], None],
    progress: Callable[[EvaluationProgress], None],
    mirrored: bool = False,
) -> tuple[Evaluation, Tensor]:
    """A test in evaluation mode: dropout off, batch norm on its running statistics. With
    ``mirrored`` the logits are the mean of those of each image and its mirror image.

    Returns the figures and the logits (float32, (test images, classes), on the CPU). Leaves the
    network in the mode it was in. ``between_batches`` is called before each batch; what it raises
    (:class:`StopRequested`) ends the test.
    """
    bounds = batch_bounds(len(data.test_labels), EVALUATION_BATCH)
    was_training = network.training
    network.eval()
    try:
        return _test(network, data, scaling, bounds, "eval", between_batches, progress, mirrored)
    finally:
        network.train(was_training)


def evaluate_in_training_mode(
    network: nn.Module,
    data: DataSet,
    scaling: PixelScaling,
    experiment: Experiment,
    epoch: int,
    between_batches: Callable[[], None],
    progress: Callable[[EvaluationProgress], None],
    moves_statistics: bool = False,
) -> tuple[Evaluation, Tensor]:
    """A test as the report took it after each epoch until 010: dropout active, batch norm on
    the statistics of each test batch of the experiment's batch size.

    The network and the random state are left as they were. In the report's program they were
    not: there the running statistics of batch norm took in the test images, which the final
    test then used; with ``moves_statistics`` they do so here too. Dropout here draws from a state
    of its own, made from seed and epoch.
    Returns and raises what :func:`evaluate` does.
    """
    bounds = test_bounds(experiment, len(data.test_labels))
    was_training = network.training
    device = data.test_images.device
    statistics = nullcontext() if moves_statistics else _restored_buffers(network)
    with (
        statistics,
        torch.random.fork_rng([device] if device.type == "cuda" else []),
    ):
        torch.manual_seed(experiment.seed * 1_000_003 + epoch)
        network.train()
        try:
            return _test(network, data, scaling, bounds, "train", between_batches, progress)
        finally:
            network.train(was_training)


@contextmanager
def _restored_buffers(network: nn.Module) -> Iterator[None]:
    saved = [buffer.clone() for buffer in network.buffers()]
    try:
        yield
    finally:
        for buffer, value in zip(network.buffers(), saved, strict=True):
            buffer.copy_(value)


@torch.no_grad()
def _test(
    network: nn.Module,
    data: DataSet,
    scaling: PixelScaling,
    bounds: list[tuple[int, int]],
    mode: str,
    between_batches: Callable[[], None],
    progress: Callable[[EvaluationProgress], None],
    mirrored: bool = False,
) -> tuple[Evaluation, Tensor]:
    total = len(data.test_labels)
    parts = []
    reported = 0
    for start, end in bounds:
        between_batches()
        parts.append(test_logits(network, scaling(data.test_images[start:end]), mirrored))
        if end - reported >= total / 20 or end == total:
            progress(EvaluationProgress(end, total))
            reported = end
    # The one wait of a test: all logits in one transfer, and the labels behind them.
    logits = torch.cat(parts).float().cpu()
    labels = data.test_labels.cpu()
    return figures(logits, labels, data.info.classes, mode, mirrored), logits


def test_logits(network: nn.Module, pixels: Tensor, mirrored: bool) -> Tensor:
    """Return the logits of scaled ``pixels`` (N, 3, 32, 32); with ``mirrored`` the mean of those of
    each image and its mirror image."""
    logits: Tensor = network(pixels)
    return (logits + network(pixels.flip(3))) / 2 if mirrored else logits


test_logits.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test


def figures(
    logits: Tensor, labels: Tensor, classes: tuple[str, ...], mode: str, mirrored: bool = False
) -> Evaluation:
    """The figures of a test from its logits (float32, (N, classes)) and labels (int64, (N,))."""
    count = len(classes)
    predicted = logits.argmax(1)
    confusion = torch.bincount(labels * count + predicted, minlength=count * count)
    confusion = confusion.view(count, count)
    correct = int(confusion.diagonal().sum())
    support = confusion.sum(1)
    return Evaluation(
        mode="train" if mode == "train" else "eval",
        correct=correct,
        total=len(labels),
        accuracy=100.0 * correct / len(labels),
        loss=float(F.cross_entropy(logits.double(), labels)),
        classes=classes,
        per_class=tuple(
            100.0 * int(right) / int(of) if of else None
            for right, of in zip(confusion.diagonal(), support, strict=True)
        ),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        mirrored=mirrored,
    )
