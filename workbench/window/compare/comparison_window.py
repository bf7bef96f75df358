"""Chosen runs side by side: curves, what differs, and for two of them image by image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QTabWidget, QVBoxLayout, QWidget

from workbench.analysis.differences import (
    CHOSEN_ON,
    PERCENTAGES,
    DifferingRow,
    differing_rows,
    distinct_names,
)
from workbench.analysis.flips import (
    PairTest,
    compare_pairs,
    compare_predictions,
    p_text,
    read_both,
    read_tests,
)
from workbench.engine.status import RunStatus
from workbench.library.run_folder import RunRecord, read_epochs, read_losses, read_test
from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.spec.experiment import HYPERPARAMETERS
from workbench.window.compare.compared_confusion import ComparedConfusion, Test
from workbench.window.compare.compared_curves import ComparedCurves, pen_of
from workbench.window.compare.compared_filters import ComparedFilters
from workbench.window.compare.flips_view import FlipsView
from workbench.window.images.image_store import ImageStore
from workbench.window.kit.figure_table import Cell, FigureTable
from workbench.window.kit.fitting import Fitting
from workbench.window.kit.hyperparameter_text import number_text, value_text
from workbench.window.kit.translation import say, tr
from workbench.window.plots.plot_legend import Entry, PlotLegend
from workbench.words.run_lines import RUN_MARKERS
from workbench.words.status import ELSEWHERE, status_word
from workbench.words.titles import run_title

MOST_RUNS = 8
"""So many curves can be told apart."""


class ComparisonWindow(QWidget):
    """A window of its own over ``records``, two to :data:`MOST_RUNS`. It reads their files once
    and draws them, a piece at each turn of the event loop; then ``ready`` is true."""

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
        self._differing: list[DifferingRow] = []
        self.ready = False

        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.legend = PlotLegend(wrap=True)
        self.legend.setObjectName("comparisonLegend")
        self.curves = ComparedCurves(self.records)
        self.legend.toggled.connect(lambda key, shown: self.curves.show_run(int(key), shown))
        self.differences = FigureTable("comparisonDifferences")
        self.nothing_differs = QLabel()
        self.nothing_differs.setProperty("role", "muted")
        self.flips = FlipsView(self.records, images) if len(self.records) == 2 else None
        self.pairs_title = QLabel()
        self.pairs_title.setWordWrap(True)
        self.pairs = FigureTable("comparisonPairs")
        self._pairs: list[PairTest] = []
        self._no_pairs: Message | None = None
        self.confusion = ComparedConfusion(self.records)
        self.confusion.images_wanted.connect(self.images_wanted)
        self.filters = ComparedFilters(self.records)
        self._lay_out()
        self.resize(1270, 720)
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
        except WorkbenchError as error:
            self._reading.stop()
            self.problem.emit(say(error.message))
            self.close()
            return
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
        rows, losses = [], []
        for record in self.records:
            rows.append(read_epochs(record.folder))
            losses.append(read_losses(record.folder))
            yield
        yield from self.curves.draw(rows, losses)
        yield
        self._differing = differing_rows(self.records)
        self.confusion.show_tests([_latest_test(record) for record in self.records])
        yield
        if self.flips is not None:
            self._compare(self.flips)
        elif len(self.records) > 2:
            yield
            try:
                self._pairs = compare_pairs(read_tests(self.records))
            except WorkbenchError as error:
                self._no_pairs = error.message

    def _compare(self, view: FlipsView) -> None:
        try:
            tests = read_both(*self.records)
            flips = compare_predictions(*tests)
        except WorkbenchError as error:
            view.show_problem(error.message)
            return
        view.show_flips(flips, tests)

    def _lay_out(self) -> None:
        rows = QWidget()
        layout = QVBoxLayout(rows)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.nothing_differs)
        layout.addWidget(self.differences, 1)
        self.tabs.addTab(self.curves, "")
        self.tabs.addTab(rows, "")
        if self.flips is not None:
            self.flips.images_wanted.connect(self.images_wanted)
            self.tabs.addTab(self.flips, "")
        else:
            self.tabs.addTab(self._pairs_tab(), "")
        self.tabs.addTab(self.confusion, "")
        self.tabs.addTab(self.filters, "")
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.legend)
        layout.addWidget(self.tabs, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Fitting(content))

    def _pairs_tab(self) -> QWidget:
        tab = QWidget()
        layout = QVBoxLayout(tab)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.pairs_title)
        layout.addWidget(self.pairs, 1)
        return tab

    # --- words -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Compare {count} runs").format(count=len(self.records)))
        texts = [tr("Curves"), tr("What differs"), tr("Image by image"), tr("Confusion")]
        texts.append(tr("Filters"))
        for index in range(self.tabs.count()):
            self.tabs.setTabText(index, texts[index])
        self._names = _names(self.records)
        self.curves.retranslate()
        self.curves.name_runs(self._names)
        self.differences.setAccessibleName(tr("What differs"))
        self.pairs.setAccessibleName(tr("Pairs of runs, image by image"))
        self._show_differences()
        if self.flips is not None:
            self.flips.retranslate(self._names)
        self._show_pairs()
        self.confusion.retranslate(self._names)
        self.filters.retranslate(self._names)
        self._show_legend()

    def _show_legend(self) -> None:
        entries = []
        for number, name in enumerate(self._names):
            pen = pen_of(number)
            color = pen.color().name()
            dashes = tuple(pen.dashPattern())
            marker = RUN_MARKERS[number % len(RUN_MARKERS)]
            entries.append(Entry(name, color, symbol=marker, dashes=dashes, key=str(number)))
        self.legend.show_entries(entries)

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

    def _show_pairs(self) -> None:
        self.pairs.setVisible(bool(self._pairs))
        if self._no_pairs is not None:
            self.pairs_title.setText(say(self._no_pairs))
        if not self._pairs:
            return
        self.pairs_title.setText(
            tr(
                "The test images that only one of two runs is right on, for each of {pairs} pairs. "
                "p is that of McNemar's exact test, corrected for as many pairs by Holm: at 0.05 "
                "or more chance alone can explain the difference between the two weight files. To "
                "compare settings, train several seeds."
            ).format(pairs=len(self._pairs))
        )
        header = (tr("first"), tr("second"), tr("first alone"), tr("second alone"), tr("p (Holm)"))
        rows = [
            [
                Cell(self._names[pair.first]),
                Cell(self._names[pair.second]),
                Cell(f"{len(pair.flips.lost):,}"),
                Cell(f"{len(pair.flips.won):,}"),
                Cell(p_text(pair.p)),
            ]
            for pair in self._pairs
        ]
        self.pairs.show_rows(header, rows)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self.curves.restyle()
            self._show_legend()


def _latest_test(record: RunRecord) -> Test | Message | None:
    """The run's latest test; the message that says why it cannot be read."""
    try:
        return read_test(record.folder)
    except WorkbenchError as error:
        return error.message


def _names(records: Sequence[RunRecord]) -> list[str]:
    titles = [shortened(run_title(record, tr)) for record in records]
    titles = [
        f"{title} ({tr('sample')})" if record.is_sample else title
        for title, record in zip(titles, records, strict=True)
    ]
    return distinct_names(titles, records, say)


def _value(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if key in HYPERPARAMETERS:
        return value_text(HYPERPARAMETERS[key], value)
    if key in PERCENTAGES:
        return f"{value:.2f}%"
    if key == "ended_early":
        return tr("yes") if value else tr("no")
    if key == "best_chosen_on":
        return say(CHOSEN_ON[value])
    if key == "status":
        return say(ELSEWHERE if value == RunStatus.RUNNING else status_word(value))
    if key == "fingerprint":
        return str(value)[:12]
    if isinstance(value, float):
        return number_text(float(f"{value:.4g}"))
    return f"{value:,}" if isinstance(value, int) else str(value)
