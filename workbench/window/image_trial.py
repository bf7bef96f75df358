"""Try an image: which weights are asked. Those in use, else those of a run that has some."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from workbench.library.run_folder import RunRecord
from workbench.window.kit.translation import tr
from workbench.window.result_windows import ResultWindows
from workbench.window.run.run_view import RunView
from workbench.window.setup.device_box import DeviceBox
from workbench.window.weights.weights_in_use import WeightsInUse
from workbench.window.work.session import Session


class ImageTrial(QObject):
    """Opens the window for images of one's own. Where no weights are in use it takes those of the
    run on show, or of the newest run that has some, and opens it once they are loaded."""

    problem = Signal(str)

    def __init__(
        self,
        session: Session,
        weights: WeightsInUse,
        view: RunView,
        windows: ResultWindows,
        device: DeviceBox,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._weights = weights
        self._view = view
        self._windows = windows
        self._device = device
        self._waiting = False
        self._image: Path | None = None

    @property
    def possible(self) -> bool:
        """Return whether there are weights to ask."""
        if self._weights.path is not None:
            return True
        shown = self._view.record
        if shown is not None and shown.weights:
            return True
        return any(run.weights for run in self._session.library.known())

    def begin(self, image: Path | None = None) -> None:
        """Open the window, and show ``image`` to the network where one is given."""
        if self._weights.path is not None:
            self._open(image)
        elif (run := self._run()) is None:
            self.problem.emit(tr("Train a run or load weights first."))
        elif not self._session.busy:
            self._waiting, self._image = True, image
            self._weights.load(run.folder / (run.weights or ""))

    def go_on(self) -> bool:
        """Open the window that waited for the weights, now that the session is idle; whether
        there was one."""
        waited, self._waiting = self._waiting, False
        if waited and self._weights.path is not None:
            self._open(self._image)
        return waited

    def _open(self, image: Path | None) -> None:
        assert self._weights.path is not None
        self._windows.try_image(
            self._session, self._weights.path, self._weights.title, self._device.device(), image
        )

    def _run(self) -> RunRecord | None:
        shown = self._view.record
        if shown is not None and shown.weights:
            return shown
        runs = (run for run in self._session.library.known() if run.weights)
        return max(runs, key=lambda run: (run.created, run.id), default=None)
