"""The command ``cifar-workbench``. Opens the window without a subcommand; the rest needs no Qt."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import logging
import logging.handlers
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import workbench
from workbench import paths
from workbench.analysis.chance import chance_sentence
from workbench.commands import runs as run_commands
from workbench.commands.compare import compare
from workbench.commands.output import print_json
from workbench.commands.predict import predict
from workbench.commands.report import report
from workbench.commands.runs import add_library
from workbench.commands.terminal import Bars, signals_stop, tell
from workbench.commands.train import resume as resume_command
from workbench.commands.train import train as train_command
from workbench.data.data_choice import DataChoice, choice_of, choose_data, find_cifar10
from workbench.engine.control import RunControl
from workbench.engine.events import (
    Evaluation,
)
from workbench.library.run_folder import read_record
from workbench.messages import Cancelled, WorkbenchError
from workbench.plain_text import shortened, visible
from workbench.spec.experiment import (
    HYPERPARAMETERS,
    Experiment,
    differences,
    plain_value,
    tests_otherwise,
)
from workbench.spec.presets import BrokenPreset, list_presets
from workbench.streams import unbreakable_streams
from workbench.words.report_lines import accuracy_line, skipped_lines

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

log = logging.getLogger("workbench")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code: 0, 1 (a run failed, or the output was lost), 2 (bad
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


# --- the commands and their options ----------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        said = visible(message)  # it repeats what was typed, which a shell may have filled in
        self.exit(BAD_INPUT, f"{self.prog}: {said}; `{self.prog} --help` shows how.\n")


def _joined(arguments: list[str]) -> list[str]:
    """``runs trash`` as one word: a command with options and a help of its own."""
    if arguments[:1] == ["runs"] and arguments[1:2] and arguments[1] in run_commands.ACTIONS:
        return [f"runs {arguments[1]}", *arguments[2:]]
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cifar-workbench",
        description="Run, watch, compare and keep image-classification experiments on CIFAR-10. "
        "Without a command it opens the window.",
    )
    parser.add_argument("--version", action="version", version=workbench.__version__)
    parser.set_defaults(run=_window)
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)

    def command(name: str, run: Callable[..., int], help: str, example: str) -> _Parser:
        sub: _Parser = commands.add_parser(
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

    command(
        "presets",
        _presets,
        "List the presets: what they train, and the accuracy reported for them.",
        "cifar-workbench presets",
    )

    train = command(
        "train",
        train_command,
        "Train a preset, or a YAML file of your own, and keep the run.",
        "cifar-workbench train 007 --set epochs=3 --dataset cifar10",
    )
    train.add_argument("preset", metavar="PRESET_OR_FILE", help="001 to 011, or a YAML file")
    train.add_argument(
        "--set",
        dest="changes",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change a hyperparameter, as listed below (may be repeated)",
    )
    train.add_argument(
        "--as-run",
        action="store_true",
        help="as the report actually ran it, where that differs from what it says (see `presets`)",
    )
    _add_data_and_device(train)
    _add_threads(train, "default: as many as are fastest now, timed for under a second")
    _add_adapt(train)
    add_library(train)
    train.add_argument(
        "--repeat",
        metavar="N",
        type=_count,
        help="train N runs, one after the other, with N seeds beginning at the experiment's own; "
        "`compare` uses them for the spread between seeds",
    )
    train.epilog = f"{train.epilog}\n\nHyperparameters:\n{_hyperparameter_help()}"

    train.add_argument(
        "--keep-checkpoint",
        action="store_true",
        help="keep the checkpoint when the run finishes, so that it can be resumed exactly for "
        "more epochs",
    )

    resume = command(
        "resume",
        resume_command,
        "Resume a stopped or interrupted run, as if it had never stopped; a finished one is "
        "trained for more epochs as a new run.",
        "cifar-workbench resume 2026-11-23_205630_001 --set epochs=5",
    )
    resume.add_argument("name", metavar="RUN", help="the folder of a run, or its id in the library")
    resume.add_argument(
        "--set",
        dest="changes",
        metavar="epochs=N",
        action="append",
        default=[],
        help="the total number of epochs; nothing else can be changed",
    )
    resume.add_argument(
        "--dataset",
        metavar="cifar10|sample|PATH",
        help="where its images are now; default: where they were. Different images are refused",
    )
    resume.add_argument(
        "--device", metavar="D", help="default: the device the run began on, if it is available"
    )
    _add_threads(resume, "default: as many as the run had, which keeps it exact")
    _add_adapt(resume)
    resume.add_argument("--keep-checkpoint", action="store_true", help="as with train")
    add_library(resume)

    test = command(
        "test",
        _test,
        "Test a weight file on all test images, in evaluation mode.",
        "cifar-workbench test mlp_weight_001.pkl --dataset cifar10",
    )
    test.add_argument("weights", metavar="WEIGHTS", type=Path, help="a .pkl file")
    _add_data_and_device(test)
    _add_threads(test, "default: one for each core")

    inspect = command(
        "inspect",
        _inspect,
        "Show what a weight file holds, without running any code in it.",
        "cifar-workbench inspect mlp_weight_001.pkl",
    )
    inspect.add_argument("weights", metavar="WEIGHTS", type=Path, help="a .pkl file")

    run_commands.add_commands(command)

    comparison = command(
        "compare",
        compare,
        "Compare runs with the report and with each other, and two runs image by image.",
        "cifar-workbench compare 2026-11-23_205630_001 2026-11-23_211500_007",
    )
    _add_runs(comparison)
    comparison.add_argument(
        "--csv", metavar="FILE", type=Path, help="also write the comparison as a CSV table"
    )

    document = command(
        "report",
        report,
        "Write a report on runs: HTML, or Markdown with its plots beside it.",
        "cifar-workbench report 2026-11-23_205630_001 2026-11-23_211500_007 -o report.html",
    )
    _add_runs(document)
    document.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help="a file ending in .html or .md",
    )

    prediction = command(
        "predict",
        predict,
        "Classify images of your own with saved weights.",
        "cifar-workbench predict mlp_weight_007.pkl cat.jpg",
    )
    prediction.add_argument("weights", metavar="WEIGHTS", type=Path, help="a .pkl file")
    prediction.add_argument(
        "images", metavar="IMAGE", type=Path, nargs="+", help="any size; scaled to 32x32"
    )
    prediction.add_argument(
        "--fit",
        choices=["crop", "whole"],
        default="crop",
        help="what is taken of an image that is not square: crop (the default) takes the square "
        "in its middle; whole squeezes all of it into the square, as is done with the images of "
        "a data folder",
    )
    _add_device(prediction)

    data = command(
        "data",
        _data,
        "Show which data are on this machine, or download CIFAR-10.",
        "cifar-workbench data download",
    )
    data.add_argument("action", nargs="?", choices=["download"], help="get CIFAR-10 (170 MB)")
    return parser


def _hyperparameter_help() -> str:
    lines = []
    for p in HYPERPARAMETERS.values():
        values = " | ".join(p.choices) or {"bool": "true | false"}.get(p.kind, "")
        if p.minimum is not None and p.maximum is not None:
            low = "above " * p.minimum_excluded + f"{p.minimum:,g}"
            values = f"{low} to {'below ' * p.maximum_excluded}{p.maximum:,.12g} {p.unit}".strip()
        lines.append(f"  {p.name:<15} {values}")
        lines += textwrap.wrap(p.help, 78, initial_indent=" " * 18, subsequent_indent=" " * 18)
    return "\n".join(lines)


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("name a folder")
    return paths.expanded(text)


def _add_data_and_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset",
        metavar="cifar10|sample|PATH",
        help="CIFAR-10, the sample, or a folder with train/ and test/; default: CIFAR-10 where "
        "it is on this machine, else the sample",
    )
    _add_device(parser)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        default="auto",
        metavar="D",
        help="auto, cpu, cuda or cuda:N; default: auto, which uses a GPU if it can",
    )


def _add_threads(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--threads", metavar="N", type=_threads, help=f"threads of the CPU; {default}"
    )


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("N must be a whole number from 1 to 256")
    return int(text)


def _add_adapt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--adapt",
        action="store_true",
        help="go on with fewer threads once another program slows the run down (not bit for bit "
        "what it would have been; recorded in the run)",
    )


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="the folder of a run, or its id in the library"
    )
    add_library(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000:
        raise argparse.ArgumentTypeError("N must be a whole number from 1 to 1,000")
    return int(text)


# --- presets, data ---------------------------------------------------------------------


def _presets(options: argparse.Namespace) -> int:
    presets = list_presets()
    if options.json:
        print_json(
            [
                {
                    "id": p.id,
                    "title": None,
                    "experiment": None,
                    "as_run": None,
                    "reported": None,
                    "problem": str(p.problem),
                }
                if isinstance(p, BrokenPreset)
                else {
                    "id": p.id,
                    "title": p.title,
                    "experiment": p.experiment.values(),
                    "as_run": p.as_run.values() if p.as_run else None,
                    "reported": p.reported.model_dump() if p.reported else None,
                    "epochs_run": p.epochs_run,
                    "tried": p.tried,
                    "changed": p.changed,
                    "found": p.found,
                    "explained": p.explained,
                    "note": p.note,
                }
                for p in presets
            ]
        )
        return DONE
    tell("preset  reported  title")
    for p in presets:
        if isinstance(p, BrokenPreset):
            tell(f"{p.id:<6}  cannot be read: {p.problem}")
            continue
        reported = f"{p.reported.accuracy:7.2f}%" if p.reported else f"{'':8}"
        e = p.experiment
        decay = f", times {e.gamma:g} every {e.step_size} epochs" if e.scheduler == "step" else ""
        unit = "epoch" if e.epochs == 1 else "epochs"
        extras = ["leaky ReLU"] * (e.activation == "leaky_relu")
        extras += ["batch norm"] * e.batch_norm + [f"dropout {e.dropout:g}"] * (e.dropout > 0)
        tell(f"{p.id:<6}  {reported}  {p.title}")
        tell(
            f"{'':18}{e.optimizer} {e.learning_rate:g}{decay}, {e.epochs} {unit}"
            + "".join(f", {extra}" for extra in extras)
        )
        if p.as_run:
            changes = differences(e, p.as_run).items()
            texts = [f"{name}={plain_value(new)}" for name, (_, new) in changes if new is not None]
            tell(f"{'':18}as actually run: {', '.join(texts)}")
    return DONE


def _data(options: argparse.Namespace) -> int:
    if options.action == "download":
        from workbench.data.download import download_cifar10

        control = RunControl()
        with signals_stop(control, sys.stderr), Bars(sys.stderr, sys.stderr) as bars:
            place = download_cifar10(bars.show, lambda: control.stopping)
        if options.json:
            print_json({"cifar10": str(place)})
        else:
            tell(f"CIFAR-10 is in {place}.")
        return DONE
    found = find_cifar10()
    choice = choose_data(None)
    if options.json:
        print_json(
            {
                "cifar10": str(found) if found else None,
                "default": choice.kind,
                "reason": str(choice.reason),
                "data": str(paths.data()),
                "cache": str(paths.cache()),
            }
        )
        return DONE
    tell(choice.reason)
    tell(f"Downloads go to {paths.data()}, decoded folders of images to {paths.cache()}.")
    return DONE


# --- test ------------------------------------------------------------------------------


def _test(options: argparse.Namespace) -> int:
    output = sys.stderr if options.json else sys.stdout

    from workbench.library.weights import load_weights
    from workbench.running.inference import evaluate_weights

    if options.dataset is None:
        choice = _data_of(options.weights, load_weights(options.weights).data)
    else:
        choice = choose_data(options.dataset)
    tell(choice.reason, file=output)
    control = RunControl()
    with signals_stop(control, sys.stderr), Bars(output, sys.stderr) as bars:
        outcome = evaluate_weights(
            options.weights,
            choice,
            bars.show,
            control,
            device=options.device,
            threads=options.threads,
        )
    for note in [*skipped_lines(outcome.data), *outcome.notes]:
        tell(note, file=output)
    path = options.weights.absolute()
    chance = list(filter(None, [chance_sentence(outcome.figures)]))
    if options.json:
        print_json(
            {
                "preset": outcome.weights.preset,
                "dataset": outcome.data.name,
                "device": outcome.device,
                "epochs": outcome.weights.metrics.get("epoch"),
                "seconds": round(outcome.seconds, 3),
                "run": str(path.parent) if (path.parent / "run.json").exists() else None,
                "weights": str(path),
                "test": dataclasses.asdict(outcome.figures),
                "notes": [str(note) for note in (*outcome.notes, *chance)],
            }
        )
        return DONE
    tell(accuracy_line(outcome.figures) + f", loss {outcome.figures.loss:.4f}")
    tell(*chance)
    tell(f"Data: {outcome.data.name}. Device: {outcome.device_name}. {outcome.seconds:.2f} s.")
    tell(*confusion_table(outcome.figures))
    return DONE


def _data_of(weights: Path, trained_on: dict[str, Any] | None) -> DataChoice:
    """The data that the weights were trained on, where they are on this machine. Weights that
    are handed on do not say where that is; the run that they lie in does."""
    if trained_on:
        with suppress(WorkbenchError):
            run = read_record(weights.absolute().parent)
            if run.data.get("fingerprint") == trained_on.get("fingerprint"):
                return choice_of(run.data)
        with suppress(WorkbenchError):
            return choice_of(trained_on)
    return choose_data(None)


def confusion_table(test: Evaluation) -> list[str]:
    """The confusion matrix as lines: a row for each true class, a column for each predicted one,
    and the accuracy of each class."""
    classes = list(map(shortened, test.classes))
    width = max(len(name) for name in (*classes, "true class"))
    cells = max(6, len(str(max(max(row) for row in test.confusion))) + 1)
    letters = [name[: cells - 1] for name in classes]
    if len(set(letters)) < len(letters):  # names that begin alike
        letters = [str(number) for number in range(1, len(letters) + 1)]
    lines = ["", "Confusion matrix: rows are true classes, columns predicted ones."]
    lines.append(
        f"{'true class':>{width}} " + "".join(f"{name:>{cells}}" for name in letters) + "  correct"
    )
    for name, row, accuracy in zip(classes, test.confusion, test.per_class, strict=True):
        share = f"{accuracy:7.2f}%" if accuracy is not None else f"{'-':>8}"
        lines.append(f"{name:>{width}} " + "".join(f"{n:>{cells}}" for n in row) + f" {share}")
    return lines


def _inspect(options: argparse.Namespace) -> int:
    from workbench.library.weights import load_weights

    weights = load_weights(options.weights)
    parameters = sum(
        tensor.numel()
        for name, tensor in weights.state_dict.items()
        if "running" not in name and "num_batches" not in name
    )
    shapes = {name: list(tensor.shape) for name, tensor in weights.state_dict.items()}
    if options.json:
        print_json(
            {
                "weights": str(options.weights.absolute()),
                "format": weights.format,
                "preset": weights.preset,
                "experiment": weights.experiment.values(),
                "classes": list(weights.classes),
                "metrics": weights.metrics,
                "data": weights.data,
                "parameters": parameters,
                "state_dict": shapes,
                "notes": [str(note) for note in weights.notes],
            }
        )
        return DONE
    kind = f"CIFAR Workbench, format {weights.format}" if weights.format else "a plain state dict"
    tell(f"{options.weights}: {kind}, {parameters:,} parameters")
    for note in weights.notes:
        tell(note)
    for name, value in weights.experiment.values().items():
        tell(f"  {HYPERPARAMETERS[name].label + ':':<16} {value}")
    tell(f"  {'Classes:':<16} {', '.join(weights.classes)}")
    for name, value in weights.metrics.items():
        if value is not None:
            tell(f"  {name + ':':<20} {value}{_selection_note(name, value, weights.experiment)}")
    for name, shape in shapes.items():
        tell(f"    {name:<34} {' x '.join(map(str, shape))}")
    return DONE


def _selection_note(name: str, value: object, experiment: Experiment) -> str:
    if (name, value) == ("chosen_on", "test"):
        if tests_otherwise(experiment.values()):
            return " (the best epoch by the test set, in training mode)"
        return " (the best epoch by the test set: its accuracy is optimistic)"
    return ""


# --- the window ------------------------------------------------------------------------


def _window(options: argparse.Namespace) -> int:
    from workbench.window.kit.display import display_problem

    if problem := display_problem():
        tell(problem, file=sys.stderr)
        return BAD_INPUT
    from workbench.window.app import run_window

    return run_window()
