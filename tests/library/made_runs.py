"""Run folders with given figures, written as a run writes them, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.analysis.metrics import Predictions
from workbench.data.data_choice import CIFAR10_CLASSES
from workbench.engine.events import EpochDone, Evaluation
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.spec.experiment import with_changes
from workbench.spec.presets import find_preset

CIFAR10_JPEG: dict[str, Any] = {
    "kind": "folder",
    "name": "CIFAR-10, JPEG",
    "classes": list(CIFAR10_CLASSES),
    "train_images": 50_000,
    "test_images": 10_000,
    "fingerprint": "f" * 64,
    "comparable": True,
    "path": "/nowhere",
}


def make_predictions(accuracy: float, images: int = 10_000, seed: int = 0) -> Predictions:
    """Predictions of CIFAR-10's classes with just this share right, in percent; the labels are
    always the same."""
    labels = np.random.default_rng(1).permutation(np.arange(images) % 10)
    random = np.random.default_rng(seed)
    target = labels.copy()
    wrong = random.permutation(images)[round(accuracy * images / 100) :]
    target[wrong] = (labels[wrong] + random.integers(1, 10, len(wrong))) % 10
    logits = random.normal(size=(images, 10)).astype(np.float32)
    logits[np.arange(images), target] = logits.max(1) + random.random(images) + 0.1
    return Predictions(logits.astype(np.float32), labels, CIFAR10_CLASSES)


def figures(predictions: Predictions, mode: Any = "eval") -> Evaluation:
    confusion = predictions.confusion
    return Evaluation(
        mode=mode,
        correct=int(predictions.correct.sum()),
        total=len(predictions.labels),
        accuracy=100.0 * int(predictions.correct.sum()) / len(predictions.labels),
        loss=1.0,
        classes=predictions.classes,
        per_class=tuple(
            100.0 * int(row[i]) / int(row.sum()) if row.sum() else None
            for i, row in enumerate(confusion)
        ),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
    )


def _after_epoch(accuracy: float, mode: Any) -> Evaluation:
    correct = round(100 * accuracy)
    row = (1_000, *[0] * 9)
    return Evaluation(
        mode, correct, 10_000, accuracy, 1.0, CIFAR10_CLASSES, (accuracy,) * 10, (row,) * 10
    )


def make_run(
    library: Library,
    preset: str = "001",
    accuracies: Sequence[float] = (20.0, 25.0, 30.0),
    final: float | None = None,
    *,
    data: dict[str, Any] | None = None,
    status: Any = None,
    steps: int = 4,
    losses: np.ndarray | None = None,
    prediction_seed: int | None = None,
    name: str = "",
    validation: Sequence[float] = (),
    training: Sequence[float] = (),
    test_losses: Sequence[float] = (),
    **changes: Any,
) -> RunRecord:
    """A run of ``preset`` with ``changes`` whose tests after each epoch gave ``accuracies``, in
    percent of 10,000, and whose final test gave ``final`` (the last of them). ``validation``: the
    accuracies on the validation split, by which the best epoch is chosen then. ``training``: those
    counted on the training images, as earlier versions did not. ``test_losses``: 1 where there are
    none."""
    found = find_preset(preset)
    experiment = with_changes(found.experiment, changes)
    finished = status == "finished" or len(accuracies) >= experiment.epochs
    writer = library.create(
        RunRecord(
            id="",
            created="2026-11-24T20:00:00+00:00",
            preset=preset,
            title=found.title,
            experiment=experiment.values(),
            data=data or CIFAR10_JPEG,
            device="cpu",
            environment={"torch": "2.14", "device_name": "CPU of the tests"},
            epochs=experiment.epochs,
            steps_per_epoch=steps,
            name=name,
        )
    )
    writer.add_losses(
        np.linspace(2.3, 1.0, steps * len(accuracies)) if losses is None else losses  # type: ignore[arg-type]
    )
    writer.add_lines(["Final test in evaluation mode"])
    best = -1.0
    for epoch, accuracy in enumerate(accuracies, 1):
        test = _after_epoch(accuracy, experiment.test_mode)
        if test_losses:
            test = replace(test, loss=test_losses[epoch - 1])
        held_out = _after_epoch(validation[epoch - 1], experiment.test_mode) if validation else None
        chosen_by = held_out.accuracy if held_out else accuracy
        writer.add(
            EpochDone(
                epoch,
                *(3.0 / epoch, 2.0 / epoch, 0.001, 12.5, 1.0),
                test,
                chosen_by > best,
                held_out,
                *((round(400 * training[epoch - 1]), 40_000) if training else ()),
            )
        )
        best = max(best, chosen_by)
    if finished:
        seed = experiment.seed if prediction_seed is None else prediction_seed
        predictions = make_predictions(accuracies[-1] if final is None else final, seed=seed)
        writer.add_logits(predictions.logits, predictions.labels)
        writer.add_test(figures(predictions), len(accuracies), final=True)
        writer.update(accuracy=figures(predictions).accuracy)
    writer.update(status=status or ("finished" if finished else "stopped"))
    writer.close()
    return writer.record
