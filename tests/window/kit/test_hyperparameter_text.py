"""Hyperparameters in words."""

from __future__ import annotations

import pytest

from workbench.spec.experiment import HYPERPARAMETERS, experiment_from
from workbench.spec.presets import find_preset
from workbench.window.kit.hyperparameter_text import (
    changes_text,
    limits_text,
    number_text,
    summaries,
    tooltip,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00001, "0.00001"),
        (10.0, "10"),
        (0.0, "0"),
        (1e-9, "1e-9"),
        (2.5e300, "2.5e300"),
        (0.1 + 0.2, "0.30000000000000004"),
        (50_000, "50000"),
        (100.0, "100"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_a_number_reads_as_it_is_typed_and_reads_back(value: float, text: str) -> None:
    assert number_text(value) == text
    assert str(float(text)) == str(float(value))


def test_every_limit_is_said_and_the_excluded_ones_as_such() -> None:
    assert limits_text(HYPERPARAMETERS["batch_size"]) == "1 to 50,000 images"
    assert limits_text(HYPERPARAMETERS["learning_rate"]) == "greater than 0, 10 or less"
    assert limits_text(HYPERPARAMETERS["dropout"]) == "0 or more, less than 1"
    assert limits_text(HYPERPARAMETERS["optimizer"]) == ""


def test_in_short_from_long_to_what_a_narrow_place_holds() -> None:
    assert summaries(find_preset("001").experiment) == [
        "SGD 0.001 · 3 epochs",
        "SGD 0.001 · 3 epochs",
        "SGD 0.001",
    ]
    assert summaries(find_preset("009").experiment) == [
        "Adam 0.0001 · BN · dropout 0.2 · step 20 ×0.2 · 30 epochs",
        "Adam 0.0001 · BN · dropout 0.2 · 30 epochs",
        "Adam 0.0001 · BN · dropout 0.2",
    ]
    assert summaries(experiment_from({"epochs": 1}))[0] == "SGD 0.001 · 1 epoch"


def test_changes_name_what_was_and_is() -> None:
    def changes(before: str, after: str) -> str:
        return changes_text(find_preset(before).experiment, find_preset(after).experiment)

    assert changes("002", "003") == "Learning rate 0.001 → 0.0001 · Epochs 100 → 30"
    # What only appears with the scheduler has no value before it.
    assert "Scheduler None → Step · Step size 20 · Gamma 0.1" in changes("005", "006")
    # Momentum vanishes with SGD, which the change of the optimizer says.
    assert changes("006", "007") == "Optimizer SGD → Adam · Gamma 0.1 → 0.2 · Epochs 80 → 60"
    assert "Batch norm off → on" in changes("007", "008")
    assert changes("007", "007") == ""


def test_a_tooltip_keeps_what_looks_like_markup() -> None:
    assert tooltip("a < b & c", "", "d") == "<p>a &lt; b &amp; c</p><p>d</p>"
