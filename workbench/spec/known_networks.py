"""Published networks for CIFAR-10, declared layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.spec.layers import Graph, Layer

if TYPE_CHECKING:
    from workbench.spec.experiment import Experiment


def resnet9_layers(experiment: Experiment, classes: int) -> list[Layer]:
    """Return David Page's ResNet-9: four convolutions, two of them followed by a residual block.

    Source: https://github.com/davidcpage/cifar10-fast, ``dawn.py``. The keys are the names of that
    file's nodes. The last linear layer has no bias, and its outputs are multiplied by 0.125.
    """
    graph = Graph()

    def conv_norm(part: str, channels: int) -> None:
        _, rows, columns = graph.shape(graph.last)
        graph.add("conv", f"{part}.conv", (channels, rows, columns), bias=False)
        graph.add("batch_norm", f"{part}.bn")
        graph.add("relu")

    conv_norm("prep", 64)
    for part, channels, residual in (
        ("layer1", 128, True),
        ("layer2", 256, False),
        ("layer3", 512, True),
    ):
        conv_norm(part, channels)
        side = graph.shape(graph.last)[1] // 2
        start = graph.add("max_pool", "", (channels, side, side))
        if residual:
            conv_norm(f"{part}.residual.res1", channels)
            conv_norm(f"{part}.residual.res2", channels)
            graph.add("add", of=(start, graph.last))
    graph.add("max_pool", "", (512, 1, 1))
    graph.add("flatten", "", (512,))
    graph.add("linear", "linear", (classes,), bias=False)
    graph.add("scale", factor=0.125)
    return graph.layers


def airbench94_layers(experiment: Experiment, classes: int) -> list[Layer]:
    """Return Keller Jordan's airbench94: a whitening convolution, and three groups of two
    convolutions with 64, 256 and 256 channels.

    Source: https://github.com/KellerJordan/cifar10-airbench, ``airbench94.py``, and "94% on
    CIFAR-10 in 3.29 Seconds on a Single GPU", https://arxiv.org/abs/2404.00498, 2024. The keys are
    those of its ``nn.Sequential``. The whitening weights come from the training images
    (:mod:`workbench.engine.airbench`) and are not trained; batch norm trains a bias alone.
    """
    graph = Graph()
    graph.add("conv", "0", (24, 31, 31), size=2, fixed=("weight",))
    graph.add("gelu")
    for part, channels, side in ((2, 64, 15), (3, 256, 7), (4, 256, 3)):
        _, rows, columns = graph.shape(graph.last)
        graph.add("conv", f"{part}.conv1", (channels, rows, columns), bias=False)
        graph.add("max_pool", "", (channels, side, side))
        for number in (1, 2):
            if number == 2:
                graph.add("conv", f"{part}.conv2", bias=False)
            graph.add(
                "batch_norm",
                f"{part}.norm{number}",
                fixed=("weight",),
                momentum=0.4,
                epsilon=1e-12,
            )
            graph.add("gelu")
    graph.add("max_pool", "", (256, 1, 1))
    graph.add("flatten", "", (256,))
    graph.add("linear", "7", (classes,), bias=False)
    graph.add("scale", factor=1 / 9)
    return graph.layers


def resnet18_layers(experiment: Experiment, classes: int) -> list[Layer]:
    """Return ResNet-18 in its CIFAR form: a 3x3 convolution without a max pool first, then eight
    residual blocks of two convolutions.

    Source: He et al., "Deep Residual Learning for Image Recognition", 2015; the form and the keys
    are those of https://github.com/kuangliu/pytorch-cifar, ``models/resnet.py``.
    """
    graph = Graph()
    graph.add("conv", "conv1", (64, 32, 32), bias=False)
    graph.add("batch_norm", "bn1")
    graph.add("relu")
    for stage, channels in enumerate((64, 128, 256, 512), 1):
        for number in (0, 1):
            _residual_block(graph, f"layer{stage}.{number}", channels, 32 >> (stage - 1))
    graph.add("mean_pool", "", (512, 1, 1))
    graph.add("flatten", "", (512,))
    graph.add("linear", "linear", (classes,))
    return graph.layers


def _residual_block(graph: Graph, part: str, channels: int, side: int) -> None:
    start, shape = graph.last, (channels, side, side)
    graph.add("conv", f"{part}.conv1", shape, bias=False)
    graph.add("batch_norm", f"{part}.bn1")
    graph.add("relu")
    graph.add("conv", f"{part}.conv2", shape, bias=False)
    end = graph.add("batch_norm", f"{part}.bn2")
    if graph.shape(start) != shape:
        graph.add("conv", f"{part}.shortcut.0", shape, of=(start,), size=1, bias=False)
        start = graph.add("batch_norm", f"{part}.shortcut.1")
    graph.add("add", of=(end, start))
    graph.add("relu")
