"""Networks, built with torch from their declaration in :mod:`workbench.spec.networks`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.spec.experiment import Experiment
from workbench.spec.layers import Layer, sources
from workbench.spec.networks import NETWORKS, network_layers
from workbench.spec.registry import resolve

PREPARED_FROM = 5_000
"""Training images at most that a network is prepared from."""


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


class GraphNetwork(nn.Module):
    """The declared layers, each on the values that it takes; modules under their declared keys.

    Input: float32 (N, 3, 32, 32). Output: logits, float32 (N, classes).
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        # Modules by their key: a copy of the network has modules of its own.
        self._work: list[tuple[str | Callable[..., Tensor], tuple[int, ...]]] = []
        for place, layer in enumerate(layers):
            if layer.key:
                _add(self, layer.key, _MODULES[layer.kind](layer))
                self._work.append((layer.key, sources(layers, place)))
            else:
                self._work.append((_FUNCTIONS[layer.kind](layer), sources(layers, place)))
        last = {source: place for place, (_, of) in enumerate(self._work) for source in of}
        # Values that no later layer takes, by the place of the last one that does.
        self._done = [[s for s in of if last[s] == p] for p, (_, of) in enumerate(self._work)]

    def forward(self, images: Tensor) -> Tensor:
        values: dict[int, Tensor] = {-1: images}
        for place, ((work, of), done) in enumerate(zip(self._work, self._done, strict=True)):
            call = self.get_submodule(work) if isinstance(work, str) else work
            values[place] = call(*(values[source] for source in of))
            for source in done:
                values.pop(source, None)
        return values[len(self._work) - 1]


def _add(network: nn.Module, key: str, module: nn.Module) -> None:
    *parents, name = key.split(".")
    for parent in parents:
        if not hasattr(network, parent):
            network.add_module(parent, nn.Module())
        network = getattr(network, parent)
    network.add_module(name, module)


def _conv(layer: Layer) -> nn.Module:
    inputs, outputs = layer.inputs[0], layer.outputs[0]
    return nn.Conv2d(inputs, outputs, layer.size, layer.stride, layer.padding, bias=layer.bias)


def _dropout(layer: Layer) -> nn.Module:
    # Whole channels of an image; value by value behind a linear layer.
    return (nn.Dropout2d if len(layer.outputs) == 3 else nn.Dropout)(layer.share)


def _batch_norm(layer: Layer) -> nn.Module:
    kind = nn.BatchNorm2d if len(layer.outputs) == 3 else nn.BatchNorm1d
    return kind(layer.outputs[0], eps=layer.epsilon, momentum=layer.momentum)


def _fixed(build: Callable[[Layer], nn.Module]) -> Callable[[Layer], nn.Module]:
    """Return ``build`` with those parameters not trained that the layer declares as fixed."""

    def built(layer: Layer) -> nn.Module:
        module = build(layer)
        for name in layer.fixed:
            module.get_parameter(name).requires_grad_(False)
        return module

    return built


_MODULES: dict[str, Callable[[Layer], nn.Module]] = {
    "conv": _fixed(_conv),
    "linear": _fixed(lambda e: nn.Linear(e.inputs[0], e.outputs[0], bias=e.bias)),
    "max_pool": lambda layer: nn.MaxPool2d(layer.stride),
    "relu": lambda layer: nn.ReLU(),
    "leaky_relu": lambda layer: nn.LeakyReLU(),
    "dropout": _dropout,
    "batch_norm": _fixed(_batch_norm),
}

_FUNCTIONS: dict[str, Callable[[Layer], Callable[..., Tensor]]] = {
    "max_pool": lambda layer: partial(F.max_pool2d, kernel_size=layer.stride),
    "mean_pool": lambda layer: partial(F.avg_pool2d, kernel_size=layer.stride),
    "relu": lambda layer: F.relu,
    "gelu": lambda layer: F.gelu,
    "flatten": lambda layer: partial(torch.flatten, start_dim=1),
    "add": lambda layer: torch.add,
    "scale": lambda layer: partial(torch.mul, other=layer.factor),
}


def build_declared(experiment: Experiment, classes: int) -> nn.Module:
    """Build a network as its layers are declared, with fresh weights."""
    layers = network_layers(experiment, classes)
    # In a sequence all but the flattening have a key.
    in_sequence = all(layer.key or layer.kind == "flatten" for layer in layers)
    return LayerNetwork(layers) if in_sequence else GraphNetwork(layers)


def build_network(experiment: Experiment, classes: int) -> nn.Module:
    """Build the experiment's network with fresh weights, drawn from torch's default random state.

    It takes float32 (N, 3, 32, 32) and gives logits, float32 (N, ``classes``). What comes from the
    training images, :func:`prepare` sets.
    """
    network: nn.Module = resolve(NETWORKS[experiment.network].build)(experiment, classes)
    return network


def prepare(
    network: nn.Module,
    experiment: Experiment,
    images: Tensor,
    scaling: Callable[[Tensor], Tensor],
) -> None:
    """Set what of a fresh ``network`` comes from the training ``images``, uint8 (N, 32, 32, 3), on
    its device. Draws no random number.

    Up to 5,000 are taken evenly from all: those of a folder are in the order of their classes.
    """
    work = NETWORKS[experiment.network].prepare
    if work is None:
        return
    count = min(len(images), PREPARED_FROM)
    # Whole numbers, which are exact on every device.
    chosen = torch.arange(count, device=images.device) * len(images) // count
    with torch.no_grad():
        resolve(work)(network, scaling(images[chosen]))


def build_empty(experiment: Experiment, classes: int) -> nn.Module:
    """Build the same network on the ``meta`` device: shapes without values. Draws no random number,
    so it may be built while a run trains."""
    with torch.device("meta"):
        return build_network(experiment, classes)
