"""The folder of one run: what is read from it, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workbench.library.labels import Change
from workbench.library.run_folder import (
    RunRecord,
    RunWriter,
    label_run,
    plain_json,
    read_record,
)
from workbench.messages import WorkbenchError

RECORD = RunRecord(
    id="run",
    created="2026-11-23T12:00:00+00:00",
    preset="007",
    title="Adam",
    experiment={"epochs": 3},
    data={"kind": "cifar10", "name": "CIFAR-10"},
    device="cpu",
    environment={},
    epochs=3,
    steps_per_epoch=10,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def written(folder: Path, **changes: Any) -> Path:
    """A run folder as a process that has ended left it."""
    writer = RunWriter(folder, replace(RECORD, **{"status": "finished", **changes}))
    writer.close()
    return folder


def rewrite(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps({**content, **changes}), encoding="utf-8")


def test_a_record_comes_back_as_it_was_written(folder: Path) -> None:
    written(folder, accuracy=70.21, name="내 실험 🙂", reason=None, best_epoch=2)
    assert read_record(folder) == replace(
        RECORD, status="finished", accuracy=70.21, name="내 실험 🙂", best_epoch=2
    )


def test_an_accuracy_that_is_not_a_number_is_none(folder: Path) -> None:
    written(folder, accuracy=float("nan"))
    assert read_record(folder).accuracy is None


def test_a_run_without_its_process_is_interrupted(folder: Path) -> None:
    writer = RunWriter(folder, RECORD)
    assert read_record(folder).status == "running"
    writer.close()
    assert read_record(folder).status == "interrupted"


def test_a_copied_folder_is_a_run_of_its_own(folder: Path) -> None:
    copy = Path(shutil.copytree(written(folder), folder.with_name("copy")))
    assert read_record(copy).id == "copy"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"accuracy": "high"}, "accuracy"),
        ({"epochs": None}, "epochs"),
        ({"data": []}, "data"),
        ({"name": 7}, "name"),
        ({"created": 7}, "created"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_by_its_name(
    changes: dict[str, Any], field: str, folder: Path
) -> None:
    rewrite(written(folder), **changes)
    with pytest.raises(WorkbenchError, match=f"{field} in run.json cannot be read"):
        read_record(folder)


def test_a_run_of_the_first_release_is_read(folder: Path) -> None:
    """What the records of that time hold, and nothing that came later."""
    content = json.loads((written(folder) / "run.json").read_text())
    first = (
        "id created preset title experiment data device environment epochs steps_per_epoch status "
        "epochs_done accuracy best_epoch best_accuracy seconds reason reason_parts weights "
        "best_weights name format"
    )
    assert content.keys() > set(first.split())
    (folder / "run.json").write_text(json.dumps({name: content[name] for name in first.split()}))
    assert read_record(folder).resumed == []


def test_fields_that_are_missing_or_unknown(folder: Path) -> None:
    rewrite(written(folder), later="x")
    assert read_record(folder).title == "Adam"
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    del content["title"]
    (folder / "run.json").write_text(plain_json(content), encoding="utf-8")
    with pytest.raises(WorkbenchError, match="lacks fields"):
        read_record(folder)


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "007 Adam"),
        ({"name": "Mine"}, "007 Mine"),
        ({"name": "007 at night"}, "007 at night"),
        ({"name": "Mine", "preset": "my-own"}, "Mine"),
        ({"name": "Mine", "preset": None}, "Mine"),
        ({"preset": "my-own", "title": "My own"}, "My own"),
        ({"preset": "my-own", "title": ""}, "my-own"),
        ({"preset": None, "title": ""}, "run"),
    ],
)
def test_what_a_run_is_called(changes: dict[str, Any], label: str) -> None:
    assert replace(RECORD, **changes).label == label


def named(name: str) -> Change:
    return lambda labels: replace(labels, name=name)


def test_a_run_is_named_while_it_trains_and_neither_loses_a_word(folder: Path) -> None:
    writer = RunWriter(folder, RECORD)
    label_run(folder, named("Mine"))
    writer.update(epochs_done=1)
    writer.close()
    assert read_record(folder).name == "Mine"
    assert read_record(folder).epochs_done == 1


def test_an_interrupted_run_stays_interrupted_under_its_name(folder: Path) -> None:
    RunWriter(folder, RECORD).close()
    assert label_run(folder, named("Mine")).status == "interrupted"
    assert read_record(folder).status == "interrupted"


def test_naming_a_run_that_has_vanished_makes_no_folder(folder: Path) -> None:
    shutil.rmtree(written(folder))
    with pytest.raises(WorkbenchError, match="cannot be read"):
        label_run(folder, named("Mine"))
    assert not folder.exists()
