"""``cifar-workbench train`` and ``resume``: runs, watched from a terminal."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.analysis.chance import chance_sentence
from workbench.commands.options import (
    BAD_INPUT,
    DONE,
    FAILED,
    INTERRUPTED,
    AddCommand,
    add_adapt,
    add_data_and_device,
    add_library,
    add_threads,
    hyperparameter_help,
    whole_number,
)
from workbench.commands.output import find_runs, print_json
from workbench.commands.terminal import Bars, signals_stop, tell
from workbench.data.data_choice import choose_data
from workbench.engine.control import RunControl
from workbench.engine.events import Event, RunEnded, RunStarted, Slowed
from workbench.library.catalog import Library
from workbench.library.run_folder import (
    RunRecord,
    has_checkpoint,
    read_epochs,
    read_record,
)
from workbench.messages import WorkbenchError
from workbench.spec.experiment import experiment_from, parse_assignments, with_changes
from workbench.spec.presets import find_preset
from workbench.words.report_lines import ReportLines

Run = Callable[[Callable[[Event], None], RunControl], RunEnded]


def register(command: AddCommand) -> None:
    """Add what this file does to the command line."""
    parser = command(
        "train",
        train,
        "Train a preset, or a YAML file of your own, and keep the run.",
        "cifar-workbench train 007 --set epochs=3 --dataset cifar10",
    )
    parser.add_argument("preset", metavar="PRESET_OR_FILE", help="001 to 011, or a YAML file")
    parser.add_argument(
        "--set",
        dest="changes",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change a hyperparameter, as listed below (may be repeated)",
    )
    parser.add_argument(
        "--as-run",
        action="store_true",
        help="as the report actually ran it, where that differs from what it says (see `presets`)",
    )
    add_data_and_device(parser)
    add_threads(parser, "default: as many as are fastest now, timed for under a second")
    add_adapt(parser)
    add_library(parser)
    parser.add_argument(
        "--repeat",
        metavar="N",
        type=whole_number,
        help="train N runs, one after the other, with N seeds beginning at the experiment's own; "
        "`compare` uses them for the spread between seeds",
    )
    parser.epilog = f"{parser.epilog}\n\nHyperparameters:\n{hyperparameter_help()}"

    parser.add_argument(
        "--keep-checkpoint",
        action="store_true",
        help="keep the checkpoint when the run finishes, so that it can be resumed exactly for "
        "more epochs",
    )

    parser = command(
        "resume",
        resume,
        "Resume a stopped or interrupted run, as if it had never stopped; a finished one is "
        "trained for more epochs as a new run.",
        "cifar-workbench resume 2026-11-23_205630_001 --set epochs=5",
    )
    parser.add_argument("name", metavar="RUN", help="the folder of a run, or its id in the library")
    parser.add_argument(
        "--set",
        dest="changes",
        metavar="epochs=N",
        action="append",
        default=[],
        help="the total number of epochs; nothing else can be changed",
    )
    parser.add_argument(
        "--dataset",
        metavar="cifar10|sample|PATH",
        help="where its images are now; default: where they were. Different images are refused",
    )
    parser.add_argument(
        "--device", metavar="D", help="default: the device the run began on, if it is available"
    )
    add_threads(parser, "default: as many as the run had, which keeps it exact")
    add_adapt(parser)
    parser.add_argument("--keep-checkpoint", action="store_true", help="as with train")
    add_library(parser)


def train(options: argparse.Namespace) -> int:
    """Train a preset, or with ``--repeat`` several seeds of it, one after the other."""
    preset = find_preset(options.preset)
    begin = preset.as_run if options.as_run and preset.as_run else preset.experiment
    experiment = with_changes(begin, parse_assignments(options.changes))
    choice = choose_data(options.dataset)
    output = _output(options)
    if options.as_run and not preset.as_run:
        tell(f"{preset.id} was actually run as written.", file=output)
    tell(choice.reason, file=output)
    first, repeats = experiment.seed, options.repeat or 1
    queue = [with_changes(experiment, {"seed": first + number}) for number in range(repeats)]
    results: list[dict[str, Any]] = []
    code = DONE
    for number, repeat in enumerate(queue, 1):
        if repeats > 1:
            tell(f"Run {number} of {repeats}, seed {repeat.seed}", file=output)

        def run(listener: Callable[[Event], None], control: RunControl) -> RunEnded:
            from workbench.running.runner import (
                run_experiment,  # torch takes a second or two to import
            )

            return run_experiment(
                repeat,  # noqa: B023 (called within this turn of the loop)
                Library(options.library),
                listener,
                control,
                data=choice,
                device=options.device,
                preset=preset.id,
                title=preset.title,
                threads=options.threads,
                adapt=options.adapt,
                keep_checkpoint=options.keep_checkpoint,
            )

        ended, result = _watch(run, options)
        code = ended or code
        if result is not None:
            results.append(result)
        if ended in (BAD_INPUT, INTERRUPTED):  # a run that diverges says nothing of other seeds
            break
    if options.json and (results or options.repeat):
        print_json(results if options.repeat else results[0])
    output.flush()
    return code


def resume(options: argparse.Namespace) -> int:
    """Resume a run."""
    library = Library(options.library)
    (record,) = find_runs([options.name], library)
    changes = parse_assignments(options.changes)
    if others := changes.keys() - {"epochs"}:
        raise WorkbenchError(
            "{name}: cannot be changed when a run is resumed, only epochs can; train a new run.",
            name=sorted(others)[0],
        )
    epochs = with_changes(experiment_from(record.experiment), changes).epochs if changes else None

    def run(listener: Callable[[Event], None], control: RunControl) -> RunEnded:
        from workbench.running.runner import resume_run  # torch takes a second or two to import

        return resume_run(
            record.folder,
            library,
            listener,
            control,
            epochs=epochs,
            data=choose_data(options.dataset) if options.dataset else None,
            device=options.device,
            threads=options.threads,
            adapt=options.adapt,
            keep_checkpoint=options.keep_checkpoint,
        )

    code, result = _watch(run, options)
    if options.json and result is not None:
        print_json(result)
    return code


def best_json(record: RunRecord) -> dict[str, Any] | None:
    """The best epoch, on which split it was chosen (``"validation"`` or ``"test"``), and its
    accuracies in percent; ``None`` while there is none."""
    if record.best_epoch is None:
        return None
    return {
        "epoch": record.best_epoch,
        "chosen_on": record.best_chosen_on,
        "accuracy": record.best_accuracy,
        "validation_accuracy": record.best_validation_accuracy,
    }


def best_text(record: RunRecord) -> str:
    test = f"test accuracy {record.best_accuracy:.2f}%"
    if record.tested_otherwise:
        test += " in training mode (the final test is in evaluation mode)"
    if record.mirrored:
        test += " with mirror images"
    if record.best_validation_accuracy is None:
        chosen = "selected on the test set"
        if not record.tested_otherwise:
            chosen += ": optimistic"
    else:
        chosen = f"selected on the validation split ({record.best_validation_accuracy:.2f}%)"
    return f"Best epoch: {record.best_epoch}, {test}, {chosen}"


def _way_out(event: Slowed, run: str) -> str:
    """Return what a person can do about a slow run; --adapt does it by itself."""
    if event.slowdown is None:
        return "As fast as it was again."
    if event.slowdown.fewer is None:
        return "Fewer threads would not help."
    return (
        f"Ctrl-C keeps the run, and `cifar-workbench resume {run} --threads "
        f"{event.slowdown.fewer}` continues with fewer threads; with --adapt it does so by "
        "itself."
    )


def _output(options: argparse.Namespace) -> Any:
    return sys.stderr if options.json else sys.stdout


def _watch(run: Run, options: argparse.Namespace) -> tuple[int, dict[str, Any] | None]:
    """Show ``run`` while it goes on; the exit code, and what ``--json`` says of it where there
    is something to say."""
    errors, output = sys.stderr, _output(options)
    control = RunControl()
    started: list[RunStarted] = []
    lines = ReportLines()
    with signals_stop(control, errors) as interrupted, Bars(output, errors) as bars:

        def listen(event: Event) -> None:
            if isinstance(event, RunStarted):
                started.append(event)
                if event.device_note:
                    bars.write(str(event.device_note))
            bars.show(event)
            failed = isinstance(event, RunEnded) and event.status == "failed"
            if started and not failed:  # a failure is said once, at the end
                for line in lines.lines(event):
                    bars.write(line)
                if isinstance(event, Slowed) and not options.adapt:
                    bars.write(_way_out(event, Path(started[0].run).name))

        end = run(listen, control)
    if not started:
        if end.status == "failed":
            tell(end.reason, file=sys.stderr)
            return BAD_INPUT, None
        return INTERRUPTED, None
    record = read_record(Path(end.run)) if end.run else None
    result = {
        "preset": record.preset if record else None,
        "dataset": started[0].data.name,
        "device": started[0].device,
        "epochs": end.epochs_done,
        "ended_early": record.ended_early if record else False,
        "seconds": round(end.seconds, 3),
        "run": end.run,
        "weights": end.weights,
        "test": dataclasses.asdict(end.test) if end.test else None,
        "no_better_than_chance": bool(end.test and chance_sentence(end.test)),
        "best": best_json(record) if record else None,
        "epoch_figures": read_epochs(record.folder) if record else [],
        "status": end.status,
        "reason": str(end.reason) if end.reason else None,
        "experiment": record.experiment if record else None,
        "data": dataclasses.asdict(started[0].data),
        "device_name": started[0].device_name,
        "threads": started[0].threads,
        "steps_per_second_timed": dict(started[0].timed),
        "resumed": record.resumed if record else [],
        "continues": record.continues if record else None,
    }
    if not options.json:
        tell(f"Run: {end.run}", file=output)
        if end.weights:
            tell(f"Weights: {end.weights}", file=output)
        if record is not None and record.best_epoch is not None:
            tell(best_text(record), file=output)
        if end.status != "finished" and record and has_checkpoint(record.folder):
            tell(f"To resume it: cifar-workbench resume {record.id}", file=output)
    output.flush()
    if end.status == "failed":
        tell(end.reason, file=errors)
        return FAILED, result
    if end.status == "stopped":
        return (INTERRUPTED if interrupted else FAILED), result
    return DONE, result
