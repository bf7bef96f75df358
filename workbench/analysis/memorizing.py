"""When a network stops learning what it can use on other images, and by how much it knows its
training images better than those of the test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.engine.run_state import EpochFigures

LEAST_EPOCHS = 2
"""Epochs that must follow the one with the lowest test loss: one alone may be chance."""


@dataclass(frozen=True)
class Memorizing:
    """``since`` is the last epoch at which the test loss was lowest. ``test_loss`` and
    ``training_loss``, each at that epoch and at the last one: the first has risen, the second
    fallen, so that what was learned since is of use on the training images only."""

    since: int
    test_loss: tuple[float, float]
    training_loss: tuple[float, float]


def memorizing(epochs: Sequence[EpochFigures]) -> Memorizing | None:
    """Return since when a run memorizes its training images.

    That is the textbook sign of overfitting: the training loss still falls while the loss on other
    images rises (Goodfellow, Bengio and Courville, *Deep Learning*, 2016, section 7.8, figure 7.3).

    Args:
        epochs: the figures of the epochs done, in their order. Losses that are not finite are left
            out.

    Returns:
        ``None`` while the test loss is lowest at the last epoch or the one before it, and where the
        training loss has not fallen since.
    """
    finite = [e for e in epochs if math.isfinite(e.test.loss) and math.isfinite(e.loss)]
    if not finite:
        return None
    lowest = min(epoch.test.loss for epoch in finite)
    best = [epoch for epoch in finite if epoch.test.loss == lowest][-1]
    last = finite[-1]
    if last.epoch - best.epoch < LEAST_EPOCHS or last.loss >= best.loss:
        return None
    return Memorizing(best.epoch, (best.test.loss, last.test.loss), (best.loss, last.loss))


def accuracy_gap(epochs: Sequence[EpochFigures]) -> float | None:
    """Return by how many percentage points the training accuracy of the last epoch is above its
    test accuracy; ``None`` where it was not counted. Negative where dropout and augmentation make
    the training images harder than those of the test."""
    last = epochs[-1].training_accuracy if epochs else None
    return None if last is None else last - epochs[-1].test.accuracy
