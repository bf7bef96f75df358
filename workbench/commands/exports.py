"""``cifar-workbench export`` and ``import``: runs and weights for other programs, and runs from
another library."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from workbench import paths
from workbench.commands.options import DONE, AddCommand, add_library
from workbench.commands.output import find_runs, print_json
from workbench.commands.terminal import signals_stop, tell
from workbench.engine.control import RunControl
from workbench.exporters.export import export
from workbench.exporters.registry import EXPORTERS, exporter_named
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.library.shared_runs import import_share
from workbench.messages import Count

WEIGHT_ENDINGS = (".pkl", ".pt", ".pth", ".ckpt", ".safetensors")


def register(command: AddCommand) -> None:
    """Add what this file does to the command line."""
    parser = command(
        "export",
        write,
        "Write runs, or the weights of runs, as files for other programs.",
        "cifar-workbench export 2026-11-23_205630_001 --to onnx -o model.onnx",
    )
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="+",
        help="the folder of a run, or its id in the library; for formats of weights also a weight "
        "file",
    )
    add_library(parser)
    formats = "; ".join(f"{e.name}: {e.help[0].lower()}{e.help[1:-1]}" for e in EXPORTERS.values())
    parser.add_argument(
        "--to",
        metavar="FORMAT",
        required=True,
        help=formats.replace("%", "%%"),
    )
    parser.add_argument("--best", action="store_true", help="weights of the best epoch")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        required=True,
        help="a file, or a folder where several files are written; for mlflow also the address of "
        "a server",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    parser.add_argument(
        "--dataset",
        metavar="D",
        help="data on whose test images a network is checked; default: those it was trained on",
    )

    parser = command(
        "import",
        bring_in,
        "Bring the runs of a share (export --to share) into the library.",
        "cifar-workbench import runs.zip",
    )
    parser.add_argument("share", metavar="FILE", type=Path, help="a .zip that export wrote")
    add_library(parser)


class _Bar:
    """A progress bar that appears with the first report."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: tqdm | None = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, total: int) -> None:
        if self._bar is None or self._bar.total != total:
            self.__exit__()
            tqdm.monitor_interval = 0
            self._bar = tqdm(
                total=total,
                desc=self._label,
                file=sys.stderr,
                disable=None,
                leave=False,
                unit_scale=True,
            )
        self._bar.update(done - self._bar.n)


def write(options: argparse.Namespace) -> int:
    library = Library(options.library)
    takes_weights = exporter_named(options.to).takes_weights
    things: list[RunRecord | Path] = []
    for name in options.runs:
        path = paths.expanded(name)
        if path.suffix.lower() in WEIGHT_ENDINGS and path.is_file():
            things.append(path)
        else:
            things += find_runs([name], library)
    needs_known = takes_weights or options.to in ("share", "html")
    control = RunControl()
    with signals_stop(control, sys.stderr), _Bar(f"Exporting to {options.to}") as bar:
        done = export(
            things,
            options.to,
            options.output,
            best=options.best,
            force=options.force,
            known=library.runs() if needs_known else (),
            images=options.dataset,
            progress=bar.show,
            stop=lambda: control.stopping,
        )
    if options.json:
        print_json(
            {
                "format": options.to,
                "files": [str(file) for file in done.files],
                "target": options.output,
                "notes": [str(message) for message in done.said],
            }
        )
        return DONE
    tell(*done.said) if done.said else None
    if len(done.files) == 1:
        tell(f"Wrote {done.files[0]}.")
    elif done.files:
        tell(f"Wrote {Count(len(done.files)):file|files} to {done.files[0].parent}.")
    else:
        tell(f"Added to {options.output}.")
    return DONE


def bring_in(options: argparse.Namespace) -> int:
    library = Library(options.library)
    control = RunControl()
    with signals_stop(control, sys.stderr), _Bar("Importing") as bar:
        found = import_share(
            paths.expanded(options.share), library.path, bar.show, lambda: control.stopping
        )
    if options.json:
        print_json({"imported": [str(run.folder) for run in found.runs], "known": found.known})
        return DONE
    for run in found.runs:
        tell(f"Imported {run.label}: {run.folder}")
    for name in found.known:
        tell(f"{name} is in the library already.")
    return DONE
