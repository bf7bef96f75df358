"""The machines of a Ray cluster: each run has its share of one machine's CPUs and GPUs.

Ray itself is in a process of its own (:mod:`~workbench.running.ray_bridge`), which passes on what
workers of this machine send through their pipes. A worker is an actor that keeps its share until
the executor is closed; one that is lost is replaced wherever there is room.
"""

from __future__ import annotations

import importlib.util
import json
import math
import multiprocessing
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.connection import Client
from typing import Any

import torch

import workbench
from workbench import paths
from workbench.data.shared import SharedData
from workbench.engine.events import Notice
from workbench.messages import Cancelled, Message, WorkbenchError, plain_fields
from workbench.running import ray_bridge
from workbench.running.executors.executor import AllLost, Lost
from workbench.running.executors.job import Job
from workbench.running.executors.local import PATIENCE_S, interrupts_blocked
from workbench.running.executors.workers import LOOK_S, WorkerPipe, Workers

CONNECTED_S = 120.0
"""Longest wait for the connection to a cluster."""
LOST = {
    "process": Message("The worker on {machine} was lost: its process ended.").template,
    "memory": Message("Ray ended the worker on {machine}, which was out of memory.").template,
    "machine": Message("The worker on {machine} was lost with its machine.").template,
    "": Message("A worker of the cluster was lost ({reason}).").template,
}
"""How a worker ended, by what the bridge knows of it."""
LONGEST = 500
"""Characters of a text that comes from the cluster."""


class RayCluster(Workers["_Actor"]):
    """As many runs at once as there are workers, in a cluster that somebody else has started.

    Args:
        workers: runs at once.
        address: ``HOST:PORT`` of the head.
        cpus, gpus: the share of a machine that a run has; a quarter of a GPU puts four on one.
        insecure: use a cluster that asks for no token.

    Raises :class:`WorkbenchError` for what can be no address or share, and where Ray is missing.
    """

    is_elsewhere = True

    def __init__(
        self,
        workers: int,
        *,
        address: str = "",
        cpus: float = 1.0,
        gpus: float = 0.0,
        insecure: bool = False,
    ) -> None:
        super().__init__(workers)
        self.address = require_address(address)
        self._cpus, self._gpus = require_shares(cpus, gpus)
        self._insecure = insecure
        self._cluster_cpus = 0.0
        self._bridge: _Bridge | None = None
        if importlib.util.find_spec("ray") is None:
            raise WorkbenchError(
                "Ray is not installed; install it in the program's folder with: "
                'pip install ".[cluster]"'
            )

    @property
    def threads(self) -> int:
        """The CPU threads of a run that asks for no other number."""
        return max(1, int(self._cpus))

    def connect(self, stop: Callable[[], bool]) -> None:
        options = {
            "address": self.address,
            "cpus": self._cpus,
            "gpus": self._gpus,
            "workers": self.workers,
            "insecure": self._insecure,
            "log": str(paths.home() / "logs" / "ray.log"),
            "key": secrets.token_hex(32),
        }
        self._bridge = _Bridge(options)
        self._cluster_cpus = self._bridge.wait(stop)

    def _new(self) -> _Actor:
        if self._bridge is None:
            raise RuntimeError("not connected")
        return _Actor(self._bridge.open(), self.address)

    def _message(self, job: Job, shared: SharedData) -> dict[str, Any]:
        threads = self.threads if job.threads is None else job.threads
        device = job.device
        if not self._gpus:
            if device not in ("auto", "cpu"):
                raise WorkbenchError(
                    "A run on {device} needs a share of a GPU of the cluster; set one with --gpus.",
                    device=device,
                )
            device = "cpu"
        elif device.startswith("cuda"):
            device = "cuda"  # the one of which it has a share, by whatever number
        return {
            **super()._message(job, shared),
            "threads": threads,
            "device": device,
            "workers": 1,  # of the worker's machine nothing is known here
        }

    def _notices(self, message: Mapping[str, Any]) -> list[Message]:
        if self.workers * message["threads"] <= self._cluster_cpus or message["device"] != "cpu":
            return []
        return [
            Message(
                "{workers} workers with a CPU thread count of {threads} each are more than "
                "{cores} cores: they wait for each other.",
                workers=self.workers,
                threads=message["threads"],
                cores=int(self._cluster_cpus),
            )
        ]

    def _send_job(self, worker: _Actor, message: dict[str, Any]) -> None:
        shared: SharedData = message["data"]
        worker.notices = self._notices(message)
        worker.send_data(shared)
        super()._send_job(worker, message)

    def seconds_used(self) -> float:
        return time.process_time()

    def close(self) -> None:
        super().close()
        if self._bridge is not None:
            self._bridge.close()


def require_address(address: str) -> str:
    """Return ``address``. Raises :class:`WorkbenchError` where it is not ``HOST:PORT``."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", address)
    if found is None or not 0 < int(found[2]) < 65_536:
        raise WorkbenchError(
            "{address}: no address of a cluster; write --address HOST:PORT, as `ray start --head` "
            "says it.",
            address=address or "--address",
        )
    return address


def require_shares(cpus: float, gpus: float) -> tuple[float, float]:
    """Return the shares of a run. Raises :class:`WorkbenchError` where Ray could not give them."""
    if not (math.isfinite(cpus) and 0.01 <= cpus <= 10_000):
        raise WorkbenchError("{cpus}: --cpus must be a number from 0.01 to 10,000.", cpus=str(cpus))
    whole = gpus <= 1 or float(gpus).is_integer()
    if not (math.isfinite(gpus) and (gpus == 0 or 0.01 <= gpus <= 1_000) and whole):
        raise WorkbenchError(
            "{gpus}: --gpus must be 0, a share from 0.01 to 1, or a whole number.", gpus=str(gpus)
        )
    return float(cpus), float(gpus)


def differences(facts: Mapping[str, str]) -> list[Message]:
    """Return what is to be said of a worker that has other versions than this machine."""
    said = []
    for name, here, what in (
        ("cifar_workbench", workbench.__version__, "CIFAR Workbench"),
        ("torch", str(torch.__version__), "torch"),
    ):
        if facts.get(name) != here:
            said.append(
                Message(
                    "The worker on {machine} has {what} {theirs}, and this machine {here}: the "
                    "result may not be the same bit for bit.",
                    machine=facts.get("machine", "?"),
                    what=what,
                    theirs=facts.get(name, "?"),
                    here=here,
                )
            )
    return said


def _said(content: bytes) -> dict[str, Any]:
    """Return what the bridge says itself; it repeats texts of the cluster."""
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("no message of the bridge")
    return {n: v[:LONGEST] if isinstance(v, str) else v for n, v in found.items()}


class _Bridge:
    """The process that speaks with Ray, seen from here."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._address = options["address"]
        self._key = bytes.fromhex(options["key"])
        self._at: Any = None
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=ray_bridge.main, args=(theirs, options), name="cifar-workbench ray", daemon=True
        )
        with interrupts_blocked():
            self._process.start()
        theirs.close()

    def wait(self, stop: Callable[[], bool]) -> float:
        """Wait for the connection, and return how many CPUs the cluster has."""
        until = time.monotonic() + CONNECTED_S
        while not self._pipe.poll(LOOK_S):
            if stop():
                raise Cancelled
            if time.monotonic() > until:
                raise WorkbenchError(
                    "{address}: Ray could not connect within {seconds} seconds; {log} says more.",
                    address=self._address,
                    seconds=int(CONNECTED_S),
                    log=paths.home() / "logs" / "ray.log",
                )
        try:
            found = _said(self._pipe.recv_bytes()[1:])
        except (EOFError, OSError):
            raise WorkbenchError(
                "{address}: Ray ended while it connected; {log} says more.",
                address=self._address,
                log=paths.home() / "logs" / "ray.log",
            ) from None
        if found["kind"] == "refused":
            if plain_fields(found["template"]) is None:
                raise ValueError("no sentence")
            raise WorkbenchError(found["template"], **found["values"])
        self._at = found["at"]
        return float(found["cpus"])

    def open(self) -> Any:
        """A connection for one more worker. Raises :class:`AllLost` where the bridge has ended."""
        try:
            return Client(self._at, authkey=self._key)
        except (OSError, EOFError, multiprocessing.AuthenticationError):
            raise _gone(self._address) from None

    def close(self) -> None:
        self._pipe.close()
        self._process.join(PATIENCE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(PATIENCE_S)


def _gone(address: str) -> AllLost:
    return AllLost(
        Message(
            "The Ray cluster at {address} is gone. Once it is there again, run the queue again: "
            "its runs go on from their last checkpoints.",
            address=address,
        )
    )


class _Actor(WorkerPipe):
    """A worker of the cluster, seen from here."""

    def __init__(self, pipe: Any, address: str) -> None:
        super().__init__(pipe)
        self._address = address
        self._facts: dict[str, str] | None = None
        self.notices: list[Message] = []

    def send_data(self, shared: SharedData) -> None:
        """Say which data the next job has."""
        where = {"folder": str(shared.folder), "fingerprint": shared.info.fingerprint}
        self._send(ray_bridge.DATA + json.dumps(where).encode())

    def control(self, asked: dict[str, Any]) -> None:
        if asked["stopping"] and self._facts is None:
            raise Cancelled  # it has no place yet, and cannot answer
        super().control(asked)

    def _read(self, content: bytes) -> tuple[Any, ...] | None:
        if content[:1] == ray_bridge.WORKER:
            try:
                message = super()._read(content[1:])
            except ValueError:
                machine = (self._facts or {}).get("machine", "?")
                raise WorkbenchError(
                    "The worker on {machine} sends what cannot be read here; install the same "
                    "version of CIFAR Workbench on all machines.",
                    machine=machine,
                ) from None
            if message is not None and message[0] == "ready":
                more = (*self.notices, *differences(self._facts or {}))
                ready = message[1]
                return ("ready", replace(ready, notices=(*ready.notices, *more)))
            return message
        said = _said(content[1:])
        if said["kind"] == "facts":
            self._facts = {name: str(value) for name, value in said.items()}
            return None
        if said["kind"] == "waits":
            return ("event", Notice(Message("The run waits for a free place in the cluster.")))
        self.is_idle = False
        if said["kind"] == "lost":
            template = LOST.get(said["cause"] if said["machine"] else "", LOST[""])
            raise Lost(Message(template, machine=said["machine"], reason=said["reason"]))
        raise AllLost(
            Message(
                "The cluster cannot train ({reason}); each of its machines needs CIFAR Workbench, "
                "installed as on this one.",
                reason=said["reason"],
            )
        )

    def _lost(self) -> Lost:
        self.is_idle = False
        return _gone(self._address)

    def kill(self) -> None:
        pass  # with the bridge, which ends next

    def end(self) -> None:
        self._pipe.close()  # which the bridge takes as the end of the worker
