"""What a run needs to go on from where it stopped, and whether it can. The runner does it."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from workbench import atomic
from workbench.data.data_choice import DataInfo
from workbench.engine.checkpoint import Checkpoint
from workbench.engine.devices import choose_device
from workbench.engine.thread_choice import MOST
from workbench.library.checkpoint import load_checkpoint
from workbench.library.run_files import VALIDATION_COLUMNS
from workbench.library.run_folder import (
    CHECKPOINT,
    History,
    RunRecord,
    RunWriter,
    best_of,
    read_epochs,
    read_losses,
)
from workbench.library.safe_file import read_bytes
from workbench.library.safe_pickle import LARGEST_FILE
from workbench.library.weights import load_weights
from workbench.messages import Message, WorkbenchError
from workbench.path_text import from_text, shown
from workbench.spec.augmentations import augmentations
from workbench.spec.experiment import Experiment, experiment_from, with_changes
from workbench.spec.optimizers import OPTIMIZERS
from workbench.spec.schedulers import SCHEDULERS

BEGINS_ANEW = Message(
    "The finished run kept no checkpoint: training continues from its weights, but the "
    "optimizer's averages, the dropout and the augmentation start over."
)


OTHER_RATES = Message(
    "The learning rate goes by the number of epochs, which was {then} and is {now}: from here on "
    "it is that of the longer run, so the result is not that of one run of {now} epochs."
)


def change_of_rates(record: RunRecord, experiment: Experiment) -> list[Message]:
    """Return what a run that is trained for another number of epochs says of its learning rate."""
    fixed = SCHEDULERS[experiment.scheduler].rate_of_step is None
    if fixed or record.epochs == experiment.epochs:
        return []
    return [Message(OTHER_RATES.template, then=record.epochs, now=experiment.epochs)]


def experiment_of(record: RunRecord, epochs: int | None) -> Experiment:
    """The run's experiment, with another number of ``epochs`` where one is given.

    Raises :class:`WorkbenchError` where there is nothing left to train.
    """
    experiment = experiment_from(record.experiment)
    if epochs is not None:
        experiment = with_changes(experiment, {"epochs": epochs})
    elif record.ended_early:
        raise WorkbenchError(
            "{name} ended early after {done} of {total} epochs; set epochs to the total you want.",
            name=record.label,
            done=record.epochs_done,
            total=record.epochs,
        )
    least = record.epochs_done + (record.status == "finished")
    if experiment.epochs < least:
        raise WorkbenchError(
            "{name} has already trained to epoch {done}; set epochs to more.",
            name=record.label,
            done=record.epochs_done,
        )
    return experiment


def stored_checkpoint(record: RunRecord) -> Checkpoint | None:
    """The run's checkpoint; ``None`` for a finished run that kept none.

    Raises :class:`WorkbenchError` where it is missing, damaged, or of other hyperparameters.
    """
    if record.status == "finished" and not os.path.lexists(record.folder / CHECKPOINT):
        return None
    stored = load_checkpoint(record.folder)
    if _but_epochs(stored.experiment) != _but_epochs(record.experiment):
        raise WorkbenchError(
            "{path}: the hyperparameters in run.json differ from those in the checkpoint; one "
            "of the two was changed. Train the run again from the start.",
            path=record.folder,
        )
    if record.status == "finished":
        waited = _waited(record, stored.checkpoint.waited)
        return replace(stored.checkpoint, waited=waited)
    return stored.checkpoint


def _waited(record: RunRecord, waited: int) -> int:
    """Return how many epochs early stopping has waited, when a finished run is trained on. Where
    that was enough to end it (early, or with its last epoch), it waits from the start: more epochs
    are wanted."""
    patience = int(record.experiment.get("early_stopping", 0))
    return 0 if 0 < patience <= waited else waited


def _but_epochs(experiment: dict[str, Any]) -> dict[str, Any]:
    # With defaults for what an earlier version did not know: one of the two may be older.
    values = experiment_from(experiment).values()
    return {name: value for name, value in values.items() if name != "epochs"}


def device_of(record: RunRecord) -> str:
    """The run's device, or ``"auto"`` where this machine does not have it."""
    try:
        choose_device(record.device)
    except WorkbenchError:
        return "auto"  # said as a change
    return record.device


def threads_of(record: RunRecord) -> int:
    """The number of CPU threads that the run had last: the one that it was begun with, or the one
    that it went on with."""
    entries = [entry.get("threads") for entry in record.resumed if isinstance(entry, dict)]
    for threads in (*reversed(entries), record.environment.get("cpu_threads")):
        if type(threads) is int and 0 < threads <= MOST:
            return threads
    return torch.get_num_threads()


def timed_of(record: RunRecord) -> dict[int, float]:
    """Steps a second by number of threads, as they were timed when the run was begun; those that
    can be read."""
    return {
        int(number): float(speed)
        for number, speed in record.threads_timed.items()
        if number.isdecimal() and 0 < int(number) <= MOST
        if type(speed) in (int, float) and 0 < speed < math.inf
    }


def change_of_threads(before: int, now: int) -> Message:
    """Return what a run that goes on with another number of threads says of it."""
    return Message(CHANGES["cpu_threads"].template, then=before, now=now)


def require_epochs(record: RunRecord, experiment: Experiment, start: Checkpoint) -> None:
    """Raise :class:`WorkbenchError` where ``start`` lies beyond the epochs asked for."""
    begun = start.epoch if start.step else start.epoch - 1
    if experiment.epochs < begun:
        raise WorkbenchError(
            "{name} is already in epoch {begun}; set epochs to that or more.",
            name=record.label,
            begun=begun,
        )


def require_same_images(record: RunRecord, info: DataInfo) -> None:
    """Raise :class:`WorkbenchError` where the loaded data are not what the run was begun on."""
    if info.fingerprint != record.data.get("fingerprint"):
        raise WorkbenchError(
            "{name} was started on other images than {data} holds now and cannot be resumed "
            "with them; choose its own data, or train it again from the start.",
            name=record.label,
            data=shown(from_text(info.path or info.name)),
        )


CHANGES = {
    "torch": Message(
        "The run began with torch {then} and continues with {now}: not bit for bit the same."
    ),
    "device_name": Message(
        "The run began on {then} and continues on {now}: not bit for bit the same."
    ),
    "cpu_threads": Message(
        "The run had a CPU thread count of {then} and continues with {now}: not bit for bit the "
        "same."
    ),
}
"""What may show in the last digits, by its name in the environment of a run."""


def changes_since(record: RunRecord, now: dict[str, Any]) -> list[Message]:
    """Return what is not as it was when the run was begun (and with the threads that it had last);
    ``now`` is the environment of today."""
    then = record.environment
    if "cpu_threads" in then:
        then = {**then, "cpu_threads": threads_of(record)}
    return [
        Message(message.template, then=then[name], now=now[name])
        for name, message in CHANGES.items()
        if name in then and then[name] != now[name]
    ]


def begins_anew(experiment: Experiment) -> bool:
    """Return whether more than the weights would be needed to go on exactly."""
    kept = OPTIMIZERS[experiment.optimizer].keeps(experiment)
    random = experiment.dropout or augmentations(experiment)
    return bool(kept or random or experiment.ema)


def after_finished(record: RunRecord, experiment: Experiment, images: int) -> Checkpoint:
    """A checkpoint of a finished run, made from its weights. The order of the ``images`` is the
    one that the run would have gone on with. Sets torch's default random state.

    Raises :class:`WorkbenchError` where the weights are missing or cannot be read.
    """
    if record.weights is None:
        raise WorkbenchError(
            "{path}: this run has no weights to continue from.", path=record.folder
        )
    weights = load_weights(record.folder / record.weights, own=True).state_dict
    order = torch.Generator().manual_seed(experiment.seed)
    for _ in range(record.epochs_done):
        torch.randperm(images, generator=order)
    steps = record.epochs_done * record.steps_per_epoch
    rows = read_epochs(record.folder)
    best = best_of(rows)
    # Another state than the first epoch's, made from seed and epochs.
    torch.manual_seed(experiment.seed * 1_000_003 + record.epochs_done)
    return Checkpoint(
        epoch=record.epochs_done + 1,
        step=0,
        steps_done=steps,
        losses=torch.empty(0),
        network=weights,
        optimizer=[],
        good=weights,
        good_step=steps,
        order=order.get_state(),
        random=torch.get_rng_state(),
        cuda_random=None,
        accuracy=rows[-1]["accuracy"] if rows else None,
        best_accuracy=_chosen_by(best),
        seconds=record.seconds,
        epoch_seconds=0.0,
        waited=_waited(record, record.epochs_done - (best["best_epoch"] or 0)),
    )


def _chosen_by(best: dict[str, Any]) -> float:
    """The accuracy that a better epoch must exceed."""
    if best["best_epoch"] is None:
        return -1.0
    validation = best["best_validation_accuracy"]
    return float(best["best_accuracy"] if validation is None else validation)


def history(record: RunRecord, start: Checkpoint) -> History:
    """Return what the run keeps of its losses and epochs: those up to ``start``.

    Raises :class:`WorkbenchError` where the files hold less than that.
    """
    before = read_losses(record.folder)[: start.steps_done - start.step]
    losses = np.concatenate([before, start.losses.numpy().astype("<f4")])
    rows = read_epochs(record.folder)[: start.epoch - 1]
    columns = {name in row for row in rows for name in VALIDATION_COLUMNS}
    fitting = columns <= {bool(experiment_from(record.experiment).validation_share)}
    if len(losses) != start.steps_done or len(rows) != start.epoch - 1 or not fitting:
        raise WorkbenchError(
            "{path}: losses.f32 or epochs.csv holds less than the checkpoint needs; it is "
            "damaged. Give up resuming the run, or train it again from the start.",
            path=record.folder,
        )
    return History(losses, rows, record)


def reached(experiment: Experiment, start: Checkpoint, history: History) -> dict[str, Any]:
    """The fields of the record as they were at ``start``, now that the run goes on."""
    rows = history.rows
    best = best_of(rows)
    return {
        **best,
        "best_weights": _best_weights(history.before, best["best_epoch"]),
        "epochs_done": start.epoch - 1,
        "accuracy": rows[-1]["accuracy"] if rows else None,
        "training_accuracy": rows[-1].get("training_accuracy") if rows else None,
        "seconds": start.seconds,
        "status": "running",
        "reason": None,
        "reason_parts": None,
        "experiment": experiment.values(),
        "epochs": experiment.epochs,
    }


def _best_weights(record: RunRecord, epoch: int | None) -> str | None:
    """The file of the best weights, if it holds those of ``epoch``: what was killed may have
    saved better ones that come again only after the checkpoint."""
    if record.best_weights is None or epoch is None:
        return None
    try:
        path = record.folder / record.best_weights
        kept = load_weights(path, own=True).metrics.get("epoch")
    except WorkbenchError:
        return None
    return record.best_weights if kept == epoch else None


def copy_best(record: RunRecord, writer: RunWriter) -> None:
    """The best epoch may stay the one of the run that is continued."""
    name = writer.record.best_weights
    if name is not None:
        content = read_bytes(record.folder / name, LARGEST_FILE)
        with atomic.replacing(writer.folder / name) as file:
            file.write(content)
