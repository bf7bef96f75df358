"""What a sweep came to, in rows for the window's tables and in words."""

from __future__ import annotations

from typing import Any

from workbench.analysis.importance import Importance
from workbench.analysis.sweeps import (
    STANDINGS,
    PointResult,
    SweepResults,
    ordered,
    score_name,
)
from workbench.library.sweeps import StoredSweep
from workbench.spec.experiment import HYPERPARAMETERS
from workbench.window.kit.figure_table import Cell
from workbench.window.kit.hyperparameter_text import number_text, value_text
from workbench.window.kit.translation import say, tr

Rows = tuple[list[str], list[list[Cell]]]
"""A header, and the rows below it."""


def point_rows(results: SweepResults) -> Rows:
    """Return the points, the best first; numbered from 1."""
    sweep = results.sweep
    with_test = sweep.chosen_on == "validation"
    header = [tr("Point"), *labels_of(results.stored), say(score_name(sweep)), tr("± (seeds)")]
    header += [tr("Runs"), *[tr("Test accuracy")] * with_test, tr("Against the best")]
    points = list(ordered(results))
    means = [point.mean for point in points if point.mean is not None]
    low, high = (min(means), max(means)) if means else (0.0, 1.0)
    rows = []
    # One seed cannot tell that the first is better: it is not marked as if it could.
    is_told = any(point.standing in ("same", "worse") for point in points)
    best_role = "best" if is_told else ""
    for point in points:
        shade = 0.0 if point.mean is None else (point.mean - low) / ((high - low) or 1.0)
        cells = [Cell(str(point.number + 1), point.number + 1)]
        cells += [_value_cell(name, point.values.get(name)) for name in sweep.vary]
        cells += [
            Cell(_percent(point.mean), point.mean, "measured", 0.6 * shade),
            Cell(_points(point.deviation), point.deviation),
            Cell(f"{len(point.scores)}/{point.expected}", len(point.scores)),
        ]
        if with_test:
            cells.append(Cell(_percent(point.test), point.test))
        role = {"best": best_role, "diverged": "problem"}.get(point.standing, "")
        cells.append(Cell(tr(STANDINGS[point.standing]), role=role))
        rows.append(cells)
    return header, rows


def importance_rows(found: Importance) -> Rows:
    """Return what explains the accuracies, the most first; what the seed explains last."""
    rows = [
        [
            Cell(tr(HYPERPARAMETERS[share.name].label)),
            Cell(f"{100 * share.share:.0f}%", share.share, "measured", share.share),
            Cell("< 0.01" if share.p < 0.01 else f"{share.p:.2f}", share.p),
            Cell(f"{share.points:,}", share.points),
            Cell(tr("chance alone can explain it") if share.is_chance else ""),
        ]
        for share in found.shares
    ]
    if found.seeds is not None:
        share = Cell(f"{100 * found.seeds:.0f}%", found.seeds, "reported", found.seeds)
        rows.append([Cell(tr("The seed alone"), role="muted"), share, Cell(""), Cell(""), Cell("")])
    return [tr("Hyperparameter"), tr("Explains"), "p", tr("Points"), ""], rows


def method_words() -> str:
    """Return how importance is measured."""
    return tr(
        "How much of the variance of the points' means each hyperparameter explains by itself: "
        "one-way analysis of variance, numbers in five groups of equal size, adjusted for chance "
        "(epsilon squared). p is from shuffling the means, corrected by Holm. What two "
        "hyperparameters do only together is in no share."
    )


def described(point: PointResult) -> str:
    """Return a point in one line: its values, accuracy and spread."""
    parts = [
        f"{tr(HYPERPARAMETERS[name].label)} {value_words(name, value)}"
        for name, value in point.values.items()
    ]
    accuracy = _percent(point.mean)
    if point.deviation is not None:
        accuracy += f" ± {_points(point.deviation)}"
    return " · ".join([*parts, accuracy, tr(STANDINGS[point.standing])])


def labels_of(stored: StoredSweep) -> list[str]:
    """Return the labels of the varied hyperparameters."""
    return [tr(HYPERPARAMETERS[name].label) for name in stored.sweep.vary]


def value_words(name: str, value: Any) -> str:
    """Return a value of the field ``name`` as it is read; a dash where it has none."""
    return "–" if value is None else value_text(HYPERPARAMETERS[name], value)


def _value_cell(name: str, value: Any) -> Cell:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return Cell(value_words(name, value), number)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}%"


def _points(value: float | None) -> str:
    return "–" if value is None else number_text(round(value, 2))
