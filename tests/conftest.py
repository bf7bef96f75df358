"""What every test has: a home of its own, and no data set of the person who runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's home in a temporary folder; the person's own is never touched."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CIFAR_WORKBENCH_HOME", str(folder))
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    person = tmp_path / "person"
    person.mkdir()
    monkeypatch.setattr(Path, "home", lambda: person)
    monkeypatch.chdir(person)
    return folder
