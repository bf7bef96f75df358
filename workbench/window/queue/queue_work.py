"""The queue behind the window: reads it, changes it, and runs it by worker processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from workbench.engine.events import Event, RunEnded, RunStarted
from workbench.engine.status import RunStatus
from workbench.library.catalog import Library
from workbench.library.queue import Asked, Queue
from workbench.library.queue_entry import Entry
from workbench.library.queue_runners import QueueProcess, queue_processes
from workbench.messages import Message, WorkbenchError
from workbench.window.kit.translation import say, tr
from workbench.window.work.beside import Beside
from workbench.window.work.live_runs import LiveRun, LiveRuns
from workbench.window.work.session import DRAIN_INTERVAL
from workbench.words.titles import preset_title

if TYPE_CHECKING:
    from workbench.running.queue_runner import QueueRunner

T = TypeVar("T")


@dataclass(frozen=True)
class QueueLook:
    """What one look at the queue found: its entries in order, why others cannot be read, who runs
    it, and what was asked of them."""

    entries: Sequence[Entry] = ()
    problems: Sequence[Message] = ()
    processes: Sequence[QueueProcess] = ()
    asked: Asked = "run"


class QueueWork(QObject):
    """The queue of ``library``. Runs it on threads of this process, whose worker processes train;
    the events of all entries come into ``live_runs``. Nothing here waits for a file on the window's
    thread.
    """

    looked = Signal()
    """:attr:`look` is another one."""
    at_work_changed = Signal()
    problem = Signal(str)
    said = Signal(str)
    """A sentence for the status bar."""

    def __init__(self, library: Library, live_runs: LiveRuns, parent: QObject | None = None):
        super().__init__(parent)
        self.look = QueueLook()
        self.known = False
        """Whether the queue has been read."""
        self.unreadable = ""
        """Why the queue as a whole cannot be read."""
        self.at_work = False
        """Whether this process runs the queue."""
        self._library = library
        self._live_runs = live_runs
        self._queue = Queue(library.path)
        self._using = threading.Lock()  # an object is for one thread at a time
        self._keys: dict[str, str] = {}
        self._reports: deque[tuple[Entry, Event]] = deque()
        self._runner: QueueRunner | None = None
        self._stopping = False
        self._reading = self._again = False
        self._when_ended: Callable[[], object] | None = None
        self._beside = Beside(self)
        self._beside.problem.connect(self.problem)
        self._reader = Beside(self)
        self._reader.problem.connect(self._cannot_be_read)
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_INTERVAL)
        self._timer.timeout.connect(self._drain)

    # --- reading -----------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at the queue; :attr:`looked` follows where something has changed."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        self._reader.run(self._read, self._take, self._read_ended)

    def _read(self) -> QueueLook:
        with self._using:
            entries, problems = self._queue.read()
            asked = self._queue.asked
        messages = [problem.message for problem in problems]
        return QueueLook(entries, messages, queue_processes(self._library.path), asked)

    def _take(self, look: QueueLook) -> None:
        if look != self.look or not self.known or self.unreadable:
            self.look, self.known, self.unreadable = look, True, ""
            self.looked.emit()
        self._read_ended()

    def _cannot_be_read(self, why: str) -> None:
        if why != self.unreadable:
            self.unreadable = why
            self.looked.emit()

    def _read_ended(self) -> None:
        self._reading = False
        if self._again:
            self._again = False
            self.refresh()

    def live(self, entry: Entry) -> LiveRun | None:
        """Return the run of ``entry`` while its events come here."""
        return self._live_runs.get(self._keys.get(entry.id))

    # --- changing ----------------------------------------------------------------------

    def change(
        self, act: Callable[[Queue], T], then: Callable[[T], object] = lambda _: None
    ) -> None:
        """Have ``act`` change the queue; ``then`` gets what it returned."""

        def run() -> T:
            with self._using:
                return act(self._queue)

        def done(value: T) -> None:
            then(value)
            self.refresh()

        self._beside.run(run, done, self.refresh)

    # --- running -----------------------------------------------------------------------

    def start(self, workers: int) -> None:
        """Run the queue by so many worker processes until nothing waits; nothing where it is being
        run."""
        if self.at_work:
            return
        self._stopping = False
        self.at_work = True

        def run() -> None:
            if queue_processes(self._library.path):
                return  # somebody else does
            from workbench.running.queue_runner import QueueRunner  # torch takes a second or two

            runner = QueueRunner(
                Library(self._library.path),
                workers=workers,
                listener=lambda entry, event: self._reports.append((entry, event)),
            )
            self._runner = runner
            if self._stopping:
                runner.stop()
            runner.run()

        self._timer.start()
        self._beside.run(run, lambda _: self._ended(), self._ended)
        self.at_work_changed.emit()

    def pause(self) -> None:
        """Have everybody who runs the queue begin no further entry."""
        if self._runner is not None:
            self._runner.pause()
        self.change(lambda queue: queue.ask("pause"))

    def stop(self) -> None:
        """Have everybody who runs the queue stop and keep the running entries."""
        self._stop_ours()
        self.change(lambda queue: queue.ask("stop"))

    def _stop_ours(self) -> None:
        self._stopping = True
        if self._runner is not None:
            self._runner.stop()

    def leave(self, then: Callable[[], object]) -> None:
        """Stop and keep what this process runs, and then call ``then``."""
        self._when_ended = then
        self._stop_ours()

    def run_in_background(
        self, workers: int, then: Callable[[], object], failed: Callable[[], object]
    ) -> None:
        """Have a process run the queue that goes on when the window closes; ``then`` once it
        does, or ``failed`` after :attr:`problem`."""
        place = str(self._library.path)
        command = [sys.executable, "-m", "workbench", "queue", "run", "--library", place]
        command += ["--workers", str(workers), "--detach"]

        def run() -> None:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise WorkbenchError(
                    "The queue did not start: {reason}", reason=done.stderr.strip()[-500:]
                )

        self._beside.run(run, lambda _: then(), failed)

    def _drain(self) -> None:
        while self._reports:
            entry, event = self._reports.popleft()
            key = self._keys.get(entry.id)
            if key is None:
                title = preset_title(entry.preset, entry.title, tr)
                key = self._live_runs.begin(title, entry.data.get("kind") == "sample")
                self._keys[entry.id] = key
                self.refresh()
            self._live_runs.hear(key, event)
            if isinstance(event, RunEnded):
                del self._keys[entry.id]
            if isinstance(event, RunStarted | RunEnded):
                self.refresh()

    def _ended(self) -> None:
        self._drain()
        self._timer.stop()
        self._runner = None
        self.at_work = False
        for key in self._keys.values():  # of workers that were lost while the queue was stopped
            run = self._live_runs.get(key)
            if run is not None:
                state = run.state
                ended = RunEnded(
                    RunStatus.STOPPED, state.epochs_done, state.seconds, run=run.folder
                )
                self._live_runs.hear(key, ended)
        self._keys = {}
        self.refresh()
        self.at_work_changed.emit()
        then, self._when_ended = self._when_ended, None
        if then is not None:
            then()

    def wait(self, milliseconds: int) -> None:
        """Wait for what is under way, each at most so long."""
        self._reader.wait(milliseconds)
        self._beside.wait(milliseconds)


def look_words(look: QueueLook, at_work: bool) -> str:
    """Return how many entries wait, run and have ended, and who runs them."""
    entries = look.entries
    counts = {
        "running": tr("{count} running"),
        "waiting": tr("{count} waiting"),
        "interrupted": tr("{count} interrupted"),
        "finished": tr("{count} finished"),
        "failed": tr("{count} failed"),
        "stopped": tr("{count} stopped"),
    }
    words = []
    for state, text in counts.items():
        if count := sum(entry.state == state for entry in entries):
            words.append(text.format(count=f"{count:,}"))
    if (at_work or look.processes) and look.asked != "run":
        asked = tr("pauses after the running ones") if look.asked == "pause" else tr("stops")
        words.insert(0, asked)
    elif look.processes and not at_work:
        text = tr("run by process {pid}")
        words.insert(0, text.format(pid=look.processes[0].pid))
    return " · ".join([*words, *map(say, look.problems)])
