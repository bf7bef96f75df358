"""Figures from stored logits, against scikit-learn and worked examples."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    confusion_matrix,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from workbench.analysis.metrics import (
    Predictions,
    calibration,
    per_class,
    read_predictions,
    top_k_accuracy,
)
from workbench.messages import WorkbenchError


def random_predictions(
    images: int = 2_000, classes: int = 10, seed: int = 0, of: int | None = None
) -> Predictions:
    """Right somewhat more often than by chance; labels from the first ``of`` classes only."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, of or classes, images)
    logits = random.normal(size=(images, classes)).astype(np.float32)
    logits[np.arange(images), labels] += 1.5
    return Predictions(logits, labels, tuple(f"class {i}" for i in range(classes)))


@pytest.mark.parametrize(
    ("images", "classes", "of"),
    [(2_000, 10, None), (10_000, 10, None), (3_000, 100, None), (60, 100, 7), (500, 10, 1)],
)
def test_per_class_figures_are_scikit_learns(images: int, classes: int, of: int | None) -> None:
    predictions = random_predictions(images, classes, of=of)
    assert np.array_equal(
        predictions.confusion,
        confusion_matrix(predictions.labels, predictions.predicted, labels=range(classes)),
    )
    figures = per_class(predictions)
    theirs = precision_recall_fscore_support(
        predictions.labels, predictions.predicted, labels=range(classes), zero_division=np.nan
    )
    for name, column in zip(("precision", "recall", "f1"), theirs, strict=False):
        ours = [getattr(c, name) for c in figures.classes]
        expected = [None if np.isnan(value) else 100 * value for value in column]
        assert ours == [pytest.approx(value) if value is not None else None for value in expected]
    assert [c.support for c in figures.classes] == theirs[3].tolist()
    for row, average in ((figures.macro, "macro"), (figures.weighted, "weighted")):
        expected = precision_recall_fscore_support(
            predictions.labels, predictions.predicted, average=average, zero_division=0
        )
        assert row is not None
        assert [row.precision, row.recall, row.f1] == pytest.approx([100 * v for v in expected[:3]])
        assert row.support == images


@pytest.mark.parametrize("classes", [3, 10, 100])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_is_scikit_learns(classes: int, k: int) -> None:
    predictions = random_predictions(classes=classes)
    if k < classes:
        expected = top_k_accuracy_score(
            predictions.labels, predictions.logits, k=k, labels=range(classes)
        )
        assert top_k_accuracy(predictions, k) == pytest.approx(100 * expected)
    assert top_k_accuracy(predictions, classes) == 100.0


def test_equal_logits_count_as_argmax_takes_them() -> None:
    flat = Predictions(np.zeros((3, 3), np.float32), np.array([0, 1, 2]), ("a", "b", "c"))
    assert [top_k_accuracy(flat, k) for k in (1, 2, 3)] == pytest.approx([100 / 3, 200 / 3, 100])
    assert flat.correct.tolist() == [True, False, False]


def test_calibration_is_scikit_learns_curve() -> None:
    predictions = random_predictions(10_000)
    result = calibration(predictions)
    share, confidence = calibration_curve(
        predictions.correct, predictions.confidence, n_bins=15, strategy="uniform"
    )
    filled = [b for b in result.bins if b.count]
    assert [b.accuracy for b in filled] == pytest.approx(share)
    assert [b.confidence for b in filled] == pytest.approx(confidence)
    assert len(result.bins) == 15
    counts = np.array([b.count for b in filled])
    assert counts.sum() == 10_000
    assert result.error == pytest.approx((np.abs(share - confidence) * counts).sum() / 10_000)


def test_the_expected_calibration_error_of_a_worked_example() -> None:
    # Confidences 0.9 (3 of 4 right) and 0.6 (1 of 1): 4/5 * 0.15 + 1/5 * 0.4.
    p = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]])
    predictions = Predictions(np.log(p).astype(np.float32), np.array([0, 0, 0, 1, 0]), ("a", "b"))
    assert calibration(predictions).error == pytest.approx(0.8 * 0.15 + 0.2 * 0.4, abs=1e-6)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    certain = Predictions(np.array([[100.0, 0.0]], np.float32), np.array([0]), ("a", "b"))
    half = Predictions(np.zeros((1, 2), np.float32), np.array([0]), ("a", "b"))
    assert [b.count for b in calibration(certain, 2).bins] == [0, 1]
    assert [b.count for b in calibration(half, 2).bins] == [1, 0]
    assert calibration(certain).error == pytest.approx(0.0, abs=1e-9)


def test_without_images_nothing_is_claimed() -> None:
    empty = Predictions(np.zeros((0, 3), np.float32), np.zeros(0, np.int64), ("a", "b", "c"))
    figures = per_class(empty)
    assert (figures.macro, figures.weighted) == (None, None)
    assert [(c.precision, c.recall, c.f1, c.support) for c in figures.classes] == [
        (None, None, None, 0)
    ] * 3
    assert top_k_accuracy(empty, 1) is None
    assert calibration(empty).error is None
    assert empty.confusion.sum() == 0


def test_one_class_alone() -> None:
    single = Predictions(np.ones((4, 1), np.float32), np.zeros(4, np.int64), ("only",))
    assert per_class(single).classes[0].f1 == 100.0
    assert top_k_accuracy(single, 1) == 100.0
    assert calibration(single).error == 0.0


def test_an_image_without_finite_logits_is_wrong_and_left_out() -> None:
    predictions = random_predictions(100)
    logits = predictions.logits.copy()
    logits[0, 3] = np.nan
    logits[1, 2] = np.inf
    broken = Predictions(logits, predictions.labels, predictions.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert broken.predicted[:2].tolist() == [-1, -1]
        assert not broken.correct[:2].any()
        assert broken.confusion.sum() == 98
        assert sum(c.support for c in per_class(broken).classes) == 100
        assert calibration(broken).left_out == 2
        assert calibration(broken).error is not None
        assert top_k_accuracy(broken, 10) == 98.0
        nothing = Predictions(np.full((5, 2), np.nan), np.zeros(5, np.int64), ("a", "b"))
        assert top_k_accuracy(nothing, 1) == 0.0
        assert calibration(nothing).error is None
        assert per_class(nothing).macro is not None


def test_stored_logits_are_read_and_nothing_is_unpickled(tmp_path: Path) -> None:
    predictions = random_predictions(20)
    assert read_predictions(tmp_path, predictions.classes) is None
    path = tmp_path / "test_logits.npz"
    np.savez(path, logits=predictions.logits, labels=predictions.labels)
    again = read_predictions(tmp_path, predictions.classes)
    assert again is not None
    assert np.array_equal(again.logits, predictions.logits)
    assert np.array_equal(again.labels, predictions.labels)

    with pytest.raises(WorkbenchError, match="does not fit the 3 classes"):
        read_predictions(tmp_path, ("a", "b", "c"))
    np.savez(path, logits=predictions.logits, labels=predictions.labels - 1)
    with pytest.raises(WorkbenchError, match="is damaged"):
        read_predictions(tmp_path, predictions.classes)
    np.savez(path, logits=np.array([object()], dtype=object), labels=predictions.labels)
    with pytest.raises(WorkbenchError, match="damaged"):
        read_predictions(tmp_path, predictions.classes)
    path.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(WorkbenchError, match="damaged"):
        read_predictions(tmp_path, predictions.classes)
