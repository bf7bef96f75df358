"""Figures of a final test, from the logits that a run folder keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.engine.events import Evaluation
from workbench.library.stored_test import read_stored_test


def figures_of(path: Path, classes: tuple[str, ...]) -> Evaluation:
    """Compute the figures of the final test with numpy alone, equal to those of
    ``workbench.engine.evaluation.figures``.

    Args:
        path: an ``npz`` file with logits, float32 (N, classes), and labels, int64 (N,).
        classes: names; replaced by numbered ones where they are not as many as the logits.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged.
    """
    logits, truth = read_stored_test(path)
    count = logits.shape[1]
    predicted = logits.argmax(1)
    confusion = np.bincount(truth * count + predicted, minlength=count * count)
    confusion = confusion.reshape(count, count)
    correct, support = int(confusion.trace()), confusion.sum(1)
    losses = np.concatenate(
        # In parts: in float64 a large test would take many times the memory of its file.
        [
            _losses_of(logits[i : i + 10_000], truth[i : i + 10_000])
            for i in range(0, len(truth), 10_000)
        ]
    )
    return Evaluation(
        mode="eval",
        correct=correct,
        total=len(truth),
        accuracy=100.0 * correct / len(truth),
        loss=float(losses.mean()),
        classes=classes if len(classes) == count else tuple(f"class {i}" for i in range(count)),
        per_class=tuple(
            100.0 * int(right) / int(of) if of else None
            for right, of in zip(confusion.diagonal(), support, strict=True)
        ),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
    )


def _losses_of(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the cross entropy of each image: log-sum-exp less the true class's logit."""
    wide = logits.astype(np.float64)
    top = wide.max(1, keepdims=True)
    logsum = np.log(np.exp(wide - top).sum(1)) + top[:, 0]
    return np.asarray(logsum - wide[np.arange(len(truth)), truth])
