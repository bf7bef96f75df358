"""Weight files: tested, and looked into."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.analysis.chance import chance_sentence
from workbench.commands.options import DONE, AddCommand, add_data_and_device, add_threads
from workbench.commands.output import print_json
from workbench.commands.terminal import Bars, signals_stop, tell
from workbench.data.data_choice import DataChoice, choice_of, choose_data
from workbench.engine.control import RunControl
from workbench.engine.events import Evaluation
from workbench.library.run_folder import read_record
from workbench.messages import WorkbenchError
from workbench.plain_text import shortened
from workbench.spec.experiment import HYPERPARAMETERS, Experiment, tests_otherwise
from workbench.words.report_lines import accuracy_line, mirrored_words, skipped_lines


def register(command: AddCommand) -> None:
    """Add what this file does to the command line."""
    parser = command(
        "test",
        test,
        "Test a weight file on all test images, in evaluation mode.",
        "cifar-workbench test mlp_weight_001.pkl --dataset cifar10",
    )
    parser.add_argument(
        "weights",
        metavar="WEIGHTS",
        type=Path,
        help="a .pkl, .pt, .pth, .ckpt or .safetensors file",
    )
    add_data_and_device(parser)
    add_threads(parser, "default: one for each core")

    parser = command(
        "inspect",
        inspect,
        "Show what a weight file holds, without running any code in it.",
        "cifar-workbench inspect mlp_weight_001.pkl",
    )
    parser.add_argument(
        "weights",
        metavar="WEIGHTS",
        type=Path,
        help="a .pkl, .pt, .pth, .ckpt or .safetensors file",
    )


def test(options: argparse.Namespace) -> int:
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
    tell(
        accuracy_line(outcome.figures)
        + f", loss {outcome.figures.loss:.4f}"
        + mirrored_words(outcome.figures)
    )
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


def inspect(options: argparse.Namespace) -> int:
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
