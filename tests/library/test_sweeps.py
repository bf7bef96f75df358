"""The sweeps of a library: kept, found again, and refused where they are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.library.sweeps import FOLDER, SweepStore
from workbench.messages import WorkbenchError
from workbench.spec.presets import find_preset
from workbench.spec.sweep import sweep_from
from workbench.spec.sweep_file import SweepFile


@pytest.fixture
def file() -> SweepFile:
    base = find_preset("007").experiment
    return SweepFile(sweep_from(base, {"batch_size": "16, 64"}, preset="007"), dataset="sample")


def test_sweeps_are_kept_found_and_stopped(tmp_path: Path, file: SweepFile) -> None:
    store = SweepStore(tmp_path)
    with pytest.raises(WorkbenchError, match="no sweep yet"):
        store.find()
    one, other = store.add(file), store.add(file)
    assert one.id != other.id
    assert store.find(one.id) == one
    assert {each.id for each in store.read()[0]} == {one.id, other.id}
    with pytest.raises(WorkbenchError, match="write more of it"):
        store.find("sweep_")
    with pytest.raises(WorkbenchError, match="no such sweep"):
        store.find("../other")
    assert store.set_stopped(one.id, True).file.stopped
    again = SweepStore(tmp_path)
    assert again.find(one.id).file.stopped
    assert again.find(one.id).sweep.points == file.sweep.points
    # What has not changed is not read again.
    found = again.read()[0]
    assert all(a is b for a, b in zip(found, again.read()[0], strict=True))


def test_what_is_no_sweep_of_ours_is_one_sentence(tmp_path: Path, file: SweepFile) -> None:
    store = SweepStore(tmp_path)
    good = store.add(file)
    folder = tmp_path / FOLDER
    (folder / "cut.yaml").write_text((folder / f"{good.id}.yaml").read_text()[:150])
    (folder / "newer.yaml").write_text("format: 9\n")
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe")
    (folder / "folder.yaml").mkdir()
    (folder / "link.yaml").symlink_to("/etc/hostname")
    found, problems = store.read()
    assert [each.id for each in found] == [good.id]
    assert len(problems) == 5
    assert all(str(tmp_path) in str(problem) for problem in problems)


def test_a_folder_that_is_a_link_is_not_written_to(tmp_path: Path, file: SweepFile) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / FOLDER).symlink_to(elsewhere)
    with pytest.raises(WorkbenchError, match="it is a link"):
        SweepStore(tmp_path).add(file)
    assert list(elsewhere.iterdir()) == []
