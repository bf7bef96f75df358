"""A run against the report, and runs against each other."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.library.made_runs import CIFAR10_JPEG, make_predictions, make_run
from workbench.analysis import against_report as comparison
from workbench.analysis.against_report import AgainstReport, against_report
from workbench.analysis.differences import differing_rows
from workbench.analysis.flips import compare_pairs, compare_predictions, holm, mcnemar_exact
from workbench.analysis.metrics import Predictions
from workbench.analysis.repeats import Spread, group_of, same_group, spread_of
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.altered_data import ALTERED
from workbench.spec.expected import Curve, binomial_error
from workbench.spec.experiment import with_changes
from workbench.spec.intervals import prediction_margin
from workbench.spec.presets import find_preset


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # 30 epochs wait for the disk
    monkeypatch.setattr(comparison, "shipped_curves", tuple)
    return Library(tmp_path / "library")


def against(record: RunRecord, *records: RunRecord) -> AgainstReport:
    result = against_report(record, find_preset(record.preset or ""), records)
    assert result is not None
    return result


def named(result: AgainstReport) -> dict[str, tuple[float, float | None]]:
    return {str(f.name): (f.reported, f.measured) for f in result.figures}


# --- against the report ----------------------------------------------------------------


def test_reported_beside_measured_without_a_spread_has_no_verdict(library: Library) -> None:
    result = against(make_run(library, "001", (20, 25, 31.2)))
    assert named(result) == {
        "Test accuracy after epoch 3": (30.67, 31.2),
        "Correct test images": (3067, 3120),
        "Seconds for an epoch, reported on a GTX 1060": (15, 12.5),
    }
    assert result.figures[0].difference == pytest.approx(0.53)
    assert result.outcome == "open"
    assert "train 4 more with other seeds, for 5 in all with this run among them" in str(
        result.reason
    )
    assert result.spread is None
    assert result.binomial == pytest.approx(0.463, abs=0.001)


def test_repeats_with_other_seeds_give_the_verdict(library: Library) -> None:
    runs = [
        make_run(library, "001", (20, 25, accuracy), seed=seed)
        for seed, accuracy in enumerate((30.2, 31.0, 31.5))
    ]
    result = against(runs[0], *runs)
    assert result.spread is not None
    assert (result.spread.runs, result.spread.shipped) == (3, False)
    assert result.spread.mean == pytest.approx(30.9)
    assert result.spread.deviation == pytest.approx(np.std([30.2, 31.0, 31.5], ddof=1))
    assert result.outcome == "compatible"
    margin = stats.t.ppf(0.975, 2) * result.spread.deviation * math.sqrt(4 / 3)
    assert f"{30.9 - margin:.2f}% to {30.9 + margin:.2f}%" in str(result.reason)
    assert "by your 3 seeds, this run among them. The half-width is" in str(result.reason)
    assert f"is {margin:.2f} points; about 9 seeds of your own" in str(result.reason)

    far = [
        make_run(library, "003", [10.0] * 29 + [accuracy], seed=seed)
        for seed, accuracy in enumerate((33.0, 33.1, 33.2))
    ]
    deviating = against(far[0], *far)
    assert deviating.outcome == "deviates"
    assert "29.63% lies outside" in str(deviating.reason)
    two = against(far[0], *far[:2])
    assert (two.outcome, two.spread) == ("open", None)
    assert "train 3 more" in str(two.reason)


def test_a_validation_split_takes_images_from_training_and_early_stopping_none(
    library: Library,
) -> None:
    split = make_run(library, "001", (20, 25, 31.2), validation=(20, 25, 30), validation_share=0.1)
    result = against(split)
    assert result.outcome == "not comparable"
    assert "validation_share 0.1 (0.0)" in str(result.reason)
    patient = make_run(library, "001", (20, 25, 31.2), early_stopping=3)
    assert against(patient).outcome == "open"


def test_a_best_epoch_says_on_what_it_was_chosen(library: Library) -> None:
    by_test = make_run(library, "001", (20, 25, 31.2))
    other = make_run(library, "001", (20, 25, 31.5), seed=1)
    split = make_run(library, "001", (20, 27, 31.2), validation=(20, 25, 22), validation_share=0.1)

    def figures(*records: RunRecord) -> dict[str, tuple[Any, ...]]:
        return {r.key: r.values for r in differing_rows(records) if r.group == "Figures"}

    assert figures(by_test, other)["best_chosen_on"] == ("test", "test")
    both = figures(by_test, split)
    assert both["best_chosen_on"] == ("test", "validation")
    assert both["best_epoch"] == (3, 2)
    assert both["best_accuracy"] == (31.2, 27.0)
    assert both["best_validation_accuracy"] == (None, 25.0)
    assert "best_chosen_on" not in figures(by_test, by_test)


def test_only_true_repeats_count(library: Library) -> None:
    first = make_run(library, "001", (20, 25, 30.0), seed=0)
    again = make_run(library, "001", (20, 25, 30.0), seed=0)
    other_data = make_run(
        library, "001", (20, 25, 30.0), seed=1, data=CIFAR10_JPEG | {"fingerprint": "e" * 64}
    )
    other_rate = make_run(library, "001", (20, 25, 30.0), seed=2, learning_rate=0.002)
    stopped = make_run(library, "001", (20, 25), seed=3)
    real = make_run(library, "001", (20, 25, 30.5), seed=4)
    everything = [first, again, other_data, other_rate, stopped, real]
    assert group_of(first, everything) == [first, stopped, real]
    assert same_group(first, real)
    assert not same_group(first, other_rate)
    assert against(first, *everything).spread is None  # two that got to epoch 3
    assert spread_of([1.0, 2.0]) is None


def test_equal_repeats_reproduce_only_the_very_figure(library: Library) -> None:
    runs = [make_run(library, "005", [10.0] * 6, seed=seed) for seed in range(3)]
    assert [run.status for run in runs] == ["stopped"] * 3
    result = against(runs[0], *runs)
    assert result.epoch == 6
    assert result.outcome == "compatible"
    assert "half-width" not in str(result.reason)
    off = [
        make_run(library, "005", [10.4] * 6, seed=seed, gamma=0.5, scheduler="step")
        for seed in range(3)
    ]
    assert against(off[0], *off).outcome == "not comparable"


def test_a_spread_that_ships_is_used_where_there_are_no_repeats(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_run(library, "001", (20, 25, 31.0), seed=9)
    accuracies = (30.5, 31.0, 31.6)
    curves = [
        Curve(
            "001",
            with_changes(find_preset("001").experiment, {"seed": seed}),
            (2.0,) * 3,
            (20.0, 25.0, accuracy),
            "CIFAR-10, JPEG",
            "CPU",
            "2026-11-24",
        )
        for seed, accuracy in enumerate(accuracies)
    ]
    monkeypatch.setattr(comparison, "shipped_curves", lambda: tuple(curves))
    result = against(record)
    assert result.outcome == "compatible"
    assert "the spread of the preset's 3 seeds, measured on CIFAR-10, JPEG" in str(result.reason)
    assert "about 5 seeds of your own" in str(result.reason)
    margin = stats.t.ppf(0.975, 2) * np.std(accuracies, ddof=1) * math.sqrt(2)
    assert f"{31.0 - margin:.2f}%" in str(result.reason)
    monkeypatch.setattr(comparison, "shipped_curves", lambda: tuple(curves[:2]))
    assert against(record).outcome == "open"
    own = [make_run(library, "001", (20, 25, a), seed=s) for s, a in enumerate(accuracies)]
    monkeypatch.setattr(comparison, "shipped_curves", lambda: tuple(curves))
    assert "your 3 seeds" in str(against(own[0], *own).reason)


def test_as_the_report_ran_it_is_comparable_too(library: Library) -> None:
    preset = find_preset("006")
    assert preset.as_run is not None
    assert preset.as_run.scheduler == "none"
    as_run = against(make_run(library, "006", [60.0] * 80, scheduler="none"))
    assert as_run.outcome == "open"
    assert any("as actually run" in str(note) for note in as_run.notes)
    declared = against(make_run(library, "006", [60.0] * 80))
    assert declared.outcome == "open"
    assert any("as written in the report;" in str(note) for note in declared.notes)
    neither = against(make_run(library, "006", [60.0] * 80, scheduler="none", learning_rate=0.1))
    assert "learning_rate 0.1 (0.001)." in str(neither.reason)


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        (
            {"data": {**CIFAR10_JPEG, "kind": "sample", "comparable": False}},
            "not comparable",
            "sample",
        ),
        (
            {"data": {**CIFAR10_JPEG, "name": "flowers", "comparable": False}},
            "not comparable",
            "flowers",
        ),
        (
            {"learning_rate": 0.01, "batch_norm": True},
            "not comparable",
            "batch_norm True (False), learning_rate 0.01 (0.001)",
        ),
        ({"epochs": 2, "accuracies": (20, 25)}, "not comparable", "of epoch 3"),
        ({"accuracies": (20,)}, "not comparable", "Trained for 1 epoch;"),
        ({"accuracies": (20,), "status": "running"}, "open", "Still training"),
    ],
)
def test_what_cannot_be_compared_says_why(
    library: Library, changes: dict[str, Any], outcome: str, reason: str
) -> None:
    result = against(make_run(library, "001", **changes))
    assert result.outcome == outcome
    assert reason in str(result.reason)
    if changes.get("data"):
        assert {f.measured for f in result.figures} == {None}


def test_more_epochs_another_seed_and_a_mode_without_effect_are_no_change(
    library: Library,
) -> None:
    record = make_run(library, "001", (20, 25, 30, 35), epochs=4, seed=7, test_mode="eval")
    result = against(record)
    assert result.outcome == "open"
    assert result.figures[0].measured == 30  # after epoch 3, as the report's
    assert against(make_run(library, "008", [70.0] * 30, test_mode="eval")).outcome == (
        "not comparable"
    )


def test_an_early_stop_is_compared_where_the_report_stopped(library: Library) -> None:
    losses = np.arange(30 * 3_125, dtype=np.float32)
    accuracies = [50.0 + epoch for epoch in range(30)]
    record = make_run(library, "007", accuracies, steps=3_125, losses=losses)
    rows = named(against(record))
    assert rows["Test accuracy after epoch 25"] == (70.10, 74.0)
    assert rows["Test accuracy after epoch 3"] == (70.04, 52.0)
    assert rows["Loss of one batch: epoch 25, iteration 0"] == (0.3185, 24 * 3_125)
    assert rows["Loss of one batch: epoch 25, iteration 3000"] == (0.0358, 24 * 3_125 + 3_000)
    assert rows["Loss of one batch: epoch 3, iteration 1000"] == (0.5759, 2 * 3_125 + 1_000)


def test_the_final_test_is_compared_where_the_report_took_one(library: Library) -> None:
    result = against(make_run(library, "009", [60.0] * 29 + [65.0], final=75.0))
    rows = named(result)
    assert rows["Test accuracy, final test"] == (74.96, 75.0)
    assert rows["Test accuracy after epoch 30, training mode"] == (65.60, 65.0)
    assert rows["Correct test images"] == (7496, 7500)
    assert any("batch norm" in str(note) for note in result.notes)
    longer = against(make_run(library, "009", [60.0] * 31, final=75.0, epochs=31))
    assert longer.outcome == "not comparable"
    assert "no final test after epoch 30" in str(longer.reason)


def test_an_approximate_figure_gives_no_verdict(library: Library) -> None:
    runs = [make_run(library, "008", [70.0] * 30, seed=seed) for seed in range(3)]
    result = against(runs[0], *runs)
    assert (result.outcome, result.figures[0].approximate) == ("open", True)


def test_a_preset_without_figures_has_nothing_to_compare(library: Library) -> None:
    preset = find_preset("001")
    preset = replace(preset, reported=None)
    assert against_report(make_run(library), preset) is None


def test_the_image_files_are_said_beside_the_report(library: Library) -> None:
    files = against(make_run(library, "001", (20, 25, 31.2)))
    assert any("Trained on CIFAR-10, JPEG, and the report on" in str(n) for n in files.notes)
    published = CIFAR10_JPEG | {"kind": "cifar10", "name": "CIFAR-10"}
    notes = against(make_run(library, "001", (20, 25, 31.2), data=published)).notes
    assert not any("published images" in str(note) for note in notes)


def test_images_that_were_compressed_twice_are_known_by_their_fingerprint(library: Library) -> None:
    # As the program kept such a run before it knew them.
    twice = CIFAR10_JPEG | {"name": "CIFAR-10, PNG", "fingerprint": next(iter(ALTERED))}
    result = against(make_run(library, "001", (20, 25, 31.2), data=twice))
    assert result.outcome == "not comparable"
    assert str(result.reason) == "Trained on other data: CIFAR-10, JPEG twice."
    assert {f.measured for f in result.figures} == {None}


@pytest.mark.parametrize("runs", [3, 5])
@pytest.mark.parametrize("shipped", ["", "CIFAR-10, JPEG"])
def test_the_verdict_is_wrong_of_one_honest_run_in_twenty(runs: int, shipped: str) -> None:
    """The level that it states, whatever the mean and the spread of the seeds are."""
    random = np.random.default_rng(runs)
    compatible = 0
    for _ in range(4_000):
        own, reported = random.normal(60.0, 0.8, runs), random.normal(60.0, 0.8)
        measured = random.normal(60.0, 0.8) if shipped else own[0]
        spread = Spread(own.mean(), own.std(ddof=1), runs, shipped)
        compatible += comparison._within(reported, measured, spread)[0] == "compatible"
    assert compatible / 4_000 == pytest.approx(0.95, abs=0.0135)  # four standard errors


def test_how_many_seeds_halve_an_interval(library: Library) -> None:
    def words(runs: int, shipped: str = "") -> str:
        return str(comparison._within(60.0, 60.0, Spread(60.0, 1.0, runs, shipped))[1])

    assert "4.97 points; about 9 seeds" in words(3)
    assert prediction_margin(1.0, 9) < 4.97 / 2 < prediction_margin(1.0, 8)
    # The reported figure is of a single run: 1.96 standard deviations stay.
    assert "3.04 points; no number of seeds would halve it" in words(5)
    assert "(1.96 points with very many)" in words(5)
    assert "6.08 points; about 5 seeds of your own" in words(3, "CIFAR-10, JPEG")


def test_the_binomial_error_is_scipys() -> None:
    assert binomial_error(70.0, 10_000) == pytest.approx(0.458, abs=0.001)
    assert binomial_error(70.0, 10_000) == pytest.approx(
        100 * stats.binom.std(10_000, 0.7) / 10_000
    )


# --- against each other ----------------------------------------------------------------


def test_only_rows_that_differ(library: Library) -> None:
    a = make_run(library, "001", (20, 25, 30))
    b = make_run(library, "007", [40.0, 45.0], epochs=2)
    rows = {row.key: row.values for row in differing_rows([a, b])}
    assert rows["preset"] == ("001", "007")
    assert rows["optimizer"] == ("sgd", "adam")
    assert rows["gamma"] == (None, 0.2)
    assert rows["accuracy"] == (30.0, 45.0)
    assert rows["epochs_done"] == (3, 2)
    assert not {"learning_rate", "batch_size", "torch", "fingerprint", "status"} & rows.keys()
    assert differing_rows([a, a]) == []
    assert {row.key for row in differing_rows([a, a, b])} == rows.keys()


def test_flips_and_the_difference_of_the_matrices() -> None:
    first, second = make_predictions(60, seed=1), make_predictions(70, seed=2)
    flips = compare_predictions(first, second)
    assert flips.images == 10_000
    assert first.correct[flips.lost].all()
    assert not second.correct[flips.lost].any()
    assert second.correct[flips.won].all()
    assert not first.correct[flips.won].any()
    assert len(flips.won) - len(flips.lost) == 1_000
    assert flips.won_per_class.sum() == len(flips.won)
    assert np.array_equal(flips.lost_per_class, np.bincount(first.labels[flips.lost], minlength=10))
    assert flips.confusion.sum() == 0
    assert flips.confusion.trace() == 1_000
    assert "more than chance between these two weight files" in str(flips.sentence("A", "B"))
    same = compare_predictions(first, first)
    assert (len(same.lost), len(same.won), same.p) == (0, 0, 1.0)
    assert "chance alone can explain it" in str(same.sentence("A", "B"))


def test_several_pairs_are_corrected_and_say_so() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    tests = [make_predictions(70.0, images=2_000, seed=seed) for seed in range(8)]
    pairs = compare_pairs(tests)
    assert [(p.first, p.second) for p in pairs[:8]] == [*((0, i) for i in range(1, 8)), (1, 2)]
    assert [p.p for p in pairs] == holm([p.flips.p for p in pairs])
    sentence = str(pairs[0].sentence([f"run {i}" for i in range(8)]))
    assert "run 0 alone is right on" in sentence
    assert "corrected for 28 pairs by Holm" in sentence


def test_one_pair_in_many_is_no_find_by_itself() -> None:
    first = make_predictions(70.0, images=2_000)
    flips = replace(compare_predictions(first, first), p=0.02)
    assert "more than chance" in str(flips.sentence("A", "B"))
    assert "chance alone can explain it" in str(flips.sentence("A", "B", 3, 0.06))


def test_different_images_are_not_compared() -> None:
    first = make_predictions(60)
    other = Predictions(first.logits, np.roll(first.labels, 1), first.classes)
    with pytest.raises(WorkbenchError, match="different images"):
        compare_predictions(first, other)


@pytest.mark.parametrize(
    ("lost", "won"), [(0, 0), (0, 1), (5, 5), (3, 11), (121, 59), (900, 1_000), (2_400, 2_600)]
)
def test_mcnemar_is_scipys_binomial_test(lost: int, won: int) -> None:
    expected = stats.binomtest(lost, lost + won, 0.5).pvalue if lost + won else 1.0
    assert mcnemar_exact(lost, won) == pytest.approx(expected, rel=1e-9)
    assert mcnemar_exact(won, lost) == mcnemar_exact(lost, won)


def test_mcnemar_of_ten_thousand_flips_one_way() -> None:
    assert mcnemar_exact(0, 10_000) == 0.0
