"""The results of a sweep: which runs count, which points are told apart, and what is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.library.made_runs import make_run
from workbench.analysis.sweep_runs import PRUNED
from workbench.analysis.sweeps import (
    SweepResults,
    ordered,
    point_table,
    sentences,
    sweep_results,
)
from workbench.engine import divergence
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, write_record
from workbench.library.sweeps import StoredSweep, SweepStore
from workbench.spec.experiment import with_changes
from workbench.spec.presets import find_preset
from workbench.spec.sweep import sweep_from
from workbench.spec.sweep_file import SweepFile


@pytest.fixture
def library(home: Any) -> Library:
    return Library()


def stored(library: Library, vary: dict[str, str], split: float = 0.1, **more: Any) -> StoredSweep:
    base = with_changes(find_preset("001").experiment, {"epochs": 1, "validation_share": split})
    sweep = sweep_from(base, vary, preset="001", title="Rates", **more)
    return SweepStore(library.path).add(SweepFile(sweep, dataset="sample"))


def run_at(
    library: Library, sweep: StoredSweep, point: int, seed: int, accuracy: float, **changes: Any
) -> RunRecord:
    """A run of one epoch with this accuracy on validation and one point less in its test."""
    experiment = sweep.sweep.experiment_at(sweep.sweep.points[point], seed)
    split = experiment.validation_share
    made = make_run(
        library,
        accuracies=[accuracy - 1],
        validation=[accuracy] if split else [],
        **{k: v for k, v in experiment.values().items() if k != "network"},
    )
    record = replace(made, sweep=sweep.id, point=point, **changes)
    write_record(record)
    return record


def results(library: Library, sweep: StoredSweep) -> SweepResults:
    return sweep_results(sweep, library.runs())


def said(found: SweepResults) -> str:
    return " ".join(map(str, sentences(found)))


def standings(found: SweepResults) -> list[str]:
    return [point.standing for point in found.points]


RATES = {"learning_rate": "0.001, 0.01, 0.1"}


def fill(library: Library, sweep: StoredSweep, rows: Sequence[Sequence[float]]) -> None:
    for point, row in enumerate(rows):
        for seed, accuracy in enumerate(row):
            run_at(library, sweep, point, seed, accuracy)


def test_points_are_ranked_and_what_cannot_be_told_from_the_best_is_said(
    library: Library,
) -> None:
    sweep = stored(library, RATES, seeds=3)
    fill(library, sweep, [(60.0, 60.4, 59.8), (40.0, 40.3, 39.9), (60.1, 59.7, 60.6)])
    found = results(library, sweep)
    assert found.best is not None
    assert found.best.values == {"learning_rate": 0.1}
    assert standings(found) == ["same", "worse", "best"]
    assert found.best.mean == pytest.approx(60.1333, abs=1e-3)
    assert found.best.deviation == pytest.approx(0.4509, abs=1e-3)
    assert found.best.test == pytest.approx(59.1333, abs=1e-2)
    assert found.is_complete
    assert "1 point is not distinguishable from the best one, 1 is worse" in said(found)
    assert "Holm for 3 pairs" in said(found)
    assert "Chosen on the test set" not in said(found)
    table = point_table(found)
    assert [row[0] for row in table] == ["point", 2, 0, 1]
    assert dict(zip(table[0], table[1], strict=True))["learning_rate"] == 0.1


def test_with_one_seed_nothing_can_be_told(library: Library) -> None:
    sweep = stored(library, RATES)
    fill(library, sweep, [(60.0,), (40.0,), (20.0,)])
    found = results(library, sweep)
    assert standings(found) == ["best", "one seed", "one seed"]
    assert "cannot be told" in said(found)


def test_chosen_on_the_test_set_says_so(library: Library) -> None:
    sweep = stored(library, RATES, split=0.0)
    fill(library, sweep, [(60.0,), (40.0,)])
    found = results(library, sweep)
    assert found.points[0].scores == (59.0,)
    assert "Chosen on the test set" in said(found)
    assert [point.standing for point in ordered(found)] == ["best", "one seed", "open"]
    assert not found.is_complete


def test_repeats_are_a_sweep_of_the_seed(library: Library) -> None:
    sweep = stored(library, {}, seeds=3, split=0.0)
    fill(library, sweep, [(60.0, 61.0, 62.0)])
    found = results(library, sweep)
    assert found.best is not None
    assert (found.best.mean, found.best.deviation) == (60.0, 1.0)
    assert said(found) == ""


def test_what_diverged_or_was_ended_early_has_its_place(library: Library) -> None:
    sweep = stored(library, RATES, seeds=2, prune="none")
    reason = {"template": divergence.LOSS, "values": {}}
    fill(library, sweep, [(60.0, 60.2)])
    run_at(library, sweep, 1, 0, 80.0)
    run_at(library, sweep, 1, 1, 80.0, status="failed", reason_parts=reason)
    early = {"template": PRUNED["median"], "values": {}}
    run_at(library, sweep, 2, 0, 90.0, status="stopped", reason_parts=early)
    found = results(library, sweep)
    assert found.best is not None
    assert found.best.number == 0
    assert standings(found) == ["best", "one seed", "pruned"]
    assert "1 run diverged" in said(found)
    assert "1 run was ended early" in said(found)
    assert found.is_complete


def test_runs_of_other_points_sweeps_and_values_do_not_count(library: Library) -> None:
    sweep = stored(library, RATES)
    fill(library, sweep, [(60.0,)])
    other = run_at(library, sweep, 1, 0, 99.0)
    write_record(replace(other, sweep="another"))
    odd = run_at(library, sweep, 1, 0, 99.0)
    write_record(replace(odd, point=2))
    failed = run_at(library, sweep, 0, 0, 60.0, status="failed", reason="disk")
    found = results(library, sweep)
    assert [len(point.runs) for point in found.points] == [1, 0, 0]
    assert found.points[0].runs[0].id != failed.id
    assert found.settled == 1


def test_five_hundred_points_are_put_together_in_time(library: Library) -> None:
    sweep = stored(library, {"learning_rate": "0.001..0.1:log"}, trials=100, seeds=5)
    first = run_at(library, sweep, 0, 0, 60.0)
    records = [
        replace(
            first,
            id=f"r{point}-{seed}",
            point=point,
            experiment={**first.experiment, **sweep.sweep.points[point], "seed": seed},
            best_validation_accuracy=50 + 0.1 * point + seed,
        )
        for point in range(100)
        for seed in range(5)
    ]
    found = sweep_results(sweep, records)
    assert (found.settled, found.is_complete) == (500, True)
    assert found.best is not None
    assert found.best.number == 99
    assert found.importance().shares[0].name == "learning_rate"
