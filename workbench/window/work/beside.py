"""Short work beside the window: writing and reading files that might take a moment."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from workbench import paths
from workbench.messages import WorkbenchError
from workbench.window.kit.translation import say
from workbench.window.work.session import Work

T = TypeVar("T")

log = logging.getLogger("workbench")


class Beside(QObject):
    """Runs functions on threads of their own, and their answers on the window's thread."""

    problem = Signal(str)
    """Why a function failed, as a sentence."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._works: list[Work] = []

    def run(
        self,
        act: Callable[[], T],
        then: Callable[[T], object] = lambda _: None,
        failed: Callable[[], object] = lambda: None,
    ) -> None:
        """Call ``act`` on a thread, and then with its value ``then``, or where it raised
        ``failed`` after :attr:`problem`."""
        values: list[T] = []
        problems: list[WorkbenchError] = []

        def run() -> None:
            try:
                values.append(act())
            except WorkbenchError as error:
                problems.append(error)
            except Exception as error:
                log.exception("Work beside the window failed")
                problems.append(
                    WorkbenchError(
                        "Unexpected error ({kind}); the log file has the details: {log}",
                        kind=type(error).__name__,
                        log=paths.log_file(),
                    )
                )

        def ended() -> None:
            work.wait()
            self._works.remove(work)
            if problems:
                self.problem.emit(say(problems[0].message))
                failed()
            else:
                then(values[0])

        work = Work(run)
        self._works.append(work)
        work.finished.connect(ended)
        work.begin()

    def wait(self, milliseconds: int) -> None:
        """Wait for what is under way, each at most so long."""
        for work in list(self._works):
            work.wait(milliseconds)
