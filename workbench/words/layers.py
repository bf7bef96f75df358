"""The layers of a network in words, in the groups that people read: a convolution with its batch
norm and its activation is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.messages import Message
from workbench.spec.layers import Layer, sources

_LEADERS = ("conv", "linear", "max_pool", "mean_pool", "add", "other")


@dataclass(frozen=True)
class Group:
    """Layers one after the other, the first of which names them.

    Args:
        layers: in order.
        of: the groups that it takes values from, by number; -1 is the image.
    """

    layers: tuple[Layer, ...]
    of: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """Return how many trained numbers it has."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def outputs(self) -> tuple[int, ...]:
        """Shape of one image after it."""
        return self.layers[-1].outputs

    @property
    def title(self) -> Message:
        """Return what its first layer is."""
        return layer_words(self.layers[0]) or Message("Flatten")

    @property
    def details(self) -> list[Message]:
        """Return what follows in it; what changes nothing is left out."""
        first = self.layers[0]
        steps = first.kind == "conv" and first.stride > 1
        stride = [Message("stride {stride}", stride=first.stride)] if steps else []
        return stride + [words for layer in self.layers[1:] if (words := layer_words(layer))]


def grouped(layers: Sequence[Layer]) -> list[Group]:
    """Return ``layers`` in groups: what is no convolution, linear layer, pool or sum joins the
    layer before it, where that hands its values to nothing else."""
    takers: dict[int, int] = {}
    for place in range(len(layers)):
        for source in sources(layers, place):
            takers[source] = takers.get(source, 0) + 1
    parts: list[list[int]] = []
    group_of: dict[int, int] = {-1: -1}
    for place, layer in enumerate(layers):
        before = sources(layers, place)[0]
        joins = layer.kind not in _LEADERS and before >= 0 and takers[before] == 1
        if joins and parts[group_of[before]][-1] == before:
            parts[group_of[before]].append(place)
            group_of[place] = group_of[before]
        else:
            parts.append([place])
            group_of[place] = len(parts) - 1
    return [
        Group(
            tuple(layers[place] for place in part),
            tuple(group_of[source] for source in sources(layers, part[0])),
        )
        for part in parts
    ]


def layer_words(layer: Layer) -> Message | None:
    """Return what ``layer`` is; ``None`` for one that only lays values out otherwise, or that
    changes nothing."""
    numbers = {
        "size": layer.size,
        "inputs": f"{layer.inputs[0]:,}",
        "outputs": f"{layer.outputs[0]:,}",
    }
    if layer.kind == "conv":
        return Message("Conv {size}×{size}, {inputs} → {outputs}", **numbers)
    if layer.kind == "linear":
        return Message("Linear {inputs} → {outputs}", **numbers)
    if layer.kind == "max_pool":
        return Message("Max pool {size}×{size}", size=layer.stride)
    if layer.kind == "mean_pool":
        return Message("Mean pool {size}×{size}", size=layer.stride)
    if layer.kind == "dropout":
        return Message("dropout {share}", share=f"{layer.share:g}") if layer.share else None
    if layer.kind == "scale":
        return Message("times {factor}", factor=f"{layer.factor:.4g}")
    if layer.kind == "other":
        return Message("{name}", name=layer.name)
    return _PLAIN.get(layer.kind)


_PLAIN = {
    "relu": Message("ReLU"),
    "leaky_relu": Message("leaky ReLU"),
    "gelu": Message("GELU"),
    "batch_norm": Message("batch norm"),
    "add": Message("Sum"),
}


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as it is read: ``64×16×16``."""
    return "×".join(f"{size:,}" if len(shape) == 1 else str(size) for size in shape)
