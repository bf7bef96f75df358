"""The networks, with the module order and the attribute names of the report, so that weight
keys (``layer.N.*``, ``fc_layer.N.*``) match files of that time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workbench.spec.experiment import Experiment


class CNN(nn.Module):
    """Three 3x3 convolutions (16, 32, 64 channels), two max pools, two linear layers.

    Each activation is followed by channel dropout and batch normalization where the
    experiment asks for them. A dropout (of probability 0 too) stands before each batch norm;
    without batch norm it stands there only where its probability is above 0.

    Input: float32 (N, 3, 32, 32). Output: logits, float32 (N, ``classes``).
    """

    def __init__(self, experiment: Experiment, classes: int) -> None:
        super().__init__()

        def after(channels: int) -> list[nn.Module]:
            modules: list[nn.Module] = [_activation(experiment)]
            if experiment.batch_norm or experiment.dropout > 0:
                modules.append(nn.Dropout2d(experiment.dropout))
            if experiment.batch_norm:
                modules.append(nn.BatchNorm2d(channels))
            return modules

        self.layer = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            *after(16),
            nn.Conv2d(16, 32, 3, padding=1),
            *after(32),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            *after(64),
            nn.MaxPool2d(2),
        )
        self.fc_layer = nn.Sequential(nn.Linear(64 * 8 * 8, 100), _activation(experiment))
        if experiment.batch_norm or experiment.dropout > 0:
            # The report wrote Dropout2d here too, which on a 2-D input drops element by element.
            self.fc_layer.append(nn.Dropout(experiment.dropout))
        if experiment.batch_norm:
            self.fc_layer.append(nn.BatchNorm1d(100))
        self.fc_layer.append(nn.Linear(100, classes))

    def forward(self, images: Tensor) -> Tensor:
        features = self.layer(images)
        return self.fc_layer(features.flatten(1))


def _activation(experiment: Experiment) -> nn.Module:
    return nn.LeakyReLU() if experiment.activation == "leaky_relu" else nn.ReLU()


def build_network(experiment: Experiment, classes: int) -> CNN:
    """The experiment's network with fresh weights, drawn from torch's default random state."""
    return CNN(experiment, classes)


def build_empty(experiment: Experiment, classes: int) -> CNN:
    """The same network on the ``meta`` device: shapes without values. Draws no random number,
    so it may be built while a run trains."""
    with torch.device("meta"):
        return CNN(experiment, classes)
