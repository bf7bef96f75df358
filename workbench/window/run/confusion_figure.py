"""The confusion matrix as a figure: its arithmetic, its table, and how it is painted, on the
screen and into files alike."""

from __future__ import annotations

import csv
import heapq
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontInfo,
    QFontMetricsF,
    QImage,
    QLinearGradient,
    QPainter,
    QPen,
)

from workbench.engine.events import Evaluation
from workbench.plain_text import table_cell
from workbench.window.kit.shades import SHADES, percent, scale, scale_color, text_on
from workbench.window.kit.theme import Colors
from workbench.window.kit.translation import tr

# --- figures --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """``count`` images of class ``true`` were taken for ``predicted`` (indices of classes);
    ``percent`` of the images of ``true``."""

    true: int
    predicted: int
    count: int
    percent: float


def supports(evaluation: Evaluation) -> list[int]:
    """Test images of each true class."""
    return [sum(row) for row in evaluation.confusion]


def most_frequent_mistakes(evaluation: Evaluation, number: int) -> list[Mistake]:
    """At most ``number`` mistakes, those of most images first."""
    cells = (
        (count, -i, -j)
        for i, row in enumerate(evaluation.confusion)
        for j, count in enumerate(row)
        if i != j and count
    )
    of = supports(evaluation)
    return [
        Mistake(-i, -j, count, 100 * count / of[-i])
        for count, i, j in heapq.nlargest(number, cells)
    ]


def short_count(count: int) -> str:
    """A count in at most five characters: ``9,999``, ``12k``, ``1.2M``, ``340M``."""
    if count < 10_000:
        return f"{count:,}"
    for limit, unit in ((999_500, "k"), (999_500_000, "M"), (999_500_000_000, "G")):
        if count < limit:
            value = count / (limit / 999.5)
            return f"{value:.1f}{unit}" if value < 9.95 else f"{value:.0f}{unit}"
    return f"{count:.0e}"


# --- as a table -----------------------------------------------------------------------------


def table_rows(evaluation: Evaluation, corner: str) -> list[list[str]]:
    """A row of class names, then one for each true class; ``corner`` stands in the first cell."""
    rows = [[corner, *evaluation.classes]]
    for name, counts in zip(evaluation.classes, evaluation.confusion, strict=True):
        rows.append([name, *map(str, counts)])
    return rows


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(map(table_cell, row) for row in rows)
    return text.getvalue()


# --- colors ---------------------------------------------------------------------------------
# One hue of blue, so that every kind of color vision sees the same order, with the lightness of
# OKLab falling (light) or rising (dark) evenly with the percent. 0% is the card's own color.

# --- places ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Geometry:
    """Where things are, in pixels. ``left``, ``top``, ``width``, ``height`` are the matrix's;
    ``names`` is the room for row names; ``turned`` says that column names stand upright;
    ``bars`` is the left edge of the accuracy column and ``bar_width`` that of its bars."""

    classes: int
    left: int
    top: int
    width: int
    height: int
    names: int
    turned: bool
    bars: int
    bar_width: int

    @property
    def cell_width(self) -> float:
        return self.width / self.classes

    @property
    def cell_height(self) -> float:
        return self.height / self.classes

    def cell(self, row: int, column: int) -> QRect:
        left = self.left + round(self.width * column / self.classes)
        top = self.top + round(self.height * row / self.classes)
        right = self.left + round(self.width * (column + 1) / self.classes)
        bottom = self.top + round(self.height * (row + 1) / self.classes)
        return QRect(left, top, right - left, bottom - top)

    def row_at(self, y: float) -> int | None:
        row = math.floor((y - self.top) * self.classes / self.height)
        return row if 0 <= row < self.classes else None

    def column_at(self, x: float) -> int | None:
        column = math.floor((x - self.left) * self.classes / self.width)
        return column if 0 <= column < self.classes else None

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        row, column = self.row_at(y), self.column_at(x)
        return None if row is None or column is None else (row, column)


def place(
    width: int, height: int, classes: int, widest_name: int, figure: int, line: int
) -> Geometry:
    """Fit the matrix into ``width`` x ``height``. ``widest_name``: of all class names,
    ``figure``: of an accuracy, ``line``: the height of a line of text, in pixels."""
    names = min(widest_name, max(40, int(width * 0.2)))
    left = line + names + 10
    bars_least = max(4 * line, 56)
    room = max(width - left - 12 - bars_least - 6 - figure, 10)
    # Where cells would be too narrow for their numbers the bars yield, not the figures at them.
    yielded = min(max(round(0.9 * figure * classes) - room, 0), bars_least - 36)
    bars_least, room = bars_least - yielded, room + yielded
    # The color scale and the word above the bars need four lines and a half.
    least_top = int(4.6 * line) + 10
    for turned in (False, True):
        names_height = min(widest_name, int(height * 0.3)) if turned else line
        top = max(line + names_height + 8, least_top)
        rows = max(height - top - 2, 10)
        cell_width = min(room / classes, 2.2 * rows / classes)
        if widest_name <= cell_width - 6 or cell_width >= 7 * line:
            break
    cell_height = min(rows / classes, 1.6 * cell_width)
    if min(cell_width, cell_height) >= 8:  # whole pixels: even cells with sharp edges
        cell_width, cell_height = math.floor(cell_width), math.floor(cell_height)
    matrix, tall = int(cell_width * classes), int(cell_height * classes)
    spare = room - matrix
    more_bars = min(spare, 120)
    shift = (spare - more_bars) // 2
    left += shift
    bars = left + matrix + 12
    return Geometry(classes, left, top, matrix, tall, names, turned, bars, bars_least + more_bars)


# --- painting -------------------------------------------------------------------------------


def sized(font: QFont, pixels: float, bold: bool = False) -> QFont:
    font = QFont(font)
    font.setPixelSize(max(round(pixels), 1))
    font.setBold(bold)
    return font


@dataclass(frozen=True)
class _CellText:
    """How numbers stand in cells: ``count`` in full (``short`` where only that fits), and the
    percent below it where both fit."""

    count: QFont
    percent: QFont | None
    short: bool


class ConfusionFigure:
    """One test's matrix, ready to be painted. ``font`` gives family and size."""

    def __init__(self, evaluation: Evaluation, font: QFont) -> None:
        self.evaluation = evaluation
        self.supports = supports(evaluation)
        self._pixels = QFontInfo(font).pixelSize()
        self._font = font
        self._small = sized(font, self._pixels - 1)
        self._metrics = QFontMetricsF(self._small)
        # A fallback font for Korean may be higher than the font's own letters.
        self._line = math.ceil(
            max(self._metrics.height(), self._metrics.boundingRect("Åg한").height() + 1)
        )
        # Bold: names are when their cell is pointed at.
        self._strong = sized(font, self._pixels - 1, bold=True)
        bold = QFontMetricsF(self._strong)
        self._widest = math.ceil(
            max((bold.horizontalAdvance(name) for name in evaluation.classes), default=0) + 1
        )
        self._cell_text_for: tuple[float, float] | None = None
        self._cell_text: _CellText | None = None

    def geometry(self, width: int, height: int) -> Geometry:
        figure = math.ceil(self._metrics.horizontalAdvance("100.0%"))
        line = self._line
        return place(width, height, len(self.evaluation.classes), self._widest, figure, line)

    def paint(
        self,
        painter: QPainter,
        geometry: Geometry,
        colors: Colors,
        cell: tuple[int, int] | None = None,
    ) -> None:
        """``cell`` is the one that is pointed at: its class names stand out."""
        self._paint_cells(painter, geometry, colors)
        self._paint_numbers(painter, geometry, colors)
        self._paint_names(painter, geometry, colors, cell)
        self._paint_accuracies(painter, geometry, colors)
        self._paint_scale(painter, geometry, colors)

    def _paint_cells(self, painter: QPainter, g: Geometry, c: Colors) -> None:
        matrix = QRect(g.left, g.top, g.width, g.height)
        large = min(g.cell_width, g.cell_height) >= 8
        if large and g.classes <= 40:
            for i, row in enumerate(self.evaluation.confusion):
                for j, count in enumerate(row):
                    share = percent(count, self.supports[i]) or 0.0
                    painter.fillRect(g.cell(i, j), QColor(scale_color(share, c.dark)))
        else:
            painter.drawImage(matrix, self._image(c.dark))
        hatch = QBrush(QColor(c.muted), Qt.BrushStyle.BDiagPattern)
        for i, images in enumerate(self.supports):
            if not images:
                painter.fillRect(g.cell(i, 0).united(g.cell(i, g.classes - 1)), hatch)
        painter.setPen(QPen(QColor(c.border), 1))
        if large:
            for i in range(1, g.classes):
                place = g.cell(i, i)
                painter.drawLine(place.left(), g.top, place.left(), g.top + g.height)
                painter.drawLine(g.left, place.top(), g.left + g.width, place.top())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(matrix)

    def _image(self, dark: bool) -> QImage:
        """One pixel a cell: quick for hundreds of classes."""
        counts = np.asarray(self.evaluation.confusion, dtype=np.float64)
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        table = np.array([0xFF000000 | int(name[1:], 16) for name in scale(dark)], dtype=np.uint32)
        pixels = np.ascontiguousarray(table[np.rint(share * (SHADES - 1)).astype(int)])
        side = len(pixels)
        # copy(): the image must not outlive the array it looks at.
        return QImage(pixels.data, side, side, 4 * side, QImage.Format.Format_RGB32).copy()

    def _fit(self, g: Geometry) -> _CellText | None:
        """The largest numbers that fit into every cell. They are measured with the most that
        can ever stand there, so that nothing changes size from one epoch to the next."""
        if self._cell_text_for == (g.cell_width, g.cell_height):
            return self._cell_text
        self._cell_text_for = (g.cell_width, g.cell_height)
        self._cell_text = self._measure(g.cell_width - 5, g.cell_height - 6)
        return self._cell_text

    def _measure(self, width: float, height: float) -> _CellText | None:
        most = max(self.supports, default=0)
        sizes = range(min(self._pixels + 1, 16), 8, -1)
        for with_percent in (True, False):
            for short in (False, True):
                text = short_count(most) if short else f"{most:,}"
                # "8.8M" is wider than "10M": measure what is widest among short ones.
                text = "8,888" if short and most > 9_999 else text
                for size in sizes:
                    font = sized(self._font, size)
                    metrics = QFontMetricsF(font)
                    needed = metrics.capHeight()
                    small = sized(self._font, max(size - 2, 8))
                    if with_percent:
                        below = QFontMetricsF(small)
                        needed += 4 + below.capHeight()
                        if below.horizontalAdvance("100.0%") > width:
                            continue
                    if needed <= height and metrics.horizontalAdvance(text) <= width:
                        return _CellText(font, small if with_percent else None, short)
        return None

    def _paint_numbers(self, painter: QPainter, g: Geometry, c: Colors) -> None:
        style = self._fit(g)
        if style is None:
            return
        above = QFontMetricsF(style.count)
        below = QFontMetricsF(style.percent) if style.percent else None
        for i, row in enumerate(self.evaluation.confusion):
            images = self.supports[i]
            if not images:
                continue
            for j, count in enumerate(row):
                share = 100 * count / images
                where = g.cell(i, j)
                middle = QRectF(where).center()
                painter.setPen(QColor(text_on(scale_color(share, c.dark))))
                text = short_count(count) if style.short else f"{count:,}"
                with_percent = below is not None and count
                block = above.capHeight()
                if below is not None and with_percent:
                    block += 4 + below.capHeight()
                base = middle.y() - block / 2 + above.capHeight()
                painter.setFont(style.count)
                painter.drawText(
                    QPointF(middle.x() - above.horizontalAdvance(text) / 2, base), text
                )
                if below is not None and style.percent and with_percent:
                    text = f"{share:.1f}%"
                    painter.setFont(style.percent)
                    painter.drawText(
                        QPointF(
                            middle.x() - below.horizontalAdvance(text) / 2,
                            base + 4 + below.capHeight(),
                        ),
                        text,
                    )

    def _paint_names(
        self, painter: QPainter, g: Geometry, c: Colors, cell: tuple[int, int] | None
    ) -> None:
        line = self._line
        # Where rows are lower than a line, only every so many have their name.
        row_step = math.ceil(line / g.cell_height)
        column_step = math.ceil(line / g.cell_width) if g.turned else 1
        for i, name in enumerate(self.evaluation.classes):
            if i % row_step == 0:
                self._row_name(painter, g, i, name, QColor(c.text), self._small)
            if i % column_step == 0:
                self._column_name(painter, g, i, name, QColor(c.text), self._small)
        if cell is not None:
            for paint, index in ((self._row_name, cell[0]), (self._column_name, cell[1])):
                # Over its neighbors, where these had to make room.
                name = self.evaluation.classes[index]
                paint(painter, g, index, name, QColor(c.accent), self._strong, QColor(c.surface))
        painter.setPen(QColor(c.muted))
        painter.setFont(self._small)
        painter.drawText(
            QRectF(g.left, 0 if g.turned else g.top - 2 * line - 8, g.width, line),
            Qt.AlignmentFlag.AlignCenter,
            tr("Predicted class"),
        )
        painter.save()
        painter.translate(g.left - g.names - 8 - line, g.top + g.height)
        painter.rotate(-90)
        painter.drawText(
            QRectF(0, 0, g.height, line), Qt.AlignmentFlag.AlignCenter, tr("True class")
        )
        painter.restore()

    def _row_name(
        self,
        painter: QPainter,
        g: Geometry,
        row: int,
        name: str,
        color: QColor,
        font: QFont,
        ground: QColor | None = None,
    ) -> None:
        metrics = QFontMetricsF(font)
        text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, g.names)
        middle = QRectF(g.cell(row, 0)).center().y()
        area = QRectF(g.left - g.names - 6, middle - metrics.height() / 2, g.names, 0)
        area.setHeight(metrics.height())
        if ground:
            painter.fillRect(area, ground)
        painter.setFont(font)
        painter.setPen(color)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _column_name(
        self,
        painter: QPainter,
        g: Geometry,
        column: int,
        name: str,
        color: QColor,
        font: QFont,
        ground: QColor | None = None,
    ) -> None:
        metrics = QFontMetricsF(font)
        line = self._line
        middle = QRectF(g.cell(0, column)).center().x()
        painter.save()
        painter.setFont(font)
        painter.setPen(color)
        if g.turned:
            length: float = g.top - line - 8
            painter.translate(middle - metrics.height() / 2, g.top - 4)
            painter.rotate(-90)
            area = QRectF(0, 0, length, metrics.height())
            where = Qt.AlignmentFlag.AlignLeft
        else:
            length = g.cell_width - 2
            area = QRectF(middle - length / 2, g.top - 4 - line, length, line)
            where = Qt.AlignmentFlag.AlignHCenter
        if ground:
            painter.fillRect(area, ground)
        text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, length)
        painter.drawText(area, where | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def _paint_accuracies(self, painter: QPainter, g: Geometry, c: Colors) -> None:
        line = self._line
        step = math.ceil(line / g.cell_height)
        painter.setFont(self._small)
        for i, accuracy in enumerate(self.evaluation.per_class):
            where = QRectF(g.cell(i, 0))
            thick = min(where.height() * 0.6, line)
            bar = QRectF(g.bars, where.center().y() - thick / 2, g.bar_width, thick)
            painter.fillRect(bar, QColor(c.grid))
            if accuracy is not None:
                bar.setWidth(g.bar_width * accuracy / 100)
                painter.fillRect(bar, QColor(c.measured))
            if i % step == 0:
                painter.setPen(QColor(c.text))
                painter.drawText(
                    QRectF(
                        g.bars + g.bar_width + 4,
                        where.center().y() - line / 2,
                        self._metrics.horizontalAdvance("100.0%") + 2,
                        line,
                    ),
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                    "—" if accuracy is None else f"{accuracy:.1f}%",
                )

    def _paint_scale(self, painter: QPainter, g: Geometry, c: Colors) -> None:
        line = self._line
        width = g.bar_width + 6 + self._metrics.horizontalAdvance("100.0%")
        left = QRectF(g.bars, 0, width, line)
        painter.setFont(self._small)
        painter.setPen(QColor(c.muted))
        # Longer than its scale it reaches to the left, as far as the word above the matrix.
        words = self._metrics.horizontalAdvance(tr("Predicted class"))
        room = g.bars + width - (g.left + g.width / 2 + words / 2 + 12)
        wanted = self._metrics.horizontalAdvance(tr("% of true class")) + 1
        left.setLeft(g.bars + width - max(width, min(wanted, room)))
        title = self._metrics.elidedText(
            tr("% of true class"), Qt.TextElideMode.ElideRight, left.width()
        )
        painter.drawText(left, Qt.AlignmentFlag.AlignLeft, title)
        bar = QRectF(g.bars, line + 2, width, 0.7 * line)
        shades = QLinearGradient(bar.topLeft(), bar.topRight())
        for step in range(0, 101, 5):
            shades.setColorAt(step / 100, QColor(scale_color(step, c.dark)))
        painter.fillRect(bar, shades)
        painter.setPen(QPen(QColor(c.border), 1))
        painter.drawRect(bar)
        painter.setPen(QColor(c.muted))
        below = QRectF(g.bars, bar.bottom() + 2, width, line)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "0%")
        # Its half of the scale holds half of 50% and all of 100%.
        if self._metrics.horizontalAdvance("50%100%100%") + 12 < width:
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "50%")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, "100%")
        title = self._metrics.elidedText(tr("Class accuracy"), Qt.TextElideMode.ElideRight, width)
        painter.drawText(
            QRectF(g.bars, g.top - line - 3, width, line), Qt.AlignmentFlag.AlignLeft, title
        )
