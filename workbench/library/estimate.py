"""What a run will take: time, from earlier runs like it, and space on the disk.

Knows neither torch nor Qt; nothing is measured here.
"""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.engine.data_choice import CIFAR10_IMAGES, SAMPLE_IMAGES, DataChoice
from workbench.library.run_folder import RunRecord
from workbench.spec.experiment import Experiment

WEIGHTS_BYTES = 1_750_000
"""What a weight file of the network takes: some 435,000 weights in float32, and their words."""

LIKE = ("network", "batch_norm", "activation", "optimizer", "batch_size", "precision")
"""Hyperparameters on which the speed depends, beside whether there is dropout."""

NEWEST = 5
"""Runs like it that count: the machine may have been another one before."""


@dataclass(frozen=True)
class Estimate:
    """``seconds`` for the whole run, tests included; ``None`` without an earlier run like it,
    else ``earlier`` says how many there were. ``bytes`` on the disk at most while it trains."""

    seconds: float | None
    earlier: int
    bytes: int
    free_bytes: int | None

    @property
    def fits(self) -> bool:
        """Whether the disk has the room, as far as that is known."""
        return self.free_bytes is None or self.bytes < self.free_bytes


def estimate(
    experiment: Experiment,
    data: DataChoice,
    device: str,
    runs: Iterable[RunRecord],
    library: Path,
) -> Estimate:
    """``device`` as torch names it, or ``auto``; ``runs`` of the library in any order."""
    alike = [run for run in runs if _is_alike(run, experiment, data, device)]
    alike.sort(key=lambda run: run.created, reverse=True)
    speeds = [run.seconds / run.epochs_done for run in alike[:NEWEST]]
    seconds = statistics.median(speeds) * experiment.epochs if speeds else None
    train, test = _images(data, alike)
    return Estimate(
        seconds=seconds,
        earlier=len(speeds),
        bytes=disk_bytes(experiment, train, test),
        free_bytes=free_bytes(library),
    )


def _is_alike(run: RunRecord, experiment: Experiment, data: DataChoice, device: str) -> bool:
    if run.epochs_done < 1 or not 0 < run.seconds < math.inf:
        return False
    if device not in ("auto", run.device) or run.data.get("kind") != data.kind:
        return False
    if data.kind == "folder" and run.data.get("path") != str(data.path):
        return False
    theirs, ours = run.experiment, experiment.values()
    if bool(theirs.get("dropout")) != bool(ours.get("dropout")):
        return False
    return all(theirs.get(name) == ours.get(name) for name in LIKE)


def _images(data: DataChoice, alike: list[RunRecord]) -> tuple[int, int]:
    """Training and test images; CIFAR-10's for a folder of which nothing is known yet."""
    if data.kind == "sample":
        return SAMPLE_IMAGES
    if data.kind == "folder" and alike:
        numbers = (alike[0].data.get("train_images"), alike[0].data.get("test_images"))
        if all(type(number) is int for number in numbers):
            return numbers  # type: ignore[return-value]
    return CIFAR10_IMAGES


def disk_bytes(experiment: Experiment, train_images: int, test_images: int) -> int:
    """Bytes of a run folder at its largest: the last and the best weights, a checkpoint and the
    next one that takes its place, the loss of every step, and the final test's logits."""
    states = 3 if experiment.optimizer == "adam" else 2  # weights, and the optimizer's averages
    checkpoints = 2 * states * WEIGHTS_BYTES
    steps = math.ceil(train_images / experiment.batch_size) * experiment.epochs
    logits = test_images * (10 * 4 + 8)
    rows = experiment.epochs * 160
    return 2 * WEIGHTS_BYTES + checkpoints + 4 * steps + logits + rows


def free_bytes(folder: Path) -> int | None:
    """Free bytes on the disk where ``folder`` is or will be; ``None`` where nobody can say."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
