"""Worker processes of this machine, each with its share of the cores.

A worker is started when a run needs one, and trains one run after the other until it is closed:
importing torch takes a second or two. A worker that dies is replaced when the run goes on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from workbench.data.shared import SharedData
from workbench.engine.cores import usable_cores
from workbench.messages import Message
from workbench.running import worker
from workbench.running.executors.executor import Lost
from workbench.running.executors.job import Job
from workbench.running.executors.workers import WorkerPipe, Workers

PATIENCE_S = 5.0
"""Longest wait for a worker that is to end."""


class LocalProcesses(Workers["_Process"]):
    """As many runs at once as there are workers."""

    def connect(self, stop: Callable[[], bool]) -> None:
        pass

    @property
    def threads(self) -> int:
        """The share of the cores that a worker has."""
        return max(1, usable_cores() // self.workers)

    def _new(self) -> _Process:
        return _Process()

    def _message(self, job: Job, shared: SharedData) -> dict[str, Any]:
        threads = self.threads if job.threads is None else job.threads
        return {**super()._message(job, shared), "threads": threads}

    def seconds_used(self) -> float:
        with self._lock:
            alive = list(self._all)
        return time.process_time() + self._used + sum(each.seconds_used() for each in alive)

    def process_ids(self) -> list[int]:
        """Return the ids of the workers' processes."""
        with self._lock:
            return [each.id for each in self._all]


class _Process(WorkerPipe):
    """One worker, seen from here."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        super().__init__(ours)
        self._process = context.Process(
            target=worker.main, args=(theirs,), name="cifar-workbench worker", daemon=True
        )
        with interrupts_blocked():
            self._process.start()
        theirs.close()  # so that the end of the worker closes the pipe
        self.id = self._process.pid or 0

    def _lost(self) -> Lost:
        self._process.join(PATIENCE_S)
        code = self._process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-code).name
                return Lost(Message("A worker was ended from outside ({signal}).", signal=name))
        return Lost(Message("A worker ended unexpectedly (exit code {code}).", code=str(code)))

    def seconds_used(self) -> float:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(self.id).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        self._pipe.close()  # which it takes as its end
        self._process.join(0.5)
        if self._process.is_alive():
            self._process.kill()
        self._process.join(PATIENCE_S)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """A process started within never sees Ctrl-C before it can ignore it."""
    if sys.platform == "win32":  # which has none
        yield
        return
    before: set[Any] = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
