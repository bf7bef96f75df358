"""Networks, declared: words, hyperparameters, and the layers with their shapes.

The builder, the written report, the estimate and the reader of weight files all go by the layers
that are declared here. :mod:`workbench.engine.networks` builds them with torch.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import paths
from workbench.messages import Message, WorkbenchError
from workbench.spec.known_networks import airbench94_layers, resnet9_layers, resnet18_layers
from workbench.spec.layers import IMAGE, Layer, LayerKind
from workbench.spec.registry import Choice, Registry

if TYPE_CHECKING:
    from workbench.spec.experiment import Experiment

Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of tensors by their key in a state dict."""


@dataclass(frozen=True)
class Network(Choice):
    """A network.

    Args:
        layers: ``layers(experiment, classes)``: its layers in order.
        build: ``build(experiment, classes) -> nn.Module`` from float32 (N, 3, 32, 32) to logits,
            float32 (N, ``classes``); or where it is, as ``"package.module:name"``. By default the
            layers are built as they are declared.
        prepare: ``prepare(network, images)`` sets what of a fresh network comes from the training
            images, scaled as it gets them: float32 (N, 3, 32, 32), up to 5,000 of them, on the
            network's device; or where it is. Nothing by default. A resumed run has it in its
            weights.
        variants: fields of the experiments that a weight file without an experiment is compared
            with, the likeliest first.
        fields_of: ``fields_of(shapes)``: fields that the shapes in a weight file tell, by its keys.
        batch_norm: whether it has batch norm whatever the fields say; ``None`` where nobody knows.
    """

    layers: Callable[[Experiment, int], Sequence[Layer]] = lambda experiment, classes: ()
    build: Callable[..., Any] | str = "workbench.engine.networks:build_declared"
    prepare: Callable[..., None] | str | None = None
    variants: tuple[Mapping[str, Any], ...] = ({},)
    fields_of: Callable[[Shapes], Mapping[str, Any]] = lambda shapes: {}
    batch_norm: bool | None = False


def cnn_layers(experiment: Experiment, classes: int) -> list[Layer]:
    """Return the layers of the report's CNN, under the report's names (``layer``, ``fc_layer``).

    A max pool follows each convolution but the first. A dropout (of share 0 too) stands before
    each batch norm; without batch norm it stands there only where its share is above 0.
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

    side = 32
    for number, channels in enumerate(experiment.channel_list):
        add("conv", "layer", (channels, side, side))
        add_activation("layer")
        if number:
            side //= 2
            add("max_pool", "layer", (channels, side, side))
    shape = layers[-1].outputs
    layers.append(Layer("flatten", "", shape, (prod(shape),)))
    add("linear", "fc_layer", (100,))
    add_activation("fc_layer")
    add("linear", "fc_layer", (classes,))
    return layers


def cnn_fields(shapes: Shapes) -> Mapping[str, Any]:
    """Return the channels that the convolutions in a weight file of a CNN have."""
    convolutions = {
        int(found[1]): shape[0]
        for key, shape in shapes.items()
        if len(shape) == 4 and (found := re.fullmatch(r"layer\.(\d{1,4})\.weight", key))
    }
    return {"channels": ", ".join(str(convolutions[place]) for place in sorted(convolutions))}


def _add_own(networks: Registry[Network]) -> None:
    from workbench.spec.experiment import HYPERPARAMETERS
    from workbench.spec.own_networks import add_own_networks

    _problems.extend(add_own_networks(networks, tuple(HYPERPARAMETERS)))


_problems: list[Message] = []


def own_network_problems() -> list[Message]:
    """Return a sentence for each network of one's own that cannot be used."""
    len(NETWORKS)  # they are looked for when the networks are first looked at
    return list(_problems)


class NetworkError(WorkbenchError):
    """A network of one's own is not installed, or cannot be used; files of it may be whole."""


def require_network(path: Path, experiment: object) -> None:
    """Raise :class:`NetworkError` where the file ``path`` has an ``experiment``, as plain values,
    with a network that is not here."""
    name = experiment.get("network") if isinstance(experiment, Mapping) else None
    plain = isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name)
    if plain and name not in NETWORKS:
        raise NetworkError(
            "{path}: needs the network {name}, which is not installed; install the package that "
            "has it, or put {name}.py into {folder}, and start the program again.",
            path=path,
            name=name,
            folder=paths.user_networks(),
        )


NETWORKS: Registry[Network] = Registry(
    Network(
        "cnn",
        "CNN",
        "Convolutions with a max pool after each but the first, and two linear layers: with "
        "channels 16, 32, 64 the report's.",
        fields=("channels", "activation", "dropout", "batch_norm"),
        layers=cnn_layers,
        fields_of=cnn_fields,
        variants=(
            {},
            {"activation": "leaky_relu", "dropout": 0.2, "batch_norm": True},
            {"activation": "leaky_relu", "dropout": 0.2},
        ),
    ),
    Network(
        "resnet9",
        "ResNet-9",
        "David Page's: four convolutions with batch norm, two of them with a residual block.",
        layers=resnet9_layers,
        batch_norm=True,
    ),
    Network(
        "airbench94",
        "airbench94",
        "Keller Jordan's: a first layer that whitens patches of the training images, then six "
        "convolutions of 64 and 256 channels with batch norm and GELU.",
        layers=airbench94_layers,
        build="workbench.engine.airbench:build_airbench94",
        prepare="workbench.engine.airbench:whiten",
        batch_norm=True,
    ),
    Network(
        "resnet18",
        "ResNet-18",
        "He et al., in the form for CIFAR: a 3x3 convolution first, without a max pool, then eight "
        "residual blocks.",
        layers=resnet18_layers,
        batch_norm=True,
    ),
    more=_add_own,
)


def network_layers(experiment: Experiment, classes: int, wait: bool = False) -> Sequence[Layer]:
    """Return the layers of the experiment's network for ``classes`` outputs.

    Those of a network of one's own are found by building it: there are none before torch has been
    imported, unless ``wait`` has that done; and none where it cannot be built.
    """
    if wait and NETWORKS[experiment.network].batch_norm is None:
        importlib.import_module("torch")
    return NETWORKS[experiment.network].layers(experiment, classes)


def may_have_batch_norm(values: Mapping[str, Any]) -> bool:
    """Tell whether the network of the experiment with ``values`` has batch norm, as far as that is
    known: true where it is not."""
    network = NETWORKS.get(values.get("network", "cnn"))
    return bool(values.get("batch_norm")) or network is None or network.batch_norm is not False


def weight_bytes(experiment: Experiment, classes: int) -> int:
    """Return the bytes of the network's weights and buffers in float32."""
    layers = network_layers(experiment, classes)
    return 4 * sum(layer.parameters + layer.buffers for layer in layers)
