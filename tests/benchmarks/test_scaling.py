"""The arithmetic of scaling.py, and that the run it plays is as long as it says."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from scaling import EPOCH, growth, played

from workbench.data.data_choice import choose_data
from workbench.engine.control import RunControl
from workbench.engine.events import EpochDone, Event, StepsDone
from workbench.library.catalog import Library
from workbench.running.runner import run_experiment
from workbench.spec.experiment import experiment_from


@pytest.mark.parametrize(("power", "factor"), [(1.0, 3.0), (0.5, 2.0), (2.0, 0.1)])
def test_growth_is_the_exponent_whatever_the_factor(power: float, factor: float) -> None:
    values = [16, 64, 256]
    assert growth(values, [factor * value**power for value in values]) == pytest.approx(power)


def test_a_played_run_reports_every_step_of_every_epoch() -> None:
    events: list[Event] = []
    experiment, data = experiment_from({"epochs": 2}), choose_data("sample")
    with patch("workbench.running.executors.in_process.train", played):
        ended = run_experiment(experiment, Library(), events.append, RunControl(), data=data)
    for epoch in (1, 2):
        steps = [e for e in events if isinstance(e, StepsDone) and e.epoch == epoch]
        assert sum(len(e.losses) for e in steps) == steps[-1].step == EPOCH
    assert [e.epoch for e in events if isinstance(e, EpochDone)] == [1, 2]
    assert (ended.status, ended.epochs_done) == ("finished", 2)
