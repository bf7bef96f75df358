"""A sweep: one experiment run many times, with other values of some hyperparameters.

:func:`sweep_from` makes one and names everything that is wrong with it; its points are computed
from it alone, so that they are the same whenever they are asked for. Knows neither torch nor Qt.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
import types
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Literal

from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.spec.experiment import (
    HYPERPARAMETERS,
    Experiment,
    ExperimentError,
    needs,
    no_effect,
    unmet,
    with_changes,
)
from workbench.spec.ways import Range, Values, Way, WayError, parse_way

Method = Literal["grid", "random", "tpe"]
Prune = Literal["none", "median", "hyperband"]

METHODS: Mapping[str, str] = types.MappingProxyType(
    {
        "grid": "Every combination",
        "random": "Random points",
        "tpe": "Adaptive (TPE)",
    }
)
"""How points are chosen, and what the form calls it."""

PRUNERS: Mapping[str, str] = types.MappingProxyType(
    {
        "none": "No run",
        "median": "Runs below the median",
        "hyperband": "Runs that lose (Hyperband)",
    }
)
"""Which runs are ended before their last epoch, and what the form calls it."""

MANY_POINTS = 10_000
"""Points that a sweep has at most where nobody said that more are meant."""

MOST_POINTS = 100_000
"""Points that a sweep has at most."""

MOST_SEEDS = 100
DEFAULT_TRIALS = 20

_Problems = list[tuple[str, Message]]


class SweepError(WorkbenchError):
    """Everything that is wrong with a sweep. ``problems``: pairs of the field (or ``method``,
    ``trials``, ``seeds``, ``prune``, ``points``) and its sentence; ``str()`` is the first
    sentence."""

    def __init__(self, problems: Sequence[tuple[str, Message]]) -> None:
        self.problems = list(dict.fromkeys(problems))
        super().__init__(self.problems[0][1])


@dataclass(frozen=True)
class Sweep:
    """What to run. Data and device are choices of whoever runs it.

    Args:
        title: what it is called.
        preset: id of the preset that ``experiment`` came from; ``None`` for none.
        experiment: what does not vary.
        vary: by field, in the declared order, how it varies; may be empty: then only the seed does.
        method: how points are chosen.
        trials: number of points; ``None`` for a grid, which has as many as it has.
        seeds: those of the runs of each point.
        prune: which runs end early.
        seed: of the choice of points.
    """

    title: str
    preset: str | None
    experiment: Experiment
    vary: Mapping[str, Way]
    method: Method = "grid"
    trials: int | None = None
    seeds: tuple[int, ...] = (0,)
    prune: Prune = "none"
    seed: int = 0

    @property
    def size(self) -> int:
        """Number of points."""
        return len(self.points) if self.method == "grid" else self.trials or 0

    @property
    def runs(self) -> int:
        """Number of runs, each point with each seed."""
        return self.size * len(self.seeds)

    @property
    def adaptive(self) -> bool:
        """Return whether a point depends on the results of those before it."""
        return self.method == "tpe"

    @property
    def chosen_on(self) -> Literal["validation", "test"]:
        """The split whose accuracy ranks the points: the test set where a run has no validation
        split, which makes the best figure optimistic."""
        return "test" if 0.0 in self.possible("validation_share") else "validation"

    def possible(self, name: str) -> tuple[Any, ...]:
        """Return the values that the field ``name`` takes in this sweep; of a range, its ends."""
        way = self.vary.get(name)
        return (getattr(self.experiment, name),) if way is None else way.ends()

    @functools.cached_property
    def points(self) -> tuple[dict[str, Any], ...]:
        """The values of the varied fields, by point; without those that have no effect there.
        Empty for an adaptive sweep, whose points :mod:`workbench.running.sweep_sampler` proposes.
        """
        if self.method == "grid":
            return tuple(itertools.islice(_combinations(self, grid=True), MOST_POINTS + 1))
        if self.method == "random":
            return tuple(_random_points(self))
        return ()

    def experiment_at(self, values: Mapping[str, Any], seed: int) -> Experiment:
        """Return the experiment of the point with ``values``. Raises :class:`ExperimentError`."""
        return with_changes(self.experiment, {**values, "seed": seed})


def leaders_first(vary: Mapping[str, Way]) -> list[str]:
    """Return the varied fields so that each comes after those that it depends on."""
    ordered: list[str] = []

    def place(name: str) -> None:
        for leader in needs(name):
            if leader in vary and leader not in ordered:
                place(leader)
        if name not in ordered:
            ordered.append(name)

    for name in vary:
        place(name)
    return ordered


def has_effect(sweep: Sweep, name: str, chosen: Mapping[str, Any]) -> bool:
    """True where ``name`` changes something beside the base experiment with ``chosen``."""
    return unmet(name, {**sweep.experiment.model_dump(), **chosen}) is None


def _combinations(sweep: Sweep, grid: bool) -> Iterator[dict[str, Any]]:
    """Every combination, each once: a field without effect is left out of its point."""
    names = leaders_first(sweep.vary)
    values = {
        name: way.grid() if grid else way.all_values() or () for name, way in sweep.vary.items()
    }

    def below(level: int, chosen: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if level == len(names):
            yield dict(chosen)
            return
        name = names[level]
        if not has_effect(sweep, name, chosen):
            yield from below(level + 1, chosen)
            return
        for value in values[name]:
            yield from below(level + 1, {**chosen, name: value})

    yield from below(0, {})


def _random_points(sweep: Sweep) -> Iterator[dict[str, Any]]:
    trials = sweep.trials or 0
    every = finite_points(sweep)
    if every is not None:
        # Of a few combinations none is tried twice.
        yield from random.Random(sweep.seed).sample(every, min(trials, len(every)))
        return
    names = leaders_first(sweep.vary)
    for number in range(trials):
        # By its own number, so that a point does not depend on those before it.
        source = random.Random(f"{sweep.seed}/{number}")
        chosen: dict[str, Any] = {}
        for name in names:
            value = sweep.vary[name].draw(source)
            if has_effect(sweep, name, chosen):
                chosen[name] = value
        yield chosen


def finite_points(sweep: Sweep) -> list[dict[str, Any]] | None:
    """Return every possible point where there are few enough to list, else ``None``."""
    sizes = [len(way.all_values() or ()) for way in sweep.vary.values()]
    if not all(sizes) or math.prod(sizes) > MOST_POINTS:
        return None
    return list(_combinations(sweep, grid=False))


# --- made and checked ------------------------------------------------------------------


def sweep_from(
    experiment: Experiment,
    vary: Mapping[str, str | Sequence[object]],
    *,
    method: str | None = None,
    trials: int | None = None,
    seeds: int | None = None,
    prune: str = "none",
    seed: int = 0,
    preset: str | None = None,
    title: str = "",
    many: bool = False,
    checked: bool = False,
) -> Sweep:
    """Make the sweep that varies the fields of ``vary``, each as :func:`parse_way` reads it.

    Args:
        method: ``None`` takes a grid where every field has a list or a counted range and no
            number of points is given, else random points.
        trials: number of points of a random or adaptive sweep; ``None`` takes
            :data:`DEFAULT_TRIALS`, or all where there are fewer.
        seeds: runs of each point, with seeds from the experiment's own on; ``None`` is 1. A varied
            ``seed`` lists them instead.
        many: more than :data:`MANY_POINTS` points are meant.
        checked: values were looked at beside each other before, which takes half a second for many
            fields; whoever makes an experiment of a point hears of those that do not agree.

    Raises :class:`SweepError`, which names all that is wrong.
    """
    problems: _Problems = []
    ways: dict[str, Way] = {}
    for name, text in vary.items():
        try:
            ways[name] = parse_way(name, text)
        except WayError as error:
            problems += [(name, message) for message in error.problems]
    run_seeds = _seeds(experiment, ways, vary, seeds, problems)
    ways = {name: ways[name] for name in HYPERPARAMETERS if name in ways}
    gridded = all(isinstance(way, Values) or way.count for way in ways.values())
    if method is None:
        method = "grid" if gridded and trials is None else "random"
    for name, value, known in (("method", method, METHODS), ("prune", prune, PRUNERS)):
        if value not in known:
            message = Message(
                "{field}: must be one of {choices} (it is {value}).",
                field=name,
                choices=", ".join(known),
                value=shortened(value),
            )
            problems.append((name, message))
    if {"method", "prune"} & {name for name, _ in problems}:
        raise SweepError(problems)
    made = Sweep(
        title=title,
        preset=preset,
        experiment=experiment,
        vary=types.MappingProxyType(ways),
        method=method,  # type: ignore[arg-type]
        trials=trials,
        seeds=run_seeds,
        prune=prune,  # type: ignore[arg-type]
        seed=seed,
    )
    _check_effect(made, vary.keys() - ways.keys(), problems)
    _check_validation(made, problems)
    if not problems and not checked:
        _check_agreement(made, problems)
    if not problems:
        made = _with_size(made, many, problems)
    if problems:
        raise SweepError(problems)
    return made


def _seeds(
    experiment: Experiment,
    ways: dict[str, Way],
    vary: Mapping[str, Any],
    count: int | None,
    problems: _Problems,
) -> tuple[int, ...]:
    """The seeds of the runs of each point; a varied ``seed`` is taken out of ``ways``."""
    if "seed" in vary:
        way = ways.pop("seed", None)
        if count is not None:
            message = Message(
                "{field}: the seed is varied already; leave out how many.", field="seeds"
            )
            problems.append(("seeds", message))
        if way is None:
            return (experiment.seed,)
        values = (way.grid() if isinstance(way, Range) and way.count else way.all_values()) or ()
        if not 2 <= len(values) <= MOST_SEEDS:
            problems.append(("seed", _seeds_problem(len(values) or "…")))
        return tuple(values) or (experiment.seed,)
    count = 1 if count is None else count
    if not 1 <= count <= MOST_SEEDS:
        problems.append(("seeds", _seeds_problem(count)))
        return (experiment.seed,)
    last = experiment.seed + count - 1
    try:
        with_changes(experiment, {"seed": last})
    except ExperimentError as error:
        problems.append(("seeds", error.message))
    return tuple(range(experiment.seed, last + 1))


def _seeds_problem(count: object) -> Message:
    return Message(
        "{field}: must be from 1 to {most} (it is {value}).",
        field="seeds",
        most=MOST_SEEDS,
        value=shortened(count),
    )


def _check_effect(sweep: Sweep, unread: Set[str], problems: _Problems) -> None:
    """Names the fields that change nothing at any point, as far as the others could be read."""
    for name in sweep.vary:
        for other, needed in needs(name).items():
            if other not in unread and not any(v in needed for v in sweep.possible(other)):
                problems.append((name, no_effect(sweep.experiment, name)))
                break
    if not sweep.vary and len(sweep.seeds) < 2 and not problems:
        problems.append(
            ("points", Message("Nothing varies: vary a hyperparameter, or take several seeds."))
        )


def _check_validation(sweep: Sweep, problems: _Problems) -> None:
    """Adaptive choice and pruning look at accuracies again and again: that is what the validation
    split is for."""
    for name, used in (("method", sweep.adaptive), ("prune", sweep.prune != "none")):
        if used and sweep.chosen_on == "test":
            problems.append((name, _NO_SPLIT[name]))
    if sweep.adaptive and not sweep.vary and not problems:
        message = Message(
            "{field}: there is nothing to choose where only the seed varies.", field="method"
        )
        problems.append(("method", message))
    if sweep.prune != "none" and max(sweep.possible("epochs")) < 2:
        message = Message(
            "{field}: a run of one epoch has no epoch to be ended before.", field="prune"
        )
        problems.append(("prune", message))


_NO_SPLIT = {
    "method": Message(
        "{field}: an adaptive sweep goes after accuracies, and without a validation split those "
        "would be the test set's, which then no longer says how good the best run is on new "
        "images; set validation_share, for example to 0.1.",
        field="method",
    ),
    "prune": Message(
        "{field}: ending runs early goes by accuracies, and without a validation split those would "
        "be the test set's, which then no longer says how good the best run is on new images; set "
        "validation_share, for example to 0.1.",
        field="prune",
    ),
}


def _check_agreement(sweep: Sweep, problems: _Problems) -> None:
    """Names values that do not go together (batch norm with a batch of one image): each value
    beside the first of every other field, and each pair."""
    ways = sweep.vary
    first = {name: way.ends()[0] for name, way in ways.items()}
    for one, other in itertools.combinations_with_replacement(ways, 2):
        for value, beside in itertools.islice(
            itertools.product(ways[one].ends(), ways[other].ends()), MANY_POINTS
        ):
            chosen: dict[str, Any] = {}
            for name in leaders_first(ways):
                if has_effect(sweep, name, chosen):
                    chosen[name] = {**first, other: beside, one: value}[name]
            try:
                sweep.experiment_at(chosen, sweep.seeds[0])
            except ExperimentError as error:
                problems += list(error.problems.items())


def _with_size(sweep: Sweep, many: bool, problems: _Problems) -> Sweep:
    """``sweep`` with its number of points, where it has one that can be."""
    if sweep.method == "grid":
        if sweep.trials is not None:
            problems.append(
                (
                    "trials",
                    Message(
                        "{field}: a grid tries every combination; leave the number of points out, "
                        "or choose random points.",
                        field="trials",
                    ),
                )
            )
        for name, way in sweep.vary.items():
            if isinstance(way, Range) and way.count is None:
                problems.append(
                    (
                        name,
                        Message(
                            "{field}: a grid needs to know how many values of a range; write "
                            "{example}, or choose random points.",
                            field=name,
                            example=str(Range(way.low, way.high, way.log, 5)),
                        ),
                    )
                )
        if problems:
            return sweep
        size = math.prod(len(way.grid()) for way in sweep.vary.values())
        # Fields that have an effect at some points only make fewer.
        size = size if size > MOST_POINTS else sweep.size
    else:
        every = finite_points(sweep)
        size = DEFAULT_TRIALS if sweep.trials is None else sweep.trials
        if every is not None and sweep.trials is None:
            size = min(size, len(every))
        if size < 1 or (every is not None and size > len(every) and not sweep.adaptive):
            most = MOST_POINTS if every is None else len(every)
            message = Message(
                "{field}: must be from 1 to {most} (it is {value}).",
                field="trials",
                most=f"{most:,}",
                value=size,
            )
            problems.append(("trials", message))
        sweep = replace(sweep, trials=size)
    if size > (MOST_POINTS if many else MANY_POINTS):
        message = Message(
            "The sweep has {count} points; at most {most} are possible."
            if many
            else "The sweep has {count} points, more than {most}; vary less, or take random "
            "points.",
            count=f"{size:,}",
            most=f"{MOST_POINTS if many else MANY_POINTS:,}",
        )
        problems.append(("points", message))
    return sweep
