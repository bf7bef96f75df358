"""The files of a run folder, read: each by the one reader that checks it. Opens without torch.

Every reader raises :class:`WorkbenchError` with one sentence for whatever it finds in the place of
its file, and takes no more memory than a limit allows.
"""

from __future__ import annotations

import csv
import io
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engine.events import Evaluation
from workbench.library.labels import Labels, read_labels
from workbench.library.run_record import RunRecord, parse_json, record_from, test_from
from workbench.library.safe_file import (
    LARGEST_JSON,
    clean_text,
    is_held,
    read_bytes,
    reason_of,
    require_folder,
)
from workbench.messages import Message, WorkbenchError

CHECKPOINT = "checkpoint.pt"

LARGEST_LOSSES = 400_000_000  # in bytes: a hundred million steps
LARGEST_TABLE = 32_000_000
LARGEST_TEST = 32_000_000
LARGEST_LOG = 64_000_000

# --- run.json --------------------------------------------------------------------------


def read_record(folder: Path) -> RunRecord:
    """The record of a run folder; a run whose process is gone is ``interrupted``. Its ``id`` is
    the folder's name, also where somebody copied or renamed the folder. Labels that cannot be
    read are left out.

    Raises :class:`WorkbenchError` where ``run.json`` is missing, broken, or of a newer format.
    """
    return read_run(folder)[0]


def read_run(folder: Path) -> tuple[RunRecord, WorkbenchError | None]:
    """Return what :func:`read_record` gives and raises, and why its labels cannot be read."""
    record = record_as_written(folder)
    if record.status == "running" and not is_locked(folder):
        # Read once more: the run may have ended between the two looks.
        again = record_as_written(folder)
        if again != record:
            return read_run(folder)
        record = replace(again, status="interrupted")
    try:
        return _labeled(record, read_labels(folder)), None
    except WorkbenchError as problem:
        return record, problem


def _labeled(record: RunRecord, labels: Labels) -> RunRecord:
    return replace(
        record,
        # Earlier versions kept the name in run.json.
        name=record.name if labels.name is None else labels.name,
        notes=labels.notes,
        tags=labels.tags,
        starred=labels.starred,
    )


def record_as_written(folder: Path) -> RunRecord:
    """Return what ``run.json`` holds, without the labels. Raises as :func:`read_record`."""
    try:
        content = parse_json(read_bytes(folder / "run.json", LARGEST_JSON))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, FileNotFoundError) and not folder.exists():
            raise WorkbenchError(
                "{path}: the folder of this run is gone; was it, or its library, moved or deleted?",
                path=folder,
            ) from None
        reason = reason_of(error) if isinstance(error, OSError) else Message("not valid JSON")
        raise WorkbenchError(
            "{path}: this run cannot be read ({reason}).", path=folder, reason=reason
        ) from None
    return record_from(content, folder)


def require_own_folder(folder: Path) -> None:
    """Raise :class:`WorkbenchError` where the run ``folder`` of a library is a link, which would
    lead whoever writes to it out of the library."""
    try:
        require_folder(folder)
    except OSError as error:
        raise WorkbenchError(
            "{path}: this run cannot be read ({reason}).", path=folder, reason=reason_of(error)
        ) from None


def has_checkpoint(folder: Path) -> bool:
    """Return whether the run can be resumed: it keeps its ``checkpoint.pt`` only as long as
    that."""
    try:
        return stat.S_ISREG((folder / CHECKPOINT).lstat().st_mode)
    except OSError:
        return False


def is_locked(folder: Path) -> bool:
    """Return whether a living process trains this run."""
    return is_held(folder / "run.lock")


# --- figures ---------------------------------------------------------------------------


def read_losses(folder: Path) -> np.ndarray:
    """The loss of every step so far, float32, (steps,); empty where there is none.

    Raises :class:`WorkbenchError` where it cannot be read.
    """
    try:
        content = read_bytes(folder / "losses.f32", LARGEST_LOSSES)
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise _cannot_be_read(folder, "losses.f32", reason_of(error)) from None
    return np.frombuffer(content[: len(content) // 4 * 4], dtype="<f4")


def _cannot_be_read(folder: Path, file: str, reason: object) -> WorkbenchError:
    return WorkbenchError(
        "{path}: {file} cannot be read ({reason}).", path=folder, file=file, reason=reason
    )


def read_epochs(folder: Path) -> list[dict[str, Any]]:
    """The rows of ``epochs.csv``, of epochs 1, 2, 3 and so on, numbers as numbers; empty where
    there is none. Columns that are not known are left out.

    Raises :class:`WorkbenchError` where it cannot be read.
    """
    try:
        text = read_bytes(folder / "epochs.csv", LARGEST_TABLE).decode("utf-8")
        return _rows(text)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _cannot_be_read(folder, "epochs.csv", reason_of(error)) from None
    except (ValueError, csv.Error):
        raise _cannot_be_read(folder, "epochs.csv", Message("it is damaged")) from None


def _rows(text: str) -> list[dict[str, Any]]:
    table = csv.reader(io.StringIO(text), strict=True)
    names = next(table, [])
    if len(names) > _MOST_COLUMNS or len(set(names)) < len(names) or not set(names) >= _NEEDED:
        raise ValueError("other columns")
    kinds = [(name, _COLUMNS.get(name)) for name in names]
    rows: list[dict[str, Any]] = []
    for cells in table:
        if not cells:
            continue
        row = {
            name: kind(cell)
            for (name, kind), cell in zip(kinds, cells, strict=True)
            if kind and (cell or name not in TRAINING_COLUMNS)
        }
        if len(TRAINING_COLUMNS & row.keys()) not in (0, len(TRAINING_COLUMNS)):
            raise ValueError("a part of the figures of the training images")
        if row["epoch"] != len(rows) + 1:
            raise ValueError("not the next epoch")
        rows.append(row)
    return rows


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text):
        raise ValueError("no count")
    return int(text)


def _figure(text: str) -> float:
    """A loss: also NaN or infinite, where a run diverged."""
    if not re.fullmatch("[-+.0-9a-zA-Z]{1,40}", text):
        raise ValueError("no number")
    return float(text)


def _from_to(least: float, most: float) -> Callable[[str], float]:
    def within(text: str) -> float:
        value = _figure(text)
        if not least <= value <= most:  # nor NaN
            raise ValueError("out of range")
        return value

    return within


def _mode(text: str) -> str:
    if text not in ("train", "eval"):
        raise ValueError("no mode")
    return text


_COLUMNS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("epoch", "correct", "total"), _count),
    **dict.fromkeys(("training_correct", "training_total"), _count),
    **dict.fromkeys(("validation_correct", "validation_total"), _count),
    **dict.fromkeys(("loss", "last_loss", "test_loss", "validation_loss"), _figure),
    **dict.fromkeys(("accuracy", "training_accuracy", "validation_accuracy"), _from_to(0.0, 100.0)),
    "test_mode": _mode,
    "learning_rate": _from_to(0.0, 1e3),
    **dict.fromkeys(("seconds", "test_seconds"), _from_to(0.0, 1e10)),
}
_NEEDED = {name for name in _COLUMNS if not name.startswith(("training_", "validation_"))}
_MOST_COLUMNS = 50
VALIDATION_COLUMNS = tuple(name for name in _COLUMNS if name.startswith("validation_"))
"""The columns of ``epochs.csv`` that a run with a validation split has, and no other."""
TRAINING_COLUMNS = {name for name in _COLUMNS if name.startswith("training_")}
"""The columns of ``epochs.csv`` that are empty for an epoch in which an earlier version did not
count the training images that were recognized."""


def best_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The fields of the record that say which of ``rows``, of ``epochs.csv``, is the best epoch:
    the first with the highest accuracy on the validation split, or on the test split where there
    is none. All ``None`` without rows."""
    by = "validation_accuracy" if rows and "validation_accuracy" in rows[0] else "accuracy"
    best: Mapping[str, Any] = max(rows, key=lambda row: row[by], default={})
    return {
        "best_epoch": best.get("epoch"),
        "best_accuracy": best.get("accuracy"),
        "best_validation_accuracy": best.get("validation_accuracy"),
    }


def read_test(folder: Path) -> tuple[Evaluation, int, bool] | None:
    """The latest test, the epoch it followed, and whether it is the final one; ``None`` where
    there is none.

    Raises :class:`WorkbenchError` where it cannot be read.
    """
    try:
        return test_from(parse_json(read_bytes(folder / "test.json", LARGEST_TEST)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot_be_read(folder, "test.json", reason_of(error)) from None
    except (ValueError, RecursionError):
        raise WorkbenchError(
            "{path}: test.json is damaged; `cifar-workbench runs check --fix` writes it again from "
            "the stored logits.",
            path=folder,
        ) from None


def read_log(folder: Path) -> str:
    """The report's lines; empty where there are none.

    Raises :class:`WorkbenchError` where they cannot be read.
    """
    try:
        content = read_bytes(folder / "log.txt", LARGEST_LOG)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _cannot_be_read(folder, "log.txt", reason_of(error)) from None
    return clean_text(content.decode("utf-8", errors="replace"))
