"""The runs that are under way, each as one state: whoever trains them, their events come here.

No Qt. One run trains in this process, any number in others; each has a key, from when it is asked
for until it has ended. Its state is what its events add up to, so that a run which was not on show
can be shown at any moment as far as it is, and goes on with the next event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.engine.events import Event, RunEnded, RunStarted
from workbench.engine.run_state import RunState
from workbench.library.run_folder import read_log
from workbench.library.stored_state import read_state
from workbench.messages import WorkbenchError
from workbench.words.report_lines import ReportLines

log = logging.getLogger("workbench")


class LiveRun:
    """A run under way.

    Args:
        key: what it is known by.
        title: what it is called, until its record says so.
        sample: whether it trains on sample data.
    """

    def __init__(self, key: str, title: str, sample: bool) -> None:
        self.key = key
        self.title = title
        self.sample = sample
        self.state = RunState()
        self.lines: list[str] = []
        """The lines of its log so far, those from before it was resumed among them."""
        self.resumed = False
        """Whether it goes on from what it reached before, which cancelling keeps."""
        self._report_lines = ReportLines()

    @property
    def folder(self) -> str:
        """Its run folder; empty until it has one."""
        return self.state.run

    def hear(self, event: Event) -> None:
        """Take ``event`` into state and log."""
        lines = self._report_lines.lines(event)
        if isinstance(event, RunStarted) and (event.epoch, event.step) != (1, 0):
            self.resumed = True
            self._take_up(Path(event.run), lines)
        self.state = self.state.after(event)
        self.lines += lines

    def _take_up(self, folder: Path, first: list[str]) -> None:
        """Begin where a resumed run left off. ``first``: the lines that it began again with."""
        try:
            known = read_state(folder, damaged=[])
            written = read_log(folder).splitlines()
        except WorkbenchError:
            log.exception("%s: what was reached before it was resumed is not shown", folder)
            return
        self.state = self.state.with_past(known)
        # Nothing follows the last place where they stand but what is heard from now on.
        places = range(len(written) - len(first), -1, -1)
        before = next((i for i in places if written[i : i + len(first)] == first), len(written))
        self.lines = written[:before]


Listener = Callable[[LiveRun, Event | None], None]
"""Hears of a run and its event, which its state has in it already; ``None``: the run was asked to
end."""


class LiveRuns:
    """The runs under way, in the order in which they were begun."""

    def __init__(self) -> None:
        self._runs: dict[str, LiveRun] = {}
        self._listeners: list[Listener] = []
        self._begun = 0

    def listen(self, listener: Listener) -> None:
        """Tell ``listener`` of every event from now on."""
        self._listeners.append(listener)

    def begin(self, title: str, sample: bool) -> str:
        """Add a run that was asked for, and return its key."""
        self._begun += 1
        key = f"run {self._begun}"
        self._runs[key] = LiveRun(key, title, sample)
        return key

    def hear(self, key: str, event: Event) -> None:
        """Take an event of a run into its state and tell the listeners; with its end it goes."""
        run = self._runs.get(key)
        if run is None:  # begun by nobody here: what it is called is not known
            run = self._runs[key] = LiveRun(key, "", False)
        run.hear(event)
        if isinstance(event, RunEnded):
            del self._runs[key]
        self._tell(run, event)

    def stopping(self, key: str) -> None:
        """The run was asked to end; what it does until then still arrives."""
        run = self._runs.get(key)
        if run is not None:
            run.state = run.state.stopping()
            self._tell(run, None)

    def get(self, key: str | None) -> LiveRun | None:
        """Return the run with this key while it is under way."""
        return self._runs.get(key) if key is not None else None

    def in_folder(self, folder: str | Path) -> LiveRun | None:
        """Return the run that is under way in ``folder``."""
        return next((run for run in self if run.folder == str(folder)), None)

    @property
    def newest(self) -> LiveRun | None:
        """The run that was begun last."""
        return next(reversed(self._runs.values()), None)

    def __iter__(self) -> Iterator[LiveRun]:
        return iter(tuple(self._runs.values()))

    def __len__(self) -> int:
        return len(self._runs)

    def _tell(self, run: LiveRun, event: Event | None) -> None:
        for listener in self._listeners:
            listener(run, event)
