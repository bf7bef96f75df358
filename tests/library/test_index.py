"""The index of a large library: it spares reading, says nothing untrue, and can be thrown away."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.library.test_run_folder import RECORD
from workbench.library import catalog, index
from workbench.library.catalog import Library
from workbench.library.index import FILE
from workbench.library.run_folder import RunRecord, RunWriter


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of five finished runs, which counts as a large one."""
    monkeypatch.setattr(catalog, "FEW", 3)
    library = Library(tmp_path / "내 실험 🙂")
    for number in range(5):
        record = replace(
            RECORD,
            status="finished",
            accuracy=60.0 + number,
            best_epoch=1,
            best_validation_accuracy=59.0,
        )
        library.create(record).close()
    library.label(library.runs()[0], lambda now: replace(now, name="나의 🙂", tags=("a", "b")))
    return library.path


def runs_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[RunRecord], int]:
    """The runs of a library that is opened anew, and how many of them were read from their
    folders."""
    read: list[Path] = []

    def counted(folder: Path) -> object:
        read.append(folder)
        return real(folder)

    real = catalog.read_run
    with monkeypatch.context() as patch:
        patch.setattr(catalog, "read_run", counted)
        runs = Library(path).runs()
    return runs, len(read)


def test_an_indexed_library_opens_without_reading_its_runs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Library(path).runs()
    again, read = runs_read(path, monkeypatch)
    assert read == 0
    assert again == first
    assert [run.folder for run in again] == [run.folder for run in first]
    assert {run.best_chosen_on for run in again} == {"validation"}
    assert again[0].tags == ("a", "b") or ("a", "b") in [run.tags for run in again]
    (path / FILE).unlink()
    rebuilt, read = runs_read(path, monkeypatch)
    assert (rebuilt, read) == (first, 5)
    assert (path / FILE).exists()


@pytest.mark.parametrize("file", ["run.json", "labels.json"])
def test_what_changed_behind_its_back_is_read_from_the_folder(
    file: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Library(path).runs()[2]
    content = {"format": 1, "name": "changed"}
    if file == "run.json":
        content = {**json.loads((run.folder / file).read_bytes()), "name": "changed"}
    (run.folder / file).write_text(json.dumps(content))
    runs, read = runs_read(path, monkeypatch)
    assert read == 1
    assert [each.name for each in runs if each.id == run.id] == ["changed"]


def test_runs_that_went_and_came(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Library(path).runs()[1]
    shutil.rmtree(gone.folder)
    assert gone.id not in [run.id for run in Library(path).runs()]
    # Its name in the index is forgotten, and another run may take it.
    with sqlite3.connect(path / FILE) as connection:
        assert connection.execute("SELECT COUNT(*) FROM runs").fetchone() == (4,)
    Library(path).create(replace(RECORD, status="failed")).close()
    runs, read = runs_read(path, monkeypatch)
    assert read == 1
    assert sorted(run.status for run in runs) == ["failed", *["finished"] * 4]


def test_a_run_that_trains_or_was_interrupted_is_never_taken_from_it(path: Path) -> None:
    writer = Library(path).create(RECORD)
    assert Library(path).runs()[0].status == "running"
    writer.close()
    assert Library(path).runs()[0].status == "interrupted"
    again = RunWriter(writer.folder, writer.record)
    assert Library(path).runs()[0].status == "running"
    again.close()


def damaged(path: Path) -> None:
    (path / FILE).write_bytes(b"SQLite format 3\0" + b"no" * 5000)


def other_version(path: Path) -> None:
    with sqlite3.connect(path / FILE) as connection:
        connection.execute("PRAGMA user_version = 7")


def other_table(path: Path) -> None:
    with sqlite3.connect(path / FILE) as connection:
        connection.execute("UPDATE runs SET plain = '[]'")


def not_a_file(path: Path) -> None:
    (path / FILE).unlink()
    (path / FILE).mkdir()


@pytest.mark.parametrize("spoil", [damaged, other_version, other_table, not_a_file])
def test_an_index_that_is_none_changes_nothing(
    spoil: object, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Library(path).runs()
    spoil(path)  # type: ignore[operator]
    runs, read = runs_read(path, monkeypatch)
    assert (runs, read) == (first, 5)
    assert Library(path).runs() == first


def test_an_index_that_another_process_holds_is_not_waited_for(path: Path) -> None:
    first = Library(path).runs()
    holder = sqlite3.connect(path / FILE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert Library(path).runs() == first
    holder.execute("COMMIT")
    holder.close()
    assert (path / FILE).exists()


def test_it_is_made_anew_when_the_fields_of_a_record_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Library(path).runs()
    monkeypatch.setattr(index, "VERSION", index.VERSION ^ 1)
    assert runs_read(path, monkeypatch) == (first, 5)
    assert runs_read(path, monkeypatch) == (first, 0)


def test_a_small_library_has_no_index(tmp_path: Path) -> None:
    library = Library(tmp_path / "small")
    library.create(replace(RECORD, status="finished")).close()
    library.runs()
    assert not (library.path / FILE).exists()


def test_runs_of_a_large_library_are_looked_at_in_turn(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(path)
    library.runs()
    monkeypatch.setattr(catalog, "LOOK_S", 0.0)
    for run in library.runs():
        Library(path).label(run, lambda now: replace(now, notes="seen"))
    for _ in range(5):
        library.read(seconds=1.0)
    assert [run.notes for run in library.read(1.0)[0]] == ["seen"] * 5
    # What was edited through this object is looked at first.
    library.label(library.runs()[3], lambda now: replace(now, notes="mine"))
    assert [run.notes for run in library.read(1.0)[0]][3] == "mine"
