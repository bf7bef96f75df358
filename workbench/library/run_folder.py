"""The folder of one run: what is in it, how it is written and read. Opens without torch.

========================  ==================================================================
``run.json``              what was run and how far it is (:class:`RunRecord`)
``losses.f32``            the loss of every step: float32, little endian, nothing else
``epochs.csv``            one row for each epoch; columns of the validation where it is split off
``test.json``             the latest test: figures, per-class accuracy, confusion matrix
``test_logits.npz``       the final test: ``logits`` (float32) and ``labels`` (int64)
``log.txt``               the report's lines
``mlp_weight_ID.pkl``     the weights; ``mlp_weight_ID_best.pkl`` those of the best epoch
``run.lock``              held by the process that trains, free when it is gone
``labels.json``           what a person wrote to the run (:mod:`workbench.library.labels`)
``checkpoint.pt``         there while the run can be resumed
========================  ==================================================================

Files are replaced as a whole, or (losses, log) only grow: a kill at any moment leaves the old
or the new one, and an unfinished last loss or line is ignored when read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from filelock import Timeout

from workbench.library.labels import Change, edit_labels
from workbench.library.run_files import (
    CHECKPOINT,
    best_of,
    has_checkpoint,
    is_locked,
    read_epochs,
    read_log,
    read_losses,
    read_record,
    read_run,
    read_test,
    record_as_written,
    require_own_folder,
)
from workbench.library.run_record import FORMAT, RunRecord, Status, plain_json
from workbench.library.run_writer import (
    History,
    RunWriter,
    file_label,
    new_run_name,
    now_utc,
    test_content,
    write_record,
)
from workbench.library.safe_file import lock_file, reason_of
from workbench.messages import WorkbenchError

__all__ = [
    "CHECKPOINT",
    "FORMAT",
    "History",
    "RunRecord",
    "RunWriter",
    "Status",
    "best_of",
    "file_label",
    "has_checkpoint",
    "is_locked",
    "keep_run",
    "label_run",
    "new_run_name",
    "now_utc",
    "plain_json",
    "read_epochs",
    "read_log",
    "read_losses",
    "read_record",
    "read_run",
    "read_test",
    "test_content",
    "write_record",
]


def label_run(folder: Path, change: Change) -> RunRecord:
    """Edits name, notes, tags or star, also while another process trains the run.

    Raises :class:`WorkbenchError` where the run has vanished, or its labels cannot be read or
    written.
    """
    require_own_folder(folder)
    # Read first: taking the lock beside a run that has vanished could make a folder anew.
    record_as_written(folder)
    edit_labels(folder, change)
    return read_record(folder)


def keep_run(folder: Path, checkpoint_place: Path) -> RunRecord:
    """Marks an interrupted run as stopped and moves its checkpoint to ``checkpoint_place``, so
    that it no longer waits to be resumed.

    Raises :class:`WorkbenchError` while a process trains it, and where it cannot be written.
    """
    require_own_folder(folder)
    # Read first: taking the lock of a run that has vanished would make its folder anew.
    record = record_as_written(folder)
    try:
        with lock_file(folder / "run.lock", timeout=0):
            record = record_as_written(folder)
            if record.status == "running":
                write_record(replace(record, status="stopped"))
            if has_checkpoint(folder):
                (folder / CHECKPOINT).rename(checkpoint_place)
    except Timeout:
        raise WorkbenchError(
            "{name} is being trained; wait until it has ended.", name=record.label
        ) from None
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written ({reason}).", path=folder, reason=reason_of(error)
        ) from None
    return read_record(folder)
