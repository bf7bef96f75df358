"""A run read from its folder is the run that its events told of."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import cut
from workbench.data.data_choice import DataChoice
from workbench.data.datasets import DataSet
from workbench.engine.control import RunControl
from workbench.engine.events import Event, StepsDone
from workbench.engine.run_state import RunState
from workbench.engine.status import RunStatus
from workbench.library.catalog import Library
from workbench.library.run_folder import read_epochs
from workbench.library.stored_state import read_state
from workbench.messages import Message
from workbench.running import runner
from workbench.spec.experiment import experiment_from

GOLDEN = Path(__file__).parents[1] / "golden"


def train(
    library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch, **changes: Any
) -> tuple[RunState, RunControl]:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    control = RunControl()
    state = RunState()

    def hear(event: Event) -> None:
        nonlocal state
        state = state.after(event)
        if isinstance(event, StepsDone) and changes.get("epochs") == 50:
            control.stop()

    values = {"epochs": 2, "batch_size": 20, **changes}
    runner.run_experiment(
        experiment_from(values),
        library,
        hear,
        control,
        data=DataChoice("sample", None, Message("")),
        device="cpu",
        preset="007",
        threads=1,
    )
    return state, control


def assert_same(told: RunState, read: RunState) -> None:
    np.testing.assert_array_equal(told.step_losses, read.step_losses)
    assert replace(told, notices=()) == replace(read, notices=())


def test_a_finished_run(small: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, _ = train(Library(tmp_path), small, monkeypatch)
    assert told.status is RunStatus.FINISHED
    assert_same(told, read_state(Path(told.run)))


def test_a_run_with_a_validation_split(
    small: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, _ = train(
        Library(tmp_path), small, monkeypatch, validation_share=0.2, batch_norm=True, dropout=0.2
    )
    assert told.validation_images > 0
    assert told.best_chosen_on == "validation"
    assert_same(told, read_state(Path(told.run)))


def test_a_run_that_was_stopped_in_its_first_epoch(
    small: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, _ = train(Library(tmp_path), cut(small, 200, 20), monkeypatch, epochs=50, batch_size=2)
    assert told.status is RunStatus.STOPPED
    assert_same(told, read_state(Path(told.run)))


def test_a_run_that_diverged(
    small: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, _ = train(Library(tmp_path), small, monkeypatch, learning_rate=10.0, epochs=9)
    assert told.status is RunStatus.FAILED
    read = read_state(Path(told.run))
    assert str(read.reason) == str(told.reason)
    assert read.step_count == told.step_count
    assert read.epochs_done == told.epochs_done


@pytest.mark.parametrize(
    "folder", sorted(GOLDEN.glob("library_format*/*")), ids=lambda folder: folder.name
)
def test_a_run_of_a_golden_library(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / folder.name))
    state = read_state(copy)
    rows = read_epochs(copy)
    assert [epoch.row() for epoch in state.finished_epochs] == rows
    assert state.accuracy == rows[-1]["accuracy"]
    assert state.best is not None
    assert state.best.test.accuracy == max(row["accuracy"] for row in rows)
    assert state.step_count >= state.epochs_done * state.steps_per_epoch
    assert state.data is not None
    assert len(state.data.classes) == 10
