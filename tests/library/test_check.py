"""The findings of `runs check` and their repairs, on the golden library."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from tests.library.made_runs import make_run
from tests.library.test_golden_library import GOLDEN
from workbench.engine.evaluation import figures
from workbench.library.catalog import Library
from workbench.library.check import check_library, repair
from workbench.library.run_folder import RunWriter, read_losses, read_record, read_test
from workbench.library.stored_figures import figures_of
from workbench.messages import WorkbenchError

FORMAT1_PKL = Path(__file__).parents[1] / "golden" / "format1_001.pkl"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The golden library with weights, and without its interrupted run."""
    path = Path(shutil.copytree(GOLDEN, tmp_path / "내 실험 🙂"))
    shutil.rmtree(next(path.glob("*_002")))
    run = next(path.glob("*_007"))
    for name in ("mlp_weight_007.pkl", "mlp_weight_007_best.pkl"):
        shutil.copy(FORMAT1_PKL, run / name)
    return path


@pytest.fixture
def run(library: Path) -> Path:
    return next(library.glob("*_007"))


def kinds(library: Path, faults_only: bool = False) -> list[str]:
    return [each.kind for each in check_library(library) if each.fault or not faults_only]


def mend_all(library: Path) -> None:
    for finding in list(check_library(library)):
        if finding.remedy:
            assert repair(finding)


def edit(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


def files(library: Path) -> dict[str, bytes]:
    """Every content there is, with one of the places where it is."""
    return {str(p): p.read_bytes() for p in library.rglob("*") if p.is_file()}


def old(path: Path) -> None:
    """As if nobody had touched it for an hour."""
    then = time.time() - 3600
    os.utime(path, (then, then))


def test_a_sound_library_is_clean_and_left_alone(library: Path) -> None:
    before = files(library)
    assert kinds(library) == []
    mend_all(library)
    assert files(library) == before


def test_the_figures_are_those_of_the_engine(run: Path) -> None:
    import torch

    with np.load(run / "test_logits.npz") as file:
        logits, labels = torch.from_numpy(file["logits"]), torch.from_numpy(file["labels"])
    classes = tuple(read_record(run).data["classes"])
    theirs = figures(logits, labels, classes, "eval")
    ours = figures_of(run / "test_logits.npz", classes)
    assert replace(ours, loss=0.0) == replace(theirs, loss=0.0)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-12)


def rewrite_logits(run: Path) -> None:
    with np.load(run / "test_logits.npz") as file:
        logits, labels = file["logits"], file["labels"]
    np.savez(run / "test_logits.npz", logits=np.roll(logits, 1, axis=0), labels=labels)


def grow_losses(run: Path) -> None:
    with (run / "losses.f32").open("ab") as file:
        file.write(b"\0\0\0")


BROKEN: list[tuple[str, Callable[[Path], object], bool]] = [
    ("missing_weights", lambda run: (run / "mlp_weight_007.pkl").unlink(), True),
    ("damaged", lambda run: (run / "mlp_weight_007_best.pkl").write_bytes(b"PK"), True),
    ("damaged", lambda run: (run / "labels.json").write_text("{"), True),
    ("damaged", lambda run: (run / "run.json").write_text('{"format"'), True),
    ("damaged", lambda run: edit(run / "run.json", epochs="two"), True),
    ("damaged", lambda run: (run / "test_logits.npz").write_bytes(b"PK\3\4half"), True),
    ("test_disagrees", lambda run: (run / "test.json").write_text("[1]"), True),
    ("damaged", lambda run: (run / "epochs.csv").write_bytes(b"epoch,loss\n1,\xff\n"), True),
    ("damaged", lambda run: (run / "epochs.csv").write_text("epoch,loss\n2,1,1\n"), True),
    ("damaged", lambda run: (run / "epochs.csv").write_text("epoch,loss\n2,nothing\n"), True),
    ("accuracy_disagrees", lambda run: edit(run / "run.json", accuracy=99.9), True),
    ("accuracy_disagrees", lambda run: edit(run / "run.json", accuracy=None), True),
    ("best_disagrees", lambda run: edit(run / "run.json", best_accuracy=99.9), True),
    ("epochs_disagree", lambda run: edit(run / "run.json", epochs_done=1, best_epoch=1), True),
    ("test_disagrees", lambda run: edit(run / "test.json", correct=499, accuracy=99.8), True),
    ("test_disagrees", lambda run: edit(run / "test.json", loss=None), True),
    ("test_disagrees", lambda run: (run / "test.json").unlink(), True),
    ("test_disagrees", rewrite_logits, True),
    ("half_loss", grow_losses, True),
    ("missing_logits", lambda run: (run / "test_logits.npz").unlink(), False),
    ("losses_disagree", lambda run: (run / "losses.f32").write_bytes(b"\0" * 80), False),
    ("losses_disagree", lambda run: (run / "losses.f32").unlink(), False),
    ("epochs_disagree", lambda run: edit(run / "run.json", epochs_done=3), False),
]


@pytest.mark.parametrize(
    ("kind", "break_it", "can_be_repaired"),
    BROKEN,
    ids=[f"{n}-{b[0]}" for n, b in enumerate(BROKEN)],
)
def test_what_is_broken_is_found_and_mended_without_a_loss(
    kind: str, break_it: Callable[[Path], object], can_be_repaired: bool, library: Path, run: Path
) -> None:
    break_it(run)
    before = files(library)
    findings = list(check_library(library))
    first = next(finding for finding in findings if finding.kind == kind)
    assert first.fault
    assert (first.remedy is not None) == can_be_repaired
    assert str(first.message).startswith(str(library))
    for _ in range(3):  # what one repair brings to light, the next repairs
        mend_all(library)
    left = set(kinds(library, faults_only=True))
    # What was measured and cannot be read any more cannot be had again: that stays said.
    gone = {"test_logits.npz": {"missing_logits"}, "epochs.csv": {"epochs_disagree"}}
    if can_be_repaired:
        assert left == (gone.get(first.path.name, set()) if kind == "damaged" else set())
    else:
        assert kind in left
    after = set(files(library).values())
    assert all(content in after for content in before.values()), "something was lost"


def test_figures_are_mended_to_what_was_measured(library: Path, run: Path) -> None:
    edit(run / "run.json", accuracy=99.9, best_accuracy=1.0)
    edit(run / "test.json", correct=1)
    mend_all(library)
    record = read_record(run)
    assert (record.accuracy, record.best_accuracy, record.name) == (84.8, 84.8, "느린 실험 🙂")
    test = read_test(run)
    assert test is not None
    assert test[0].correct == 424
    assert record.status == "finished"


def test_half_a_loss_is_cut_off(library: Path, run: Path) -> None:
    before = read_losses(run)
    grow_losses(run)
    mend_all(library)
    assert (run / "losses.f32").read_bytes() == before.tobytes()


def test_an_interrupted_run_is_said_and_no_fault(tmp_path: Path) -> None:
    path = Path(shutil.copytree(GOLDEN, tmp_path / "library"))
    killed = next(path.glob("*_002"))
    # Killed after it wrote the weights, a row and half of a loss, before it wrote run.json.
    edit(killed / "run.json", epochs_done=1, best_weights=None, best_epoch=1, best_accuracy=10.0)
    shutil.copy(FORMAT1_PKL, killed / "mlp_weight_002_best.pkl")
    with (killed / "losses.f32").open("ab") as file:
        file.write(b"\0")
    (killed / ".epochs.csv.123.tmp").write_text("epoch,lo")
    found = [each for each in check_library(path) if killed in (each.path, each.path.parent)]
    assert [(e.kind, e.fault) for e in found] == [("interrupted", False), ("leftover", False)]
    for finding in found:
        repair(finding)
    assert read_record(killed).status == "interrupted"
    assert not (killed / ".epochs.csv.123.tmp").exists()


def test_half_folders(library: Path) -> None:
    empty, half, theirs = library / "empty", library / "half", library / "my notes"
    for folder in (empty, half, theirs):
        folder.mkdir()
    (empty / "run.lock").touch()
    (empty / ".run.json.1.tmp").write_text('{"id"')
    (half / "losses.f32").write_bytes(b"\0\0\0\0")
    (theirs / "thesis.txt").write_text("years of work")
    assert kinds(library) == []  # they may be in the making
    for folder in (empty, half, theirs):
        old(folder)
    assert kinds(library) == ["half_folder", "empty_folder"]
    mend_all(library)
    assert kinds(library) == []
    assert not half.exists()
    assert not empty.exists()
    assert (library / ".damaged" / "half" / "losses.f32").exists()
    assert (library / ".trash" / "empty").exists()
    assert (theirs / "thesis.txt").exists()


def test_a_run_that_a_process_holds_is_not_looked_at(library: Path, run: Path) -> None:
    writer = RunWriter(run, replace(read_record(run), status="running"))
    (run / "mlp_weight_007.pkl").unlink()
    assert kinds(library) == []
    writer.close()
    assert "missing_weights" in kinds(library)


def test_a_run_that_a_process_took_meanwhile_is_not_mended(library: Path, run: Path) -> None:
    edit(run / "run.json", accuracy=99.9)
    (finding,) = check_library(library)
    before = (run / "run.json").read_bytes()
    with FileLock(run / "run.lock"):
        assert not repair(finding)
    assert (run / "run.json").read_bytes() == before


def test_newer_formats_are_said_and_left(library: Path, run: Path) -> None:
    (run / "labels.json").write_text('{"format": 99}')
    assert kinds(library, faults_only=True) == []
    edit(run / "run.json", format=99)
    findings = list(check_library(library))
    assert [(each.kind, each.remedy) for each in findings] == [("newer_format", None)]
    assert Library(library).read()[0] == []


def test_weights_that_are_not_named_are_named(library: Path, run: Path) -> None:
    edit(run / "run.json", weights=None)
    assert kinds(library) == ["unnamed_weights"]
    mend_all(library)
    assert read_record(run).weights == "mlp_weight_007.pkl"


def test_a_disk_that_does_not_let_it_is_said_and_nothing_is_lost(
    library: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(run / "run.json", accuracy=99.9)
    before = (run / "run.json").read_bytes()
    (finding,) = check_library(library)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkbenchError, match=r"cannot be repaired \(No space left"):
        repair(finding)
    assert (run / "run.json").read_bytes() == before


def test_the_best_epoch_is_checked_by_what_it_was_chosen_on(tmp_path: Path) -> None:
    record = make_run(
        Library(tmp_path / "library"),
        accuracies=(20.0, 25.0, 30.0),
        validation=(20.0, 28.0, 24.0),
        validation_share=0.1,
    )
    assert (record.best_epoch, record.best_accuracy) == (2, 25.0)

    def found() -> list[str]:
        findings = check_library(record.folder.parent)
        return [f.kind for f in findings if f.kind in ("best_disagrees", "damaged")]

    assert found() == []
    # As if the test set had chosen.
    edit(record.folder / "run.json", best_epoch=3, best_accuracy=30.0)
    (finding,) = [f for f in check_library(record.folder.parent) if f.kind == "best_disagrees"]
    assert "its best epoch is 2 with 25.0%" in str(finding.message)
    assert repair(finding)
    repaired = read_record(record.folder)
    assert (repaired.best_epoch, repaired.best_accuracy, repaired.best_validation_accuracy) == (
        2,
        25.0,
        28.0,
    )
    text = (record.folder / "epochs.csv").read_text()
    (record.folder / "epochs.csv").write_text(text.replace(",28.0,", ",twenty,"))
    assert found() == ["damaged"]
