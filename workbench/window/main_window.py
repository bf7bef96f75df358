"""The main window: composes the widgets, and wires them to the session. It does no work itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from workbench.analysis.estimate import estimate, speed_of
from workbench.data.data_choice import IMAGE_ENDINGS, DataChoice, DataInfo
from workbench.data.progress import DataProgress
from workbench.engine.events import (
    EpochDone,
    Event,
    Notice,
    RunEnded,
    RunStarted,
    ThreadsChanged,
)
from workbench.library.catalog import Library
from workbench.library.queue_entry import Entry
from workbench.library.run_folder import RunRecord
from workbench.messages import Count, Message, WorkbenchError
from workbench.path_text import to_text
from workbench.spec.experiment import Experiment, experiment_from, with_changes
from workbench.spec.presets import Preset
from workbench.window.actions import Actions
from workbench.window.help.help_center import HelpCenter
from workbench.window.help.help_window import GLOSSARY, SHORTCUTS
from workbench.window.image_trial import ImageTrial
from workbench.window.images.image_store import ImageStore
from workbench.window.kit import dialogs, theme
from workbench.window.kit.fitting import Fitting
from workbench.window.kit.focus_keeper import FocusKeeper
from workbench.window.kit.focus_ring import FocusRing
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.icons import program_icon
from workbench.window.kit.mnemonics import give_mnemonics
from workbench.window.kit.placement import show_free
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import Translation, say, tr
from workbench.window.queue.queueing import Queueing
from workbench.window.queue.run_on_show import RunOnShow
from workbench.window.result_windows import ResultWindows
from workbench.window.run.end_note import EndNote
from workbench.window.run.run_view import RunView
from workbench.window.run_commands import Plan, RunCommands
from workbench.window.saved.export_dialog import ExportDialog
from workbench.window.saved.interrupted_bar import InterruptedBar
from workbench.window.saved.results_bar import ResultsBar
from workbench.window.saved.saved_models import SavedModels
from workbench.window.saved.sharing import Sharing
from workbench.window.setup.data_button import PLACED, DataButton
from workbench.window.setup.device_box import DeviceBox
from workbench.window.setup.estimate_line import EstimateLine
from workbench.window.setup.hyperparameter_form import HyperparameterForm
from workbench.window.setup.preset_page import PresetPage
from workbench.window.setup.preset_panel import PresetPanel
from workbench.window.setup.repeats import Repeats
from workbench.window.setup.threads_box import ThreadsBox
from workbench.window.status_bar import StatusBar
from workbench.window.sweeps.sweeps import Sweeps
from workbench.window.sweeps.vary_dialog import Start
from workbench.window.weights.weights_card import WeightsCard
from workbench.window.weights.weights_in_use import WeightsInUse
from workbench.window.window_layout import WindowLayout
from workbench.window.work.activity import RUN_LOADS, Activity, why_off
from workbench.window.work.live_runs import LiveRun, LiveRuns
from workbench.window.work.session import Session
from workbench.window.work.timings import Timings
from workbench.words.titles import data_name


class MainWindow(QMainWindow):
    """``session`` works, ``run_view`` shows a run, the docks choose what to run and to open."""

    def __init__(
        self, library: Library, settings: Settings, look: Theme, translation: Translation
    ) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowIcon(program_icon())
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self._settings = settings
        self._theme = look
        self._translation = translation
        self._torch_version = ""
        self._state_text = ""
        self._shown_once = False
        self._quit_after = False
        self._repeated: Plan | None = None

        self.session = Session(library, self)
        self.images = ImageStore(self)
        self.timings = Timings(self.session, self)
        self.actions_ = Actions(self)
        self.presets = PresetPanel()
        self.form = HyperparameterForm()
        self.estimate = EstimateLine()
        self.live_runs = LiveRuns()
        self.run_view = RunView(self.live_runs)
        self.interrupted = InterruptedBar(settings)
        self.run_view.show_above(self.interrupted)
        self.preset_page = PresetPage(self.presets.note)
        self.preset_page.set_train_key(_key(self.actions_.train))
        self.run_view.show_first(self.preset_page)
        self.saved = SavedModels(library)
        self.results = ResultsBar(self.saved.selected, self.saved.selected_unreadable)
        self.result_windows = ResultWindows(library, self.images, translation, self)
        self.sweeps = Sweeps(library, self)
        self.sharing = Sharing(library, self)
        self.help = HelpCenter(
            translation, settings, lambda: (made for made, _ in self._menus), show_free, self
        )
        self.run_view.show_above(self.help.first_steps)
        self.repeats = Repeats(self)
        self.weights_card = WeightsCard()
        self.data_button = DataButton(settings)
        self.device_box = DeviceBox()
        self.threads_box = ThreadsBox(settings)
        self.session.threads = self.threads_box.threads()
        self.weights = WeightsInUse(
            self.session, self.weights_card, self.data_button, self.device_box
        )
        self.trial = ImageTrial(
            self.session,
            self.weights,
            self.run_view,
            self.result_windows,
            self.device_box,
            self,
        )
        self.runs = RunCommands(
            self.session,
            self.presets,
            self.run_view,
            self.data_button,
            self.device_box,
            self,
        )
        self.run_on_show = RunOnShow(self.session, self.runs, self.run_view, self)
        self.queue = Queueing(library, self.live_runs, settings, self.presets.by_id, self)
        self._end_note = EndNote(self)
        self._focus_keeper, self._focus_ring = FocusKeeper(self), FocusRing(self)
        self.status = StatusBar()
        # In the order in which the Tab key goes through them.
        self._make_toolbar()
        self._make_docks()
        self.setStatusBar(self.status)
        self._make_back_button()
        self._make_menus()
        self._wire_actions()
        self._wire_widgets()
        self._wire_session()

        self._restore_choices()
        self._layout.restore()
        self._choose_first_preset()
        self.retranslate()
        self._update()
        self._say_state()
        self.presets.list.setFocus()

    # --- composing ---------------------------------------------------------------------

    def _make_toolbar(self) -> None:
        bar = QToolBar()
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        bar.toggleViewAction().setEnabled(False)
        for name in ("train", "enqueue", "pause", "stop", "cancel"):
            action = getattr(self.actions_, name)
            bar.addAction(action)
            button = bar.widgetForAction(action)
            button.setObjectName(f"{name}Button")
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        room = QWidget()
        room.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(room)
        bar.addWidget(self.data_button)
        bar.addWidget(self.device_box)
        bar.addWidget(self.threads_box)
        self.addToolBar(bar)
        self._toolbar = bar

    def _fit_toolbar(self) -> None:
        """Show the buttons behind Train by their icons alone where their words have no room."""
        bar = self._toolbar
        names = ("enqueueButton", "pauseButton", "stopButton", "cancelButton")
        buttons = [b for name in names if (b := bar.findChild(QToolButton, name)) is not None]
        others = [
            bar.widgetForAction(self.actions_.train),
            *(self.data_button, self.device_box, self.threads_box),
        ]
        words = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        for button in buttons:
            button.setToolButtonStyle(words)
        spaces = (len(buttons) + len(others) + 2) * 6
        wanted = sum(widget.sizeHint().width() for widget in (*buttons, *others)) + spaces + 16
        if wanted > self.width():
            for button in buttons:
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)

    def _make_docks(self) -> None:
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self._preset_dock = self._dock("presetDock", left, self.presets)
        self._form_dock = self._dock(
            "hyperparameterDock", left, self.form, self.estimate, self.sweeps.button
        )
        self.setCentralWidget(Fitting(self.run_view))
        self._models_dock = self._dock(
            # The card grows with weights: above the buttons, so that these stay under the pointer.
            *("modelsDock", right),
            *(self.saved, self.weights_card, self.saved.buttons, self.results),
        )
        self._queue_dock = self._dock("queueDock", right, self.queue.panel)
        self.tabifyDockWidget(self._models_dock, self._queue_dock)
        # Behind another tab Qt only moves a dock out of sight: the Tab key would go there.
        self._queue_dock.visibilityChanged.connect(self.queue.panel.setVisible)
        self._models_dock.raise_()
        self.setCorner(Qt.Corner.BottomLeftCorner, left)
        self.setCorner(Qt.Corner.BottomRightCorner, right)
        docks = (self._preset_dock, self._form_dock, self._models_dock, self._queue_dock)
        self._layout = WindowLayout(self, docks, self._settings)

    def _dock(self, name: str, area: Qt.DockWidgetArea, *widgets: QWidget) -> QDockWidget:
        dock = QDockWidget()
        dock.setObjectName(name)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(8, 0, 8, 8)
        for number, widget in enumerate(widgets):
            layout.addWidget(widget, 1 if number == 0 else 0)
        dock.setWidget(Fitting(content))
        self.addDockWidget(area, dock)
        return dock

    def _make_back_button(self) -> None:
        # Beside the tabs, so that nothing moves when it comes. Only its icon: all tabs stay seen.
        self._back_button = QToolButton()
        self._back_button.setObjectName("backButton")
        self._back_button.setDefaultAction(self.actions_.back_to_run)
        self.run_view.tabs.setCornerWidget(self._back_button)

    def _make_menus(self) -> None:
        a = self.actions_
        bar = self.menuBar()
        self._menus: list[tuple[QMenu, str]] = []

        def menu(title: str, *entries: Any) -> QMenu:
            made = bar.addMenu("")
            self._menus.append((made, title))
            for entry in entries:
                if entry is None:
                    made.addSeparator()
                else:
                    made.addAction(entry)
            return made

        menu(
            "&File",
            *(a.open_weights, a.try_image, a.browse_data, a.import_runs, a.open_library),
            *(None, a.quit),
        )
        run = (a.train, a.enqueue, a.repeat, a.vary, a.sweeps, None, a.pause, a.stop, a.cancel)
        menu("&Run", *run, None, a.back_to_run, a.show_queue)
        results = self.results.actions_for_menu()
        menu("&Saved model", *self.saved.run_actions.for_menu(), None, *results)
        self.saved.menu.addSeparator()
        self.saved.menu.addActions(results)
        view = menu("&View")
        docks = (self._preset_dock, self._form_dock, self._models_dock, self._queue_dock)
        for dock in docks:
            view.addAction(dock.toggleViewAction())
        view.addSeparator()
        view.addAction(a.story)
        view.addAction(a.reset_layout)
        self._theme_menu = view.addMenu("")
        self._theme_menu.addActions(list(a.theme.values()))
        self._language_menu = view.addMenu("")
        self._language_menu.addActions(list(a.language.values()))
        menu("&Help", a.first_steps, a.shortcuts, a.glossary, a.explain, a.point, None, a.about)
        for each in self.findChildren(QMenu):
            give_mnemonics(each)

    def retranslate(self) -> None:
        titles = {
            "&File": tr("&File"),
            "&Run": tr("&Run"),
            "&Saved model": tr("&Saved model"),
            "&View": tr("&View"),
            "&Help": tr("&Help"),
        }
        for made, title in self._menus:
            made.setTitle(titles[title])
        self._theme_menu.setTitle(tr("Theme"))
        # In both languages, for whoever cannot read the one that is on.
        self._language_menu.setTitle("Language / 언어")
        self._preset_dock.setWindowTitle(tr("Presets"))
        self._form_dock.setWindowTitle(tr("Hyperparameters"))
        self._models_dock.setWindowTitle(tr("Saved models"))
        self._queue_dock.setWindowTitle(tr("Queue"))
        self._toolbar.setWindowTitle(tr("Toolbar"))
        self.actions_.retranslate()
        self.weights.retranslate()
        self.sweeps.retranslate()
        self._say_state()
        self._update()
        self._fit_toolbar()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif theme.is_restyled(event):
            self.actions_.restyle()

    # --- wiring ------------------------------------------------------------------------

    def _wire_actions(self) -> None:
        a = self.actions_
        a.train.triggered.connect(self._train)
        a.enqueue.triggered.connect(self._enqueue)
        a.show_queue.triggered.connect(self._show_queue)
        a.pause.triggered.connect(self.run_on_show.pause)
        a.stop.triggered.connect(self.run_on_show.stop)
        a.cancel.triggered.connect(self.run_on_show.cancel)
        a.open_weights.triggered.connect(lambda: self.weights.ask(self))
        a.import_runs.triggered.connect(self.sharing.ask)
        a.open_library.triggered.connect(lambda: self._show_folder(self.session.library.path))
        a.quit.triggered.connect(self.close)
        a.back_to_run.triggered.connect(lambda: self.run_view.show_live())
        a.repeat.triggered.connect(self._repeat)
        a.vary.triggered.connect(lambda: self._vary())
        a.sweeps.triggered.connect(lambda: self.sweeps.show())
        self.sweeps.button.clicked.connect(a.vary.trigger)
        a.try_image.triggered.connect(lambda: self.trial.begin())
        a.browse_data.triggered.connect(self._browse_data)
        a.story.triggered.connect(self.result_windows.tell_story)
        a.reset_layout.triggered.connect(self._layout.reset)
        a.first_steps.triggered.connect(self.help.first_steps.begin)
        a.shortcuts.triggered.connect(lambda: self.help.show_tab(SHORTCUTS))
        a.glossary.triggered.connect(lambda: self.help.show_tab(GLOSSARY))
        a.explain.triggered.connect(self.help.what_is_this.explain_focus)
        a.point.triggered.connect(self.help.what_is_this.point)
        a.about.triggered.connect(
            lambda: dialogs.show_about(self, self.device_box.device_name(), self._torch_version)
        )
        for name, action in a.theme.items():
            action.triggered.connect(lambda _=False, name=name: self._choose_theme(name))
        for name, action in a.language.items():
            action.triggered.connect(lambda _=False, name=name: self._choose_language(name))

    def _wire_widgets(self) -> None:
        # The docks have titles of their own.
        for heading in (self.presets.heading, self.form.heading, self.saved.heading):
            heading.hide()
        self.presets.selected.connect(self._preset_selected)
        self.presets.reloaded.connect(lambda: self.saved.show_presets(self.presets.by_id()))
        self.saved.show_presets(self.presets.by_id())
        self.presets.problem.connect(self._show_problem_text)
        self.presets.show_in_folder.connect(self._show_folder)
        self.form.changed.connect(self._update)
        self.form.changed.connect(
            lambda: self.result_windows.experiment_changed(self.form.experiment())
        )
        self.form.preset_saved.connect(self._preset_saved)
        self.form.examples_wanted.connect(self._show_examples)
        self.run_view.problem.connect(self._show_problem_text)
        self.run_view.shown_changed.connect(self._update)
        self.run_view.report.known_runs = self.session.library.known
        saved = self.saved
        saved.open_requested.connect(self._open_run)
        saved.resume_requested.connect(self.runs.resume)
        saved.give_up_requested.connect(self.session.give_up_resuming)
        saved.load_requested.connect(self.weights.load)
        saved.test_requested.connect(self.weights.load_and_test)
        saved.hyperparameters_requested.connect(self._use_hyperparameters)
        saved.show_in_folder_requested.connect(self._show_folder)
        saved.problem.connect(self._show_problem_text)
        saved.table.runs_changed.connect(self._follow_elsewhere)
        # In a turn of the event loop of its own: it looks through all runs.
        saved.table.runs_changed.connect(lambda: QTimer.singleShot(0, self, self._show_estimate))
        saved.table.runs_changed.connect(self._runs_changed)
        self.interrupted.resume_requested.connect(self.runs.resume)
        self.interrupted.others_requested.connect(
            lambda: self._show_runs_that("status:interrupted")
        )
        self.trial.problem.connect(self._show_problem_text)
        saved.view.selectionModel().selectionChanged.connect(self.results.update_state)
        images = self.run_view.images
        images.other_runs = saved.selected
        images.images_wanted.connect(lambda record: self.images.want(record.data))
        self.images.loaded.connect(images.set_images)
        self.images.missing.connect(images.set_images_problem)
        self.images.progress.connect(images.show_progress)
        saved.view.selectionModel().selectionChanged.connect(images.others_changed)
        self.results.compare_requested.connect(self.result_windows.compare)
        self.results.report_requested.connect(self.result_windows.write_report)
        self.results.export_requested.connect(self._export)
        self.sharing.problem.connect(self._show_problem_text)
        self.sharing.said.connect(self.status.show_now)
        self.sharing.imported.connect(self.saved.refresh)
        self.result_windows.problem.connect(self._show_problem_text)
        self.result_windows.images_wanted.connect(self._show_images)
        self.sweeps.problem.connect(self._show_problem_text)
        self.sweeps.said.connect(self.status.show_now)
        self.sweeps.open_requested.connect(self._open_run_of_sweep)
        self.sweeps.hyperparameters_requested.connect(self._use_point)
        self.sweeps.queue_wanted.connect(self.queue.start)
        self.queue.problem.connect(self._show_problem_text)
        self.queue.said.connect(self.status.show_now)
        self.queue.added.connect(self._show_queue)
        self.queue.live_requested.connect(self._show_live)
        self.queue.record_requested.connect(self._open_run)
        self.queue.panel.edit_requested.connect(self._edit_entry)
        self.queue.work.at_work_changed.connect(self._queue_at_work)
        self.run_on_show.changed.connect(self._update)
        self.run_on_show.problem.connect(self._show_problem_text)
        self.run_on_show.said.connect(self.status.show_now)
        saved.table.runs_changed.connect(self.queue.panel.show_runs)
        self.sweeps.report_requested.connect(self.result_windows.write_report)
        self.help.first_steps.setup_wanted.connect(self._set_up)
        self.repeats.train_wanted.connect(self._train_repeat)
        self.repeats.said.connect(self.status.show_now)
        self.repeats.problem.connect(self._show_problem_text)
        self.result_windows.runs_wanted.connect(self._show_runs_of)
        self.result_windows.said.connect(self.status.show_now)
        self.weights.opened.connect(self._weights_opened)
        self.weights.tested.connect(self.run_view.show_weights_test)
        self.runs.begun.connect(self._end_note.begin)
        self.runs.pausing.connect(self._pausing)
        self.runs.said.connect(self.status.show_now)
        self.runs.problem.connect(self._show_problem)
        self.data_button.changed.connect(self._update)
        self.data_button.changed.connect(self._fit_toolbar)
        self.data_button.changed.connect(lambda: self.saved.show_data(self.data_button.choice))
        self.saved.show_data(self.data_button.choice)
        self.data_button.offer(self.actions_.browse_data)
        self.data_button.download_requested.connect(self.session.download)
        self.data_button.prepare_requested.connect(self._prepare)
        self.data_button.problem.connect(self._show_problem)
        self.device_box.currentIndexChanged.connect(self._update)
        self.threads_box.chosen.connect(self._threads_chosen)
        self.timings.changed.connect(self._show_estimate)

    def _wire_session(self) -> None:
        s, view = self.session, self.run_view
        s.state_changed.connect(self._state_changed)
        s.run_event.connect(self.live_runs.hear)
        s.progress.connect(self._progress)
        self.live_runs.listen(self._heard)
        view.header.threads_wanted.connect(self._use_threads)
        s.data_prepared.connect(self._data_prepared)
        s.downloaded.connect(self.data_button.take_download)
        s.resuming_given_up.connect(self.saved.given_up)
        s.problem.connect(self._show_problem)
        s.devices_found.connect(self._devices_found)

    # --- presets and runs --------------------------------------------------------------

    def _choose_first_preset(self) -> None:
        # On the sample a preset that learns there; on real data where the report begins.
        first = "007" if self.data_button.is_sample else "001"
        self.presets.select(self._settings.text("preset", first))
        if self.presets.current() is None:
            self.presets.select(first)

    def _preset_selected(self, preset: object) -> None:
        self.preset_page.show_preset(self.presets.current())
        self.form.setEnabled(isinstance(preset, Preset))
        if isinstance(preset, Preset):
            self._settings.set_text("preset", preset.id)
            self.form.set_preset(preset)
        self._update()

    def _set_up(self, preset_id: str, epochs: int) -> None:
        """The preset for the first run, with so many epochs."""
        self.presets.select(preset_id)
        preset = self.presets.current()
        if isinstance(preset, Preset):
            self.form.set_experiment(with_changes(preset.experiment, {"epochs": epochs}))

    def offer_first_steps(self) -> None:
        """Show the guided first run to who has neither trained nor skipped it."""
        if self.help.first_steps.is_new and not any(self.session.library.path.glob("*/run.json")):
            self.help.first_steps.begin()

    def _preset_saved(self, preset_id: str) -> None:
        self.presets.reload()
        self.presets.select(preset_id)

    def _train(self) -> None:
        """Train what the form says; with Shift held down add it to the queue."""
        if QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._enqueue()
        else:
            self.runs.train(self.form.experiment())

    def _enqueue(self) -> None:
        self.queue.add(self.form.experiment(), self.runs.plan())

    def _show_queue(self) -> None:
        self._queue_dock.show()
        self._queue_dock.raise_()

    def _edit_entry(self, entry: Entry) -> None:
        data, devices = self.data_button, self.device_box.choices()
        self.queue.edit(entry, data.choice, data.name(), devices)

    def _show_live(self, key: str) -> None:
        self.run_view.begin(key)

    def _queue_at_work(self) -> None:
        if self.session.state is Activity.IDLE:
            self._say_state()
        self._update()

    def _use_threads(self, threads: int) -> None:
        if self.run_on_show.other is None:
            self.session.use_threads(threads)

    def _repeat(self) -> None:
        experiment = self.form.experiment()
        if not self.session.busy and experiment is not None:
            # What is chosen meanwhile is for later runs.
            self._repeated = self.runs.plan()
            self.repeats.ask(self, experiment, self.data_button.is_sample)

    def _vary(self) -> None:
        """Ask what a sweep varies."""
        experiment, plan = self.form.experiment(), self.runs.plan()
        if experiment is None or plan is None:
            return
        timing = self.timings.of(experiment, plan.device)
        begin = Start(
            experiment,
            plan.preset.id,
            plan.preset.title,
            plan.data,
            plan.device,
            self.session.library.path,
            self.session.library.known(),
            self.data_button.images(),
            {speed_of(experiment.values()): timing} if timing else {},
        )
        self.sweeps.vary(begin, gpu=bool(self.device_box.is_gpu))

    def _open_run_of_sweep(self, record: RunRecord) -> None:
        self._open_run(record)
        self._come_to_front()

    def _use_point(self, preset: str | None, experiment: Experiment) -> None:
        if preset:
            self.presets.select(preset)
        self.form.set_experiment(experiment)
        self._come_to_front()

    def _show_examples(self) -> None:
        experiment, choice = self.form.experiment(), self.data_button.choice
        if experiment is not None:
            self.result_windows.show_examples(experiment, choice)

    def _train_repeat(self, experiment: Experiment) -> None:
        self.runs.train(experiment, self._repeated)

    def _pausing(self, wanted: bool) -> None:
        self._say(tr("Pausing") if wanted else self._status_text())

    def _heard(self, run: LiveRun, event: Event | None) -> None:
        """Follow the runs under way; the status line speaks of the one that the session trains."""
        if isinstance(event, RunStarted | EpochDone | RunEnded):
            self.saved.refresh()
        if run.key != self.session.run_key:
            return
        if isinstance(event, RunStarted):
            self.help.first_steps.run_began()
            self._run_started(event)
        elif isinstance(event, RunEnded):
            self.help.first_steps.run_ended()
            self._run_ended(event)
        elif isinstance(event, Notice):
            self.status.show_now(say(event.message))
        elif isinstance(event, ThreadsChanged):
            self._say_state()
        elif isinstance(event, DataProgress):
            self._progress(event)

    def _run_started(self, event: RunStarted) -> None:
        choice = self.data_button.choice
        # A run that is resumed goes on on its own data, which need not be those that are chosen.
        if event.data.kind in PLACED and choice.path and event.data.path == to_text(choice.path):
            self.data_button.set_info(choice, event.data)
        self.saved.set_current_run(event.run)
        self._update()
        self._say_state()
        if event.device_note is not None:
            self.status.show_now(say(event.device_note))
        elif event.data.skipped:
            self.status.show_now(
                tr("{count:file|files} could not be read and were skipped.").format(
                    count=Count(event.data.skipped)
                )
            )
        elif event.data.left_out:
            count = sum(one.count for one in event.data.left_out)
            self.status.show_now(
                tr(
                    "{count:file of the folder was|files of the folder were} left out; Details "
                    "says which."
                ).format(count=Count(count))
            )

    def _run_ended(self, event: RunEnded) -> None:
        self.repeats.run_ended(event)
        self.saved.set_current_run(None)
        self._end_note.tell(event)
        if event.status == "failed" and event.reason is not None and not self._quit_after:
            self._show_problem(event.reason)

    # --- saved runs and weights --------------------------------------------------------

    def _open_run(self, record: RunRecord) -> None:
        try:
            self.run_view.show_record(record)
        except WorkbenchError as error:
            self._show_problem(error.message)

    def _follow_elsewhere(self, names: set[str]) -> None:
        """Show what is open again where it is among the runs that changed: another process trained
        it on, or it was renamed."""
        shown = self.run_view.run
        if shown is None or shown.live or not self.run_view.live.follows:
            return
        if Path(shown.folder).name not in names:
            return
        for record in self.session.library.known():
            if str(record.folder) == shown.folder and self.run_view.is_outdated(record):
                self._open_run(record)

    def _runs_changed(self) -> None:
        library = self.session.library
        if not library.unread:  # all have been read
            self.interrupted.show_runs(library.known())
        self._update_trial()

    def _update_trial(self) -> None:
        a, possible = self.actions_, self.trial.possible
        a.try_image.setEnabled(not self.session.busy and possible)
        a.try_image.setToolTip(
            _tip(tr("Classify an image of your own with the weights in use"), a.try_image)
            if possible
            else tr("Train a run or load weights first.")
        )

    def _use_hyperparameters(self, record: RunRecord) -> None:
        try:
            experiment = experiment_from(record.experiment)
        except WorkbenchError as error:
            self._show_problem(error.message)
            return
        if record.preset:
            self.presets.select(record.preset)
        self.form.set_experiment(experiment)

    def _weights_opened(self, path: Path) -> None:
        self.result_windows.weights_changed(path, self.weights.title, self.device_box.device())
        self._update()
        self.status.show_now(tr("{file} is in use.").format(file=path.name))

    # --- data and devices --------------------------------------------------------------

    def _prepare(self, choice: DataChoice) -> None:
        if not self.session.busy:
            self._preparing = choice
            self.session.prepare_data(choice)

    def _browse_data(self) -> None:
        button = self.data_button
        self.result_windows.browse_data(button.choice, button.name(), self.form.experiment())

    def _show_runs_of(self, preset_id: str) -> None:
        self.presets.select(preset_id)
        self._show_runs_that(f"preset={preset_id}")
        self._come_to_front()

    def _show_runs_that(self, search: str) -> None:
        self._models_dock.show()
        self.saved.search.setText(search)

    def _show_images(self, record: RunRecord, indices: Any, words: str, first: int) -> None:
        self._open_run(record)
        self.run_view.tabs.setCurrentWidget(self.run_view.images)
        self.run_view.images.show_images(indices, words, first)
        self._come_to_front()

    def _come_to_front(self) -> None:
        self.raise_()
        self.activateWindow()

    def _data_prepared(self, info: DataInfo) -> None:
        self.data_button.set_info(self._preparing, info)

    def _progress(self, event: object) -> None:
        """Say how far data are loaded."""
        if not isinstance(event, DataProgress):
            return
        if event.unit == "bytes":
            text = tr("Downloading CIFAR-10: {done} of {total} MB").format(
                done=f"{event.done / 1e6:.0f}", total=f"{event.total / 1e6:.0f}"
            )
        else:
            text = tr("Reading images: {done} of {total}").format(
                done=f"{event.done:,}", total=f"{event.total:,}"
            )
        self._say(text)

    def _threads_chosen(self, threads: int | None) -> None:
        self.session.threads = threads
        self._update()

    def _devices_found(self, devices: list[tuple[str, str]]) -> None:
        import importlib.metadata

        self._torch_version = importlib.metadata.version("torch")
        self.device_box.set_devices(devices)
        self._update()

    # --- what is on and off, and what the status says ----------------------------------

    def _state_changed(self, state: str) -> None:
        if state == Activity.STOPPING:
            self.live_runs.stopping(self.session.run_key)
        self._update()
        # What was said meanwhile, as that a file cannot be read, stays.
        if state != "idle" or self.status.now() == self._state_text:
            self._say_state()
        if state == "idle":
            if self._quit_after:
                self.close()
            elif self.weights.test_if_asked() or self.trial.go_on():
                pass
            elif self.repeats.waiting:
                self.repeats.go_on()

    def _say_state(self) -> None:
        self._say(self._status_text())

    def _say(self, text: str) -> None:
        """Something that passes with the state."""
        self._state_text = text
        self.status.show_now(text)

    def _status_text(self) -> str:
        repeat = self.repeats.words() if self.session.running else ""
        text = {
            "idle": tr("The queue is at work") if self.queue.work.at_work else tr("Ready"),
            "loading": tr("Loading data"),
            "training": self._training_text(),
            "paused": tr("Paused"),
            "stopping": tr("Stopping"),
            "testing": tr("Testing on {data}").format(data=self.data_button.name()),
            "preparing": tr("Reading images"),
            "downloading": tr("Downloading CIFAR-10"),
            "opening": tr("Opening weights"),
        }[self.session.state]
        return f"{repeat} · {text}" if repeat else text

    def _training_text(self) -> str:
        run = self.live_runs.get(self.session.run_key)
        if run is None or run.state.data is None:  # its first event is on the way
            return tr("Training")
        text = tr("Training on {data}").format(data=data_name(asdict(run.state.data), tr))
        if run.state.device != "cpu":
            return text
        return text + " · " + tr("CPU threads: {count}").format(count=run.state.threads)

    def _update(self) -> None:
        """Turn everything on or off, with the reason in the tooltip where something is off."""
        a, activity = self.actions_, self.session.state
        off = dict(
            why_off(activity, discardable=self.runs.can_discard, gpu=bool(self.device_box.is_gpu))
        )

        def reason(name: str) -> str:
            return say(off[name]) if name in off else ""

        other = self.run_on_show.activity
        if other is not None:  # Pause, Stop and Cancel act on the run on show, whoever trains it
            asked = why_off(other, discardable=self.run_on_show.can_discard)
            if other is Activity.LOADING:
                asked = {**asked, "stop": RUN_LOADS, "cancel": RUN_LOADS}
            keep = {"cancel"} if activity.busy and not activity.running else set()
            for name in {"pause", "stop", "cancel"} - keep:
                off.pop(name, None)
                if name in asked:
                    off[name] = asked[name]

        untrained = self._why_no_training(reason("train"))
        a.train.setEnabled(not untrained)
        a.train.setToolTip(
            tooltip(untrained) or _tip(tr("Train the experiment of the form"), a.train)
        )
        unfit = self._why_no_training("")
        a.enqueue.setEnabled(not unfit)
        a.enqueue.setToolTip(
            tooltip(unfit)
            or _tip(tr("Add the experiment of the form to the queue; also Shift+Train"), a.enqueue)
        )
        a.repeat.setEnabled(not untrained)
        a.repeat.setToolTip(tooltip(untrained))
        self.sweeps.set_off(unfit)
        a.vary.setEnabled(self.sweeps.button.isEnabled())
        a.show_paused((other or activity) is Activity.PAUSED)
        for name, tip in (
            ("pause", tr("Pause the run, or resume it")),
            ("stop", tr("End the run and keep its results so far")),
            ("cancel", tr("End the run and discard it")),
        ):
            action = getattr(a, name)
            action.setEnabled(name not in off)
            action.setToolTip(reason(name) or _tip(tip, action))
        a.open_weights.setEnabled("open_weights" not in off)
        self._update_trial()
        elsewhere = bool(len(self.live_runs)) and not self.run_view.shows_live
        a.back_to_run.setEnabled(elsewhere)
        a.back_to_run.setToolTip(_tip(tr("Show the running run"), a.back_to_run))
        self._back_button.setVisible(elsewhere)
        self.data_button.set_off(reason("choose"))
        self.data_button.set_reading_off(reason("read_data"))
        self.device_box.set_off(reason("choose"))
        self.threads_box.set_off(reason("threads"))
        self.weights_card.set_enabled("use_weights" not in off, reason("use_weights"))
        self.interrupted.set_off(reason("resume"))
        for name in ("load", "test", "resume", "give_up", "delete"):
            self.saved.set_off(name, reason(name))
        self.saved.set_off("load_best", reason("load"))
        self._show_estimate()
        shown = self.run_view.record
        if shown is not None:
            device = str(shown.environment.get("device_name") or shown.device)
            self.status.show_run(device, data_name(shown.data, tr))
        else:
            self.status.show_next(self.device_box.device_name(), self.data_button.name())
        self.setWindowTitle(tr("CIFAR Workbench"))

    def _show_estimate(self) -> None:
        experiment = self.form.experiment()
        if experiment is None:
            self.estimate.show_estimate(None)
            self.timings.want_nothing()
            return
        library, device = self.session.library, self.device_box.device()
        timing = self.timings.of(experiment, device)
        expected = estimate(
            experiment,
            self.data_button.choice,
            device,
            library.known(),
            library.path,
            images=self.data_button.images(),
            timing=timing,
        )
        self.estimate.show_estimate(expected)
        self.form.show_bfloat16_gain(timing.bfloat16_gain if timing else None)
        if self.queue.work.at_work:
            self.timings.want_nothing()  # beside its workers steps would be slow, and slow them
            return
        # Also beside earlier runs: how fast they were says little of a machine that is busy now.
        self.timings.want(experiment, device)

    def _why_no_training(self, busy: str) -> str:
        if busy:
            return busy
        if not isinstance(self.presets.current(), Preset):
            return tr("Choose a preset that can be read.")
        return self.form.problem()

    def _show_problem(self, message: Message) -> None:
        self._show_problem_text(say(message))

    def _show_problem_text(self, text: str) -> None:
        self.status.show_now(text, problem=True)
        dialogs.show_problem(self, text)

    # --- looks -------------------------------------------------------------------------

    def _choose_theme(self, name: str) -> None:
        self._settings.set_text("theme", name)
        self._theme.choose(name)

    def _choose_language(self, name: str) -> None:
        self._settings.set_text("language", name)
        self._translation.use(name)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_toolbar()
        if self._shown_once:
            self._layout.follow(event.oldSize().width(), event.size().width())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._shown_once:
            self._shown_once = True
            self._layout.settle()
            self.queue.work.refresh()  # a long one takes a moment to read: before its dock opens

    def _restore_choices(self) -> None:
        themes = self.actions_.theme
        themes.get(self._settings.text("theme", "system"), themes["system"]).setChecked(True)
        self.actions_.language[self._translation.language].setChecked(True)
        self.saved.columns.restore(self._settings.record("run_columns"))

    # --- files dropped, folders shown, quit --------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and not self.session.busy:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        url = event.mimeData().urls()[0]
        if not url.isLocalFile():
            self._show_problem_text(tr("Only files and folders of this machine can be dropped."))
            return
        path = Path(url.toLocalFile())
        if path.is_dir():
            self.data_button.open_folder(path)
        elif path.suffix.lower() in IMAGE_ENDINGS:
            self.trial.begin(path)
        elif path.suffix.lower() == ".parquet":
            self.data_button.open_folder(path)
        elif path.suffix.lower() == ".zip":
            self.sharing.bring_in(path)
        else:
            self.weights.load(path)

    def _export(self, records: list[RunRecord]) -> None:
        dialog = ExportDialog(records, self.session.library.known(), self)
        dialog.set_busy(lambda: self.session.busy)
        dialog.show_in_folder_requested.connect(self._show_folder)
        dialog.open()

    def _show_folder(self, path: object) -> None:
        folder = Path(str(path))
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.status.show_now(str(folder))

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.session.running and not self._quit_after:
            event.ignore()
            question = dialogs.ask_quit(self, self.runs.can_discard, self._quit_answered)
            dialogs.close_when_ended(question, self.session.run_event)
            return
        if self.session.busy:
            # Ends at its next look at the stop flag; the window closes with it.
            self._quit_after = True
            self.session.cancel()
            event.ignore()
            return
        if not self.queue.may_close(self.close):
            event.ignore()
            return
        self._layout.keep()
        self._settings.set_record("run_columns", self.saved.columns.state())
        self._settings.save()
        self.result_windows.close()
        self.sweeps.close()
        self.help.close()
        self.hide()  # at once; what is waited for takes moments, torch's import at most
        self.timings.stop()
        self.result_windows.wait(30_000)
        self.sweeps.wait(30_000)
        self.queue.wait(30_000)
        self.run_on_show.stop_looking()
        self.sharing.stop(30_000)
        for dialog in self.findChildren(ExportDialog):
            dialog.stop(30_000)
        self.images.stop(30_000)
        self.session.wait(30_000)
        event.accept()

    def _quit_answered(self, answer: str) -> None:
        if answer == "stay":
            return
        self._quit_after = True
        if not self.session.busy:
            self.close()
        elif answer == "keep":
            self.session.stop()
        else:
            self.session.cancel()


def _tip(text: str, action: Any) -> str:
    key = _key(action)
    return f"{text} ({key})" if key else text


def _key(action: Any) -> str:
    shortcut: str = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    return shortcut
