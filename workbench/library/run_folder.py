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

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from workbench import atomic
from workbench.engine.events import EpochDone, Evaluation
from workbench.file_names import file_name
from workbench.library.labels import Change, Labels, edit_labels, read_labels
from workbench.messages import Message, WorkbenchError
from workbench.plain_text import visible
from workbench.spec.experiment import tests_otherwise

FORMAT = 1
"""Format number of a run folder."""

CHECKPOINT = "checkpoint.pt"

Status = Literal["running", "finished", "stopped", "failed", "interrupted"]


@dataclass(frozen=True)
class RunRecord:
    """What the catalog shows of a run. ``accuracy`` in percent: the final test's, or the last
    epoch's while there is none. ``best_accuracy`` is the test accuracy of the best epoch, which
    was chosen by ``best_validation_accuracy``, or by the test itself where that is ``None``.
    ``created`` is UTC in ISO 8601; ``seconds`` as in ``RunEnded``;
    ``weights`` and ``best_weights`` are file names in the folder. ``continues``: the id of the
    finished run that this one trains on; ``resumed``: an entry for each time that the run went on
    (``at``, ``epoch``, ``step``, ``notices``, ``threads``). ``threads_timed``: steps a second by
    number of CPU threads, where that number was chosen by timing. ``experiment``, ``data`` and
    ``environment`` are plain values. ``name``, ``notes``, ``tags`` and ``starred`` are what a
    person wrote to it, from ``labels.json``."""

    id: str
    created: str
    preset: str | None
    title: str
    experiment: dict[str, Any]
    data: dict[str, Any]
    device: str
    environment: dict[str, Any]
    epochs: int
    steps_per_epoch: int
    status: Status = "running"
    epochs_done: int = 0
    accuracy: float | None = None
    best_epoch: int | None = None
    best_accuracy: float | None = None
    best_validation_accuracy: float | None = None
    seconds: float = 0.0
    reason: str | None = None
    reason_parts: dict[str, Any] | None = None
    weights: str | None = None
    best_weights: str | None = None
    continues: str | None = None
    resumed: list[dict[str, Any]] = field(default_factory=list)
    threads_timed: dict[str, float] = field(default_factory=dict)
    name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    starred: bool = False
    format: int = FORMAT
    folder: Path = field(default=Path(), compare=False)

    @property
    def why(self) -> Message | None:
        """Why the run failed, as a message that the window can translate."""
        parts = self.reason_parts or {}
        template, values = parts.get("template"), parts.get("values")
        if isinstance(template, str) and isinstance(values, dict):
            return Message(template, **values)
        return Message("{reason}", reason=self.reason) if self.reason else None

    @property
    def ended_early(self) -> bool:
        """Whether early stopping ended it, before its last epoch."""
        patient = bool(self.experiment.get("early_stopping"))
        return patient and self.status == "finished" and self.epochs_done < self.epochs

    @property
    def best_chosen_on(self) -> Literal["validation", "test"] | None:
        """By which split the best epoch was chosen; ``None`` while there is no best epoch."""
        if self.best_epoch is None:
            return None
        return "test" if self.best_validation_accuracy is None else "validation"

    @property
    def tested_otherwise(self) -> bool:
        """Whether the accuracies after the epochs, the best one's too, were taken in another way
        than that of the final test, as :func:`tests_otherwise` says."""
        return tests_otherwise(self.experiment)

    @property
    def label(self) -> str:
        """What the run is called: ``007 Adam``, with its name in place of the title where it has
        one, else its id."""
        return self.label_with(self.title)

    def label_with(self, title: str) -> str:
        """:attr:`label` with the preset's title in another language; in one line, as
        :func:`visible` shows it."""
        number = preset_number(self.preset)
        if self.name.startswith(number):
            number = "" if self.name else number
        words = " ".join(filter(None, (number, self.name or title)))
        return visible(words or self.preset or self.id)


def preset_number(preset: str | None) -> str:
    """The id of a preset of the report, a number that people know it by; empty for an own one,
    whose id only repeats its title."""
    return preset if preset and preset.isdigit() else ""


def plain_json(value: object) -> str:
    """JSON with NaN and infinity as null, which is all that JSON has for them."""
    return json.dumps(_finite(value), ensure_ascii=False, indent=1)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


# --- writing ---------------------------------------------------------------------------


@dataclass(frozen=True)
class History:
    """What a resumed run keeps of its files: ``losses`` (float32, (steps,)) and ``rows`` of
    ``epochs.csv`` up to its checkpoint. ``before``: the record that this goes by."""

    losses: np.ndarray
    rows: Sequence[dict[str, Any]]
    before: RunRecord


class RunWriter:
    """Writes one run. Holds the run's lock from the start to :meth:`close`.

    Every method raises ``OSError`` where the disk does not take the file.
    """

    def __init__(self, folder: Path, record: RunRecord, going_on: History | None = None) -> None:
        """``going_on``: what a run that is resumed keeps; a new one begins with nothing.

        Raises ``filelock.Timeout`` where another process holds the run."""
        self.folder = folder
        self.record = replace(record, folder=folder)
        self._lock = FileLock(folder / "run.lock", timeout=5)
        self._lock.acquire()
        self._rows: list[dict[str, Any]] = list(going_on.rows) if going_on else []
        self._files: list[IO[Any]] = []
        try:
            if going_on is not None:
                self._require_unchanged(going_on.before)
                self._cut_back(going_on)
            self._losses = (folder / "losses.f32").open("ab")
            self._files.append(self._losses)
            self._log = (folder / "log.txt").open("a", encoding="utf-8", errors="backslashreplace")
            self._files.append(self._log)
            self.update()
        except BaseException:
            self.close()
            raise

    def update(self, **changes: Any) -> None:
        """Changes fields of the record and writes it."""
        self.record = replace(self.record, **changes)
        write_record(self.record)

    def add_losses(self, losses: Sequence[float]) -> None:
        # Flushed at once, for whoever watches the run from elsewhere.
        self._losses.write(np.asarray(losses, dtype="<f4").tobytes())
        self._losses.flush()

    def add_lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._log.write(visible(line) + "\n")
        self._log.flush()

    def add_epoch(self, event: EpochDone, seconds: float) -> None:
        """Writes the row, the test and the record; ``seconds`` is the run's time so far."""
        validation = event.validation
        self._rows.append(
            {
                "epoch": event.epoch,
                "loss": event.loss,
                "last_loss": event.last_loss,
                "accuracy": event.test.accuracy,
                "correct": event.test.correct,
                "total": event.test.total,
                "test_loss": event.test.loss,
                "test_mode": event.test.mode,
                **(_validation_cells(validation) if validation else {}),
                "learning_rate": event.learning_rate,
                "seconds": round(event.seconds, 4),
                "test_seconds": round(event.test_seconds, 4),
            }
        )
        self._write_rows()
        self.add_test(event.test, event.epoch, final=False)
        changes: dict[str, Any] = {
            "epochs_done": event.epoch,
            "accuracy": event.test.accuracy,
            "seconds": seconds,
        }
        if event.best:
            changes |= {
                "best_epoch": event.epoch,
                "best_accuracy": event.test.accuracy,
                "best_validation_accuracy": validation.accuracy if validation else None,
            }
        self.update(**changes)

    def _write_rows(self) -> None:
        text = io.StringIO()
        table = csv.DictWriter(text, fieldnames=list(self._rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(self._rows)
        atomic.write_text(self.folder / "epochs.csv", text.getvalue())

    def _require_unchanged(self, before: RunRecord) -> None:
        """Another process may have trained the run on while this one loaded the data."""
        if before.folder != self.folder:
            return  # a new run, which continues another
        now = record_as_written(self.folder)
        status = "running" if before.status == "interrupted" else before.status
        if (now.status, now.seconds, now.resumed) != (status, before.seconds, before.resumed):
            raise WorkbenchError(
                "{name} was trained further elsewhere in the meantime; open it again.",
                name=before.label,
            )

    def _cut_back(self, history: History) -> None:
        """Leaves of the files what the checkpoint knows: the rest will come again."""
        path, content = self.folder / "losses.f32", history.losses.astype("<f4").tobytes()
        if path.is_file() and path.stat().st_size >= len(content):
            os.truncate(path, len(content))  # it only grew since: its beginning is the same
        else:
            with atomic.replacing(path) as file:
                file.write(content)
        if self._rows:
            self._write_rows()
        else:
            atomic.delete(self.folder / "epochs.csv")
        try:
            latest = read_test(self.folder)
        except WorkbenchError:
            return  # damaged: the next test replaces it
        if latest is not None and latest[1] > len(self._rows):
            atomic.delete(self.folder / "test.json")

    def sync(self) -> None:
        """What was added so far is on the disk: a checkpoint builds on it."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())

    def drop_checkpoint(self) -> None:
        """The run cannot be resumed any more."""
        atomic.delete(self.folder / CHECKPOINT)

    def add_test(self, test: Evaluation, epoch: int, final: bool) -> None:
        content = test_content(test, epoch, final)
        atomic.write_text(self.folder / "test.json", plain_json(content))

    def add_logits(self, logits: np.ndarray, labels: np.ndarray) -> None:
        with atomic.replacing(self.folder / "test_logits.npz") as file:
            np.savez(file, logits=logits, labels=labels)

    def close(self) -> None:
        """Closes the files and gives the lock back. May be called again."""
        for file in self._files:
            with suppress(OSError):  # what a full disk did not take was said when it was written
                file.close()
        self._lock.release()


def _validation_cells(validation: Evaluation) -> dict[str, Any]:
    return {
        "validation_accuracy": validation.accuracy,
        "validation_correct": validation.correct,
        "validation_total": validation.total,
        "validation_loss": validation.loss,
    }


def test_content(test: Evaluation, epoch: int, final: bool) -> dict[str, Any]:
    """What ``test.json`` holds."""
    return {"epoch": epoch, "final": final, **asdict(test)}


def write_record(record: RunRecord) -> None:
    """Replaces ``run.json`` in the record's folder; what ``labels.json`` holds stays there."""
    content = asdict(record)
    for name in ("folder", "notes", "tags", "starred"):
        del content[name]
    atomic.write_text(record.folder / "run.json", plain_json(content))


def new_run_name(preset: str | None, now: datetime | None = None) -> str:
    """``2026-11-23_205630_001``: local time and preset, as a folder name."""
    now = now or datetime.now()
    return f"{now:%Y-%m-%d_%H%M%S}_{file_label(preset)}"


def file_label(preset: str | None) -> str:
    """A preset's id as part of a file name, at most 40 characters."""
    return file_name(preset or "", longest=40, otherwise="experiment")


def now_utc() -> str:
    """The present as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


# --- reading ---------------------------------------------------------------------------


def read_record(folder: Path) -> RunRecord:
    """The record of a run folder; a run whose process is gone is ``interrupted``. Its ``id`` is
    the folder's name, also where somebody copied or renamed the folder. Labels that cannot be
    read are left out.

    Raises :class:`WorkbenchError` where ``run.json`` is missing, broken, or of a newer format.
    """
    return read_run(folder)[0]


def read_run(folder: Path) -> tuple[RunRecord, WorkbenchError | None]:
    """What :func:`read_record` gives and raises, and why its labels cannot be read."""
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
    """The record as ``run.json`` has it: ``running`` also where no process trains the run.

    Raises as :func:`read_record`.
    """
    try:
        content = json.loads((folder / "run.json").read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "not valid JSON"
        raise WorkbenchError(
            "{path}: this run cannot be read ({reason}).", path=folder, reason=reason
        ) from None
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise WorkbenchError("{path}: this is not a run folder.", path=folder)
    if content["format"] > FORMAT:
        raise WorkbenchError(
            "{path}: this run was written by a newer version of the program; update the program "
            "to open it.",
            path=folder,
        )
    values = {name: content[name] for name in _KINDS if name in content}
    if not values.keys() >= _NEEDED:
        raise WorkbenchError("{path}: run.json lacks fields; it is damaged.", path=folder)
    for name, value in values.items():
        if not isinstance(value, _KINDS[name]):
            raise WorkbenchError(
                "{path}: {field} in run.json cannot be read; the file is damaged.",
                path=folder,
                field=name,
            )
    return RunRecord(**values | {"id": folder.name}, folder=folder)


_KINDS: dict[str, Any] = {
    **dict.fromkeys(("id", "created", "title", "device", "status", "name"), str),
    **dict.fromkeys(("preset", "reason", "weights", "best_weights", "continues"), str | None),
    **dict.fromkeys(("experiment", "data", "environment", "threads_timed"), dict),
    **dict.fromkeys(("epochs", "steps_per_epoch", "epochs_done", "format"), int),
    "resumed": list,
    "reason_parts": dict | None,
    "best_epoch": int | None,
    "seconds": int | float,
    **dict.fromkeys(("accuracy", "best_accuracy", "best_validation_accuracy"), int | float | None),
}
"""What each field of ``run.json`` holds: a file that a person mended by hand must not reach
whoever shows it with a text where a number belongs."""

_NEEDED = {
    item.name
    for item in fields(RunRecord)
    if item.default is MISSING and item.default_factory is MISSING
} & _KINDS.keys()


def label_run(folder: Path, change: Change) -> RunRecord:
    """Edits name, notes, tags or star, also while another process trains the run.

    Raises :class:`WorkbenchError` where the run has vanished, or its labels cannot be read or
    written.
    """
    # Read first: taking the lock beside a run that has vanished could make a folder anew.
    record_as_written(folder)
    edit_labels(folder, change)
    return read_record(folder)


def has_checkpoint(folder: Path) -> bool:
    """Whether the run can be resumed: it keeps its ``checkpoint.pt`` only as long as that."""
    return (folder / CHECKPOINT).is_file()


def is_locked(folder: Path) -> bool:
    """Whether a living process trains this run."""
    path = folder / "run.lock"
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        # Another look from elsewhere holds the lock for some microseconds, a run for longer.
        lock.acquire(timeout=0.004, poll_interval=0.002)
    except Timeout:
        return True
    except OSError:
        return False  # a read-only library: nobody trains in it
    lock.release()
    return False


def read_losses(folder: Path) -> np.ndarray:
    """The loss of every step so far, float32, (steps,); empty where there is none."""
    try:
        content = (folder / "losses.f32").read_bytes()
    except FileNotFoundError:
        content = b""
    return np.frombuffer(content[: len(content) // 4 * 4], dtype="<f4")


def read_epochs(folder: Path) -> list[dict[str, Any]]:
    """The rows of ``epochs.csv``, numbers as numbers; empty where there is none.

    Raises :class:`WorkbenchError` where it cannot be read.
    """
    try:
        text = (folder / "epochs.csv").read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(text), strict=True, restval=""))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "damaged"
        raise WorkbenchError(
            "{path}: epochs.csv cannot be read ({reason}).", path=folder, reason=reason
        ) from None
    if any(None in row for row in rows):  # more cells than columns
        raise WorkbenchError(
            "{path}: epochs.csv cannot be read ({reason}).", path=folder, reason="damaged"
        )
    return [{key: _number(value) for key, value in row.items()} for row in rows]


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


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
    there is none."""
    try:
        content = json.loads((folder / "test.json").read_text(encoding="utf-8"))
        epoch, final = int(content.pop("epoch")), bool(content.pop("final"))
        content["classes"] = tuple(content["classes"])
        content["per_class"] = tuple(content["per_class"])
        content["confusion"] = tuple(tuple(row) for row in content["confusion"])
        if content["loss"] is None:
            content["loss"] = math.nan
        return Evaluation(**content), epoch, final
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise WorkbenchError(
            "{path}: test.json is damaged; test the weights again.", path=folder
        ) from None


def read_log(folder: Path) -> str:
    """The report's lines; empty where there are none."""
    try:
        return (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
