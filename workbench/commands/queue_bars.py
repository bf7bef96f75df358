"""The terminal while a queue runs: a line for what happens, and a bar for each running entry."""

from __future__ import annotations

import threading
from typing import Any

from tqdm import tqdm

from workbench.engine.events import (
    EpochDone,
    Event,
    FinalTest,
    Notice,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
)
from workbench.engine.run_state import RunState
from workbench.library.queue_entry import Entry
from workbench.plain_text import visible


def entry_label(entry: Entry) -> str:
    """Return what an entry is called: its number, preset and title, and its labels."""
    words = [entry.preset or "", entry.title if entry.preset != entry.title else ""]
    if entry.sweep is not None:
        words.append(
            f"{entry.sweep} point {entry.point}" if entry.point is not None else entry.sweep
        )
    if (seed := entry.experiment.get("seed")) is not None:
        words.append(f"seed {seed}")
    return f"[{entry.id}] {' '.join(filter(None, words))}".rstrip()


class QueueBars:
    """Hears the events of all entries, from any thread: lines on ``output``, bars on ``errors``."""

    def __init__(self, output: Any, errors: Any) -> None:
        self._output, self._errors = output, errors
        self._lock = threading.Lock()
        self._states: dict[str, RunState] = {}
        self._bars: dict[str, tqdm] = {}

    def __call__(self, entry: Entry, event: Event) -> None:
        with self._lock:
            state = self._states.get(entry.id, RunState()).after(event)
            self._states[entry.id] = state
            if line := _line(event, state):
                self._write(f"{entry_label(entry)}: {line}")
            if isinstance(event, RunEnded):
                del self._states[entry.id]
                if bar := self._bars.pop(entry.id, None):
                    bar.close()
            else:
                self._draw(entry, state)

    def _write(self, line: str) -> None:
        tqdm.write(visible(line), file=self._output)
        self._output.flush()

    def _draw(self, entry: Entry, state: RunState) -> None:
        total = state.epochs * state.steps_per_epoch
        if not total:
            return
        bar = self._bars.get(entry.id)
        if bar is None:
            tqdm.monitor_interval = 0  # its thread wakes bars that stand still; ours do not
            bar = self._bars[entry.id] = tqdm(
                total=total,
                unit=" steps",
                file=self._errors,
                disable=None,  # no bar where standard error is no terminal
                leave=False,
                dynamic_ncols=True,
                desc=visible(entry_label(entry)),
            )
        accuracy = f"{state.accuracy:.2f}%" if state.accuracy is not None else ""
        bar.set_postfix_str(f"epoch {state.epoch}/{state.epochs} {accuracy}", refresh=False)
        bar.update(max(0, state.step_count - bar.n))

    def close(self) -> None:
        """Take the bars away."""
        with self._lock:
            for bar in self._bars.values():
                bar.close()
            self._bars = {}


def _line(event: Event, state: RunState) -> str:
    if isinstance(event, RunStarted):
        begun = (
            "begun" if (event.epoch, event.step) == (1, 0) else f"resumed in epoch {event.epoch}"
        )
        return f"{begun} on {event.data.name}, {event.device_name}, run {event.run}"
    if isinstance(event, EpochDone):
        return (
            f"epoch {event.epoch}/{state.epochs}: loss {event.loss:.3f}, "
            f"test accuracy {event.test.accuracy:.2f}%"
        )
    if isinstance(event, FinalTest):
        return f"final test {event.figures.accuracy:.2f}%"
    if isinstance(event, Notice):
        return str(event.message)
    if isinstance(event, Paused):
        return "paused"
    if isinstance(event, Resumed):
        return "continues"
    if isinstance(event, RunEnded):
        return f"{event.status}: {event.reason}" if event.reason else str(event.status)
    return ""
