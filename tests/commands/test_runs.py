"""The commands ``cifar-workbench runs ...``, on run folders made by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Call
from tests.library.interrupted import interrupted_run
from tests.library.made_runs import make_run
from tests.library.test_golden_library import GOLDEN
from tests.library.test_run_folder import RECORD
from workbench import cli
from workbench.data.datasets import DataSet
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, read_record
from workbench.library.weights import load_weights
from workbench.spec.presets import find_preset


@pytest.fixture
def library(home: Path) -> Library:
    return Library(home / "library")


def add(library: Library, **changes: Any) -> RunRecord:
    writer = library.create(replace(RECORD, **{"status": "finished", **changes}))
    writer.close()
    return writer.record


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any, str]:
    code = cli.main([*arguments, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def test_a_search_as_in_the_window(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    adam = add(library, experiment=find_preset("007").experiment.values(), accuracy=70.0)
    add(library, experiment=find_preset("001").experiment.values(), accuracy=30.0)
    code, found, _ = call("runs", "optimizer=adam", "accuracy>60", capsys=capsys)
    assert code == 0
    assert [each["run"] for each in found] == [str(adam.folder)]
    assert found[0]["experiment"]["optimizer"] == "adam"
    code, found, err = call("runs", "optimizer=adan", capsys=capsys)
    assert (code, found) == (2, None)
    assert err == ("optimizer: must be one of sgd, adam, adamw, rmsprop, muon (it is adan).\n")


def test_labels_from_the_command_line(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    run = add(library)
    words = ("--name", "느린 실험 🙂", "--tag", "a,b", "--tag", "c", "--star", "--notes", "mine")
    code, said, _ = call("runs", "label", run.folder.name, *words, capsys=capsys)
    assert (code, said["tags"], said["starred"]) == (0, ["a", "b", "c"], True)
    code, said, _ = call("runs", "label", str(run.folder), "--untag", "B", capsys=capsys)
    assert (said["tags"], said["name"], said["notes"]) == (["a", "c"], "느린 실험 🙂", "mine")
    call("runs", "label", run.folder.name, "--no-star", "--name", "", capsys=capsys)
    assert read_record(run.folder).starred is False
    assert read_record(run.folder).label == "007 Adam"
    assert cli.main(["runs", "label", "nowhere"]) == 2
    assert "there is no such run" in capsys.readouterr().err


def test_trash_restore_and_empty(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    run, other = add(library), add(library)
    code, said, _ = call("runs", "trash", run.folder.name, capsys=capsys)
    assert code == 0
    assert not run.folder.exists()
    name = Path(said["trashed"][0]).name
    code, said, _ = call("runs", "trash", capsys=capsys)
    assert [each["name"] for each in said["trash"]] == [name]
    assert said["bytes"] > 500
    code, said, _ = call("runs", "trash", "--restore", name, capsys=capsys)
    assert run.folder.exists()
    call("runs", "trash", run.folder.name, capsys=capsys)
    assert cli.main(["runs", "trash", "--empty", other.folder.name]) == 2
    capsys.readouterr()
    code, said, _ = call("runs", "trash", "--empty", capsys=capsys)
    assert (code, said["deleted"]) == (0, 1)
    assert not (library.path / ".trash" / name).exists()
    assert other.folder.exists()


def test_resuming_is_given_up_and_that_is_undone(
    library: Library, small: DataSet, call: Call
) -> None:
    run = interrupted_run(library, small)
    code, out, err = call("runs", "give-up", run.folder.name)
    assert (code, err) == (0, "")
    path, undo = out.splitlines()
    assert load_weights(Path(path)).metrics["step"] == 8
    assert "--undo" in undo
    code, out, err = call("runs", "give-up", run.folder.name)
    assert (code, out) == (2, "")
    assert "not interrupted any more" in err
    code, out, _ = call("runs", "give-up", run.folder.name, "--undo")
    assert (code, out) == (
        0,
        f"001 First can be resumed: cifar-workbench resume {run.folder}\n",
    )
    assert read_record(run.folder).status == "interrupted"
    code, out, _ = call("runs", "give-up", run.folder, "--json")
    assert (code, json.loads(out)["status"], json.loads(out)["weights"]) == (0, "stopped", path)


def test_check_and_fix(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(GOLDEN, library.path)
    code, said, _ = call("runs", "check", capsys=capsys)
    assert code == 1
    assert said["runs"] == 2
    # The golden library has no weight files.
    faults = {each["kind"] for each in said["findings"] if each["fault"]}
    assert faults == {"missing_weights"}
    assert said["faults"] == 3
    assert cli.main(["runs", "check"]) == 1
    assert "With --fix: run.json is corrected" in capsys.readouterr().out
    code, said, _ = call("runs", "check", "--fix", capsys=capsys)
    assert (code, said["faults"]) == (0, 0)
    assert cli.main(["runs", "check"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Note: ")
    assert "interrupted at epoch 3 of 60" in out
    assert out.endswith("2 runs, no faults.\n")


def test_a_run_that_ended_early_and_its_best_epoch_say_so(call: Call, library: Library) -> None:
    make_run(library, "001", (20, 25), status="finished", early_stopping=1)
    _, out, _ = call("runs")
    assert "2/3        ended early" in out
    _, out, _ = call("runs", "--json")
    (run,) = json.loads(out)
    assert (run["status"], run["ended_early"]) == ("finished", True)
    assert (run["best_epoch"], run["best_chosen_on"], run["best_accuracy"]) == (2, "test", 25)
    assert run["best_validation_accuracy"] is None
    make_run(library, "001", (20, 25, 30), validation=(20, 28, 21), validation_share=0.1)
    _, out, _ = call("runs", "best_validation_accuracy>27", "--json")
    (run,) = json.loads(out)
    assert (run["best_epoch"], run["best_chosen_on"], run["best_accuracy"]) == (2, "validation", 25)
    assert run["ended_early"] is False
