"""The trash: its size, and that emptying it deletes what is in it and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.library.test_run_folder import RECORD
from workbench import atomic
from workbench.library.catalog import Library
from workbench.library.trash import empty_trash, read_trash
from workbench.messages import WorkbenchError


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "내 실험 🙂")


def trashed(library: Library) -> str:
    writer = library.create(replace(RECORD, status="finished"))
    writer.close()
    (writer.folder / "weights.pkl").write_bytes(b"x" * 100_000)
    return library.trash(writer.record)


def test_no_trash_is_an_empty_one(library: Library) -> None:
    assert read_trash(library.path) == []
    assert empty_trash(library.path) == []


def test_its_size_and_that_it_is_emptied(library: Library) -> None:
    kept = library.create(replace(RECORD, status="finished"))
    kept.close()
    names = {trashed(library), trashed(library)}
    things = read_trash(library.path)
    assert {thing.path.name for thing in things} == names
    assert all(100_000 < thing.bytes < 120_000 for thing in things)
    assert empty_trash(library.path) == []
    assert read_trash(library.path) == []
    assert [run.id for run in library.runs()] == [kept.folder.name]


def test_links_in_the_trash_are_deleted_and_not_what_they_lead_to(
    library: Library, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work" * 1000)
    inside = library.path / ".trash" / trashed(library)
    (inside / "link").symlink_to(precious)
    (library.path / ".trash" / "link").symlink_to(precious)
    (library.path / ".trash" / "dangling").symlink_to(tmp_path / "nowhere")
    assert sum(thing.bytes for thing in read_trash(library.path)) < 110_000 + 2 * 4096
    assert empty_trash(library.path) == []
    assert read_trash(library.path) == []
    assert (precious / "thesis.txt").exists()


def test_a_trash_that_is_a_link_is_not_emptied(library: Library, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    library.path.mkdir(parents=True)
    (library.path / ".trash").symlink_to(precious)
    with pytest.raises(WorkbenchError, match="is a link to another folder"):
        empty_trash(library.path)
    assert (precious / "thesis.txt").exists()


def test_what_cannot_be_deleted_is_said_and_the_rest_goes(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, _ = sorted((trashed(library), trashed(library)))
    monkeypatch.setattr(atomic, "PATIENCE_S", 0.0)
    remove = atomic.shutil.rmtree

    def fail(path: Path) -> None:
        if path.name == stuck:
            raise PermissionError(13, "Permission denied")
        remove(path)

    monkeypatch.setattr(atomic.shutil, "rmtree", fail)
    problems = empty_trash(library.path)
    assert "cannot be deleted (Permission denied)" in str(problems[0])
    assert [thing.path.name for thing in read_trash(library.path)] == [stuck]
