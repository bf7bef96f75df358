"""What airbench94 has beside its layers: identity convolutions and a whitening first layer.

Source: https://github.com/KellerJordan/cifar10-airbench, ``airbench94.py``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.engine.networks import GraphNetwork
from workbench.spec.experiment import Experiment
from workbench.spec.networks import network_layers

EPSILON = 5e-4
"""Added to the variances, of pixels scaled to a deviation of about 1."""

CHUNK = 500
"""Images whose patches are in memory at once."""


def build_airbench94(experiment: Experiment, classes: int) -> nn.Module:
    """Build airbench94. Each 3x3 convolution begins with an identity for its first channels, and
    the whitening layer's bias at 0; :func:`whiten` sets its weights."""
    network = GraphNetwork(network_layers(experiment, classes))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            else:
                # As many filters as there are input channels, at most.
                nn.init.dirac_(module.weight.data[: module.weight.shape[1]])
    return network


def whiten(network: nn.Module, images: Tensor) -> None:
    """Set the first layer to the whitened principal directions of the images' 2x2 patches, each
    once with either sign.

    Args:
        network: of :func:`build_airbench94`.
        images: float32 (N, 3, 32, 32), on its device. The source takes the first 5,000.
    """
    weight = network.get_parameter("0.weight")
    _, channels, rows, columns = weight.shape
    size = channels * rows * columns
    # Not centered, as in the source.
    covariance = torch.zeros(size, size, dtype=torch.float64, device=images.device)
    count = 0
    for part in images.split(CHUNK):
        patches = F.unfold(part, (rows, columns)).transpose(1, 2).reshape(-1, size).double()
        covariance += patches.T @ patches
        count += len(patches)
    # On the CPU, for which it waits once a run: it takes no time, and gives the same everywhere.
    variances, directions = torch.linalg.eigh((covariance / count).cpu())
    scaled = directions.T.flip(0) / (variances.flip(0).clamp_min(0) + EPSILON).sqrt()[:, None]
    filters = scaled.view(size, channels, rows, columns)
    weight.copy_(torch.cat((filters, -filters)))
