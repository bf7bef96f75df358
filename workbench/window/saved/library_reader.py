"""Reads the library on a thread of its own, for the table of runs."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.window.work.session import Work

SLICE_S = 0.02
"""Longest time for reading new runs before those that were read are shown."""
LONGEST_MS = 1000
"""How long the end of a look is waited for when no more are wanted. It is longer only where the
disk does not answer; the thread then ends by itself."""


@dataclass(frozen=True)
class Reading:
    """What a look at the library found.

    Args:
        runs: every run that can be read, newest first; the same objects where nothing changed.
        problems: why others cannot be read.
        more: whether there are folders that the next look reads.
    """

    runs: list[RunRecord]
    problems: list[WorkbenchError]
    more: bool


class LibraryReader(QObject):
    """Looks at a library, one look at a time, each in a thread that ends with it."""

    found = Signal(object)
    """A look has ended: its :class:`Reading`."""

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._work: Work | None = None
        self._looked: Reading | None = None

    def look(self) -> None:
        """Read what changed; ``found`` follows. Does nothing while a look is under way."""
        if self._work is None:
            self._work = Work(self._read)
            self._work.finished.connect(self._ended)
            self._work.begin()

    def look_now(self) -> Reading:
        """Read what changed on the thread of the caller, who has just changed something."""
        # What the look that is under way found may be older: it tells nothing.
        self.end()
        return self._reading()

    def end(self) -> None:
        """Drop the look that is under way, and wait for its thread."""
        work, self._work = self._work, None
        if work is not None:
            work.finished.disconnect(self._ended)
            work.wait(LONGEST_MS)

    def _reading(self) -> Reading:
        runs, problems = self._library.read(SLICE_S)
        return Reading(runs, problems, bool(self._library.unread))

    def _read(self) -> None:
        self._looked = self._reading()

    def _ended(self) -> None:
        looked, self._work, self._looked = self._looked, None, None
        if looked is not None:
            self.found.emit(looked)
