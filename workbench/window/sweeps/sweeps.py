"""Begins sweeps and shows what they came to; the main window only wires it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from workbench.library.catalog import Library
from workbench.running.sweeping import add_sweep, start, stop
from workbench.spec.sweep_file import SweepFile
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.placement import show_free
from workbench.window.kit.translation import tr
from workbench.window.sweeps.sweep_window import SweepWindow
from workbench.window.sweeps.vary_dialog import Start, VaryDialog, default_workers
from workbench.window.work.beside import Beside


class Sweeps(QObject):
    """``parent`` is the window over which its windows open."""

    problem = Signal(str)
    said = Signal(str)
    """A sentence for the status bar."""
    open_requested = Signal(object)
    """RunRecord."""
    hyperparameters_requested = Signal(object, object)
    """The id of a preset or ``None``, and an Experiment."""
    report_requested = Signal(object)
    """Runs."""
    queue_wanted = Signal(int)
    """The queue is to be run, by so many workers."""

    def __init__(self, library: Library, parent: QWidget) -> None:
        super().__init__(parent)
        self._library = library
        self._parent = parent
        self._window: SweepWindow | None = None
        self._beside = Beside(self)
        self._beside.problem.connect(self.problem)
        self.button = QPushButton()
        self.button.setObjectName("varyButton")
        self.retranslate()

    def set_off(self, reason: str) -> None:
        """Turn the button off with a reason in its tooltip, or on with ``""``."""
        self.button.setEnabled(not reason)
        self.button.setToolTip(
            tooltip(
                reason
                or tr("Train this experiment with other values of some hyperparameters (a sweep)")
            )
        )

    def retranslate(self) -> None:
        self.button.setText(tr("Vary…"))

    def vary(self, begin: Start, seeds: int = 1, gpu: bool = False) -> VaryDialog:
        """Ask what varies, and start the sweep; with ``seeds`` above 1 and nothing varied it
        repeats the experiment."""
        dialog = VaryDialog(begin, seeds, gpu, self._parent)
        dialog.started.connect(self._start)
        dialog.open()
        return dialog

    def show(self, id: str = "") -> SweepWindow:
        """Show the sweeps, with ``id`` that one."""
        if self._window is None:
            window = SweepWindow(self._library.path, self._library.known, self._parent)
            window.problem.connect(self.problem)
            window.open_requested.connect(self.open_requested)
            window.hyperparameters_requested.connect(self.hyperparameters_requested)
            window.report_requested.connect(self.report_requested)
            window.resume_requested.connect(self._resume)
            window.stop_requested.connect(self._stop)
            window.destroyed.connect(self._closed)
            self._window = window
            show_free(window, self._parent)
        if id:
            self._window.show_sweep(id)
        self._window.activateWindow()
        return self._window

    def _closed(self) -> None:
        self._window = None

    def _start(self, file: SweepFile, workers: int) -> None:
        def then(id: str) -> None:
            self.queue_wanted.emit(workers)
            self.show(id)

        self._beside.run(lambda: add_sweep(Library(self._library.path), file).id, then)

    def _resume(self, id: str) -> None:
        self._beside.run(
            lambda: start(Library(self._library.path), id),
            lambda _: self.queue_wanted.emit(default_workers("auto")),
        )

    def _stop(self, id: str) -> None:
        self._beside.run(lambda: stop(Library(self._library.path), id))

    def close(self) -> None:
        """Close the window over the sweeps."""
        if self._window is not None:
            self._window.close()

    def wait(self, milliseconds: int) -> None:
        """Wait for what is being written."""
        self._beside.wait(milliseconds)
