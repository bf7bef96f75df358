"""Networks, built with torch from their declaration in :mod:`workbench.spec.networks`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from workbench.spec.experiment import Experiment
from workbench.spec.networks import NETWORKS, Layer, network_layers
from workbench.spec.registry import resolve


class LayerNetwork(nn.Module):
    """The declared layers one after the other, under their declared names.

    Input: float32 (N, 3, 32, 32). Output: logits, float32 (N, classes).
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        self._parts: list[tuple[str, bool]] = []
        flattened = False
        for layer in layers:
            if layer.kind == "flatten":
                flattened = True
                continue
            part = layer.key.partition(".")[0]
            if not hasattr(self, part):
                self.add_module(part, nn.Sequential())
                self._parts.append((part, flattened))
            getattr(self, part).append(_MODULES[layer.kind](layer))

    def forward(self, images: Tensor) -> Tensor:
        values = images
        for part, flattened in self._parts:
            values = getattr(self, part)(values.flatten(1) if flattened else values)
        return values


def _dropout(layer: Layer) -> nn.Module:
    # Whole channels of an image; value by value behind a linear layer.
    return (nn.Dropout2d if len(layer.outputs) == 3 else nn.Dropout)(layer.share)


def _batch_norm(layer: Layer) -> nn.Module:
    return (nn.BatchNorm2d if len(layer.outputs) == 3 else nn.BatchNorm1d)(layer.outputs[0])


_MODULES: dict[str, Callable[[Layer], nn.Module]] = {
    "conv": lambda layer: nn.Conv2d(layer.inputs[0], layer.outputs[0], 3, padding=1),
    "linear": lambda layer: nn.Linear(layer.inputs[0], layer.outputs[0]),
    "max_pool": lambda layer: nn.MaxPool2d(2),
    "relu": lambda layer: nn.ReLU(),
    "leaky_relu": lambda layer: nn.LeakyReLU(),
    "dropout": _dropout,
    "batch_norm": _batch_norm,
}


def build_sequential(experiment: Experiment, classes: int) -> LayerNetwork:
    """Build a network of declared layers, with fresh weights."""
    return LayerNetwork(network_layers(experiment, classes))


def build_network(experiment: Experiment, classes: int) -> nn.Module:
    """Build the experiment's network with fresh weights, drawn from torch's default random state.

    It takes float32 (N, 3, 32, 32) and gives logits, float32 (N, ``classes``).
    """
    network: nn.Module = resolve(NETWORKS[experiment.network].build)(experiment, classes)
    return network


def build_empty(experiment: Experiment, classes: int) -> nn.Module:
    """Build the same network on the ``meta`` device: shapes without values. Draws no random number,
    so it may be built while a run trains."""
    with torch.device("meta"):
        return build_network(experiment, classes)
