"""``cifar-workbench train PRESET --repeat N``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.commands.conftest import Call
from workbench.analysis.repeats import group_of
from workbench.data.datasets import DataSet
from workbench.engine.events import Event, StepsDone
from workbench.library.catalog import Library
from workbench.running import runner


@pytest.fixture(autouse=True)
def _small_data(small: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)


TRAIN = ("train", "001", "--set", "epochs=1", "--dataset", "sample", "--device", "cpu")


def test_repeats_train_with_the_seeds_that_follow(call: Call, library: Library) -> None:
    code, out, err = call(*TRAIN, "--set", "seed=5", "--repeat", "3", "--json")
    assert code == 0
    results = json.loads(out)
    assert [result["experiment"]["seed"] for result in results] == [5, 6, 7]
    assert "Run 2 of 3, seed 6" in err
    assert len({result["run"] for result in results}) == 3
    records = library.runs()
    assert len(records) == 3
    group = group_of(records[0], records)
    assert [record.experiment["seed"] for record in group] == [5, 6, 7]


def test_one_repeat_is_a_list_and_none_is_a_run(call: Call) -> None:
    assert len(json.loads(call(*TRAIN, "--repeat", "1", "--json")[1])) == 1
    assert json.loads(call(*TRAIN, "--json")[1])["status"] == "finished"


@pytest.mark.slow
def test_ctrl_c_stops_the_queue(
    call: Call, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runner.run_experiment
    calls = []

    def interrupted(*arguments: Any, **more: Any) -> Any:
        experiment, place, listener, control = arguments
        calls.append(experiment.seed)

        def listen(event: Event) -> None:
            listener(event)
            if isinstance(event, StepsDone) and len(calls) == 2:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGINT)

        return real(experiment, place, listen, control, **more)

    monkeypatch.setattr(runner, "run_experiment", interrupted)
    code, out, _ = call(*TRAIN, "--repeat", "4", "--json")
    assert code == 130
    assert calls == [0, 1]
    assert [result["status"] for result in json.loads(out)] == ["finished", "stopped"]
    assert sorted(record.status for record in library.runs()) == ["finished", "stopped"]


@pytest.mark.parametrize("wrong", ["0", "-1", "three", "1001"])
def test_a_number_that_is_none(call: Call, wrong: str) -> None:
    code, out, err = call(*TRAIN, "--repeat", wrong)
    assert (code, out) == (2, "")
    assert "--repeat" in err


def test_seeds_beyond_the_limit_are_said_before_anything_trains(
    call: Call, library: Library
) -> None:
    code, _, err = call(*TRAIN, "--set", f"seed={2**31 - 2}", "--repeat", "3")
    assert code == 2
    assert "seed" in err
    assert library.runs() == []
