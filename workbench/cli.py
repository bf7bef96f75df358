"""The command ``cifar-workbench``. Opens the window without a subcommand; the rest needs no Qt."""

from __future__ import annotations

import argparse
import errno
import logging
import logging.handlers
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import workbench
from workbench import paths
from workbench.commands import (
    compare,
    data,
    exports,
    predict,
    presets,
    queue,
    report,
    requests,
    runs,
    sweep,
    train,
    weights,
)
from workbench.commands.options import BAD_INPUT, DONE, FAILED, INTERRUPTED, Parser
from workbench.commands.terminal import tell
from workbench.messages import Cancelled, WorkbenchError
from workbench.plain_text import visible
from workbench.spec.networks import own_network_problems
from workbench.streams import unbreakable_streams

log = logging.getLogger("workbench")

COMMANDS = (
    *(presets, train, sweep, queue, requests, weights, runs),
    *(compare, report, exports, predict, data),
)
"""Each registers its own commands, in the order in which ``--help`` lists them."""

ACTIONS = {"runs": runs.ACTIONS, "queue": queue.ACTIONS, "sweep": sweep.ACTIONS}
"""Words that may follow a command, and make another one of it."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code: 0, 1 (a run failed, or the output was lost), 2 (bad
    input), 130 (Ctrl-C)."""
    with unbreakable_streams() as output:
        try:
            code = _command(arguments)
        except SystemExit as end:  # --help, or an option that does not exist
            code = int(end.code or DONE)
        if problem := output.lost():
            print(
                f"Standard output: cannot be written ({_why(problem)}); what the command did is "
                "kept, but not all that it printed.",
                file=sys.stderr,
            )
            return code or FAILED
        return code


def _why(problem: OSError) -> str:
    return "the disk is full" if problem.errno == errno.ENOSPC else str(problem.strerror)


def _command(arguments: list[str] | None) -> int:
    try:
        _log_to_file()
        options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
        _require_current_folder()
        for problem in own_network_problems():
            tell(problem, file=sys.stderr)
        return options.run(options)
    except WorkbenchError as error:
        tell(error, file=sys.stderr)
        return BAD_INPUT
    except (KeyboardInterrupt, Cancelled):
        return INTERRUPTED
    except Exception:
        log.exception("The command failed")
        tell(
            f"Unexpected error; {paths.log_file()} has the details.",
            file=sys.stderr,
        )
        return FAILED


def _require_current_folder() -> None:
    # Not only for relative paths: torch's MKL ends the process where there is none.
    try:
        Path.cwd()
    except FileNotFoundError:
        raise WorkbenchError(
            "The current folder was deleted; go to another one and try again."
        ) from None


def _log_to_file() -> None:
    log.setLevel(logging.INFO)
    log.propagate = False
    if log.handlers:
        return
    log.addHandler(logging.NullHandler())
    logging.raiseExceptions = False  # a log that cannot be written stays silent
    with suppress(OSError):  # a home that cannot be written is reported where it matters
        paths.log_file().parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            paths.log_file(),
            maxBytes=1_000_000,
            backupCount=1,
            encoding="utf-8",
            delay=True,
            errors="backslashreplace",
        )
        handler.setFormatter(_LogFormat("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)


class _LogFormat(logging.Formatter):
    """Each message in a line, whatever is in it; of tracebacks the lines stay."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return visible(super().formatException(ei), keep="\n\t")


def _joined(arguments: list[str]) -> list[str]:
    """``runs trash`` as one word: a command with options and a help of its own."""
    if len(arguments) > 1 and arguments[1] in ACTIONS.get(arguments[0], ()):
        return [f"{arguments[0]} {arguments[1]}", *arguments[2:]]
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="cifar-workbench",
        description="Run, watch, compare and keep image-classification experiments on CIFAR-10. "
        "Without a command it opens the window.",
    )
    parser.add_argument("--version", action="version", version=workbench.__version__)
    parser.set_defaults(run=_window)
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)

    def command(name: str, run: Callable[..., int], help: str, example: str) -> Parser:
        sub: Parser = commands.add_parser(
            name,
            help=help,
            description=help,
            epilog=f"Example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=run)
        sub.add_argument(
            "--json", action="store_true", help="print one JSON value and nothing else"
        )
        return sub

    for each in COMMANDS:
        each.register(command)
    return parser


def _window(options: argparse.Namespace) -> int:
    from workbench.window.kit.display import display_problem

    if problem := display_problem():
        tell(problem, file=sys.stderr)
        return BAD_INPUT
    from workbench.window.app import run_window

    return run_window()
