"""A run that stopped goes on as if it had not: bit for bit, whatever stopped it."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import cut
from tests.matrix import slow_after
from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.events import (
    EpochDone,
    EvaluationProgress,
    Event,
    Notice,
    Paused,
    RunEnded,
    RunStarted,
    StepsDone,
)
from workbench.library import checkpoint as checkpoint_files
from workbench.library.catalog import Library
from workbench.library.check import check_library
from workbench.library.histogram_file import line_of, read_histograms
from workbench.library.run_folder import (
    has_checkpoint,
    read_epochs,
    read_log,
    read_losses,
    read_record,
    read_test,
    write_record,
)
from workbench.library.stored_state import read_state
from workbench.library.weights import load_weights, save_weights
from workbench.messages import WorkbenchError
from workbench.running import runner
from workbench.spec.experiment import experiment_from

TOP = Path(__file__).parents[2]
BATCH_NORM = {"activation": "leaky_relu", "dropout": 0.2, "batch_norm": True}
SLIPS = {"eval_after_first_step": True, "test_images_in_batch_norm": True}
EXPERIMENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum, weight decay, dropout": {"momentum": 0.9, "weight_decay": 0.001, "dropout": 0.3},
    "adam, scheduler": {
        "optimizer": "adam",
        "scheduler": "step",
        "step_size": 1,
        "gamma": 0.5,
        "activation": "leaky_relu",
    },
    "adam, batch norm, dropout, tested in training mode": {
        "optimizer": "adam",
        **BATCH_NORM,
        "test_mode": "train",
    },
    "momentum, batch norm": {"momentum": 0.9, "batch_norm": True, "test_mode": "eval"},
    "the report's slips": {"optimizer": "adam", **BATCH_NORM, "test_mode": "train", **SLIPS},
    "data set scaling": {"normalization": "dataset"},
    "one cycle, augmentation, averaged weights, mirrored tests": {
        **BATCH_NORM,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.001,
        "decay_norm_and_bias": False,
        "label_smoothing": 0.1,
        "ema": 0.9,
        "drop_last": True,
        "scheduler": "one_cycle",
        "flip": "random",
        "crop_padding": 4,
        "cutout": 8,
        "test_flip": True,
    },
    "muon, cosine, alternating flips": {
        "optimizer": "muon",
        "momentum": 0.9,
        "weight_decay": 0.001,
        "scheduler": "cosine",
        "flip": "alternating",
        "validation_share": 0.2,
    },
    "rmsprop": {"optimizer": "rmsprop", "momentum": 0.5, "ema": 0.5, "test_mode": "train"},
    "validation split, the report's slips": {
        "optimizer": "adam",
        **BATCH_NORM,
        "test_mode": "train",
        **SLIPS,
        "normalization": "dataset",
        "validation_share": 0.3,
        "early_stopping": 2,
    },
}


@pytest.fixture(autouse=True)
def _small_data(small: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    # 70 images: five steps of 16, of which the last has 6.
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: small)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "my runs 실험 🙂")


Listener = Callable[[Event, RunControl], None]


def train(library: Library, listener: Listener | None = None, **values: Any) -> RunEnded:
    control = RunControl()
    keep = values.pop("keep_checkpoint", False)
    return runner.run_experiment(
        experiment_from({"epochs": 3, **values}),
        library,
        lambda event: listener(event, control) if listener else None,
        control,
        data=choose_data("sample"),
        device="cpu",
        preset="001",
        keep_checkpoint=keep,
    )


def resume(
    library: Library, folder: Path, listener: Listener | None = None, **more: Any
) -> tuple[RunEnded, list[Event]]:
    control, heard = RunControl(), []

    def listen(event: Event) -> None:
        heard.append(event)
        if listener:
            listener(event, control)

    return runner.resume_run(folder, library, listen, control, **more), heard


def everything(folder: Path) -> dict[str, Any]:
    """All that a run measured, but for times."""
    record = read_record(folder)
    assert record.weights
    assert record.best_weights
    logits = np.load(folder / "test_logits.npz")
    return {
        "status": record.status,
        "figures": (
            *(record.epochs_done, record.accuracy, record.best_epoch, record.best_accuracy),
            record.best_validation_accuracy,
        ),
        "losses": read_losses(folder).tobytes(),
        "rows": [
            {k: v for k, v in row.items() if "seconds" not in k} for row in read_epochs(folder)
        ],
        "test": read_test(folder),
        "logits": logits["logits"].tobytes() + logits["labels"].tobytes(),
        "weights": flat(load_weights(folder / record.weights).state_dict),
        "best": flat(load_weights(folder / record.best_weights).state_dict),
    }


def flat(state: dict[str, torch.Tensor]) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


def stop_in_epoch(event: Event, control: RunControl) -> None:
    if isinstance(event, StepsDone) and (event.epoch, event.step) == (2, 3):
        control.stop()


def stop_in_test(event: Event, control: RunControl) -> None:
    if isinstance(event, EvaluationProgress) and stop_in_test.rows >= 1:  # type: ignore[attr-defined]
        control.stop()
    if isinstance(event, EpochDone):
        stop_in_test.rows += 1  # type: ignore[attr-defined]


def stop_after_epoch(event: Event, control: RunControl) -> None:
    if isinstance(event, EpochDone) and event.epoch == 2:
        control.stop()


HARDEST = "adam, batch norm, dropout, tested in training mode"
STOPS = (stop_in_epoch, stop_in_test, stop_after_epoch)


@pytest.mark.parametrize(
    ("name", "stop"),
    slow_after(
        2,
        sorted(
            ((name, stop) for name in EXPERIMENTS for stop in STOPS),
            key=lambda pair: pair[0] != HARDEST,
        ),
    ),
)
def test_resumed_equals_uninterrupted(
    name: str, stop: Listener, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)  # each step is reported
    values = EXPERIMENTS[name]
    whole = everything(Path(train(library, **values).run))

    stop_in_test.rows = 0  # type: ignore[attr-defined]
    stopped = train(library, stop, **values)
    folder = Path(stopped.run)
    assert stopped.status == "stopped"
    assert has_checkpoint(folder)
    torch.rand(17)  # what the process draws meanwhile must not matter
    ended, heard = resume(library, folder)
    assert ended.status == "finished", ended.reason
    assert ended.run == str(folder)
    assert everything(folder) == whole
    assert not has_checkpoint(folder)
    started = heard[0]
    assert isinstance(started, RunStarted)
    assert (started.epoch, started.step) != (1, 0)
    assert "Resumed in epoch" in read_log(folder)
    assert [entry["epoch"] for entry in read_record(folder).resumed] == [started.epoch]


@pytest.mark.slow
def test_histograms_go_on_where_they_were(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    whole = read_histograms(Path(train(library, histograms=True).run))
    folder = Path(train(library, stop_in_epoch, histograms=True).run)
    with (folder / "histograms.jsonl").open("ab") as file:
        file.write(line_of(2, ()))  # as after a kill before the record was written
    assert resume(library, folder)[0].status == "finished"
    assert read_histograms(folder) == whole
    assert sorted(whole) == [1, 2, 3]
    longer, _ = resume(library, folder, epochs=4)
    assert sorted(read_histograms(Path(longer.run))) == [1, 2, 3, 4]


@pytest.mark.slow
def test_a_run_may_be_stopped_again_and_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    values = EXPERIMENTS["adam, batch norm, dropout, tested in training mode"]
    whole = everything(Path(train(library, **values).run))

    def stop_at_once(event: Event, control: RunControl) -> None:
        if isinstance(event, StepsDone):
            control.stop()

    folder = Path(train(library, stop_at_once, **values).run)
    for _ in range(30):
        ended, _heard = resume(library, folder, stop_at_once)
        if ended.status == "finished":
            break
    assert everything(folder) == whole
    assert len(read_record(folder).resumed) == 15  # one step each, and the final test


# --- killed ----------------------------------------------------------------------------

KILLED = """
import os, signal, sys
sys.path.insert(0, {top!r})
from pathlib import Path
from tests.conftest import cut
from workbench import atomic
from workbench.running import runner
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.data.data_choice import choose_data
from workbench.data.datasets import load_data
from workbench.engine.events import EvaluationProgress, EpochDone, StepsDone
from workbench.library.catalog import Library
from workbench.spec.experiment import experiment_from

training.CHECKPOINT_INTERVAL = training.REPORT_INTERVAL = 0.0
small = cut(load_data(choose_data("sample"), lambda p: None, lambda: False), 70, 50)
runner.load_data = lambda choice, progress, stop: small
where, tests = {where!r}, []

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def listen(event):
    if isinstance(event, EpochDone):
        tests.append(event)
    if where == "epoch" and isinstance(event, StepsDone) and (event.epoch, event.step) == (2, 4):
        die()
    if where == "test" and isinstance(event, EvaluationProgress) and len(tests) == 1:
        die()
    if where == "final test" and isinstance(event, EvaluationProgress) and len(tests) == 3:
        die()

written = []
rename = Path.replace
def replace(self, target):
    # In the middle of a write: the temporary file is there, the name is not changed yet.
    if target.name == "checkpoint.pt" and where == "write":
        written.append(target)
        if len(written) == 7:
            die()
    return rename(self, target)
Path.replace = replace

runner.run_experiment(
    experiment_from({values!r}), Library(Path({library!r})), listen, RunControl(),
    data=choose_data("sample"), device="cpu", preset="001",
)
"""


@pytest.mark.parametrize("where", slow_after(1, ["epoch", "test", "final test", "write"]))
def test_a_killed_run_is_resumed_to_the_same_end(where: str, library: Library) -> None:
    values = {"epochs": 3, **EXPERIMENTS["the report's slips"]}
    whole = everything(Path(train(library, **values).run))
    program = KILLED.format(top=str(TOP), where=where, values=values, library=str(library.path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    killed = next(record for record in library.runs() if record.status == "interrupted")
    assert killed.epochs_done == {"epoch": 1, "test": 1, "final test": 3, "write": 1}[where]
    assert has_checkpoint(killed.folder)
    latest = []

    def look(event: Event, control: RunControl) -> None:
        # What is measured again is not shown as measured meanwhile.
        if isinstance(event, RunStarted):
            latest.append(read_test(killed.folder))

    ended, heard = resume(library, killed.folder, look)
    started = heard[0]
    assert isinstance(started, RunStarted)
    assert latest[0] is None or latest[0][1] < started.epoch
    assert ended.status == "finished"
    assert everything(killed.folder) == whole


# --- a finished run goes on as a new one -----------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("keep", [False, True])
def test_a_finished_run_goes_on_as_a_new_run(keep: bool, library: Library) -> None:
    # Without momentum and dropout the weights are all that there is.
    values = {} if not keep else EXPERIMENTS["adam, batch norm, dropout, tested in training mode"]
    whole = everything(Path(train(library, **{**values, "epochs": 4}).run))
    first = Path(train(library, **{**values, "epochs": 2}, keep_checkpoint=keep).run)
    before = everything(first)
    assert has_checkpoint(first) is keep
    ended, heard = resume(library, first, epochs=4)
    assert ended.status == "finished"
    assert Path(ended.run) != first
    assert read_record(Path(ended.run)).continues == first.name
    assert everything(Path(ended.run)) == whole
    assert everything(first) == before
    assert not any(isinstance(event, Notice) for event in heard)


def test_what_a_finished_run_did_not_keep_is_said(library: Library) -> None:
    first = Path(train(library, optimizer="adam", epochs=1).run)
    ended, heard = resume(library, first, epochs=2)
    assert ended.status == "finished"
    notices = [str(event.message) for event in heard if isinstance(event, Notice)]
    assert len(notices) == 1
    assert "kept no checkpoint" in notices[0]
    assert read_record(Path(ended.run)).resumed[0]["notices"] == notices
    assert notices[0] in read_log(Path(ended.run))


def test_a_stopped_run_may_be_given_more_epochs(library: Library) -> None:
    whole = everything(Path(train(library, epochs=4).run))
    folder = Path(train(library, stop_after_epoch, epochs=3).run)
    ended, _ = resume(library, folder, epochs=4)
    assert ended.epochs_done == 4
    assert everything(folder) == whole
    assert read_record(folder).epochs == 4


def test_more_epochs_change_a_rate_that_goes_by_their_number_which_is_said(
    library: Library,
) -> None:
    folder = Path(train(library, stop_after_epoch, scheduler="one_cycle", epochs=3).run)
    ended, heard = resume(library, folder, epochs=4)
    assert ended.status == "finished"
    (notice,) = [str(event.message) for event in heard if isinstance(event, Notice)]
    assert "was 3 and is 4" in notice
    assert notice in read_log(folder)


@pytest.mark.parametrize("epochs", [None, 3, 1])
def test_a_finished_run_needs_more_epochs(epochs: int | None, library: Library) -> None:
    folder = Path(train(library).run)
    ended, _ = resume(library, folder, epochs=epochs)
    assert ended.status == "failed"
    assert "has already trained to epoch 3; set epochs to more" in str(ended.reason)
    assert read_record(folder).status == "finished"


def test_a_checkpoint_is_not_taken_for_weights(library: Library) -> None:
    checkpoint = stopped_run(library) / "checkpoint.pt"
    with pytest.raises(WorkbenchError, match="is the checkpoint of a run that has not ended"):
        load_weights(checkpoint)


# --- a run that ends early by itself ---------------------------------------------------

EARLY: dict[str, Any] = {
    # A rate this small changes no prediction: no epoch is better than the first.
    "learning_rate": 1e-12,
    "validation_share": 0.3,
    "early_stopping": 2,
    "epochs": 9,
}


@pytest.mark.slow
@pytest.mark.parametrize("stop", [stop_in_epoch, stop_in_test, stop_after_epoch])
def test_a_resumed_run_ends_early_where_the_uninterrupted_one_does(
    stop: Listener, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    whole = everything(Path(train(library, **EARLY).run))
    assert whole["figures"][0] == 3
    stop_in_test.rows = 0  # type: ignore[attr-defined]
    folder = Path(train(library, stop, **EARLY).run)
    assert not read_record(folder).ended_early
    assert resume(library, folder)[0].status == "finished"
    assert everything(folder) == whole
    assert read_record(folder).ended_early
    assert "Ended early after epoch 3 of 9" in read_log(folder)


def test_a_run_stopped_in_the_final_test_after_an_early_end_trains_no_further(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than one batch of test images, so that a stop comes within the test. In all runs: the
    # size of the batches changes the last bits of the losses on some processors.
    monkeypatch.setattr("workbench.engine.evaluation.EVALUATION_BATCH", 10)
    whole = everything(Path(train(library, **EARLY).run))
    ended: list[Event] = []

    def stop(event: Event, control: RunControl) -> None:
        ended.extend([event] if isinstance(event, Notice) else [])
        if ended and isinstance(event, EvaluationProgress):
            control.stop()

    folder = Path(train(library, stop, **EARLY).run)
    assert read_record(folder).status == "stopped"
    resumed, heard = resume(library, folder)
    assert resumed.status == "finished"
    assert not any(isinstance(event, StepsDone) for event in heard)
    assert everything(folder) == whole


@pytest.mark.slow
@pytest.mark.parametrize("keep", [False, True])
def test_a_run_that_ended_early_goes_on_for_more_epochs_and_waits_anew(
    keep: bool, library: Library
) -> None:
    first = Path(train(library, **EARLY, keep_checkpoint=keep).run)
    before = everything(first)
    # It has its own number of epochs still before it: going on to it must be asked for.
    ended, _ = resume(library, first)
    assert ended.status == "failed"
    assert "ended early after 3 of 9 epochs; set epochs" in str(ended.reason)
    ended, _ = resume(library, first, epochs=9)
    record = read_record(Path(ended.run))
    assert (record.continues, record.epochs_done, record.ended_early) == (first.name, 5, True)
    assert (record.best_epoch, record.best_chosen_on) == (1, "validation")
    assert "Ended early after epoch 5 of 9: since epoch 3 the accuracy" in read_log(record.folder)
    ended, _ = resume(library, first, epochs=4)
    record = read_record(Path(ended.run))
    assert (record.epochs_done, record.epochs, record.ended_early) == (4, 4, False)
    assert everything(first) == before


@pytest.mark.parametrize("keep", [False, True])
def test_a_run_whose_patience_ended_with_its_last_epoch_waits_anew(
    keep: bool, library: Library
) -> None:
    last = {**EARLY, "epochs": 3}  # it would end early here, had it more epochs
    first = Path(train(library, **last, keep_checkpoint=keep).run)
    assert not read_record(first).ended_early
    ended, heard = resume(library, first, epochs=9)
    assert any(isinstance(event, StepsDone) for event in heard)
    assert read_record(Path(ended.run)).epochs_done == 5


def test_epochs_that_were_waited_for_count_on_in_a_run_that_ended_in_its_last_epoch(
    library: Library,
) -> None:
    whole = everything(Path(train(library, **EARLY).run))
    first = Path(train(library, **{**EARLY, "epochs": 2}).run)
    ended, _ = resume(library, first, epochs=9)
    assert everything(Path(ended.run)) == whole  # the third epoch was one too many there too


def test_a_checkpoint_of_an_earlier_version_is_read(library: Library) -> None:
    """It knew neither validation nor early stopping, nor what recipes beyond the report need; nor
    did its run.json and epochs.csv."""
    whole = everything(Path(train(library).run))
    folder = stopped_run(library)
    stored = torch.load(folder / "checkpoint.pt", weights_only=True)
    new = {"validation_share", "early_stopping", "label_smoothing", "ema", "drop_last"}
    new |= {"flip", "crop_padding", "cutout", "test_flip"}
    assert new < stored["experiment"].keys()
    stored["experiment"] = {k: v for k, v in stored["experiment"].items() if k not in new}
    stored["format"] = 1
    for name in ("waited", "augmentation", "averaged"):
        del stored[name]
    torch.save(stored, folder / "checkpoint.pt")
    content = json.loads((folder / "run.json").read_text())
    content["experiment"] = stored["experiment"]
    del content["best_validation_accuracy"]
    (folder / "run.json").write_text(json.dumps(content))

    def stop_at_once(event: Event, control: RunControl) -> None:
        if isinstance(event, RunStarted):
            # As after a kill before the first new checkpoint: run.json is of today already.
            raise RuntimeError("killed")

    assert resume(library, folder, stop_at_once)[0].status == "failed"
    assert resume(library, folder)[0].status == "finished"
    assert everything(folder) == whole


def test_an_epoch_that_an_earlier_version_began_has_no_training_accuracy(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    whole = read_epochs(Path(train(library).run))
    folder = Path(train(library, stop_in_epoch).run)  # in the second of three
    stored = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert 0 < stored.pop("correct") <= 48
    torch.save(stored, folder / "checkpoint.pt")
    columns = {"training_accuracy", "training_correct", "training_total"}
    with (folder / "epochs.csv").open() as file:
        table = list(csv.DictReader(file))
    with (folder / "epochs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file, [name for name in table[0] if name not in columns], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(table)

    assert resume(library, folder)[0].status == "finished"
    rows = read_epochs(folder)
    assert [columns & row.keys() for row in rows] == [set(), set(), columns]
    assert rows[2]["training_correct"] == whole[2]["training_correct"]
    assert read_record(folder).training_accuracy == rows[2]["training_accuracy"]
    state = read_state(folder)
    assert [figures.row() for figures in state.finished_epochs] == rows


# --- what is not as it was -------------------------------------------------------------


def stopped_run(library: Library, **values: Any) -> Path:
    return Path(train(library, stop_after_epoch, **values).run)


def test_other_images_are_refused(
    library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stopped_run(library)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    other = cut(small, 60, 50)
    other = replace(other, info=replace(other.info, fingerprint="another"))
    monkeypatch.setattr(runner, "load_data", lambda choice, progress, stop: other)
    ended, _ = resume(library, folder)
    assert ended.status == "failed"
    assert "was started on other images than sample holds now" in str(ended.reason)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_torch_device_or_thread_count_is_said_and_written(library: Library) -> None:
    folder = stopped_run(library)
    record = read_record(folder)
    environment = {**record.environment, "torch": "2.0", "device_name": "GTX 1060"}
    write_record(replace(record, environment=environment, device="cuda:0"))
    threads = torch.get_num_threads()
    try:
        ended, heard = resume(library, folder, threads=threads + 1)
    finally:
        torch.set_num_threads(threads)
    assert ended.status == "finished"
    said = [str(event.message) for event in heard if isinstance(event, Notice)]
    assert any("torch 2.0" in text for text in said)
    assert any("GTX 1060" in text for text in said)
    assert any("CPU thread" in text and str(threads) in text for text in said)
    assert read_record(folder).resumed[0]["notices"] == said


def test_changed_hyperparameters_are_refused(library: Library) -> None:
    folder = stopped_run(library)
    record = read_record(folder)
    write_record(replace(record, experiment={**record.experiment, "learning_rate": 0.5}))
    ended, _ = resume(library, folder)
    assert ended.status == "failed"
    assert "differ from those in the checkpoint" in str(ended.reason)


def test_a_run_that_trains_cannot_be_resumed(library: Library) -> None:
    refused: list[RunEnded] = []

    def listen(event: Event, control: RunControl) -> None:
        if isinstance(event, EpochDone) and event.epoch == 1:
            (folder,) = library.path.iterdir()
            refused.append(resume(library, folder)[0])

    assert train(library, listen).status == "finished"
    assert refused[0].status == "failed"
    assert "already being trained" in str(refused[0].reason)


def test_a_run_that_was_finished_elsewhere_while_data_loaded_is_left_alone(
    library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stopped_run(library)
    finished: list[dict[str, Any]] = []

    def slow(choice: Any, progress: Any, stop: Any) -> DataSet:
        if not finished:
            finished.append({})
            assert resume(library, folder)[0].status == "finished"
            finished.append(everything(folder))
        return small

    monkeypatch.setattr(runner, "load_data", slow)
    ended, _ = resume(library, folder)
    assert ended.status == "failed"
    assert "elsewhere in the meantime" in str(ended.reason)
    assert everything(folder) == finished[1]


def test_fewer_epochs_than_begun_are_refused(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    folder = Path(train(library, stop_in_epoch).run)
    ended, _ = resume(library, folder, epochs=1)
    assert ended.status == "failed"
    assert "is already in epoch 2" in str(ended.reason)
    assert resume(library, folder, epochs=2)[0].epochs_done == 2


def test_a_run_that_was_deleted_while_data_loaded_stays_deleted(
    library: Library, small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stopped_run(library)

    def slow(choice: Any, progress: Any, stop: Any) -> DataSet:
        library.trash(read_record(folder))
        return small

    monkeypatch.setattr(runner, "load_data", slow)
    ended, _ = resume(library, folder)
    assert ended.status == "failed"
    assert not folder.exists()


def test_a_resumed_run_leaves_the_process_its_threads(library: Library) -> None:
    folder = stopped_run(library)
    before = torch.get_num_threads()
    ended, _ = resume(library, folder, threads=before + 2)
    assert ended.status == "finished"
    assert torch.get_num_threads() == before


def test_best_weights_of_an_epoch_that_is_trained_again_are_not_named(
    library: Library,
) -> None:
    folder = stopped_run(library)
    # As after a kill in epoch 3, which had saved better ones.
    best = folder / "mlp_weight_001_best.pkl"
    content = load_weights(best)
    save_weights(best, replace(content, metrics={**content.metrics, "epoch": 3}))
    named: list[str | None] = []

    def look(event: Event, control: RunControl) -> None:
        if isinstance(event, RunStarted):
            named.append(read_record(folder).best_weights)

    assert resume(library, folder, look)[0].status == "finished"
    assert named == [None]


def test_stop_keeps_the_weights_where_the_checkpoint_finds_no_room(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = runner.save_checkpoint
    room = [True]

    def full(*parts: Any) -> None:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def stop(event: Event, control: RunControl) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            room[0] = False
            control.stop()

    monkeypatch.setattr(runner, "save_checkpoint", full)
    ended = train(library, stop)
    monkeypatch.setattr(runner, "save_checkpoint", save)
    assert ended.status == "failed"
    assert ended.weights is not None
    assert "free some space and try again" in str(ended.reason)  # there is none to resume from
    assert load_weights(Path(ended.weights)).metrics["epoch"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "text", "newer", "gone", "losses", "page", "shape"])
def test_a_checkpoint_that_cannot_be_used_says_so_and_loses_nothing(
    damage: str, library: Library
) -> None:
    folder = stopped_run(library)
    path = folder / "checkpoint.pt"
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        path.write_text("no checkpoint")
    elif damage == "newer":
        stored = torch.load(path, weights_only=True)
        torch.save({**stored, "format": checkpoint_files.FORMAT + 1}, path)
    elif damage == "page":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes(4096) + content[middle + 4096 :])
    elif damage == "shape":
        stored = torch.load(path, weights_only=True)
        torch.save({**stored, "network": {**stored["network"], "x": torch.zeros(3)}}, path)
    elif damage == "gone":
        path.unlink()
    else:
        (folder / "losses.f32").write_bytes(b"")
    before = read_epochs(folder)
    ended, _ = resume(library, folder)
    assert ended.status == "failed"
    expected = {
        "newer": "newer version of the program",
        "gone": "has no checkpoint",
        "losses": "holds less than the checkpoint needs",
    }
    assert expected.get(damage, "the checkpoint is damaged") in str(ended.reason)
    if damage in ("cut", "text", "page", "shape"):
        found = [finding for finding in check_library(library.path) if finding.fault]
        assert [finding.path.name for finding in found] == ["checkpoint.pt"]
    assert read_epochs(folder) == before
    assert read_record(folder).status == "stopped"


class Trap:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("touch trapped",)


def test_nothing_of_a_checkpoint_is_run(library: Library) -> None:
    folder = stopped_run(library)
    path = folder / "checkpoint.pt"
    stored = torch.load(path, weights_only=True)
    torch.save({**stored, "environment": Trap()}, path)
    ended, _ = resume(library, folder)
    assert ended.status == "failed"
    assert "the checkpoint is damaged" in str(ended.reason)
    assert not Path("trapped").exists()


# --- when checkpoints are written, and when they go ------------------------------------


def test_a_pause_writes_a_checkpoint(library: Library) -> None:
    seen: list[bool] = []

    def listen(event: Event, control: RunControl) -> None:
        if isinstance(event, StepsDone) and event.epoch == 2 and not seen:
            control.pause()
        if isinstance(event, Paused):
            (folder,) = library.path.iterdir()
            seen.append(has_checkpoint(folder))
            control.resume()

    assert train(library, listen).status == "finished"
    assert seen == [True]


def test_checkpoints_keep_their_interval(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    save = runner.save_checkpoint

    def counted(*parts: Any) -> None:
        written.append(1)
        save(*parts)

    monkeypatch.setattr(runner, "save_checkpoint", counted)
    train(library)
    # One as soon as there is something, one before the final test: the run is a short one.
    assert len(written) == 2
    written.clear()
    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL", 0.0)
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    train(library)
    assert len(written) > 10


def test_a_run_that_diverged_keeps_no_checkpoint_and_one_that_broke_does(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL", 0.0)
    ended = train(library, learning_rate=10.0, momentum=0.99)
    assert ended.status == "failed"
    assert not has_checkpoint(Path(ended.run))

    def broken(event: Event, control: RunControl) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            raise RuntimeError("CUDA error: device-side assert triggered\nmore")

    whole = everything(Path(train(library).run))
    ended = train(library, broken)
    assert ended.status == "failed"
    assert "start the program again and resume the run" in str(ended.reason)
    assert has_checkpoint(Path(ended.run))
    assert resume(library, Path(ended.run))[0].status == "finished"
    assert everything(Path(ended.run)) == whole


def test_cancelling_a_resumed_run_keeps_what_it_had(library: Library) -> None:
    folder = stopped_run(library)

    def cancel(event: Event, control: RunControl) -> None:
        if isinstance(event, StepsDone):
            control.cancel()

    resume(library, folder, cancel)
    assert read_record(folder).epochs_done == 2
    assert has_checkpoint(folder)


def test_times_go_on_where_they_were(library: Library) -> None:
    folder = stopped_run(library)
    before = read_record(folder).seconds
    assert before > 0
    ended, _ = resume(library, folder)
    assert ended.seconds > before
    rows = read_epochs(folder)
    assert sum(row["seconds"] + row["test_seconds"] for row in rows) <= ended.seconds + 0.01
    assert json.loads((folder / "run.json").read_text())["resumed"][0]["epoch"] == 3


# --- a disk that is full ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names open files by /proc")
@pytest.mark.parametrize("name", ["mlp_weight_001_best.pkl", "checkpoint.pt", "epochs.csv"])
def test_a_full_disk_leaves_whole_files_and_a_run_that_goes_on(
    name: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL", 0.0)
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    values = EXPERIMENTS["adam, scheduler"]
    whole = everything(Path(train(library, **values).run))
    fsync, full = os.fsync, [False]

    def limited(descriptor: int) -> None:
        if full[0] and f".{name}." in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    def fill(event: Event, control: RunControl) -> None:
        full[0] = full[0] or (isinstance(event, EpochDone) and event.epoch == 1)

    monkeypatch.setattr(os, "fsync", limited)
    ended = train(library, fill, **values)
    monkeypatch.setattr(os, "fsync", fsync)
    folder = Path(ended.run)
    assert ended.status == "failed"
    assert any(words in str(ended.reason) for words in ("the disk is full", "No space left"))
    assert not list(folder.glob(".*.tmp"))
    assert read_record(folder).status == "failed"
    assert has_checkpoint(folder)
    assert resume(library, folder)[0].status == "finished"
    assert everything(folder) == whole


LIMITED = """
import resource, signal, sys
sys.path.insert(0, {top!r})
from pathlib import Path
from tests.conftest import cut
from workbench.running import runner
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.data.data_choice import choose_data
from workbench.data.datasets import load_data
from workbench.engine.events import EpochDone
from workbench.library.catalog import Library
from workbench.spec.experiment import experiment_from

training.CHECKPOINT_INTERVAL = 0.0
small = cut(load_data(choose_data("sample"), lambda p: None, lambda: False), 70, 50)
runner.load_data = lambda choice, progress, stop: small

def listen(event):
    if isinstance(event, EpochDone) and event.epoch == 1:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

ended = runner.run_experiment(
    experiment_from({{"epochs": 3}}), Library(Path({library!r})), listen, RunControl(),
    data=choose_data("sample"), device="cpu", preset="001",
)
print(ended.status, ended.reason)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no limits on the size of files")
def test_a_limit_on_the_size_of_files_loses_nothing(library: Library) -> None:
    whole = everything(Path(train(library).run))
    program = LIMITED.format(top=str(TOP), library=str(library.path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("failed"), done.stderr
    failed = next(record for record in library.runs() if record.status == "failed")
    assert resume(library, failed.folder)[0].status == "finished"
    assert everything(failed.folder) == whole
