"""Who works on a library's queue: found by every window and command line. Opens without torch.

Each process that runs the queue has a file ``runner-PID.json`` in its folder, and holds a lock
beside it as long as it lives.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench import atomic
from workbench.library.queue import FOLDER
from workbench.library.run_writer import now_utc
from workbench.library.safe_file import is_held, lock_file, own_folder, read_bytes, reason_of
from workbench.messages import WorkbenchError

FORMAT = 1
_NAME = re.compile(r"runner-([0-9]{1,10})\.json")


@dataclass(frozen=True)
class QueueProcess:
    """A process that runs the queue: its id, when it began (UTC), its executor and number of
    workers, and the file that it writes to where it goes on in the background."""

    pid: int
    began: str
    executor: str
    workers: int
    log: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    format: Annotated[int, Field(ge=1, le=FORMAT)]
    pid: Annotated[int, Field(ge=1, le=2**31)]
    began: Annotated[str, Field(max_length=100)]
    executor: Annotated[str, Field(max_length=100)]
    workers: Annotated[int, Field(ge=1, le=10_000)]
    log: Annotated[str, Field(max_length=5_000)] | None = None


@contextmanager
def announced(library: Path, executor: str, workers: int, log: str | None = None) -> Iterator[None]:
    """Let others know within the block that this process runs the queue of ``library``.

    Raises :class:`WorkbenchError` where that cannot be written.
    """
    folder = library / FOLDER
    path = folder / f"runner-{os.getpid()}.json"
    content = {
        "format": FORMAT,
        **asdict(QueueProcess(os.getpid(), now_utc(), executor, workers, log)),
    }
    try:
        library.mkdir(parents=True, exist_ok=True)
        own_folder(folder)
        lock = lock_file(path.with_suffix(".lock"), timeout=5)
        lock.acquire()
        atomic.write_text(path, json.dumps(content))
    except OSError as error:
        raise WorkbenchError(
            "{path}: the queue cannot be written ({reason}).", path=folder, reason=reason_of(error)
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):
            atomic.delete(path)
        lock.release()
        with suppress(OSError):
            path.with_suffix(".lock").unlink(missing_ok=True)


def queue_processes(library: Path) -> list[QueueProcess]:
    """Return the processes that run the queue of ``library`` now, in the order in which they
    began; what one that was killed left behind is removed."""
    found = []
    with suppress(OSError):
        for path in (library / FOLDER).iterdir():
            if not _NAME.fullmatch(path.name):
                continue
            if not is_held(path.with_suffix(".lock")):
                for left in (path, path.with_suffix(".lock")):
                    with suppress(OSError):
                        left.unlink(missing_ok=True)
                continue
            with suppress(OSError, ValueError, RecursionError, ValidationError):
                file = _File.model_validate(json.loads(read_bytes(path, 100_000)))
                found.append(QueueProcess(**file.model_dump(exclude={"format"})))
    return sorted(found, key=lambda each: (each.began, each.pid))
