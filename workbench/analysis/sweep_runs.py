"""Which run of a library stands for which point and seed of a sweep, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from workbench.engine import divergence
from workbench.library.run_folder import RunRecord
from workbench.library.sweeps import StoredSweep
from workbench.spec.sweep import Sweep

PRUNED: Mapping[str, str] = {
    "median": "Ended early by the sweep after epoch {epoch}: below the median of the other runs.",
    "hyperband": "Ended early by the sweep after epoch {epoch}: not among the better runs of its "
    "bracket (Hyperband).",
}
"""Why a sweep ended a run early, by how it prunes; its record is known by it."""

Outcome = Literal["done", "pruned", "diverged", "running", "interrupted", "stopped", "failed"]

FINAL: tuple[Outcome, ...] = ("done", "pruned", "diverged")
"""Outcomes of runs that stand: they are not run again when a sweep is resumed."""

_BETTER: tuple[Outcome, ...] = (*FINAL, "running", "interrupted", "stopped", "failed")


def outcome(run: RunRecord) -> Outcome:
    """Return what came of a run of a sweep."""
    template = (run.reason_parts or {}).get("template")
    if run.status == "finished":
        return "done"
    if run.status == "stopped" and template in PRUNED.values():
        return "pruned"
    if run.status == "failed" and template in divergence.TEMPLATES:
        return "diverged"
    return run.status


def score(sweep: Sweep, run: RunRecord) -> float | None:
    """Return the accuracy in percent by which ``run`` is ranked: on the validation split after its
    best epoch, or of the final test where the sweep has no split; ``None`` while there is none."""
    if sweep.chosen_on == "validation":
        return run.best_validation_accuracy
    return run.accuracy if run.status == "finished" else None


def runs_of(stored: StoredSweep, records: Iterable[RunRecord]) -> dict[tuple[int, int], RunRecord]:
    """Return the runs of a sweep by point and seed; of several the one that came furthest, then
    the newest. A run whose varied values are not those of its point is none of it."""
    sweep, found = stored.sweep, {}
    ordered = sorted(
        (run for run in records if run.sweep == stored.id and run.point is not None),
        key=lambda run: (-_BETTER.index(outcome(run)), run.created, run.id),
    )
    for run in ordered:
        number, seed = run.point, run.experiment.get("seed", 0)
        if number is None or seed not in sweep.seeds:
            continue
        if sweep.points and not _is_at(sweep, number, run.experiment):
            continue
        found[number, seed] = run
    return found


def _is_at(sweep: Sweep, number: int, experiment: Mapping[str, Any]) -> bool:
    if number >= len(sweep.points):
        return False
    return all(experiment.get(name) == value for name, value in sweep.points[number].items())


def values_of(sweep: Sweep, experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the varied values of a run's experiment."""
    return {name: experiment[name] for name in sweep.vary if name in experiment}
