"""Runs that differ in nothing but their seed, and how far they lie apart."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.experiment import experiment_from

FEWEST_REPEATS = 3
"""Seeds that a spread needs."""


WANTED_REPEATS = 5
"""Seeds that are asked for. The interval of three misses a shift of five standard deviations in
38% of the cases, that of five in 8% (``tests/reproduction/verdict_levels.py``)."""


def same_group(a: RunRecord, b: RunRecord) -> bool:
    """Return whether two runs are repeats of one experiment: all but the seed the same, on the same
    data."""
    return _without_seed(a) == _without_seed(b) and data_fingerprint(a) == data_fingerprint(b) != ""


def group_of(record: RunRecord, records: Iterable[RunRecord]) -> list[RunRecord]:
    """``record`` and its repeats among ``records``, by seed: of each other seed the run that was
    trained longest, of several the newest. Runs without a finished epoch are left out."""
    best: dict[int, RunRecord] = {}
    for run in sorted([*records, record], key=lambda run: (run.epochs_done, run.created)):
        if run.epochs_done and same_group(record, run):
            best[run.experiment.get("seed", 0)] = run
    own = record.experiment.get("seed", 0)
    if own in best:
        best[own] = record
    return [best[seed] for seed in sorted(best)]


def _without_seed(record: RunRecord) -> dict[str, Any]:
    return {name: value for name, value in effective_values(record).items() if name != "seed"}


def data_fingerprint(record: RunRecord) -> str:
    return str(record.data.get("fingerprint") or "")


@dataclass(frozen=True)
class Spread:
    """Test accuracies of ``runs`` runs that differ in their seed, in percent. ``deviation`` is
    the sample standard deviation (n - 1). ``shipped_data``: on what they were measured, where they
    ship with the program; empty for the person's own."""

    mean: float
    deviation: float
    runs: int
    shipped_data: str = ""

    @property
    def shipped(self) -> bool:
        return bool(self.shipped_data)


def spread_of(values: Sequence[float], shipped_data: str = "") -> Spread | None:
    """The spread of accuracies in percent; ``None`` for fewer than :data:`FEWEST_REPEATS`."""
    if len(values) < FEWEST_REPEATS:
        return None
    return Spread(statistics.fmean(values), statistics.stdev(values), len(values), shipped_data)


def effective_values(record: RunRecord) -> dict[str, Any]:
    try:
        return experiment_from(record.experiment).values()
    except WorkbenchError:  # of a newer program: what it says, as it stands
        return record.experiment
