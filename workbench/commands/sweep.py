"""``cifar-workbench sweep ...``: one experiment with other values of some hyperparameters."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.analysis.estimate import speed_of
from workbench.analysis.sweep_estimate import SweepEstimate, sampled_experiments, sweep_estimate
from workbench.analysis.sweeps import (
    STANDINGS,
    SweepResults,
    ordered,
    point_table,
    score_name,
    sentences,
    sweep_results,
)
from workbench.commands.executors import add_executor, default_workers, executor_options
from workbench.commands.options import (
    BAD_INPUT,
    DONE,
    FAILED,
    INTERRUPTED,
    AddCommand,
    add_data_and_device,
    add_library,
    whole_number,
)
from workbench.commands.output import print_json, text_table, write_csv, write_file
from workbench.commands.queue_bars import QueueBars
from workbench.commands.terminal import signals_stop, tell
from workbench.data.data_choice import DataChoice, choose_data
from workbench.engine.control import RunControl
from workbench.engine.step_times import Timing
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.sweeps import StoredSweep, SweepStore
from workbench.messages import Count, Message, WorkbenchError
from workbench.path_text import to_text
from workbench.spec.experiment import parse_assignments, plain_value, with_changes
from workbench.spec.presets import find_preset
from workbench.spec.sweep import METHODS, PRUNERS, SweepError, sweep_from
from workbench.spec.sweep_file import SweepFile, is_sweep_file, read_sweep, sweep_text

ACTIONS = ("list", "show", "resume", "stop", "export")
"""Words that may follow ``sweep``; each is a command of its own."""

TIMED = 3
"""Experiments of a sweep whose steps are timed for the estimate, where no earlier run tells."""


def register(command: AddCommand) -> None:
    """Add ``sweep`` and what may follow it to the command line."""
    parser = command(
        "sweep",
        begin,
        "Train an experiment with other values of some hyperparameters, and compare. `sweep list`, "
        "`show`, `resume`, `stop` and `export` have their own --help.",
        "cifar-workbench sweep 007 --vary learning_rate=0.0001..0.1:log --vary batch_size=16,64 "
        "--trials 20 --seeds 3 --set validation_share=0.1",
    )
    parser.add_argument(
        "preset", metavar="PRESET_OR_FILE", help="001 to 011, a preset's YAML file, or a sweep's"
    )
    parser.add_argument(
        "--vary",
        metavar="KEY=VALUES",
        action="append",
        default=[],
        help="a list (16,64,256), a range (0.0001..0.1, with :log on a logarithmic scale, with :6 "
        "six values of it); may be repeated",
    )
    parser.add_argument(
        "--set",
        dest="changes",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change a hyperparameter of all runs (may be repeated)",
    )
    parser.add_argument(
        "--method",
        choices=list(METHODS),
        help="grid (every combination), random, or tpe (adaptive, by the validation split); "
        "default: grid where every field has a list and there is no --trials, else random",
    )
    parser.add_argument("--trials", metavar="N", type=_number, help="points that are tried")
    parser.add_argument(
        "--seeds", metavar="N", type=whole_number, help="runs of each point; default: 1"
    )
    parser.add_argument(
        "--prune",
        nargs="?",
        const="median",
        default=None,
        choices=list(PRUNERS),
        help="end runs early that lose on the validation split",
    )
    parser.add_argument(
        "--seed", metavar="N", type=_number, default=None, help="of the choice of points"
    )
    add_data_and_device(parser)
    add_executor(parser)
    parser.add_argument("--yes", action="store_true", help="also for more than 10,000 points")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be run, and run nothing"
    )
    add_library(parser)

    add_library(
        command("sweep list", list_sweeps, "List the sweeps.", "cifar-workbench sweep list")
    )
    for action, run, words in (
        ("show", show, "Show what a sweep came to, the best point first."),
        ("resume", resume, "Run what is missing of a sweep: stopped, crashed and deleted runs."),
        ("stop", stop, "Stop and keep the running runs of a sweep, and begin no more."),
        ("export", export, "Write a sweep's points as .csv, or its description as .yaml."),
    ):
        sub = command(f"sweep {action}", run, words, f"cifar-workbench sweep {action}")
        sub.add_argument(
            "name",
            metavar="SWEEP",
            nargs="?",
            default="",
            help="its id or a part of it; default: the newest",
        )
        if action == "resume":
            add_executor(sub)
        if action == "export":
            sub.add_argument("-o", "--output", metavar="FILE", type=Path, required=True)
        add_library(sub)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError("N must be a whole number")
    return int(text)


# --- begin and resume ------------------------------------------------------------------


def begin(options: argparse.Namespace) -> int:
    """Begin a sweep, say what it will take, and run it."""
    output = sys.stderr if options.json else sys.stdout
    executor_options(options)  # refused before the sweep is begun
    try:
        file = _file(options)
    except SweepError as error:
        for name, message in error.problems:
            more = " With --yes it is run all the same." if _can_be_meant(name, options) else ""
            tell(f"{message}{more}", file=sys.stderr)
        return BAD_INPUT
    choice = choose_data(file.dataset)
    place = to_text(choice.path) if choice.kind != "sample" and choice.path else None
    file = replace(file, dataset=place or choice.kind)
    library = Library(options.library)
    workers = options.workers or default_workers(options.executor)
    tell(choice.reason, file=output)
    expected = _estimate(file, choice, library, workers)
    tell(plan_text(file, expected), file=output)
    if options.dry_run:
        if options.json:
            print_json(_plan_json(file, expected))
        else:
            _tell_points(file)
        return DONE
    from workbench.running.sweeping import add_sweep

    stored = add_sweep(library, file)
    tell(f"Sweep: {stored.id}", file=output)
    return _run(options, library, stored, workers, output)


def _can_be_meant(name: str, options: argparse.Namespace) -> bool:
    return name == "points" and bool(options.vary) and not options.yes


def _file(options: argparse.Namespace) -> SweepFile:
    vary = parse_assignments(options.vary)
    changes = parse_assignments(options.changes)
    name = options.preset
    is_path = name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name
    if is_path and is_sweep_file(paths.expanded(name)):
        if vary or options.method or options.trials or options.seeds or options.prune or changes:
            raise WorkbenchError(
                "{path}: a sweep's file says itself what is run; change it there.", path=name
            )
        file = read_sweep(paths.expanded(name), many=options.yes)
        dataset = options.dataset or file.dataset
        device = options.device if options.device != "auto" else file.device
        return SweepFile(file.sweep, dataset=dataset, device=device)
    preset = find_preset(name)
    sweep = sweep_from(
        with_changes(preset.experiment, changes),
        {key: value or "" for key, value in vary.items()},
        method=options.method,
        trials=options.trials,
        seeds=options.seeds,
        prune=options.prune or "none",
        seed=options.seed or 0,
        preset=preset.id,
        title=preset.title,
        many=options.yes,
    )
    return SweepFile(sweep, dataset=options.dataset, device=options.device)


def _estimate(file: SweepFile, choice: DataChoice, library: Library, workers: int) -> SweepEstimate:
    arguments = (file.sweep, choice, file.device, library.runs(), library.path, workers)
    found = sweep_estimate(*arguments)
    if found.seconds is not None:
        return found
    from workbench.running.runner import time_steps  # torch takes a second or two to import

    timings: dict[tuple[object, ...], Timing] = {}
    for experiment in sampled_experiments(file.sweep):
        if (speed := speed_of(experiment.values())) not in timings and len(timings) < TIMED:
            timings[speed] = time_steps(experiment, file.device, lambda: False)
    return sweep_estimate(*arguments, timings=timings)


def plan_text(file: SweepFile, expected: SweepEstimate) -> str:
    """Return what a sweep will run: points, seeds, runs, how long and how many at a time."""
    sweep = file.sweep
    text = (
        f"{Count(sweep.size):point|points} x {Count(len(sweep.seeds)):seed|seeds} = "
        f"{Count(sweep.runs):run|runs}, {expected.workers} at a time"
    )
    if expected.seconds is None:
        return f"{text}; how long it takes is not known before the first run."
    about = "at most about" if expected.at_most else "about"
    return f"{text}; {about} {_duration(expected.seconds)} in all."


def _duration(seconds: float) -> str:
    for limit, unit, divisor in ((90, "s", 1), (5_400, "min", 60), (172_800, "h", 3_600)):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.1f} days"


def _plan_json(file: SweepFile, expected: SweepEstimate) -> dict[str, Any]:
    sweep = file.sweep
    return {
        "points": sweep.size,
        "seeds": list(sweep.seeds),
        "runs": sweep.runs,
        "workers": expected.workers,
        "seconds": expected.seconds,
        "method": sweep.method,
        "prune": sweep.prune,
        "chosen_on": sweep.chosen_on,
        "values": list(sweep.points),
    }


def _tell_points(file: SweepFile) -> None:
    sweep = file.sweep
    if sweep.points and sweep.vary:
        rows = [["point", *sweep.vary]]
        for number, values in enumerate(sweep.points[:50]):
            rows.append([str(number), *(_cell(values.get(name)) for name in sweep.vary)])
        tell(*text_table(rows))
        if len(sweep.points) > 50:
            tell(f"... and {len(sweep.points) - 50:,} more")


def _cell(value: Any) -> str:
    return "-" if value is None else plain_value(value)


def resume(options: argparse.Namespace) -> int:
    """Run what is missing of a sweep."""
    from workbench.running.sweeping import start

    library = Library(options.library)
    stored = SweepStore(library.path).find(options.name)
    output = sys.stderr if options.json else sys.stdout
    workers = options.workers or default_workers(options.executor)
    added = start(library, stored.id)
    open_runs = sum(
        entry.state in ("waiting", "interrupted", "running")
        for entry in Queue(library.path).entries(sweep=stored.id)
    )
    tell(
        f"Sweep: {stored.id}",
        f"{Count(open_runs):run|runs} to do ({added} of them begun again), {workers} at a time.",
        file=output,
    )
    return _run(options, library, stored, workers, output)


def _run(
    options: argparse.Namespace, library: Library, stored: StoredSweep, workers: int, output: Any
) -> int:
    from workbench.running.queue_runner import QueueRunner

    bars = QueueBars(output, sys.stderr)
    runner = QueueRunner(
        library,
        executor=options.executor,
        workers=workers,
        options=executor_options(options),
        listener=bars,
    )

    class Stops(RunControl):
        def stop(self, why: Message | None = None) -> None:
            runner.stop_soon()

    try:
        with signals_stop(Stops(), sys.stderr) as interrupted:
            runner.run()
    finally:
        bars.close()
    results = _results(library, stored)
    if options.json:
        print_json(results_json(results))
    else:
        tell(*results_text(results))
        if not results.is_complete:
            tell(f"To run what is missing: cifar-workbench sweep resume {stored.id}")
    if interrupted:
        return INTERRUPTED
    return DONE if results.is_complete else FAILED


def stop(options: argparse.Namespace) -> int:
    """Stop a sweep wherever it runs."""
    from workbench.running.sweeping import stop as stop_sweep

    library = Library(options.library)
    stored = SweepStore(library.path).find(options.name)
    stopped = stop_sweep(library, stored.id)
    if options.json:
        print_json({"sweep": stored.id, "stopped": stopped})
    else:
        tell(
            f"{stored.id}: {Count(stopped):running run is|running runs are} stopped and kept.",
            f"To run what is missing: cifar-workbench sweep resume {stored.id}",
        )
    return DONE


# --- what there is ---------------------------------------------------------------------


def _results(library: Library, stored: StoredSweep) -> SweepResults:
    return sweep_results(stored, library.runs(), Queue(library.path).entries(sweep=stored.id))


def list_sweeps(options: argparse.Namespace) -> int:
    """List the sweeps, newest first."""
    library = Library(options.library)
    found, problems = SweepStore(library.path).read()
    for problem in problems:
        tell(problem, file=sys.stderr)
    records, entries = library.runs(), Queue(library.path).entries()
    results = [sweep_results(stored, records, entries) for stored in found]
    if options.json:
        print_json([summary_json(each) for each in results])
        return DONE
    if not results:
        tell("No sweep yet. Begin one: cifar-workbench sweep 007 --vary batch_size=16,64")
        return DONE
    rows = [["sweep", "runs", "method", "best", "varies"]]
    for each in results:
        best = f"{each.best.mean:.2f}%" if each.best and each.best.mean is not None else "-"
        rows.append(
            [
                each.stored.id,
                f"{each.settled}/{each.total}",
                each.sweep.method,
                best,
                ", ".join(each.sweep.vary) or "seed",
            ]
        )
    tell(*text_table(rows))
    return DONE


def show(options: argparse.Namespace) -> int:
    """Show a sweep."""
    library = Library(options.library)
    results = _results(library, SweepStore(library.path).find(options.name))
    if options.json:
        print_json(results_json(results))
    else:
        tell(*results_text(results))
    return DONE


def export(options: argparse.Namespace) -> int:
    """Write a sweep as a table or as YAML."""
    library = Library(options.library)
    stored = SweepStore(library.path).find(options.name)
    path: Path = options.output
    if path.suffix.lower() == ".csv":
        write_csv(path, point_table(_results(library, stored)))
    elif path.suffix.lower() in (".yaml", ".yml"):
        write_file(path, sweep_text(replace(stored.file, created="", stopped=False)))
    else:
        raise WorkbenchError(
            "{path}: a sweep is written as .csv or .yaml; choose one of these endings.", path=path
        )
    if options.json:
        print_json({"sweep": stored.id, "file": str(path)})
    else:
        tell(f"Written: {path}")
    return DONE


def results_text(results: SweepResults) -> list[str]:
    """The table of a sweep, the best point first, and what is to be said of it."""
    sweep = results.sweep
    lines = [
        f"{results.stored.id}: {results.stored.label}, {results.settled} of "
        f"{Count(results.total):run|runs}"
    ]
    rows = [["point", *sweep.vary, str(score_name(sweep)), "+-", "runs", "test", ""]]
    for point in ordered(results)[:100]:
        rows.append(
            [
                str(point.number),
                *(_cell(point.values.get(name)) for name in sweep.vary),
                _percent(point.mean),
                "-" if point.deviation is None else f"{point.deviation:.2f}",
                f"{len(point.scores)}/{point.expected}",
                _percent(point.test),
                STANDINGS[point.standing],
            ]
        )
    lines += text_table(rows)
    if len(results.points) > 100:
        lines.append(f"... and {len(results.points) - 100:,} more points; `sweep export` has all")
    lines += [str(sentence) for sentence in sentences(results)]
    found = results.importance()
    if found.shares:
        parts = [
            f"{share.name} {share.share:.0%}{' (chance can explain it)' * share.is_chance}"
            for share in found.shares
        ]
        lines.append(
            "Explained by each alone (one-way analysis of variance of the points' means): "
            + ", ".join(parts)
        )
    return lines


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}%"


def summary_json(results: SweepResults) -> dict[str, Any]:
    """Return what ``--json`` says of a sweep in a list."""
    sweep, best = results.sweep, results.best
    return {
        "sweep": results.stored.id,
        "title": results.stored.label,
        "created": results.stored.file.created,
        "preset": sweep.preset,
        "method": sweep.method,
        "prune": sweep.prune,
        "vary": {name: str(way) for name, way in sweep.vary.items()},
        "seeds": list(sweep.seeds),
        "runs": results.total,
        "settled": results.settled,
        "complete": results.is_complete,
        "stopped": results.stored.file.stopped,
        "chosen_on": sweep.chosen_on,
        "best": None if best is None else {**best.values, "mean": best.mean},
    }


def results_json(results: SweepResults) -> dict[str, Any]:
    """Return what ``--json`` says of a sweep."""
    header, *rows = point_table(results)
    found = results.importance()
    return {
        **summary_json(results),
        "points": [dict(zip(header, row, strict=True)) for row in rows],
        "sentences": [str(sentence) for sentence in sentences(results)],
        "importance": [
            {"name": s.name, "share": s.share, "p": s.p, "points": s.points} for s in found.shares
        ],
        "seed_share": found.seeds,
        "importance_problem": str(found.problem) if found.problem else None,
    }
