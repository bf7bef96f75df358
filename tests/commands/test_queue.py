"""The queue and requests, as a person or a script asks for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands.conftest import Call
from workbench import cli
from workbench.data.datasets import DataSet
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.queue_runners import queue_processes
from workbench.library.run_folder import is_locked, read_record
from workbench.running import runner

TOP = Path(__file__).parents[2]
SAMPLE = ("--dataset", "sample", "--device", "cpu")


def test_add_list_move_edit_duplicate_and_remove(call: Call, library: Library) -> None:
    code, out, _ = call("queue", "add", "007", "--set", "epochs=3", "--repeat", "2", *SAMPLE)
    assert code == 0
    assert "[1] 007" in out
    assert "[2] 007" in out
    call("queue", "add", "001", "--first", *SAMPLE, "--threads", "1")
    code, out, _ = call("queue", "--json")
    listed = json.loads(out)
    assert [entry["id"] for entry in listed["entries"]] == ["3", "1", "2"]
    assert listed["processes"] == []
    assert listed["entries"][1]["experiment"]["epochs"] == 3
    assert call("queue", "move", "2", "--first")[0] == 0
    assert call("queue", "edit", "2", "--set", "batch_size=64", "--threads", "2")[0] == 0
    code, out, _ = call("queue", "duplicate", "2", "--json")
    assert json.loads(out)[0]["experiment"]["batch_size"] == 64
    call("queue", "remove", "1", "3")
    code, out, _ = call("queue", "list")
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["[2]", "[4]"]
    code, _, err = call("queue", "remove", "77")
    assert (code, err.count("\n")) == (2, 1)
    assert "77: there is no such entry" in err
    for bad in (
        ("edit", "2", "--set", "epochs=0"),
        ("pause",),
        ("run", "--executor", "cloud"),
        ("run", "--gpus", "0.25"),
        ("run", "--executor", "ray"),
        ("run", "--executor", "ray", "--address", "host:1", "--gpus", "1.5", "--detach"),
    ):
        code, _, err = call("queue", *bad)
        assert (code, err.count("\n")) == (2, 1)


def test_run_says_what_was_run_and_what_failed(
    call: Call, library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    call("queue", "add", "001", "--set", "epochs=1", *SAMPLE)
    call("queue", "add", "001", "--set", "learning_rate=10", "--set", "momentum=0.99", *SAMPLE)
    code, out, _ = call("queue", "run", "--executor", "in_process", "--json")
    assert code == 1
    assert [entry["state"] for entry in json.loads(out)] == ["finished", "failed"]
    code, out, _ = call("queue", "run", "--executor", "in_process")
    assert (code, out) == (0, "Nothing waits in the queue.\n")
    code, out, _ = call("queue")
    assert "Try a smaller learning rate" in out
    call("queue", "again", "2")
    assert Queue(library.path).find("2").state == "waiting"
    call("queue", "remove", "--ended")
    assert [entry.id for entry in Queue(library.path).entries()] == ["2"]


def test_a_request_to_a_run_that_nobody_trains_is_one_sentence(
    call: Call, library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    _, out, _ = call("train", "001", "--set", "epochs=1", *SAMPLE, "--json")
    run = Path(json.loads(out)["run"])
    for what in ("stop", "pause", "continue", "cancel"):
        code, _, err = call(what, run.name)
        assert (code, err.count("\n")) == (2, 1)
        assert "is not being trained" in err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_in_the_background_found_paused_stopped_and_resumed(
    call: Call, library: Library, home: Path
) -> None:
    """Two workers in the background, asked from here, killed, and run to the end."""
    for seed in (1, 2, 3):
        call("queue", "add", "001", "--set", "epochs=40", "--set", f"seed={seed}", *SAMPLE)
    code, out, _ = call("queue", "run", "--workers", "2", "--detach", "--json")
    assert code == 0
    started = json.loads(out)
    assert [each.pid for each in queue_processes(library.path)] == [started["pid"]]
    queue = Queue(library.path)
    _until(lambda: sum(_reached(library, e.run) > 0 for e in queue.entries()) == 2)
    first, second, third = queue.entries()
    assert first.run
    assert call("pause", first.run)[0] == 0
    code, out, _ = call("pause", first.run, "--json")
    assert json.loads(out)["status"] == "paused"
    assert call("continue", first.run)[0] == 0
    code, out, _ = call("stop", first.run)
    assert code == 0
    assert "stopped" in out
    _until(lambda: _reached(library, queue.find(third.id).run) > 0)
    assert queue.find(first.id).state == "stopped"
    code, _, err = call("queue", "remove", third.id)
    assert (code, "is running" in err) == (2, True)
    os.kill(started["pid"], signal.SIGKILL)
    _until(lambda: not queue_processes(library.path))
    assert [e.state for e in queue.entries()] == ["stopped", "interrupted", "interrupted"]
    assert Path(started["log"]).read_text().count("begun on") == 3
    # Its workers are gone with it: the runs can be resumed at once.
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "queue", "run", "--workers", "2"],
        env={**os.environ, "PYTHONPATH": str(TOP)},
        stdout=subprocess.PIPE,
        text=True,
    )
    folders = [library.path / str(e.run) for e in queue.entries()[1:]]
    _until(lambda: all(read_record(each).resumed and is_locked(each) for each in folders))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "resumed in epoch" in out
    assert [e.state for e in queue.entries()] == ["stopped", "waiting", "waiting"]
    assert [e.run for e in queue.entries()][:2] == [first.run, second.run]
    code, out, _ = call("queue", "run", "--detach", "--json")
    assert call("queue", "stop")[0] == 0
    _until(lambda: not queue_processes(library.path))
    assert len(library.runs()) == 3


def _reached(library: Library, run: str | None) -> int:
    # An entry has the id of its run before the run has its folder.
    if run is None or not (library.path / run / "run.json").exists():
        return 0
    return read_record(library.path / run).epochs_done


def _until(holds: object, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.1)


def test_every_action_has_an_example_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for action in cli.ACTIONS["queue"]:
        assert cli.main(["queue", action, "--help"]) == 0
        assert f"cifar-workbench queue{'' if action == 'list' else f' {action}'}" in (
            capsys.readouterr().out
        )
