"""Requests to a run from elsewhere, obeyed by whoever trains it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.events import Event, Paused, Resumed, RunEnded, RunStarted, StepsDone
from workbench.library.catalog import Library
from workbench.library.run_folder import read_record
from workbench.messages import WorkbenchError
from workbench.running import requests, runner
from workbench.running.requests import is_paused, request, take_request
from workbench.spec.experiment import experiment_from


@pytest.fixture
def library(tmp_path: Path, small: DataSet, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    monkeypatch.setattr(requests, "LOOK_S", 0.02)
    return Library(tmp_path / "my runs 실험 🙂")


def train(library: Library, act: Callable[[Event, Path], None]) -> tuple[RunEnded, list[Event]]:
    heard: list[Event] = []
    folder: list[Path] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if isinstance(event, RunStarted):
            folder.append(Path(event.run))
        if folder:
            act(event, folder[0])

    ended = runner.run_experiment(
        experiment_from({"epochs": 500}),
        library,
        listen,
        RunControl(),
        data=choose_data("sample"),
        device="cpu",
    )
    return ended, heard


def at_step_3(what: requests.Request) -> Callable[[Event, Path], None]:
    def act(event: Event, folder: Path) -> None:
        if isinstance(event, StepsDone) and (event.epoch, event.step) == (1, 3):
            assert request(folder, what, wait=5.0)

    return act


def test_stop_keeps_what_was_reached_and_cancel_discards_it(library: Library) -> None:
    stopped, _ = train(library, at_step_3("stop"))
    assert stopped.status == "stopped"
    record = read_record(Path(stopped.run))
    assert record.status == "stopped"
    assert record.weights
    assert not (record.folder / "request.json").exists()
    cancelled, _ = train(library, at_step_3("cancel"))
    assert (cancelled.status, cancelled.run) == ("cancelled", "")
    assert [run.id for run in library.runs()] == [record.id]


def test_a_paused_run_says_so_and_goes_on(library: Library) -> None:
    paused: list[bool] = []

    def elsewhere(folder: Path) -> None:
        until = time.monotonic() + 10
        while not is_paused(folder) and time.monotonic() < until:
            time.sleep(0.01)
        paused.append(is_paused(folder))
        request(folder, "continue", wait=5.0)

    def act(event: Event, folder: Path) -> None:
        at_step_3("pause")(event, folder)
        if isinstance(event, StepsDone) and (event.epoch, event.step) == (1, 3):
            threading.Thread(target=elsewhere, args=(folder,)).start()
        if isinstance(event, Resumed):
            request(folder, "stop", wait=5.0)

    ended, heard = train(library, act)
    assert ended.status == "stopped"
    assert paused == [True]
    kinds = [type(event) for event in heard if isinstance(event, Paused | Resumed)]
    assert kinds == [Paused, Resumed]
    assert not is_paused(Path(ended.run))


def test_a_run_that_nobody_trains_is_asked_for_nothing(library: Library, tmp_path: Path) -> None:
    ended, _ = train(library, at_step_3("stop"))
    folder = Path(ended.run)
    with pytest.raises(WorkbenchError, match="is not being trained"):
        request(folder, "pause")
    with pytest.raises(WorkbenchError, match="gone"):
        request(tmp_path / "absent", "stop")
    # A request that was meant for a process that is gone holds for no other.
    (folder / "request.json").write_text('{"format": 1, "request": "stop"}')
    steps: list[int] = []

    def act(event: Event) -> None:
        if isinstance(event, StepsDone):
            steps.append(event.step)
            if len(steps) == 8:
                control.stop()

    control = RunControl()
    runner.resume_run(folder, library, act, control)
    assert len(steps) >= 8


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"format": 2, "request": "stop"}', '{"format": 1, "request": "rm"}', "x" * 20_000],
)
def test_what_is_no_request_is_taken_away(content: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "request.json").write_text(content)
    assert take_request(folder) is None
    assert list(folder.iterdir()) == []


def test_a_link_in_the_place_of_a_request_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(json.dumps({"format": 1, "request": "stop"}))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "request.json").symlink_to(elsewhere)
    assert take_request(tmp_path / "run") is None
    assert elsewhere.exists()
