"""The optimizers, in torch's fused form: one call a step in place of one for each tensor."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from workbench.spec.experiment import Experiment


def build_optimizer(
    experiment: Experiment, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """SGD, or Adam with torch's default betas and epsilon, at the first epoch's rate."""
    if experiment.optimizer == "adam":
        return torch.optim.Adam(
            parameters,
            lr=experiment.learning_rate,
            weight_decay=experiment.weight_decay,
            fused=True,
        )
    return torch.optim.SGD(
        parameters,
        lr=experiment.learning_rate,
        momentum=experiment.momentum,
        weight_decay=experiment.weight_decay,
        fused=True,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Sets the rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
