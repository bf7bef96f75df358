"""Runs with other seeds, one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from workbench.engine.events import RunEnded
from workbench.spec.experiment import experiment_from
from workbench.window.repeats import Repeats


@pytest.fixture
def repeats(qtbot: QtBot) -> Repeats:
    return Repeats()


def ended(status: Any = "finished", run: str = "/a/run") -> RunEnded:
    return RunEnded(status, 1, 1.0, run=run)


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
    assert dialog.intValue() == 3
    with qtbot.waitSignal(repeats.problem) as heard:
        dialog.intValueSelected.emit(3)
    assert "seed" in heard.args[0]
    assert repeats.waiting == 0
    with qtbot.waitSignal(repeats.train_wanted):
        dialog.intValueSelected.emit(2)
    dialog.close()
