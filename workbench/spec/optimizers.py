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
            ``"package.module:name"``. ``parameters`` in the network's order; groups as torch takes
            them where weight decay leaves some out. ``rate`` is a float, on a GPU a tensor of one
            value there.
        keeps: ``keeps(experiment)``: names of the tensors that it keeps for each parameter, each of
            the parameter's shape but ``step``, a single number. Checkpoints are checked by them.
        keeps_for_others: the same, where it keeps something else for some parameters.
    """

    build: Callable[..., Any] | str = ""
    keeps: Callable[[Experiment], Set[str]] = lambda experiment: frozenset()
    keeps_for_others: Set[str] | None = None


ADAM_KEEPS = frozenset({"step", "exp_avg", "exp_avg_sq"})


def _momentum(experiment: Experiment) -> frozenset[str]:
    return frozenset({"momentum_buffer"} if experiment.momentum else ())


OPTIMIZERS: Registry[Optimizer] = Registry(
    Optimizer(
        "sgd",
        "SGD",
        fields=("momentum", "nesterov"),
        build="workbench.engine.optimizers:build_sgd",
        keeps=_momentum,
    ),
    Optimizer(
        "adam",
        "Adam",
        build="workbench.engine.optimizers:build_adam",
        keeps=lambda e: ADAM_KEEPS,
    ),
    Optimizer(
        "adamw",
        "AdamW",
        build="workbench.engine.optimizers:build_adamw",
        keeps=lambda e: ADAM_KEEPS,
    ),
    Optimizer(
        "rmsprop",
        "RMSprop",
        fields=("momentum",),
        build="workbench.engine.optimizers:build_rmsprop",
        keeps=lambda e: _momentum(e) | {"step", "square_avg"},
    ),
    Optimizer(
        "muon",
        "Muon",
        fields=("momentum", "nesterov"),
        build="workbench.engine.muon:build_muon",
        keeps=lambda e: frozenset({"momentum_buffer"}),
        keeps_for_others=ADAM_KEEPS,
    ),
)
