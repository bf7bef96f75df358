"""Curves of several runs over each other, for the written report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from workbench.library.run_folder import RunRecord, read_epochs
from workbench.messages import Message
from workbench.report.blocks import Block, Heading, Paragraph, Plot
from workbench.report.plots import Line, plot
from workbench.words.run_lines import ON_WHITE, RUN_DASHES

MOST_LINES = 16
"""Runs that one plot draws: with more its legend is longer than the plot is high."""

FIGURES: tuple[tuple[str, Message, Message], ...] = (
    ("loss", Message("Training loss, mean of each epoch"), Message("loss")),
    ("test_loss", Message("Test loss"), Message("loss")),
    ("accuracy", Message("Test accuracy"), Message("accuracy (%)")),
    ("training_accuracy", Message("Training accuracy"), Message("accuracy (%)")),
    ("validation_accuracy", Message("Validation accuracy"), Message("accuracy (%)")),
)
"""A plot each: column of ``epochs.csv``, title, and name of the axis."""


def compared_plots(
    records: Sequence[RunRecord], names: Sequence[str], say: Callable[[Message], str]
) -> Iterator[Block]:
    """Draw loss and accuracy of all ``records`` in one plot each, with a legend of ``names``.

    A figure that no run has gets no plot; runs without it are named below the plot.

    Raises:
        OSError: where the epochs of a run cannot be read.
    """
    yield Heading(2, say(Message("Curves of all runs")))
    drawn = min(len(records), MOST_LINES)
    runs = [read_epochs(record.folder) for record in records[:drawn]]
    if not any(runs):
        yield Paragraph(say(Message("No epoch yet.")))
        return
    if drawn < len(records):
        yield Paragraph(say(Message("The first {shown} of {all}.", shown=drawn, all=len(records))))
    if len({record.experiment.get("test_mode") for record in records[:drawn]}) > 1:
        yield Paragraph(say(Message("Test accuracy, %; runs differ in the mode of the test")))
    for column, title, axis in FIGURES:
        lines, without = [], []
        for number, (rows, name) in enumerate(zip(runs, names, strict=False)):
            values = np.array([_number(row.get(column)) for row in rows], float)
            if not np.isfinite(values).any():
                without.append(name)
                continue
            at = np.array([row["epoch"] for row in rows], float)
            # A mean over an epoch stands in its middle.
            at = at - 0.5 if column == "loss" else at
            lines.append(Line(name, at, values, *style_of(number)))
        if not lines:
            continue
        yield Plot(f"compared-{column}", say(title), plot(lines, say(Message("epoch")), say(axis)))
        if without:
            yield Paragraph(say(Message("Without it: {runs}.", runs=", ".join(without))))


def style_of(number: int) -> tuple[str, float, str]:
    """Return color, width and dash of the run with this ``number``, from 0; no two of the first 64
    have both color and dash in common."""
    colors, dashes = len(ON_WHITE), len(RUN_DASHES)
    dash = RUN_DASHES[(number + number // colors) % dashes]
    return ON_WHITE[number % colors], 1.6, " ".join(f"{length:g}" for length in dash)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
