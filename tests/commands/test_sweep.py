"""``cifar-workbench sweep ...``: refusals before anything runs, a plan, a run, its results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.conftest import Call
from workbench.commands import sweep as command
from workbench.data.datasets import DataSet
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.sweeps import SweepStore
from workbench.running import queue_runner, runner
from workbench.running.executors import open_executor

SMALL = ("--set", "epochs=1", "--dataset", "sample", "--device", "cpu")


@pytest.fixture(autouse=True)
def _small_data(small: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained in this process, on few images, and not timed first."""
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    monkeypatch.setattr(
        queue_runner, "open_executor", lambda name, workers: open_executor("in_process", 1)
    )
    monkeypatch.setattr(command, "TIMED", 0)


def test_everything_that_is_wrong_is_said_before_anything_runs(
    call: Call, library: Library
) -> None:
    code, out, err = call(
        *("sweep", "001", "--vary", "batch_siz=16", "--vary", "learning_rate=0..1:log"),
        *("--method", "tpe", *SMALL),
    )
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 3
    assert "did you mean batch_size?" in err
    assert "logarithmic" in err
    assert "validation split" in err
    assert SweepStore(library.path).read() == ([], [])


def test_many_points_need_a_yes(call: Call) -> None:
    vary = ("--vary", "learning_rate=0.001..0.1:log:200", "--vary", "dropout=0..0.5:100")
    code, _, err = call("sweep", "001", *vary, *SMALL, "--dry-run")
    assert code == 2
    assert "20,000 points" in err
    assert "--yes" in err
    code, out, _ = call("sweep", "001", *vary, *SMALL, "--dry-run", "--yes", "--json")
    assert code == 0
    assert json.loads(out)["points"] == 20_000


def test_a_plan_runs_nothing(call: Call, library: Library) -> None:
    code, out, _ = call("sweep", "001", "--vary", "batch_size=16,64", *SMALL, "--dry-run")
    assert code == 0
    assert "2 points x 1 seed = 2 runs" in out
    assert Queue(library.path).entries() == []


def test_a_sweep_is_run_shown_resumed_and_exported(
    call: Call, library: Library, tmp_path: Path
) -> None:
    code, out, err = call(
        *("sweep", "001", "--vary", "learning_rate=0.001,0.01", "--seeds", "2", *SMALL),
        *("--workers", "1", "--json"),
    )
    assert code == 0, err
    found = json.loads(out)
    assert (found["runs"], found["settled"], found["complete"]) == (4, 4, True)
    assert found["chosen_on"] == "test"
    assert any("Chosen on the test set" in sentence for sentence in found["sentences"])
    code, out, _ = call("sweep", "show")
    assert code == 0
    assert "learning_rate" in out
    assert "2/2" in out
    assert json.loads(call("sweep", "list", "--json")[1])[0]["sweep"] == found["sweep"]
    code, out, _ = call("sweep", "resume", "--workers", "1")
    assert code == 0
    assert "0 runs to do" in out
    table = tmp_path / "s.csv"
    assert call("sweep", "export", "-o", table)[0] == 0
    assert len(table.read_text().splitlines()) == 3
    again = tmp_path / "s.yaml"
    assert call("sweep", "export", found["sweep"], "-o", again)[0] == 0
    code, out, _ = call("sweep", again, "--dry-run")
    assert code == 0
    assert "2 points x 2 seeds = 4 runs" in out
    assert call("sweep", "export", "-o", tmp_path / "s.xls")[0] == 2
    assert call("sweep", "stop")[0] == 0
    assert SweepStore(library.path).find().file.stopped


def test_a_name_that_is_none_is_one_sentence(call: Call) -> None:
    code, _, err = call("sweep", "show")
    assert (code, len(err.splitlines())) == (2, 1)
    code, _, err = call("sweep", "resume", "other")
    assert code == 2
    assert "no such sweep" in err
