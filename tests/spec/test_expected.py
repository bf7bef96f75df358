"""What is expected of a run, and when it is on track."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from tests.reproduction.verdict_levels import left_out, off_track
from workbench.spec.expected import Curve, alike_until, expected_of, shipped_curves
from workbench.spec.experiment import Experiment, experiment_from, with_changes
from workbench.spec.intervals import student_t
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


def test_with_five_seeds_on_track_is_a_prediction_band() -> None:
    curves = [curve([40.0 + seed, 50.0 + 2 * seed], seed=seed) for seed in range(5)]
    found = expected_of(Experiment(), curves)
    assert found is not None
    assert found.has_band
    assert found.seeds == (5, 5)
    assert found.accuracy == (42.0, 54.0)
    # 5% shared out among two epochs, half of it on each side.
    margin = stats.t.ppf(1.0 - 0.05 / 4, 4) * math.sqrt(2.5) * math.sqrt(1 + 1 / 5)
    assert found.low == pytest.approx((42.0 - margin, 54.0 - 2 * margin))
    assert found.high == pytest.approx((42.0 + margin, 54.0 + 2 * margin))
    assert found.judge(1, 42.1 - margin) == "on track"
    assert found.judge(1, 41.9 - margin) == "below"
    assert found.judge(1, 42.1 + margin) == "above"
    assert found.judge(3, 60.0) is None


def test_nothing_is_said_of_a_run_while_it_cannot_be_told_from_guessing() -> None:
    curves = [curve([10.0 + seed, 50.0 + seed], seed=seed) for seed in range(5)]
    found = expected_of(Experiment(), curves)
    assert found is not None
    assert (found.low[0], found.high[0]) == (None, None)
    assert found.judge(1, 90.0) is None
    assert found.judge(2, 10.0) == "below"
    dead = expected_of(Experiment(), [curve([10.0], seed=seed) for seed in range(5)])
    assert dead is not None
    assert not dead.has_band


def test_few_seeds_have_no_band() -> None:
    found = expected_of(Experiment(), [curve([40.0 + seed, 50.0], seed=seed) for seed in range(4)])
    assert found is not None
    assert not found.has_band
    assert found.accuracy == (41.5, 50.0)
    assert found.judge(1, 0.0) is None


@pytest.mark.parametrize("together", [0.0, 0.9, 1.0])
def test_of_honest_runs_one_in_twenty_leaves_the_band_at_most(together: float) -> None:
    assert off_track(5, 30, together, draws=8_000) < 0.05 + 0.01  # four standard errors


def test_no_shipped_run_is_off_track_by_the_others() -> None:
    """Each left out in turn; with four seeds left, one fewer than the program asks for."""
    judged = list(left_out(shipped_curves(), 4))
    assert len(judged) >= 5
    alarms = [curve.preset for curve, words in judged if {"below", "above"} & set(words)]
    assert len(alarms) < 0.05 * len(judged) or not alarms
    assert any("on track" in words for _, words in judged)


def test_the_quantiles_are_scipys() -> None:
    for freedom in [*range(1, 31), 40, 101, 1_000]:
        for level in (0.5, 0.95, 1 - 0.05 / 30, 1 - 0.05 / 300):
            expected = stats.t.ppf(0.5 + level / 2, freedom)
            assert student_t(level, freedom) == pytest.approx(expected, rel=1e-7)


def test_a_seed_counts_once_however_often_it_was_trained() -> None:
    numbers = [40.0, 50.0, 45.0]
    again = curve(numbers, seed=0)
    other_device = replace(curve([40.1], seed=0), device="another CPU")
    curves = [curve(numbers[:2], seed=0, **DECAY), again, again, other_device]
    found = expected_of(experiment_from({"epochs": 6}), [*curves, curve([44.0], seed=1)])
    assert found is not None
    assert found.seeds == (2, 1, 1)
    assert found.accuracy == (42.0, 50.0, 45.0)


def test_the_seeds_of_two_data_sets_are_not_mixed() -> None:
    files = [curve([40.0 + seed], seed=seed) for seed in range(2)]
    found = expected_of(Experiment(), [replace(curve([50.0]), data="CIFAR-10, PNG"), *files])
    assert found is not None
    assert (found.data, found.seeds, found.accuracy) == ("CIFAR-10", (2,), (40.5,))


def test_every_seed_ships_once_for_each_way_it_ran() -> None:
    found = [
        (c.preset, str(c.experiment.values() | {"epochs": 0}), c.device, c.data)
        for c in shipped_curves()
    ]
    assert len(found) == len(set(found))


def test_nothing_is_expected_of_another_experiment_or_beyond_what_is_alike() -> None:
    curves = [curve([40.0, 50.0, 55.0, 56.0])]
    assert expected_of(experiment_from({"learning_rate": 0.5}), curves) is None
    decayed = expected_of(experiment_from(DECAY), curves)
    assert decayed is not None
    assert decayed.accuracy == (40.0, 50.0)
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
