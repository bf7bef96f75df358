"""``checkpoint.pt``: what a run that has not finished is resumed from."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workbench import atomic
from workbench.engine.checkpoint import Checkpoint
from workbench.library.run_folder import CHECKPOINT
from workbench.messages import WorkbenchError

FORMAT = 1
"""The format that :func:`save_checkpoint` writes, and the newest that can be read."""

KIND = "cifar-workbench checkpoint"


@dataclass(frozen=True, eq=False)
class StoredCheckpoint:
    """A checkpoint and what it belongs to: the run's ``experiment`` and ``environment`` as plain
    values, and the ``fingerprint`` of its data. ``pixels``: what a weight file says of how its
    pixels are scaled."""

    checkpoint: Checkpoint = field(repr=False)
    experiment: dict[str, Any]
    fingerprint: str
    environment: dict[str, Any]
    pixels: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(folder: Path, stored: StoredCheckpoint) -> None:
    """Replaces the run's checkpoint. Raises ``OSError``; the old one is whole then."""
    checkpoint = stored.checkpoint
    content = {
        "kind": KIND,
        "format": FORMAT,
        "experiment": stored.experiment,
        "fingerprint": stored.fingerprint,
        "environment": stored.environment,
        "pixels": stored.pixels,
        **{item.name: getattr(checkpoint, item.name) for item in fields(checkpoint)},
    }
    with atomic.replacing(folder / CHECKPOINT) as file:
        torch.save(content, file)


def load_checkpoint(folder: Path) -> StoredCheckpoint:
    """The run's checkpoint, its tensors on the CPU.

    Raises :class:`WorkbenchError` where there is none, or it is damaged or of a newer format.
    """
    path = folder / CHECKPOINT
    try:
        with zipfile.ZipFile(path) as archive:
            # torch does not look at the checksums: a rotten page would be trained on.
            if archive.testzip() is not None:
                raise _damaged(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except WorkbenchError:
        raise
    except FileNotFoundError:
        raise WorkbenchError(
            "{path}: this run has no checkpoint to resume from.", path=folder
        ) from None
    except Exception:  # zipfile and torch have no end of errors for files of any content
        raise _damaged(path) from None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise _damaged(path)
    if not isinstance(content.get("format"), int) or content["format"] > FORMAT:
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
        )
        _check(stored)
    except (KeyError, TypeError, AttributeError, AssertionError):
        raise _damaged(path) from None
    return stored


def _check(stored: StoredCheckpoint) -> None:
    c = stored.checkpoint
    assert isinstance(c.epoch, int)
    assert isinstance(c.step, int)
    assert isinstance(c.waited, int)
    assert isinstance(c.losses, Tensor)
    assert c.losses.shape == (c.step,)
    assert all(isinstance(t, Tensor) for t in (*c.network.values(), *c.good.values()))
    assert all(isinstance(t, Tensor) for values in c.optimizer for t in values.values())
    assert all(isinstance(s, dict) for s in (stored.experiment, stored.environment, stored.pixels))
    for name, values in stored.pixels.items():
        assert name in ("pixel_mean", "pixel_deviation")
        assert len(values) == 3
        assert all(isinstance(value, float) for value in values)
    # A network and random states of another size would only fail in the middle of the training.
    assert {name: t.shape for name, t in c.network.items()} == {
        name: t.shape for name, t in c.good.items()
    }
    assert c.order.shape == torch.Generator().get_state().shape
    assert c.random.shape == torch.Generator().get_state().shape
    parameters = [t for name, t in c.network.items() if name.endswith((".weight", ".bias"))]
    assert len(c.optimizer) in (0, len(parameters))


def _damaged(path: Path) -> WorkbenchError:
    return WorkbenchError(
        "{path}: the checkpoint is damaged; give up resuming the run, or train it again from the "
        "start.",
        path=path,
    )
