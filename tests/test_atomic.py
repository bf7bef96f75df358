"""What Windows does while a second window or a virus scanner reads a file: it refuses to replace,
move or delete it, for a moment or for good."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.library.test_run_folder import RECORD
from workbench import atomic
from workbench.library.catalog import Library
from workbench.library.trash import empty_trash
from workbench.messages import WorkbenchError


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Has a function of ``os`` or ``shutil`` refuse so many times; its calls so far."""

    def refuse(module: Any, name: str, times: int) -> list[int]:
        real, calls = getattr(module, name), [0]

        def act(path: Any, *arguments: Any, **more: Any) -> Any:
            calls[0] += 1
            if calls[0] <= times:
                error = PermissionError(13, "The file is in use", str(path))
                error.winerror = 32  # type: ignore[attr-defined, unused-ignore]
                raise error
            return real(path, *arguments, **more)

        monkeypatch.setattr(module, name, act)
        return calls

    return refuse


def write(path: Path) -> None:
    atomic.write_text(path, "new")


@pytest.mark.parametrize(
    ("module", "name", "act", "left"),
    [
        (os, "replace", write, {"file": "new"}),
        (os, "rename", lambda path: atomic.move(path, path.with_name("moved")), {"moved": "old"}),
        (os, "unlink", atomic.delete, {}),
        (shutil, "rmtree", lambda path: atomic.delete_folder(path.parent), None),
    ],
)
def test_what_is_refused_for_a_moment_is_done_then(
    module: Any,
    name: str,
    act: Callable[[Path], None],
    left: dict[str, str] | None,
    tmp_path: Path,
    refuse: Callable[..., list[int]],
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("old")
    calls = refuse(module, name, times=2)
    act(folder / "file")
    assert calls == [3]
    found = {p.name: p.read_text() for p in folder.iterdir()} if folder.exists() else None
    assert found == left


def test_what_stays_refused_is_said_and_nothing_is_lost(
    tmp_path: Path, refuse: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "PATIENCE_S", 0.05)
    library = Library(tmp_path / "library")
    writer = library.create(replace(RECORD, status="finished"))
    writer.close()
    run = library.rename(writer.record, "before")
    calls = refuse(os, "replace", times=1000)
    with pytest.raises(WorkbenchError, match=r"cannot be written \(The file is in use\)"):
        library.rename(run, "after")
    assert calls[0] > 1
    assert library.runs()[0].name == "before"
    with pytest.raises(OSError, match="in use") as refused:
        write(run.folder / "labels.json")
    assert refused.value.filename == str(run.folder / "labels.json")
    assert not list(run.folder.glob(".*"))

    refuse(os, "rename", times=1000)
    with pytest.raises(WorkbenchError, match="The file is in use"):
        library.trash(run)
    assert library.runs() == [run]


def test_a_run_goes_to_the_trash_and_out_of_it_once_it_is_let_go(
    tmp_path: Path, refuse: Callable[..., list[int]]
) -> None:
    library = Library(tmp_path / "library")
    library.create(replace(RECORD, status="finished")).close()
    refuse(os, "rename", times=1)
    (run,) = library.runs()
    refuse(os, "rename", times=1)
    assert library.restore(library.trash(run)).id == run.id
    library.trash(run)
    refuse(shutil, "rmtree", times=1)
    assert empty_trash(library.path) == []
    assert not library.has_trash()


def test_a_folder_that_may_not_be_written_is_not_waited_for(
    tmp_path: Path, refuse: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    (tmp_path / "file").write_text("old")
    calls = refuse(os, "unlink", times=1000)
    with pytest.raises(PermissionError):
        atomic.delete(tmp_path / "file")
    assert calls == [1]


def test_windows_cannot_open_folders_and_needs_no_such_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def open_file(path: Any, *arguments: Any, **more: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", open_file)
    with pytest.raises(PermissionError):
        write(tmp_path / "file")
    monkeypatch.setattr(sys, "platform", "win32")
    write(tmp_path / "other")
    assert (tmp_path / "other").read_text() == "new"
