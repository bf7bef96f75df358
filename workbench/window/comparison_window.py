"""Chosen runs side by side: curves, what differs, and for two of them image by image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QEvent, QIODevice, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import (
    QLabel,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.library.comparison import (
    CHOSEN_ON,
    DifferingRow,
    compare_predictions,
    differing_rows,
    distinct_names,
    read_both,
    same_group,
    spread_of,
)
from workbench.library.run_folder import RunRecord, read_epochs, read_losses
from workbench.messages import WorkbenchError
from workbench.report.plots import thinned
from workbench.spec.experiment import HYPERPARAMETERS
from workbench.window import theme
from workbench.window.epoch_plot import EpochPlot
from workbench.window.figure_table import Cell, FigureTable
from workbench.window.flips_view import FlipsView
from workbench.window.hyperparameter_text import number_text, value_text
from workbench.window.image_store import ImageStore
from workbench.window.run_view import RECORD_STATES, run_title
from workbench.window.translation import say, tr

MOST_RUNS = 8
"""So many curves can be told apart."""

_LIGHT = ("#1d6bc4", "#a65c00", "#00775b", "#7a4da3", "#b3261e", "#4b5563", "#0e7490", "#854d6d")
_DARK = ("#5aa9f5", "#e69f3c", "#35c296", "#c9a0f0", "#ff8a7e", "#aab4c4", "#4fc3d9", "#e394bd")
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)


class ComparisonWindow(QWidget):
    """A window of its own over ``records``, two to :data:`MOST_RUNS`. It reads their files once
    and draws them, one run at each turn of the event loop; then ``ready`` is true."""

    problem = Signal(str)
    """One sentence: a run could not be read. The window closes."""
    images_wanted = Signal(object, object, str, int)
    """As that of :class:`FlipsView`."""

    def __init__(
        self, records: Sequence[RunRecord], images: ImageStore, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("comparisonWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.records = list(records)
        self._names = _names(self.records)
        self._losses: list[tuple[np.ndarray, ...]] = []
        self._rows: list[list[dict[str, Any]]] = []
        self._differing: list[DifferingRow] = []
        self._confusion: tuple[tuple[str, ...], np.ndarray] | None = None
        is_group = all(same_group(self.records[0], other) for other in self.records[1:])
        self._is_group = is_group and len(self.records) > 2
        self._curves: list[tuple[Any, Any, Any]] = []
        self._has_validation = False
        self._band: list[Any] = []
        self.ready = False

        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.legend = QLabel()
        self.legend.setObjectName("comparisonLegend")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.spread = QLabel()
        self.spread.setObjectName("comparisonSpread")
        self.spread.setProperty("role", "muted")
        self.spread.setWordWrap(True)
        self.loss = EpochPlot("comparisonLoss", 64, numbers_below=True)
        self.accuracy = EpochPlot("comparisonAccuracy", 64, numbers_below=False)
        self.loss_title, self.accuracy_title = QLabel(), QLabel()
        for title in (self.loss_title, self.accuracy_title):
            title.setProperty("role", "heading")
        self.differences = FigureTable("comparisonDifferences")
        self.nothing_differs = QLabel()
        self.nothing_differs.setProperty("role", "muted")
        self.flips = FlipsView(self.records, images) if len(self.records) == 2 else None
        self.matrix = FigureTable("comparisonMatrix")
        self.matrix_title = QLabel()
        self.matrix_title.setProperty("role", "heading")
        self.matrix_title.setWordWrap(True)
        self._lay_out()
        self.resize(1270, 720)
        self._restyle()
        self.retranslate()
        self._pieces = self._read_and_draw()
        self._reading = QTimer(self)
        self._reading.timeout.connect(self._go_on)
        self._reading.start()

    def _go_on(self) -> None:
        """The next piece; after the last one everything is there."""
        try:
            next(self._pieces)
            return
        except StopIteration:
            self._reading.stop()
        except (OSError, ValueError, KeyError) as error:  # deleted or damaged meanwhile
            self._reading.stop()
            reason = getattr(error, "strerror", None) or type(error).__name__
            self.problem.emit(
                tr("The runs cannot be compared: a file cannot be read ({reason}).").format(
                    reason=reason
                )
            )
            self.close()
            return
        self.ready = True
        self.retranslate()

    def _read_and_draw(self) -> Iterator[None]:
        """In pieces, of which each is shorter than a person notices."""
        for record in self.records:
            self._rows.append(read_epochs(record.folder))
            self._losses.append(thinned(read_losses(record.folder)))
            yield
        self._differing = differing_rows(self.records)
        yield
        if self.flips is not None:
            self._compare(self.flips)
            yield
        yield from self._draw()

    def _compare(self, view: FlipsView) -> None:
        try:
            tests = read_both(*self.records)
            flips = compare_predictions(*tests)
        except WorkbenchError as error:
            view.show_problem(error.message)
            return
        self._confusion = (flips.classes, flips.confusion)
        view.show_flips(flips, tests)
        self.tabs.setTabVisible(self.tabs.count() - 1, True)

    def _lay_out(self) -> None:
        curves = QWidget()
        layout = QVBoxLayout(curves)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(self.accuracy_title)
        layout.addWidget(self.accuracy, 3)
        layout.addWidget(self.loss_title)
        layout.addWidget(self.loss, 2)
        layout.addWidget(self.spread)
        rows = QWidget()
        layout = QVBoxLayout(rows)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.nothing_differs)
        layout.addWidget(self.differences, 1)
        self.tabs.addTab(curves, "")
        self.tabs.addTab(rows, "")
        if self.flips is not None:
            self.flips.images_wanted.connect(self.images_wanted)
            self.tabs.addTab(self.flips, "")
            self.tabs.addTab(self._matrix_tab(), "")
            self.tabs.setTabVisible(3, False)  # until both were tested on the same images
        outer = QVBoxLayout(self)
        outer.setContentsMargins(8, 8, 8, 8)
        outer.addWidget(self.legend)
        outer.addWidget(self.tabs, 1)

    def _matrix_tab(self) -> QWidget:
        tab = QWidget()
        layout = QVBoxLayout(tab)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.matrix_title)
        layout.addWidget(self.matrix, 1)
        return tab

    # --- curves ------------------------------------------------------------------------

    def _colors(self) -> tuple[str, ...]:
        return _DARK if theme.colors().dark else _LIGHT

    def _draw(self) -> Iterator[None]:
        """Makes the curves, a run at a time."""
        ends = [1.0]
        losses, accuracies = [np.zeros(0)], [np.zeros(0)]
        for record, (index, _, mean, _), rows in zip(
            self.records, self._losses, self._rows, strict=True
        ):
            x = (index + 1) / max(record.steps_per_epoch, 1)
            epochs = np.array([row["epoch"] for row in rows], float)
            values = np.array([_number(row["accuracy"]) for row in rows])
            split = bool(rows) and "validation_accuracy" in rows[0]
            held_out = np.array([_number(row["validation_accuracy"]) for row in rows if split])
            self._curves.append(
                (
                    self.loss.curve(x=x, y=mean, connect="finite"),
                    self.accuracy.curve(x=epochs, y=values, symbol="o", symbolSize=5),
                    self.accuracy.curve(
                        x=epochs[: len(held_out)], y=held_out, symbol="t", symbolSize=6
                    ),
                )
            )
            self._has_validation |= split
            self._style_curves(len(self._curves) - 1)
            ends += [*x[-1:], *epochs[-1:]]
            losses.append(mean)
            accuracies += [values, held_out]
            yield
        if self._is_group:
            self._draw_band()
            self._style_band()
        end = max(ends)
        self.loss.set_ends((0.0, end * 1.02), _range(np.concatenate(losses), (0.0, 2.5)))
        self.accuracy.set_ends((0.0, end * 1.02), _range(np.concatenate(accuracies), (0.0, 100.0)))
        self.loss.say("" if any(len(a) for a in losses) else tr("No steps yet."))
        self.accuracy.say("" if any(len(a) for a in accuracies) else tr("No epoch yet."))
        for plot, other in ((self.loss, self.accuracy), (self.accuracy, self.loss)):
            plot.view.sigXRangeChanged.connect(
                lambda _, x, other=other: other.set_ends(tuple(x), None)
            )

    def _draw_band(self) -> None:
        # Mean and deviation after each epoch that every repeat has come to.
        count = min(len(rows) for rows in self._rows)
        values = np.array([[_number(row["accuracy"]) for row in r[:count]] for r in self._rows])
        epochs = np.arange(1, count + 1, dtype=float)
        mean, deviation = values.mean(0), values.std(0, ddof=1)
        # Plain curves, whose paths are whole whatever part of them is visible.
        edges = [pg.PlotCurveItem(epochs, mean + side * deviation) for side in (-1, 1)]
        fill = pg.FillBetweenItem(*edges)
        fill.setZValue(-100)
        self.accuracy.addItem(fill)
        self._band = [fill, self.accuracy.curve(x=epochs, y=mean)]

    def _restyle(self) -> None:
        c = theme.colors()
        for plot in (self.loss, self.accuracy):
            plot.restyle(c)
        for number in range(len(self._curves)):
            self._style_curves(number)
        self._style_band()
        self._show_legend()

    def _style_band(self) -> None:
        c = theme.colors()
        if self._band:
            fill, mean = self._band
            tint = QColor(c.text)
            tint.setAlphaF(0.14)
            fill.setBrush(tint)
            mean.setPen(pg.mkPen(c.text, width=2))

    def _show_legend(self) -> None:
        parts = [f"{_swatch(self._pen(n))} {_escaped(name)}" for n, name in enumerate(self._names)]
        self.legend.setText("&nbsp;&nbsp;&nbsp; ".join(parts))

    def _pen(self, number: int) -> QPen:
        tints = self._colors()
        pen = QPen(QColor(tints[number % len(tints)]), 1.0)
        pen.setCosmetic(True)
        pen.setStyle(_DASHES[number // 3 % len(_DASHES)])
        return pen

    def _style_curves(self, number: int) -> None:
        loss, accuracy, validation = self._curves[number]
        pen = self._pen(number)
        if self._is_group:
            faint = pen.color()
            faint.setAlphaF(0.55)
            pen.setColor(faint)
        for curve in (loss, accuracy):
            curve.setPen(pen)
        dotted = QPen(pen)
        dotted.setStyle(Qt.PenStyle.DotLine)
        validation.setPen(dotted)
        for curve in (accuracy, validation):
            curve.setSymbolBrush(pen.color())
            curve.setSymbolPen(None)

    # --- words -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Compare {count} runs").format(count=len(self.records)))
        texts = (tr("Curves"), tr("What differs"), tr("Image by image"), tr("Confusion"))
        for index in range(self.tabs.count()):
            self.tabs.setTabText(index, texts[index])
        self.loss_title.setText(tr("Training loss, mean of neighbouring steps"))
        modes = {str(row.get("test_mode")) for rows in self._rows for row in rows}
        if modes == {"train"}:
            words = tr("Test accuracy in training mode, %")
        elif modes == {"eval"}:
            words = tr("Test accuracy in evaluation mode, %")
        else:
            words = tr("Test accuracy, %; runs differ in the mode of the test")
        if self._has_validation:
            words += " · " + tr("dotted, with triangles: validation accuracy")
        self.accuracy_title.setText(words)
        self._names = _names(self.records)
        self.loss.getPlotItem().setLabel("bottom", tr("epoch"))
        self._show_spread()
        self._show_differences()
        if self.flips is not None:
            self.flips.retranslate(self._names)
        self._show_matrix()
        self._show_legend()

    def _show_spread(self) -> None:
        values = [r.accuracy for r in self.records if r.accuracy is not None]
        spread = spread_of(values) if self._is_group else None
        self.spread.setVisible(spread is not None)
        if spread is not None:
            self.spread.setText(
                tr(
                    "Repeats with other seeds: {runs} runs, mean {mean}%, standard deviation "
                    "{deviation} points. The band is one standard deviation around the mean."
                ).format(
                    runs=spread.runs, mean=f"{spread.mean:.2f}", deviation=f"{spread.deviation:.2f}"
                )
            )

    def _show_differences(self) -> None:
        self.nothing_differs.setText(tr("Nothing differs."))
        self.nothing_differs.setVisible(self.ready and not self._differing)
        self.differences.setVisible(bool(self._differing))
        rows: list[list[Cell]] = []
        for group, members in groupby(self._differing, lambda row: row.group):
            rows.append([Cell(tr(group), role="heading"), *[Cell("")] * len(self.records)])
            rows += [
                [Cell(tr(row.name)), *(Cell(_value(row.key, value)) for value in row.values)]
                for row in members
            ]
        self.differences.show_rows(["", *self._names], rows)

    def _show_matrix(self) -> None:
        if self._confusion is None:
            return
        classes, confusion = self._confusion
        self.matrix_title.setText(
            tr(
                "Confusion matrix of {second} minus that of {first} (rows are true classes, "
                "columns predicted ones). Green: {second} is better, with more right or fewer "
                "mistaken; red: worse."
            ).format(first=self._names[0], second=self._names[1])
        )
        most = max(int(np.abs(confusion).max()), 1)
        rows = []
        for i, name in enumerate(classes):
            cells = [Cell(name)]
            for j, count in enumerate(confusion[i].tolist()):
                # More on the diagonal is better, more beside it worse.
                tint = "best" if (count > 0) == (i == j) else "problem"
                cells.append(Cell(f"{count:+,}" if count else "0", count, tint, abs(count) / most))
            rows.append(cells)
        self.matrix.show_rows(["", *classes], rows)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self._restyle()


def _names(records: Sequence[RunRecord]) -> list[str]:
    titles = [run_title(record) for record in records]
    titles = [
        f"{title} ({tr('sample')})" if record.data.get("kind") == "sample" else title
        for title, record in zip(titles, records, strict=True)
    ]
    return distinct_names(titles, records, say)


def _swatch(pen: QPen) -> str:
    """A piece of line as an image in rich text, dashed as the curve is; drawn finer than it is
    shown, for screens of a high resolution."""
    fine = 3
    picture = QImage(30 * fine, 10 * fine, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    thick = QPen(pen)
    thick.setWidthF(2.0 * fine)
    thick.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(thick)
    painter.drawLine(0, 5 * fine, 30 * fine, 5 * fine)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")  # type: ignore[call-overload]  # PySide's stub wants bytes
    data = bytes(buffer.data().toBase64().data()).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" width="30" height="10">'


def _value(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if key in HYPERPARAMETERS:
        return value_text(HYPERPARAMETERS[key], value)
    if key in ("accuracy", "best_accuracy", "best_validation_accuracy"):
        return f"{value:.2f}%"
    if key == "ended_early":
        return tr("yes") if value else tr("no")
    if key == "best_chosen_on":
        return say(CHOSEN_ON[value])
    if key == "status":
        return tr(RECORD_STATES.get(value, "Saved run"))
    if key == "fingerprint":
        return str(value)[:12]
    if isinstance(value, float):
        return number_text(float(f"{value:.4g}"))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _range(values: np.ndarray, empty: tuple[float, float]) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return empty
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    high = max(high, low + 1e-3)
    room = 0.06 * (high - low) + 1e-6
    return low - room, high + room


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
