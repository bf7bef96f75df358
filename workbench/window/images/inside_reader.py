"""Looks inside saved weights on a thread of its own, beside whatever is under way."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from workbench.messages import Message, WorkbenchError
from workbench.window.work.session import Work

log = logging.getLogger("workbench")


class InsideReader(QObject):
    """Gives what weights do with an image. Of questions that come while one is answered only the
    last is kept. Draws no random number, so that no run need wait for it."""

    answered = Signal(object)
    """:class:`workbench.running.inside.Inside`, or the Message that says why there is none."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work: Work | None = None
        self._next: tuple[Path, np.ndarray, int | None] | None = None
        self._outcome: Any = None

    @property
    def busy(self) -> bool:
        """True while a question is answered."""
        return self._work is not None

    def ask(self, path: Path, pixels: np.ndarray, target: int | None = None) -> None:
        """Ask the weights in ``path`` about an image, uint8 (32, 32, 3), and a class, by default
        the most probable one; ``answered`` follows."""
        self._next = (path, pixels, target)
        self._begin()

    def _begin(self) -> None:
        if self._work is not None or self._next is None:
            return
        question, self._next = self._next, None

        def work() -> None:
            try:
                from workbench.running.inside import look_inside  # torch takes a second to import

                self._outcome = look_inside(*question)
            except WorkbenchError as error:
                self._outcome = error.message
            except Exception:
                log.exception("The look inside failed")
                self._outcome = Message("The look inside failed; the log says more.")

        self._work = Work(work)
        self._work.finished.connect(self._ended)
        self._work.begin()

    def _ended(self) -> None:
        self._work = None
        # What was asked meanwhile is wanted more.
        if self._next is None:
            self.answered.emit(self._outcome)
        self._begin()
