"""What a run of a preset is expected to show: the curves that were measured, shipped as
``presets/curves.json`` (written by ``tests/reproduction/reproduce.py``)."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench import paths
from workbench.spec.experiment import Experiment, differences, experiment_from

FORMAT = 1
"""Format number of ``curves.json``."""

SEVERAL = 3
"""Seeds from which their spread says more than a fixed margin."""

MARGIN = 2.0
"""Points of accuracy allowed on either side of fewer seeds."""


@dataclass(frozen=True)
class Curve:
    """One measured run of a preset. ``loss``: mean training loss of each epoch; ``accuracy``:
    test accuracy after it, in percent, in the experiment's test mode. ``data``, ``device`` and
    ``date`` say on what and when it was measured."""

    preset: str
    experiment: Experiment
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    data: str
    device: str
    date: str


@dataclass(frozen=True)
class Expected:
    """What is expected after each epoch, from 1. ``loss`` and ``accuracy`` are means over the
    seeds that got so far, ``low`` and ``high`` the ends of what counts as on track, ``seeds`` how
    many there are at each epoch; ``data`` and ``device`` on what they were measured."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    seeds: tuple[int, ...]
    data: str
    device: str

    def judge(self, epoch: int, accuracy: float) -> Literal["on track", "below", "above"] | None:
        """How ``accuracy`` after ``epoch`` stands to the expected one; ``None`` beyond the end.

        On track is what lies between the lowest and the highest accuracy expected. With three
        seeds or more that is their spread at this epoch, widened on both sides by twice the
        binomial standard error of an accuracy on 10,000 images. With fewer it is their spread
        from the epoch before to the epoch after, widened by 2 points: a single curve oscillates
        by more than its seeds would differ.
        """
        if not 1 <= epoch <= len(self.accuracy):
            return None
        if accuracy < self.low[epoch - 1]:
            return "below"
        return "above" if accuracy > self.high[epoch - 1] else "on track"


@functools.cache
def shipped_curves() -> tuple[Curve, ...]:
    """The curves that ship with the program; none where the file is not there."""
    return read_curves(paths.shipped("presets") / "curves.json")


def read_curves(path: Path) -> tuple[Curve, ...]:
    """The curves in ``path``; none where there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    return tuple(
        Curve(
            preset=entry["preset"],
            experiment=experiment_from(entry["experiment"]),
            loss=tuple(entry["loss"]),
            accuracy=tuple(entry["accuracy"]),
            data=entry["data"],
            device=entry["device"],
            date=entry["date"],
        )
        for entry in json.loads(text)["curves"]
    )


def alike_until(a: Experiment, b: Experiment) -> float:
    """The last epoch up to which ``a`` and ``b`` differ in nothing but the seed: where only the
    decay differs, the last one with the same learning rate. Infinite where it stays the same, 0
    where they differ from the beginning."""
    aside = {"seed", "epochs", "early_stopping", "scheduler", "step_size", "gamma"}
    if not a.eval_after_first_step:
        # Test images in batch norm show in the final test alone.
        aside.add("test_images_in_batch_norm")
    if set(differences(a, b)) - aside:
        return 0
    longest = max(a.epochs, b.epochs)
    parts = (e for e in range(1, longest + 1) if a.learning_rate_at(e) != b.learning_rate_at(e))
    return next(parts, math.inf) - 1


def expected_of(experiment: Experiment, curves: Sequence[Curve] | None = None) -> Expected | None:
    """What ``curves`` (those that ship with the program) say of ``experiment``; ``None`` where
    none of them was trained with its hyperparameters."""
    used: list[tuple[Curve, int]] = []
    for curve in shipped_curves() if curves is None else curves:
        until = alike_until(curve.experiment, experiment)
        epochs = int(min(until, len(curve.accuracy), experiment.epochs))
        if epochs > 0:
            used.append((curve, epochs))
    if not used:
        return None
    losses, means, lows, highs, counts = [], [], [], [], []
    for epoch in range(1, max(epochs for _, epochs in used) + 1):
        here = _one_of_each_seed([part for part in used if epoch <= part[1]])
        values = [curve.accuracy[epoch - 1] for curve, _ in here]
        mean = math.fsum(values) / len(values)
        if len(here) >= SEVERAL:
            room = 2 * binomial_error(mean)
            near = values
        else:
            room = MARGIN
            near = [
                v
                for curve, end in here
                for v in curve.accuracy[max(epoch - 2, 0) : min(epoch + 1, end)]
            ]
        losses.append(math.fsum(curve.loss[epoch - 1] for curve, _ in here) / len(here))
        means.append(mean)
        lows.append(min(near) - room)
        highs.append(max(near) + room)
        counts.append(len(here))
    return Expected(
        loss=tuple(losses),
        accuracy=tuple(means),
        low=tuple(lows),
        high=tuple(highs),
        seeds=tuple(counts),
        data=used[0][0].data,
        device=used[0][0].device,
    )


def _one_of_each_seed(used: list[tuple[Curve, int]]) -> list[tuple[Curve, int]]:
    """``used`` without those that repeat the numbers of another, as a preset with and without its
    decay does before the first step of it."""
    seeds = {
        (curve.experiment.seed, curve.device, curve.data): (curve, epochs)
        for curve, epochs in sorted(used, key=lambda part: part[1])  # the longest is kept
    }
    return list(seeds.values())


def binomial_error(accuracy: float, images: int = 10_000) -> float:
    """Standard error of an ``accuracy`` in percent, of as many test images: sqrt(p (1 - p) / n)."""
    share = min(max(accuracy / 100.0, 0.0), 1.0)
    return 100.0 * math.sqrt(share * (1.0 - share) / images)
