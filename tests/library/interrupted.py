"""A run that was interrupted in the middle of an epoch, in a moment: one that was stopped, and
never said so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.events import Event, StepsDone
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, read_record, write_record
from workbench.running import runner
from workbench.spec.experiment import experiment_from


def interrupted_run(library: Library, data: DataSet, **values: Any) -> RunRecord:
    """Interrupted in epoch 2 of 3, after step 3; its checkpoint knows these three steps."""
    control = RunControl()

    def listen(event: Event) -> None:
        if isinstance(event, StepsDone) and (event.epoch, event.step) == (2, 3):
            control.stop()

    with (
        patch.object(runner, "load_data", lambda choice, progress, stop: data),
        patch.object(training, "REPORT_INTERVAL", 0.0),
    ):
        ended = runner.run_experiment(
            experiment_from({"epochs": 3, "batch_size": 16, **values}),
            library,
            listen,
            control,
            data=choose_data("sample"),
            device="cpu",
            preset="001",
            title="First",
        )
    record = read_record(Path(ended.run))
    (record.folder / (record.weights or "")).unlink()
    write_record(replace(record, status="running", weights=None))
    return read_record(record.folder)
