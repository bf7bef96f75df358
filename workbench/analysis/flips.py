"""Two runs, or several, image by image: which test images only one of them gets right.

Sources: McNemar's exact test (McNemar 1947; Dietterich, "Approximate Statistical Tests for
Comparing Supervised Classification Learning Algorithms", 1998); several tests at once (Holm, "A
Simple Sequentially Rejective Multiple Test Procedure", 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from workbench.analysis.metrics import Predictions, read_predictions
from workbench.analysis.repeats import data_fingerprint
from workbench.library.run_folder import RunRecord
from workbench.messages import Message, WorkbenchError


@dataclass(frozen=True, eq=False)
class Flips:
    """How two tests of the same images differ. ``lost``: indices of the images that the first
    got right and the second wrong; ``won``: the reverse; both in the order of the test split.
    ``lost_per_class`` and ``won_per_class``: counts by true class, int64 (K,).
    ``labels``: the true classes of all images, int64 (N,).
    ``confusion``: the second confusion matrix less the first, int64 (K, K).
    ``p``: of McNemar's exact test, two-sided."""

    images: int
    classes: tuple[str, ...]
    labels: np.ndarray
    lost: np.ndarray
    won: np.ndarray
    lost_per_class: np.ndarray
    won_per_class: np.ndarray
    confusion: np.ndarray
    p: float

    def sentence(
        self, first: str, second: str, pairs: int = 1, corrected: float | None = None
    ) -> Message:
        """McNemar's test in words; ``first`` and ``second`` are names of the runs. Where this is
        one of several ``pairs``, ``corrected`` is its p by :func:`holm`, and is what counts."""
        p = self.p if corrected is None else corrected
        values = {
            "first": first,
            "second": second,
            "lost": f"{len(self.lost):,}",
            "won": f"{len(self.won):,}",
            "images": f"{self.images:,}",
            "p": p_text(p),
            "pairs": pairs,
        }
        return Message(_FLIPS[p < 0.05, corrected is not None], **values)


_FLIPS = {
    (True, False): "On these {images} test images {first} alone is right on {lost}, {second} alone "
    "on {won}: more than chance between these two weight files (McNemar's exact test, p {p}). To "
    "compare settings, train several seeds.",
    (False, False): "On these {images} test images {first} alone is right on {lost}, {second} "
    "alone on {won}: chance alone can explain it (McNemar's exact test, p {p}). To compare "
    "settings, train several seeds.",
    (True, True): "On these {images} test images {first} alone is right on {lost}, {second} alone "
    "on {won}: more than chance between these two weight files (McNemar's exact test, p {p}, "
    "corrected for {pairs} pairs by Holm).",
    (False, True): "On these {images} test images {first} alone is right on {lost}, {second} alone "
    "on {won}: chance alone can explain it (McNemar's exact test, p {p}, corrected for {pairs} "
    "pairs by Holm).",
}
TEMPLATES = tuple(_FLIPS.values())
"""The sentences, for the translators."""


def p_text(p: float) -> str:
    """``0.0312``, or ``< 0.001``."""
    return f"{p:.3g}" if p >= 0.001 else "< 0.001"


def holm(ps: Sequence[float]) -> list[float]:
    """``ps`` of several tests, corrected so that the chance of even one false alarm among them
    stays what a single one has (Holm 1979); in their order."""
    corrected, so_far = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        so_far = max(so_far, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = so_far
    return corrected


@dataclass(frozen=True, eq=False)
class PairTest:
    """Two of several runs, by their places. ``p``: of McNemar's test, corrected by :func:`holm`
    for ``pairs`` pairs."""

    first: int
    second: int
    flips: Flips
    p: float
    pairs: int

    def sentence(self, names: Sequence[str]) -> Message:
        """:meth:`Flips.sentence` with the corrected p; ``names`` of all runs."""
        first, second = names[self.first], names[self.second]
        return self.flips.sentence(first, second, self.pairs, self.p)


def compare_pairs(tests: Sequence[Predictions]) -> list[PairTest]:
    """McNemar's test of each pair of ``tests`` of the same images, three or more. Raises
    :class:`WorkbenchError` as :func:`compare_predictions`."""
    pairs = list(combinations(range(len(tests)), 2))
    flips = [compare_predictions(tests[i], tests[j]) for i, j in pairs]
    ps = holm([each.p for each in flips])
    return [
        PairTest(i, j, each, p, len(pairs))
        for (i, j), each, p in zip(pairs, flips, ps, strict=True)
    ]


def compare_predictions(first: Predictions, second: Predictions) -> Flips:
    """Two tests of the same images. Raises :class:`WorkbenchError` where they are others."""
    if first.classes != second.classes or not np.array_equal(first.labels, second.labels):
        raise WorkbenchError(
            "The runs were tested on different images; compare runs on the same data."
        )
    lost = np.flatnonzero(first.correct & ~second.correct)
    won = np.flatnonzero(~first.correct & second.correct)
    count = len(first.classes)
    return Flips(
        images=len(first.labels),
        classes=first.classes,
        labels=first.labels,
        lost=lost,
        won=won,
        lost_per_class=np.bincount(first.labels[lost], minlength=count),
        won_per_class=np.bincount(first.labels[won], minlength=count),
        confusion=second.confusion - first.confusion,
        p=mcnemar_exact(len(lost), len(won)),
    )


def compare_runs(first: RunRecord, second: RunRecord) -> Flips:
    """Two runs by their stored logits. Raises :class:`WorkbenchError` as :func:`read_both`."""
    return compare_predictions(*read_both(first, second))


def read_both(first: RunRecord, second: RunRecord) -> tuple[Predictions, Predictions]:
    """The final tests of two runs. Raises :class:`WorkbenchError` as :func:`read_tests`."""
    one, other = read_tests((first, second))
    return one, other


def read_tests(records: Sequence[RunRecord]) -> list[Predictions]:
    """The final tests of runs. Raises :class:`WorkbenchError` where one has none or they were
    tested on other images."""
    tests = []
    for record in records:
        predictions = read_predictions(record.folder, tuple(record.data.get("classes", ())))
        if predictions is None:
            raise WorkbenchError(
                "{run}: has no final test, which a comparison image by image needs.",
                run=record.label,
            )
        tests.append(predictions)
    if len(set(map(data_fingerprint, records))) > 1:
        raise WorkbenchError(
            "The runs were tested on different images; compare runs on the same data."
        )
    return tests


def mcnemar_exact(lost: int, won: int) -> float:
    """Two-sided p of ``lost`` against ``won`` discordant images, each with probability 1/2:
    twice the smaller tail of Binomial(lost + won, 1/2), at most 1."""
    total, smaller = lost + won, min(lost, won)
    term = tail = 1  # binomial coefficients, exactly
    for i in range(smaller):
        term = term * (total - i) // (i + 1)
        tail += term
    return min(1.0, 2 * tail / 2**total if total else 1.0)
