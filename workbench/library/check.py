"""What is broken in a library, and mending it without losing anything.

A :class:`Finding` is a fault where something is lost, wrong or cannot be read, else only worth
saying: a run that was interrupted, and what a killed process leaves behind. Mending never
deletes: what cannot be read goes to the library's folder ``.damaged``, leftovers go to
``.trash``, and a file that is written anew is kept in ``.damaged`` as it was. A run that a living
process holds is not looked at.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import Timeout

from workbench import atomic
from workbench.engine.events import Evaluation
from workbench.library import labels
from workbench.library.run_files import LARGEST_LOSSES
from workbench.library.run_folder import (
    CHECKPOINT,
    RunRecord,
    best_of,
    file_label,
    has_checkpoint,
    is_locked,
    plain_json,
    read_epochs,
    read_record,
    read_test,
    test_content,
    write_record,
)
from workbench.library.safe_file import (
    A_LINK,
    UnsafeFile,
    lock_file,
    open_to_read,
    own_folder,
    read_bytes,
    reason_of,
    require_folder,
    require_plain,
)
from workbench.library.stored_test import read_stored_test
from workbench.library.trash import FOLDER as TRASH
from workbench.messages import Count, Message, WorkbenchError

DAMAGED = ".damaged"
YOUNG_S = 10.0
"""A folder without ``run.json`` that is younger may be one that is being created."""

_OURS = ("run.lock", "losses.f32", "log.txt", "epochs.csv", "test.json", "checkpoint.pt")


@dataclass(frozen=True)
class Finding:
    """``kind`` is a word for scripts; ``mends`` says what :func:`mend` would do, ``None`` where
    it can do nothing."""

    path: Path
    kind: str
    message: Message
    fault: bool = True
    mends: Message | None = None
    _mend: Callable[[], None] | None = field(default=None, repr=False, compare=False)


def check_library(library: Path) -> Iterator[Finding]:
    """Looks through every run folder of ``library``, newest first.

    Raises :class:`WorkbenchError` where the library itself cannot be read.
    """
    try:
        folders = sorted((p for p in library.iterdir() if p.name[0] != "."), reverse=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorkbenchError(
            "{path}: the library cannot be read ({reason}).", path=library, reason=error.strerror
        ) from None
    for folder in folders:
        if folder.is_symlink():
            message = Message(
                "{path}: this run cannot be read ({reason}).", path=folder, reason=A_LINK
            )
            yield Finding(folder, "link", message)
        elif folder.is_dir():
            try:
                yield from check_run(folder)
            except OSError as error:
                message = Message(
                    "{path}: cannot be read ({reason}).", path=folder, reason=reason_of(error)
                )
                yield Finding(folder, "unreadable", message)


def mend(finding: Finding) -> bool:
    """Does what the finding's ``mends`` says; whether it was done. It is not where nothing can
    be, or where a process has begun to train the run.

    Raises :class:`WorkbenchError` where the disk does not let it.
    """
    if finding._mend is None:
        return False
    try:
        finding._mend()
    except Timeout:
        return False
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be repaired ({reason}).", path=finding.path, reason=reason_of(error)
        ) from None
    return True


def check_run(folder: Path) -> Iterator[Finding]:
    """What is to be said of one folder; nothing while a living process holds it."""
    if is_locked(folder):
        return
    if not os.path.lexists(folder / "run.json"):
        yield from _half_folder(folder)
        return
    try:
        record = read_record(folder)
    except WorkbenchError as error:
        newer = "newer version" in error.message.template
        yield _unreadable(folder, error, newer, whole=True)
        return
    if record.status == "interrupted":
        yield Finding(
            folder,
            "interrupted",
            _interrupted(record),
            fault=False,
        )
    yield from _leftovers(folder)
    yield from _labels(folder)
    yield from _weights(folder, record)
    yield from _checkpoint(folder)
    rows = yield from _epochs(folder, record)
    yield from _losses(folder, record)
    yield from _test(folder, record, rows)


def _interrupted(record: RunRecord) -> Message:
    where: dict[str, Any] = {
        "path": record.folder,
        "epoch": min(record.epochs_done + 1, record.epochs),
        "total": record.epochs,
    }
    if has_checkpoint(record.folder):
        return Message(
            "{path}: was interrupted at epoch {epoch} of {total}; resume it, give up resuming "
            "it, or delete it.",
            **where,
        )
    return Message(
        "{path}: was interrupted at epoch {epoch} of {total} and has no checkpoint; give up "
        "resuming it, or delete it.",
        **where,
    )


# --- moving things out of the way ------------------------------------------------------


def _set_aside(path: Path, library: Path, place: str = DAMAGED, copy: bool = False) -> None:
    """Moves or copies a run folder, or a file of one, to a place of its own in ``library``. A link
    is moved itself; nothing outside the library is touched."""
    name = path.name if path.parent == library else f"{path.parent.name}_{path.name}"
    target = own_folder(library / place) / name
    free, number = target, 1
    while os.path.lexists(free):
        number += 1
        free = target.with_name(f"{target.name}_{number}")
    if copy:
        with open_to_read(path, LARGEST_LOSSES) as before, atomic.replacing(free) as kept:
            shutil.copyfileobj(before, kept)
    else:
        atomic.move(path, free)


def _locked(folder: Path, act: Callable[[], None]) -> Callable[[], None]:
    """``act`` while no process trains the run; raises ``Timeout`` where one does."""

    def do() -> None:
        require_folder(folder)
        with lock_file(folder / "run.lock", timeout=0):
            act()

    return do


def _moves(path: Path, place: str = DAMAGED, whole: bool = False) -> dict[str, Any]:
    """Mending by moving the file ``path`` of a run away, or the ``whole`` folder ``path``."""
    words = (
        Message("It is moved to the folder .damaged of the library.")
        if place == DAMAGED
        else Message("It is moved to the trash.")
    )
    library = path.parent if whole else path.parent.parent

    def act() -> None:
        _set_aside(path, library, place)

    return {"mends": words, "_mend": act if whole else _locked(path.parent, act)}


def _writes_record(folder: Path, **changes: Any) -> dict[str, Any]:
    """``run.json`` with ``changes``, the old one kept."""

    def act() -> None:
        _set_aside(folder / "run.json", folder.parent, copy=True)
        record = read_record(folder)
        # The lock is ours now, so that a run without its process reads as one that runs.
        status = "running" if record.status == "interrupted" else record.status
        write_record(replace(record, status=status, **changes))

    return {
        "mends": Message("run.json is corrected; the old one is kept in .damaged."),
        "_mend": _locked(folder, act),
    }


def _unreadable(
    path: Path, error: WorkbenchError, newer: bool = False, whole: bool = False
) -> Finding:
    kind = "newer_format" if newer else "damaged"
    forbidden = "Permission denied" in str(error)
    moves = {} if newer or forbidden else _moves(path, whole=whole)
    return Finding(path, kind, error.message, fault=not newer, **moves)


# --- folders and leftovers -------------------------------------------------------------


def _half_folder(folder: Path) -> Iterator[Finding]:
    try:
        files = list(folder.iterdir())
        age = time.time() - folder.stat().st_mtime
    except OSError:
        return  # gone, or not for us
    ours = [f for f in files if f.name in _OURS or f.suffix in (".pkl", ".tmp")]
    if files and not ours:
        return  # somebody's own folder
    if abs(age) < YOUNG_S:  # of the future, where a clock was set back or runs elsewhere
        return
    if any(f.lstat().st_size for f in files if f.suffix != ".tmp"):
        message = Message("{path}: holds parts of a run and no run.json.", path=folder)
        yield Finding(folder, "half_folder", message, **_moves(folder, whole=True))
    else:
        message = Message("{path}: is the empty folder of a run that never began.", path=folder)
        yield Finding(
            folder, "empty_folder", message, fault=False, **_moves(folder, TRASH, whole=True)
        )


def _leftovers(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.glob(".*.tmp")):
        # Labels are written by whoever edits them, also this very moment.
        if time.time() - path.lstat().st_mtime < YOUNG_S and path.name.startswith(
            f".{labels.FILE}"
        ):
            continue
        message = Message("{path}: was being written when its process was ended.", path=path)
        yield Finding(path, "leftover", message, fault=False, **_moves(path, TRASH))


def _labels(folder: Path) -> Iterator[Finding]:
    try:
        labels.read_labels(folder)
    except WorkbenchError as error:
        newer = "newer version" in error.message.template
        yield _unreadable(folder / labels.FILE, error, newer)


# --- weights ---------------------------------------------------------------------------


def _weights(folder: Path, record: RunRecord) -> Iterator[Finding]:
    from workbench.library.weights import load_weights  # torch takes a second to import

    stem = f"mlp_weight_{file_label(record.preset)}"
    for which, usual in (("weights", f"{stem}.pkl"), ("best_weights", f"{stem}_best.pkl")):
        name = getattr(record, which)
        path = folder / (name or usual)
        if not os.path.lexists(path):
            if name:
                message = Message("{path}: run.json names these weights; they are gone.", path=path)
                change = _writes_record(folder, **{which: None})
                yield Finding(path, "missing_weights", message, **change)
            continue
        try:
            load_weights(path, own=True)
        except WorkbenchError as error:
            newer = "newer version" in error.message.template
            yield _unreadable(path, error, newer)
            continue
        if not name and record.status != "interrupted":
            message = Message("{path}: these weights are not named in run.json.", path=path)
            change = _writes_record(folder, **{which: usual})
            yield Finding(path, "unnamed_weights", message, fault=False, **change)


def _checkpoint(folder: Path) -> Iterator[Finding]:
    from workbench.library.checkpoint import load_checkpoint  # torch takes a second to import

    if not os.path.lexists(folder / CHECKPOINT):
        return
    try:
        load_checkpoint(folder)
    except WorkbenchError as error:
        newer = "newer version" in error.message.template
        yield _unreadable(folder / CHECKPOINT, error, newer)


# --- figures ---------------------------------------------------------------------------


def _epochs(folder: Path, record: RunRecord) -> Generator[Finding, None, list[dict[str, Any]]]:
    """Findings on ``epochs.csv``; returns its rows, empty where there are none to trust."""
    path = folder / "epochs.csv"
    try:
        rows = read_epochs(folder)
    except WorkbenchError as error:
        yield _unreadable(path, error)
        return []
    numbers = [row.get("epoch") for row in rows]
    needed = ["accuracy", "loss"]
    if record.experiment.get("validation_share"):
        needed.append("validation_accuracy")
    good = numbers == list(range(1, len(rows) + 1)) and all(
        isinstance(row.get(name), int | float) for row in rows for name in needed
    )
    if not good:
        message = Message("{path}: its rows are damaged.", path=path)
        yield Finding(path, "damaged", message, **_moves(path))
        return []
    done = record.epochs_done
    # The row is written before run.json: a kill between the two leaves one more.
    ahead = record.status == "interrupted" and len(rows) == done + 1
    if len(rows) != done and not ahead:
        message = Message(
            "{path}: has {rows:epoch|epochs}; run.json says {done}.",
            path=path,
            rows=Count(len(rows)),
            done=done,
        )
        more = _writes_record(folder, epochs_done=len(rows)) if len(rows) > done else {}
        yield Finding(path, "epochs_disagree", message, **more)
        return rows
    best = best_of(rows[:done])
    if done and any(getattr(record, name) != value for name, value in best.items()):
        message = Message(
            "{path}: its best epoch is {epoch} with {accuracy}%, run.json says otherwise.",
            path=path,
            epoch=best["best_epoch"],
            accuracy=best["best_accuracy"],
        )
        yield Finding(path, "best_disagrees", message, **_writes_record(folder, **best))
    return rows


def _losses(folder: Path, record: RunRecord) -> Iterator[Finding]:
    path = folder / "losses.f32"
    try:
        require_plain(path)
        size = path.lstat().st_size if path.exists() else 0
    except UnsafeFile as error:
        message = Message("{path}: cannot be read ({reason}).", path=path, reason=error.reason)
        yield Finding(path, "damaged", message, **_moves(path))
        return
    steps, left = divmod(size, 4)
    least = record.epochs_done * record.steps_per_epoch
    most = record.epochs * record.steps_per_epoch
    if record.status == "finished":
        most = least
    if left and record.status != "interrupted":

        def cut() -> None:
            content = read_bytes(path, LARGEST_LOSSES)
            _set_aside(path, folder.parent, copy=True)
            with atomic.replacing(path) as file:
                file.write(content[: len(content) // 4 * 4])

        message = Message("{path}: ends with a part of a number.", path=path)
        mends = Message("The part is cut off; the old file is kept in .damaged.")
        yield Finding(path, "half_loss", message, mends=mends, _mend=_locked(folder, cut))
    if not least <= steps <= most:
        yield Finding(
            path,
            "losses_disagree",
            Message(
                "{path}: holds {steps} losses where {least} to {most} belong.",
                path=path,
                steps=steps,
                least=least,
                most=most,
            ),
        )


def _test(folder: Path, record: RunRecord, rows: list[dict[str, Any]]) -> Iterator[Finding]:
    path = folder / "test.json"
    damaged: WorkbenchError | None = None
    try:
        latest = read_test(folder)
    except WorkbenchError as error:
        latest, damaged = None, error
    logits_path = folder / "test_logits.npz"
    if not os.path.lexists(logits_path):
        if damaged is not None:
            yield _unreadable(path, damaged)
        if record.status == "finished":
            message = Message("{path}: the logits of the final test are missing.", path=logits_path)
            yield Finding(logits_path, "missing_logits", message)
        yield from _without_logits(folder, record, rows, latest)
        return
    try:
        true = figures_of(logits_path, tuple(record.data.get("classes", ())))
    except (OSError, ValueError):
        if damaged is not None:
            yield _unreadable(path, damaged)
        message = Message("{path}: cannot be read; it is damaged.", path=logits_path)
        yield Finding(logits_path, "damaged", message, **_moves(logits_path))
        return
    if record.status == "interrupted":
        if damaged is not None:
            yield _unreadable(path, damaged)
        return  # killed between the final test and its end
    if latest is None or not latest[2] or not _same_test(latest[0], true):

        def write() -> None:
            if os.path.lexists(path):
                _set_aside(path, folder.parent, copy=True)
            content = test_content(true, record.epochs_done, final=True)
            atomic.write_text(path, plain_json(content))

        message = Message(
            "{path}: does not say what the stored logits say, {accuracy}% ({correct} of {total}).",
            path=path,
            accuracy=f"{true.accuracy:.2f}",
            correct=true.correct,
            total=true.total,
        )
        mends = Message("It is written again from the logits; the old one is kept in .damaged.")
        yield Finding(path, "test_disagrees", message, mends=mends, _mend=_locked(folder, write))
    if not _close(record.accuracy, true.accuracy):
        yield _accuracy_disagrees(folder, record, true.accuracy)


def _without_logits(
    folder: Path,
    record: RunRecord,
    rows: list[dict[str, Any]],
    latest: tuple[Evaluation, int, bool] | None,
) -> Iterator[Finding]:
    if record.status == "interrupted" or not rows or len(rows) != record.epochs_done:
        return
    final = latest is not None and latest[2]
    wanted = latest[0].accuracy if latest and final else float(rows[-1]["accuracy"])
    if not _close(record.accuracy, wanted):
        yield _accuracy_disagrees(folder, record, wanted)


def _accuracy_disagrees(folder: Path, record: RunRecord, accuracy: float) -> Finding:
    message = Message(
        "{path}: says a test accuracy of {said}; measured: {measured}%.",
        path=folder / "run.json",
        said="–" if record.accuracy is None else f"{record.accuracy:.2f}%",
        measured=f"{accuracy:.2f}",
    )
    change = _writes_record(folder, accuracy=accuracy)
    return Finding(folder / "run.json", "accuracy_disagrees", message, **change)


def figures_of(path: Path, classes: tuple[str, ...]) -> Evaluation:
    """The figures of the final test from its stored logits (float32, (N, classes)) and labels
    (int64, (N,)), with numpy alone; as ``workbench.engine.evaluation.figures`` takes them.

    Raises ``OSError`` where the file cannot be read and ``ValueError`` where it is damaged.
    """
    logits, truth = read_stored_test(path)
    count = logits.shape[1]
    predicted = logits.argmax(1)
    confusion = np.bincount(truth * count + predicted, minlength=count * count)
    confusion = confusion.reshape(count, count)
    correct, support = int(confusion.trace()), confusion.sum(1)
    losses = np.concatenate(
        # In parts: in float64 a large test would take many times the memory of its file.
        [
            _losses_of(logits[i : i + 10_000], truth[i : i + 10_000])
            for i in range(0, len(truth), 10_000)
        ]
    )
    return Evaluation(
        mode="eval",
        correct=correct,
        total=len(truth),
        accuracy=100.0 * correct / len(truth),
        loss=float(losses.mean()),
        classes=classes if len(classes) == count else tuple(f"class {i}" for i in range(count)),
        per_class=tuple(
            100.0 * int(right) / int(of) if of else None
            for right, of in zip(confusion.diagonal(), support, strict=True)
        ),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
    )


def _losses_of(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Cross entropies: log of the sum of all exponentials, less the true class's logit."""
    wide = logits.astype(np.float64)
    top = wide.max(1, keepdims=True)
    logsum = np.log(np.exp(wide - top).sum(1)) + top[:, 0]
    return np.asarray(logsum - wide[np.arange(len(truth)), truth])


def _same_test(one: Evaluation, other: Evaluation) -> bool:
    return (
        one.correct == other.correct
        and one.confusion == other.confusion
        and _close(one.accuracy, other.accuracy)
        and _close(one.loss, other.loss)
    )


def _close(one: float | None, other: float | None) -> bool:
    """Equal up to rounding; NaN, which JSON keeps as null, is like itself."""
    if one is None or other is None or math.isnan(one) or math.isnan(other):
        return _none(one) == _none(other)
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


def _none(value: float | None) -> bool:
    return value is None or math.isnan(value)
