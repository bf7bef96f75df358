"""Layers, declared without torch: their shapes, what they take from which, and what they cost.

:mod:`workbench.engine.networks` builds them, :mod:`workbench.words.layers` names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

LayerKind = Literal[
    "conv",
    "linear",
    "max_pool",
    "mean_pool",
    "relu",
    "leaky_relu",
    "gelu",
    "dropout",
    "batch_norm",
    "flatten",
    "add",
    "scale",
    "other",
]
IMAGE = (3, 32, 32)
"""Shape of one image as a network gets it: channels, rows, columns."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Args:
        kind: what it does. A convolution pads by half of its window (none for 1 and 2); its
            stride, and the window of a pool, follow from the shapes. ``add`` sums what it takes,
            ``scale`` multiplies by ``factor``; ``other`` is a module that only its ``name`` tells.
        key: its module's name in the network's state dict (``layer.0``); empty where it has none.
        inputs: shape of one image before it, without the batch.
        outputs: shape of one image after it.
        share: of values that a dropout sets to zero.
        of: the layers that it takes values from, by their place in the network; -1 is the image.
            The layer before it where this is ``None``.
        size: rows and columns of a convolution's window.
        bias: whether a convolution or linear layer adds one.
        fixed: those of its parameters that are not trained (``weight``).
        factor: of ``scale``.
        momentum: share of a batch's statistics that batch norm takes into its running ones.
        epsilon: what batch norm adds to the variance.
        name: what an ``other`` layer is called.
        numbers: trained numbers of an ``other`` layer, and its other numbers.
        operations: multiply-adds of an ``other`` layer.
    """

    kind: LayerKind
    key: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    share: float = 0.0
    of: tuple[int, ...] | None = None
    size: int = 3
    bias: bool = True
    fixed: tuple[str, ...] = ()
    factor: float = 1.0
    momentum: float = 0.1
    epsilon: float = 1e-5
    name: str = ""
    numbers: tuple[int, int] = (0, 0)
    operations: int = 0

    @property
    def stride(self) -> int:
        """Steps of a convolution's or a pool's window, in pixels."""
        return max(self.inputs[1] // self.outputs[1], 1)

    @property
    def padding(self) -> int:
        """Pixels that a convolution adds at each edge."""
        return (self.size - 1) // 2

    def _sizes(self) -> Mapping[str, int]:
        if self.kind == "batch_norm":
            return {"weight": self.outputs[0], "bias": self.outputs[0]}
        if self.kind not in ("conv", "linear"):
            return {}
        window = self.size**2 if self.kind == "conv" else 1
        weight = {"weight": window * self.inputs[0] * self.outputs[0]}
        return weight | ({"bias": self.outputs[0]} if self.bias else {})

    @property
    def parameters(self) -> int:
        """Return how many trained numbers it has."""
        sizes = self._sizes()
        return self.numbers[0] + sum(sizes[name] for name in sizes.keys() - set(self.fixed))

    @property
    def buffers(self) -> int:
        """Return how many numbers it keeps beside those: what is not trained, and batch norm's
        running mean and variance and its count of batches."""
        sizes = self._sizes()
        fixed = self.numbers[1] + sum(sizes[name] for name in sizes.keys() & set(self.fixed))
        return fixed + (2 * self.outputs[0] + 1 if self.kind == "batch_norm" else 0)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with an addition for one image, forward; those of convolutions and linear
        layers, beside which the others hardly count."""
        if self.kind == "conv":
            return self.size**2 * self.inputs[0] * prod(self.outputs)
        return self.inputs[0] * self.outputs[0] if self.kind == "linear" else self.operations


def sources(layers: Sequence[Layer], place: int) -> tuple[int, ...]:
    """Return the places of the layers that the one at ``place`` takes values from."""
    of = layers[place].of
    return (place - 1,) if of is None else of


class Graph:
    """Layers as they are declared one after the other, also with branches.

    Example::

        graph = Graph()
        start = graph.add("conv", "conv1", (64, 32, 32), bias=False)
        graph.add("relu")
        graph.add("conv", "conv2", (64, 32, 32), bias=False)
        graph.add("add", of=(start, graph.last))
    """

    def __init__(self) -> None:
        self.layers: list[Layer] = []

    @property
    def last(self) -> int:
        """The place of the last layer; -1, the image, before there is one."""
        return len(self.layers) - 1

    def shape(self, place: int) -> tuple[int, ...]:
        """Return the shape of one image after the layer at ``place``."""
        return self.layers[place].outputs if place >= 0 else IMAGE

    def add(
        self,
        kind: LayerKind,
        key: str = "",
        outputs: tuple[int, ...] | None = None,
        of: tuple[int, ...] | None = None,
        **options: Any,
    ) -> int:
        """Add a layer behind the last one, or behind the layers ``of``; without ``outputs`` it
        keeps the shape. Returns its place."""
        inputs = self.shape(of[0] if of else self.last)
        self.layers.append(Layer(kind, key, inputs, outputs or inputs, of=of, **options))
        return self.last
