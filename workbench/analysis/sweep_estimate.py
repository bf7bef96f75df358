"""How long a sweep will take, from the speed of its points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.analysis.estimate import estimate, speed_of
from workbench.data.data_choice import DataChoice
from workbench.engine.step_times import Timing
from workbench.library.run_folder import RunRecord
from workbench.spec.experiment import Experiment, ExperimentError
from workbench.spec.sweep import Sweep

LOOKED_AT = 24
"""Points whose speed is looked at; the others are taken to be like them."""

GAIN = 1.2
"""How much faster several workers are in sum than one run on all cores (two cores, measured)."""


@dataclass(frozen=True)
class SweepEstimate:
    """``runs`` in all, ``workers`` at a time, and ``seconds`` in all; ``None`` where nothing is
    known. ``at_most``: runs may be ended early."""

    runs: int
    workers: int
    seconds: float | None
    at_most: bool = False


def sampled_experiments(sweep: Sweep) -> list[Experiment]:
    """Return experiments of the sweep from its whole width; of an adaptive one, whose points are
    not known yet, the one that nothing was varied in."""
    points = sweep.points
    if not points:
        return [sweep.experiment]
    step = max(1, len(points) // LOOKED_AT)
    made = []
    for values in points[::step][:LOOKED_AT]:
        try:
            made.append(sweep.experiment_at(values, sweep.seeds[0]))
        except ExperimentError:
            continue
    return made


def sweep_estimate(
    sweep: Sweep,
    data: DataChoice,
    device: str,
    records: Iterable[RunRecord],
    library: Path,
    workers: int,
    *,
    images: tuple[int, int] | None = None,
    timings: Mapping[tuple[object, ...], Timing] | None = None,
) -> SweepEstimate:
    """Estimate a sweep; the arguments are those of :func:`estimate`, ``timings`` by
    :func:`speed_of` what was timed."""
    known = list(records)
    timings = timings or {}
    seconds: list[float] = []
    by_kind: dict[tuple[object, ...], float | None] = {}
    for experiment in sampled_experiments(sweep):
        values = experiment.values()
        speed = speed_of(values)
        kind = (speed, experiment.epochs, experiment.validation_share)
        if kind not in by_kind:
            timing = timings.get(speed)
            by_kind[kind] = estimate(
                experiment, data, device, known, library, images=images, timing=timing
            ).seconds
        if (found := by_kind[kind]) is not None:
            seconds.append(found)
    total = None
    if seconds:
        total = sum(seconds) / len(seconds) * sweep.runs
        total /= GAIN if min(workers, sweep.runs) > 1 else 1
    at_most = sweep.prune != "none" or 0 not in sweep.possible("early_stopping")
    return SweepEstimate(sweep.runs, min(workers, sweep.runs), total, at_most)
