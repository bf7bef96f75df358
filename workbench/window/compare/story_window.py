"""The report's story: its experiments in order, reported beside measured, what was changed from
one to the next, and what was found."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QSplitter, QToolTip, QVBoxLayout, QWidget

from workbench.analysis.against_report import comparable_accuracy
from workbench.analysis.shipped import ShippedResult, shipped_result
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, differences, experiment_from
from workbench.spec.presets import Preset, how_it_ran, list_presets, preset_before
from workbench.window.kit import theme
from workbench.window.kit.figure_table import Cell, FigureTable
from workbench.window.kit.fitting import Fitting
from workbench.window.kit.hyperparameter_text import changes_text, tooltip
from workbench.window.kit.painting import painting
from workbench.window.kit.translation import tr
from workbench.window.plots.plot_legend import Entry, PlotLegend
from workbench.window.setup.preset_note import accuracy_text

log = logging.getLogger("workbench")


@dataclass
class Chapter:
    """A preset of the report and the comparable accuracies of the library, in percent; ``shipped``
    is what was measured for this program, where the library has none.

    Where the report ran something else than it declared, runs of both are two experiments: its own
    stands for it where there is one.
    """

    preset: Preset
    as_run: list[float] = field(default_factory=list)
    declared: list[float] = field(default_factory=list)
    shipped: ShippedResult | None = None

    def add(self, accuracy: float, experiment: Experiment) -> None:
        preset, ran = self.preset, how_it_ran(self.preset, experiment)
        # Where only the epochs differ, a run as declared passes through the end of one as run.
        apart = preset.as_run and set(differences(preset.experiment, preset.as_run)) - {"epochs"}
        (self.declared if apart and ran == "declared" else self.as_run).append(accuracy)

    @property
    def measured(self) -> list[float]:
        return self.as_run or self.declared

    @property
    def mean(self) -> float | None:
        return sum(self.measured) / len(self.measured) if self.measured else None


class StoryChart(QWidget):
    """For each preset a diamond where the report was, a dot for each run and a bar at their
    mean, or pale ones where only the program's own result is known. A click chooses the preset."""

    chosen = Signal(str)

    def __init__(self, chapters: Sequence[Chapter], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("storyChart")
        self.setMinimumSize(460, 220)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._chapters = chapters
        self._pointed: int | None = None
        self.legend = PlotLegend(wrap=True, parent=self)
        self.legend.toggled.connect(lambda: self.update())
        self._show_legend()

    def _place(self) -> QRectF:
        line = self.fontMetrics().height()
        left = self.fontMetrics().horizontalAdvance("100%") + 12
        return QRectF(left, line + 14, self.width() - left - 8, self.height() - 3 * line - 22)

    def column_at(self, x: float) -> int | None:
        place = self._place()
        number = int((x - place.left()) * len(self._chapters) // max(place.width(), 1))
        return number if 0 <= number < len(self._chapters) and x >= place.left() else None

    def point(self, column: int, accuracy: float) -> QPointF:
        """Return where ``accuracy`` of a preset lies, in pixels."""
        place = self._place()
        width = place.width() / max(len(self._chapters), 1)
        y = place.bottom() - place.height() * accuracy / 100
        return QPointF(place.left() + (column + 0.5) * width, y)

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        c = theme.colors()
        place, line = self._place(), self.fontMetrics().height()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(c.surface))
        width = place.width() / max(len(self._chapters), 1)
        if self._pointed is not None:
            left = place.left() + self._pointed * width
            painter.fillRect(QRectF(left, place.top(), width, place.height()), QColor(c.selection))
        for percent in range(0, 101, 20):
            y = place.bottom() - place.height() * percent / 100
            painter.setPen(QPen(QColor(c.grid)))
            painter.drawLine(QPointF(place.left(), y), QPointF(place.right(), y))
            painter.setPen(QColor(c.muted))
            box = QRectF(0, y - line / 2, place.left() - 6, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, f"{percent}%")
        for number, chapter in enumerate(self._chapters):
            reported = chapter.preset.reported
            painter.setPen(QColor(c.text))
            below = QRectF(place.left() + number * width, place.bottom() + 5, width, line)
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, chapter.preset.id)
            if reported is not None and self.legend.shows("reported"):
                painter.setPen(QPen(QColor(c.reported), 1.6))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawPolygon(_diamond(self.point(number, reported.accuracy)))
            if chapter.mean is not None and self.legend.shows("measured"):
                at = self.point(number, chapter.mean)
                painter.setPen(QPen(QColor(c.measured), 2))
                painter.drawLine(at - QPointF(11, 0), at + QPointF(11, 0))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(c.measured))
                for value in chapter.measured:
                    painter.drawEllipse(self.point(number, value), 2.6, 2.6)
            elif chapter.shipped is not None and self.legend.shows("shipped"):
                at = self.point(number, chapter.shipped.mean)
                painter.setPen(QPen(pale(c.measured), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawLine(at - QPointF(11, 0), at + QPointF(11, 0))
                for value in chapter.shipped.accuracies:
                    painter.drawEllipse(self.point(number, value), 2.6, 2.6)

    def tell(self) -> None:
        """Everything is there: name it in the legend and paint it."""
        self._show_legend()
        self.update()

    def spoken(self) -> str:
        """The chart in words, for who does not see it."""
        parts = []
        for chapter in self._chapters:
            reported, mean = chapter.preset.reported, chapter.mean
            figures = []
            if reported is not None:
                figures.append(tr("reported {value}").format(value=accuracy_text(reported)))
            if mean is not None:
                figures.append(tr("measured {value}").format(value=f"{mean:.2f}%"))
            elif chapter.shipped is not None:
                value = f"{chapter.shipped.mean:.2f}%"
                figures.append(tr("measured for this program {value}").format(value=value))
            if figures:
                parts.append(f"{chapter.preset.id}: {', '.join(figures)}")
        return "; ".join(parts)

    def _show_legend(self) -> None:
        c = theme.colors()
        measured = tr("measured, mean of the library's comparable runs")
        entries = [
            Entry(tr("reported"), c.reported, 0, "d", key="reported", hollow=True),
            Entry(measured, c.measured, 2, key="measured"),
        ]
        if any(chapter.shipped for chapter in self._chapters):
            color = pale(c.measured).name(QColor.NameFormat.HexArgb)
            words = tr("measured for this program, where the library has no such run")
            entries.append(Entry(words, color, 1, "o", key="shipped", hollow=True))
        self.legend.show_entries(entries)
        self._place_legend()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_legend()

    def _place_legend(self) -> None:
        left = int(self._place().left()) + 4
        self.legend.setGeometry(left, 2, self.width() - left, self.legend.sizeHint().height())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        pointed = self.column_at(event.position().x())
        if pointed != self._pointed:
            self._pointed = pointed
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointed = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        column = self.column_at(event.position().x())
        if column is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self._chapters[column].preset.id)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            column = self.column_at(event.pos().x())
            text = ""
            if column is not None:
                preset = self._chapters[column].preset
                text = f"{preset.id} {tr(preset.title)}"
            QToolTip.showText(event.globalPos(), tooltip(text), self)
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_restyled(event) or event.type() == QEvent.Type.LanguageChange:
            self._show_legend()
            self.update()


def pale(color: str) -> QColor:
    """``color`` as what ships with the program is painted beside one's own runs."""
    tint = QColor(color)
    tint.setAlphaF(0.6)
    return tint


def _diamond(at: QPointF, radius: float = 5.5) -> QPolygonF:
    return QPolygonF(
        [
            at + QPointF(0, -radius),
            at + QPointF(radius, 0),
            at + QPointF(0, radius),
            at + QPointF(-radius, 0),
        ]
    )


class StoryWindow(QWidget):
    """A window of its own over the presets of the report. It reads one run of ``records`` at each
    turn of the event loop, then what ships of the others; then ``ready`` is true."""

    runs_wanted = Signal(str)
    """The id of a preset whose runs were asked for."""

    def __init__(self, records: Sequence[RunRecord], parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("storyWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._presets = list_presets()
        self.chapters = [
            Chapter(preset)
            for preset in self._presets
            if isinstance(preset, Preset) and preset.built_in
        ]
        self._by_id = {chapter.preset.id: chapter for chapter in self.chapters}
        self._unread = [record for record in records if record.preset in self._by_id]
        self._unasked = list(self.chapters)
        self.ready = False

        self.chart = StoryChart(self.chapters)
        self.chart.chosen.connect(self.runs_wanted)
        self.table = FigureTable("storyTable")
        self.table.fits = False  # its last column takes the room that is left
        self.table.cellDoubleClicked.connect(self._row_chosen)
        self.hint = QLabel()
        self.hint.setProperty("role", "muted")
        self.hint.setWordWrap(True)
        both = QSplitter(Qt.Orientation.Vertical)
        both.addWidget(self.chart)
        both.addWidget(self.table)
        both.setSizes([300, 380])
        both.setChildrenCollapsible(False)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(both, 1)
        layout.addWidget(self.hint)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Fitting(content))
        self.resize(1100, 760)
        self.retranslate()
        self._reading = QTimer(self)
        self._reading.timeout.connect(self._read)
        self._reading.start()

    def _read(self) -> None:
        if not self._unread and self._unasked:
            chapter = self._unasked.pop()
            if not chapter.measured:
                chapter.shipped = shipped_result(chapter.preset)
            return
        if not self._unread:
            self._reading.stop()
            self.chart.tell()
            self.ready = True
            self.retranslate()
            return
        record = self._unread.pop()
        chapter = self._by_id[record.preset or ""]
        try:
            accuracy = comparable_accuracy(record, chapter.preset)
        except (WorkbenchError, OSError, ValueError, KeyError):
            log.exception("%s: left out of the overview", record.folder)
            return
        if accuracy is not None:
            chapter.add(accuracy, experiment_from(record.experiment))
            self.chart.update()

    def _fill(self) -> None:
        self.chart.setAccessibleDescription(self.chart.spoken())
        rows = []
        for chapter in self.chapters:
            preset, shipped = chapter.preset, chapter.shipped
            mean = chapter.mean if shipped is None else shipped.mean
            before = preset_before(preset, self._presets)
            reported = preset.reported
            difference = mean - reported.accuracy if mean is not None and reported else None
            measured = "–" if mean is None else f"{mean:.2f}%"
            values = chapter.measured if shipped is None else shipped.accuracies
            if len(values) > 1:
                measured += " " + tr("({count} runs)").format(count=len(values))
            if shipped.as_written if shipped else chapter.declared and not chapter.as_run:
                measured += ", " + tr("as written")
            if shipped is not None:
                measured += ", " + tr("shipped")
            role = "" if shipped is None else "muted"
            changed = changes_text(before.experiment, preset.experiment) if before else ""
            rows.append(
                (
                    Cell(f"{preset.id} {tr(preset.title)}"),
                    Cell(accuracy_text(reported) if reported else "–", role="reported"),
                    Cell(measured, role=role),
                    Cell("–" if difference is None else f"{difference:+.2f}", role=role),
                    Cell(changed),
                    Cell(tr(preset.found) if preset.found else ""),
                )
            )
        header = (
            tr("Preset"),
            tr("reported"),
            tr("measured"),
            tr("difference"),
            tr("Changed against the one before"),
            tr("Found by the report"),
        )
        self.table.show_rows(header, rows)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for column in (4, 5):
            self.table.horizontalHeaderItem(column).setTextAlignment(left)  # type: ignore[union-attr]
            for row in range(len(rows)):
                item = self.table.item(row, column)
                if item is not None:
                    item.setTextAlignment(left)
                    item.setToolTip(tooltip(item.text()))
        self.table.setColumnWidth(4, 260)
        self.table.horizontalHeader().setStretchLastSection(True)

    def _row_chosen(self, row: int) -> None:
        self.runs_wanted.emit(self.chapters[row].preset.id)

    def retranslate(self) -> None:
        self.setWindowTitle(tr("The report's experiments"))
        self.chart.setAccessibleName(tr("Reported and measured test accuracy of the presets"))
        self.table.setAccessibleName(tr("The report's experiments"))
        hint = tr(
            "Click a preset in the chart, or double-click it in the table, to show its "
            "runs. Runs on the sample or with other hyperparameters are left out; so are "
            "runs as written where there is one as actually run."
        )
        data = {chapter.shipped.data for chapter in self.chapters if chapter.shipped}
        if data:
            hint += " " + tr(
                "Shipped: measured for this program on {data}, and shown where the library has no "
                "such run."
            ).format(data=", ".join(sorted(data)))
        self.hint.setText(hint)
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
