"""What workers behind a pipe have in common, whichever machine they are on.

One is taken for each run and used again afterwards, the data are shared, and the messages of a run
are followed to its end.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from workbench.data.data_choice import DataChoice
from workbench.data.shared import SharedData, share
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.events import Listener, WeightsReady
from workbench.engine.memory import give_memory_back
from workbench.engine.training import Outcome
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.running import worker
from workbench.running.executors import wire
from workbench.running.executors.executor import Begin, Lost
from workbench.running.executors.job import Job

LOOK_S = 0.1
"""Seconds between two looks at what is asked of a run."""

log = logging.getLogger("workbench")


class WorkerPipe:
    """One worker, seen from here. For one thread at a time."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self.is_idle = True

    def refuse(self) -> None:
        """Have the worker that is ready not train."""
        self.send("refuse")
        self.is_idle = True

    def control(self, asked: dict[str, Any]) -> None:
        """Tell the worker what is asked of its run."""
        self._send(worker.CONTROL + json.dumps(asked).encode())

    def send(self, *message: Any) -> None:
        """Send a message. Raises :class:`Lost` where the worker is gone."""
        is_job = message[0] == "train"
        if is_job:
            self.is_idle = False
        self._send((worker.TRAIN if is_job else worker.MESSAGE) + wire.encode(message))

    def _send(self, content: bytes) -> None:
        try:
            self._pipe.send_bytes(content)
        except OSError:
            self.is_idle = False
            raise self._lost() from None

    def receive(self, seconds: float) -> tuple[Any, ...] | None:
        """The next message; ``None`` where none comes within so many seconds."""
        try:
            if not self._pipe.poll(seconds):
                return None
            message = self._read(self._pipe.recv_bytes(wire.LARGEST))
        except (EOFError, OSError):
            raise self._lost() from None
        if message is not None:
            self.is_idle |= message[0] in ("outcome", "cancelled", "failed")
        return message

    def _read(self, content: bytes) -> tuple[Any, ...] | None:
        message: tuple[Any, ...] = wire.decode(content)
        return message

    def _lost(self) -> Lost:
        raise NotImplementedError

    def seconds_used(self) -> float:
        """Return the processor time in seconds that the worker has used on this machine."""
        return 0.0

    def kill(self) -> None:
        """End the worker at once. From any thread."""
        raise NotImplementedError

    def end(self) -> None:
        """End the worker, which is given a moment for it."""
        raise NotImplementedError


W = TypeVar("W", bound=WorkerPipe)


class Workers(Generic[W]):
    """As many runs at once as there are workers."""

    is_elsewhere = False

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise ValueError("no workers")
        self.workers = workers
        self._idle: list[W] = []
        self._all: set[W] = set()
        self._used = 0.0  # by workers that are gone
        self._closed = False
        self._lock = threading.Lock()
        self._data: dict[DataChoice, SharedData] = {}
        self._loading = threading.Lock()

    def _new(self) -> W:
        """Start a worker."""
        raise NotImplementedError

    def _message(self, job: Job, shared: SharedData) -> dict[str, Any]:
        """Return what a worker is told of ``job``."""
        return {
            "experiment": job.experiment.values(),
            "data": shared,
            "device": job.device,
            "threads": job.threads,
            "workers": self.workers,
            "intervals": (training.CHECKPOINT_INTERVAL, training.REPORT_INTERVAL),
        }

    def run(self, job: Job, begin: Begin, report: Listener, control: RunControl) -> Outcome:
        shared = self._shared(job, report, control)
        with self._worker() as process:
            self._send_job(process, self._message(job, shared))
            return self._follow(process, begin, report, control)

    def _send_job(self, worker: W, message: dict[str, Any]) -> None:
        worker.send("train", message)

    def _shared(self, job: Job, report: Listener, control: RunControl) -> SharedData:
        with self._loading:  # once, whoever comes first
            if control.stopping:
                raise Cancelled
            if job.data not in self._data:
                data = job.load(job.data, report, lambda: control.stopping)
                self._data[job.data] = share(data)
                del data
                give_memory_back()
            return self._data[job.data]

    def _follow(self, process: W, begin: Begin, report: Listener, control: RunControl) -> Outcome:
        told = _asked(RunControl())
        problem: Exception | None = None
        while True:
            if (asked := _asked(control)) != told:
                told = asked
                process.control(asked)
            message = process.receive(LOOK_S)
            if message is None:
                continue
            kind, *content = message
            if kind == "event":
                if problem is None:
                    try:
                        report(content[0])
                    except Exception as error:  # as of a full disk: the run ends
                        problem = error
                        control.stop()
                elif isinstance(content[0], WeightsReady):
                    with contextlib.suppress(Exception):  # the weights so far, if it takes them
                        report(content[0])
            elif kind == "ready":
                try:
                    start = begin(content[0])
                except BaseException:
                    process.refuse()
                    raise
                process.send("begin", start)
            elif kind == "outcome":
                if problem is not None:
                    raise problem
                outcome: Outcome = content[0]
                return outcome
            elif kind == "cancelled":
                raise Cancelled
            elif kind == "failed":
                if content[1]:
                    log.error("A worker failed\n%s", content[1])
                raise WorkbenchError(content[0])

    @contextmanager
    def _worker(self) -> Iterator[W]:
        """A worker for one run; one that has not come to the end of it is not used again."""
        with self._lock:
            if self._closed:
                raise Lost(Message("The workers were ended."))
            process = self._idle.pop() if self._idle else None
        process = process or self._start()
        try:
            yield process
        finally:
            self._put_back(process)

    def _start(self) -> W:
        process = self._new()
        with self._lock:
            self._all.add(process)
        return process

    def _put_back(self, process: W) -> None:
        with self._lock:
            if process.is_idle and not self._closed:
                self._idle.append(process)
                return
            self._all.discard(process)
        self._used += process.seconds_used()
        process.end()

    def after_run(self) -> None:
        give_memory_back()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, busy = self._idle, self._all.difference(self._idle)
            self._idle, self._all = [], set()
        for process in busy:
            process.kill()  # the thread that follows it sees that, and puts it away
        for process in idle:
            process.end()


def _asked(control: RunControl) -> dict[str, Any]:
    return {
        "paused": control.paused,
        "stopping": control.stopping,
        "cancelled": control.cancelled,
        "threads": control.take_threads(),
    }
