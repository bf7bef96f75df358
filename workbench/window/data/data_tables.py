"""The tables and sentences on a data set: counts, figures, duplicates."""

from __future__ import annotations

from workbench.data.browsed import BrowsedData
from workbench.messages import Count
from workbench.plain_text import shortened
from workbench.window.data.data_image_panel import place_words
from workbench.window.kit.figure_table import Cell
from workbench.window.kit.translation import tr

MOST_GROUPS = 500
"""Rows of the table of duplicates."""
MOST_PLACES = 6
"""Images that are named in a row."""


def class_rows(browsed: BrowsedData) -> list[list[Cell]]:
    """Return a row for each class: its name, and images and share of both splits. A bar of color
    shows the count beside that of the largest class of its split."""
    totals = [max(int(counts.sum()), 1) for counts in browsed.counts]
    most = [max(int(counts.max()), 1) for counts in browsed.counts]
    rows = []
    for label, name in enumerate(browsed.info.classes):
        cells = [Cell(name)]
        for split in (0, 1):
            count = int(browsed.counts[split][label])
            share = 100 * count / totals[split]
            cells.append(Cell(f"{count:,}", count, "measured", 0.5 * count / most[split]))
            cells.append(Cell(f"{share:.2f}", share))
        rows.append(cells)
    return rows


def statistics_rows(browsed: BrowsedData) -> list[list[Cell]]:
    """Return mean and standard deviation of each color, training and test."""
    rows = []
    for channel, name in enumerate((tr("red"), tr("green"), tr("blue"))):
        cells = [Cell(name)]
        for split in (0, 1):
            for value in (browsed.means[split][channel], browsed.deviations[split][channel]):
                cells.append(Cell(f"{value:.2f} ({value / 255:.4f})", float(value)))
        rows.append(cells)
    return rows


def duplicate_rows(browsed: BrowsedData) -> list[list[Cell]]:
    """Return a row for each image that is there more than once; of very many the first."""
    classes, duplicates = browsed.info.classes, browsed.duplicates
    rows = []
    for group in duplicates.groups[:MOST_GROUPS]:
        names = sorted({classes[int(browsed.labels[split][index])] for split, index in group})
        places = ", ".join(map(place_words, group[:MOST_PLACES]))
        if len(group) > MOST_PLACES:
            places += ", " + tr("{count} more").format(count=f"{len(group) - MOST_PLACES:,}")
        role = "problem" if len(names) > 1 else ""
        rows.append(
            [
                Cell(f"{len(group):,}", len(group)),
                Cell(", ".join(map(shortened, names)), role=role),
                Cell(places),
            ]
        )
    return rows


def duplicates_words(browsed: BrowsedData) -> str:
    """Return what was found of duplicates, and what such a search cannot find."""
    duplicates = browsed.duplicates
    lines = []
    if not duplicates.groups:
        lines.append(tr("No two images are the same, pixel by pixel."))
    else:
        lines.append(
            tr(
                "{train:training image repeats|training images repeat} another training image, "
                "{test:test image repeats|test images repeat} another test image, and {across:test "
                "image is|test images are} in the training split too."
            ).format(
                train=Count(duplicates.within(0)),
                test=Count(duplicates.within(1)),
                across=Count(duplicates.across()),
            )
        )
        wrong = duplicates.contradictions()
        if wrong:
            lines.append(
                tr("{count:image stands|images stand} in different classes.").format(
                    count=Count(wrong)
                )
            )
        if len(duplicates.groups) > MOST_GROUPS:
            lines.append(
                tr("The first {shown} of {count} are listed.").format(
                    shown=f"{MOST_GROUPS:,}", count=f"{len(duplicates.groups):,}"
                )
            )
    lines.append(
        tr(
            "Compared by a hash of the pixels: what was compressed again, shifted or recolored is "
            "not found."
        )
    )
    if browsed.info.comparable:
        lines.append(
            tr(
                "CIFAR-10 has near duplicates: 3.3% of its test images have one in the training "
                "split (B. Barz and J. Denzler, “Do We Train on Test Data? Purging CIFAR of "
                "Near-Duplicates”, Journal of Imaging 6(6), 2020; their ciFAIR-10 replaces them)."
            )
        )
    return "\n".join(lines)
