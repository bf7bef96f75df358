"""Muon: momentum whose update is made orthogonal, weight matrix by weight matrix.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024
(https://kellerjordan.github.io/posts/muon/). Not ``torch.optim.Muon``, which newer releases of
torch have: that takes matrices alone, no convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from workbench.engine.optimizers import AdamW, Rate
from workbench.spec.experiment import Experiment


class Muon(AdamW):
    """Muon for the groups with ``muon`` true, AdamW for the others.

    Muon's update is scaled to the size of AdamW's, so that both go by one learning rate and one
    weight decay (J. Liu et al., "Muon is Scalable for LLM Training", 2025, arXiv 2502.16982, 2.2).
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        groups = self.param_groups
        self.param_groups = [group for group in groups if not group["muon"]]
        try:
            super().step()
        finally:
            self.param_groups = groups
        for group in groups:
            if group["muon"]:
                for parameter in group["params"]:
                    self._step_muon(parameter, group)

    def _step_muon(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient = parameter.grad
        if gradient is None:
            return
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        momentum = state["momentum_buffer"].mul_(group["momentum"]).add_(gradient)
        if group["nesterov"]:
            momentum = gradient.add(momentum, alpha=group["momentum"])
        # A convolution as the matrix that multiplies each patch: (channels out, 9 * channels in).
        matrix = momentum.reshape(len(momentum), -1)
        update = orthogonal(matrix).view_as(momentum)
        size = 0.2 * math.sqrt(max(matrix.shape))
        rate, decay = group["lr"], group["weight_decay"]
        if decay:
            parameter.mul_(1 - rate * decay)
        parameter.sub_(update * (rate * size))


def orthogonal(matrix: Tensor) -> Tensor:
    """Return the orthogonal matrix nearest to ``matrix`` (rows, columns), roughly: its singular
    values become about 1. Five Newton-Schulz iterations with the coefficients of Muon's source."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp_min(1e-7)
    for _ in range(5):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if len(matrix) <= matrix.shape[1] else wide.T


def build_muon(experiment: Experiment, parameters: Iterable[Any], rate: Rate) -> Muon:
    """Build Muon for the weights of convolutions and linear layers but the last one; that one,
    biases and batch norm get AdamW, as Muon's source has it."""
    groups = list(parameters)
    if groups and not isinstance(groups[0], dict):
        groups = [{"params": groups}]
    weights = [p for group in groups for p in group["params"] if p.ndim > 1]
    hidden = {id(weight) for weight in weights[:-1]}
    made = []
    for group in groups:
        for muon in (True, False):
            part = [p for p in group["params"] if (id(p) in hidden) is muon]
            if part:
                made.append({**group, "params": part, "muon": muon})
    optimizer = Muon(made, lr=rate, weight_decay=experiment.weight_decay, fused=True)
    for group in optimizer.param_groups:
        group |= {"momentum": experiment.momentum, "nesterov": experiment.nesterov}
    return optimizer
