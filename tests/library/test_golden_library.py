"""A library of format 1, as it was written then, opens and says what it said.

``tests/golden/library_format1`` stays as it is for good; a new format gets a library of its own.
It was trained on the sample: one run finished and named (in ``run.json``, where names were kept),
one killed with SIGKILL in its third epoch. The weight files were taken out for their size.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.library.catalog import Library
from workbench.library.run_folder import read_epochs, read_log, read_losses, read_test

GOLDEN = Path(__file__).parents[1] / "golden" / "library_format1"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(Path(shutil.copytree(GOLDEN, tmp_path / "library")))


def test_the_golden_library_of_format_1(library: Library) -> None:
    runs, problems = library.read()
    assert problems == []
    killed, named = runs
    assert (named.status, named.name, named.accuracy) == ("finished", "느린 실험 🙂", 84.8)
    assert (named.tags, named.notes, named.starred) == ((), "", False)
    assert named.experiment["optimizer"] == "adam"
    assert len(read_losses(named.folder)) == named.epochs_done * named.steps_per_epoch == 40
    assert [row["accuracy"] for row in read_epochs(named.folder)] == [54.8, 84.8]
    test = read_test(named.folder)
    assert test is not None
    assert (test[0].correct, test[1], test[2]) == (424, 2, True)
    assert "Final test in evaluation mode" in read_log(named.folder)

    assert (killed.status, killed.epochs_done, killed.epochs) == ("interrupted", 2, 60)
    assert len(read_losses(killed.folder)) == 21


def test_its_runs_are_labeled_as_new_ones(library: Library) -> None:
    for run in library.runs():
        library.rename(run, "new")
    assert [run.name for run in library.runs()] == ["new", "new"]
