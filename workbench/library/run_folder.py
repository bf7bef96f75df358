"""The folder of one run: what is in it, how it is written and read. Opens without torch.

========================  ==================================================================
``run.json``              what was run and how far it is (:class:`RunRecord`)
``losses.f32``            the loss of every step: float32, little endian, nothing else
``epochs.csv``            one row for each epoch; columns of the validation where it is split off
``test.json``             the latest test: figures, per-class accuracy, confusion matrix
``test_logits.npz``       the final test: ``logits`` (float32) and ``labels`` (int64)
``log.txt``               the report's lines
``histograms.jsonl``      a line for each epoch, where histograms were asked for
``mlp_weight_ID.pkl``     the weights; ``mlp_weight_ID_best.pkl`` those of the best epoch
``run.lock``              held by the process that trains, free when it is gone
``labels.json``           what a person wrote to the run (:mod:`workbench.library.labels`)
``checkpoint.pt``         there while the run can be resumed
========================  ==================================================================

Files are replaced as a whole, or (losses, log) only grow: a kill at any moment leaves the old
or the new one, and an unfinished last loss or line is ignored when read.
"""

from __future__ import annotations

from pathlib import Path

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
from workbench.library.run_record import FORMAT, RunRecord, Status, plain_json, preset_number
from workbench.library.run_writer import (
    History,
    RunWriter,
    file_label,
    new_run_name,
    now_utc,
    test_content,
    write_record,
)

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
    "label_run",
    "new_run_name",
    "now_utc",
    "plain_json",
    "preset_number",
    "read_epochs",
    "read_log",
    "read_losses",
    "read_record",
    "read_run",
    "read_test",
    "record_as_written",
    "test_content",
    "write_record",
]


def label_run(folder: Path, change: Change) -> RunRecord:
    """Edit name, notes, tags or star, also while another process trains the run.

    Raises :class:`WorkbenchError` where the run has vanished, or its labels cannot be read or
    written.
    """
    require_own_folder(folder)
    # Read first: taking the lock beside a run that has vanished could create its folder.
    record_as_written(folder)
    edit_labels(folder, change)
    return read_record(folder)
