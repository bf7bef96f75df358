"""The measured results that ship with the program."""

from __future__ import annotations

from dataclasses import replace

from workbench.analysis.shipped import shipped_result
from workbench.spec.expected import Curve
from workbench.spec.experiment import Experiment, with_changes
from workbench.spec.presets import find_preset

NINE = find_preset("009")


def curve(
    experiment: Experiment, epochs: int, accuracy: float, final: float | None = None
) -> Curve:
    accuracies = (accuracy,) * epochs
    return Curve("x", experiment, accuracies, accuracies, "CIFAR-10", "a CPU", "2026-11-24", final)


def test_one_result_of_each_seed_at_the_epoch_where_the_report_stopped() -> None:
    seven = find_preset("007")
    seeds = [with_changes(seven.experiment, {"seed": seed, "scheduler": "none"}) for seed in (0, 1)]
    curves = [curve(seeds[0], 25, 69.0), curve(seeds[1], 40, 70.0), curve(seeds[1], 24, 99.0)]
    found = shipped_result(seven, curves)
    assert found is not None
    assert found.accuracies == (69.0, 70.0)
    assert found.mean == 69.5
    assert not found.as_written
    assert shipped_result(find_preset("003"), curves) is None


def test_a_final_test_is_no_accuracy_after_an_epoch() -> None:
    assert NINE.as_run is not None
    declared = curve(NINE.experiment, 30, 62.5, 72.6)
    found = shipped_result(NINE, [declared])
    assert found is not None
    assert found.accuracies == (72.6,)
    assert found.as_written
    both = shipped_result(NINE, [declared, curve(NINE.as_run, 30, 62.1, 72.4)])
    assert both is not None
    assert both.accuracies == (72.4,)
    assert not both.as_written
    assert shipped_result(NINE, [replace(declared, final=None)]) is None
