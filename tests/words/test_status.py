"""A run's status in words."""

from __future__ import annotations

from pathlib import Path

from tests.library.made_runs import make_run
from workbench.engine.status import RunStatus
from workbench.library.catalog import Library
from workbench.words.status import STATUS, record_status


def test_each_status_has_a_word_of_its_own() -> None:
    assert set(STATUS) == set(RunStatus)
    assert len({str(word) for word in STATUS.values()}) == len(RunStatus)


def test_early_stopping_is_said(tmp_path: Path) -> None:
    library = Library(tmp_path)
    early = make_run(library, accuracies=(20, 30), status="finished", epochs=9, early_stopping=1)
    assert str(record_status(early)) == "Ended early"
    assert str(record_status(make_run(library, accuracies=(20,)))) == "Stopped"
