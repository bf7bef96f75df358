"""The part of the document on the sweeps that its runs belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from workbench.analysis.sweeps import (
    STANDINGS,
    PointResult,
    SweepResults,
    ordered,
    score_name,
    sentences,
    sweep_results,
)
from workbench.library.run_folder import RunRecord
from workbench.library.sweeps import SweepStore
from workbench.messages import Message, WorkbenchError
from workbench.report.blocks import Block, Heading, Paragraph, Table
from workbench.spec.experiment import HYPERPARAMETERS, plain_value
from workbench.words.figures import percent

Say = Callable[[Message], str]

MOST_ROWS = 50
"""Points that the table shows; a report is to be read."""


def sweep_sections(
    records: Sequence[RunRecord], known: Sequence[RunRecord], say: Say
) -> Iterator[Block]:
    """Yield what each sweep came to that one of ``records`` belongs to, by all of its runs among
    ``known``. A sweep that was deleted, or cannot be read, is left out."""
    told: set[str] = set()
    for record in records:
        if record.sweep is None or record.sweep in told:
            continue
        told.add(record.sweep)
        try:
            stored = SweepStore(record.folder.parent).find(record.sweep)
        except WorkbenchError:
            continue
        yield from _section(sweep_results(stored, [*known, *records]), say)


def _section(results: SweepResults, say: Say) -> Iterator[Block]:
    sweep = results.sweep
    yield Heading(2, say(Message("Sweep: {name}", name=results.stored.label)))
    varied = "; ".join(f"{name} {way}" for name, way in sweep.vary.items()) or "seed"
    yield Paragraph(
        say(
            Message(
                "{points} points, {done} of {runs} runs. Varied: {varied}. Seeds: {seeds}.",
                points=sweep.size,
                done=results.settled,
                runs=results.total,
                varied=varied,
                seeds=", ".join(map(str, sweep.seeds)),
            )
        )
    )
    for sentence in sentences(results):
        yield Paragraph(say(sentence))
    points = list(ordered(results))
    header = (
        say(Message("Point")),
        *(say(Message(HYPERPARAMETERS[name].label)) for name in sweep.vary),
        say(score_name(sweep)),
        say(Message("± (seeds)")),
        say(Message("Runs")),
        say(Message("Against the best")),
    )
    rows = tuple(_row(results, point, say) for point in points[:MOST_ROWS])
    yield Table(header, rows)
    if len(points) > MOST_ROWS:
        more = len(points) - MOST_ROWS
        yield Paragraph(say(Message("{count} more points are left out.", count=more)))


def _row(results: SweepResults, point: PointResult, say: Say) -> tuple[str, ...]:
    values = (point.values.get(name) for name in results.sweep.vary)
    return (
        str(point.number + 1),
        *("–" if value is None else plain_value(value) for value in values),
        percent(point.mean),
        "–" if point.deviation is None else f"{point.deviation:.2f}",
        f"{len(point.scores)}/{point.expected}",
        say(Message(STANDINGS[point.standing])),
    )
