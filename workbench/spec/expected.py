"""What a run of a preset is expected to show: the curves that were measured, shipped as
``presets/curves.json`` (written by ``tests/reproduction/reproduce.py``)."""

from __future__ import annotations

import functools
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench import paths
from workbench.spec.experiment import Experiment, differences, experiment_from
from workbench.spec.intervals import prediction_margin

FORMAT = 1
"""Format number of ``curves.json``."""

SEVERAL = 5
"""Seeds that a band needs. With three, that of 003 would reach 6 to 21 points to either side."""

LEVEL = 0.95
"""Share of honest runs that lie in the band in every epoch of it."""

CHANCE = 10.0
"""Accuracy in percent of guessing one of CIFAR-10's ten classes."""


@dataclass(frozen=True)
class Curve:
    """One measured run of a preset. ``loss``: mean training loss of each epoch; ``accuracy``:
    test accuracy after it, in percent, in the experiment's test mode. ``data``, ``device`` and
    ``date`` say on what and when it was measured. ``final``: accuracy of the final test, where that
    is the preset's result and not the accuracy after the last epoch."""

    preset: str
    experiment: Experiment
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    data: str
    device: str
    date: str
    final: float | None = None


@dataclass(frozen=True)
class Expected:
    """What is expected after each epoch, from 1. ``loss`` and ``accuracy`` are means over the
    seeds that got so far, ``low`` and ``high`` the ends of the prediction band in percent, ``None``
    where there is none yet, ``seeds`` how many there are at each epoch; ``data`` and ``device`` on
    what they were measured."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    seeds: tuple[int, ...]
    data: str
    device: str

    @property
    def has_band(self) -> bool:
        return any(end is not None for end in self.low)

    def judge(self, epoch: int, accuracy: float) -> Literal["on track", "below", "above"] | None:
        """Return how ``accuracy`` after ``epoch`` stands to the band of :func:`expected_of`;
        ``None`` where there is none, and beyond its end."""
        if not 1 <= epoch <= len(self.accuracy):
            return None
        low, high = self.low[epoch - 1], self.high[epoch - 1]
        if low is None or high is None:
            return None
        if accuracy < low:
            return "below"
        return "above" if accuracy > high else "on track"


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
            final=entry.get("final"),
        )
        for entry in json.loads(text)["curves"]
    )


def alike_until(a: Experiment, b: Experiment) -> float:
    """The last epoch up to which ``a`` and ``b`` differ in nothing but the seed: where only the
    decay differs, the last one with the same learning rate. Infinite where it stays the same, 0
    where they differ from the beginning."""
    aside = {"histograms", "seed", "epochs", "early_stopping", "scheduler", "step_size", "gamma"}
    if not a.eval_after_first_step:
        # Test images in batch norm show in the final test alone.
        aside.add("test_images_in_batch_norm")
    if set(differences(a, b)) - aside:
        return 0
    longest = max(a.epochs, b.epochs)
    parts = (e for e in range(1, longest + 1) if a.learning_rate_at(e) != b.learning_rate_at(e))
    return next(parts, math.inf) - 1


def expected_of(experiment: Experiment, curves: Sequence[Curve] | None = None) -> Expected | None:
    """Return what ``curves`` (those that ship with the program) say of ``experiment``; ``None``
    where none of them was trained with its hyperparameters.

    The band is one for the whole curve: of honest runs (another seed, all else the same)
    :data:`LEVEL` or more stay in it in every epoch. After each epoch it is the prediction interval
    of one further run around the mean of the n seeds, mean +- t * s * sqrt(1 + 1 / n), and the 5%
    that may fall outside are shared out among the epochs with a band (Bonferroni: 0.05 / epochs
    each), which holds however the epochs of a run hang together. Source: Hahn and Meeker,
    "Statistical Intervals", 1991, 4.7 and 4.8 (simultaneous prediction intervals). It supposes that
    seeds are normally distributed at each epoch.

    There is none with fewer than :data:`SEVERAL` seeds, and none where it would take in guessing
    (:data:`CHANCE`), as early in a run or with few seeds: there it could tell no run from a dead
    one. ``tests/reproduction/verdict_levels.py`` measures the level.
    """
    used: list[tuple[Curve, int]] = []
    for curve in shipped_curves() if curves is None else curves:
        until = alike_until(curve.experiment, experiment)
        epochs = int(min(until, len(curve.accuracy), experiment.epochs))
        if epochs > 0:
            used.append((curve, epochs))
    if not used:
        return None
    used = _one_of_each_seed(used)
    at_epoch = [
        [curve for curve, end in used if epoch < end]
        for epoch in range(max(end for _, end in used))
    ]
    looks = sum(len(here) >= SEVERAL for here in at_epoch)
    losses, means, bands = [], [], []
    for epoch, here in enumerate(at_epoch):
        values = [curve.accuracy[epoch] for curve in here]
        losses.append(math.fsum(curve.loss[epoch] for curve in here) / len(here))
        means.append(math.fsum(values) / len(here))
        bands.append(_band(values, looks))
    return Expected(
        loss=tuple(losses),
        accuracy=tuple(means),
        low=tuple(low for low, _ in bands),
        high=tuple(high for _, high in bands),
        seeds=tuple(map(len, at_epoch)),
        data=used[0][0].data,
        device=", ".join(dict.fromkeys(curve.device for curve, _ in used)),
    )


def _band(values: Sequence[float], looks: int) -> tuple[float | None, float | None]:
    """Ends of the band at one of ``looks`` epochs."""
    if len(values) < SEVERAL:
        return None, None
    mean = math.fsum(values) / len(values)
    level = 1.0 - (1.0 - LEVEL) / looks
    margin = prediction_margin(statistics.stdev(values), len(values), level)
    return (None, None) if abs(mean - CHANCE) <= margin else (mean - margin, mean + margin)


def _one_of_each_seed(used: list[tuple[Curve, int]]) -> list[tuple[Curve, int]]:
    """``used`` with one curve of each seed, the longest, as a preset with and without its decay
    repeats its numbers before the first step of it, and two devices nearly do. All are of one data
    set: the one with the most seeds."""
    sets: dict[str, dict[int, tuple[Curve, int]]] = {}
    for curve, epochs in sorted(used, key=lambda part: part[1]):
        sets.setdefault(curve.data, {})[curve.experiment.seed] = (curve, epochs)
    return list(max(sets.values(), key=len).values())


def binomial_error(accuracy: float, images: int = 10_000) -> float:
    """Standard error of an ``accuracy`` in percent, of as many test images: sqrt(p (1 - p) / n).

    How far a new test set would move it. Between two networks tested on the same images it says
    nothing, and one network tested on them again has the same accuracy.
    """
    share = min(max(accuracy / 100.0, 0.0), 1.0)
    return 100.0 * math.sqrt(share * (1.0 - share) / images)
