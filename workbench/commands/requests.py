"""``cifar-workbench stop``, ``pause``, ``continue`` and ``cancel``: asked of a run that any window,
command line or worker trains."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from workbench.commands.options import DONE, FAILED, AddCommand, add_library
from workbench.commands.output import find_runs, print_json
from workbench.commands.terminal import tell
from workbench.library.catalog import Library
from workbench.library.run_folder import has_checkpoint, is_locked, read_record
from workbench.running.requests import Request, is_paused, request

TAKEN_S = 10.0
"""Longest wait for the process that trains the run."""
ENDED_S = 120.0
"""Longest wait for a run to end: it saves its weights and a checkpoint."""

_WORDS: dict[Request, str] = {
    "stop": "Stop a run that is being trained, here or anywhere else, and keep what it reached.",
    "pause": "Pause a run that is being trained, here or anywhere else.",
    "continue": "Continue a paused run.",
    "cancel": "Cancel a run that is being trained, and discard it (a resumed one is kept).",
}


def register(command: AddCommand) -> None:
    """Add the four commands to the command line."""
    for what, words in _WORDS.items():
        parser = command(what, ask, words, f"cifar-workbench {what} 2026-11-23_205630_001")
        parser.add_argument(
            "which", metavar="RUN", help="the folder of a run, or its id in the library"
        )
        add_library(parser)
        parser.set_defaults(request=what)


def ask(options: argparse.Namespace) -> int:
    """Ask for it, and wait until the run has obeyed."""
    what: Request = options.request
    (record,) = find_runs([options.which], Library(options.library))
    folder = record.folder
    taken = request(folder, what, TAKEN_S)
    ends = what in ("stop", "cancel")
    until = time.monotonic() + (ENDED_S if ends else 5.0)
    while taken and time.monotonic() < until and not _obeyed(folder, what):
        time.sleep(0.05)
    done = taken and _obeyed(folder, what)
    status, accuracy = "discarded", None
    if os.path.lexists(folder / "run.json"):
        record = read_record(folder)
        status, accuracy = record.status, record.accuracy
        if status == "running" and is_paused(folder):
            status = "paused"
    if options.json:
        print_json({"run": str(folder), "request": what, "obeyed": done, "status": status})
    elif not done:
        tell(
            f"{record.label} has not answered yet; it will as soon as its process can.",
            file=sys.stderr,
        )
    elif status == "discarded":
        tell(f"{record.label}: discarded.")
    else:
        reached = f", test accuracy {accuracy:.2f}%" if accuracy is not None else ""
        tell(f"{record.label}: {status}, epoch {record.epochs_done}/{record.epochs}{reached}.")
        if ends and has_checkpoint(folder):
            tell(f"To resume it: cifar-workbench resume {record.id}")
    return DONE if done else FAILED


def _obeyed(folder: Path, what: Request) -> bool:
    if what in ("stop", "cancel"):
        return not is_locked(folder)
    return is_paused(folder) == (what == "pause")
