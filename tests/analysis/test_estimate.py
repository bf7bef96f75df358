"""What a run will take."""

from __future__ import annotations

import shutil
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.library.test_run_folder import RECORD
from workbench.analysis.estimate import (
    GPU_BYTES_PER_IMAGE,
    disk_bytes,
    estimate,
    memory_bytes,
    require_memory,
    speed_of,
    timed_seconds,
)
from workbench.data.data_choice import DataChoice
from workbench.engine.step_times import Timing
from workbench.library.run_folder import RunRecord
from workbench.messages import Message, WorkbenchError
from workbench.spec.experiment import experiment_from, with_changes
from workbench.spec.networks import network_layers, weight_bytes
from workbench.spec.presets import find_preset

SAMPLE = DataChoice("sample", None, Message("The sample."))
FOLDER = DataChoice("folder", Path("/data/birds"), Message("A folder."))
ADAM = find_preset("007").experiment


def earlier(**changes: Any) -> RunRecord:
    values = {
        "experiment": ADAM.values(),
        "data": {"kind": "sample", "name": "sample"},
        "epochs_done": 10,
        "seconds": 20.0,
        "status": "finished",
    }
    return replace(RECORD, **{**values, **changes})


def seconds(*runs: RunRecord, data: DataChoice = SAMPLE, device: str = "auto") -> float | None:
    experiment = with_changes(ADAM, {"epochs": 50})
    return estimate(experiment, data, device, runs, Path("/")).seconds


def test_the_median_of_the_newest_runs_like_it_times_the_epochs() -> None:
    assert seconds() is None
    assert seconds(earlier()) == 100.0
    assert seconds(earlier(seconds=10.0), earlier(), earlier(seconds=999.0)) == 100.0
    # Another machine's, years ago, no longer counts.
    ancient = [
        earlier(seconds=1.0, created=f"2020-01-0{day}T00:00:00+00:00") for day in range(1, 9)
    ]
    assert seconds(*ancient, *[earlier()] * 5) == 100.0


@pytest.mark.parametrize(
    "other",
    [
        earlier(epochs_done=0, seconds=0.0),
        earlier(seconds=float("nan")),
        earlier(data={"kind": "cifar10", "name": "CIFAR-10"}),
        earlier(experiment={**ADAM.values(), "batch_size": 512}),
        earlier(experiment={**ADAM.values(), "dropout": 0.2}),
        earlier(experiment={**ADAM.values(), "batch_norm": True}),
        earlier(experiment=find_preset("001").experiment.values()),
        earlier(experiment={}),
    ],
)
def test_runs_unlike_it_say_nothing(other: RunRecord) -> None:
    assert seconds(other) is None
    assert seconds(other, earlier()) == 100.0


def test_the_device_and_the_folder_of_data_count() -> None:
    assert seconds(earlier(device="cuda:0"), device="cpu") is None
    assert seconds(earlier(device="cuda:0"), device="cuda:0") == 100.0
    birds = earlier(data={"kind": "folder", "path": str(FOLDER.path), "train_images": 10})
    cats = earlier(data={"kind": "folder", "path": "/data/cats"}, seconds=999.0)
    assert seconds(birds, cats, data=FOLDER) == 100.0


def test_another_learning_rate_or_seed_trains_as_fast() -> None:
    assert seconds(earlier(experiment={**ADAM.values(), "learning_rate": 0.5, "seed": 7})) == 100.0


TIMED = Timing(0.5, 0.001)
HUNDREDS = with_changes(ADAM, {"epochs": 3, "batch_size": 100})


def test_timed_steps_and_tests_make_the_time_and_earlier_runs_where_there_are_none() -> None:
    there = estimate(HUNDREDS, SAMPLE, "auto", [], Path("/"), timing=TIMED)
    # 2,000 and 500 images: 20 steps and a test for each of 3 epochs, and the final test.
    assert there.seconds == pytest.approx(3 * (20 * 0.5 + 500 * 0.001) + 500 * 0.001)
    assert there.earlier == 0
    run = earlier(experiment=HUNDREDS.values())
    # How fast it was says little of a machine that is busy now.
    known = estimate(HUNDREDS, SAMPLE, "auto", [run], Path("/"), timing=TIMED)
    assert (known.seconds, known.earlier) == (there.seconds, 0)
    untimed = estimate(HUNDREDS, SAMPLE, "auto", [run], Path("/"), timing=Timing(None, None))
    assert (untimed.seconds, untimed.earlier) == (6.0, 1)
    nothing = estimate(HUNDREDS, SAMPLE, "auto", [], Path("/"), timing=Timing(None, None))
    assert nothing.seconds is None


def test_a_folder_counts_its_own_images_and_is_not_guessed_at() -> None:
    there = estimate(HUNDREDS, FOLDER, "auto", [], Path("/"), images=(150, 10), timing=TIMED)
    # A short last batch counts by its share.
    assert there.seconds == pytest.approx(3 * (1.5 * 0.5 + 0.01) + 0.01)
    unknown = estimate(HUNDREDS, FOLDER, "auto", [], Path("/"), timing=TIMED)
    assert unknown.seconds is None


def test_the_memory_of_a_gpu_is_the_steps_and_the_data_set() -> None:
    def on_gpu(free: int) -> bool:
        timing = Timing(0.5, 0.001, 10**8, free)
        there = estimate(HUNDREDS, SAMPLE, "cuda:0", [], Path("/"), timing=timing)
        assert there.gpu_bytes == 10**8 + data
        return there.fits_gpu

    data = 2_500 * GPU_BYTES_PER_IMAGE
    assert on_gpu(free=10**8 + data + 1)
    assert not on_gpu(free=10**8 + data)
    # On the CPU there is none to run out of.
    here = estimate(HUNDREDS, SAMPLE, "cpu", [], Path("/"), timing=TIMED)
    assert here.gpu_bytes is None
    assert here.fits_gpu


def test_a_run_of_before_a_field_was_there_is_like_one_with_its_default() -> None:
    values = ADAM.values()
    del values["channels"]
    assert seconds(earlier(experiment=values)) == 100.0
    assert speed_of(values) != speed_of(with_changes(ADAM, {"channels": "64, 64"}).values())


def test_memory_is_weights_and_what_a_batch_leaves() -> None:
    small, large = (experiment_from({"channels": c, "batch_size": 2}) for c in ("8", [2048] * 6))
    assert memory_bytes(large) > 7 * weight_bytes(large, 10) > 5e9
    assert memory_bytes(small) < 100e6
    more = with_changes(small, {"batch_size": 50_000})
    layers = network_layers(small, 10)
    per_image = 4 * sum(prod(layer.outputs) for layer in layers)
    assert memory_bytes(more) - memory_bytes(small) == 49_998 * per_image
    require_memory(small, free=10**9)
    with pytest.raises(WorkbenchError, match=r"MB of memory, and 1,000 MB are free"):
        require_memory(large, free=10**9)


def test_memory_of_the_machine_counts_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.analysis.estimate.free_memory", lambda: 1_000)
    assert not estimate(ADAM, SAMPLE, "cpu", [], Path()).fits_memory
    assert estimate(ADAM, SAMPLE, "cuda", [], Path()).fits_memory


def test_bytes_on_the_disk_grow_with_the_steps() -> None:
    short = disk_bytes(with_changes(ADAM, {"epochs": 1}), 50_000, 10_000)
    long = disk_bytes(with_changes(ADAM, {"epochs": 101}), 50_000, 10_000)
    steps = -(-50_000 // ADAM.batch_size)
    assert long - short == 100 * (4 * steps + 160)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_disk_without_room_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = estimate(ADAM, SAMPLE, "auto", [], tmp_path / "not" / "there" / "yet")
    assert there.free_bytes is not None
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 100, 100))
    assert not estimate(ADAM, SAMPLE, "auto", [], tmp_path).fits

    def unknown(path: object) -> Usage:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "disk_usage", unknown)
    assert estimate(ADAM, SAMPLE, "auto", [], tmp_path).fits


def test_the_validation_is_tested_and_not_trained_on() -> None:
    split = with_changes(ADAM, {"epochs": 10, "validation_share": 0.1})
    timing = Timing(seconds_per_step=0.016, seconds_per_test_image=0.0001)
    found = timed_seconds(split, 50_000, 10_000, timing)
    # 45,000 images trained at a thousand a second, 15,000 tested, and the final test.
    assert found == pytest.approx(10 * (45.0 + 1.5) + 1.0)
    assert timed_seconds(with_changes(ADAM, {"epochs": 10}), 50_000, 10_000, timing) == (
        pytest.approx(10 * (50.0 + 1.0) + 1.0)
    )


def test_runs_with_another_validation_split_say_nothing() -> None:
    assert seconds(earlier(experiment={**ADAM.values(), "validation_share": 0.2})) is None
    old = {k: v for k, v in ADAM.values().items() if k != "validation_share"}
    assert seconds(earlier(experiment=old)) == 100.0  # before there was one


def test_early_stopping_makes_it_an_estimate_at_most() -> None:
    def at_most(**changes: Any) -> bool:
        return estimate(with_changes(ADAM, changes), SAMPLE, "auto", [], Path("/")).at_most

    assert (at_most(), at_most(early_stopping=3)) == (False, True)


def test_the_disk_that_a_run_takes_grows_with_its_classes() -> None:
    experiment = experiment_from({"epochs": 1})
    ten = disk_bytes(experiment, 1000, 1000)
    hundred = disk_bytes(experiment, 1000, 1000, 100)
    # Six copies of the last layer's 90 more outputs, and logits of 90 more classes.
    assert hundred - ten == 6 * 4 * 90 * 101 + 1000 * 4 * 90
