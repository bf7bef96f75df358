"""Stop, pause, continue and cancel, asked of a run that any process trains. Opens without torch.

A request is a small file in the run's folder, ``request.json``. The process that trains the run
looks for it three times a second, on a thread that does nothing else, so that no step pays for it;
it takes the file away and obeys. While a run is paused there is a file ``paused`` beside it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from workbench import atomic
from workbench.engine.control import RunControl
from workbench.library.run_files import is_locked, read_record, require_own_folder
from workbench.library.safe_file import read_bytes, reason_of
from workbench.messages import WorkbenchError

Request = Literal["stop", "pause", "continue", "cancel"]
REQUESTS: tuple[Request, ...] = ("stop", "pause", "continue", "cancel")

FILE, PAUSED = "request.json", "paused"
FORMAT = 1
LOOK_S = 0.3
"""Seconds between two looks for a request."""


def request(folder: Path, what: Request, wait: float = 0.0) -> bool:
    """Ask the process that trains the run in ``folder``: ``stop`` keeps what was reached,
    ``cancel`` discards it, ``pause`` and ``continue`` are each other's way back.

    Args:
        folder: of a run, whoever trains it.
        what: one of :data:`REQUESTS`.
        wait: longest time in seconds to wait until the request was taken.

    Returns whether it was taken within that time. Raises :class:`WorkbenchError` where nobody
    trains the run, or the request cannot be written.
    """
    record = read_record(folder)
    require_own_folder(folder)
    if not is_locked(folder):
        raise WorkbenchError(
            "{name} is not being trained; nothing can be asked of it.", name=record.label
        )
    try:
        atomic.write_text(folder / FILE, json.dumps({"format": FORMAT, "request": what}))
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written ({reason}).", path=folder, reason=reason_of(error)
        ) from None
    until = time.monotonic() + wait
    while time.monotonic() < until:
        if not os.path.lexists(folder / FILE):
            return True
        time.sleep(0.05)
    return not os.path.lexists(folder / FILE)


def is_paused(folder: Path) -> bool:
    """Return whether the run in ``folder`` is being trained and paused."""
    return os.path.lexists(folder / PAUSED) and is_locked(folder)


def set_paused(folder: Path, paused: bool) -> None:
    """Keep, for whoever looks from elsewhere, that the run is paused, or goes on."""
    with suppress(OSError):  # only a hint: the run itself is as it is
        if paused:
            atomic.write_text(folder / PAUSED, "")
        else:
            atomic.delete(folder / PAUSED)


class RequestWatch:
    """Looks for requests to the run in ``folder`` until :meth:`end`, and has ``control`` obey."""

    def __init__(self, folder: Path, control: RunControl) -> None:
        self._folder = folder
        self._control = control
        self._ended = threading.Event()
        take_request(folder)  # meant for a process that is gone
        set_paused(folder, False)
        self._thread = threading.Thread(target=self._watch, name="requests", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_S):
            what = take_request(self._folder)
            if what == "stop":
                self._control.stop()
            elif what == "cancel":
                self._control.cancel()
            elif what == "pause":
                self._control.pause()
            elif what == "continue":
                self._control.resume()

    def end(self) -> None:
        """Look no more; a request that came too late is taken away. May be called again."""
        self._ended.set()
        self._thread.join()
        if self._folder.is_dir():
            take_request(self._folder)
            set_paused(self._folder, False)


def take_request(folder: Path) -> Request | None:
    """Take the request out of a run's folder and return it; ``None`` where there is none, or
    nothing that is one."""
    path = folder / FILE
    if not os.path.lexists(path):
        return None
    taken = folder / f".{FILE}.taken.tmp"
    try:
        path.replace(taken)  # so that a newer request is not taken away unread
        content = json.loads(read_bytes(taken, 10_000))
    except (OSError, ValueError, RecursionError):
        content = None
    with suppress(OSError):
        atomic.delete(taken)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    what = content.get("request")
    return what if what in REQUESTS else None
