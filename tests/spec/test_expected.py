"""What is expected of a run, and when it is on track."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workbench.spec.expected import (
    Curve,
    alike_until,
    binomial_error,
    expected_of,
    shipped_curves,
)
from workbench.spec.experiment import Experiment, experiment_from, with_changes
from workbench.spec.presets import find_preset

DECAY = {"scheduler": "step", "step_size": 2, "gamma": 0.5, "epochs": 6}


def curve(accuracy: list[float], **values: Any) -> Curve:
    experiment = experiment_from({"epochs": 6, **values})
    losses = tuple(1.0 / (i + 1) for i in range(len(accuracy)))
    return Curve("001", experiment, losses, tuple(accuracy), "CIFAR-10", "a CPU", "2026-11-24")


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({"seed": 4, "epochs": 99}, math.inf),
        ({"learning_rate": 0.01}, 0),
        (DECAY, 2),
        ({**DECAY, "gamma": 1.0}, math.inf),
        ({"normalization": "none"}, 0),
        ({"batch_norm": True}, 0),
        ({"validation_share": 0.1}, 0),
        ({"early_stopping": 5}, math.inf),
    ],
)
def test_two_experiments_are_alike_while_their_rates_are(
    changes: dict[str, Any], until: float
) -> None:
    plain = experiment_from({"epochs": 6})
    assert alike_until(plain, with_changes(plain, changes)) == until
    assert alike_until(with_changes(plain, changes), plain) == until


def test_test_images_in_batch_norm_change_no_curve_but_with_steps_in_evaluation_mode() -> None:
    nine = find_preset("009").experiment
    slipped = with_changes(nine, {"test_images_in_batch_norm": True})
    assert alike_until(nine, slipped) == math.inf
    both = [with_changes(e, {"eval_after_first_step": True}) for e in (nine, slipped)]
    assert alike_until(*both) == 0


def test_with_three_seeds_on_track_is_their_spread_and_the_binomial_error() -> None:
    curves = [curve([40.0 + seed, 50.0], seed=seed) for seed in range(3)]
    found = expected_of(Experiment(), curves)
    assert found is not None
    assert found.seeds == (3, 3)
    assert found.accuracy == (41.0, 50.0)
    room = 2 * binomial_error(41.0)
    assert room == pytest.approx(0.98, abs=0.01)
    assert found.low[0] == pytest.approx(40.0 - room)
    assert found.high[0] == pytest.approx(42.0 + room)
    assert found.judge(1, 39.1) == "on track"
    assert found.judge(1, 38.9) == "below"
    assert found.judge(1, 43.1) == "above"
    assert found.judge(3, 60.0) is None


def test_a_seed_counts_once_however_often_it_was_trained() -> None:
    numbers = [40.0, 50.0, 45.0]
    again = curve(numbers, seed=0)
    curves = [curve(numbers[:2], seed=0, **DECAY), again, again, curve([44.0], seed=1)]
    found = expected_of(experiment_from({"epochs": 6}), curves)
    assert found is not None
    assert found.seeds == (2, 1, 1)
    assert found.accuracy == (42.0, 50.0, 45.0)
    assert found.high[2] == 52.0  # 2 points over the epoch before: one seed


def test_every_seed_ships_once_for_each_way_it_ran() -> None:
    found = [
        (c.preset, str(c.experiment.values() | {"epochs": 0}), c.device, c.data)
        for c in shipped_curves()
    ]
    assert len(found) == len(set(found))


def test_with_one_seed_on_track_is_two_points_around_the_neighbouring_epochs() -> None:
    found = expected_of(experiment_from({"epochs": 9}), [curve([40.0, 50.0, 45.0, 48.0])])
    assert found is not None
    assert (found.low[1], found.high[1]) == (38.0, 52.0)
    assert (found.low[3], found.high[3]) == (43.0, 50.0)
    assert found.judge(4, 50.0) == "on track"


def test_nothing_is_expected_of_another_experiment_or_beyond_what_is_alike() -> None:
    curves = [curve([40.0, 50.0, 55.0, 56.0])]
    assert expected_of(experiment_from({"learning_rate": 0.5}), curves) is None
    decayed = expected_of(experiment_from(DECAY), curves)
    assert decayed is not None
    assert decayed.accuracy == (40.0, 50.0)
    assert decayed.high[1] == 52.0  # not of the epoch after, which trained with another rate
    short = expected_of(experiment_from({"epochs": 1}), curves)
    assert short is not None
    assert len(short.loss) == 1


def test_the_curves_that_ship_belong_to_their_presets() -> None:
    for one in shipped_curves():
        preset = find_preset(one.preset)
        starts = [e for e in (preset.experiment, preset.as_run) if e is not None]
        assert any(alike_until(start, one.experiment) >= len(one.loss) for start in starts)
        assert len(one.loss) == len(one.accuracy) > 0
        assert all(0.0 <= accuracy <= 100.0 for accuracy in one.accuracy)
        assert one.data.startswith("CIFAR-10")
        assert one.device
