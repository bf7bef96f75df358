"""Histograms of a network's weights and of their gradients."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from workbench.engine.events import BINS, LayerHistogram


def layer_histograms(network: nn.Module) -> tuple[LayerHistogram, ...]:
    """Return a histogram of the weights of each layer, and one of their gradients where there are
    some: those of the last step, as they lie in the parameters.

    Only tensors of two dimensions or more count as the weights of a layer: biases, and the
    parameters of batch norm, are few. Waits for the device.
    """
    found: list[LayerHistogram] = []
    for name, parameter in network.named_parameters():
        if parameter.ndim < 2:
            continue
        layer = name.removesuffix(".weight")
        found += _of(layer, "weights", parameter.detach())
        if parameter.grad is not None:
            found += _of(layer, "gradients", parameter.grad)
    return tuple(found)


def _of(layer: str, kind: Literal["weights", "gradients"], values: Tensor) -> list[LayerHistogram]:
    """The histogram in :data:`BINS` bins of equal width from the least to the greatest value; of
    values that are all the same around them, of none that is finite none."""
    values = values.float().flatten()
    values = values[torch.isfinite(values)]
    if not len(values):
        return []
    low, high = float(values.min()), float(values.max())
    if not high > low:
        room = max(abs(low), 1.0) / 2
        low, high = low - room, high + room
    counts = torch.histc(values, BINS, low, high).tolist()
    return [LayerHistogram(layer, kind, low, high, tuple(map(int, counts)))]
