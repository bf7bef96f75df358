"""``checkpoint.pt``: what a run that has not finished is resumed from."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from workbench import atomic
from workbench.engine.checkpoint import Checkpoint
from workbench.engine.networks import build_empty
from workbench.library.run_files import CHECKPOINT
from workbench.library.run_record import MOST_CLASSES, EnvironmentFile
from workbench.library.safe_pickle import LARGEST_CHECKPOINT, is_whole, load_plain
from workbench.library.state_dicts import difference
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, ExperimentError, experiment_from
from workbench.spec.networks import NETWORKS, NetworkError, require_network
from workbench.spec.optimizers import OPTIMIZERS

PIXEL_STATISTICS = {"pixel_mean", "pixel_deviation"}
"""What a checkpoint may say of its pixels, each R, G and B."""

FORMAT = 2
"""The format that :func:`save_checkpoint` writes, and the newest that can be read."""

KIND = "cifar-workbench checkpoint"


@dataclass(frozen=True, eq=False)
class StoredCheckpoint:
    """A checkpoint and what it belongs to: the run's ``experiment`` and ``environment`` as plain
    values, and the ``fingerprint`` of its data. ``pixels``: what a weight file says of how its
    pixels are scaled. ``classes``: how many there are, which earlier versions did not write."""

    checkpoint: Checkpoint = field(repr=False)
    experiment: dict[str, Any]
    fingerprint: str
    environment: dict[str, Any]
    pixels: dict[str, Any] = field(default_factory=dict)
    classes: int | None = None


def save_checkpoint(folder: Path, stored: StoredCheckpoint) -> None:
    """Replace the run's checkpoint. Raises ``OSError``; the old one is whole then."""
    checkpoint = stored.checkpoint
    content = {
        "kind": KIND,
        "format": FORMAT,
        "experiment": stored.experiment,
        "fingerprint": stored.fingerprint,
        "environment": stored.environment,
        "pixels": stored.pixels,
        "classes": stored.classes,
        **{item.name: getattr(checkpoint, item.name) for item in fields(checkpoint)},
    }
    # Through memory, because torch.save turns a full disk into a RuntimeError without its reason.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic.replacing(folder / CHECKPOINT) as file:
        file.write(buffer.getbuffer())


def load_checkpoint(folder: Path) -> StoredCheckpoint:
    """The run's checkpoint, its tensors on the CPU. It is looked through as weights are, and its
    tensors are those that its experiment needs.

    Raises :class:`WorkbenchError` where there is none, or it is damaged or of a newer format.
    """
    path = folder / CHECKPOINT
    if not os.path.lexists(path):
        raise WorkbenchError(
            "{path}: this run has no checkpoint to resume from.", path=folder
        ) from None
    try:
        content = load_plain(path, own=True, largest=LARGEST_CHECKPOINT)
    except WorkbenchError:
        raise _damaged(path) from None  # the sentences are those of weights
    if content.get("kind") != KIND:
        raise _damaged(path)
    number = content.get("format")
    if type(number) is int and number > FORMAT:
        raise WorkbenchError(
            "{path}: was written by a newer version of the program; update the program to resume "
            "the run.",
            path=path,
        )
    # What earlier versions did not write has a default.
    names = {item.name for item in fields(Checkpoint)} & content.keys()
    try:
        checkpoint = Checkpoint(**{name: content[name] for name in names})
        stored = StoredCheckpoint(
            checkpoint,
            content["experiment"],
            content["fingerprint"],
            content["environment"],
            content.get("pixels", {}),
            content.get("classes"),
        )
        _require(type(number) is int and number >= 1)
        _check_values(stored)
        require_network(path, stored.experiment)
        _check_tensors(checkpoint, experiment_from(stored.experiment), stored.classes)
    except (
        *(KeyError, TypeError, AttributeError, ValueError, IndexError, RuntimeError),
        *(OverflowError, StopIteration, ValidationError, ExperimentError),
    ):
        raise _damaged(path) from None
    return stored


def _require(fits: bool) -> None:
    if not fits:
        raise ValueError("damaged")


def _check_values(stored: StoredCheckpoint) -> None:
    c = stored.checkpoint
    for count in (c.epoch, c.step, c.steps_done, c.good_step, c.waited):
        _require(type(count) is int and 0 <= count <= 10**13)
    _require(1 <= c.epoch <= 100_001 and c.step <= c.steps_done >= c.good_step)
    _require(c.correct is None or (type(c.correct) is int and 0 <= c.correct <= 10**13))
    for seconds in (c.seconds, c.epoch_seconds):
        _require(type(seconds) in (int, float) and 0 <= seconds <= 1e10)
    _require(c.accuracy is None or _is_percent(c.accuracy, 0))
    _require(_is_percent(c.best_accuracy, -1))  # -1: no epoch is done
    _require(type(stored.experiment) is dict and type(stored.environment) is dict)
    _require(type(stored.fingerprint) is str and len(stored.fingerprint) <= 300)
    EnvironmentFile.model_validate({"environment": stored.environment})
    _require(type(stored.pixels) is dict and stored.pixels.keys() <= PIXEL_STATISTICS)
    for values in stored.pixels.values():
        _require(type(values) is list and len(values) == 3)
        _require(all(type(value) is float and math.isfinite(value) for value in values))


def _is_percent(value: object, least: int) -> bool:
    return type(value) in (int, float) and least <= value <= 100  # type: ignore[operator]


def _check_tensors(c: Checkpoint, experiment: Experiment, classes: int | None) -> None:
    """A network, an optimizer or random states of another size or kind would only fail in the
    middle of the training."""
    if classes is None:
        classes = len(list(c.network.values())[-1])
    _require(type(classes) is int and 1 <= classes <= MOST_CLASSES)
    network = build_empty(experiment, classes)
    expected = network.state_dict()
    for state in (c.network, c.good, *([] if c.averaged is None else [c.averaged])):
        _require(type(state) is not list)
        own = NETWORKS[experiment.network].batch_norm is None
        if own and (other := difference(state, expected)):
            raise NetworkError(
                "The run cannot be resumed: its weights do not fit the network {network} as it is "
                "installed now: {difference}.",
                network=experiment.network,
                difference=other,
            )
        _require(list(state) == list(expected))
        for name, wanted in expected.items():
            _require_tensor(state[name], wanted.dtype, wanted.shape)
    _require_tensor(c.losses, torch.float32, (c.step,))
    if c.optimizer:
        optimizer = OPTIMIZERS[experiment.optimizer]
        kept: tuple[Any, ...] = (set(), optimizer.keeps(experiment), optimizer.keeps_for_others)
        shapes = [parameter.shape for parameter in network.parameters()]
        for values, shape in zip(c.optimizer, shapes, strict=True):
            _require(set(values) in kept)
            for name, value in values.items():
                _require_tensor(value, torch.float32, () if name == "step" else shape)
    for random in (c.order, c.random, *([] if c.augmentation is None else [c.augmentation])):
        _require_tensor(random, torch.uint8, torch.Generator().get_state().shape)
        torch.Generator().set_state(random)  # raises RuntimeError for what is none
    if c.cuda_random is not None:
        _require_tensor(c.cuda_random, torch.uint8, (math.prod(c.cuda_random.shape),))
        _require(len(c.cuda_random) <= 1_000)


def _require_tensor(tensor: object, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    _require(isinstance(tensor, Tensor) and tensor.layout is torch.strided)
    assert isinstance(tensor, Tensor)
    _require(tensor.dtype is dtype and tensor.shape == torch.Size(shape) and is_whole(tensor))


def _damaged(path: Path) -> WorkbenchError:
    return WorkbenchError(
        "{path}: the checkpoint is damaged; give up resuming the run, or train it again from the "
        "start.",
        path=path,
    )
