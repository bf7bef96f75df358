"""Draws `presets/results.svg` and fills in the tables of `presets/README.md`, from what
`reproduce.py` stored.

    python tests/reproduction/story.py
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # to run as a script

from tests.reproduction.reproduce import (
    RESULTS,
    TEST_IMAGES,
    built_in,
    of_the_report,
    read_table,
)
from workbench import atomic
from workbench.spec.experiment import tests_otherwise
from workbench.spec.presets import Preset
from workbench.window.kit.theme import LIGHT

CHART = Path(__file__).parents[2] / "presets" / "results.svg"
STORY = CHART.with_name("README.md")

WIDTH, LEFT, RIGHT, TOP, ROW = 860, 190, 240, 66, 30
MOST = 80.0
"""Right end of the axis, in percent."""


def chart(rows: list[dict[str, Any]]) -> str:
    """The chart as SVG: a line for each preset, with the reported accuracy and each measured one.

    A run that has not ended stands where it is, hollow and gray.
    """
    presets = of_the_report()
    height = TOP + ROW * len(presets) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13" fill="{LIGHT.text}">',
        "<title>Test accuracy of the eleven presets, reported and measured</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="{LIGHT.surface}"/>',
        *_legend(),
    ]
    for percent in range(0, int(MOST) + 1, 10):
        x = _x(percent)
        parts.append(
            f'<line x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{height - 30}" stroke="{LIGHT.grid}"/>'
        )
        parts.append(_text(x, height - 12, f"{percent}%", "middle", LIGHT.muted))
    for number, preset in enumerate(presets):
        y = TOP + ROW * number + 8
        assert preset.reported is not None
        parts.append(_text(12, y + 5, f"{preset.id}  {preset.title}"))
        # 009 and 010 report two: of the final test and, thin, in training mode.
        reported = ((preset.reported.accuracy, 3), (preset.reported.accuracy_train_mode, 1))
        for accuracy, width in reported:
            if accuracy is not None:
                x = _x(accuracy)
                parts.append(
                    f'<line x1="{x}" y1="{y - 9}" x2="{x}" y2="{y + 9}" '
                    f'stroke="{LIGHT.reported}" stroke-width="{width}"/>'
                )
        mine = one_of_each_seed(rows, preset)
        for row in mine:
            parts.append(_mark(_x(float(row["measured"])), y, row))
        words = _words(mine)
        if mine and in_training_mode(preset, any(r["state"] == "finished" for r in mine)):
            words += ", in training mode"
        parts.append(_text(WIDTH - RIGHT + 22, y + 5, words, fill=LIGHT.muted))
    return "\n".join([*parts, "</svg>", ""])


def _x(percent: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * percent / MOST, 1)


def _text(x: float, y: float, text: str, anchor: str = "start", fill: str = LIGHT.text) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'


def _mark(x: float, y: float, row: dict[str, Any]) -> str:
    finished, as_run = row["state"] == "finished", _ran(row)
    color = LIGHT.measured if finished else LIGHT.muted
    fill = color if finished and as_run else LIGHT.surface
    return (
        f'<circle cx="{x}" cy="{y}" r="5" fill="{fill}" fill-opacity="0.75" stroke="{color}" '
        'stroke-width="1.5"/>'
    )


def _ran(row: dict[str, Any]) -> bool:
    """Whether the row is of what the report ran."""
    return row["ran"].startswith("as run")


def _words(rows: list[dict[str, Any]]) -> str:
    done = [float(r["measured"]) for r in rows if r["state"] == "finished" and _ran(r)]
    if len(done) > 1:
        return f"{min(done):.2f} to {max(done):.2f}%, {len(done)} seeds"
    if done:
        return f"{done[0]:.2f}%"
    going = [r for r in rows if r["state"] != "finished"]
    return going[0]["state"] if going else "" if rows else "not run"


def _legend() -> Iterator[str]:
    x, y = LEFT, 28
    yield (
        f'<line x1="{x}" y1="{y - 9}" x2="{x}" y2="{y + 9}" stroke="{LIGHT.reported}" '
        'stroke-width="3"/>'
    )
    yield _text(x + 10, y + 5, "reported (thin: in training mode)")
    for at, text, state, ran in (
        (225, "measured, as actually run", "finished", True),
        (405, "measured, as written", "finished", False),
        (560, "not ended", "", False),
    ):
        color = LIGHT.measured if state else LIGHT.muted
        fill = color if ran else LIGHT.surface
        yield (
            f'<circle cx="{x + at}" cy="{y}" r="5" fill="{fill}" fill-opacity="0.75" '
            f'stroke="{color}" stroke-width="1.5"/>'
        )
        yield _text(x + at + 12, y + 5, text)


def in_training_mode(preset: Preset, done: bool) -> bool:
    """Whether what is measured of a preset was taken in training mode, where that is another one:
    until its final test, and after it where the report has only such a figure."""
    apart = preset.reported is not None and preset.reported.accuracy_train_mode is not None
    return tests_otherwise(preset.experiment.values()) and not (done and apart)


# --- tables ------------------------------------------------------------------------------


def one_of_each_seed(rows: list[dict[str, Any]], preset: Preset) -> list[dict[str, Any]]:
    """The rows of ``preset`` as run or declared; of a seed that was trained on several devices the
    one that got furthest."""
    mine = [r for r in rows if r["preset"] == preset.id and r["ran"] != "other"]
    kept: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in mine:
        key = (row["ran"], row["data"], str(row["seed"]))
        if key not in kept or int(row["epochs_done"]) > int(kept[key]["epochs_done"]):
            kept[key] = row
    return list(kept.values())


def results_table(rows: list[dict[str, Any]]) -> str:
    """A line for each preset, way it was trained and data set: reported and measured accuracy in
    percent, points between them, and the standard deviation of three seeds or more."""
    lines = [
        "| preset | trained | reported | measured | difference | seed s.d. | seeds | "
        "data, device |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for preset in of_the_report():
        assert preset.reported is not None
        final = f"{preset.reported.accuracy:.2f}"
        if preset.reported.accuracy_is_approximate:
            final = f"about {preset.reported.accuracy:.0f}"
        mine = one_of_each_seed(rows, preset)
        name = f"{preset.id} {preset.title}"
        if not mine:
            lines.append(f"| {name} | not run | {final} | | | | | |")
        for how, data in dict.fromkeys((r["ran"], r["data"]) for r in mine):
            same = [r for r in mine if (r["ran"], r["data"]) == (how, data)]
            done = [r for r in same if r["state"] == "finished"]
            shown = done or same
            values = [float(r["measured"]) for r in shown]
            mean = statistics.mean(values)
            spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
            off = f"{mean - preset.reported.accuracy:+.2f}" if done else shown[0]["state"]
            reported = final
            if in_training_mode(preset, bool(done)):
                spread += " in training mode"
                apart = preset.reported.accuracy_train_mode
                if apart is not None:
                    reported = f"{apart:.2f} in training mode"
            deviation = f"{statistics.stdev(values):.2f}" if len(values) >= 3 else "–"
            where = ", ".join([data, *dict.fromkeys(r["device_name"] for r in shown)])
            parts = sorted({r["from"] for r in shown if r["from"]})
            ran = how.replace("as declared", "as written").replace("as run", "as actually run")
            ran += f": {', '.join(parts)}" if parts else ""
            lines.append(
                f"| {name} | {ran} | {reported} | {mean:.2f}{spread} | {off} | {deviation} | "
                f"{len(values)} | {where} |"
            )
    return "\n".join(lines)


def beyond_table(rows: list[dict[str, Any]]) -> str:
    """A line for each preset beyond the report and data set: measured accuracy in percent, and how
    long a run took."""
    lines = [
        "| preset | goes on from | measured | seed s.d. | seeds | epochs | seconds | "
        "data, device |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for preset in built_in():
        if not preset.beyond:
            continue
        mine = [r for r in one_of_each_seed(rows, preset) if r["state"] == "finished"]
        name = f"{preset.id} {preset.title}"
        if not mine:
            lines.append(f"| {name} | {preset.after} | not run | | | | | |")
        for data in dict.fromkeys(r["data"] for r in mine):
            same = [r for r in mine if r["data"] == data]
            values = [float(r["measured"]) for r in same]
            spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
            deviation = f"{statistics.stdev(values):.2f}" if len(values) >= 3 else "–"
            seconds = statistics.median(float(r["seconds"]) for r in same)
            where = ", ".join([data, *dict.fromkeys(r["device_name"] for r in same)])
            lines.append(
                f"| {name} | {preset.after} | {statistics.mean(values):.2f}{spread} | {deviation} "
                f"| {len(values)} | {same[0]['epochs']} | {seconds:.0f} | {where} |"
            )
    return "\n".join(lines)


def questions_table(rows: list[dict[str, Any]]) -> str:
    """What was trained beside the presets, to settle what the report leaves open."""
    lines = [
        "| from | changed | seed | epochs | measured | losses at 1000, 2000, 3000 |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["ran"] == "other":
            losses = ", ".join(part.partition(":")[2] for part in row["losses"].split()[1:])
            epochs = f"{row['epochs_done']} of {row['epochs']}"
            if row["from"]:
                epochs += f" ({row['from']})"
            lines.append(
                f"| {row['preset']} | {row['overrides']} | {row['seed']} | "
                f"{epochs} | {row['measured']} | {losses} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "None yet."


def test_images_table(rows: list[dict[str, Any]]) -> str:
    """What a test in training mode does to the final one, by the size of the test batch: means
    over the draws, with the least and the most difference."""
    if not rows:
        return "Not measured yet."
    lines = [
        "| preset | epochs | test batch | test in training mode | final test, statistics of "
        "training images | of test images | difference | draws |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for what, group in groupby(rows, lambda r: (r["preset"], r["epochs"], r["test_batch"])):
        draws = list(group)
        names = ("training_mode", "statistics_of_training_images", "statistics_of_test_images")
        means = [statistics.mean(float(row[name]) for row in draws) for name in names]
        off = [float(row["difference"]) for row in draws]
        lines.append(
            f"| {' | '.join(what)} | {' | '.join(f'{mean:.2f}' for mean in means)} | "
            f"{statistics.mean(off):+.2f} ({min(off):+.2f} to {max(off):+.2f}) | {len(draws)} |"
        )
    return "\n".join(lines)


def filled(story: str, tables: dict[str, str]) -> str:
    """``story`` with each table between its two marks."""
    for name, table in tables.items():
        before, begin, rest = story.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        assert begin, name
        assert end, name
        story = f"{before}{begin}{table}\n{end}{after}"
    return story


def tables() -> dict[str, str]:
    """The tables of the story by the names of their marks."""
    rows = read_table(RESULTS)
    return {
        "results": results_table(rows),
        "beyond": beyond_table(rows),
        "questions": questions_table(rows),
        "test images": test_images_table(read_table(TEST_IMAGES)),
    }


if __name__ == "__main__":
    atomic.write_text(CHART, chart(read_table(RESULTS)))
    atomic.write_text(STORY, filled(STORY.read_text(encoding="utf-8"), tables()))
