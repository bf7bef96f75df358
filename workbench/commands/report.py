"""``cifar-workbench report``: chosen runs as one document."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.commands.options import AddCommand, add_runs
from workbench.commands.output import find_runs, print_json
from workbench.commands.terminal import tell
from workbench.library.catalog import Library
from workbench.messages import Count
from workbench.report.document import write_report


def register(command: AddCommand) -> None:
    """Add what this file does to the command line."""
    parser = command(
        "report",
        report,
        "Write a report on runs: HTML, or Markdown with its plots beside it.",
        "cifar-workbench report 2026-11-23_205630_001 2026-11-23_211500_007 -o report.html",
    )
    add_runs(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help="a file ending in .html or .md",
    )


def report(options: argparse.Namespace) -> int:
    library = Library(options.library)
    files = write_report(options.output, find_runs(options.runs, library), library.runs())
    if options.json:
        print_json({"files": [str(file) for file in files]})
    else:
        more = f" and {Count(len(files) - 1):plot|plots} beside it" if len(files) > 1 else ""
        tell(f"Wrote {files[0]}{more}.")
    return 0
