"""Reads a whole data set on a thread of its own, for the window that shows it."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject, QTimer, Signal

from workbench.data.browsed import BrowsedData
from workbench.data.data_choice import DataChoice
from workbench.data.progress import DataProgress
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.window.work.session import Work

log = logging.getLogger("workbench")

PROGRESS_INTERVAL = 100
"""Milliseconds."""


class DataReading(QObject):
    """One reading; ``read``, ``failed`` or nothing (after :meth:`stop`) ends it."""

    read = Signal(object)
    """BrowsedData."""
    failed = Signal(object)
    """The Message that says why."""
    progress = Signal(object)
    """DataProgress, while images are decoded."""

    def __init__(self, choice: DataChoice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Set by the thread, and nothing else is.
        self._outcome: BrowsedData | Message | None = None
        self._heard: DataProgress | None = None
        self._choice = choice
        self._stopped = threading.Event()
        self._looking = QTimer(self)
        self._looking.setInterval(PROGRESS_INTERVAL)
        self._looking.timeout.connect(self._tell)
        self.work = Work(self._read)
        self.work.finished.connect(self._ended)

    def begin(self) -> None:
        self._looking.start()
        self.work.begin()

    def stop(self) -> None:
        """Give the reading up, at its next look at the flag; nothing is heard of it."""
        self._stopped.set()
        self._looking.stop()

    def _tell(self) -> None:
        if (heard := self._heard) is not None:
            self._heard = None
            self.progress.emit(heard)

    def _ended(self) -> None:
        self.work.wait()
        self._looking.stop()
        if self._stopped.is_set():
            return
        if isinstance(self._outcome, BrowsedData):
            self.read.emit(self._outcome)
        elif self._outcome is not None:
            self.failed.emit(self._outcome)

    def _read(self) -> None:
        try:
            from workbench.running.data_browsing import browse  # torch, which takes moments

            self._outcome = browse(self._choice, self._listen, self._stopped.is_set)
        except WorkbenchError as error:
            self._outcome = error.message
        except Cancelled:
            pass
        except Exception as error:
            log.exception("The data could not be read")
            from workbench.running.failures import explain

            self._outcome = explain(error)

    def _listen(self, progress: DataProgress) -> None:
        self._heard = progress
