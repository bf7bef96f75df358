"""Figures of a test from its stored logits: per class, top-k, calibration. numpy only.

An image with a logit that is NaN or infinite has no prediction: it counts as wrong, in the
support of its class, and in no column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from workbench.library.stored_test import read_stored_test
from workbench.messages import WorkbenchError

CALIBRATION_BINS = 15
"""Bins of equal width of Guo et al., "On Calibration of Modern Neural Networks", 2017."""

NO_PREDICTION = -1


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network said of each test image.

    ``logits``: float32 (N, K). ``labels``: int64 (N,), 0 to K - 1. ``classes``: K names.
    """

    logits: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    @cached_property
    def predicted(self) -> np.ndarray:
        """int64 (N,): the class of the highest logit, :data:`NO_PREDICTION` where there is none."""
        if not len(self.labels):
            return np.zeros(0, np.int64)
        return np.where(self.readable, self.logits.argmax(1), NO_PREDICTION)

    @cached_property
    def readable(self) -> np.ndarray:
        """bool (N,): whether all logits of the image are finite."""
        return np.isfinite(self.logits).all(1)

    @cached_property
    def correct(self) -> np.ndarray:
        """bool (N,)."""
        return self.predicted == self.labels

    @cached_property
    def probabilities(self) -> np.ndarray:
        """float64 (N, K), the softmax of the logits; rows of NaN where there is no prediction."""
        logits = np.where(self.readable[:, None], self.logits, np.nan).astype(np.float64)
        if logits.size:
            logits -= logits.max(1, keepdims=True)
        exponentials = np.exp(logits)
        return exponentials / exponentials.sum(1, keepdims=True)

    @cached_property
    def confidence(self) -> np.ndarray:
        """float64 (N,), 0 to 1: the probability of the predicted class; NaN without one."""
        return self.probabilities.max(1) if self.logits.size else np.zeros(len(self.labels))

    @cached_property
    def confusion(self) -> np.ndarray:
        """int64 (K, K): a row for each true class, a column for each predicted one."""
        count = len(self.classes)
        cells = self.labels[self.readable] * count + self.predicted[self.readable]
        return np.bincount(cells, minlength=count * count).reshape(count, count)


def read_predictions(folder: Path, classes: Sequence[str]) -> Predictions | None:
    """The final test of the run in ``folder``; ``None`` where it has none.

    Raises :class:`WorkbenchError` where ``test_logits.npz`` is damaged or belongs to other
    classes. Nothing of it is unpickled.
    """
    path = folder / "test_logits.npz"
    try:
        logits, labels = read_stored_test(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise WorkbenchError(
            "{path}: is damaged; train the run again to look at its images.", path=path
        ) from None
    count = len(classes)
    if logits.shape[1] != count:
        raise WorkbenchError(
            "{path}: does not fit the {count} classes of its run; it is damaged or was swapped.",
            path=path,
            count=count,
        )
    return Predictions(logits, labels, tuple(classes))


# --- per class -------------------------------------------------------------------------


@dataclass(frozen=True)
class ClassFigures:
    """Precision, recall and F1 in percent; ``None`` where they are 0 / 0 (precision of a class
    that was never predicted, recall of one without test images). ``support``: test images."""

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class PerClass:
    """``macro``: the plain mean over the classes that occur, as true or as predicted ones, with
    0 for 0 / 0 (scikit-learn's ``zero_division=0``). ``weighted``: by support. Both ``None``
    without test images."""

    classes: tuple[ClassFigures, ...]
    macro: ClassFigures | None
    weighted: ClassFigures | None


def per_class(predictions: Predictions) -> PerClass:
    """Precision TP / (TP + FP), recall TP / (TP + FN), F1 2 TP / (2 TP + FP + FN)."""
    right = predictions.confusion.diagonal().astype(float)
    named = predictions.confusion.sum(0).astype(float)
    support = np.bincount(predictions.labels, minlength=len(predictions.classes)).astype(float)
    figures = np.stack(
        [_share(right, named), _share(right, support), _share(2 * right, named + support)]
    )
    classes = tuple(
        _row(name, column, int(images))
        for name, column, images in zip(predictions.classes, figures.T, support, strict=True)
    )
    total = int(support.sum())
    if not total:
        return PerClass(classes, None, None)
    counted = np.nan_to_num(figures)
    macro = counted[:, (named + support) > 0].mean(1)
    weighted = (counted * support).sum(1) / total
    return PerClass(classes, _row("macro", macro, total), _row("weighted", weighted, total))


def _row(name: str, values: np.ndarray, support: int) -> ClassFigures:
    precision, recall, f1 = (None if np.isnan(value) else float(value) for value in values)
    return ClassFigures(name, precision, recall, f1, support)


def _share(part: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.divide(100.0 * part, of, out=np.full(len(of), np.nan), where=of > 0)


def top_k_accuracy(predictions: Predictions, k: int) -> float | None:
    """Percent of the images whose true class is among the ``k`` with the highest logits; ``None``
    without images. Of equal logits the class that comes first counts as higher, as in
    ``argmax``: top-1 is the test accuracy."""
    if not len(predictions.labels):
        return None
    if not predictions.readable.any():
        return 0.0
    logits = predictions.logits[predictions.readable]
    labels = predictions.labels[predictions.readable, None]
    own = np.take_along_axis(logits, labels, 1)
    first = np.arange(logits.shape[1]) < labels
    ahead = ((logits > own) | ((logits == own) & first)).sum(1)
    return 100.0 * int((ahead < k).sum()) / len(predictions.labels)


# --- calibration -----------------------------------------------------------------------


@dataclass(frozen=True)
class Bin:
    """``above`` < confidence <= ``to`` (0 to 1). ``confidence`` and ``accuracy`` (0 to 1) are
    means over its ``count`` images, ``None`` where it is empty."""

    above: float
    to: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """``error``: the expected calibration error, 0 to 1, ``None`` without predictions.
    ``left_out``: images without a prediction."""

    bins: tuple[Bin, ...]
    error: float | None
    left_out: int


def calibration(predictions: Predictions, bins: int = CALIBRATION_BINS) -> Calibration:
    """The reliability diagram and the expected calibration error of Guo et al. 2017, eq. 3:
    the mean over the bins of \\|accuracy - confidence\\|, weighted by their images."""
    confidence = predictions.confidence[predictions.readable]
    correct = predictions.correct[predictions.readable]
    edges = np.linspace(0.0, 1.0, bins + 1)
    index = np.searchsorted(edges[1:-1], confidence, side="left")
    counts = np.bincount(index, minlength=bins)
    sums = np.bincount(index, weights=confidence, minlength=bins)
    rights = np.bincount(index, weights=correct, minlength=bins)
    total = len(confidence)
    return Calibration(
        bins=tuple(
            Bin(
                float(edges[i]),
                float(edges[i + 1]),
                int(counts[i]),
                float(sums[i] / counts[i]) if counts[i] else None,
                float(rights[i] / counts[i]) if counts[i] else None,
            )
            for i in range(bins)
        ),
        error=float(np.abs(rights - sums).sum() / total) if total else None,
        left_out=len(predictions.labels) - total,
    )
