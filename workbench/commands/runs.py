"""The commands ``cifar-workbench runs ...``: list, search, label, give up resuming, trash and
check the library."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from workbench.commands.options import DONE, FAILED, AddCommand, add_library
from workbench.commands.output import find_runs, print_json
from workbench.commands.terminal import tell
from workbench.library.catalog import Library
from workbench.library.check import Finding, check_library, repair
from workbench.library.giving_up import give_up, given_up, take_back
from workbench.library.labels import Labels, clean_name, clean_tags
from workbench.library.run_filter import parse_filter, searched_text
from workbench.library.run_folder import RunRecord
from workbench.library.trash import FOLDER as TRASH
from workbench.library.trash import empty_trash, find_trashed, read_trash
from workbench.messages import Count, WorkbenchError
from workbench.words.status import record_status

ACTIONS = ("label", "give-up", "trash", "check")
"""Words that may follow ``runs``; each is a command of its own."""


def register(command: AddCommand) -> None:
    """Add ``runs`` and what may follow it to the command line."""
    runs = command(
        "runs",
        list_runs,
        "List the runs in the library, newest first, or those that match a search. "
        "`runs label`, `runs give-up`, `runs trash` and `runs check` have their own --help.",
        "cifar-workbench runs 'learning_rate<0.001' optimizer=adam tag:lesson starred",
    )
    runs.add_argument(
        "filter",
        metavar="FILTER",
        nargs="*",
        help="words, and conditions on hyperparameters and results; all must match",
    )
    add_library(runs)

    label = command(
        "runs label",
        label_run,
        "Name a run, write notes, tag or star it; also while it trains.",
        "cifar-workbench runs label 2026-11-23_205630_001 --tag lesson-2 --star",
    )
    _add_run(label)
    label.add_argument("--name", help="its name; an empty one removes the name")
    label.add_argument("--notes", help="its notes")
    label.add_argument("--tag", action="append", default=[], help="add a tag (may be repeated)")
    label.add_argument("--untag", action="append", default=[], metavar="TAG", help="remove a tag")
    label.add_argument("--star", action=argparse.BooleanOptionalAction, help="mark it with a star")
    add_library(label)

    give_up = command(
        "runs give-up",
        give_up_resuming,
        "Give up resuming an interrupted run: its last weights are saved as a .pkl, and it counts "
        "as stopped.",
        "cifar-workbench runs give-up 2026-11-23_205630_001",
    )
    _add_run(give_up)
    give_up.add_argument(
        "--undo",
        action="store_true",
        help="bring its checkpoint back from the trash, so that it can be resumed",
    )
    add_library(give_up)

    trash = command(
        "runs trash",
        trash_runs,
        "Move runs to the library's trash, list the trash, restore runs, or empty it.",
        "cifar-workbench runs trash 2026-11-23_205630_001",
    )
    trash.add_argument("which", metavar="RUN", nargs="*", help="folder of a run, or its name")
    trash.add_argument("--restore", action="store_true", help="restore the named runs")
    trash.add_argument(
        "--empty", action="store_true", help="permanently delete what is in the trash"
    )
    add_library(trash)

    check = command(
        "runs check",
        check_runs,
        "Find what is damaged in the library, and repair what can be repaired.",
        "cifar-workbench runs check --fix",
    )
    check.add_argument(
        "--fix",
        action="store_true",
        help="repair it; what cannot be read moves to .damaged in the library; nothing is deleted",
    )
    add_library(check)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("which", metavar="RUN", help="folder of a run, or its name")


# --- list and search -------------------------------------------------------------------


def list_runs(options: argparse.Namespace) -> int:
    wanted = parse_filter(" ".join(options.filter))
    records, problems = Library(options.library).read()
    for problem in problems:
        tell(problem, file=sys.stderr)
    found = [run for run in records if wanted.matches(run, searched_text(run))]
    if options.json:
        print_json([summary(run) for run in found])
        return DONE
    if not found:
        if records:
            tell("No run matches.")
        else:
            tell("No runs yet. Train one: cifar-workbench train 007 --set epochs=3")
        return DONE
    tell("  accuracy  epochs     status       data             run")
    for r in found:
        accuracy = f"{r.accuracy:7.2f}%" if r.accuracy is not None else f"{'-':>8}"
        status = str(record_status(r)).lower()
        words = "".join(f"  {word}" for word in (r.name, *(f"#{tag}" for tag in r.tags)) if word)
        words += "  with mirror images" if r.mirrored else ""
        tell(
            f"{'*' if r.starred else ' '} {accuracy}  {f'{r.epochs_done}/{r.epochs}':<9}  "
            f"{status:<11}  {r.data.get('name', ''):<15}  {r.folder}{words}"
        )
    return DONE


def summary(record: RunRecord) -> dict[str, Any]:
    return {
        "run": str(record.folder),
        "preset": record.preset,
        "dataset": record.data.get("name"),
        "status": record.status,
        "epochs_done": record.epochs_done,
        "epochs": record.epochs,
        "ended_early": record.ended_early,
        "accuracy": record.accuracy,
        "best_epoch": record.best_epoch,
        "best_chosen_on": record.best_chosen_on,
        "best_accuracy": record.best_accuracy,
        "best_validation_accuracy": record.best_validation_accuracy,
        "training_accuracy": record.training_accuracy,
        "weights": str(record.folder / record.weights) if record.weights else None,
        "best_weights": str(record.folder / record.best_weights) if record.best_weights else None,
        "created": record.created,
        "seconds": record.seconds,
        "reason": record.reason,
        "name": record.name,
        "notes": record.notes,
        "tags": list(record.tags),
        "starred": record.starred,
        "experiment": record.experiment,
    }


# --- label -----------------------------------------------------------------------------


def label_run(options: argparse.Namespace) -> int:
    library = Library(options.library)
    run = find_runs([options.which], library)[0]

    def change(labels: Labels) -> Labels:
        gone = {tag.casefold() for tag in clean_tags(options.untag)}
        kept = [tag for tag in labels.tags if tag.casefold() not in gone]
        labels = replace(labels, tags=clean_tags([*kept, *options.tag]))
        if options.name is not None:
            labels = replace(labels, name=clean_name(options.name))
        if options.notes is not None:
            labels = replace(labels, notes=options.notes.strip())
        if options.star is not None:
            labels = replace(labels, starred=options.star)
        return labels

    run = library.label(run, change)
    if options.json:
        print_json(summary(run))
        return DONE
    star = "* " if run.starred else ""
    tell(f"{star}{run.label}" + "".join(f"  #{tag}" for tag in run.tags))
    if run.notes:
        tell(*(f"  {line}" for line in run.notes.split("\n")))
    return DONE


# --- give up resuming ------------------------------------------------------------------


def give_up_resuming(options: argparse.Namespace) -> int:
    library = Library(options.library)
    run = find_runs([options.which], library)[0]
    if options.undo:
        run = take_back(library, given_up(library, run))
        if options.json:
            print_json(summary(run))
        else:
            tell(f"{run.label} can be resumed: cifar-workbench resume {run.folder}")
        return DONE
    given = give_up(library, run)
    run = given.record
    if given.problem is not None:
        path = run.folder / "checkpoint.pt"
        tell(f"{path}: no weights can be taken out of it; it is damaged.", file=sys.stderr)
    if options.json:
        print_json(summary(run))
        return DONE
    tell(run.folder / run.weights if run.weights else "It has no weights of its last epoch.")
    if given.checkpoint and given.problem is None:
        tell("With --undo it can be resumed, until the trash is emptied.")
    return DONE


# --- trash -----------------------------------------------------------------------------


def trash_runs(options: argparse.Namespace) -> int:
    library = Library(options.library)
    if options.empty and (options.which or options.restore):
        raise WorkbenchError("--empty deletes everything in the trash; name no runs with it.")
    if options.restore and not options.which:
        raise WorkbenchError("--restore needs the names of runs in the trash.")
    if options.restore:
        # All are looked for before the first is moved.
        found = [find_trashed(library.path, name) for name in dict.fromkeys(options.which)]
        moved = [str(library.restore(place.name).folder) for place in dict.fromkeys(found)]
        return _say_moved("restored", moved, options.json)
    if options.which:
        runs = find_runs(options.which, library)
        moved = [str(library.path / TRASH / library.trash(run)) for run in runs]
        return _say_moved("trashed", moved, options.json)
    things = read_trash(library.path)
    size = sum(thing.bytes for thing in things)
    if options.empty:
        left = empty_trash(library.path)
        for problem in left:
            tell(problem, file=sys.stderr)
        if options.json:
            print_json({"deleted": len(things) - len(left), "bytes": size, "left": len(left)})
        else:
            tell(f"Deleted {len(things) - len(left)} of {len(things)}, {size / 1e6:,.1f} MB.")
        return FAILED if left else DONE
    if options.json:
        print_json(
            {
                "bytes": size,
                "trash": [{"name": thing.path.name, "bytes": thing.bytes} for thing in things],
            }
        )
        return DONE
    for thing in things:
        tell(f"{thing.bytes / 1e6:8,.1f} MB  {thing.path.name}")
    tell(f"{size / 1e6:8,.1f} MB in the trash, {library.path / TRASH}")
    return DONE


def _say_moved(word: str, places: list[str], as_json: bool) -> int:
    if as_json:
        print_json({word: places})
    else:
        for place in places:
            tell(place)
    return DONE


# --- check -----------------------------------------------------------------------------


def check_runs(options: argparse.Namespace) -> int:
    """0 where no fault is left, else 1."""
    library = Library(options.library)
    seen: list[dict[str, Any]] = []
    for finding in list(check_library(library.path)):
        repaired = False
        if options.fix and finding.remedy:
            try:
                repaired = repair(finding)
            except WorkbenchError as error:
                tell(error, file=sys.stderr)
        seen.append(
            {
                "path": str(finding.path),
                "kind": finding.kind,
                "problem": str(finding.message),
                "fault": finding.fault,
                "mends": str(finding.remedy) if finding.remedy else None,
                "mended": repaired,
            }
        )
        if not options.json:
            tell(_told(finding, repaired, options.fix))
    left = sum(each["fault"] and not each["mended"] for each in seen)
    runs = len(library.runs())
    if options.json:
        print_json({"library": str(library.path), "runs": runs, "findings": seen, "faults": left})
    else:
        faults = "no faults" if not left else f"{Count(left):fault|faults}"
        tell(f"{Count(runs):run|runs}, {faults}{' left' if left and options.fix else ''}.")
    return FAILED if left else DONE


def _told(finding: Finding, repaired: bool, fixing: bool) -> str:
    word = "Repaired: " if repaired else "" if finding.fault else "Note: "
    if repaired or not finding.remedy:
        after = "" if repaired or not finding.fault else " It cannot be repaired here."
    else:
        after = " It was not repaired." if fixing else f" With --fix: {finding.remedy}"
    return f"{word}{finding.message}{after}"
