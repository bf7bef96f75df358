"""The worker in a Ray cluster: an actor around the worker of :mod:`~workbench.running.worker`.

It gets and gives that one's messages as bytes. Imported only where Ray is.
"""

from __future__ import annotations

import platform
import queue
import socket
import threading
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import ray

if TYPE_CHECKING:
    from workbench.data.datasets import DataSet
    from workbench.data.shared import SharedData

TAKE_S = 1.0
"""Longest wait of one call for messages: a call that is lost is noticed then."""
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


class _Pipe:
    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.outbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def recv_bytes(self) -> bytes:
        return self.inbox.get()

    def send_bytes(self, content: bytes, /) -> None:
        self.outbox.put(content)


class RayWorker:
    """Trains one job after the other on a thread of its own. Its calls only pass messages on, each
    group of them one after the other."""

    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._data: dict[str, list[Any]] = {}  # references by fingerprint
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        from workbench.messages import Message
        from workbench.running.executors.wire import encode
        from workbench.running.worker import Worker

        worker = Worker(self._pipe, self._open)
        while True:
            try:
                worker.work()
            except Exception:  # a message that it cannot read
                said = Message(
                    "A worker on {machine} cannot read what it is sent; install the same version "
                    "of CIFAR Workbench on all machines.",
                    machine=socket.gethostname(),
                )
                self._pipe.send_bytes(encode(("failed", said, traceback.format_exc())))

    def _open(self, shared: SharedData) -> DataSet:
        """Arrays in the store of this machine, which all its workers map into their memory."""
        import torch

        from workbench.data.datasets import DataSet

        arrays = ray.get(self._data[shared.info.fingerprint])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that they cannot be written to: nothing does that
            return DataSet(shared.info, *(torch.from_numpy(array) for array in arrays))

    @ray.method(concurrency_group="inbox")
    def facts(self) -> dict[str, str]:
        """Return where this worker is, and what it trains with."""
        import torch

        import workbench

        return {
            "machine": socket.gethostname(),
            "cifar_workbench": workbench.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        }

    @ray.method(concurrency_group="inbox")
    def deliver(self, content: bytes, fingerprint: str = "", data: list[Any] | None = None) -> None:
        """Take a message, and with a job references to the arrays of its data."""
        if data is not None:
            self._data = {fingerprint: data}
        self._pipe.inbox.put(content)

    @ray.method(concurrency_group="outbox")
    def take(self) -> list[bytes]:
        """Return the messages since the last call; none where none comes for a while."""
        found: list[bytes] = []
        try:
            found.append(self._pipe.outbox.get(timeout=TAKE_S))
            while True:
                found.append(self._pipe.outbox.get_nowait())
        except queue.Empty:
            return found
