"""Options that several commands share, and the exit codes. Knows no command."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from workbench import paths
from workbench.plain_text import visible
from workbench.spec.experiment import HYPERPARAMETERS, REGISTRIES

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        said = visible(message)  # it repeats what was typed, which a shell may have filled in
        self.exit(BAD_INPUT, f"{self.prog}: {said}; `{self.prog} --help` shows how.\n")


def hyperparameter_help() -> str:
    lines = []
    for p in HYPERPARAMETERS.values():
        of_kind = {"bool": "true | false", "numbers": "16, 32, 64"}
        values = " | ".join(p.choices) or of_kind.get(p.kind, "")
        if p.minimum is not None and p.maximum is not None:
            low = "above " * p.minimum_excluded + f"{p.minimum:,g}"
            values = f"{low} to {'below ' * p.maximum_excluded}{p.maximum:,.12g} {p.unit}".strip()
        lines.append(f"  {p.name:<15} {values}")
        lines += _wrapped(p.help)
        for choice in REGISTRIES.get(p.name, {}).values():
            lines += _wrapped(f"{choice.name}: {choice.help}") if choice.help else []
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 78, initial_indent=" " * 18, subsequent_indent=" " * 18)


def add_library(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--library",
        metavar="DIR",
        type=Path,
        # argparse fills in what follows a percent sign.
        help=f"folder of the runs; default: {visible(paths.library())}".replace("%", "%%"),
    )


def add_data_and_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset",
        metavar="cifar10|cifar100|sample|PATH",
        help="CIFAR-10, CIFAR-100, the sample, or a folder with train/ and test/ or Parquet files; "
        "default: CIFAR-10 where "
        "it is on this machine, else the sample",
    )
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        default="auto",
        metavar="D",
        help="auto, cpu, cuda or cuda:N; default: auto, which uses a GPU if it can",
    )


def add_threads(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--threads", metavar="N", type=thread_number, help=f"threads of the CPU; {default}"
    )


def thread_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("N must be a whole number from 1 to 256")
    return int(text)


def add_adapt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--adapt",
        action="store_true",
        help="continue with fewer threads once another program slows the run down (not bit for "
        "bit what it would have been; recorded in the run)",
    )


def add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="the folder of a run, or its id in the library"
    )
    add_library(parser)


def whole_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000:
        raise argparse.ArgumentTypeError("N must be a whole number from 1 to 1,000")
    return int(text)


AddCommand = Callable[[str, Callable[..., int], str, str], Parser]
"""``command(name, run, help, example)``: adds a command and returns its parser."""
