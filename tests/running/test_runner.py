"""One way to train: what a run leaves in the library, however it ends."""

from __future__ import annotations

import csv
import errno
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import cut
from workbench.data.data_choice import DataChoice, choose_data
from workbench.data.datasets import DataSet
from workbench.engine.control import RunControl
from workbench.engine.events import (
    EpochDone,
    Event,
    RunEnded,
    RunStarted,
    StepsDone,
    WeightsReady,
)
from workbench.library.catalog import Library
from workbench.library.run_folder import (
    read_epochs,
    read_log,
    read_losses,
    read_record,
    read_test,
)
from workbench.library.weights import load_weights
from workbench.messages import Cancelled, WorkbenchError
from workbench.running import inference, runner
from workbench.spec.experiment import experiment_from

FILES = {
    "run.json",
    "run.lock",
    "losses.f32",
    "epochs.csv",
    "test.json",
    "test_logits.npz",
    "log.txt",
    "mlp_weight_001.pkl",
    "mlp_weight_001_best.pkl",
}


@pytest.fixture(autouse=True)
def _small_data(small: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)
    monkeypatch.setattr(inference, "load_data", lambda choice, progress, stop: small)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "my runs 실험 🙂")


def run(
    library: Library,
    control: RunControl | None = None,
    listener: Any = None,
    preset: str | None = "001",
    **values: Any,
) -> tuple[RunEnded, list[Event]]:
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if listener:
            listener(event)

    ended = runner.run_experiment(
        experiment_from({"epochs": 2, **values}),
        library,
        listen,
        control or RunControl(),
        data=choose_data("sample"),
        device="cpu",
        preset=preset,
        title="Does it run?",
    )
    assert [e for e in events if isinstance(e, RunEnded)] == [ended]
    assert events[-1] is ended
    assert not any(isinstance(e, WeightsReady) for e in events)
    return ended, events


def test_a_finished_run_leaves_everything_that_was_measured(library: Library) -> None:
    ended, events = run(library, test_mode="train")
    assert ended.status == "finished"
    folder = Path(ended.run)
    assert {path.name for path in folder.iterdir()} == FILES
    assert events[0] == next(e for e in events if isinstance(e, RunStarted))
    assert events[0].run == str(folder)  # type: ignore[union-attr]

    record = read_record(folder)
    assert (record.status, record.epochs_done, record.epochs) == ("finished", 2, 2)
    assert record.accuracy == ended.test.accuracy  # type: ignore[union-attr]
    assert record.data["name"] == "sample"
    assert len(record.data["fingerprint"]) == 64
    assert record.environment["torch"] == torch.__version__
    assert record.environment["cpu_threads"] == torch.get_num_threads()
    assert experiment_from(record.experiment) == experiment_from(
        {"epochs": 2, "test_mode": "train"}
    )

    losses = [loss for e in events if isinstance(e, StepsDone) for loss in e.losses]
    assert read_losses(folder).tolist() == losses
    epochs = [e for e in events if isinstance(e, EpochDone)]
    assert [row["accuracy"] for row in read_epochs(folder)] == [e.test.accuracy for e in epochs]
    assert [row["loss"] for row in read_epochs(folder)] == [e.loss for e in epochs]
    test, epoch, final = read_test(folder)  # type: ignore[misc]
    assert (test, epoch, final) == (ended.test, 2, True)
    stored = np.load(folder / "test_logits.npz")
    assert (stored["logits"].argmax(1) == stored["labels"]).sum() == test.correct
    assert f"Accuracy of Test Data: {test.correct}/50" in read_log(folder)
    with (folder / "epochs.csv").open() as file:
        assert len(list(csv.reader(file))) == 3


def test_the_weights_of_a_run_load_and_test_the_same(library: Library) -> None:
    ended, _ = run(library, **{"batch_norm": True, "activation": "leaky_relu", "dropout": 0.1})
    weights = load_weights(Path(ended.weights))  # type: ignore[arg-type]
    assert weights.preset == "001"
    assert weights.metrics["accuracy"] == ended.test.accuracy  # type: ignore[union-attr]
    assert weights.classes[0] == "red disc"
    outcome = inference.evaluate_weights(
        Path(ended.weights),  # type: ignore[arg-type]
        choose_data("sample"),
        lambda event: None,
        RunControl(),
        device="cpu",
    )
    assert outcome.figures == ended.test
    best = load_weights(Path(ended.run) / "mlp_weight_001_best.pkl")
    record = read_record(Path(ended.run))
    assert best.metrics["epoch"] == record.best_epoch
    assert best.metrics["accuracy"] == record.best_accuracy


def test_a_validation_split_chooses_and_all_that_is_kept_says_so(library: Library) -> None:
    ended, events = run(
        library, epochs=3, optimizer="adam", validation_share=0.3, normalization="dataset"
    )
    started = events[0]
    assert isinstance(started, RunStarted)
    assert (started.validation_images, started.training_images) == (20, 50)
    assert started.steps_per_epoch == 4
    folder = Path(ended.run)
    record, rows = read_record(folder), read_epochs(folder)
    assert (record.data["train_images"], record.steps_per_epoch) == (70, 4)
    validation = [row["validation_accuracy"] for row in rows]
    best = validation.index(max(validation))
    assert record.best_chosen_on == "validation"
    assert (record.best_epoch, record.best_accuracy, record.best_validation_accuracy) == (
        best + 1,
        rows[best]["accuracy"],
        validation[best],
    )
    assert {row["validation_total"] for row in rows} == {20}
    kept = load_weights(folder / "mlp_weight_001_best.pkl")
    assert kept.metrics["chosen_on"] == "validation"
    assert kept.metrics["validation_accuracy"] == validation[best]
    last = load_weights(folder / "mlp_weight_001.pkl")
    assert "chosen_on" not in last.metrics
    # The pixels' scale is that of what was trained on, and an own test scales by it.
    outcome = inference.evaluate_weights(
        folder / "mlp_weight_001.pkl", choose_data("sample"), lambda event: None, RunControl()
    )
    assert outcome.figures == ended.test
    text = read_log(folder)
    assert "Data: sample, 50 training, 20 validation and 50 test images" in text
    correct = rows[0]["validation_correct"]
    assert f"Accuracy of Validation Data: {correct}/20" in text


def test_without_a_split_the_best_is_one_of_the_test_set(library: Library) -> None:
    ended, _ = run(library, epochs=1)
    record = read_record(Path(ended.run))
    assert (record.best_chosen_on, record.best_validation_accuracy) == ("test", None)
    assert not any("validation" in name for name in read_epochs(record.folder)[0])
    kept = load_weights(record.folder / "mlp_weight_001_best.pkl")
    assert kept.metrics["chosen_on"] == "test"
    assert "Validation" not in read_log(record.folder)


def test_a_share_that_cannot_be_had_fails_without_a_run(library: Library) -> None:
    ended, _ = run(library, validation_share=0.01)
    assert ended.status == "failed"
    assert "gives no image; choose a larger share" in str(ended.reason)
    assert not library.path.exists()


def test_a_network_that_is_too_large_for_memory_is_refused_before_it_is_built(
    library: Library,
) -> None:
    ended, _ = run(library, channels=[2048] * 6, batch_size=50_000)
    assert ended.status == "failed"
    assert "Training this network in batches of 50,000 takes about" in str(ended.reason)
    assert not library.path.exists()


def test_weights_scaled_by_their_data_are_tested_by_the_same_scale(
    library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, _ = run(library, epochs=1, normalization="dataset")
    bright = replace(small, train_images=small.train_images // 2 + 120)
    monkeypatch.setattr(runner, "load_data", lambda *_: bright)
    monkeypatch.setattr(inference, "load_data", lambda *_: bright)
    outcome = inference.evaluate_weights(
        Path(ended.weights),  # type: ignore[arg-type]
        choose_data("sample"),
        lambda event: None,
        RunControl(),
        device="cpu",
    )
    assert outcome.figures == ended.test


def test_a_long_preset_name_is_cut(library: Library) -> None:
    ended, _ = run(library, epochs=1, preset="가" * 75)
    assert ended.status == "finished"
    assert load_weights(Path(ended.weights)).preset == "가" * 75  # type: ignore[arg-type]


def stop_in_epoch_two(control: RunControl, how: str) -> Any:
    def listen(event: Event) -> None:
        if isinstance(event, StepsDone) and event.epoch == 2:
            getattr(control, how)()

    return listen


def test_stop_keeps_what_was_reached(library: Library) -> None:
    control = RunControl()
    ended, events = run(library, control, stop_in_epoch_two(control, "stop"), epochs=5)
    assert ended.status == "stopped"
    folder = Path(ended.run)
    record = read_record(folder)
    assert (record.status, record.epochs_done, record.epochs) == ("stopped", 1, 5)
    assert record.accuracy == read_epochs(folder)[0]["accuracy"]
    assert load_weights(folder / "mlp_weight_001.pkl").metrics["epoch"] == 1
    steps = [loss for e in events if isinstance(e, StepsDone) for loss in e.losses]
    assert len(read_losses(folder)) == len(steps) > 5


def test_cancel_discards(library: Library) -> None:
    control = RunControl()
    ended, _ = run(library, control, stop_in_epoch_two(control, "cancel"), epochs=5)
    assert ended.status == "cancelled"
    assert (ended.run, ended.weights) == ("", None)
    assert list(library.path.iterdir()) == []


def test_a_loss_that_is_not_a_number_is_a_failed_run_with_a_reason(library: Library) -> None:
    ended, _ = run(library, learning_rate=10, momentum=0.99, epochs=50)
    assert ended.status == "failed"
    record = read_record(Path(ended.run))
    assert record.status == "failed"
    assert record.reason == str(ended.reason)
    assert "smaller learning rate" in str(ended.reason)
    weights = load_weights(Path(ended.weights))  # type: ignore[arg-type]
    assert all(bool(torch.isfinite(t).all()) for t in weights.state_dict.values())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes"), "memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (ZeroDivisionError("x"), "ZeroDivisionError"),
    ],
)
def test_whatever_breaks_is_one_sentence_and_the_next_run_works(
    error: Exception, sentence: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("workbench.engine.steps.EagerSteps.advance", broken)
        ended, _ = run(library)
    assert ended.status == "failed"
    assert sentence in str(ended.reason)
    assert "\n" not in str(ended.reason)
    assert read_record(Path(ended.run)).status == "failed"
    assert run(library)[0].status == "finished"


def test_a_disk_that_fills_up_ends_in_one_event(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    import workbench.atomic

    real = workbench.atomic.os.fsync
    left = [6]

    def full(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(workbench.atomic.os, "fsync", full)
    ended, _ = run(library, epochs=5)
    monkeypatch.undo()
    assert ended.status == "failed"
    assert "disk is full" in str(ended.reason)
    # What stands is whole: the record is the last one that reached the disk.
    json.loads((Path(ended.run) / "run.json").read_text())
    assert not list(Path(ended.run).glob(".*.tmp"))


def test_data_that_cannot_be_read_fail_without_a_run(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise WorkbenchError("{path}: no images.", path="x")

    monkeypatch.setattr(runner, "load_data", refuse)
    ended, events = run(library)
    assert (ended.status, str(ended.reason), ended.run) == ("failed", "x: no images.", "")
    assert len(events) == 1
    assert not library.path.exists()


@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_stop_while_data_load(how: str, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    control = RunControl()

    def load(choice: DataChoice, progress: Any, stop: Any) -> None:
        getattr(control, how)()
        assert stop()
        raise Cancelled

    monkeypatch.setattr(runner, "load_data", load)
    ended, _ = run(library, control)
    assert ended.status == {"stop": "stopped", "cancel": "cancelled"}[how]


def test_a_run_that_trains_is_running_and_one_whose_process_is_gone_is_interrupted(
    library: Library,
) -> None:
    seen: list[str] = []
    left: list[Path] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 1:
            (record,) = library.runs()
            seen.append(record.status)
            # What a kill would leave: the files without the lock's holder.
            copy = record.folder.with_name("killed")
            copy.mkdir()
            for path in record.folder.iterdir():
                (copy / path.name).write_bytes(path.read_bytes())
            left.append(copy)

    run(library, listener=listen)
    assert seen == ["running"]
    assert read_record(left[0]).status == "interrupted"
    assert {r.status for r in library.runs()} == {"finished", "interrupted"}


def test_two_runs_of_the_same_second_do_not_meet(library: Library) -> None:
    started = threading.Barrier(2)
    ended: list[RunEnded] = []

    def once() -> None:
        started.wait()
        ended.append(run(library, epochs=1)[0])

    # One after the other would be the same second too, but side by side is the harder case.
    threads = [threading.Thread(target=once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({e.run for e in ended}) == 2
    assert [r.status for r in library.runs()] == ["finished", "finished"]


def test_the_listener_that_fails_ends_the_run_in_one_event(library: Library) -> None:
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, EpochDone):
            raise ValueError("a bug in a listener")

    ended = runner.run_experiment(
        experiment_from({}),
        library,
        listen,
        RunControl(),
        data=choose_data("sample"),
        device="cpu",
    )
    assert ended.status == "failed"
    assert [e for e in events if isinstance(e, RunEnded)] == [ended]


def test_weights_are_not_tested_on_another_number_of_classes(
    library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, _ = run(library, epochs=1)
    two = replace(small, info=replace(small.info, name="pets", classes=("cat", "dog")))
    monkeypatch.setattr(runner, "load_data", lambda *_: two)
    monkeypatch.setattr(inference, "load_data", lambda *_: two)
    with pytest.raises(WorkbenchError, match="is for 10 classes, but pets has 2"):
        inference.evaluate_weights(
            Path(ended.weights),  # type: ignore[arg-type]
            choose_data("sample"),
            lambda event: None,
            RunControl(),
            device="cpu",
        )


def test_a_test_can_be_cancelled(library: Library) -> None:
    ended, _ = run(library, epochs=1)
    control = RunControl()
    control.stop()
    with pytest.raises(Cancelled):
        inference.evaluate_weights(
            Path(ended.weights),  # type: ignore[arg-type]
            choose_data("sample"),
            lambda event: None,
            control,
            device="cpu",
        )


def test_two_classes_train_and_test(
    library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = cut(small, 40, 20)
    two = replace(
        few,
        info=replace(few.info, classes=("even", "odd")),
        train_labels=few.train_labels % 2,
        test_labels=few.test_labels % 2,
    )
    monkeypatch.setattr(runner, "load_data", lambda *_: two)
    monkeypatch.setattr(inference, "load_data", lambda *_: two)
    ended, _ = run(library)
    assert ended.status == "finished"
    assert len(ended.test.confusion) == 2  # type: ignore[union-attr]
    assert load_weights(Path(ended.weights)).classes == ("even", "odd")  # type: ignore[arg-type]
