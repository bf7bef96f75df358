"""Commands as a person or a script calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench import cli, paths
from workbench.library.catalog import Library

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Exit code, standard output and standard error of a command."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as error:
            code = int(error.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """The library of the test's home, without the curves that ship with the program."""
    monkeypatch.setattr("workbench.analysis.against_report.shipped_curves", tuple)
    return Library(paths.library())
