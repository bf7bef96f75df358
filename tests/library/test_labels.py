"""What a person writes to a run: kept apart, edited by several at once, never written over."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from tests.library.test_run_folder import RECORD
from workbench.library import labels
from workbench.library.catalog import Library
from workbench.library.labels import Labels, clean_tags, read_labels
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "내 실험 🙂")


@pytest.fixture
def run(library: Library) -> RunRecord:
    writer = library.create(replace(RECORD, status="finished"))
    writer.close()
    return writer.record


def test_labels_come_back_and_run_json_is_left_alone(library: Library, run: RunRecord) -> None:
    before = (run.folder / "run.json").read_bytes()
    wanted = Labels("느린 실험 🙂", "two\nlines", ("baseline", "수업"), True)
    edited = library.label(run, lambda _: wanted)
    assert (edited.name, edited.notes, edited.tags, edited.starred) == (
        "느린 실험 🙂",
        "two\nlines",
        ("baseline", "수업"),
        True,
    )
    assert Library(library.path).runs() == [edited]
    assert (run.folder / "run.json").read_bytes() == before


def test_a_change_of_the_labels_alone_is_seen(library: Library, run: RunRecord) -> None:
    assert not library.runs()[0].starred
    Library(library.path).label(run, lambda now: replace(now, starred=True))
    assert library.runs()[0].starred


def test_a_name_in_run_json_counts_until_it_is_edited(library: Library) -> None:
    writer = library.create(replace(RECORD, status="finished", name="from format 1"))
    writer.close()
    library.label(writer.record, lambda now: replace(now, starred=True))
    assert library.runs()[0].name == "from format 1"
    library.rename(writer.record, "")
    assert library.runs()[0].label == "007 Adam"


def test_tags_are_words_and_each_stands_once() -> None:
    assert clean_tags(["a, b", "A", " c  d "]) == ("a", "b", "c", "d")


EDIT = """
import sys
from dataclasses import replace
from pathlib import Path
from workbench.library.labels import edit_labels
for number in range(40):
    edit_labels(Path(sys.argv[1]), lambda l: replace(l, tags=(*l.tags, f"{sys.argv[2]}{number}")))
"""


def test_edits_of_two_processes_are_all_kept(run: RunRecord) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", EDIT, str(run.folder), name]) for name in "ab"
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    expected = {f"{name}{number}" for name in "ab" for number in range(40)}
    assert set(read_labels(run.folder).tags) == expected


def test_an_edit_that_finds_the_lock_taken_says_so(
    library: Library, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "LOCK_SECONDS", 0.01)
    with (
        FileLock(library.path / ".labels.lock"),
        pytest.raises(WorkbenchError, match="another process is writing"),
    ):
        library.rename(run, "Mine")


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"format": 1, "tags": "a"}', '{"format": 1, "starred": 1}', "[" * 100_000],
)
def test_damaged_labels_are_said_and_not_written_over(
    content: str, library: Library, run: RunRecord
) -> None:
    (run.folder / "labels.json").write_text(content)
    runs, problems = library.read()
    assert [each.label for each in runs] == ["007 Adam"]
    assert "name, notes and tags cannot be read" in str(problems[0])
    with pytest.raises(WorkbenchError, match="cannot be read"):
        library.rename(run, "Mine")
    assert (run.folder / "labels.json").read_text() == content


def test_a_newer_format_is_refused_and_not_written_over(library: Library, run: RunRecord) -> None:
    content = json.dumps({"format": 2, "color": "red"})
    (run.folder / "labels.json").write_text(content)
    assert "newer version" in str(library.read()[1][0])
    with pytest.raises(WorkbenchError, match="newer version"):
        library.rename(run, "Mine")
    assert (run.folder / "labels.json").read_text() == content


def test_a_library_that_was_moved_is_not_made_anew(library: Library, run: RunRecord) -> None:
    library.path.rename(library.path.with_name("elsewhere"))
    with pytest.raises(WorkbenchError, match="cannot be read"):
        library.rename(run, "Mine")
    assert not library.path.exists()
