"""The optimizers step as torch's own do, bit for bit, and import nothing of its compiler."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from workbench.engine.optimizers import build_optimizer
from workbench.spec.experiment import experiment_from

PROGRAM = """
import sys
import torch
from workbench.engine.optimizers import build_optimizer
from workbench.spec.experiment import experiment_from
for optimizer in ("sgd", "adam"):
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
