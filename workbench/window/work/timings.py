"""Timed steps for the estimate: asked for once the form has been left alone, and remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from workbench.analysis.estimate import speed_of
from workbench.spec.experiment import Experiment
from workbench.window.work.session import Session

if TYPE_CHECKING:
    from workbench.engine.step_times import Timing

QUIET = 500
"""Milliseconds without a change of what is wanted before steps are timed."""

Key = tuple[object, ...]


class Timings(QObject):
    """What ``session`` timed, each experiment's speed once for each device and number of threads.

    ``changed`` says that there is one more.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._known: dict[Key, Timing] = {}
        self._wanted: tuple[Experiment, str] | None = None
        self._asked: Key | None = None
        self._off = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(QUIET)
        self._timer.timeout.connect(self._ask)
        session.steps_timed.connect(self._timed)

    def of(self, experiment: Experiment, device: str) -> Timing | None:
        return self._known.get(self._key(experiment, device))

    def want(self, experiment: Experiment, device: str) -> None:
        """Has it timed in a moment, where it was not and the session is idle then."""
        key = self._key(experiment, device)
        if self._off or self._session.busy or key in self._known:
            self.want_nothing()
            return
        # Being told the same again does not put it off.
        if self._wanted is None or self._key(*self._wanted) != key:
            self._timer.start()
        self._wanted = (experiment, device)

    def want_nothing(self) -> None:
        self._wanted = None
        self._timer.stop()

    def stop(self) -> None:
        """Wants nothing ever again: the window closes."""
        self._off = True
        self.want_nothing()

    def _ask(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            key = self._key(*wanted)
            if self._session.time_steps(*wanted):
                self._asked = key

    def _timed(self, experiment: Experiment, device: str, timing: Timing | None) -> None:
        # The number of threads may be another one by now.
        if timing is not None and self._asked is not None:
            self._known[self._asked] = timing
            self.changed.emit()

    def _key(self, experiment: Experiment, device: str) -> Key:
        values = experiment.values()
        return (*speed_of(values), values.get("test_mode"), device, self._session.threads)
