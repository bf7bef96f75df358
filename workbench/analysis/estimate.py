"""What a run will take: time, from a few steps timed now or else from earlier runs like it, space
on the disk, and memory of a GPU.

Knows neither torch nor Qt; nothing is measured here.
"""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from workbench.data.data_choice import CIFAR10_IMAGES, SAMPLE_IMAGES, DataChoice
from workbench.engine.step_times import Timing
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.experiment import HYPERPARAMETERS, Experiment
from workbench.spec.networks import network_layers, weight_bytes
from workbench.spec.optimizers import OPTIMIZERS

WORDS_BYTES = 12_000
"""What a weight file takes beside its numbers."""

LIKE = ("network", "channels", "batch_norm", "activation", "optimizer", "batch_size", "precision")
"""Hyperparameters on which the speed depends."""

SWITCHED = ("dropout", "ema", "crop_padding", "cutout", "test_flip")
"""Those of which it only matters that they are not 0 or off."""

NEWEST = 5
"""Runs like it that count: the machine may have been another one before."""


GPU_BYTES_PER_IMAGE = 32 * 32 * 3 + 8
"""The data set lies on the GPU whole: pixels and labels."""


@dataclass(frozen=True)
class Estimate:
    """``seconds`` for all epochs, tests included: from timed steps where ``earlier`` is 0, else
    from so many earlier runs like it, ``None`` where there is neither. ``at_most``: early stopping
    may end the run before. ``bytes`` on the disk at most while it trains. ``gpu_bytes`` and
    ``free_gpu_bytes``, as they were when steps were timed, else ``None``. ``threads``: of the CPU,
    with which steps were timed. ``memory_bytes`` of the machine, and those that are free, where it
    trains on the CPU."""

    seconds: float | None
    earlier: int
    bytes: int
    free_bytes: int | None
    gpu_bytes: int | None = None
    free_gpu_bytes: int | None = None
    at_most: bool = False
    threads: int | None = None
    memory_bytes: int = 0
    free_memory_bytes: int | None = None

    @property
    def fits(self) -> bool:
        """Return whether the disk has the room, as far as that is known."""
        return self.free_bytes is None or self.bytes < self.free_bytes

    @property
    def fits_memory(self) -> bool:
        """Return whether the machine has the memory, as far as that is known."""
        return self.free_memory_bytes is None or self.memory_bytes < self.free_memory_bytes

    @property
    def fits_gpu(self) -> bool:
        """Return whether the GPU has the memory, as far as that is known."""
        if self.gpu_bytes is None or self.free_gpu_bytes is None:
            return True
        return self.gpu_bytes < self.free_gpu_bytes


def estimate(
    experiment: Experiment,
    data: DataChoice,
    device: str,
    runs: Iterable[RunRecord],
    library: Path,
    *,
    images: tuple[int, int] | None = None,
    timing: Timing | None = None,
) -> Estimate:
    """``device`` as torch names it, or ``auto``; ``runs`` of the library in any order; ``images``
    of a folder, for training and test, where they are known; ``timing`` of this experiment on
    this device, where there is one."""
    speed = speed_of(experiment.values())
    alike = [
        run
        for run in runs
        if _may_be_alike(run, experiment, data, device) and speed_of(run.experiment) == speed
    ]
    alike.sort(key=lambda run: run.created, reverse=True)
    speeds = [run.seconds / run.epochs_done for run in alike[:NEWEST]]
    known = _images(data, alike) or images
    # Steps that were timed just now are of this machine as busy as it is.
    seconds = timed_seconds(experiment, *known, timing) if known and timing else None
    if seconds is not None:
        speeds = []
    elif speeds:
        seconds = statistics.median(speeds) * experiment.epochs
    train, test = known or CIFAR10_IMAGES
    gpu_bytes = timing.peak_bytes if timing else None
    if gpu_bytes is not None:
        gpu_bytes += (train + test) * GPU_BYTES_PER_IMAGE
    on_cpu = device == "cpu" or (device == "auto" and gpu_bytes is None)
    return Estimate(
        memory_bytes=memory_bytes(experiment, _classes(alike)),
        free_memory_bytes=free_memory() if on_cpu else None,
        seconds=seconds,
        earlier=len(speeds),
        bytes=disk_bytes(experiment, train, test, _classes(alike)),
        free_bytes=free_bytes(library),
        gpu_bytes=gpu_bytes,
        free_gpu_bytes=timing.free_bytes if timing else None,
        at_most=experiment.early_stopping > 0,
        threads=timing.threads if timing else None,
    )


def timed_seconds(
    experiment: Experiment, train_images: int, test_images: int, timing: Timing
) -> float | None:
    """Seconds of the training of every epoch, the test behind each, and the final test; ``None``
    where nothing could be timed. A short last batch counts by its share. The validation split, of
    the training images, is tested where the test split is."""
    step, image = timing.seconds_per_step, timing.seconds_per_test_image
    if step is None or image is None:
        return None
    validation = train_images * experiment.validation_share
    steps = (train_images - validation) / experiment.batch_size
    epoch = steps * step + (test_images + validation) * image
    return experiment.epochs * epoch + test_images * image


def speed_of(values: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what the speed of an experiment depends on, from its values by name."""
    flips = values.get("flip", "none") != "none"
    switched = (bool(values.get(name)) for name in SWITCHED)
    return (*switched, flips, *(values.get(name, HYPERPARAMETERS[name].default) for name in LIKE))


def _may_be_alike(run: RunRecord, experiment: Experiment, data: DataChoice, device: str) -> bool:
    if run.epochs_done < 1 or not 0 < run.seconds < math.inf:
        return False
    if device not in ("auto", run.device) or not data.is_of(run.data):
        return False
    # Fewer images are trained on, and more are tested.
    return bool(run.experiment.get("validation_share", 0.0) == experiment.validation_share)


def _images(data: DataChoice, alike: list[RunRecord]) -> tuple[int, int] | None:
    """Training and test images; ``None`` for a folder on which no run like it has trained."""
    if data.is_sample:
        return SAMPLE_IMAGES
    if data.kind == "cifar10":
        return CIFAR10_IMAGES
    if alike:
        numbers = (alike[0].data.get("train_images"), alike[0].data.get("test_images"))
        if all(type(number) is int for number in numbers):
            return numbers  # type: ignore[return-value]
    return None


def _classes(alike: list[RunRecord]) -> int:
    """Return the classes of a run like it; without one, those of CIFAR-10 and of the sample."""
    return len(alike[0].data.get("classes", ())) or 10 if alike else 10


def memory_bytes(experiment: Experiment, classes: int = 10) -> int:
    """Bytes that a training takes at least, beside program and data: weights, their gradients, what
    the optimizer keeps, the copies of a checkpoint, and for a batch what each layer gives."""
    layers = network_layers(experiment, classes)
    kept = len(OPTIMIZERS[experiment.optimizer].keeps(experiment) - {"step"})
    averaged = int(experiment.ema > 0)
    # Weights and gradients; those kept against a loss that is no number; a checkpoint, in pieces
    # and as the content of its file.
    copies = 2 + kept + averaged + 1 + 2 * (2 + kept + averaged)
    weights = weight_bytes(experiment, classes) * copies
    return weights + 4 * experiment.batch_size * sum(math.prod(layer.outputs) for layer in layers)


def free_memory() -> int:
    """Bytes of the machine's memory that are free, as far as the system tells."""
    return int(psutil.virtual_memory().available)


def require_memory(experiment: Experiment, free: int | None = None, classes: int = 10) -> None:
    """Raise :class:`WorkbenchError` where training takes more than the ``free`` bytes of a device;
    by default those of the machine."""
    need, free = memory_bytes(experiment, classes), free_memory() if free is None else free
    if need > free:
        raise WorkbenchError(
            "Training this network in batches of {batch} takes about {need} MB of memory, and "
            "{free} MB are free; choose a smaller network or batch size.",
            batch=f"{experiment.batch_size:,}",
            need=f"{need / 1e6:,.0f}",
            free=f"{free / 1e6:,.0f}",
        )


def disk_bytes(
    experiment: Experiment, train_images: int, test_images: int, classes: int = 10
) -> int:
    """Bytes of a run folder at its largest: the last and the best weights, a checkpoint and the
    next one that takes its place, the loss of every step, and the final test's logits."""
    weights = weight_bytes(experiment, classes) + WORDS_BYTES
    optimizer = OPTIMIZERS[experiment.optimizer]
    sets = (optimizer.keeps(experiment), optimizer.keeps_for_others or set())
    kept = max(len(one - {"step"}) for one in sets)
    # The weights twice where they diverged, else once beside the optimizer's averages; and the
    # averaged copy where there is one.
    checkpoints = 2 * (max(2, 1 + kept) + bool(experiment.ema)) * weights
    trained = train_images * (1 - experiment.validation_share)
    steps = math.ceil(trained / experiment.batch_size) * experiment.epochs
    logits = test_images * (classes * 4 + 8)
    rows = experiment.epochs * (220 if experiment.validation_share else 160)
    return 2 * weights + checkpoints + 4 * steps + logits + rows


def free_bytes(folder: Path) -> int | None:
    """Free bytes on the disk where ``folder`` is or will be; ``None`` where nobody can say."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
