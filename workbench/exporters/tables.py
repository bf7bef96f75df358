"""Tables of runs, epochs and steps, as CSV or Parquet. Opens without torch."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.exporters.figures import Figures, hyperparameters
from workbench.exporters.job import Job
from workbench.library.run_folder import RunRecord
from workbench.messages import Count, Message, WorkbenchError
from workbench.plain_text import table_cell
from workbench.spec.experiment import HYPERPARAMETERS

Columns = dict[str, Any]
"""Values by column: lists or arrays, all of one length."""

_FACTS = ("id", "name", "preset", "title", "status", "created", "device", "seconds")
_FIGURES = (
    *("epochs_done", "accuracy", "best_epoch", "best_accuracy", "best_validation_accuracy"),
)


def write_csv(job: Job) -> None:
    """Write ``runs.csv``, ``epochs.csv`` and ``steps.csv``, and count their lines."""
    _write(job, ".csv", _write_csv, _rows_of_csv)


def write_parquet(job: Job) -> None:
    """Write ``runs.parquet``, ``epochs.parquet`` and ``steps.parquet``, and count their rows."""
    _write(job, ".parquet", _write_parquet, _rows_of_parquet)


def _write(
    job: Job,
    ending: str,
    write: Callable[[Path, Columns], None],
    rows: Callable[[Path], int],
) -> None:
    figures = []
    for number, record in enumerate(job.records):
        job.look()
        figures.append(Figures(record))
        job.progress(number + 1, 2 * len(job.sources))
    tables = {"runs": _runs(job.records), "epochs": _epochs(figures), "steps": _steps(figures)}
    counts = {}
    for number, (name, columns) in enumerate(tables.items()):
        job.look()
        place = job.stage.file(job.folder / f"{name}{ending}")
        write(place, columns)
        counts[name] = rows(place)
        if counts[name] != len(next(iter(columns.values()))):
            raise WorkbenchError(
                "{path}: does not hold all rows when it is read again.",
                path=job.folder / f"{name}{ending}",
            )
        job.progress(3 + number, 6)
    job.said.append(
        Message(
            "Read again: {runs:run|runs}, {epochs:epoch|epochs}, {steps:step|steps}.",
            **{name: Count(count) for name, count in counts.items()},
        )
    )


def _runs(records: Sequence[RunRecord]) -> Columns:
    rows = []
    for run in records:
        data = run.data
        rows.append(
            {
                **{name: getattr(run, name) for name in _FACTS},
                "tags": " ".join(run.tags),
                "notes": run.notes,
                "data": data.get("name", ""),
                "data_kind": data.get("kind", ""),
                "data_fingerprint": data.get("fingerprint", ""),
                "train_images": data.get("train_images"),
                "test_images": data.get("test_images"),
                **{name: hyperparameters(run).get(name) for name in HYPERPARAMETERS},
                **{name: getattr(run, name) for name in _FIGURES},
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


def _epochs(figures: Sequence[Figures]) -> Columns:
    names: dict[str, None] = {}
    for one in figures:
        for row in one.epochs[:1]:
            names |= dict.fromkeys(row)
    rows = [(one.run.id, row) for one in figures for row in one.epochs]
    return {
        "run": [run for run, _ in rows],
        **{name: [row.get(name) for _, row in rows] for name in names},
    }


def _steps(figures: Sequence[Figures]) -> Columns:
    def joined(parts: Iterable[np.ndarray], kind: Any) -> np.ndarray:
        return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)

    steps = [np.arange(1, len(one.losses) + 1) for one in figures]
    return {
        "run": [one.run.id for one in figures for _ in range(len(one.losses))],
        "step": joined(steps, np.int64),
        "epoch": joined(
            ((s - 1) // f.run.steps_per_epoch + 1 for s, f in zip(steps, figures, strict=True)),
            np.int64,
        ),
        "loss": joined((one.losses for one in figures), np.float32),
    }


def _write_csv(place: Path, columns: Columns) -> None:
    # float32 in as many digits as bring the same number back.
    values = [v.astype(str) if isinstance(v, np.ndarray) else v for v in columns.values()]
    with place.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        for row in zip(*values, strict=True):
            table.writerow(map(table_cell, row))


def _rows_of_csv(place: Path) -> int:
    with place.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def _write_parquet(place: Path, columns: Columns) -> None:
    import pyarrow
    import pyarrow.parquet

    arrays = {name: pyarrow.array(values) for name, values in columns.items()}
    pyarrow.parquet.write_table(pyarrow.table(arrays), place)


def _rows_of_parquet(place: Path) -> int:
    import pyarrow.parquet

    return int(pyarrow.parquet.read_metadata(place).num_rows)
