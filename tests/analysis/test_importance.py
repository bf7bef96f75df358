"""How much each hyperparameter explains, and when nothing is said."""

from __future__ import annotations

import math

import numpy as np

from workbench.analysis.importance import importance


def test_what_decides_explains_most_and_what_does_nothing_is_chance() -> None:
    random = np.random.default_rng(2)
    points = [
        {"learning_rate": 10 ** random.uniform(-4, -1), "batch_size": int(random.choice([16, 64]))}
        for _ in range(60)
    ]
    means = [
        70 - 8 * abs(math.log10(values["learning_rate"]) + 2.5) + random.normal(0, 0.3)
        for values in points
    ]
    found = importance(["batch_size", "learning_rate"], points, means, 0.09)
    first, second = found.shares
    assert first.name == "learning_rate"
    assert 0.6 < first.share <= 1.0
    assert not first.is_chance
    assert second.is_chance
    assert found.seeds is not None
    assert found.seeds < 0.1


def test_a_field_that_has_an_effect_at_some_points_is_measured_there() -> None:
    points = [{"optimizer": "adam"}] * 10
    points = [*points, *({"optimizer": "sgd", "momentum": 0.1 * (i % 2)} for i in range(12))]
    means = [50.0] * 10 + [60.0 + i % 2 + 0.01 * i for i in range(12)]
    shares = {
        share.name: share for share in importance(["optimizer", "momentum"], points, means).shares
    }
    assert shares["momentum"].points == 12
    assert shares["momentum"].share > 0.9
    assert shares["optimizer"].points == 22


def test_nothing_is_said_where_it_would_mean_nothing() -> None:
    few = importance(["epochs"], [{"epochs": i} for i in range(9)], [float(i) for i in range(9)])
    assert few.shares == ()
    assert "from 10 points" in str(few.problem)
    same = importance(["epochs"], [{"epochs": i} for i in range(12)], [10.0] * 12)
    assert "same accuracy" in str(same.problem)
    alone = [{"activation": "relu"}] * 11 + [{"activation": "leaky_relu"}]
    each = importance(["seed"], [{}] * 12, [float(i) for i in range(12)])
    assert "too few points" in str(each.problem)
    assert importance(["activation"], alone, [float(i) for i in range(12)]).shares[0].is_chance
