"""The test images of runs, read on a thread of their own beside whatever is under way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from workbench.data.data_choice import choice_of
from workbench.data.kept_images import TestImages, kept_test_images
from workbench.data.progress import DataProgress
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.path_text import from_text, shown
from workbench.window.work.session import Work

log = logging.getLogger("workbench")

PROGRESS_INTERVAL = 100
"""Milliseconds."""


class ImageStore(QObject):
    """Reads the test split of a run's data set and keeps the last one in memory.

    Reading draws no random number and trains nothing, so that it need not wait for the session,
    and no run waits for it.
    """

    loaded = Signal(object)
    """TestImages, of a fingerprint that was wanted."""
    missing = Signal(str, object)
    """Fingerprint that was wanted, and the Message that says why its images are not there."""
    progress = Signal(str, object)
    """Fingerprint that was wanted, and the DataProgress, while its images are decoded."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._last: TestImages | None = None
        self._readings: dict[str, _Reading] = {}
        self._stopped = threading.Event()
        self._looking = QTimer(self)
        self._looking.setInterval(PROGRESS_INTERVAL)
        self._looking.timeout.connect(self._tell_progress)

    def get(self, fingerprint: object) -> TestImages | None:
        """Return what is in memory already."""
        last = self._last
        return last if last is not None and last.fingerprint == fingerprint else None

    def want(self, data: Mapping[str, Any]) -> None:
        """Read the test images of ``data``, a ``DataInfo`` as plain values; ``loaded`` or
        ``missing`` follows."""
        fingerprint = str(data.get("fingerprint", ""))
        if (last := self.get(fingerprint)) is not None:
            self.loaded.emit(last)
            return
        if fingerprint in self._readings or self._stopped.is_set():
            return
        reading = _Reading(data, self._stopped)
        self._readings[fingerprint] = reading
        reading.work.finished.connect(self._some_ended)
        self._looking.start()
        reading.work.begin()

    def stop(self, milliseconds: int) -> bool:
        """Give up what is read, and read no more; whether it ended in time."""
        self._stopped.set()
        works = [reading.work for reading in self._readings.values()]
        ended = all([work.wait(milliseconds) for work in works])
        self._looking.stop()
        return ended

    def _tell_progress(self) -> None:
        for fingerprint, reading in list(self._readings.items()):
            if (progress := reading.progress) is not None:
                reading.progress = None
                self.progress.emit(fingerprint, progress)

    def _some_ended(self) -> None:
        ended = {f: one for f, one in self._readings.items() if one.work.isFinished()}
        for fingerprint, reading in ended.items():
            reading.work.wait()
            del self._readings[fingerprint]
        if not self._readings:
            self._looking.stop()
        for fingerprint, reading in ended.items():
            if isinstance(reading.outcome, TestImages):
                self._last = reading.outcome
                self.loaded.emit(reading.outcome)
            elif reading.outcome is not None:
                self.missing.emit(fingerprint, reading.outcome)


class _Reading:
    """``progress`` and ``outcome`` are set by the thread, and nothing else is."""

    def __init__(self, data: Mapping[str, Any], stopped: threading.Event) -> None:
        self.progress: DataProgress | None = None
        self.outcome: TestImages | Message | None = None
        self._data = dict(data)
        self._stopped = stopped
        self.work = Work(self._read)

    def _read(self) -> None:
        try:
            self.outcome = self._images()
        except WorkbenchError as error:
            self.outcome = error.message
        except Cancelled:
            pass
        except Exception as error:
            log.exception("The test images could not be read")
            from workbench.running.failures import explain

            self.outcome = explain(error)

    def _images(self) -> TestImages | Message:
        fingerprint = str(self._data.get("fingerprint", ""))
        kept = kept_test_images(fingerprint)
        if kept is not None:
            return kept
        try:
            choice = choice_of(self._data)
        except WorkbenchError as error:
            return Message(
                "The images are no longer on this machine. {reason}", reason=error.message
            )
        from workbench.data.datasets import load_data, test_images

        found = test_images(load_data(choice, self._heard, self._stopped.is_set))
        if found.fingerprint != fingerprint:
            return Message(
                "The images in {place} are not the ones this run was tested on.",
                place=shown(from_text(str(self._data.get("path") or self._data.get("name", "?")))),
            )
        return found

    def _heard(self, progress: object) -> None:
        if isinstance(progress, DataProgress):
            self.progress = progress
