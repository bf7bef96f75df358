"""What goes wrong around a library: disks that are full, clocks, moved folders, NaN."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.library.test_run_folder import RECORD
from workbench.engine.events import EpochDone, Evaluation
from workbench.library import catalog
from workbench.library.catalog import Library
from workbench.library.check import check_library
from workbench.library.giving_up import give_up
from workbench.library.run_folder import (
    RunRecord,
    RunWriter,
    read_epochs,
    read_losses,
    read_record,
    read_test,
)
from workbench.library.stored_figures import figures_of
from workbench.messages import WorkbenchError

TEST = Evaluation(
    mode="eval",
    correct=1,
    total=2,
    accuracy=50.0,
    loss=0.7,
    classes=("a", "b"),
    per_class=(100.0, 0.0),
    confusion=((1, 0), (1, 0)),
)


def epoch(number: int, loss: float = 1.0, test: Evaluation = TEST) -> EpochDone:
    return EpochDone(number, loss, loss, 0.001, 1.0, 0.1, test, best=number == 1)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "내 실험 🙂 and spaces")


def add(library: Library) -> RunRecord:
    writer = library.create(replace(RECORD, status="finished"))
    writer.close()
    return writer.record


# --- a disk that is full, or does not take a file --------------------------------------


def no_space(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)


def no_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", fail)


FAILURES = pytest.mark.parametrize("fail", [no_space, no_rename])


@FAILURES
def test_run_json_and_epochs_csv_are_the_old_ones_after_a_failed_write(
    fail: Callable[[pytest.MonkeyPatch], None], library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = library.create(RECORD)
    writer.add(epoch(1))
    with monkeypatch.context() as patch:
        fail(patch)
        with pytest.raises(OSError, match=r"No space left|Input/output"):
            writer.add(epoch(2))
        with pytest.raises(OSError, match=r"No space left|Input/output"):
            writer.update(epochs_done=2)
    assert len(read_epochs(writer.folder)) == 1
    assert read_record(writer.folder).epochs_done == 1
    assert not list(writer.folder.glob(".*.tmp"))
    writer.close()
    assert [f.kind for f in check_library(library.path) if f.fault] == ["losses_disagree"]


@FAILURES
def test_labels_are_the_old_ones_after_a_failed_write(
    fail: Callable[[pytest.MonkeyPatch], None], library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add(library)
    library.rename(run, "before")
    with monkeypatch.context() as patch:
        fail(patch)
        with pytest.raises(WorkbenchError, match=r"cannot be written \((No space|Input/output)"):
            library.rename(run, "after")
    assert read_record(run.folder).name == "before"
    assert not list(run.folder.glob(".*.tmp"))


def test_a_run_that_cannot_be_begun_leaves_no_half_folder(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        no_space(patch)
        with pytest.raises(WorkbenchError, match="the library cannot be written"):
            library.create(RECORD)
    assert list(library.path.iterdir()) == []


# --- folders that move, clocks that go back --------------------------------------------


def test_a_library_that_is_moved_away_and_back(library: Library) -> None:
    run = add(library)
    assert library.read() == ([run], [])
    away = library.path.with_name("away")
    library.path.rename(away)
    runs, problems = library.read()
    assert runs == []
    assert "the library's folder is missing" in str(problems[0])
    edits: tuple[Any, ...] = (
        library.trash,
        lambda run: give_up(library, run),
        lambda run: library.rename(run, "x"),
    )
    for edit in edits:
        with pytest.raises(WorkbenchError):
            edit(run)
    assert not library.path.exists()
    away.rename(library.path)
    assert library.read() == ([run], [])


def test_runs_of_a_clock_that_was_set_back_get_folders_of_their_own(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "new_run_name", lambda preset: "2026-11-23_120000_007")
    runs = [add(library) for _ in range(3)]
    assert len({run.folder for run in runs}) == 3
    assert {run.id for run in library.runs()} == {run.id for run in runs}


def test_a_change_is_seen_though_the_clock_went_back(library: Library) -> None:
    run = add(library)
    assert library.runs()[0].name == ""
    Library(library.path).rename(run, "later")
    os.utime(run.folder / "labels.json", (1_000_000, 1_000_000))
    assert library.runs()[0].name == "later"
    Library(library.path).rename(run, "other")
    os.utime(run.folder / "labels.json", (900_000, 900_000))
    assert library.runs()[0].name == "other"


def test_a_folder_of_the_near_future_may_be_one_in_the_making(library: Library) -> None:
    half = library.path / "half"
    half.mkdir(parents=True)
    (half / "losses.f32").write_bytes(b"\0\0\0\0")
    now = half.stat().st_mtime
    os.utime(half, (now + 5, now + 5))
    assert list(check_library(library.path)) == []
    os.utime(half, (now + 5000, now + 5000))
    assert [finding.kind for finding in check_library(library.path)] == ["half_folder"]


# --- NaN -------------------------------------------------------------------------------


def test_nan_in_every_figure_is_kept_read_and_no_fault(library: Library) -> None:
    writer = library.create(replace(RECORD, steps_per_epoch=2))
    writer.add_losses([math.nan, math.inf])
    bad = replace(TEST, loss=math.nan)
    writer.add(epoch(1, math.nan, bad))
    logits = np.full((2, 2), np.nan, dtype="f4")
    writer.add_logits(logits, np.array([0, 1]))
    true = figures_of(writer.folder / "test_logits.npz", ("a", "b"))
    assert math.isnan(true.loss)
    writer.add_test(true, 1, final=True)
    writer.update(status="finished", accuracy=true.accuracy)
    writer.close()
    assert np.isnan(read_losses(writer.folder)[0])
    assert math.isnan(read_epochs(writer.folder)[0]["loss"])
    test = read_test(writer.folder)
    assert test is not None
    assert math.isnan(test[0].loss)
    assert [finding.kind for finding in check_library(library.path) if finding.fault] == []


def test_nan_as_python_writes_it_is_read(library: Library) -> None:
    run = add(library)
    content = json.loads((run.folder / "run.json").read_bytes())
    (run.folder / "run.json").write_text(json.dumps({**content, "accuracy": math.nan}))
    assert library.runs()[0].accuracy is None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"epoch": 1, "final": true}', "null"])
def test_a_test_of_any_content_is_refused_with_a_sentence(content: str, library: Library) -> None:
    run = add(library)
    (run.folder / "test.json").write_text(content)
    with pytest.raises(WorkbenchError, match=r"test\.json is damaged"):
        read_test(run.folder)


# --- two at once -----------------------------------------------------------------------


def test_a_run_that_another_window_took_away(library: Library) -> None:
    run = add(library)
    other = Library(library.path)
    name = other.trash(other.runs()[0])
    edits: tuple[Any, ...] = (
        library.trash,
        lambda run: give_up(library, run),
        lambda run: library.rename(run, "x"),
    )
    for edit in edits:
        with pytest.raises(WorkbenchError):
            edit(run)
    assert not run.folder.exists()  # no empty folder in its place
    assert other.restore(name) == run
    assert library.rename(run, "back").name == "back"


def test_a_writer_keeps_others_from_writing_the_same_run(library: Library) -> None:
    writer = library.create(RECORD)
    with pytest.raises(WorkbenchError, match="being trained"):
        Library(library.path).trash(writer.record)
    with pytest.raises(WorkbenchError, match="being trained"):
        give_up(Library(library.path), writer.record)
    writer.close()
    again = RunWriter(writer.folder, writer.record)
    again.close()
