"""A run's number of threads: chosen, told, written down, changed on the way, and exact."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.running.test_resume import everything
from tests.test_cli import QUICK, call
from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.events import Event, RunEnded, RunStarted, Slowed, StepsDone, ThreadsChanged
from workbench.engine.pace import Slowdown
from workbench.engine.thread_choice import ThreadChoice
from workbench.library.catalog import Library
from workbench.library.run_folder import read_log, read_record
from workbench.running import inference, runner
from workbench.running.executors import job
from workbench.running.resuming import threads_of
from workbench.spec.experiment import experiment_from

EXPERIMENT = experiment_from(
    {"epochs": 2, "dropout": 0.2, "batch_norm": True, "optimizer": "adam", "test_mode": "eval"}
)


@pytest.fixture
def library(tmp_path: Path, small: DataSet, monkeypatch: pytest.MonkeyPatch) -> Library:
    # 70 images: five steps of 16, of which the last has 6; each is reported.
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    return Library(tmp_path / "runs")


Listener = Callable[[Event, RunControl], None]


def run(library: Library, listener: Listener | None = None, **more: Any) -> RunEnded:
    control = RunControl()

    def listen(event: Event) -> None:
        if listener:
            listener(event, control)

    data = choose_data("sample")
    return runner.run_experiment(
        EXPERIMENT, library, listen, control, data=data, device="cpu", **more
    )


def at_step_7(act: Callable[[RunControl], None]) -> Listener:
    def listen(event: Event, control: RunControl) -> None:
        if isinstance(event, StepsDone) and (event.epoch, event.step) == (2, 2):
            act(control)

    return listen


def test_the_number_that_was_timed_is_used_said_and_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = ThreadChoice(2, {1: 75.04, 2: 122.5})
    monkeypatch.setattr(job, "choose_threads", lambda *_: choice)
    used, started = set(), []

    def listen(event: Event, control: RunControl) -> None:
        if isinstance(event, RunStarted):
            started.append(event)
        if isinstance(event, StepsDone):
            used.add(torch.get_num_threads())

    before = torch.get_num_threads()
    folder = Path(run(library, listen).run)
    assert used == {2}
    assert torch.get_num_threads() == before
    assert (started[0].threads, started[0].timed) == (2, choice.steps_per_second)
    record = read_record(folder)
    assert record.environment["cpu_threads"] == 2
    assert record.threads_timed == {"1": 75.04, "2": 122.5}
    assert "2 CPU threads\nSteps a second by number of threads: 1: 75, 2: 122\n" in read_log(folder)


@pytest.mark.slow
def test_a_change_on_the_way_is_exactly_a_resume_with_that_number(library: Library) -> None:
    changed = Path(run(library, at_step_7(lambda control: control.use_threads(3)), threads=2).run)
    stopped = Path(run(library, at_step_7(RunControl.stop), threads=2).run)
    resumed = runner.resume_run(stopped, library, lambda _: None, RunControl(), threads=3)
    assert resumed.status == "finished"
    assert everything(changed) == everything(stopped)
    (entry,), (other,) = read_record(changed).resumed, read_record(stopped).resumed
    assert {**entry, "at": ""} == {**other, "at": ""}
    assert entry["notices"] == [
        "The run had a CPU thread count of 2 and continues with 3: not bit for bit the same."
    ]
    assert (entry["epoch"], entry["step"], entry["threads"]) == (2, 2, 3)


def test_a_run_that_changed_goes_on_with_what_it_had_last(library: Library) -> None:
    def listen(event: Event, control: RunControl) -> None:
        if isinstance(event, StepsDone) and event.step == 2:
            control.use_threads(3)
        if isinstance(event, StepsDone) and (event.epoch, event.step) == (1, 4):
            control.stop()

    folder = Path(run(library, listen, threads=2).run)
    assert threads_of(read_record(folder)) == 3
    heard: list[Event] = []
    runner.resume_run(folder, library, heard.append, RunControl())
    assert next(event.threads for event in heard if isinstance(event, RunStarted)) == 3
    assert read_record(folder).resumed[-1]["notices"] == []  # as before: exact


@pytest.mark.parametrize("adapt", [True, False])
def test_a_slowed_run_changes_by_itself_only_where_it_was_told_to(
    adapt: bool, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slowdown(35.0, 130.0, 2, 1, 80.0)
    said = iter([None, None, slow])
    monkeypatch.setattr(runner.Pace, "add", lambda self, *_: next(said, None))
    heard: list[Event] = []
    folder = Path(run(library, lambda event, _: heard.append(event), threads=2, adapt=adapt).run)
    record = read_record(folder)
    assert record.status == "finished"
    slowed = [event.slowdown for event in heard if isinstance(event, Slowed)]
    changes = [event for event in heard if isinstance(event, ThreadsChanged)]
    assert "35 of 130 steps a second. With 1 thread about 80.\n" in read_log(folder)
    if adapt:
        assert slowed == [slow, None]
        assert changes == [ThreadsChanged(epoch=1, step=3, threads=1, before=2)]
        assert [entry["threads"] for entry in record.resumed] == [1]
        assert "Continuing with 1 CPU thread in place of 2" in read_log(folder)
    else:
        assert slowed == [slow]
        assert changes == record.resumed == []


def test_a_number_that_is_asked_for_twice_or_held_already_changes_nothing(
    library: Library,
) -> None:
    folder = Path(run(library, at_step_7(lambda control: control.use_threads(2)), threads=2).run)
    assert read_record(folder).resumed == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("resumed", [{"threads": n}]) for n in (-3, 10**9, "2", 2.5, None, True, [])),
        ("resumed", [2]),
        *(("threads_timed", {"1": n}) for n in (0, -1.0, "fast", None, 1e12)),
        ("threads_timed", {"x": 5.0}),
    ],
)
def test_a_number_of_threads_that_cannot_be_is_named(
    field: str, value: Any, library: Library
) -> None:
    folder = Path(run(library, at_step_7(RunControl.stop), threads=2).run)
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    ended = runner.resume_run(folder, library, lambda event: None, RunControl())
    assert ended.status == "failed"
    assert re.search(rf"{field}\S* in run.json cannot be read", str(ended.reason))


def test_more_threads_than_cores_are_said(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "usable_cores", lambda: 1)
    folder = Path(run(library, at_step_7(RunControl.stop), threads=2).run)
    assert "More CPU threads (2) than cores (1) wait for each other" in read_log(folder)
    monkeypatch.setattr(job, "usable_cores", lambda: 2)
    folder = Path(run(library, at_step_7(RunControl.stop), threads=2).run)
    assert "wait for each other" not in read_log(folder)


# --- the command line ------------------------------------------------------------------


@pytest.mark.slow
def test_threads_of_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = call("train", "007", *QUICK, "--threads", "2", "--json", capsys=capsys)
    assert code == 0
    result = json.loads(out)
    assert (result["threads"], result["steps_per_second_timed"]) == (2, {})
    assert "2 CPU threads" in err
    used = []
    monkeypatch.setattr(inference, "check", lambda control: used.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    code, out, _ = call("test", result["weights"], "--threads", "3", "--json", capsys=capsys)
    assert (code, json.loads(out)["test"]["total"]) == (0, 500)
    assert set(used) == {3}
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("threads", ["0", "x", "1.5", "257", "-1"])
@pytest.mark.parametrize("command", [["train", "001"], ["resume", "x"], ["test", "x"]])
def test_threads_that_cannot_be_are_bad_input(
    command: list[str], threads: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(*command, f"--threads={threads}", capsys=capsys)
    assert code == 2
    assert "N must be a whole number from 1 to 256" in err


def test_adapt_reaches_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def run_experiment(*_: Any, **named: Any) -> RunEnded:
        asked.append(named)
        return RunEnded("cancelled", 0, 0.0)

    monkeypatch.setattr(runner, "run_experiment", run_experiment)
    call("train", "007", *QUICK, "--adapt", "--threads", "2", capsys=capsys)
    call("train", "007", *QUICK, capsys=capsys)
    assert [(a["adapt"], a["threads"]) for a in asked] == [(True, 2), (False, None)]


@pytest.mark.slow
def test_the_command_line_says_what_to_do_about_a_slow_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slowdown(35.0, 130.0, 2, 1, 80.0)
    said = iter([slow, False])
    monkeypatch.setattr(runner.Pace, "add", lambda self, *_: next(said, None))
    code, out, _ = call("train", "007", *QUICK, "--threads", "2", capsys=capsys)
    assert code == 0
    assert "35 of 130 steps a second. With 1 thread about 80." in out
    assert "--threads 1` continues with fewer threads; with --adapt it does so by itself." in out
    assert out.index("As fast as it was again.") > out.index("35 of 130")
