"""What a sweep came to: a row for each point, which points cannot be told from the best one, and
what is to be said of how it was chosen.

Every difference stands beside the noise of the seeds. With several seeds a point is compared with
the best one by Welch's t test, corrected by Holm for all pairs of points
(:mod:`workbench.analysis.welch`); with one seed nothing can be told.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from workbench.analysis.importance import Importance, importance
from workbench.analysis.sweep_runs import FINAL, outcome, runs_of, score, values_of
from workbench.analysis.welch import LEVEL, compare_with_best
from workbench.library.queue_entry import Entry
from workbench.library.run_folder import RunRecord
from workbench.library.sweeps import StoredSweep
from workbench.messages import Count, Message
from workbench.spec.sweep import Sweep

Standing = Literal["best", "same", "worse", "one seed", "diverged", "pruned", "open"]

STANDINGS: Mapping[Standing, str] = {
    "best": "best",
    "same": "not distinguishable from the best",
    "worse": "worse than the best",
    "one seed": "one seed: cannot be told",
    "diverged": "diverged",
    "pruned": "ended early",
    "open": "no result yet",
}
"""How a point stands, in words."""


@dataclass(frozen=True)
class PointResult:
    """One point of a sweep.

    Args:
        number: of the point, from 0.
        values: of the varied fields that have an effect there.
        runs: those that there are, in the order of the seeds.
        scores: accuracy in percent of each run that was trained to its end, as
            :func:`~workbench.analysis.sweep_runs.score`.
        expected: runs that it is to have.
        test: mean of the final test accuracies in percent; ``None`` without one.
        p: of the difference from the best point, corrected; ``None`` where it was not tested.
    """

    number: int
    values: Mapping[str, Any]
    runs: tuple[RunRecord, ...]
    scores: tuple[float, ...]
    expected: int
    test: float | None = None
    standing: Standing = "open"
    p: float | None = None

    @property
    def mean(self) -> float | None:
        """Mean of the scores in percent."""
        return statistics.fmean(self.scores) if self.scores else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation of the scores in points; ``None`` for fewer than two."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None

    def count(self, *outcomes: str) -> int:
        """Return how many of its runs came to one of ``outcomes``."""
        return sum(outcome(run) in outcomes for run in self.runs)

    @property
    def is_settled(self) -> bool:
        """Return whether nothing more is to be run of it."""
        return self.count("pruned") > 0 or self.count(*FINAL) >= self.expected


@dataclass(frozen=True)
class SweepResults:
    """All points of a sweep by number, and the numbers of those with a result from the best on.
    ``total`` counts the runs that it is to have."""

    stored: StoredSweep
    points: tuple[PointResult, ...]
    ranking: tuple[int, ...]
    total: int

    @property
    def sweep(self) -> Sweep:
        return self.stored.sweep

    @property
    def best(self) -> PointResult | None:
        """The point with the highest mean; one that diverged with a seed only where all did."""
        return self.points[self.ranking[0]] if self.ranking else None

    @property
    def settled(self) -> int:
        """Runs that stand, and runs of points that were ended early."""
        return sum(
            point.expected if point.is_settled else point.count(*FINAL) for point in self.points
        )

    @property
    def is_complete(self) -> bool:
        """Return whether nothing more is to be run."""
        return self.settled >= self.total

    @property
    def on_sample(self) -> bool:
        """Return whether its runs are on the sample, where figures say nothing of CIFAR-10."""
        run = next((run for point in self.points for run in point.runs), None)
        return run is not None and run.data.get("kind") == "sample"

    def importance(self) -> Importance:
        """Return what explains the means of the points, where that means something."""
        rated = [self.points[number] for number in self.ranking]
        spreads = [(p.deviation**2, len(p.scores)) for p in rated if p.deviation is not None]
        noise = None
        if spreads:
            freedom = sum(n - 1 for _, n in spreads)
            pooled = sum(variance * (n - 1) for variance, n in spreads) / freedom
            noise = pooled * statistics.fmean(1 / len(p.scores) for p in rated)
        means = [point.mean or 0.0 for point in rated]
        return importance(list(self.sweep.vary), [p.values for p in rated], means, noise)


def sweep_results(
    stored: StoredSweep, records: Iterable[RunRecord], entries: Iterable[Entry] = ()
) -> SweepResults:
    """Put together what is known of a sweep.

    Args:
        records: of the library; runs of other sweeps are left out.
        entries: of the queue; those of other sweeps are left out. They say which points an
            adaptive sweep has proposed.
    """
    sweep = stored.sweep
    runs = runs_of(stored, records)
    values = dict(enumerate(sweep.points))
    if sweep.adaptive:
        for entry in entries:
            if entry.sweep == stored.id and entry.point is not None:
                values[entry.point] = values_of(sweep, entry.experiment)
        for (number, _), run in runs.items():
            values[number] = values_of(sweep, run.experiment)
        values = {number: values[number] for number in sorted(values) if number < sweep.size}
    points = [_point(sweep, number, values[number], runs) for number in values]
    places = {point.number: place for place, point in enumerate(points)}
    return _compared(stored, points, places)


def _point(
    sweep: Sweep,
    number: int,
    values: Mapping[str, Any],
    runs: Mapping[tuple[int, int], RunRecord],
) -> PointResult:
    own = tuple(runs[number, seed] for seed in sweep.seeds if (number, seed) in runs)
    done = [run for run in own if outcome(run) == "done"]
    scores = [value for run in done if (value := score(sweep, run)) is not None]
    tests = [run.accuracy for run in done if run.accuracy is not None]
    return PointResult(
        number,
        values,
        own,
        tuple(scores),
        len(sweep.seeds),
        statistics.fmean(tests) if tests else None,
    )


def _compared(
    stored: StoredSweep, points: list[PointResult], places: Mapping[int, int]
) -> SweepResults:
    sweep = stored.sweep
    rated = [p for p in points if p.scores and not p.count("pruned")]
    rated.sort(key=lambda p: (p.count("diverged") > 0, -(p.mean or 0.0), p.number))
    best = rated[0] if rated else None
    tested = [p for p in rated if len(p.scores) > 1]
    ps: dict[int, float] = {}
    if best is not None and best in tested and len(tested) > 1:
        step = 100.0 / max(_images(sweep, best.runs[0]), 1)
        found = compare_with_best([p.scores for p in tested], tested.index(best), step)
        ps = {point.number: p for point, p in zip(tested, found, strict=True)}
    compared = []
    for point in points:
        p = ps.get(point.number) if point is not best else None
        standing: Standing = "open"
        if point is best:
            standing = "best"
        elif p is not None:
            standing = "same" if p >= LEVEL else "worse"
        elif point in rated:
            standing = "one seed"
        elif point.count("pruned"):
            standing = "pruned"
        elif point.count("diverged"):
            standing = "diverged"
        compared.append(replace(point, standing=standing, p=p))
    total = sweep.runs
    return SweepResults(
        stored, tuple(compared), tuple(places[point.number] for point in rated), total
    )


def _images(sweep: Sweep, run: RunRecord) -> int:
    """The images by which an accuracy is measured."""
    if sweep.chosen_on == "test":
        return int(run.data.get("test_images") or 0)
    share = float(run.experiment.get("validation_share") or 0.0)
    return round(share * int(run.data.get("train_images") or 0))


# --- in words --------------------------------------------------------------------------

CHOSEN_ON_TEST = Message(
    "Chosen on the test set: there is no validation split, and the best of several accuracies on "
    "the same test images is higher than it would be on new ones. Set a validation share."
)
ONE_SEED = Message(
    "One run for each point: whether the best one is better, or only had a luckier seed, cannot be "
    "told. Take several seeds for each point."
)
NO_RESULT = Message("No point has a result yet.")
TEMPLATES = tuple(STANDINGS.values())
"""Words that are not written where they are said, for the translators."""


def sentences(results: SweepResults) -> list[Message]:
    """Return what is to be said of the results, the most important first."""
    said: list[Message] = []
    best, sweep = results.best, results.sweep
    if best is None:
        return [NO_RESULT]
    rated = [results.points[place] for place in results.ranking]
    tested = [point for point in rated if len(point.scores) > 1]
    if best not in tested:
        if len(rated) > 1:
            said.append(ONE_SEED)
    elif len(rated) > 1:
        same = sum(point.standing == "same" for point in rated)
        values = {
            "same": Count(same),
            "worse": Count(sum(point.standing == "worse" for point in rated)),
            "pairs": Count(len(tested) * (len(tested) - 1) // 2),
        }
        said.append(
            Message(
                "{same:point is|points are} not distinguishable from the best one, {worse:is|are} "
                "worse (Welch's t test at 5%, corrected by Holm for {pairs:pair|pairs} of points). "
                "With more seeds smaller differences can be told.",
                **values,
            )
        )
    diverged = sum(point.count("diverged") for point in results.points)
    if diverged:
        said.append(
            Message(
                "{count:run|runs} diverged; a point with such a run stands after all others.",
                count=Count(diverged),
            )
        )
    pruned = sum(point.count("pruned") for point in results.points)
    if pruned:
        said.append(
            Message(
                "{count:run was|runs were} ended early; a point with such a run is not ranked.",
                count=Count(pruned),
            )
        )
    if sweep.vary and sweep.chosen_on == "test":
        said.append(CHOSEN_ON_TEST)
    if results.on_sample:
        said.append(Message("On the sample: this says nothing about CIFAR-10."))
    return said


def score_name(sweep: Sweep) -> Message:
    """Return what the scores of a sweep are called."""
    if sweep.chosen_on == "validation":
        return Message("Validation accuracy")
    return Message("Test accuracy")


def point_table(results: SweepResults) -> list[list[Any]]:
    """Return a table for scripts and spreadsheets: a header, and a row for each point, the best
    first, those without a result last."""
    sweep = results.sweep
    header = ["point", *sweep.vary, "mean", "deviation", "runs", "of", "test_accuracy"]
    header += ["standing", "p_holm", "chosen_on", "run_ids"]
    rows: list[list[Any]] = [header]
    for point in ordered(results):
        rows.append(
            [
                point.number,
                *(point.values.get(name) for name in sweep.vary),
                point.mean,
                point.deviation,
                len(point.scores),
                point.expected,
                point.test,
                point.standing,
                point.p,
                sweep.chosen_on,
                " ".join(run.id for run in point.runs),
            ]
        )
    return rows


def ordered(results: SweepResults) -> Sequence[PointResult]:
    """Return the points, the best first, those without a rank after them by number."""
    rated = set(results.ranking)
    others = [p for place, p in enumerate(results.points) if place not in rated]
    return [*(results.points[place] for place in results.ranking), *others]
