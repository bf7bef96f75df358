"""The process between the program and a Ray cluster. It alone imports Ray: which takes seconds to
connect, writes to the terminal, and ends its process when the cluster is gone.

It passes bytes on, between the connection of each worker that the program opens and an actor of
the cluster (:mod:`~workbench.running.ray_worker`). What it says itself is JSON. It never starts or
stops a cluster, and ends with the pipe to the program; the actors end with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from workbench.messages import WorkbenchError
from workbench.running.worker import TRAIN, leave_signals_alone

DATA, SAID, WORKER = b"d", b"s", b"w"
"""First bytes of messages: to the bridge, the data of the next job; from it, what it says itself,
and what a worker sends. Others to the bridge are for the worker."""

ANSWER_S = 5.0
"""Longest wait for somebody at the address."""
PROBE_S = 20.0
"""Longest wait for a process that asks the head whether it wants a token."""
WATCH_S = 2.0
"""Seconds between two looks at the head."""
WAITS_S = 15.0
"""Seconds after which it is said that a run waits for a place."""

_PROBE = """
import sys
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError
try:
    GcsClient(address=sys.argv[1]).internal_kv_get(b"cifar-workbench", namespace=None, timeout=5)
    print("open")
except AuthenticationError:
    print("token")
except Exception as error:
    print("error", " ".join(str(error).split())[:200])
"""


def main(pipe: Connection, options: dict[str, Any]) -> None:
    """Connect as ``options`` say, answer through ``pipe``, and pass messages on until its end."""
    leave_signals_alone()
    _write_to(options["log"])
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    try:
        room = _connect(options)
    except WorkbenchError as error:
        _say(pipe, "refused", error)
        return
    leave_signals_alone()  # Ray has its own for them
    listener = Listener(authkey=bytes.fromhex(options["key"]))
    _say(pipe, "ready", at=listener.address, **room)
    threading.Thread(target=_watch, args=(options["address"],), daemon=True).start()
    while True:
        with contextlib.suppress(Exception):  # whoever has not the key
            _Slot(listener.accept(), options).start()


def _write_to(log: str) -> None:
    """Everything that Ray and its processes print goes to a file."""
    try:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError:
        file = os.open(os.devnull, os.O_WRONLY)
    os.dup2(file, 1)
    os.dup2(file, 2)


def _end_with(pipe: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        pipe.recv_bytes()
    os._exit(0)


def _say(pipe: Connection, kind: str, error: WorkbenchError | None = None, **more: Any) -> None:
    if error is not None:
        values = {name: _plain(value) for name, value in error.message.values.items()}
        more = {"template": error.message.template, "values": values}
    with contextlib.suppress(OSError):
        pipe.send_bytes(SAID + json.dumps({"kind": kind, **more}).encode())


def _plain(value: object) -> object:
    return value if isinstance(value, int | float) else str(value)


# --- the cluster -----------------------------------------------------------------------


def _connect(options: dict[str, Any]) -> dict[str, Any]:
    """Join the cluster as a driver, and return what it has room for. Raises
    :class:`WorkbenchError` where it cannot be used, in one sentence."""
    address = options["address"]
    require_answer(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if _asks(address, "disabled") == "open":
        if not options["insecure"]:
            raise WorkbenchError(
                "{address}: this cluster asks for no token, so whoever reaches its ports can run "
                "any program on its machines, also on this one. Start it with "
                "RAY_AUTH_MODE=token, or use --insecure on a network that only you reach.",
                address=address,
            )
        os.environ["RAY_AUTH_MODE"] = "disabled"
    elif _asks(address, "token") != "open":
        raise WorkbenchError(
            "{address}: the cluster asks for a token, and this machine has none or another one; "
            "set RAY_AUTH_TOKEN to the head's, or copy its file ~/.ray/auth_token.",
            address=address,
        )
    else:
        os.environ["RAY_AUTH_MODE"] = "token"
    import ray

    try:
        ray.init(
            address=address, log_to_driver=False, configure_logging=False, include_dashboard=False
        )
    except Exception as error:
        raise WorkbenchError(
            "{address}: this machine cannot use the cluster ({reason}). A machine that uses it "
            "must have joined it: ray start --address={address}",
            address=address,
            reason=_short(error),
        ) from None
    return _room(options)


def require_answer(address: str) -> None:
    """Raise :class:`WorkbenchError` where nobody is at ``address``."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError as error:
        raise WorkbenchError(
            "{address}: nobody answers ({reason}). Start a head there with `ray start --head`, or "
            "check host and port.",
            address=address,
            reason=error.strerror or error,
        ) from None


def _asks(address: str, mode: str) -> str:
    """``open`` where the head talks to who comes in this mode of authentication, ``token`` where
    it wants a token. In a process of its own: Ray keeps its mode as long as it is imported."""
    environment = {**os.environ, "RAY_AUTH_MODE": mode}
    reason = "no answer of Ray"
    with contextlib.suppress(subprocess.TimeoutExpired):
        found = subprocess.run(
            [sys.executable, "-c", _PROBE, address],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=PROBE_S,
            check=False,
        )
        # Ray prints as well; the last line is ours.
        answer = found.stdout.decode(errors="replace").strip().splitlines()[-1:] or ["error"]
        kind, _, said = answer[0].partition(" ")
        if kind in ("open", "token"):
            return kind
        if mode == "token" and found.returncode:
            return "token"  # Ray ends the process that has none
        reason = said or reason
    raise WorkbenchError(
        "{address}: something is there, but no head of Ray that this machine can talk to "
        "({reason}).",
        address=address,
        reason=reason,
    )


def _room(options: dict[str, Any]) -> dict[str, Any]:
    """Return what the cluster has. Raises :class:`WorkbenchError` where it can never train what is
    asked for: Ray would wait for ever."""
    import ray

    cpus, gpus, workers = options["cpus"], options["gpus"], options["workers"]
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(_fits(machine, cpus, gpus) for machine in machines)
    if not room:
        raise WorkbenchError(
            "No machine of the cluster has what a run asks for (CPUs: {cpus}, GPUs: {gpus}); they "
            "have {machines}. Change --cpus or --gpus.",
            cpus=f"{cpus:g}",
            gpus=f"{gpus:g}",
            machines=", ".join(sorted({_words(machine) for machine in machines})),
        )
    if workers > room:
        raise WorkbenchError(
            "The cluster has no room for {workers} runs at once, each with CPUs: {cpus} and GPUs: "
            "{gpus}; --workers can be {room} at most.",
            workers=workers,
            cpus=f"{cpus:g}",
            gpus=f"{gpus:g}",
            room=room,
        )
    return {"cpus": sum(machine.get("CPU", 0) for machine in machines)}


def _fits(machine: dict[str, float], cpus: float, gpus: float) -> int:
    shares = [machine.get("CPU", 0.0) / cpus]
    if gpus >= 1:
        shares.append(machine.get("GPU", 0.0) / gpus)
    elif gpus:
        shares.append(machine.get("GPU", 0.0) * int(1 / gpus + 1e-6))  # a share is of one card
    return int(min(shares) + 1e-6)


def _words(machine: dict[str, float]) -> str:
    return f"CPUs: {machine.get('CPU', 0):g}, GPUs: {machine.get('GPU', 0):g}"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")


def _watch(address: str) -> None:
    """End this process with the head; Ray would wait a minute, and then end it from inside."""
    missed = 0
    while missed < 2:
        time.sleep(WATCH_S)
        try:
            require_answer(address)
            missed = 0
        except WorkbenchError:
            missed += 1
    os._exit(1)


# --- one worker ------------------------------------------------------------------------

_stored: dict[str, list[Any]] = {}
_storing = threading.Lock()


def _store(data: dict[str, str]) -> list[Any]:
    """References to the arrays of a data set, which are put into the object store once."""
    import numpy as np
    import ray

    from workbench.running.ray_worker import ARRAYS

    with _storing:
        if data["fingerprint"] not in _stored:
            paths = [Path(data["folder"]) / f"{name}.npy" for name in ARRAYS]
            arrays = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
            _stored[data["fingerprint"]] = [ray.put(np.asarray(array)) for array in arrays]
        return _stored[data["fingerprint"]]


class _Slot:
    """Between one connection of the program and one actor, each way a thread of its own."""

    def __init__(self, pipe: Any, options: dict[str, Any]) -> None:
        self._pipe = pipe
        self._options = options
        self._actor: Any = None
        self._sending = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        data: dict[str, str] = {}
        try:
            while True:
                content = self._pipe.recv_bytes()
                if content[:1] == DATA:
                    data = json.loads(content[1:])
                    continue
                if self._actor is None:
                    self._begin()
                if content[:1] == TRAIN:
                    references = _store(data)
                    self._actor.deliver.remote(content, data["fingerprint"], references)
                else:
                    self._actor.deliver.remote(content)
        except (EOFError, OSError):
            pass  # the program has put the worker away
        except Exception as error:
            self._tell("unusable", reason=_short(error))
        self._end()

    def _begin(self) -> None:
        import ray

        from workbench.running.ray_worker import RayWorker

        build: Any = ray.remote(concurrency_groups={"inbox": 1, "outbox": 1})(RayWorker)
        self._actor = build.options(
            num_cpus=self._options["cpus"],
            num_gpus=self._options["gpus"],
            max_restarts=0,
            max_task_retries=0,
        ).remote()
        threading.Thread(target=self._bring, args=(self._actor,), daemon=True).start()

    def _bring(self, actor: Any) -> None:
        """Bring what the actor sends."""
        import ray
        from ray import exceptions

        machine = ""
        try:
            asked = actor.facts.remote()
            if not ray.wait([asked], timeout=WAITS_S)[0]:
                self._tell("waits")
            facts = ray.get(asked)
            machine = str(facts["machine"])
            self._tell("facts", **facts)
            while True:
                for content in ray.get(actor.take.remote()):
                    self._send(WORKER + content)
        except exceptions.ActorDiedError as error:
            said = str(error)
            if not machine and "creation task" in said:
                self._tell("unusable", reason=_last_line(said))
            else:
                self._tell("lost", machine=machine, cause=_cause(said), reason=_last_line(said))
        except (exceptions.RayError, KeyError) as error:
            self._tell("lost", machine=machine, cause="", reason=_short(error))
        except OSError:
            pass  # nobody listens any more

    def _tell(self, kind: str, **more: Any) -> None:
        with contextlib.suppress(OSError), self._sending:
            _say(self._pipe, kind, **more)

    def _send(self, content: bytes) -> None:
        with self._sending:
            self._pipe.send_bytes(content)

    def _end(self) -> None:
        import ray

        if self._actor is not None:
            with contextlib.suppress(Exception):
                ray.kill(self._actor)
        with contextlib.suppress(OSError):
            self._pipe.close()


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    return lines[-1][:300].rstrip(".") if lines else ""


def _cause(said: str) -> str:
    """Return why an actor died, by what Ray says: ``memory``, ``machine`` or ``process``."""
    text = said.lower()
    if "memory on the node" in text or "memory usage threshold" in text:
        return "memory"
    return "machine" if "node has died" in text or "node died" in text else "process"
