"""The sweeps of the library: what each came to, while it runs and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from workbench import atomic
from workbench.analysis.sweep_runs import outcome
from workbench.analysis.sweeps import (
    NO_RESULT,
    PointResult,
    SweepResults,
    point_table,
    score_name,
    sentences,
    sweep_results,
)
from workbench.file_names import file_name
from workbench.library.queue import Queue
from workbench.library.queue_entry import Entry
from workbench.library.run_folder import RunRecord
from workbench.library.sweeps import StoredSweep, SweepStore
from workbench.messages import Count, WorkbenchError
from workbench.plain_text import shortened
from workbench.spec.experiment import Experiment
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.figure_table import FigureTable
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.or_words import OrWords
from workbench.window.kit.save_file import ask_to_save
from workbench.window.kit.translation import say, tr
from workbench.window.run.confusion_figure import as_csv
from workbench.window.sweeps.field_plots import FieldPlots
from workbench.window.sweeps.parallel_plot import ParallelPlot
from workbench.window.sweeps.result_rows import (
    described,
    importance_rows,
    labels_of,
    method_words,
    point_rows,
    value_words,
)
from workbench.window.sweeps.run_curves import RunCurves
from workbench.window.sweeps.scales import Scale, accuracy_scale, scale_of
from workbench.words.titles import preset_title

LOOK_MS = 1_500
"""Milliseconds between two looks at a sweep that is shown."""

OPEN_STATES = ("waiting", "interrupted", "running")


class SweepWindow(QWidget):
    """A window of its own over the sweeps of the library in ``folder``. ``known_runs`` gives the
    runs that the main window has read."""

    problem = Signal(str)
    open_requested = Signal(object)
    """RunRecord."""
    hyperparameters_requested = Signal(object, object)
    """The id of a preset or ``None``, and an Experiment."""
    resume_requested = Signal(str)
    stop_requested = Signal(str)
    report_requested = Signal(object)
    """The runs of one point; the report has a section on the whole sweep."""

    def __init__(
        self,
        folder: Path,
        known_runs: Callable[[], Sequence[RunRecord]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("sweepWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._store, self._queue = SweepStore(folder), Queue(folder)
        self._known_runs = known_runs
        self._sweeps: list[StoredSweep] = []
        self._seen: Any = None
        self._shown_points: list[PointResult] = []
        self.results: SweepResults | None = None

        self.choice = QComboBox()
        self.choice.setObjectName("sweepChoice")
        self.choice.setMinimumContentsLength(30)
        self.choice.activated.connect(lambda: self.look(again=True))
        self.state = ElidedLabel("muted")
        self.resume = self._button("sweepResumeButton", self._ask_resume)
        self.stop = self._button("sweepStopButton", self._ask_stop)
        self.said = QLabel()
        self.said.setObjectName("sweepSentences")
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        # Room for what is said of the results, so that the tabs stay where they are.
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.said.setMinimumHeight(3 * self.said.fontMetrics().lineSpacing())
        self.table = FigureTable("sweepTable", sortable=True)
        self.table.itemSelectionChanged.connect(self._selected)
        self.table.cellDoubleClicked.connect(lambda *_: self._open_selected())
        self.parallel = ParallelPlot()
        self.parallel.chosen.connect(self._open_shown)
        self.parallel.pointed.connect(self._point_at)
        self.parallel.brushed.connect(self._say_brushed)
        self.top = QSlider(Qt.Orientation.Horizontal)
        self.top.setRange(1, 100)
        self.top.setValue(100)
        self.top.setFixedWidth(160)
        self.top.valueChanged.connect(self._choose_top)
        self.top_words, self.under = QLabel(), ElidedLabel("muted")
        self.clear = self._button("clearBrushesButton", self.parallel.clear_brushes)
        self.fields = FieldPlots()
        self.fields.chosen.connect(self._open_point)
        self.importance = FigureTable("importanceTable")
        self.method = QLabel()
        self.method.setWordWrap(True)
        self.method.setProperty("role", "muted")
        self.curves = RunCurves()
        self.curves.chosen.connect(self.open_requested)
        self.curve_words = QLabel()
        self.curve_words.setProperty("role", "muted")
        self.open_run = self._button("sweepOpenButton", self._open_selected)
        self.use = self._button("sweepUseButton", self._use)
        self.export = self._button("sweepExportButton", self._export)
        self.report = self._button("sweepReportButton", self._report)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self._lay_out()
        self.resize(1180, 740)
        self.retranslate()
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        self.look()

    def _button(self, name: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton()
        button.setObjectName(name)
        button.clicked.connect(lambda: act())
        return button

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.addWidget(self.choice, 2)
        above.addWidget(self.state, 2)
        above.addWidget(self.resume)
        above.addWidget(self.stop)
        parallel = QWidget()
        inside = QVBoxLayout(parallel)
        inside.setContentsMargins(0, 6, 0, 0)
        row = QHBoxLayout()
        row.addWidget(self.top_words)
        row.addWidget(self.top)
        row.addWidget(self.clear)
        row.addWidget(self.under, 1)
        inside.addLayout(row)
        inside.addWidget(self.parallel, 1)
        important = QWidget()
        inside = QVBoxLayout(important)
        inside.setContentsMargins(0, 6, 0, 0)
        inside.addWidget(self.method)
        inside.addWidget(self.importance, 1)
        curves = QWidget()
        inside = QVBoxLayout(curves)
        inside.setContentsMargins(0, 6, 0, 0)
        inside.addWidget(self.curve_words)
        inside.addWidget(self.curves, 1)
        self._parallel_page, self._fields_page = OrWords(parallel), OrWords(self.fields)
        self._important_page, self._curves_page = OrWords(important), OrWords(curves)
        self._pages = (
            *(self._parallel_page, self._fields_page),
            *(self._important_page, self._curves_page),
        )
        self.curves.drawn.connect(self._say_curves)
        for tab in (self.table, *self._pages):
            self.tabs.addTab(tab, "")
        self.tabs.currentChanged.connect(lambda: self._show_tab())
        below = QHBoxLayout()
        below.addWidget(self.open_run)
        below.addWidget(self.use)
        below.addStretch(1)
        below.addWidget(self.export)
        below.addWidget(self.report)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addLayout(above)
        layout.addWidget(self.said)
        layout.addWidget(self.tabs, 1)
        layout.addLayout(below)

    # --- what there is -----------------------------------------------------------------

    def show_sweep(self, id: str) -> None:
        """Show the sweep ``id``."""
        self._look_for_sweeps()
        self.choice.setCurrentIndex(max(0, self.choice.findData(id)))
        self.look(again=True)

    def _look_for_sweeps(self) -> None:
        try:
            found, _ = self._store.read()
        except WorkbenchError as error:
            self._timer.stop()
            self.problem.emit(say(error.message))
            return
        is_new = [each.id for each in found] != [each.id for each in self._sweeps]
        self._sweeps = found
        if is_new:
            self._name_sweeps()

    def _name_sweeps(self) -> None:
        chosen = self.choice.currentData()
        self.choice.clear()
        for each in self._sweeps:
            title = each.label
            if each.sweep.title:
                title = preset_title(each.sweep.preset, each.sweep.title, tr)
            parts = (title, ", ".join(labels_of(each)), each.id)
            self.choice.addItem(shortened(" · ".join(filter(None, parts)), 110), each.id)
        self.choice.setCurrentIndex(max(0, self.choice.findData(chosen)))

    def look(self, again: bool = False) -> None:
        """Show what is known now, where that is something else than what is shown."""
        self._look_for_sweeps()
        chosen = self.choice.currentData()
        stored = next((each for each in self._sweeps if each.id == chosen), None)
        if stored is None:
            self.results = None
            words = tr("No sweep yet: press Vary… below the hyperparameters.")
            self.said.setText(words)
            for page in self._pages:
                page.say(words)
            self._update_buttons([])
            return
        runs = [run for run in self._known_runs() if run.sweep == stored.id]
        try:
            entries = self._queue.entries(sweep=stored.id)
        except WorkbenchError:
            entries = []  # said where the queue is shown
        seen = (stored, runs, [(entry.id, entry.state) for entry in entries])
        if again or seen != self._seen:
            self._seen = seen
            self.results = sweep_results(stored, runs, entries)
            self._show(entries)

    def _show(self, entries: Sequence[Entry]) -> None:
        results = self.results
        assert results is not None
        running = sum(entry.state == "running" for entry in entries)
        waiting = sum(entry.state in OPEN_STATES for entry in entries) - running
        parts = [
            tr("{done} of {runs:run|runs}").format(done=results.settled, runs=Count(results.total))
        ]
        if running:
            parts.append(tr("{count} running").format(count=running))
        if waiting:
            parts.append(tr("{count} waiting").format(count=waiting))
        self.state.setText(" · ".join(parts))
        self.said.setText("\n".join(say(sentence) for sentence in sentences(results)))
        self._show_table()
        self._show_tab()
        self._update_buttons(entries)

    def _update_buttons(self, entries: Sequence[Entry]) -> None:
        results = self.results
        is_open = any(entry.state in OPEN_STATES for entry in entries)
        self.stop.setEnabled(is_open)
        self.resume.setEnabled(results is not None and not is_open and not results.is_complete)
        self.export.setEnabled(results is not None)
        self.report.setEnabled(results is not None and results.best is not None)
        self._selected()

    # --- table -------------------------------------------------------------------------

    def _show_table(self) -> None:
        results = self.results
        assert results is not None
        chosen = self._selected_point()
        header, rows = point_rows(results)
        self.table.show_rows(header, rows)
        if chosen is not None:
            self._select(chosen.number)

    def _row_of(self, row: int) -> PointResult | None:
        item = self.table.item(row, 0)
        if item is None or self.results is None:
            return None
        number = int(item.text()) - 1
        return next((p for p in self.results.points if p.number == number), None)

    def _select(self, number: int) -> None:
        for row in range(self.table.rowCount()):
            item = self.table.item(row, 0)
            if item is not None and item.text() == str(number + 1):
                self.table.selectRow(row)

    def _selected_point(self) -> PointResult | None:
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return self._row_of(rows[0]) if rows else None

    def _selected(self) -> None:
        point = self._selected_point()
        self.open_run.setEnabled(point is not None and bool(point.runs))
        self.use.setEnabled(point is not None)
        none_chosen = "" if point is not None else tr("Choose a row in Points first.")
        no_run = tr("No run of this point yet.") if point is not None and not point.runs else ""
        self.open_run.setToolTip(tooltip(none_chosen or no_run))
        self.use.setToolTip(tooltip(none_chosen))

    # --- the other tabs ----------------------------------------------------------------

    def _show_tab(self) -> None:
        """Draw the tab that is seen; the others when they are."""
        if self.results is None:
            return
        shown = self.tabs.currentIndex()
        waiting = "" if self.results.ranking else say(NO_RESULT)
        for page in (self._parallel_page, self._fields_page, self._important_page):
            page.say(waiting)
        if shown == 1:
            self._show_parallel()
        elif shown == 2:
            self._show_fields()
        elif shown == 3:
            self._show_importance()
        elif shown == 4:
            self._show_curves()

    def _scales(self) -> tuple[list[Scale], list[str], list[list[tuple[float, str]]]]:
        results = self.results
        assert results is not None
        scales = [scale_of(results.sweep, name) for name in results.sweep.vary]
        ticks = [
            [(position, value_words(scale.name, value)) for position, value in scale.ticks()]
            for scale in scales
        ]
        return scales, labels_of(results.stored), ticks

    def _show_parallel(self) -> None:
        results = self.results
        assert results is not None
        scales, labels, ticks = self._scales()
        accuracy = accuracy_scale([p.mean for p in results.points if p.mean is not None])
        self._shown_points = list(results.points)
        self.parallel.show_points(
            [*scales, accuracy],
            [*labels, say(score_name(results.sweep))],
            [*ticks, [(position, f"{value:g}%") for position, value in accuracy.ticks()]],
            [{**point.values, "": point.mean} for point in results.points],
        )
        self._say_brushed()

    def _choose_top(self, percent: int) -> None:
        self.top_words.setText(tr("Best {percent}%").format(percent=percent))
        self.parallel.show_top(percent)

    def _say_brushed(self) -> None:
        chosen = self.parallel.in_color()
        if len(chosen) and not chosen.all():
            text = tr("{count:point|points} in color").format(count=Count(int(chosen.sum())))
        else:
            text = tr("Drag along an axis to choose a part of it; click a line to open its run.")
        self.under.setText(text)

    def _point_at(self, place: int | None) -> None:
        if place is None:
            self._say_brushed()
        else:
            self.under.setText(described(self._shown_points[place]))

    def _show_fields(self) -> None:
        results = self.results
        assert results is not None
        scales, labels, ticks = self._scales()
        self.fields.show_points(
            scales, labels, ticks, results.points, say(score_name(results.sweep)) + " (%)"
        )

    def _show_importance(self) -> None:
        results = self.results
        assert results is not None
        found = results.importance()
        self.importance.setVisible(bool(found.shares))
        self.method.setText(say(found.problem) if found.problem else method_words())
        self.importance.show_rows(*importance_rows(found))

    def _show_curves(self) -> None:
        results = self.results
        assert results is not None
        runs = [run for point in results.points for run in point.runs]
        best = results.best
        validation = results.sweep.chosen_on == "validation"
        words = say(score_name(results.sweep))
        template = tr(
            "{accuracy} by epoch. Green: the best point; gray: ended early. Click a curve to open "
            "its run."
        )
        self.curve_words.setText(template.format(accuracy=words))
        ids = [run.id for run in best.runs] if best is not None else []
        self.curves.show_runs(runs, ids, validation, words + " (%)")

    def _say_curves(self, any_epoch: bool) -> None:
        self._curves_page.say("" if any_epoch else tr("No epoch yet."))

    # --- what can be done --------------------------------------------------------------

    def _open_shown(self, place: int) -> None:
        self._open(self._shown_points[place])

    def _open_point(self, number: int) -> None:
        results = self.results
        if results is not None:
            self._open(next(p for p in results.points if p.number == number))

    def _open_selected(self) -> None:
        point = self._selected_point()
        if point is not None:
            self._open(point)

    def _open(self, point: PointResult) -> None:
        self._select(point.number)
        done = [run for run in point.runs if outcome(run) == "done"] or list(point.runs)
        if done:
            self.open_requested.emit(done[0])

    def _use(self) -> None:
        results = self.results
        point = self._selected_point()
        if results is None or point is None:
            return
        experiment: Experiment = results.sweep.experiment_at(
            point.values, results.sweep.experiment.seed
        )
        self.hyperparameters_requested.emit(results.sweep.preset, experiment)

    def _ask_resume(self) -> None:
        if self.results is not None:
            self.resume_requested.emit(self.results.stored.id)

    def _ask_stop(self) -> None:
        if self.results is not None:
            self.stop_requested.emit(self.results.stored.id)

    def _export(self) -> None:
        results = self.results
        if results is None:
            return

        def save(path: Path, ending: str) -> None:
            text = as_csv([["" if v is None else str(v) for v in row] for row in table])
            try:
                atomic.write_text(path, text)
            except OSError as error:
                self.problem.emit(
                    tr("{path}: cannot be written ({reason}).").format(
                        path=path, reason=error.strerror
                    )
                )

        table = point_table(results)
        kinds = {"csv": tr("Table")}
        ask_to_save(self, tr("Export"), file_name(results.stored.id), kinds, save)

    def _report(self) -> None:
        """Ask for a report on the sweep, with a page for each run of one point."""
        results = self.results
        point = self._selected_point() or (results.best if results is not None else None)
        if point is not None and point.runs:
            self.report_requested.emit(list(point.runs))

    # --- words -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Sweeps"))
        names = (
            tr("Points"),
            tr("Parallel coordinates"),
            tr("Hyperparameters"),
            tr("Importance"),
            tr("Curves"),
        )
        for index, name in enumerate(names):
            self.tabs.setTabText(index, name)
        self.choice.setAccessibleName(tr("Sweep"))
        self.top.setAccessibleName(tr("Best points in color"))
        self.resume.setText(tr("Run what is missing"))
        self.stop.setText(tr("Stop and keep"))
        self.clear.setText(tr("Clear choice"))
        self.open_run.setText(tr("Open run"))
        self.use.setText(tr("Use these hyperparameters"))
        self.export.setText(tr("Export CSV…"))
        self.report.setText(tr("Write report…"))
        self._choose_top(self.top.value())
        self._name_sweeps()
        if self.results is not None:
            self.look(again=True)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif theme.is_restyled(event) and hasattr(self, "curves"):
            self.parallel.restyle()
            self.fields.restyle()
