"""A worker process: trains one job after the other, and sends its events home.

It has neither the library nor Qt, and writes nothing. It ends when the pipe to the process that
started it is closed, so that a program that dies leaves no worker behind: also while torch is
still being imported, which is why this file is not in the package ``executors``, which imports it.

The messages are tuples (:mod:`~workbench.running.executors.wire`). To the worker come
``("train", job)`` behind the byte ``t``, ``("begin", checkpoint or None)`` and ``("refuse",)``
behind ``m``, and behind ``c`` as JSON what is asked of the run. From it come ``("ready", Ready)``,
``("event", event)``, and as the last of a job one of ``("outcome", Outcome)``, ``("cancelled",)``,
``("refused",)`` and ``("failed", Message, traceback)``.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Protocol

from workbench.engine.control import RunControl

if TYPE_CHECKING:
    from workbench.data.datasets import DataSet
    from workbench.data.shared import SharedData
    from workbench.engine.events import Event


TRAIN, MESSAGE, CONTROL = b"t", b"m", b"c"


def main(pipe: Connection) -> None:
    """Work until the other end of ``pipe`` is closed."""
    leave_signals_alone()
    Worker(pipe).work()


def leave_signals_alone() -> None:
    """Ctrl-C and a closed terminal are the parent's to answer: it stops its runs and keeps them."""
    for name in ("SIGINT", "SIGHUP", "SIGBREAK"):
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class Pipe(Protocol):
    """What a worker reads and writes: one message at a time, from any thread."""

    def recv_bytes(self) -> bytes: ...

    def send_bytes(self, content: bytes, /) -> None: ...


def _open_shared(shared: SharedData) -> DataSet:
    from workbench.data.shared import open_shared

    return open_shared(shared)


class Worker:
    """Works on the jobs that come through ``pipe``; ``open_data`` opens the data of one."""

    def __init__(
        self, pipe: Pipe, open_data: Callable[[SharedData], DataSet] = _open_shared
    ) -> None:
        self._pipe = pipe
        self._open_data = open_data
        self._sending = threading.Lock()
        self._messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._control = RunControl()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """Take messages also while a run trains, and ends the process with the pipe: also while
        torch is imported, which this thread does without."""
        try:
            while True:
                content = self._pipe.recv_bytes()
                kind, content = content[:1], content[1:]
                if kind == CONTROL:
                    obey(self._control, json.loads(content))
                    continue
                if kind == TRAIN:
                    self._control = RunControl()
                self._messages.put(content)
        except (EOFError, OSError):
            os._exit(0)

    def _receive(self) -> tuple[Any, ...]:
        from workbench.running.executors.wire import decode  # torch takes a second to import

        message: tuple[Any, ...] = decode(self._messages.get())
        return message

    def work(self) -> None:
        """Train one job after the other."""
        while True:
            message = self._receive()
            if message[0] == "train":
                self._send(*self._job(message[1]))

    def _send(self, *message: Any) -> None:
        from workbench.running.executors.wire import encode

        try:
            with self._sending:
                self._pipe.send_bytes(encode(message))
        except OSError:
            os._exit(0)  # nobody is there any more

    def _report(self, event: Event) -> None:
        self._send("event", event)

    def _job(self, job: dict[str, Any]) -> tuple[Any, ...]:
        import traceback

        from workbench.engine.process import free_memory
        from workbench.messages import Cancelled, WorkbenchError
        from workbench.running.failures import explain

        try:
            return self._train(job)
        except Cancelled:
            return ("cancelled",)
        except WorkbenchError as error:
            return ("failed", error.message, "")
        except Exception as error:
            return ("failed", explain(error), traceback.format_exc())
        finally:
            free_memory()

    def _train(self, job: dict[str, Any]) -> tuple[Any, ...]:
        from workbench.engine import training
        from workbench.running.executors.job import prepare
        from workbench.spec.experiment import experiment_from

        control = self._control
        training.CHECKPOINT_INTERVAL, training.REPORT_INTERVAL = job["intervals"]
        experiment = experiment_from(job["experiment"])
        ready, data = prepare(
            experiment,
            job["device"],
            job["threads"],
            lambda: self._open_data(job["data"]),
            lambda: control.stopping,
            job["workers"],
        )
        self._send("ready", ready)
        answer = self._receive()
        if answer[0] != "begin":
            return ("refused",)
        return ("outcome", training.train(experiment, data, self._report, control, answer[1]))


def obey(control: RunControl, asked: dict[str, Any]) -> None:
    """Have ``control`` ask for what the one at the other end of the pipe is asked for."""
    if asked["paused"]:
        control.pause()
    else:
        control.resume()
    if asked["threads"] is not None:
        control.use_threads(asked["threads"])
    if asked["cancelled"]:
        control.cancel()
    elif asked["stopping"]:
        control.stop()
