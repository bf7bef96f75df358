"""The run on show, and what its tabs have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from workbench.engine.events import EpochDone, Event
from workbench.engine.run_state import RunState
from workbench.library.run_folder import RunRecord, read_log, read_record
from workbench.library.run_record import reached
from workbench.library.stored_state import read_state
from workbench.messages import Message, WorkbenchError
from workbench.spec.altered_data import is_comparable
from workbench.spec.expected import Expected, expected_of
from workbench.spec.experiment import Experiment, experiment_from
from workbench.spec.presets import Reported, how_it_ran, preset_with_id
from workbench.window.work.live_runs import LiveRun


@dataclass(frozen=True)
class ShownRun:
    """A run as far as it is, and what it is compared with.

    Args:
        state: what its events, or its files, add up to.
        title: what it is called where it has no record.
        sample: whether its data are the program's sample.
        key: that of a live run; ``None`` for one from its files.
        record: its ``run.json``; ``None`` while its data load.
        experiment: what it trains; ``None`` while its data load.
        lines: those of its log. A live run's list, which grows.
        reported: what the report says of it, where the two compare.
        expected: the curves that were measured with these hyperparameters, where they compare.
        damaged: why its latest test cannot be read.
    """

    state: RunState
    title: str = ""
    sample: bool = False
    key: str | None = None
    record: RunRecord | None = None
    experiment: Experiment | None = None
    lines: Sequence[str] = ()
    reported: Reported | None = None
    expected: Expected | None = None
    damaged: Message | None = None

    @property
    def live(self) -> bool:
        """True while its events arrive here."""
        return self.key is not None

    @property
    def trains(self) -> bool:
        """True while it is under way, here or elsewhere: its final test is still to come."""
        return self.live or (self.record is not None and self.record.status == "running")

    @property
    def folder(self) -> str:
        """Its run folder; empty while its data load."""
        return str(self.record.folder) if self.record is not None else ""

    def after(self, event: Event | None, state: RunState) -> ShownRun:
        """Return it after ``event``, which ``state`` has in it."""
        if self.record is None or not isinstance(event, EpochDone):
            return replace(self, state=state)
        record = replace(self.record, **reached(state))
        return replace(self, state=state, record=record)


def of_record(record: RunRecord) -> ShownRun:
    """Read a saved run. A damaged test is left out and named; raises :class:`WorkbenchError` where
    its curves are damaged."""
    damaged: list[WorkbenchError] = []
    state = read_state(record.folder, damaged=damaged)
    run = _compared(record, state, read_log(record.folder).removesuffix("\n").split("\n"))
    return replace(run, damaged=damaged[0].message if damaged else None)


def of_live(live: LiveRun) -> ShownRun:
    """Make it of a run under way, as far as it is. Raises :class:`WorkbenchError` where its record
    cannot be read."""
    if not live.folder:
        return ShownRun(live.state, live.title, live.sample, live.key)
    run = _compared(read_record(Path(live.folder)), live.state, live.lines)
    return replace(run, key=live.key)


def _compared(record: RunRecord, state: RunState, lines: Sequence[str]) -> ShownRun:
    experiment = experiment_from(record.experiment)
    return ShownRun(
        state=state,
        sample=record.is_sample,
        record=record,
        experiment=experiment,
        lines=lines,
        reported=_reported(record),
        # Only on the report's data: the sample is easier, and another folder another task.
        expected=expected_of(experiment) if is_comparable(record.data) else None,
    )


def _reported(record: RunRecord) -> Reported | None:
    # Only what may be compared: the report's data, and the preset's own hyperparameters.
    if not is_comparable(record.data) or record.preset is None:
        return None
    try:
        preset = preset_with_id(record.preset)
        ran = how_it_ran(preset, experiment_from(record.experiment))
    except WorkbenchError:
        return None
    return preset.reported if ran is not None else None


class RunTab(Protocol):
    """What header and tabs of a run have in common. Each shows one run and follows its events."""

    def show_run(self, run: ShownRun | None) -> None:
        """Show ``run`` in place of another; ``None``, or a run without a record: what will appear
        here."""

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Follow ``event`` of the run on show, which ``run`` has in it; ``None``: the run was asked
        to end."""
