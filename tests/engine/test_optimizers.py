"""The optimizers step as torch's own do, bit for bit, and import nothing of its compiler."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from workbench.engine.networks import build_empty, build_network
from workbench.engine.optimizers import build_optimizer
from workbench.spec.experiment import experiment_from
from workbench.spec.optimizers import OPTIMIZERS

PROGRAM = """
import sys
import torch
from workbench.engine.optimizers import build_optimizer
from workbench.spec.experiment import experiment_from
for optimizer in ("sgd", "adam", "adamw", "rmsprop", "muon"):
    weight = torch.ones(3, requires_grad=True)
    made = build_optimizer(experiment_from({"optimizer": optimizer}), [weight], weight.device)
    weight.sum().backward()
    made.step()
    made.zero_grad(set_to_none=True)
    assert weight.grad is None
    assert not torch.equal(weight, torch.ones(3))
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize(
    "values",
    [{}, {"momentum": 0.9, "weight_decay": 0.01}, {"optimizer": "adam", "weight_decay": 0.01}],
    ids=str,
)
def test_they_step_as_torchs_own(values: dict[str, Any]) -> None:
    experiment = experiment_from({"learning_rate": 0.1, **values})

    def trained(own: bool) -> torch.Tensor:
        torch.manual_seed(0)
        weight = torch.randn(40, requires_grad=True)
        if own:
            optimizer = build_optimizer(experiment, [weight], weight.device)
        else:
            kind: Any = torch.optim.Adam if values.get("optimizer") == "adam" else torch.optim.SGD
            more = {"momentum": values["momentum"]} if "momentum" in values else {}
            decay = experiment.weight_decay
            optimizer = kind([weight], lr=0.1, weight_decay=decay, fused=True, **more)
        for _ in range(5):
            optimizer.zero_grad(set_to_none=True)
            (weight**2).sum().backward()
            optimizer.step()
        return weight.detach()

    assert torch.equal(trained(own=True), trained(own=False))
    assert torch.is_grad_enabled()


@pytest.mark.slow
def test_the_compiler_is_not_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_muon_makes_the_update_of_each_hidden_weight_orthogonal() -> None:
    experiment = experiment_from({"optimizer": "muon", "learning_rate": 0.1})
    torch.manual_seed(0)
    network = build_network(experiment, 10)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimizer = build_optimizer(experiment, network.parameters(), torch.device("cpu"))
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    update = (before["layer.2.weight"] - network.get_parameter("layer.2.weight")).detach()
    matrix = update.flatten(1) / (0.1 * 0.2 * 144**0.5)
    values = torch.linalg.svdvals(matrix)
    assert bool(((values > 0.6) & (values < 1.3)).all())
    # The last layer and the biases are AdamW's, whose first step is the rate.
    last = (before["fc_layer.2.weight"] - network.get_parameter("fc_layer.2.weight")).detach()
    assert torch.allclose(last.abs(), torch.full_like(last, 0.1), rtol=1e-3)
    kept = {frozenset(optimizer.state[p]) for p in network.parameters()}
    muon = OPTIMIZERS["muon"]
    assert kept == {muon.keeps(experiment), muon.keeps_for_others}


def test_norms_and_biases_can_be_left_out_of_weight_decay() -> None:
    def moved(**values: Any) -> set[str]:
        """Return what weight decay alone moves."""
        experiment = experiment_from(
            {"batch_norm": True, "weight_decay": 0.5, "learning_rate": 0.1, **values}
        )
        torch.manual_seed(0)
        network = build_network(experiment, 10)
        before = {name: p.detach().clone() for name, p in network.named_parameters()}
        optimizer = build_optimizer(experiment, network.parameters(), torch.device("cpu"))
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        return {n for n, p in network.named_parameters() if not torch.equal(p, before[n])}

    weights = {n for n, p in build_empty(experiment_from({}), 10).named_parameters() if p.ndim > 1}
    for optimizer in ("sgd", "adamw", "muon"):
        assert len(moved(optimizer=optimizer)) > len(weights)
        only = moved(optimizer=optimizer, decay_norm_and_bias=False)
        assert len(only) == len(weights)
        assert all(name.endswith("weight") for name in only)
