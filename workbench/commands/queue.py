"""``cifar-workbench queue ...``: what is to be trained, in order, by several workers."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.commands.executors import (
    OF_RAY,
    add_executor,
    default_workers,
    executor_options,
)
from workbench.commands.options import (
    BAD_INPUT,
    DONE,
    FAILED,
    INTERRUPTED,
    AddCommand,
    add_data_and_device,
    add_library,
    add_threads,
    whole_number,
)
from workbench.commands.output import print_json, text_table
from workbench.commands.queue_bars import QueueBars, entry_label
from workbench.commands.terminal import signals_stop, tell
from workbench.data.data_choice import choose_data
from workbench.engine.control import RunControl
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.queue_entry import ENDED, Entry, new_entry
from workbench.library.queue_runners import queue_processes
from workbench.library.run_folder import RunRecord
from workbench.messages import Count, Message, WorkbenchError
from workbench.spec.experiment import experiment_from, parse_assignments, with_changes
from workbench.spec.presets import find_preset

ACTIONS = ("list", "add", "move", "edit", "duplicate", "remove", "again", "run", "pause", "stop")
"""Words that may follow ``queue``; each is a command of its own."""

STARTED_S = 60.0
"""Longest wait for a queue in the background to say that it is there."""


def register(command: AddCommand) -> None:
    """Add ``queue`` and what may follow it to the command line."""
    for name in ("queue", "queue list"):
        listed = command(
            name,
            list_entries,
            "List the queue: what waits, runs and has ended, and who runs it. `queue add`, `move`, "
            "`edit`, `duplicate`, `remove`, `again`, `run`, `pause` and `stop` have their own "
            "--help.",
            "cifar-workbench queue",
        )
        add_library(listed)

    add = command(
        "queue add",
        add_entries,
        "Add a preset, or a YAML file of your own, to the queue.",
        "cifar-workbench queue add 007 --set epochs=3 --repeat 5",
    )
    add.add_argument("preset", metavar="PRESET_OR_FILE", help="001 to 011, or a YAML file")
    _add_changes(add)
    add.add_argument(
        "--as-run",
        action="store_true",
        help="as the report actually ran it, where that differs from what it says",
    )
    add_data_and_device(add)
    add_threads(add, "default: the cores shared out among the workers")
    add.add_argument(
        "--repeat",
        metavar="N",
        type=whole_number,
        default=1,
        help="add N entries with N seeds beginning at the experiment's own",
    )
    add.add_argument(
        "--keep-checkpoint", action="store_true", help="keep the checkpoint when it finishes"
    )
    add.add_argument("--first", action="store_true", help="before all others")
    add_library(add)

    move = command(
        "queue move",
        move_entries,
        "Move entries: to the end, or right before another one.",
        "cifar-workbench queue move 12 13 --before 3",
    )
    _add_ids(move)
    move.add_argument("--before", metavar="ENTRY", help="default: to the end")
    move.add_argument("--first", action="store_true", help="to the beginning")
    add_library(move)

    edit = command(
        "queue edit",
        edit_entry,
        "Change an entry that has not begun.",
        "cifar-workbench queue edit 12 --set batch_size=64 --threads 1",
    )
    edit.add_argument("id", metavar="ENTRY", help="its number in the queue")
    _add_changes(edit)
    edit.add_argument("--dataset", metavar="cifar10|sample|PATH", help="other data")
    edit.add_argument("--device", metavar="D", help="another device")
    add_threads(edit, "another number of threads")
    add_library(edit)

    for action, act, words in (
        ("duplicate", duplicate_entries, "Add the same once more at the end of the queue."),
        ("again", again_entries, "Run entries again that have ended: resumes a stopped one."),
    ):
        parser = command(f"queue {action}", act, words, f"cifar-workbench queue {action} 12")
        _add_ids(parser)
        add_library(parser)

    remove = command(
        "queue remove",
        remove_entries,
        "Take entries off the queue. Their runs stay in the library.",
        "cifar-workbench queue remove --ended",
    )
    _add_ids(remove, "*")
    remove.add_argument("--ended", action="store_true", help="all that have ended")
    add_library(remove)

    run_queue = command(
        "queue run",
        run,
        "Run the queue until nothing waits. Ctrl-C stops and keeps the running entries, which go "
        "on with the next `queue run`.",
        "cifar-workbench queue run --workers 2",
    )
    add_executor(run_queue)
    run_queue.add_argument(
        "--stay", action="store_true", help="wait for further entries until `queue pause` or `stop`"
    )
    run_queue.add_argument(
        "--detach", action="store_true", help="in the background, also when the terminal closes"
    )
    run_queue.add_argument("--log-path", help=argparse.SUPPRESS)
    add_library(run_queue)

    for action, asked, words in (
        ("pause", pause, "Begin no further entry, wherever the queue is run."),
        ("stop", stop, "Stop and keep the running entries, wherever the queue is run."),
    ):
        parser = command(f"queue {action}", asked, words, f"cifar-workbench queue {action}")
        add_library(parser)


def _add_changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        dest="changes",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change a hyperparameter, as `train --help` lists them (may be repeated)",
    )


def _add_ids(parser: argparse.ArgumentParser, count: str = "+") -> None:
    parser.add_argument("ids", metavar="ENTRY", nargs=count, help="its number in the queue")


def _queue(options: argparse.Namespace) -> Queue:
    return Queue(Library(options.library).path)


# --- what there is ---------------------------------------------------------------------


def list_entries(options: argparse.Namespace) -> int:
    """List the queue, and the processes that run it."""
    queue = _queue(options)
    entries, problems = queue.read()
    for problem in problems:
        tell(problem, file=sys.stderr)
    processes = queue_processes(queue.library)
    if options.json:
        print_json(
            {
                "asked": queue.asked,
                "processes": [asdict(process) for process in processes],
                "entries": [entry_json(queue, entry) for entry in entries],
            }
        )
        return DONE
    for process in processes:
        log = f", log {process.log}" if process.log else ""
        tell(
            f"Run by process {process.pid} since {process.began}: {process.executor}, "
            f"{Count(process.workers):worker|workers}{log}"
        )
    if not entries:
        tell("The queue is empty. Add to it: cifar-workbench queue add 007")
        return DONE
    rows = [["entry", "state", "epochs", "accuracy", "data", "run"]]
    # All at once: a large library reads them from its index.
    known = {run.id: run for run in Library(queue.library).runs()} if _any_run(entries) else {}
    for entry in entries:
        done, accuracy = _progress(known, entry)
        data = str(entry.data.get("path") or entry.data.get("kind"))
        rows.append([entry_label(entry), entry.state, done, accuracy, data, entry.run or ""])
    tell(*text_table(rows))
    for entry in entries:
        if entry.why is not None:
            tell(f"[{entry.id}] {entry.why}")
    return DONE


def _any_run(entries: list[Entry]) -> bool:
    return any(entry.run is not None for entry in entries)


def _progress(known: dict[str, RunRecord], entry: Entry) -> tuple[str, str]:
    done, accuracy = "-", "-"
    if entry.run is not None:
        record = known.get(entry.run)
        if record is None:
            return "deleted", "-"
        done = str(record.epochs_done)
        accuracy = f"{record.accuracy:.2f}%" if record.accuracy is not None else "-"
    return f"{done}/{entry.experiment.get('epochs', '?')}", accuracy


def entry_json(queue: Queue, entry: Entry) -> dict[str, Any]:
    """Return what ``--json`` says of an entry; ``run`` is the folder."""
    content = asdict(entry)
    for name in ("format", "order", "reason_parts"):
        del content[name]
    content["run"] = str(queue.library / entry.run) if entry.run else None
    return content


def _say(options: argparse.Namespace, queue: Queue, entries: list[Entry], words: str) -> int:
    if options.json:
        print_json([entry_json(queue, entry) for entry in entries])
    else:
        for entry in entries:
            tell(f"{entry_label(entry)}: {words}")
    return DONE


# --- changes ---------------------------------------------------------------------------


def add_entries(options: argparse.Namespace) -> int:
    """Add a preset, with ``--repeat`` once for each seed."""
    preset = find_preset(options.preset)
    begin = preset.as_run if options.as_run and preset.as_run else preset.experiment
    experiment = with_changes(begin, parse_assignments(options.changes))
    choice = choose_data(options.dataset)
    seeds = range(experiment.seed, experiment.seed + options.repeat)
    queue = _queue(options)
    added = queue.add(
        [
            new_entry(
                with_changes(experiment, {"seed": seed}),
                choice,
                preset=preset.id,
                title=preset.title,
                device=options.device,
                threads=options.threads,
                keep_checkpoint=options.keep_checkpoint,
            )
            for seed in seeds
        ],
        first=options.first,
    )
    if not options.json:
        tell(choice.reason)
    return _say(options, queue, added, "waiting")


def move_entries(options: argparse.Namespace) -> int:
    """Move entries."""
    queue = _queue(options)
    before = options.before
    if options.first:
        before = next((e.id for e in queue.entries() if e.id not in options.ids), None)
    queue.move(options.ids, before)
    return list_entries(options)


def edit_entry(options: argparse.Namespace) -> int:
    """Change an entry."""
    queue = _queue(options)
    entry = queue.find(options.id)
    changes: dict[str, Any] = {}
    if options.changes:
        experiment = experiment_from(entry.experiment)
        changed = with_changes(experiment, parse_assignments(options.changes))
        changes["experiment"] = changed.values()
    if options.dataset:
        changes["data"] = new_entry(
            experiment_from(entry.experiment), choose_data(options.dataset)
        ).data
    if options.device:
        changes["device"] = options.device
    if options.threads:
        changes["threads"] = options.threads
    return _say(options, queue, [queue.edit(options.id, **changes)], "changed")


def duplicate_entries(options: argparse.Namespace) -> int:
    """Add entries once more."""
    queue = _queue(options)
    return _say(options, queue, [queue.duplicate(id) for id in options.ids], "waiting")


def again_entries(options: argparse.Namespace) -> int:
    """Have entries run again."""
    queue = _queue(options)
    return _say(options, queue, queue.again(options.ids), "waiting")


def remove_entries(options: argparse.Namespace) -> int:
    """Take entries off the queue."""
    queue = _queue(options)
    ids = list(options.ids)
    if options.ended:
        ids += [entry.id for entry in queue.entries() if entry.state in ENDED]
    if not ids and not options.ended:
        raise WorkbenchError("Name the entries to remove, or use --ended.")
    queue.remove(ids)
    if options.json:
        print_json({"removed": ids})
    else:
        tell(f"Removed {Count(len(ids)):entry|entries}.")
    return DONE


# --- running ---------------------------------------------------------------------------


def pause(options: argparse.Namespace) -> int:
    """Begin no further entry."""
    return _ask(options, "pause", "The queue pauses after the running entries.")


def stop(options: argparse.Namespace) -> int:
    """Stop and keep the running entries."""
    return _ask(options, "stop", "The queue stops and keeps the running entries.")


def _ask(options: argparse.Namespace, asked: Any, words: str) -> int:
    queue = _queue(options)
    processes = queue_processes(queue.library)
    if not processes:
        raise WorkbenchError("Nobody runs the queue; there is nothing to {what}.", what=asked)
    queue.ask(asked)
    if options.json:
        print_json({"asked": asked, "processes": [process.pid for process in processes]})
    else:
        tell(words)
    return DONE


def run(options: argparse.Namespace) -> int:
    """Run the queue; with ``--detach`` in the background."""
    place = executor_options(options)
    if options.detach:
        return _detach(options)
    library = Library(options.library)
    queue = Queue(library.path)
    before = {entry.id: entry.state for entry in queue.entries()}
    output = sys.stderr if options.json else sys.stdout
    if options.log_path:
        output.write(f"Process {os.getpid()} runs the queue of {library.path}\n")
    from workbench.running.queue_runner import QueueRunner  # torch takes a second or two to import

    workers = options.workers or default_workers(options.executor)
    bars = QueueBars(output, sys.stderr)
    runner = QueueRunner(
        library,
        executor=options.executor,
        workers=workers,
        options=place,
        listener=bars,
        stay=options.stay,
        log_path=options.log_path,
    )

    class Stops(RunControl):
        def stop(self, why: Message | None = None) -> None:
            runner.stop_soon()

    try:
        with signals_stop(Stops(), sys.stderr) as interrupted:
            runner.run()
    finally:
        bars.close()
    entries, problems = queue.read()
    for problem in problems:
        tell(problem, file=sys.stderr)
    ran = [entry for entry in entries if entry.state != before.get(entry.id)]
    failed = [entry for entry in ran if entry.state == "failed"]
    if options.json:
        print_json([entry_json(queue, entry) for entry in ran])
    else:
        counts = {state: sum(e.state == state for e in ran) for state in _STATES}
        said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        tell(f"{said}." if said else "Nothing waits in the queue.")
    if interrupted:
        return INTERRUPTED
    return FAILED if failed else DONE


_STATES = ("finished", "failed", "stopped", "running", "waiting", "interrupted")


def _detach(options: argparse.Namespace) -> int:
    """Start the same command in the background, and wait until it says that it runs."""
    library = Library(options.library).path
    stamp = f"{datetime.now():%Y-%m-%d_%H%M%S}"
    log = paths.home() / "logs" / f"queue-{stamp}-{os.getpid()}.log"
    command = [sys.executable, "-m", "workbench", "queue", "run", "--library", str(library)]
    command += ["--executor", options.executor, "--log-path", str(log)]
    if options.workers:
        command += ["--workers", str(options.workers)]
    for name in OF_RAY:
        if (value := getattr(options, name)) not in (None, False):
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    if options.stay:
        command.append("--stay")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("xb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=Path.cwd(),
                start_new_session=True,
            )
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written ({reason}).", path=log, reason=error.strerror
        ) from None
    until = time.monotonic() + STARTED_S
    while time.monotonic() < until:
        found = [each for each in queue_processes(library) if each.log == str(log)]
        if found:
            if options.json:
                print_json(asdict(found[0]))
            else:
                tell(f"The queue runs in the background, process {found[0].pid}; its log: {log}")
                tell("`cifar-workbench queue` lists it, `queue pause` and `queue stop` end it.")
            return DONE
        if process.poll() is not None:
            break
        time.sleep(0.1)
    text = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if process.poll() == 0:
        tell(*text)
        return DONE
    tell(
        Message("The queue did not start: {reason}", reason=text[-1] if text else log),
        file=sys.stderr,
    )
    return BAD_INPUT
