"""Adaptive points and early ends: the same again, however often they are worked out."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from workbench.running.sweep_pruner import Pruner
from workbench.running.sweep_sampler import Trial, propose
from workbench.spec.experiment import with_changes
from workbench.spec.presets import find_preset
from workbench.spec.sweep import Sweep, sweep_from


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    base = with_changes(find_preset("007").experiment, {"validation_share": 0.1, "epochs": 9})
    vary = {
        "learning_rate": "0.0001..0.1:log",
        "optimizer": "sgd, adam",
        "momentum": "0..0.9",
        "batch_size": "16..64",
    }
    return sweep_from(base, vary, method="tpe", trials=40)


def accuracy(values: dict[str, Any]) -> float:
    """Best at a learning rate of 0.003 with SGD."""
    distance = abs(math.log10(values["learning_rate"] / 0.003))
    return 60 - 10 * distance - 5 * (values["optimizer"] == "adam")


def test_points_come_nearer_and_are_the_same_when_asked_for_again(sweep: Sweep) -> None:
    trials: list[Trial] = []
    for number in range(30):
        values = propose(sweep, number, trials)
        experiment = sweep.experiment_at(values, 0)
        assert ("momentum" in values) == (experiment.optimizer == "sgd")
        score = None if number == 7 else accuracy(values)
        trials.append(Trial(number, values, score, {1: 20.0} if number == 7 else {}))
    first = [trial.score for trial in trials[:10] if trial.score is not None]
    last = [trial.score for trial in trials[20:] if trial.score is not None]
    assert sum(last) / len(last) > sum(first) / len(first) + 3
    # Whatever came later, and in whatever order the runs were read.
    assert propose(sweep, 17, trials[::-1]) == trials[17].values
    assert propose(sweep, 17, trials[:17]) == trials[17].values
    assert propose(replace(sweep, seed=1), 17, trials[:17]) != trials[17].values


@pytest.mark.parametrize("how", ["median", "hyperband"])
def test_losing_runs_end_early_also_when_the_pruner_begins_in_the_middle(
    sweep: Sweep, how: Any
) -> None:
    sweep = replace(sweep, prune=how)

    def curve(number: int) -> dict[int, float]:
        return {epoch: 50.0 + 3 * (number % 5) + epoch for epoch in range(1, 10)}

    def ends(pruner: Pruner, numbers: range) -> dict[int, int]:
        found = {}
        for number in numbers:
            seen: dict[int, float] = {}
            for epoch, value in curve(number).items():
                seen[epoch] = value
                if pruner.add(number, seen):
                    found[number] = epoch
                    break
            pruner.add(number, seen, ended=True)
        return found

    whole = ends(Pruner(sweep, "s"), range(20))
    assert whole
    assert all(number % 5 < 4 for number in whole)  # never one of the best
    late = Pruner(sweep, "s")
    for number in range(12):
        rows = list(curve(number).items())[: whole.get(number, 9)]
        late.add(number, dict(rows), ended=True)
    assert ends(late, range(12, 20)) == {n: e for n, e in whole.items() if n >= 12}


def test_no_database_is_imported() -> None:
    code = (
        "import sys; from workbench.running import sweeping; assert 'optuna' not in sys.modules; "
        "from workbench.running.sweep_pruner import Pruner; import optuna; "
        "assert not {'sqlalchemy', 'alembic', 'torch'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
