"""Find what is broken in a library, and repair it without losing anything.

A :class:`Finding` is a fault where something is lost, wrong or unreadable; otherwise it is a note:
a run that was interrupted, or what a killed process left behind. A repair never deletes: what
cannot be read goes to the library's folder ``.damaged``, leftovers go to ``.trash``, and a file
that is rewritten is kept in ``.damaged`` as it was. A run that a living process holds is left out.

Over 400 lines: one check for each file of a run folder, which share how a repair is made.
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
from workbench.library.stored_figures import figures_of
from workbench.library.trash import FOLDER as TRASH
from workbench.messages import Count, Message, WorkbenchError
from workbench.spec.networks import NetworkError

DAMAGED = ".damaged"
YOUNG_S = 10.0
"""A folder without ``run.json`` that is younger may be one that is being created."""

_OURS = (
    *("run.lock", "losses.f32", "log.txt", "epochs.csv", "test.json", "checkpoint.pt"),
    "histograms.jsonl",
)


@dataclass(frozen=True)
class Finding:
    """One thing to say of a library.

    Args:
        path: the file or folder it is about.
        kind: a word for scripts.
        message: the sentence.
        fault: something is lost, wrong or unreadable; otherwise it is a note.
        remedy: what :func:`repair` would do; ``None`` where it can do nothing.
    """

    path: Path
    kind: str
    message: Message
    fault: bool = True
    remedy: Message | None = None
    _repair: Callable[[], None] | None = field(default=None, repr=False, compare=False)


def check_library(library: Path) -> Iterator[Finding]:
    """Check every run folder of ``library``, newest first.

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


def repair(finding: Finding) -> bool:
    """Do what the finding's ``remedy`` says. Return ``False`` where nothing can be done, or where
    a process has begun to train the run.

    Raises :class:`WorkbenchError` where the disk does not let it.
    """
    if finding._repair is None:
        return False
    try:
        finding._repair()
    except Timeout:
        return False
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be repaired ({reason}).", path=finding.path, reason=reason_of(error)
        ) from None
    return True


def check_run(folder: Path) -> Iterator[Finding]:
    """Check one run folder; yield nothing while a living process holds it."""
    if is_locked(folder):
        return
    if not os.path.lexists(folder / "run.json"):
        yield from _half_folder(folder)
        return
    try:
        record = read_record(folder)
    except WorkbenchError as error:
        newer = cannot_be_judged(error)
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
    """Move or copy a run folder, or a file of one, to an unused name in ``place``. A link is moved
    itself; nothing outside the library is touched."""
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
    """Return ``act`` under the run's lock; it raises ``Timeout`` where a process trains the run."""

    def do() -> None:
        require_folder(folder)
        with lock_file(folder / "run.lock", timeout=0):
            act()

    return do


def _moves(path: Path, place: str = DAMAGED, whole: bool = False) -> dict[str, Any]:
    """Return the fields of a finding whose repair moves the file ``path`` of a run away, or the
    ``whole`` folder ``path``."""
    words = (
        Message("It is moved to the folder .damaged of the library.")
        if place == DAMAGED
        else Message("It is moved to the trash.")
    )
    library = path.parent if whole else path.parent.parent

    def act() -> None:
        _set_aside(path, library, place)

    return {"remedy": words, "_repair": act if whole else _locked(path.parent, act)}


def _writes_record(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return the fields of a finding whose repair writes ``run.json`` with ``changes``; the old one
    is kept."""

    def act() -> None:
        _set_aside(folder / "run.json", folder.parent, copy=True)
        record = read_record(folder)
        # The lock is ours now, so that a run without its process reads as one that runs.
        status = "running" if record.status == "interrupted" else record.status
        write_record(replace(record, status=status, **changes))

    return {
        "remedy": Message("run.json is corrected; the old one is kept in .damaged."),
        "_repair": _locked(folder, act),
    }


def cannot_be_judged(error: WorkbenchError) -> bool:
    """Tell whether ``error`` is of what this program lacks, and not of damage: a newer format, or a
    network that is not installed."""
    return isinstance(error, NetworkError) or "newer version" in error.message.template


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
        newer = cannot_be_judged(error)
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
            newer = cannot_be_judged(error)
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
        newer = cannot_be_judged(error)
        yield _unreadable(folder / CHECKPOINT, error, newer)


# --- figures ---------------------------------------------------------------------------


def _epochs(folder: Path, record: RunRecord) -> Generator[Finding, None, list[dict[str, Any]]]:
    """Check ``epochs.csv``; return its rows, empty where they cannot be trusted."""
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
        remedy = Message("The part is cut off; the old file is kept in .damaged.")
        yield Finding(path, "half_loss", message, remedy=remedy, _repair=_locked(folder, cut))
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
        remedy = Message("It is written again from the logits; the old one is kept in .damaged.")
        yield Finding(
            path, "test_disagrees", message, remedy=remedy, _repair=_locked(folder, write)
        )
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


def _same_test(one: Evaluation, other: Evaluation) -> bool:
    return (
        one.correct == other.correct
        and one.confusion == other.confusion
        and _close(one.accuracy, other.accuracy)
        and _close(one.loss, other.loss)
    )


def _close(one: float | None, other: float | None) -> bool:
    """Compare up to rounding; NaN, which JSON keeps as null, equals itself."""
    if one is None or other is None or math.isnan(one) or math.isnan(other):
        return _none(one) == _none(other)
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


def _none(value: float | None) -> bool:
    return value is None or math.isnan(value)
