"""The reproduction: what counts as the same measurement, what is skipped, what the table says."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reproduction import reproduce, story
from tests.reproduction.compress_again import compressed
from workbench.commands.terminal import Bars
from workbench.engine.control import RunControl
from workbench.engine.events import EpochDone, Evaluation
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, read_epochs
from workbench.spec import expected
from workbench.spec.experiment import Experiment, with_changes
from workbench.spec.presets import find_preset

STEPS = 2001
"""Steps an epoch, so that 2000 is the last iteration that is printed."""


def test_the_story_and_its_chart_say_what_the_table_says() -> None:
    """Where this fails: python tests/reproduction/story.py"""
    text = story.STORY.read_text(encoding="utf-8")
    assert story.filled(text, story.tables()) == text
    assert story.CHART.read_text(encoding="utf-8") == story.chart(
        reproduce.read_table(story.RESULTS)
    )


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS", "TEST_IMAGES", "CURVES"):
        monkeypatch.setattr(reproduce, name, tmp_path / name.lower())


def keep(
    library: Library,
    experiment: Experiment,
    accuracies: list[float],
    status: str = "finished",
    comparable: bool = True,
    preset: str = "009",
) -> RunRecord:
    """A run as the library keeps it, with these accuracies after its epochs."""
    record = RunRecord(
        id="",
        created="2026-11-24T22:00:00+00:00",
        preset=preset,
        title="",
        experiment=experiment.values(),
        data={"name": "CIFAR-10", "fingerprint": "f" * 64, "comparable": comparable},
        device="cpu",
        environment={"device_name": "a CPU", "cpu_threads": 1, "torch": "2"},
        epochs=experiment.epochs,
        steps_per_epoch=STEPS,
    )
    writer = library.create(record)
    for epoch, accuracy in enumerate(accuracies, 1):
        writer.add_losses(np.arange(STEPS) + 10_000 * epoch)
        test = Evaluation("train", 0, 10_000, accuracy, 1.0, ("a",), (1.0,), ((1,),))
        writer.add(EpochDone(epoch, 1 / epoch, 1.0, 0.1, 10.0, 2.0, test, False))
    writer.update(status=status)
    writer.close()
    return replace(writer.record, status=status)  # type: ignore[arg-type]


def rows() -> list[dict[str, Any]]:
    with reproduce.RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def nine(**changes: Any) -> Experiment:
    return with_changes(find_preset("009").experiment, changes)


@pytest.mark.slow
def test_the_table_says_how_far_a_run_is_from_the_report(tmp_path: Path) -> None:
    library = Library(tmp_path / "runs")
    as_run = find_preset("009").as_run
    assert as_run is not None
    keep(library, as_run, [70.0] * 29 + [74.0])
    keep(library, nine(seed=1), [60.0, 65.0], status="stopped")
    keep(library, nine(scheduler="none", normalization="none"), [50.0] * 30)
    keep(library, nine(scheduler="none"), [74.5] * 30)
    keep(library, find_preset("005").as_run or nine(), [10.0] * 6, preset="005")
    keep(library, nine(learning_rate=0.5), [10.0] * 30)
    keep(library, nine(seed=2), [99.0] * 30, comparable=False)
    assert reproduce.main(["collect", "--library", str(library.path)]) == 0
    assert [(r["ran"], r["seed"], r["state"], r["difference"]) for r in rows()] == [
        ("as run", "0", "finished", "+0.00"),
        ("as run, without test images", "0", "finished", "-0.46"),
        ("as run", "0", "finished", "-0.96"),
        ("as declared", "1", "as far as epoch 2", ""),
        ("other", "0", "finished", ""),
        ("other", "0", "finished", "-24.96"),
    ]
    # What has not ended was tested in training mode so far, and stands beside that figure.
    assert [r["reported"] for r in rows()[:4]] == ["10.00", "74.96", "74.96", "65.60"]
    (unfinished,) = [r for r in story.results_table(rows()).splitlines() if "as written" in r]
    assert "| 65.60 in training mode | 65.00 in training mode |" in unfinished
    best = rows()[2]
    assert best["overrides"] == "scheduler=none test_images_in_batch_norm=true"
    assert best["losses"] == "0:300000.0000 1000:301000.0000 2000:302000.0000"
    assert best["seconds"] == "360.0"
    assert float(best["binomial_error"]) == pytest.approx(0.44, abs=0.005)


def test_a_run_on_images_that_were_compressed_again_reproduces_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    preset = find_preset("009")
    assert preset.as_run is not None
    record = keep(library, with_changes(preset.as_run, {"epochs": 30}), [40.0] * 30)
    twice = {"fingerprint": next(iter(reproduce.ALTERED)), "comparable": False}
    altered = replace(record, data=record.data | twice)
    (row,) = reproduce.rows_of(altered)
    assert row["ran"] == "other"
    assert row["overrides"].endswith("test_images_in_batch_norm=true images=compressed_again")
    assert reproduce.curve_of(altered) is None
    assert reproduce.curve_of(record) is not None
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    again = compressed(pixels)
    assert again.shape == pixels.shape
    assert not np.array_equal(again, pixels)
    slope = np.repeat(np.arange(32, dtype=np.uint8)[:, None] * 7, 32, 1)
    slope = np.stack([slope, slope.T, slope], axis=2)
    # Nothing is moved or cut: one pixel would change 7.
    assert np.abs(compressed(slope).astype(int) - slope).mean() < 4


def test_the_originals_are_asked_for_where_they_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("workbench.data.data_choice.cifar10_places", lambda: [tmp_path])
    assert reproduce.main(["originals", "--library", str(tmp_path / "runs")]) == 2
    assert "CIFAR-10 is not on this machine" in capsys.readouterr().err


def test_the_originals_are_a_run_of_three_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(reproduce, "run", lambda options: asked.append(options) or 0)
    assert reproduce.main(["originals", "--library", str(tmp_path)]) == 0
    (options,) = asked
    assert (options.dataset, options.seeds) == ("cifar10", 3)
    assert tuple(options.presets) == reproduce.ON_ORIGINALS


def test_one_seed_on_two_devices_is_one_seed(tmp_path: Path) -> None:
    library = Library(tmp_path / "runs")
    record = keep(library, nine(), [60.0, 65.0], status="stopped")
    (short,) = reproduce.rows_of(record)
    longer = {**short, "device_name": "another CPU", "epochs_done": 30, "measured": "66.00"}
    originals = {**short, "data": "CIFAR-10, other", "measured": "70.00"}
    lines = [
        line
        for line in story.results_table([short, longer, originals]).splitlines()
        if line.startswith("| 009")
    ]
    assert len(lines) == 2
    assert "| 66.00 in training mode |" in lines[0]
    assert "| – | 1 | CIFAR-10, another CPU |" in lines[0]
    assert "70.00" in lines[1]


def test_the_row_that_got_furthest_stays(tmp_path: Path) -> None:
    first, second = Library(tmp_path / "first"), Library(tmp_path / "second")
    keep(first, nine(), [60.0, 65.0], status="stopped")
    keep(second, nine(), [60.0], status="stopped")
    for library in (first, second):
        reproduce.write(library.runs())
    (row,) = rows()
    assert row["epochs_done"] == "2"
    keep(second, nine(), [60.0] * 30)
    reproduce.write(second.runs())
    (row,) = rows()
    assert row["state"] == "finished"


def test_the_curves_are_read_back_by_the_program(tmp_path: Path) -> None:
    library = Library(tmp_path / "runs")
    keep(library, nine(scheduler="none"), [40.0, 50.0], status="stopped")
    keep(library, nine(learning_rate=0.5), [10.0, 11.0])  # not a preset's
    reproduce.write(library.runs())
    reproduce.write(library.runs())
    curves = expected.read_curves(reproduce.CURVES)
    (curve,) = curves
    assert curve.preset == "009"
    assert curve.accuracy == (40.0, 50.0)
    assert curve.loss == (1.0, 0.5)
    assert curve.device == "a CPU"
    assert curve.final is None  # it has not come to its final test
    # What ran differs from what was declared only from epoch 21 on.
    found = expected.expected_of(nine(), curves)
    assert found is not None
    assert found.accuracy == (40.0, 50.0)
    ended = keep(library, nine(), [62.0] * 30)
    reproduce.write([replace(ended, accuracy=72.5)])
    written = {curve.final for curve in expected.read_curves(reproduce.CURVES)}
    assert written == {None, 72.5}


@pytest.mark.slow
def test_what_is_finished_is_not_trained_again(tmp_path: Path) -> None:
    library = tmp_path / "runs"
    command = ["run", "001", "--dataset", "sample", "--library", str(library), "--device", "cpu"]
    command += ["--seeds", "2", "--set", "epochs=1", "--set", "batch_size=500", "--threads", "1"]
    assert reproduce.main(command) == 0
    assert len(Library(library).runs()) == 2
    assert reproduce.main(command) == 0
    assert len(Library(library).runs()) == 2
    assert rows() == []  # the sample says nothing of the report
    (newest, _) = Library(library).runs()
    assert newest.experiment["seed"] == 1


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(tmp_path / "runs")
    command = ["run", "001", "--dataset", "sample", "--library", str(library.path)]
    command += ["--device", "cpu", "--set", "epochs=2", "--set", "batch_size=500", "--threads", "1"]

    class StopsAfterAnEpoch(Bars):
        def show(self, event: Any) -> None:
            if isinstance(event, EpochDone):
                self.control.stop()

        control: RunControl

    def control() -> RunControl:
        StopsAfterAnEpoch.control = RunControl()
        return StopsAfterAnEpoch.control

    with monkeypatch.context() as patch:
        patch.setattr(reproduce, "Bars", StopsAfterAnEpoch)
        patch.setattr(reproduce, "RunControl", control)
        assert reproduce.main(command) == 130
    (run,) = library.runs()
    assert (run.status, run.epochs_done) == ("stopped", 1)
    assert reproduce.main(command) == 0
    (run,) = library.runs()
    assert (run.status, run.epochs_done) == ("finished", 2)


def test_a_broken_off_run_is_trained_again(tmp_path: Path) -> None:
    library = Library(tmp_path)
    record = keep(library, nine(), [60.0], status="stopped")
    assert reproduce.found(library.runs(), nine(), "f" * 64) == record
    assert reproduce.found(library.runs(), nine(), "e" * 64) is None
    assert reproduce.found(library.runs(), nine(seed=1), "f" * 64) is None
    done = keep(library, nine(), [60.0] * 30)
    assert reproduce.found(library.runs(), nine(), "f" * 64) == done


def test_a_question_that_has_no_effect_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "001", "--dataset", "sample", "--library", "x", "--set", "gamma=0.5"]
    assert reproduce.main(command) == 2
    assert "gamma: has no effect" in capsys.readouterr().err


@pytest.mark.slow
def test_what_test_images_in_batch_norm_are_worth_is_measured_from_weights(tmp_path: Path) -> None:
    library = tmp_path / "runs"
    command = ["run", "009", "--dataset", "sample", "--library", str(library), "--device", "cpu"]
    command += ["--declared", "--set", "epochs=1", "--set", "batch_size=200", "--threads", "1"]
    assert reproduce.main(command) == 0
    (weights,) = library.glob("*/mlp_weight_009.pkl")
    command = ["test-images", str(weights), "--dataset", "sample", "--draws", "2"]
    command += ["--batch-sizes", "20", "500"]
    for _ in range(2):  # measured again, it is no other measurement
        assert reproduce.main(command) == 0
    measured = reproduce.read_table(reproduce.TEST_IMAGES)
    assert [(row["test_batch"], row["draw"]) for row in measured] == [
        ("20", "0"),
        ("20", "1"),
        ("500", "0"),
        ("500", "1"),
    ]
    # The test has moved the statistics, by its own images and batches.
    assert {row["difference"] for row in measured} - {"+0.00"}
    assert measured[0]["training_mode"] != measured[2]["training_mode"]
    for row in measured:
        training, test = (float(row[f"statistics_of_{n}_images"]) for n in ("training", "test"))
        assert float(row["difference"]) == pytest.approx(test - training, abs=0.011)


def test_a_network_without_batch_norm_has_nothing_to_move(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = Path(__file__).parents[1] / "golden" / "format1_001.pkl"
    assert reproduce.main(["test-images", str(golden), "--dataset", "sample"]) == 2
    assert "test_images_in_batch_norm: has no effect" in capsys.readouterr().err


@pytest.mark.slow
def test_six_is_read_from_a_run_of_two(tmp_path: Path) -> None:
    # The decay of 006 was never applied, so that as run it is 002 with 20 epochs fewer.
    two, library = find_preset("002").experiment, Library(tmp_path / "runs")
    keep(library, two, [50.0] * 79 + [63.0, 64.0], status="stopped", preset="002")
    reproduce.write(library.runs())
    found = {r["preset"]: r for r in rows()}
    assert found.keys() == {"001", "002", "006"}
    assert found["006"]["from"] == "epoch 80 of 002"
    assert (found["006"]["ran"], found["006"]["state"]) == ("as run", "finished")
    assert (found["006"]["measured"], found["006"]["difference"]) == ("63.00", "+0.18")
    assert found["006"]["losses"].startswith("0:800000.0000")
    assert found["002"]["state"] == "as far as epoch 81"
    # A run of its own comes before part of another, whichever was read first.
    six = find_preset("006").as_run
    assert six is not None
    keep(library, six, [62.0] * 80, preset="006")
    for records in (library.runs(), library.runs()[::-1]):
        reproduce.write(records)
        assert {r["preset"]: r["measured"] for r in rows()}["006"] == "62.00"


def test_no_run_with_dropout_is_read_from_a_longer_one(tmp_path: Path) -> None:
    # Its final test is another than the one after the epoch.
    assert not reproduce.goes_on_from(nine(epochs=31), nine())
    plain = find_preset("002").experiment
    assert reproduce.goes_on_from(plain, with_changes(plain, {"epochs": 80}))
    assert not reproduce.goes_on_from(plain, with_changes(plain, {"epochs": 80, "seed": 1}))


@pytest.mark.slow
def test_the_first_epochs_do_not_depend_on_how_many_follow(tmp_path: Path) -> None:
    command = ["run", "001", "--dataset", "sample", "--library", str(tmp_path / "runs")]
    command += ["--device", "cpu", "--set", "batch_size=500", "--threads", "1", "--set"]
    for epochs in (1, 2):
        assert reproduce.main([*command, f"epochs={epochs}"]) == 0
    longer, shorter = Library(tmp_path / "runs").runs()
    first, only = read_epochs(longer.folder)[0], read_epochs(shorter.folder)[0]
    for name in ("loss", "last_loss", "accuracy", "test_loss"):
        assert first[name] == only[name]
    assert shorter.accuracy == only["accuracy"]  # that of the final test
