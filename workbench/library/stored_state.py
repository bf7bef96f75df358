"""A run's state, read from its folder: the same value that its events add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from workbench.data.data_choice import DataInfo, LeftOut
from workbench.engine.run_state import EpochFigures, Losses, RunState
from workbench.engine.status import RunStatus
from workbench.library.run_folder import (
    RunRecord,
    read_epochs,
    read_losses,
    read_record,
    read_test,
)
from workbench.messages import Message, WorkbenchError


def read_state(folder: Path, damaged: list[WorkbenchError] | None = None) -> RunState:
    """Read the state of the run in ``folder``. Where ``damaged`` is given, a test that cannot be
    read is put there and left out.

    A run that another process trains is ``RUNNING``; speed and what it does at this moment are
    known only to that process. Raises :class:`WorkbenchError` where a file of
    the run cannot be read.
    """
    record = read_record(folder)
    losses = read_losses(folder)
    rows = read_epochs(folder)
    latest = None
    try:
        latest = read_test(folder)
    except WorkbenchError as error:
        if damaged is None:
            raise
        damaged.append(error)
    status = RunStatus(record.status)
    steps = record.steps_per_epoch
    epoch = max(1, -(-len(losses) // steps))
    weights = record.weights if status.ended else None
    return RunState(
        status=status,
        run=str(folder),
        data=data_info(record.data),
        device=record.device,
        device_name=str(record.environment.get("device_name", "")),
        threads=_threads(record),
        epochs=record.epochs,
        steps_per_epoch=steps,
        batch_size=int(record.experiment.get("batch_size", 0)),
        validation_images=_validation_images(rows),
        epoch=epoch,
        step=len(losses) - (epoch - 1) * steps,
        step_count=len(losses),
        finished_epochs=tuple(map(EpochFigures.from_row, rows)),
        test=latest[0] if latest else None,
        final=latest[2] if latest else False,
        seconds=record.seconds,
        reason=record.why,
        weights=str(folder / weights) if weights else None,
        notices=tuple(
            Message("{reason}", reason=notice)
            for entry in record.resumed
            for notice in entry.get("notices", ())
        ),
        losses=Losses(losses),
    )


def _threads(record: RunRecord) -> int:
    """Return the number of CPU threads that the run had last."""
    for entry in reversed(record.resumed):
        if entry.get("threads"):
            return int(entry["threads"])
    return int(record.environment.get("cpu_threads") or 0)


def _validation_images(rows: Sequence[dict[str, Any]]) -> int:
    return int(rows[0].get("validation_total", 0)) if rows else 0


def data_info(data: dict[str, Any]) -> DataInfo:
    """Make the ``DataInfo`` of a checked record from its plain values; what an older version
    did not write is empty."""
    known = {item.name for item in fields(DataInfo)}
    empty: dict[str, Any] = {
        "kind": "folder",
        "name": "",
        "train_images": 0,
        "test_images": 0,
        "fingerprint": "",
        "comparable": False,
    }
    values = empty | {name: value for name, value in data.items() if name in known}
    for name in ("classes", "skipped_files"):
        values[name] = tuple(values.get(name, ()))
    values["left_out"] = tuple(LeftOut(**one) for one in values.get("left_out", ()))
    return DataInfo(**values)
