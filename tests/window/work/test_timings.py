"""Which experiment a timing is remembered for."""

from __future__ import annotations

from typing import Any, cast

from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from workbench.engine.step_times import Timing
from workbench.spec.experiment import Experiment, experiment_from
from workbench.window.work.session import Session
from workbench.window.work.timings import Timings


class OneAtATime(QObject):
    """A session whose timings end when the test says so; it refuses a second one until then."""

    steps_timed = Signal(object, str, object)
    busy = False
    threads = None

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Experiment] = []
        self.timing: tuple[Experiment, str] | None = None

    def time_steps(self, experiment: Experiment, device: str) -> bool:
        self.asked.append(experiment)
        if self.timing is not None:
            return False
        self.timing = (experiment, device)
        return True

    def end(self, timing: Timing | None) -> None:
        assert self.timing is not None
        (experiment, device), self.timing = self.timing, None
        self.steps_timed.emit(experiment, device, timing)


def test_a_refused_timing_does_not_take_the_place_of_the_one_that_runs(qtbot: QtBot) -> None:
    session: Any = OneAtATime()
    timings = Timings(cast(Session, session))
    small, large = experiment_from({"batch_size": 10}), experiment_from({"batch_size": 1_000})
    for experiment in (small, large):
        timings.want(experiment, "cpu")
        qtbot.waitUntil(lambda experiment=experiment: session.asked[-1:] == [experiment])
    session.end(Timing(0.25, 0.001))
    timing = timings.of(small, "cpu")
    assert timing is not None
    assert timing.seconds_per_step == 0.25
    assert timings.of(large, "cpu") is None
