"""What the queue says of an entry, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.engine.status import RunStatus
from workbench.library.queue_entry import Entry
from workbench.library.run_folder import RunRecord, preset_number
from workbench.path_text import from_text, shown
from workbench.plain_text import visible
from workbench.window.kit.translation import say, tr
from workbench.window.saved.run_cells import accuracy_text
from workbench.window.saved.run_columns import Presets, differs_text
from workbench.window.work.live_runs import LiveRun
from workbench.words.figures import duration, time_left
from workbench.words.status import status_word
from workbench.words.titles import preset_title

WAITING = "waiting"


@dataclass(frozen=True)
class EntryRow:
    """One entry as it is shown.

    Args:
        name: preset and what differs from it.
        state: its state in a word.
        place: data and device.
        progress: epochs done, and time left or how long it takes; the accuracy once it has ended.
        share: done of it, 0 to 1.
        why: why it failed.
        kind: by which it is colored: ``""``, ``"running"``, ``"problem"`` or ``"muted"``.
        whole: all of it, for the tooltip and a screen reader.
    """

    name: str
    state: str
    place: str
    progress: str
    share: float
    why: str
    kind: str
    whole: str


def entry_row(
    entry: Entry,
    live: LiveRun | None,
    record: RunRecord | None,
    presets: Presets,
    expected: float | None = None,
) -> EntryRow:
    """Say what is known of ``entry``.

    Args:
        entry: of the queue.
        live: its run, while the events of it come here.
        record: its run in the library, where there is one.
        presets: by id, which it is held against.
        expected: seconds that it takes in all, from earlier runs; ``None`` where unknown.
    """
    title = preset_title(entry.preset, entry.title, tr)
    differs = differs_text(entry, presets)
    number = preset_number(entry.preset) or tr(entry.title)
    name = visible(" · ".join(filter(None, [number, differs]))) if differs else title
    place = f"{data_text(entry)} · {_device(entry, live, record)}"
    epochs = int(entry.experiment.get("epochs", 0))
    done, share, left = _progress(entry, live, record, epochs)
    state = _state(entry, live, record)
    parts = []
    if entry.state == "finished" and record is not None:
        parts = [accuracy_text(record)]
    elif live is not None or record is not None:
        parts = [tr("epoch {done} of {epochs}").format(done=done, epochs=epochs)]
        if left is not None and entry.state == "running":
            parts.append(say(time_left(left)))
    elif entry.state == WAITING and expected is not None:
        parts = [tr("about {duration}").format(duration=duration(expected, tr))]
    progress = " · ".join(parts)
    why = say(entry.why) if entry.why is not None else ""
    kind = {"running": "running", "failed": "problem", "interrupted": "problem"}.get(
        entry.state, "" if entry.state == WAITING else "muted"
    )
    which = tr("Entry {id} of the queue").format(id=entry.id)
    whole = "\n".join(filter(None, [which, title, differs, state, why, place, progress]))
    return EntryRow(name, state, place, progress, share, why, kind, whole)


def _state(entry: Entry, live: LiveRun | None, record: RunRecord | None) -> str:
    if live is not None:
        return say(status_word(live.state.status))
    if entry.state == WAITING:
        return tr("Waiting")
    if entry.state == "finished" and record is None:
        return tr("Deleted")
    return say(status_word(RunStatus(entry.state)))


def data_text(entry: Entry) -> str:
    """Return what the data of ``entry`` are called."""
    kind, path = entry.data.get("kind"), entry.data.get("path")
    if kind == "sample":
        return tr("Sample data")
    if kind == "cifar10":
        return "CIFAR-10"
    return visible(shown(from_text(str(path)).name)) if path else str(kind)


def _device(entry: Entry, live: LiveRun | None, record: RunRecord | None) -> str:
    if live is not None and live.state.device:
        return live.state.device
    if record is not None and record.device:
        return record.device
    return tr("Automatic") if entry.device == "auto" else entry.device


def _progress(
    entry: Entry, live: LiveRun | None, record: RunRecord | None, epochs: int
) -> tuple[int, float, float | None]:
    """Epochs begun or done, the share done, and the seconds left."""
    if live is not None and live.state.steps_per_epoch:
        state = live.state
        total = state.epochs * state.steps_per_epoch
        return state.epoch, min(1.0, state.step_count / total), state.seconds_left
    if record is None or not epochs:
        return 0, 0.0, None
    done = record.epochs_done
    left = record.seconds / done * (epochs - done) if done else None
    return done, min(1.0, done / epochs), left


def records_by_id(records: list[RunRecord]) -> Mapping[str, RunRecord]:
    """Return the runs by what an entry knows them by."""
    return {record.id: record for record in records}
