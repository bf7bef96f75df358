"""A head of Ray on this machine, with bounded memory, and its end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

TOP = Path(__file__).parents[3]
TOKEN = "cifar-workbench-tests-0123456789abcdef"


class Head:
    """``address`` of the head; its process and those below are found by it."""

    def __init__(self, process: subprocess.Popen[bytes], address: str) -> None:
        self.address = address
        self._process = process
        self.seen: set[psutil.Process] = set()
        """All there were, also those that lost their parent since."""

    def processes(self, words: str = "") -> list[psutil.Process]:
        """Those whose command line holds ``words``."""
        found = []
        try:
            parent = psutil.Process(self._process.pid)
            for each in (parent, *parent.children(recursive=True)):
                self.seen.add(each)
                try:
                    if words in " ".join(each.cmdline()):
                        found.append(each)
                except psutil.Error:
                    pass
        except psutil.NoSuchProcess:
            pass
        return found

    def workers(self) -> list[psutil.Process]:
        """Those that train."""
        return self.processes("ray::RayWorker")


@contextmanager
def ray_head(token: str | None) -> Iterator[Head]:
    """A head with two CPUs within the block, with ``token`` or without any."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(TOP),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token" if token else "disabled",
        "RAY_AUTH_TOKEN": token or "",
    }
    # Sockets lie in it: their paths may not be long.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block"]
        command += ["--port", str(port), "--num-cpus", "2", "--num-gpus", "0"]
        command += ["--object-store-memory", "200000000", "--include-dashboard", "false"]
        command += ["--disable-usage-stats", "--temp-dir", folder]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        head = Head(process, f"127.0.0.1:{port}")
        try:
            until = time.monotonic() + 60
            while not head.processes("raylet_socket_name") or not _answers(port):
                if time.monotonic() > until or process.poll() is not None:
                    raise RuntimeError("the head did not start")
                time.sleep(0.1)
            yield head
        finally:
            head.processes()
            for each in head.seen:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait()
            psutil.wait_procs(head.seen, timeout=10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
