"""Runs with other seeds, one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from workbench.engine.events import Evaluation, RunEnded
from workbench.spec.experiment import experiment_from
from workbench.window.setup.repeats import Repeats


@pytest.fixture
def repeats(qtbot: QtBot) -> Repeats:
    return Repeats()


def ended(status: Any = "finished", run: str = "/a/run", accuracy: float | None = None) -> RunEnded:
    test = None
    if accuracy is not None:
        correct = round(100 * accuracy)
        test = Evaluation("eval", correct, 10_000, accuracy, 1.0, (), (), ())
    return RunEnded(status, 1, 1.0, run=run, test=test)


def test_seeds_follow_one_after_the_other(repeats: Repeats) -> None:
    wanted: list[int] = []
    said: list[str] = []
    repeats.train_wanted.connect(lambda experiment: wanted.append(experiment.seed))
    repeats.said.connect(said.append)
    repeats.start(experiment_from({"seed": 7, "learning_rate": 0.5}), 3)
    assert wanted == [7]
    for status in ("finished", "failed", "finished"):
        repeats.run_ended(ended(status))
        repeats.go_on()
    assert wanted == [7, 8, 9]
    assert said[1] == "Repeat 2 of 3, seed 8"
    assert repeats.waiting == 0


def test_which_repeat_trains_and_what_they_came_to(repeats: Repeats) -> None:
    said: list[str] = []
    repeats.said.connect(said.append)
    repeats.start(experiment_from({"seed": 7}), 3)
    assert repeats.words() == "Repeat 1 of 3, seed 7"
    for accuracy in (60.0, 61.0):
        repeats.run_ended(ended(accuracy=accuracy))
        repeats.go_on()
    assert repeats.words() == "Repeat 3 of 3, seed 9"
    repeats.run_ended(ended(accuracy=62.0))
    assert "3 repeats: mean 61.00%, standard deviation 1.00 points." in said[-1]
    assert "Compare" in said[-1]
    assert repeats.words() == ""
    # A run of its own afterwards is none of them.
    said.clear()
    repeats.run_ended(ended(accuracy=10.0))
    assert said == []
    # Two are no spread.
    repeats.start(experiment_from({}), 2, sample=True)
    repeats.run_ended(ended(accuracy=60.0))
    repeats.go_on()
    repeats.run_ended(ended(accuracy=61.0))
    assert said[-1].startswith("Repeats: 60.00%, 61.00%. (sample) ")


@pytest.mark.parametrize("event", [ended("stopped"), ended("cancelled", ""), ended("failed", "")])
def test_a_stop_or_a_run_that_could_not_begin_ends_them_all(
    repeats: Repeats, event: RunEnded
) -> None:
    repeats.start(experiment_from({}), 5)
    assert repeats.waiting == 4
    repeats.run_ended(event)
    assert repeats.waiting == 0


def test_asked_for_and_beyond_the_last_seed(repeats: Repeats, qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = repeats.ask(parent, experiment_from({"seed": 2**31 - 2}))
    assert dialog.intValue() == 5
    with qtbot.waitSignal(repeats.problem) as heard:
        dialog.intValueSelected.emit(3)
    assert "seed" in heard.args[0]
    assert repeats.waiting == 0
    with qtbot.waitSignal(repeats.train_wanted):
        dialog.intValueSelected.emit(2)
    dialog.close()
