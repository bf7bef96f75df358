"""Networks, declared: words, hyperparameters, and the layers with their shapes.

The builder, the written report, the estimate and the reader of weight files all go by the layers
that are declared here. :mod:`workbench.engine.networks` builds them with torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from workbench.spec.registry import Choice, Registry

if TYPE_CHECKING:
    from workbench.spec.experiment import Experiment

LayerKind = Literal[
    "conv", "linear", "max_pool", "relu", "leaky_relu", "dropout", "batch_norm", "flatten"
]
IMAGE = (3, 32, 32)
"""Shape of one image as a network gets it: channels, rows, columns."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Args:
        kind: what it does. A convolution is 3x3 with a padding of 1, a max pool 2x2.
        key: its module's name in the network's state dict (``layer.0``).
        inputs: shape of one image before it, without the batch.
        outputs: shape of one image after it.
        share: of values that a dropout sets to zero.
    """

    kind: LayerKind
    key: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    share: float = 0.0

    @property
    def parameters(self) -> int:
        """How many trained numbers it has."""
        if self.kind == "conv":
            return 9 * self.inputs[0] * self.outputs[0] + self.outputs[0]
        if self.kind == "linear":
            return self.inputs[0] * self.outputs[0] + self.outputs[0]
        return 2 * self.outputs[0] if self.kind == "batch_norm" else 0

    @property
    def buffers(self) -> int:
        """How many numbers it keeps beside those: batch norm's running mean and variance, and its
        count of batches."""
        return 2 * self.outputs[0] + 1 if self.kind == "batch_norm" else 0

    @property
    def multiply_adds(self) -> int:
        """Multiplications with an addition for one image, forward; those of convolutions and linear
        layers, beside which the others hardly count."""
        if self.kind == "conv":
            return 9 * self.inputs[0] * prod(self.outputs)
        return self.inputs[0] * self.outputs[0] if self.kind == "linear" else 0


@dataclass(frozen=True)
class Network(Choice):
    """A network.

    Args:
        layers: ``layers(experiment, classes)``: its layers in order.
        build: ``build(experiment, classes) -> nn.Module`` from float32 (N, 3, 32, 32) to logits,
            float32 (N, ``classes``); or where it is, as ``"package.module:name"``. By default the
            layers are built one after the other.
        variants: fields of the experiments that a weight file without an experiment is compared
            with, the likeliest first.
    """

    layers: Callable[[Experiment, int], Sequence[Layer]] = lambda experiment, classes: ()
    build: Callable[..., Any] | str = "workbench.engine.networks:build_sequential"
    variants: tuple[Mapping[str, Any], ...] = ({},)


def cnn_layers(experiment: Experiment, classes: int) -> list[Layer]:
    """Return the layers of the report's CNN, under the report's names (``layer``, ``fc_layer``).

    A dropout (of share 0 too) stands before each batch norm; without batch norm it stands there
    only where its share is above 0.
    """
    layers: list[Layer] = []
    count = {"layer": 0, "fc_layer": 0}

    def add(kind: LayerKind, part: str, outputs: tuple[int, ...], share: float = 0.0) -> None:
        inputs = layers[-1].outputs if layers else IMAGE
        layers.append(Layer(kind, f"{part}.{count[part]}", inputs, outputs, share))
        count[part] += 1

    def add_activation(part: str) -> None:
        shape = layers[-1].outputs
        add("leaky_relu" if experiment.activation == "leaky_relu" else "relu", part, shape)
        if experiment.batch_norm or experiment.dropout > 0:
            add("dropout", part, shape, experiment.dropout)
        if experiment.batch_norm:
            add("batch_norm", part, shape)

    for outputs in ((16, 32, 32), (32, 32, 32)):
        add("conv", "layer", outputs)
        add_activation("layer")
    add("max_pool", "layer", (32, 16, 16))
    add("conv", "layer", (64, 16, 16))
    add_activation("layer")
    add("max_pool", "layer", (64, 8, 8))
    layers.append(Layer("flatten", "", (64, 8, 8), (64 * 8 * 8,)))
    add("linear", "fc_layer", (100,))
    add_activation("fc_layer")
    add("linear", "fc_layer", (classes,))
    return layers


NETWORKS: Registry[Network] = Registry(
    Network(
        "cnn",
        "CNN",
        "Three convolutions (16, 32, 64 channels), two max pools, two linear layers.",
        fields=("activation", "dropout", "batch_norm"),
        layers=cnn_layers,
        variants=(
            {},
            {"activation": "leaky_relu", "dropout": 0.2, "batch_norm": True},
            {"activation": "leaky_relu", "dropout": 0.2},
        ),
    ),
)


def network_layers(experiment: Experiment, classes: int) -> Sequence[Layer]:
    """Return the layers of the experiment's network for ``classes`` outputs."""
    return NETWORKS[experiment.network].layers(experiment, classes)


def weight_bytes(experiment: Experiment, classes: int) -> int:
    """Return the bytes of the network's weights and buffers in float32."""
    layers = network_layers(experiment, classes)
    return 4 * sum(layer.parameters + layer.buffers for layer in layers)
