"""The files of a run folder, written: by the process that trains it, and by nobody else.

A run writes only into regular files of its own folder. What it finds there in another place than
such a file (a link, a FIFO) is replaced as a whole or refused, never followed.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
from pydantic import ValidationError

from workbench import atomic
from workbench.engine.events import EpochDone, Evaluation, Event, FinalTest, StepsDone
from workbench.engine.run_state import EpochFigures, RunState
from workbench.file_names import file_name
from workbench.library.histogram_file import HISTOGRAMS, line_of, read_histograms
from workbench.library.run_files import CHECKPOINT, read_test, record_as_written
from workbench.library.run_record import (
    RunFile,
    RunRecord,
    field_of,
    parse_json,
    plain_json,
    reached,
)
from workbench.library.safe_file import lock_file, open_to_add, require_folder
from workbench.messages import WorkbenchError
from workbench.plain_text import visible


@dataclass(frozen=True)
class History:
    """What a resumed run keeps of its files: ``losses`` (float32, (steps,)) and ``rows`` of
    ``epochs.csv`` up to its checkpoint. ``before``: the record that this goes by."""

    losses: np.ndarray
    rows: Sequence[dict[str, Any]]
    before: RunRecord


class RunWriter:
    """Writes one run. Holds the run's lock from the start to :meth:`close`; ``state`` is the run as
    the events so far tell it.

    Every method raises ``OSError`` where the disk does not take the file, and
    :class:`WorkbenchError` where what it is to write could not be read again.
    """

    def __init__(self, folder: Path, record: RunRecord, going_on: History | None = None) -> None:
        """``going_on``: what a run that is resumed keeps; a new one begins with nothing.

        Raises ``filelock.Timeout`` where another process holds the run."""
        self.folder = folder
        self.record = replace(record, folder=folder)
        require_folder(folder)
        record_text(self.record)  # before anything of an older run is cut back
        self._lock = lock_file(folder / "run.lock", timeout=5)
        self._lock.acquire()
        rows = going_on.rows if going_on else ()
        self.state = RunState(finished_epochs=tuple(map(EpochFigures.from_row, rows)))
        self._files: list[IO[Any]] = []
        try:
            if going_on is not None:
                self._require_unchanged(going_on.before)
                self._cut_back(going_on)
            self._losses = open_to_add(folder / "losses.f32")
            self._files.append(self._losses)
            self._log = open_to_add(folder / "log.txt")
            self._files.append(self._log)
            self.update()
        except BaseException:
            self.close()
            raise

    def update(self, **changes: Any) -> None:
        """Change fields of the record and write it."""
        self.record = replace(self.record, **changes)
        write_record(self.record)

    def add(self, event: Event) -> None:
        """Fold ``event`` into :attr:`state` and write what it adds: losses, an epoch's row and
        test, the final test with its logits."""
        self.state = self.state.after(event)
        if isinstance(event, StepsDone):
            self.add_losses(event.losses)
        elif isinstance(event, EpochDone):
            self._add_epoch(event)
        elif isinstance(event, FinalTest):
            self.add_logits(event.logits, event.labels)
            self.add_test(event.figures, self.state.epochs_done, final=True)
            self.update(accuracy=event.figures.accuracy)

    def add_losses(self, losses: Sequence[float]) -> None:
        # Flushed at once, for whoever watches the run from elsewhere.
        self._losses.write(np.asarray(losses, dtype="<f4").tobytes())
        self._losses.flush()

    def add_lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._log.write(f"{visible(line)}\n".encode("utf-8", "replace"))
        self._log.flush()

    def _add_epoch(self, event: EpochDone) -> None:
        self._write_rows()
        if event.histograms:
            self._add_histograms(line_of(event.epoch, event.histograms))
        self.add_test(event.test, event.epoch, final=False)
        self.update(**reached(self.state))

    def _add_histograms(self, line: bytes) -> None:
        with open_to_add(self.folder / HISTOGRAMS) as file:
            file.write(line)

    def _write_rows(self) -> None:
        rows = [epoch.row() for epoch in self.state.finished_epochs]
        text = io.StringIO()
        # A run that an earlier version began has fewer columns in its first rows.
        names = max(rows, key=len)
        table = csv.DictWriter(text, fieldnames=list(names), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
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
        """Leave of the files what the checkpoint knows: the rest will come again."""
        # As a whole, never cut in place: it may be a link, or a backup's by another name.
        with atomic.replacing(self.folder / "losses.f32") as file:
            file.write(history.losses.astype("<f4").tobytes())
        if self.state.epochs_done:
            self._write_rows()
        else:
            atomic.delete(self.folder / "epochs.csv")
        self._cut_histograms(history.before.folder)
        try:
            latest = read_test(self.folder)
        except WorkbenchError:
            return  # damaged: the next test replaces it
        if latest is not None and latest[1] > self.state.epochs_done:
            atomic.delete(self.folder / "test.json")

    def _cut_histograms(self, before: Path) -> None:
        """Keep those of the epochs done, also of the finished run that a new one trains on."""
        try:
            kept = read_histograms(before)
        except WorkbenchError:
            kept = {}  # damaged: they begin again
        lines = [line_of(n, one) for n, one in kept.items() if n <= self.state.epochs_done]
        if lines:
            with atomic.replacing(self.folder / HISTOGRAMS) as file:
                file.writelines(lines)
        else:
            atomic.delete(self.folder / HISTOGRAMS)

    def sync(self) -> None:
        """Return what was added so far is on the disk: a checkpoint builds on it."""
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
        """Close the files and give the lock back. May be called again."""
        for file in self._files:
            with suppress(OSError):  # what a full disk did not take was said when it was written
                file.close()
        self._lock.release()


def test_content(test: Evaluation, epoch: int, final: bool) -> dict[str, Any]:
    """Return what ``test.json`` holds."""
    return {"epoch": epoch, "final": final, **asdict(test)}


def write_record(record: RunRecord) -> None:
    """Replace ``run.json`` in the record's folder; what ``labels.json`` holds stays there.

    Raises as :func:`record_text`, and ``OSError`` where the disk does not take it.
    """
    atomic.write_text(record.folder / "run.json", record_text(record))


def record_text(record: RunRecord) -> str:
    """Return what ``run.json`` is to hold. Raises :class:`WorkbenchError` where it could not be
    read again."""
    content = asdict(record)
    for name in ("folder", "notes", "tags", "starred"):
        del content[name]
    text = plain_json(content)
    try:
        RunFile.model_validate(parse_json(text.encode()))
    except ValidationError as error:
        raise WorkbenchError(
            "{path}: run.json was not written, as {field} is not what it may hold.",
            path=record.folder,
            field=field_of(error),
        ) from None
    return text


def new_run_name(preset: str | None, now: datetime | None = None) -> str:
    """``2026-11-23_205630_001``: local time and preset, as a folder name."""
    now = now or datetime.now()
    return f"{now:%Y-%m-%d_%H%M%S}_{file_label(preset)}"


def file_label(preset: str | None) -> str:
    """Return a preset's id as part of a file name, at most 40 characters."""
    return file_name(preset or "", longest=40, otherwise="experiment")


def now_utc() -> str:
    """The present as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
