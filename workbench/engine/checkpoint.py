"""Where a training stands, complete: what it needs to go on as if it had not stopped."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training between two steps. All tensors are on the CPU and not to be changed.

    ``epoch`` (from 1) is under way, with ``step`` of its steps done; after the test of the last
    epoch it is one more than there are. ``losses``: float32, (step,), of this epoch. ``order``:
    the random state of the order of the images, before this epoch drew from it. ``random`` and
    ``cuda_random``: torch's default random state, which dropout draws from. ``optimizer``: the
    tensors of each parameter, in the network's order; empty where it begins again. ``good``: the
    weights kept against a loss that is not a number, those after ``good_step`` steps of the run.
    ``seconds`` and ``epoch_seconds`` as in ``RunEnded`` and ``EpochDone``; accuracies in percent:
    ``accuracy`` on the test split, ``best_accuracy`` on what the best epoch is chosen by.
    ``waited``: epochs since the best one, which early stopping counts. ``correct``: training images
    recognized in those steps; ``None`` where an earlier version did not count them.
    ``augmentation``: the random state of augmentation, before this epoch drew from it; ``None``
    where an earlier version wrote it. ``averaged``: the averaged copy of the weights, where the
    experiment keeps one; without it the copy begins again from ``network``.
    """

    epoch: int
    step: int
    steps_done: int
    losses: Tensor = field(repr=False)
    network: dict[str, Tensor] = field(repr=False)
    optimizer: list[dict[str, Tensor]] = field(repr=False)
    good: dict[str, Tensor] = field(repr=False)
    good_step: int
    order: Tensor = field(repr=False)
    random: Tensor = field(repr=False)
    cuda_random: Tensor | None = field(repr=False)
    accuracy: float | None
    best_accuracy: float
    seconds: float
    epoch_seconds: float
    waited: int = 0
    correct: int | None = None
    augmentation: Tensor | None = field(default=None, repr=False)
    averaged: dict[str, Tensor] | None = field(default=None, repr=False)


def optimizer_state(
    optimizer: torch.optim.Optimizer, network: nn.Module
) -> list[dict[str, Tensor]]:
    """Copies of what ``optimizer`` keeps for each parameter, on the CPU; a wait for the device."""
    return [
        {
            name: value.detach().to("cpu", copy=True)
            for name, value in optimizer.state[parameter].items()
            if isinstance(value, Tensor)
        }
        for parameter in network.parameters()
    ]


def restore_optimizer(
    optimizer: torch.optim.Optimizer, network: nn.Module, state: list[dict[str, Tensor]]
) -> None:
    """Give ``optimizer`` the ``state`` of :func:`optimizer_state`, on the network's device; in
    place where it has tensors already, which a recorded graph may hold."""
    for parameter, values in zip(network.parameters(), state, strict=True):
        kept = optimizer.state[parameter]
        for name, value in values.items():
            if name not in kept:
                # Laid out as the optimizer would: its kernels walk both side by side.
                like = parameter if value.shape == parameter.shape else value
                kept[name] = torch.empty_like(like, dtype=value.dtype, device=parameter.device)
            kept[name].copy_(value)
