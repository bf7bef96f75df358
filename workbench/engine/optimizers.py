"""The optimizers, in torch's fused form: one call a step in place of one for each tensor."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from workbench.spec.experiment import Experiment
from workbench.spec.optimizers import OPTIMIZERS
from workbench.spec.registry import resolve

Rate = float | torch.Tensor


def build_optimizer(
    experiment: Experiment, parameters: Iterable[nn.Parameter], device: torch.device
) -> torch.optim.Optimizer:
    """Build the experiment's optimizer at the first epoch's learning rate.

    On a GPU the learning rate is a tensor there, so that a captured graph reads each epoch's.
    """
    rate: Rate = experiment.learning_rate
    if device.type == "cuda":
        rate = torch.tensor(rate, dtype=torch.float32, device=device)
    build = resolve(OPTIMIZERS[experiment.optimizer].build)
    optimizer: torch.optim.Optimizer = build(experiment, parameters, rate)
    return optimizer


def build_sgd(
    experiment: Experiment, parameters: Iterable[nn.Parameter], rate: Rate
) -> torch.optim.Optimizer:
    """Build SGD with the experiment's momentum and weight decay."""
    return torch.optim.SGD(
        parameters,
        lr=rate,
        momentum=experiment.momentum,
        weight_decay=experiment.weight_decay,
        fused=True,
    )


def build_adam(
    experiment: Experiment, parameters: Iterable[nn.Parameter], rate: Rate
) -> torch.optim.Optimizer:
    """Build Adam with torch's default betas and epsilon."""
    return torch.optim.Adam(parameters, lr=rate, weight_decay=experiment.weight_decay, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Sets the rate of all parameters."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(learning_rate)
        else:
            group["lr"] = learning_rate


def import_what_torch_puts_off() -> None:
    """torch imports its compiler, of which nothing is used here, when the first optimizer is
    built: a second or two, in which the window answers late. So at a time when it is expected."""
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0).zero_grad()
