"""The middle of the window: one run, one that is under way or a saved one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from workbench.engine.events import Evaluation, Event, RunEnded, RunStarted
from workbench.library.run_folder import RunRecord, read_record
from workbench.messages import Message, WorkbenchError
from workbench.window.kit.shown_page import ShownTab
from workbench.window.kit.translation import say, tr
from workbench.window.run.classes_view import ClassesView
from workbench.window.run.confusion_view import ConfusionView
from workbench.window.run.histograms_view import HistogramsView
from workbench.window.run.images_view import ImagesView
from workbench.window.run.live_view import LiveView
from workbench.window.run.log_view import LogView
from workbench.window.run.report_view import ReportView
from workbench.window.run.run_details import RunDetails
from workbench.window.run.run_header import RunHeader
from workbench.window.run.shown_run import RunTab, ShownRun, of_live, of_record
from workbench.window.work.live_runs import LiveRun, LiveRuns


class RunView(QWidget):
    """Header and tabs of the run on show, :attr:`run`: each is a
    :class:`~workbench.window.run.shown_run.RunTab`.

    A run of ``live_runs`` is shown as far as it is, and followed; another one from its files.
    """

    problem = Signal(str)
    shown_changed = Signal()

    def __init__(self, live_runs: LiveRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run: ShownRun | None = None
        self.first_page: QWidget | None = None
        self.live_runs = live_runs
        live_runs.listen(self._heard)
        self.header = RunHeader()
        self.live = LiveView()
        self.confusion = ConfusionView()
        self.log = LogView()
        self.details = RunDetails()
        self.report = ReportView()
        self.classes = ClassesView()
        self.images = ImagesView()
        self.histograms = HistogramsView()
        self._shows: tuple[RunTab, ...] = (
            self.header,
            self.live,
            self.confusion,
            self.classes,
            self.images,
            self.report,
            self.log,
            self.details,
            self.histograms,
        )
        self.tabs = ShownTab()
        self.tabs.setObjectName("tabs")
        for view in (
            self.live,
            self.confusion,
            self.classes,
            self.images,
            self.report,
            self.log,
            self.details,
            self.histograms,
        ):
            self.tabs.addTab(view, "")
        self._show_histograms_tab()
        self.live.problem.connect(self.problem)
        self.confusion.problem.connect(self.problem)
        self.confusion.images_wanted.connect(self._show_images)
        self.log.problem.connect(self.problem)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 4)
        layout.setSpacing(6)
        layout.addWidget(self.header)
        layout.addWidget(self.tabs, 1)
        self.retranslate()

    def show_above(self, widget: QWidget) -> None:
        """Put ``widget`` over the header."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(0, widget)

    def show_first(self, page: QWidget) -> None:
        """Put ``page``, on the chosen preset, before the tabs; it is on until a run is shown."""
        self.first_page = page
        self.tabs.insertTab(0, page, tr("Preset"))
        self.tabs.setCurrentWidget(page)

    def retranslate(self) -> None:
        for view, text in (
            (self.live, tr("Live")),
            (self.confusion, tr("Confusion")),
            (self.classes, tr("Classes")),
            (self.images, tr("Images")),
            (self.report, tr("Report")),
            (self.log, tr("Log")),
            (self.details, tr("Details")),
            (self.histograms, tr("Histograms")),
        ):
            self.tabs.setTabText(self.tabs.indexOf(view), text)
        if self.first_page is not None:
            self.tabs.setTabText(self.tabs.indexOf(self.first_page), tr("Preset"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    @property
    def record(self) -> RunRecord | None:
        """The record of the run on show; ``None`` without one, and while its data load."""
        return self.run.record if self.run is not None else None

    @property
    def shows_live(self) -> bool:
        """True while the run on show is under way here."""
        return self.run is not None and self.run.live

    def is_outdated(self, record: RunRecord) -> bool:
        """Return whether ``record``, of the run on show, is another one than what is shown."""
        return self.record is not None and self.record != record

    # --- which run is on show ----------------------------------------------------------

    def show_record(self, record: RunRecord) -> None:
        """Show a run: one that is under way here as far as it is, another from its files.

        A damaged test is said, and the rest shown; raises :class:`WorkbenchError` where its curves
        are damaged, and shows what it showed."""
        live = self.live_runs.in_folder(record.folder)
        self._show(of_live(live) if live is not None else of_record(record))
        if self.tabs.currentWidget() is self.first_page:
            self.tabs.setCurrentWidget(self.live)

    def show_live(self, key: str | None = None) -> None:
        """Show the run under way with this key; without one the run that was begun last."""
        live = self.live_runs.newest if key is None else self.live_runs.get(key)
        if live is None:
            return
        try:
            self._show(of_live(live))
        except WorkbenchError as error:
            self.problem.emit(say(error.message))

    def begin(self, key: str) -> None:
        """Show a run that was just asked for, and the curves that it will have."""
        self.show_live(key)
        self.tabs.setCurrentWidget(self.live)

    def _show(self, run: ShownRun | None, message: Message | None = None) -> None:
        self.run = run
        for part in self._shows:
            part.show_run(run)
        self._show_histograms_tab()
        if run is None and message is not None:
            self.header.show_run(None, message)
        self.shown_changed.emit()

    def _show_histograms_tab(self) -> None:
        """Only of a run that keeps histograms: most keep none."""
        experiment = self.run.experiment if self.run is not None else None
        shown = experiment is not None and experiment.histograms
        self.tabs.setTabVisible(self.tabs.indexOf(self.histograms), shown)

    def _heard(self, live: LiveRun, event: Event | None) -> None:
        run = self.run
        if run is None or run.key != live.key:
            return
        if isinstance(event, RunStarted):
            self.show_live(live.key)
        elif isinstance(event, RunEnded):
            self._ended(event)
        else:
            self.run = run = run.after(event, live.state)
            for part in self._shows:
                part.on_event(event, run)

    def _ended(self, event: RunEnded) -> None:
        """A kept run stays on show as a saved one, a discarded one goes."""
        if not event.run:
            self._show(None, event.reason)
            return
        try:
            self._show(of_record(read_record(Path(event.run))))
        except WorkbenchError as error:
            self.problem.emit(say(error.message))

    # --- from one tab to another -------------------------------------------------------

    def _show_images(self, true: int | None, predicted: int | None) -> None:
        """The images behind a cell, a row or a column of the matrix."""
        if not self.confusion.has_images:
            self.confusion.say(tr("Only a run's final test keeps its prediction for each image."))
            return
        self.tabs.setCurrentWidget(self.images)
        self.images.show_class(true, predicted)

    def show_weights_test(self, title: str, test: Evaluation, data_name: str, sample: bool) -> None:
        """Show the confusion matrix of a test of weights, in place of that of the run on show."""
        self.confusion.show_weights_test(title, test, data_name, sample)
        self.tabs.setCurrentWidget(self.confusion)
