"""The optimizers, in torch's fused form: one call a step in place of one for each tensor.

torch's own ``step``, ``zero_grad`` and ``add_param_group`` import its compiler
(``torch._dynamo``), of which nothing is used here: 1,000 modules and more, a second, and some
150 MB. :func:`_without_compiler` calls the same functions without what that import is for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from workbench.spec.experiment import Experiment
from workbench.spec.optimizers import OPTIMIZERS
from workbench.spec.registry import resolve

Rate = float | torch.Tensor


def _without_compiler(optimizer: type[torch.optim.Optimizer]) -> None:
    """Keep ``optimizer`` from importing torch's compiler. Where a release of torch does it in
    another way than 2.6 to 2.14, nothing is changed but the time that it takes."""
    for name in ("zero_grad", "add_param_group", "state_dict", "load_state_dict"):
        # torch._compile keeps there what it made of the function once the compiler was imported.
        function = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if function is not None and not hasattr(function, "__dynamo_disable"):
            function.__dynamo_disable = function
    step: Callable[..., Any] = optimizer.step
    if step is not inspect.unwrap(step):
        optimizer.step = torch.no_grad()(inspect.unwrap(step))  # type: ignore[method-assign]


class SGD(torch.optim.SGD):
    """torch's, without its compiler."""


class Adam(torch.optim.Adam):
    """torch's, without its compiler."""


class AdamW(torch.optim.AdamW):
    """torch's, without its compiler."""


class RMSprop(torch.optim.RMSprop):
    """torch's, without its compiler."""


for _kind in (SGD, Adam, AdamW, RMSprop):
    _without_compiler(_kind)

Parameters = Iterable[nn.Parameter] | Iterable[dict[str, Any]]


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
    groups: Parameters = parameters
    if not experiment.decay_norm_and_bias:
        groups = _without_decay_of_norm_and_bias(list(parameters))
    optimizer: torch.optim.Optimizer = build(experiment, groups, rate)
    return optimizer


def _without_decay_of_norm_and_bias(parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    """Two groups as torch takes them: batch norm's parameters and biases have one dimension, the
    weights of convolutions and linear layers more."""
    decayed = {"params": [p for p in parameters if p.ndim > 1]}
    others = {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}
    return [group for group in (decayed, others) if group["params"]]


def build_sgd(experiment: Experiment, parameters: Parameters, rate: Rate) -> torch.optim.Optimizer:
    """Build SGD with the experiment's momentum and weight decay."""
    return SGD(
        parameters,
        lr=rate,
        momentum=experiment.momentum,
        nesterov=experiment.nesterov,
        weight_decay=experiment.weight_decay,
        fused=True,
    )


def build_adam(experiment: Experiment, parameters: Parameters, rate: Rate) -> torch.optim.Optimizer:
    """Build Adam with torch's default betas and epsilon."""
    return Adam(parameters, lr=rate, weight_decay=experiment.weight_decay, fused=True)


def build_adamw(
    experiment: Experiment, parameters: Parameters, rate: Rate
) -> torch.optim.Optimizer:
    """Build AdamW (Loshchilov and Hutter, 2019, arXiv 1711.05101) with torch's default betas and
    epsilon."""
    return AdamW(parameters, lr=rate, weight_decay=experiment.weight_decay, fused=True)


def build_rmsprop(
    experiment: Experiment, parameters: Parameters, rate: Rate
) -> torch.optim.Optimizer:
    """Build RMSprop with the experiment's momentum, and torch's default smoothing and epsilon."""
    return RMSprop(
        parameters,
        lr=rate,
        momentum=experiment.momentum,
        weight_decay=experiment.weight_decay,
        foreach=True,  # there is no fused form
        capturable=isinstance(rate, torch.Tensor),
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: Rate) -> None:
    """Set the rate of all parameters. A tensor of one value on the optimizer's device is not waited
    for, where the optimizer's own rate is a tensor there."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            if isinstance(learning_rate, torch.Tensor):
                group["lr"].copy_(learning_rate)
            else:
                group["lr"].fill_(learning_rate)
        else:
            group["lr"] = float(learning_rate)
