"""A library cannot lead the program to what is not in it: by a name, a link, or a format string."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.library.test_run_folder import RECORD, rewrite, written
from workbench.library import catalog
from workbench.library.catalog import Library
from workbench.library.check import check_library
from workbench.library.check import repair as repair_finding
from workbench.library.giving_up import give_up
from workbench.library.index import FILE
from workbench.library.run_folder import (
    History,
    RunWriter,
    read_record,
    read_test,
    write_record,
)
from workbench.messages import Message, WorkbenchError, plain_fields

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="makes links")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "library" / "run"
    folder.mkdir(parents=True)
    return written(folder)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Somebody's own folder beside the library."""
    place = tmp_path / "Documents"
    place.mkdir()
    (place / "thesis.txt").write_text("years of work")
    return place


@pytest.mark.parametrize("field", ["weights", "best_weights"])
@pytest.mark.parametrize("name", ["{outside}", "../../Documents", "..", "run.json", "C:\\x.pkl"])
def test_check_moves_nothing_that_run_json_names_outside(
    name: str, field: str, folder: Path, precious: Path
) -> None:
    rewrite(folder, **{field: name.format(outside=precious)})
    for _ in range(2):
        for finding in list(check_library(folder.parent)):
            repair_finding(finding)
    assert (precious / "thesis.txt").read_text() == "years of work"
    assert folder.parent.exists()


@pytest.mark.parametrize("name", ["losses.f32", "log.txt", "epochs.csv", "run.json", "run.lock"])
@pytest.mark.parametrize("hard", [False, True])
def test_a_resumed_run_writes_into_no_file_of_others(
    name: str, hard: bool, folder: Path, precious: Path
) -> None:
    theirs = precious / "thesis.txt"
    path = folder / name
    content = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    if hard:
        theirs.write_bytes(content or b"\0" * 8)
        os.link(theirs, path)
    else:
        path.symlink_to(theirs)
    before = theirs.read_bytes()
    history = History(np.ones(4, np.float32), [], replace(RECORD, folder=folder))
    try:
        writer = RunWriter(folder, RECORD, history)
    except (OSError, WorkbenchError):
        pass
    else:
        writer.add_losses([1.0])
        writer.add_lines(["a line"])
        writer.update(status="stopped")
        writer.close()
    assert theirs.read_bytes() == before


@pytest.mark.parametrize("name", [".trash", ".damaged"])
def test_nothing_is_moved_through_a_link(name: str, folder: Path, precious: Path) -> None:
    library = Library(folder.parent)
    (library.path / name).symlink_to(precious)
    record = read_record(folder)
    (folder / "test.json").write_text("{")
    if name == ".damaged":
        (finding,) = [each for each in check_library(library.path) if each.path.name == "test.json"]
        with pytest.raises(WorkbenchError, match="it is a link"):
            repair_finding(finding)
    else:
        with pytest.raises(WorkbenchError, match="cannot be moved"):
            library.trash(record)
    assert [path.name for path in precious.iterdir()] == ["thesis.txt"]


def test_a_link_in_the_place_of_a_run_is_said_and_not_followed(
    folder: Path, precious: Path
) -> None:
    other = Path(shutil.copytree(folder, precious / "a run of mine"))
    shutil.rmtree(folder)
    folder.symlink_to(other)
    runs, (problem,) = Library(folder.parent).read()
    assert runs == []
    assert "it is a link" in str(problem)
    with pytest.raises(WorkbenchError, match="it is a link"):
        give_up(Library(folder.parent), replace(RECORD, folder=folder))
    with pytest.raises(OSError, match="it is a link"):
        RunWriter(folder, RECORD)
    assert [finding.remedy for finding in check_library(folder.parent)] == [None]


def test_a_journal_beside_the_index_is_not_played_back(
    folder: Path, precious: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "FEW", 0)
    first = Library(folder.parent).runs()
    for ending in ("-journal", "-wal"):
        beside = folder.parent / f"{FILE}{ending}"
        beside.symlink_to(precious / "thesis.txt")
        assert Library(folder.parent).runs() == first
        assert not beside.is_symlink()
    assert (precious / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    "spoil",
    [
        "CREATE TRIGGER mine AFTER DELETE ON runs BEGIN SELECT 1; END",
        "ALTER TABLE runs ADD COLUMN more TEXT",
        'UPDATE runs SET plain = replace(plain, \'"epochs_done":0\', \'"epochs_done":"x"\')',
        "UPDATE texts SET text = '{\"name\": null}' WHERE text LIKE '%kind%'",
    ],
)
def test_an_index_that_is_not_exactly_ours_is_thrown_away(
    spoil: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "FEW", 0)
    first = Library(folder.parent).runs()
    inode = (folder.parent / FILE).stat().st_ino
    kept = (folder.parent / FILE).open("rb")  # so that no new file gets its number
    with sqlite3.connect(folder.parent / FILE) as connection:
        connection.execute(spoil)
    connection.close()
    assert Library(folder.parent).runs() == first
    Library(folder.parent).runs()
    assert (folder.parent / FILE).stat().st_ino != inode
    kept.close()


# --- texts -----------------------------------------------------------------------------


def test_lone_surrogates_reach_neither_window_nor_index(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "FEW", 0)
    data = {"kind": "folder", "name": "a\ud800", "path": "/data/\udcb0\udca1\ud800"}
    rewrite(folder, title="\ud800 Adam", data=data)
    for _ in range(2):  # from the folder, then from the index
        (record,) = Library(folder.parent).runs()
        assert (record.title, record.data["name"]) == ("� Adam", "a�")
        # The bytes of a path that is no text are kept: the folder is found by them.
        assert record.data["path"] == "/data/\udcb0\udca1�"
    write_record(record)
    assert read_record(folder) == record


@pytest.mark.parametrize(
    "template",
    ["{a:>3000000000}", "{a.__class__}", "{a[0]}", "{a!r}", "{0}", "{}", "{b}", "{a", "}"],
)
def test_the_text_of_a_file_is_no_format_string_of_its_own(template: str) -> None:
    parts = {"template": template, "values": {"a": "x"}}
    record = replace(RECORD, reason="The disk is full.", reason_parts=parts)
    assert str(record.why) == "The disk is full."
    said = replace(
        record, reason_parts={"template": "{self} {a}", "values": {"a": "x", "self": "y"}}
    )
    assert str(said.why) == "y x"
    assert plain_fields("{a} and {b}, {{c}}") == ["a", "b"]
    assert str(Message("{template}", template=1)) == "1"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accuracy", 10**4000),
        ("accuracy", 100.5),
        ("seconds", float("1e999")),
        ("data", {"name": None}),
        ("experiment", {"learning_rate": "fast"}),
        ("experiment", {"epochs": "3"}),
        ("resumed", [{"epoch": "x"}]),
        ("continues", "../run"),
        ("created", "some time"),
        ("steps_per_epoch", 0),
    ],
)
def test_a_wrong_value_is_named_and_never_written(field: str, value: Any, folder: Path) -> None:
    before = (folder / "run.json").read_bytes()
    with pytest.raises(WorkbenchError, match=f"{field}.* is not what it may hold"):
        write_record(replace(read_record(folder), **{field: value}))
    assert (folder / "run.json").read_bytes() == before
    content = json.loads(before) | {field: value}
    text = json.dumps(content).replace("Infinity", "1e999")
    (folder / "run.json").write_text(text)
    with pytest.raises(WorkbenchError, match=f"{field}.* in run.json|not valid JSON"):
        read_record(folder)


GOOD = {
    **{"epoch": 1, "final": True, "mode": "eval", "correct": 1, "total": 2, "accuracy": 50.0},
    **{"loss": 0.5, "classes": ["a", "b"], "per_class": [100.0, 0.0]},
    "confusion": [[1, 0], [1, 0]],
}


@pytest.mark.parametrize(
    "change",
    [
        {"per_class": ["x"]},
        {"per_class": [1.0]},
        {"per_class": [1.0, 200.0]},
        {"confusion": [[1, 0]]},
        {"confusion": [[1, -1], [1, 0]]},
        {"confusion": [[1, 0], [1]]},
        {"classes": [1, 2]},
        {"accuracy": 1e999},
        {"total": 0},
        {"mode": "both"},
    ],
)
def test_a_crafted_test_does_not_reach_the_window(change: dict[str, Any], folder: Path) -> None:
    (folder / "test.json").write_text(json.dumps(GOOD))
    assert read_test(folder) is not None
    text = json.dumps({**GOOD, **change}).replace("Infinity", "1e999")
    (folder / "test.json").write_text(text)
    with pytest.raises(WorkbenchError, match=r"test\.json is damaged"):
        read_test(folder)


def test_a_full_disk_is_an_error_of_the_disk_for_a_checkpoint_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.library.mutations import make_victim
    from workbench.library.checkpoint import load_checkpoint, save_checkpoint

    folder = make_victim(tmp_path / "library")
    stored = load_checkpoint(folder)
    before = (folder / "checkpoint.pt").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(folder, stored)
    assert (folder / "checkpoint.pt").read_bytes() == before
