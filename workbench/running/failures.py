"""What went wrong in a run or a test, in one sentence."""

from __future__ import annotations

import errno
from pathlib import Path

import torch

from workbench import paths
from workbench.library.run_folder import has_checkpoint
from workbench.library.safe_file import UnsafeFile
from workbench.messages import Message, WorkbenchError


def explain(error: Exception, folder: Path | None = None) -> Message:
    """One sentence for an exception out of a run or a test; ``folder`` is where it wrote."""
    if isinstance(error, WorkbenchError):
        return error.message
    if (
        isinstance(error, torch.OutOfMemoryError)
        or (
            # The CPU's allocator has no exception of its own.
            isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        )
        or isinstance(error, MemoryError)
    ):
        return Message("Out of memory; try a smaller batch size or another device.")
    if isinstance(error, OSError):
        return disk_problem(folder, error)
    if isinstance(error, RuntimeError) and "CUDA error" in str(error):
        # After such an error torch can do nothing more on the GPU in this process.
        return Message(
            "The GPU reported an error ({reason}); start the program again and resume the run.",
            reason=str(error).splitlines()[0],
        )
    return Message(
        "Unexpected error ({kind}); the log file has the details: {log}",
        kind=type(error).__name__,
        log=paths.log_file(),
    )


def disk_problem(folder: Path | None, error: OSError) -> Message:
    """One sentence for an error of the disk; ``folder`` is the run's, where there is one."""
    if folder is not None and error.errno == errno.ENOENT and not folder.exists():
        return Message(
            "{path}: the folder of this run is gone; was it, or its library, moved or deleted "
            "while the run trained? Move it back to resume the run.",
            path=folder,
        )
    if isinstance(error, UnsafeFile):
        return Message(
            "{path}: cannot be written or read ({reason}).",
            path=error.filename,
            reason=error.reason,
        )
    if error.errno == errno.ENOSPC and not (folder and has_checkpoint(folder)):
        return Message(
            "{path}: the disk is full; free some space and try again.",
            path=error.filename or folder,
        )
    if error.errno == errno.ENOSPC:
        return Message(
            "{path}: the disk is full; free some space and resume the run.",
            path=error.filename or folder,
        )
    return Message(
        "{path}: cannot be written or read ({reason}).",
        path=error.filename or folder,
        reason=error.strerror or error,
    )
