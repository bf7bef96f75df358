"""Runs of another library, brought in from a share that was dropped or chosen."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from workbench import paths
from workbench.library.catalog import Library
from workbench.library.shared_runs import Imported, import_share
from workbench.messages import Cancelled, Count, Message, WorkbenchError
from workbench.window.kit.translation import say, tr
from workbench.window.work.session import Work

log = logging.getLogger("workbench")


class Sharing(QObject):
    """Imports shares on a thread; ``parent`` is the window."""

    problem = Signal(str)
    said = Signal(str)
    """A sentence for the status bar."""
    imported = Signal()
    """Runs came into the library."""

    def __init__(self, library: Library, parent: QWidget) -> None:
        super().__init__(parent)
        self._library = library
        self._window = parent
        self._work: Work | None = None
        self._stopped = False
        self._done = (0, 0)
        self._outcome: Imported | Message | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._look)

    def ask(self) -> None:
        """Let the person choose a share."""
        kinds = tr("Shared runs") + " (*.zip);;" + tr("All files") + " (*)"
        path, _ = QFileDialog.getOpenFileName(
            self._window, tr("Import runs"), str(Path.home()), kinds
        )
        if path:
            self.bring_in(Path(path))

    def bring_in(self, path: Path) -> None:
        """Import the share at ``path``."""
        if self._work is not None:
            self.problem.emit(tr("Not available while something is running."))
            return
        self._stopped, self._outcome, self._done = False, None, (0, 0)

        def report(done: int, total: int) -> None:
            self._done = (done, total)

        def work() -> None:
            try:
                self._outcome = import_share(
                    path, self._library.path, report, lambda: self._stopped
                )
            except WorkbenchError as error:
                self._outcome = error.message
            except Cancelled:
                pass
            except Exception as error:
                log.exception("The import failed")
                self._outcome = Message(
                    "Unexpected error ({kind}); the log file has the details: {log}",
                    kind=type(error).__name__,
                    log=paths.log_file(),
                )

        self._work = Work(work)
        self._timer.start()
        self._work.begin()

    def stop(self, milliseconds: int) -> None:
        """End an import that is under way, and wait for that."""
        self._stopped = True
        if self._work is not None:
            self._work.wait(milliseconds)
            self._look()

    def _look(self) -> None:
        if self._work is None:
            return
        if not self._work.isFinished():
            done, total = self._done
            if total:
                self.said.emit(
                    tr("Importing: {done} of {total} MB").format(
                        done=f"{done / 1e6:,.0f}", total=f"{total / 1e6:,.0f}"
                    )
                )
            return
        self._work.wait()
        self._work = None
        self._timer.stop()
        if isinstance(self._outcome, Imported):
            texts = []
            if self._outcome.runs or not self._outcome.known:
                count = Count(len(self._outcome.runs))
                texts.append(tr("Imported: {count:run|runs}.").format(count=count))
            if self._outcome.known:
                known = Count(len(self._outcome.known))
                texts.append(tr("Already in the library: {count:run|runs}.").format(count=known))
            self.said.emit(" ".join(texts))
            self.imported.emit()
        elif self._outcome is not None:
            self.problem.emit(say(self._outcome))
