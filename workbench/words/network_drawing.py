"""The drawing of a network's layers: where boxes and lines lie. Pure arithmetic; the report writes
it as SVG, the window paints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.messages import Message
from workbench.spec.layers import IMAGE, Layer
from workbench.words.layers import Group, grouped, shape_text

BOX_WIDTH, SIDE_WIDTH, BOX_HEIGHT = 236.0, 184.0, 38.0
"""Of a box, of one beside the main way, and of both, in pixels."""
ROW, GUTTER, MARGIN = 56.0, 26.0, 12.0
"""From one row to the next, between boxes side by side, and at the edges."""


@dataclass(frozen=True)
class Box:
    """One group of layers. ``kind`` is the first layer's, or ``image``; ``details`` are written
    below the title."""

    x: float
    y: float
    width: float
    kind: str
    title: Message
    details: tuple[Message, ...]
    shape: str


@dataclass(frozen=True)
class Drawing:
    """``lines`` are points from a box's edge to another's, where an arrow ends."""

    boxes: tuple[Box, ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    height: float


def draw(layers: Sequence[Layer], rows: int = 14) -> Drawing:
    """Lay out ``layers`` from top to bottom, in columns of about ``rows`` rows. A column ends where
    a single group hands its values on; where to several, the next one begins with a copy of it."""
    groups = grouped(layers)
    row_of, beside = _rows(groups)
    columns = _columns(groups, row_of, rows)
    column_of = [c for c, column in enumerate(columns) for _ in column.rows]

    lefts: list[float] = []
    right = MARGIN
    for number in range(len(columns)):
        members = [g for g in range(len(groups)) if column_of[_row(row_of, g)] == number]
        right += 2 * GUTTER if lefts else 0.0
        lefts.append(right)
        right += BOX_WIDTH
        if any(beside[g] for g in members):
            right += GUTTER + SIDE_WIDTH
        elif any(_row(row_of, g) - _row(row_of, s) > 1 for g in members for s in groups[g].of):
            right += GUTTER

    def box(group: int, column: int, row: int, side: bool = False) -> Box:
        x = lefts[column] + (BOX_WIDTH + GUTTER if side else 0.0)
        y = MARGIN + row * ROW
        if group < 0:
            return Box(x, y, BOX_WIDTH, "image", Message("Image"), (), shape_text(IMAGE))
        found = groups[group]
        kind, details = found.layers[0].kind, tuple(found.details)
        width, shape = (SIDE_WIDTH, "") if side else (BOX_WIDTH, shape_text(found.outputs))
        return Box(x, y, width, kind, found.title, details, shape)

    boxes = {-1: box(-1, 0, 0)}
    for number, (row, side) in enumerate(zip(row_of, beside, strict=True)):
        column = columns[column_of[row]]
        place = row - column.rows.start + (column.copy is not None)
        boxes[number] = box(number, column_of[row], place, side)
    copies: dict[int, Box] = {}
    lines = []
    for number, column in enumerate(columns):
        if column.copy is not None:
            copies[number] = box(column.copy, number, 0)
            lines.append(_line(boxes[column.copy], copies[number]))
    for number, group in enumerate(groups):
        for source in group.of:
            to = column_of[row_of[number]]
            apart = column_of[_row(row_of, source)] != to
            start = copies[to] if apart and to in copies else boxes[source]
            lines.append(_line(start, boxes[number]))
    every = [*boxes.values(), *copies.values()]
    height = max(b.y for b in every) + BOX_HEIGHT + MARGIN
    return Drawing(tuple(every), tuple(lines), right + MARGIN, height)


@dataclass(frozen=True)
class _Column:
    rows: range
    copy: int | None = None


def _row(row_of: Sequence[int], group: int) -> int:
    return row_of[group] if group >= 0 else 0


def _rows(groups: Sequence[Group]) -> tuple[list[int], list[bool]]:
    """The row of each group, from 1 (the image has row 0), and whether it stands beside the main
    way: another group took its row before. A row holds two."""
    row_of: list[int] = []
    beside: list[bool] = []
    for group in groups:
        row = 1 + max(_row(row_of, source) for source in group.of)
        while row_of.count(row) > 1:
            row += 1
        beside.append(row in row_of)
        row_of.append(row)
    return row_of, beside


def _columns(groups: Sequence[Group], row_of: Sequence[int], rows: int) -> list[_Column]:
    total = max(row_of, default=0) + 1
    # Which groups hand values over the top of each row, and to how many.
    over: list[list[int]] = [[] for _ in range(total)]
    for number, group in enumerate(groups):
        for source in group.of:
            for row in range(_row(row_of, source) + 1, row_of[number] + 1):
                over[row].append(source)
    free = [row for row in range(1, total) if len(set(over[row])) == 1]
    count = -(-total // rows)
    starts = [0]
    for number in range(1, count):
        later = [row for row in free if row > starts[-1]]
        if later:
            starts.append(min(later, key=lambda row: abs(row - number * total / count)))
    return [
        _Column(range(start, end), over[start][0] if start and len(over[start]) > 1 else None)
        for start, end in zip(starts, [*starts[1:], total], strict=True)
    ]


def _line(start: Box, end: Box) -> tuple[tuple[float, float], ...]:
    x, y = start.x + start.width / 2, start.y + BOX_HEIGHT
    to_x, to_y = end.x + end.width / 2, end.y
    below = end.y > start.y
    if below and abs(x - to_x) < 1 and to_y - y < ROW:
        return (x, y), (to_x, to_y)
    gap = (ROW - BOX_HEIGHT) / 2
    if not below:  # on to the next column
        between = end.x - GUTTER
        up = to_y - gap
        return (x, y), (x, y + gap), (between, y + gap), (between, up), (to_x, up), (to_x, to_y)
    # At the side values leave below those that come in.
    out = start.x + start.width, start.y + BOX_HEIGHT * 0.7
    into = end.x + end.width, end.y + BOX_HEIGHT * 0.3
    if abs(x - to_x) < 1:  # a skip, along the right of the boxes between
        lane = out[0] + GUTTER / 2
        return out, (lane, out[1]), (lane, into[1]), into
    if to_x > x:  # out to what stands beside
        return out, (to_x, out[1]), (to_x, to_y)
    return (x, y), (x, into[1]), into  # back from beside
