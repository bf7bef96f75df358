"""Optimizers, declared; :mod:`workbench.engine.optimizers` builds them with torch."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.spec.registry import Choice, Registry

if TYPE_CHECKING:
    from workbench.spec.experiment import Experiment


@dataclass(frozen=True)
class Optimizer(Choice):
    """An optimizer.

    Args:
        build: ``build(experiment, parameters, rate) -> torch.optim.Optimizer``, or where it is, as
            ``"package.module:name"``. ``rate`` is a float, on a GPU a tensor of one value there.
        keeps: ``keeps(experiment)``: names of the tensors that it keeps for each parameter, each of
            the parameter's shape but ``step``, a single number. Checkpoints are checked by them.
    """

    build: Callable[..., Any] | str = ""
    keeps: Callable[[Experiment], Set[str]] = lambda experiment: frozenset()


OPTIMIZERS: Registry[Optimizer] = Registry(
    Optimizer(
        "sgd",
        "SGD",
        fields=("momentum",),
        build="workbench.engine.optimizers:build_sgd",
        keeps=lambda e: frozenset({"momentum_buffer"} if e.momentum else ()),
    ),
    Optimizer(
        "adam",
        "Adam",
        build="workbench.engine.optimizers:build_adam",
        keeps=lambda e: frozenset({"step", "exp_avg", "exp_avg_sq"}),
    ),
)
