"""Optimizers, declared; :mod:`workbench.engine.optimizers` builds them with torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.spec.registry import Choice, Registry


@dataclass(frozen=True)
class Optimizer(Choice):
    """An optimizer.

    Args:
        build: ``build(experiment, parameters, rate) -> torch.optim.Optimizer``, or where it is, as
            ``"package.module:name"``. ``rate`` is a float, on a GPU a tensor of one value there.
        moments: tensors of a weight's size that it keeps for each weight (for the estimate of a
            checkpoint's size).
    """

    build: Callable[..., Any] | str = ""
    moments: int = 0


OPTIMIZERS: Registry[Optimizer] = Registry(
    Optimizer("sgd", "SGD", fields=("momentum",), build="workbench.engine.optimizers:build_sgd"),
    Optimizer("adam", "Adam", build="workbench.engine.optimizers:build_adam", moments=2),
)
