"""The library: what is read, how cheaply, and the way into the trash and back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.library.test_run_folder import RECORD
from workbench.library import catalog
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "내 실험 🙂")


def add(library: Library, **changes: Any) -> RunRecord:
    writer = library.create(replace(RECORD, **{"status": "finished", **changes}))
    writer.close()
    return writer.record


def test_a_library_that_is_not_there_is_empty(library: Library) -> None:
    assert library.read() == ([], [])


def test_a_library_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    runs, problems = Library(tmp_path / "file").read()
    assert runs == []
    assert "the library cannot be read" in str(problems[0])


def test_newest_first_and_problems_beside_them(library: Library) -> None:
    old = add(library, created="2026-01-01T00:00:00+00:00")
    new = add(library, created="2026-02-01T00:00:00+00:00")
    (library.path / "broken").mkdir()
    (library.path / "broken" / "run.json").write_text("{")
    (library.path / "not a run").mkdir()
    (library.path / "a file").write_text("")
    runs, problems = library.read()
    assert [run.id for run in runs] == [new.id, old.id]
    assert len(problems) == 1
    assert "broken" in str(problems[0])


def test_what_has_not_changed_is_not_read_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(library)
    (library.path / "broken").mkdir()
    (library.path / "broken" / "run.json").write_text("{")
    first = library.read()
    monkeypatch.setattr(catalog, "read_run", lambda folder: pytest.fail("read again"))
    again = library.read()
    assert again[0][0] is first[0][0]
    assert again[1][0] is first[1][0]


def test_another_process_is_followed_to_its_end(library: Library) -> None:
    """The other process writes through a ``Library`` of its own."""
    writer = Library(library.path).create(RECORD)
    assert [(r.status, r.epochs_done) for r in library.runs()] == [("running", 0)]
    running = library.runs()[0]
    assert library.runs()[0] is running
    writer.update(epochs_done=2, accuracy=55.5)
    assert [(r.status, r.epochs_done, r.accuracy) for r in library.runs()] == [("running", 2, 55.5)]
    writer.update(status="finished", epochs_done=3)
    writer.close()
    assert [(r.status, r.epochs_done) for r in library.runs()] == [("finished", 3)]
    shutil.rmtree(writer.folder)
    assert library.runs() == []


def test_a_process_that_dies_without_a_word_is_found(library: Library) -> None:
    writer = Library(library.path).create(RECORD)
    assert library.runs()[0].status == "running"
    writer.close()  # run.json stays as it is
    assert library.runs()[0].status == "interrupted"
    assert library.runs()[0].status == "interrupted"


def test_a_damaged_file_that_was_mended_is_read(library: Library) -> None:
    run = add(library)
    text = (run.folder / "run.json").read_text(encoding="utf-8")
    (run.folder / "run.json").write_text("{")
    assert library.runs() == []
    (run.folder / "run.json").write_text(text, encoding="utf-8")
    assert library.runs() == [run]


def test_reading_in_slices_begins_with_the_youngest(library: Library) -> None:
    library.path.mkdir(parents=True)
    for day in range(1, 31):
        folder = library.path / f"2026-11-{day:02d}_120000_007"
        folder.mkdir()
        content = {k: v for k, v in vars(RECORD).items() if k != "folder"}
        content |= {"created": f"2026-11-{day:02d}T12:00:00+00:00", "status": "finished"}
        (folder / "run.json").write_text(json.dumps(content))
    for calls in range(1, 31):
        before = 30 - library.unread if calls > 1 else 0
        runs, _ = library.read(seconds=0)
        assert len(runs) + library.unread == 30
        assert len(runs) > before
        assert runs[0].id == "2026-11-30_120000_007"
        if not library.unread:
            break
    assert library.unread == 0


def test_rename_is_kept_and_seen_by_others(library: Library) -> None:
    run = add(library)
    assert library.rename(run, "느린 실험 🙂").name == "느린 실험 🙂"
    assert Library(library.path).runs()[0].name == "느린 실험 🙂"
    assert library.rename(run, "  느린\n실험 ").name == "느린 실험"
    assert library.rename(run, " ").label == "007 Adam"


def test_trash_and_restore(library: Library) -> None:
    run = add(library)
    name = library.trash(run)
    assert library.runs() == []
    assert (library.path / ".trash" / name / "run.json").is_file()
    assert library.restore(name) == run
    assert library.runs() == [run]


def test_a_run_that_trains_is_not_moved(library: Library) -> None:
    writer = library.create(RECORD)
    with pytest.raises(WorkbenchError, match="007 Adam is being trained; delete it when"):
        library.trash(writer.record)
    writer.close()
    assert library.trash(writer.record)


def test_names_that_are_taken_in_the_trash_and_in_the_library(library: Library) -> None:
    run = add(library)
    first = library.trash(run)
    shutil.copytree(library.path / ".trash" / first, run.folder)
    second = library.trash(library.runs()[0])
    assert first != second
    library.restore(first)
    shutil.move(library.path / ".trash" / second, library.path / ".trash" / first)
    back = library.restore(first)
    assert back.folder.exists()
    assert back.id != run.id
    assert {r.id for r in library.runs()} == {run.id, back.id}


def test_what_has_vanished_cannot_be_moved(library: Library) -> None:
    run = add(library)
    shutil.rmtree(run.folder)
    with pytest.raises(WorkbenchError, match="cannot be moved"):
        library.trash(run)
    with pytest.raises(WorkbenchError, match="no such run in the trash"):
        library.restore("never there")
