"""Several runs under way: each has its state and its log, whichever is on show."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.library.made_runs import make_run
from workbench.data.data_choice import DataInfo
from workbench.engine.events import Event, RunEnded, RunStarted, StepsDone
from workbench.engine.status import RunStatus
from workbench.library.catalog import Library
from workbench.library.run_folder import RunWriter
from workbench.window.work.live_runs import LiveRun, LiveRuns
from workbench.words.report_lines import ReportLines

DATA = DataInfo("sample", "sample", ("a", "b"), 40, 10, "f" * 64, False)


def started(run: str = "", epoch: int = 1, step: int = 0) -> RunStarted:
    return RunStarted(DATA, "cpu", "CPU", None, 1, 3, 4, 10, epoch, step, run=run)


def test_each_run_has_its_own_state_and_goes_with_its_end() -> None:
    runs, heard = LiveRuns(), list[tuple[str, Event | None]]()
    runs.listen(lambda run, event: heard.append((run.key, event)))
    one, two = runs.begin("one", False), runs.begin("two", True)
    runs.hear(one, started("/runs/one"))
    runs.hear(two, started("/runs/two"))
    steps = StepsDone(1, 2, (0.5, 0.4), 1.0, 20.0)
    runs.hear(two, steps)
    assert heard[-1] == (two, steps)
    first, second = runs.get(one), runs.in_folder("/runs/two")
    assert first is not None
    assert second is not None
    assert (first.state.step_count, second.state.step_count) == (0, 2)
    assert runs.newest is second
    runs.stopping(one)
    assert (heard[-1], first.state.status) == ((one, None), RunStatus.STOPPING)
    runs.hear(two, RunEnded(RunStatus.FINISHED, 3, 1.0))
    assert second.state.status is RunStatus.FINISHED
    assert [run.key for run in runs] == [one]


def test_a_resumed_run_has_what_it_had_reached_and_its_log_once(tmp_path: Path) -> None:
    run = make_run(Library(tmp_path), accuracies=(20.0, 25.0), losses=np.ones(9, np.float32))
    event = started(str(run.folder), epoch=3, step=1)
    lines = ReportLines().lines(event)
    writer = RunWriter(run.folder, run)
    writer.add_lines([*lines, "said before the window heard of it"])
    writer.close()
    live = LiveRun("run 1", "", False)
    live.hear(event)
    assert live.lines == ["Final test in evaluation mode", *lines]
    assert (live.state.epochs_done, live.state.step_count) == (2, 9)
    live.hear(StepsDone(3, 2, (0.5,), 1.0, 20.0))
    assert live.state.step_losses.tolist() == [1.0] * 9 + [0.5]
