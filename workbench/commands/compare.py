"""``cifar-workbench compare``: runs against the report and against each other."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from workbench.analysis.against_report import VERDICTS, AgainstReport, against_report
from workbench.analysis.differences import DifferingRow, differing_rows, distinct_names
from workbench.analysis.flips import Flips, PairTest, compare_pairs, compare_runs, read_tests
from workbench.commands.options import AddCommand, add_runs
from workbench.commands.output import find_runs, print_json, text_table, write_csv
from workbench.commands.terminal import tell
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.report.document import shown_figures
from workbench.spec.presets import preset_with_id


def register(command: AddCommand) -> None:
    """Add what this file does to the command line."""
    parser = command(
        "compare",
        compare,
        "Compare runs with the report and with each other, and two runs image by image.",
        "cifar-workbench compare 2026-11-23_205630_001 2026-11-23_211500_007",
    )
    add_runs(parser)
    parser.add_argument(
        "--csv", metavar="FILE", type=Path, help="also write the comparison as a CSV table"
    )


def compare(options: argparse.Namespace) -> int:
    library = Library(options.library)
    records = find_runs(options.runs, library)
    known = library.runs()
    reports = [_against_report(record, known) for record in records]
    rows = differing_rows(records)
    flips: Flips | None = None
    pairs: list[PairTest] = []
    problem: WorkbenchError | None = None
    try:
        if len(records) == 2:
            flips = compare_runs(*records)
        elif len(records) > 2:
            pairs = compare_pairs(read_tests(records))
    except WorkbenchError as error:
        problem = error
    if options.csv:
        write_csv(options.csv, _table(records, reports, rows, flips, pairs))
    if options.json:
        print_json(_as_json(records, reports, rows, flips, pairs, problem))
    else:
        tell(*_as_text(records, reports, rows, flips, pairs, problem))
    return 0


def _against_report(record: RunRecord, known: Sequence[RunRecord]) -> AgainstReport | None:
    if record.preset is None:
        return None
    try:
        return against_report(record, preset_with_id(record.preset), known)
    except WorkbenchError:  # the person's own preset, since deleted
        return None


# --- as text, table and JSON -----------------------------------------------------------


def _as_text(
    records: Sequence[RunRecord],
    reports: Sequence[AgainstReport | None],
    rows: Sequence[DifferingRow],
    flips: Flips | None,
    pairs: Sequence[PairTest],
    problem: WorkbenchError | None,
) -> list[str]:
    parts: list[list[str]] = []
    names = distinct_names([record.label for record in records], records)
    for number, (record, report) in enumerate(zip(records, reports, strict=True), 1):
        name = names[number - 1]
        parts.append([f"Run {number}: {name}, {record.id}, {record.data.get('name')}"])
        if report is not None:
            parts.append(report_text(report))
    if len(records) > 1:
        table = [["", *(f"run {number}" for number in range(1, len(records) + 1))]]
        for group, members in groupby(rows, lambda row: row.group):
            table.append([group, *[""] * len(records)])
            table += [[f"  {row.key}", *map(_value, row.values)] for row in members]
        parts.append(text_table(table) if rows else ["Nothing differs."])
    if flips is not None:
        parts.append([str(flips.sentence("run 1", "run 2"))])
        table = [["true class", "run 1 alone right", "run 2 alone right"]]
        table += [
            [name, str(lost), str(won)]
            for name, lost, won in zip(
                flips.classes, flips.lost_per_class, flips.won_per_class, strict=True
            )
        ]
        parts.append(text_table(table))
        parts.append(["Confusion matrix of run 2 minus that of run 1 (rows are true classes):"])
        cells = [[name, *(f"{n:+d}" if n else "0" for n in row)] for name, row in _matrix(flips)]
        parts.append(text_table([["", *(name[:5] for name in flips.classes)], *cells]))
    numbered = [f"run {number}" for number in range(1, len(records) + 1)]
    parts += [[str(pair.sentence(numbered))] for pair in pairs]
    if problem is not None:
        parts.append([str(problem)])
    return [line for part in parts for line in ("", *part)][1:]


def _matrix(flips: Flips) -> list[tuple[str, list[int]]]:
    return list(zip(flips.classes, flips.confusion.tolist(), strict=True))


def report_text(report: AgainstReport) -> list[str]:
    """Reported beside measured, and the verdict."""
    table = [["against the report", "reported", "measured", "difference"]]
    for figure in shown_figures(report):
        digits = {"percent": 2, "images": 0, "loss": 4, "seconds": 2}[figure.kind]
        unit = "%" if figure.kind == "percent" else ""
        difference = figure.difference
        table.append(
            [
                str(figure.name),
                ("about " if figure.approximate else "") + f"{figure.reported:.{digits}f}{unit}",
                "-" if figure.measured is None else f"{figure.measured:.{digits}f}{unit}",
                "-" if difference is None else f"{difference:+.{digits}f}",
            ]
        )
    lines = text_table(table, "  ") if len(table) > 1 else []
    lines = [*lines, f"  {VERDICTS[report.outcome]}: {report.reason}"]
    if report.spread is not None:
        s = report.spread
        lines.append(
            f"  {'Shipped spread' if s.shipped else 'Your repeats'}: {s.runs} seeds, mean "
            f"{s.mean:.2f}%, standard deviation {s.deviation:.2f} points"
        )
    if report.binomial is not None:
        lines.append(
            f"  A new test set of this size would move the accuracy by about {report.binomial:.2f} "
            "points (binomial standard error); the report was tested on this one"
        )
    return [*lines, *(f"  {note}" for note in report.notes)]


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)[:40]


def _table(
    records: Sequence[RunRecord],
    reports: Sequence[AgainstReport | None],
    rows: Sequence[DifferingRow],
    flips: Flips | None,
    pairs: Sequence[PairTest],
) -> list[list[Any]]:
    """Return what is compared as one table: a column for each run. A pair of three or
    more runs fills only the columns of its two: with the images that each alone is right on, and
    with p, the same in both."""
    table: list[list[Any]] = [["group", "row", *(record.id for record in records)]]
    table += [[row.group, row.key, *row.values] for row in rows]
    names = list(dict.fromkeys(str(f.name) for r in reports if r for f in r.figures))
    figures = [{str(f.name): f for f in report.figures} if report else {} for report in reports]
    for name in names:
        found = [by_name.get(name) for by_name in figures]
        table.append(["Reported", name, *(f.reported if f else None for f in found)])
        table.append(["Measured", name, *(f.measured if f else None for f in found)])
    table.append(["Verdict", "", *(report.outcome if report else None for report in reports)])
    if flips is not None:
        table += [
            ["Alone right", name, int(lost), int(won)]
            for name, lost, won in zip(
                flips.classes, flips.lost_per_class, flips.won_per_class, strict=True
            )
        ]
    for pair in pairs:
        name = f"run {pair.first + 1}, run {pair.second + 1}"
        for group, first, second in (
            ("Alone right", len(pair.flips.lost), len(pair.flips.won)),
            ("McNemar p", pair.flips.p, pair.flips.p),
            ("McNemar p (Holm)", pair.p, pair.p),
        ):
            cells: list[Any] = [None] * len(records)
            cells[pair.first], cells[pair.second] = first, second
            table.append([group, name, *cells])
    return table


def _as_json(
    records: Sequence[RunRecord],
    reports: Sequence[AgainstReport | None],
    rows: Sequence[DifferingRow],
    flips: Flips | None,
    pairs: Sequence[PairTest],
    problem: WorkbenchError | None,
) -> dict[str, Any]:
    return {
        "runs": [
            {
                "run": str(record.folder),
                "id": record.id,
                "name": record.label,
                "dataset": record.data.get("name"),
                "against_report": report_json(report) if report else None,
            }
            for record, report in zip(records, reports, strict=True)
        ],
        "differences": [
            {"group": row.group, "key": row.key, "values": list(row.values)} for row in rows
        ],
        "flips": None
        if flips is None
        else {
            "images": flips.images,
            "classes": list(flips.classes),
            "first_alone": flips.lost.tolist(),
            "second_alone": flips.won.tolist(),
            "first_alone_per_class": flips.lost_per_class.tolist(),
            "second_alone_per_class": flips.won_per_class.tolist(),
            "confusion_difference": flips.confusion.tolist(),
            "mcnemar_p": flips.p,
            "sentence": str(flips.sentence("run 1", "run 2")),
        },
        "pairs": [
            {
                "first": str(records[pair.first].folder),
                "second": str(records[pair.second].folder),
                "first_alone": len(pair.flips.lost),
                "second_alone": len(pair.flips.won),
                "mcnemar_p": pair.flips.p,
                "mcnemar_p_holm": pair.p,
            }
            for pair in pairs
        ],
        "problem": str(problem) if problem else None,
    }


def report_json(report: AgainstReport) -> dict[str, Any]:
    return {
        "preset": report.preset.id,
        "epoch": report.epoch,
        "verdict": report.outcome,
        "reason": str(report.reason),
        "binomial_error": report.binomial,
        "spread": None
        if report.spread is None
        else {
            "mean": report.spread.mean,
            "deviation": report.spread.deviation,
            "runs": report.spread.runs,
            "shipped": report.spread.shipped,
        },
        "figures": [
            {
                "name": str(figure.name),
                "kind": figure.kind,
                "reported": figure.reported,
                "approximate": figure.approximate,
                "measured": figure.measured,
                "difference": figure.difference,
            }
            for figure in report.figures
        ],
        "notes": [str(note) for note in report.notes],
    }
