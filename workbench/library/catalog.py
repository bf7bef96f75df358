"""The library: a folder of run folders. Opens without torch."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from workbench import paths
from workbench.library.run_folder import RunRecord, RunWriter, new_run_name, read_record
from workbench.messages import WorkbenchError


class Library:
    """All runs under ``path``. The folders are the truth: nothing is remembered here."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or paths.library()).absolute()

    def runs(self) -> list[RunRecord]:
        """Every run that can be read, newest first."""
        return self.read()[0]

    def read(self) -> tuple[list[RunRecord], list[WorkbenchError]]:
        """Every run that can be read, newest first, and the reasons for those that cannot."""
        records, problems = [], []
        for folder in self._folders():
            try:
                records.append(read_record(folder))
            except WorkbenchError as error:
                problems.append(error)
        records.sort(key=lambda record: (record.created, record.id), reverse=True)
        return records, problems

    def _folders(self) -> list[Path]:
        try:
            return [
                entry
                for entry in self.path.iterdir()
                # A folder without a record is a run that is being created this very moment.
                if not entry.name.startswith(".") and (entry / "run.json").is_file()
            ]
        except FileNotFoundError:
            return []

    def create(self, record: RunRecord) -> RunWriter:
        """A new run folder, written to through the returned writer. ``record.id`` is set from
        the time and the preset.

        Raises :class:`WorkbenchError` where the library cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            folder = self._new_folder(new_run_name(record.preset))
            return RunWriter(folder, replace(record, id=folder.name))
        except OSError as error:
            raise WorkbenchError(
                "{path}: the library cannot be written ({reason}); choose another folder or free "
                "some space.",
                path=self.path,
                reason=error.strerror,
            ) from None

    def _new_folder(self, name: str) -> Path:
        # Two runs in the same second, also from two processes: the folder is the arbiter.
        for number in range(1, 10_000):
            folder = self.path / (name if number == 1 else f"{name}_{number}")
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise WorkbenchError("{path}: has too many runs of this second.", path=self.path)

    def discard(self, writer: RunWriter) -> None:
        """Removes the folder of a cancelled run."""
        writer.close()
        shutil.rmtree(writer.folder, ignore_errors=True)
