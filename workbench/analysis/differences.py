"""What several runs differ in: hyperparameters, data, environment, figures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.analysis.repeats import effective_values
from workbench.library.run_folder import RunRecord, read_epochs
from workbench.messages import Message
from workbench.spec.experiment import HYPERPARAMETERS


@dataclass(frozen=True)
class DifferingRow:
    """A row in which runs differ: a value for each run, ``None`` where it has none. ``group`` and
    ``name`` are words; ``key`` is the field's name for scripts."""

    group: str
    key: str
    name: str
    values: tuple[Any, ...]


DATA_WORDS = {
    "name": "Data set",
    "train_images": "Training images",
    "test_images": "Test images",
    "fingerprint": "Fingerprint of the data",
}


ENVIRONMENT_WORDS = {
    "cifar_workbench": "Program",
    "python": "Python",
    "torch": "PyTorch",
    "system": "System",
    "device": "Device",
    "device_name": "Device name",
    "cpu_threads": "CPU threads",
    "cuda": "CUDA",
    "cudnn": "cuDNN",
}


_FIGURES = {
    "status": "Status",
    "accuracy": "Test accuracy",
    "best_epoch": "Best epoch",
    "best_chosen_on": "Best epoch selected on",
    "best_validation_accuracy": "Validation accuracy of the best epoch",
    "best_accuracy": "Test accuracy of the best epoch",
    "epochs_done": "Epochs done",
    "ended_early": "Ended early",
    "training_accuracy": "Training accuracy of the last epoch",
    "mean_loss": "Mean loss of the last epoch",
    "test_loss": "Test loss of the last epoch",
    "validation_accuracy": "Validation accuracy of the last epoch",
    "validation_loss": "Validation loss of the last epoch",
    "seconds_per_epoch": "Seconds per epoch",
    "seconds": "Seconds of the whole run",
}


PERCENTAGES = (
    "accuracy",
    "best_accuracy",
    "best_validation_accuracy",
    "training_accuracy",
    "validation_accuracy",
)
"""Keys of the rows whose values are percentages."""


CHOSEN_ON = {
    "validation": Message("validation split"),
    "test": Message("test set: optimistic"),
    "validation in training mode": Message("validation split, in training mode"),
    "test in training mode": Message("test set, in training mode"),
}
"""By what a best epoch was chosen, in words."""


ROW_WORDS = (
    *("Hyperparameters", "Data", "Environment", "Figures", "Preset"),
    *DATA_WORDS.values(),
    *ENVIRONMENT_WORDS.values(),
    *_FIGURES.values(),
)
"""Words of the rows, for the translators."""


def distinct_names(
    titles: Sequence[str], records: Sequence[RunRecord], say: Callable[[Message], str] = str
) -> list[str]:
    """A name for each run out of its title; those that are called the same are told apart by seed
    or start. ``say`` puts words into the reader's language."""
    seeds = [record.experiment.get("seed") for record in records]
    names = []
    for title, seed, record in zip(titles, seeds, records, strict=True):
        same = [s for t, s in zip(titles, seeds, strict=True) if t == title]
        if len(same) == 1:
            names.append(title)
        elif len(set(same)) == len(same):
            names.append(say(Message("{title}, seed {seed}", title=title, seed=seed)))
        else:
            names.append(f"{title}, {record.id.rpartition('_')[0] or record.id}")
    return names


def differing_rows(records: Sequence[RunRecord]) -> list[DifferingRow]:
    """The rows in which the runs differ: hyperparameters, data, environment, figures. Where a best
    epoch is among them, by what it was chosen is too."""
    experiments = [effective_values(record) for record in records]
    rows = [
        DifferingRow("Hyperparameters", "preset", "Preset", tuple(r.preset for r in records)),
        *(
            DifferingRow("Hyperparameters", name, p.label, tuple(e.get(name) for e in experiments))
            for name, p in HYPERPARAMETERS.items()
        ),
        *_rows("Data", DATA_WORDS, [record.data for record in records]),
        *_rows("Environment", ENVIRONMENT_WORDS, [record.environment for record in records]),
        *_rows("Figures", _FIGURES, [run_figures(record) for record in records]),
    ]
    differing = {row.key for row in rows if any(value != row.values[0] for value in row.values)}
    if differing & {"best_epoch", "best_accuracy"}:
        differing.add("best_chosen_on")
    return [row for row in rows if row.key in differing]


def _rows(
    group: str, words: Mapping[str, str], values: Sequence[Mapping[str, Any]]
) -> Iterable[DifferingRow]:
    for key, name in words.items():
        yield DifferingRow(group, key, name, tuple(value.get(key) for value in values))


def run_figures(record: RunRecord) -> dict[str, Any]:
    """A run's figures by name; accuracies in percent."""
    rows = read_epochs(record.folder)
    last = rows[-1] if rows else {}
    return {
        "status": record.status,
        "accuracy": record.accuracy,
        "best_epoch": record.best_epoch,
        "best_chosen_on": _chosen_on(record),
        "best_validation_accuracy": record.best_validation_accuracy,
        "best_accuracy": record.best_accuracy,
        "epochs_done": record.epochs_done,
        "ended_early": record.ended_early,
        "training_accuracy": last.get("training_accuracy"),
        "mean_loss": last.get("loss"),
        "test_loss": last.get("test_loss"),
        "validation_accuracy": last.get("validation_accuracy"),
        "validation_loss": last.get("validation_loss"),
        "seconds_per_epoch": statistics.fmean(r["seconds"] for r in rows) if rows else None,
        "seconds": record.seconds,
    }


def _chosen_on(record: RunRecord) -> str | None:
    """A key of :data:`CHOSEN_ON`."""
    split = record.best_chosen_on
    return f"{split} in training mode" if split and record.tested_otherwise else split
