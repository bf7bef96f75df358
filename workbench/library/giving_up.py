"""Giving up resuming an interrupted run: its last weights are saved, and it counts as stopped.

Opens without torch, which is imported once weights are taken out of a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import Timeout

from workbench import atomic
from workbench.library.catalog import Library
from workbench.library.run_files import require_own_folder
from workbench.library.run_folder import (
    CHECKPOINT,
    RunRecord,
    file_label,
    has_checkpoint,
    read_record,
    record_as_written,
    write_record,
)
from workbench.library.safe_file import lock_file, reason_of, require_folder
from workbench.library.trash import FOLDER as TRASH
from workbench.library.trash import trash_entries
from workbench.messages import WorkbenchError


@dataclass(frozen=True)
class GivenUp:
    """The run as it is now, and the name of its checkpoint in the trash, which
    :func:`take_back` takes; ``None`` where it had none. ``problem``: why no weights could be
    taken out of the checkpoint."""

    record: RunRecord
    checkpoint: str | None
    problem: WorkbenchError | None = None


def give_up(library: Library, record: RunRecord) -> GivenUp:
    """Save the last weights of an interrupted run, marks it as stopped and move its checkpoint to
    the trash.

    The weights come from the checkpoint, unless the run has saved later ones. The best epoch's
    stay as they are. A checkpoint that cannot be read is moved all the same.

    Raises :class:`WorkbenchError` where the run is not interrupted, while a process trains it,
    and where it cannot be written; the run can still be resumed then.
    """
    library.require_own(record)
    folder = record.folder
    library.look_at(record)
    place: Path | None = None
    problem: WorkbenchError | None = None
    with _held(record) as now:
        if now.status != "running":
            raise WorkbenchError(
                "{name} is not interrupted any more; look at it again.", name=record.label
            )
        changes: dict[str, Any] = {}
        if has_checkpoint(folder):
            changes, problem = _save_weights(now)
            place = library.free_place_in_trash(f"{folder.name}_{CHECKPOINT}")
            atomic.move(folder / CHECKPOINT, place)
        try:
            write_record(replace(now, status="stopped", **changes))
        except BaseException:
            if place is not None:
                atomic.move(place, folder / CHECKPOINT)
            raise
    return GivenUp(read_record(folder), place.name if place else None, problem)


def take_back(library: Library, given: GivenUp) -> RunRecord:
    """Bring the checkpoint back from the trash, so that the run is interrupted again and can be
    resumed; the weights that were saved stay until it ends.

    Raises :class:`WorkbenchError` where the checkpoint or the run is gone, and as :func:`give_up`.
    """
    library.require_own(given.record)
    folder = given.record.folder
    library.look_at(given.record)
    with _held(given.record) as now:
        if now.status != "stopped" or has_checkpoint(folder):
            raise WorkbenchError(
                "{name} has changed since resuming was given up; look at it again.",
                name=given.record.label,
            )
        if given.checkpoint is not None:
            trash = library.path / TRASH
            require_folder(trash)
            if not (trash / given.checkpoint).is_file():
                raise _no_checkpoint(given.record)
            atomic.move(trash / given.checkpoint, folder / CHECKPOINT)
        write_record(replace(now, status="running"))  # nobody trains it: interrupted
    return read_record(folder)


def given_up(library: Library, record: RunRecord) -> GivenUp:
    """Return what :func:`give_up` returned for ``record``, as the trash tells it.

    Raises :class:`WorkbenchError` where the trash has no checkpoint of the run.
    """
    start = f"{record.folder.name}_{CHECKPOINT}"
    found = [
        entry
        for entry in trash_entries(library.path)
        if entry.name == start or entry.name.removeprefix(f"{start}_").isdigit()
    ]
    if not found:
        raise _no_checkpoint(record)
    return GivenUp(record, max(found, key=lambda entry: entry.lstat().st_mtime).name)


def _no_checkpoint(record: RunRecord) -> WorkbenchError:
    return WorkbenchError(
        "{name}: there is no checkpoint of this run in the trash.", name=record.label
    )


@contextmanager
def _held(record: RunRecord) -> Iterator[RunRecord]:
    """The record as it is on the disk, while no process can train the run."""
    folder = record.folder
    require_own_folder(folder)
    # Read first: taking the lock of a run that has vanished would create its folder.
    record_as_written(folder)
    try:
        with lock_file(folder / "run.lock", timeout=0):
            yield record_as_written(folder)
    except Timeout:
        raise WorkbenchError(
            "{name} is being trained; wait until it has ended.", name=record.label
        ) from None
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written ({reason}).", path=folder, reason=reason_of(error)
        ) from None


def _save_weights(record: RunRecord) -> tuple[dict[str, Any], WorkbenchError | None]:
    """Save the checkpoint's weights. The fields of the record that this changes, and why there
    are none where the checkpoint cannot be read."""
    from workbench.library.checkpoint import load_checkpoint
    from workbench.library.weights import Weights, build_from, load_weights, save_weights
    from workbench.spec.experiment import experiment_from

    folder = record.folder
    stem = f"mlp_weight_{file_label(record.preset)}"
    changes: dict[str, Any] = {}
    known: dict[str, Weights] = {}
    for field, name in (("weights", f"{stem}.pkl"), ("best_weights", f"{stem}_best.pkl")):
        with suppress(WorkbenchError):
            known[field] = load_weights(folder / name, own=True)
            changes[field] = name  # also where it was killed before run.json said so
    try:
        stored = load_checkpoint(folder)
        experiment = experiment_from(stored.experiment)
    except WorkbenchError as problem:
        return changes, problem
    checkpoint = stored.checkpoint
    saved = known.get("weights")
    if saved is not None and saved.metrics.get("step", -1) >= checkpoint.steps_done:
        return changes, None  # killed between the end of the training and that of the run
    # What the run would have saved: its averaged copy where it keeps one.
    last = checkpoint.averaged or checkpoint.network
    good = all(bool(tensor.isfinite().all()) for tensor in last.values())
    # How pixels were scaled, which checkpoints of earlier versions do not say.
    best = known["best_weights"].metrics if "best_weights" in known else {}
    scaling: dict[str, Any] = {
        key: best[key] for key in ("pixel_mean", "pixel_deviation") if key in best
    }
    weights = Weights(
        experiment=experiment,
        classes=tuple(record.data.get("classes", ())),
        state_dict=last if good else checkpoint.good,
        preset=record.preset,
        metrics={
            "epoch": checkpoint.epoch - 1,
            "step": checkpoint.steps_done if good else checkpoint.good_step,
            "accuracy": checkpoint.accuracy if good else None,
            **scaling,
            **stored.pixels,
        },
        data=dict(record.data),
    )
    try:
        build_from(weights)
    except RuntimeError:
        return changes, WorkbenchError(
            "{path}: the weights in the checkpoint do not fit the run's hyperparameters; none "
            "were saved.",
            path=folder,
        )
    save_weights(folder / f"{stem}.pkl", weights)
    return {**changes, "weights": f"{stem}.pkl"}, None
