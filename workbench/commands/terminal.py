"""The command line's progress bar, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tqdm import tqdm

from workbench.data.progress import DataProgress
from workbench.engine.control import RunControl
from workbench.engine.events import EvaluationProgress, Event, RunEnded, RunStarted, StepsDone
from workbench.engine.run_state import RunState
from workbench.plain_text import visible


def tell(*lines: object, file: Any = None) -> None:
    """Print each of ``lines`` as just one line, on standard output or on ``file``: everything
    that commands say goes through here, so that nothing out of a file reaches the terminal as
    a control character or as a line of its own."""
    print(*map(visible, lines), sep="\n", file=sys.stdout if file is None else file)


class Bars:
    """The progress bar of what happens now, on ``errors``, and lines above it, on ``output``."""

    def __init__(self, output: Any, errors: Any) -> None:
        self._output = output
        self._errors = errors
        self._bar: tqdm | None = None
        self._label = ""
        self._done = 0
        self._state = RunState()

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def write(self, line: str) -> None:
        tqdm.write(visible(line), file=self._output)
        self._output.flush()

    def show(self, event: Event) -> None:
        """Draw what ``event`` says of the progress."""
        self._state = state = self._state.after(event)
        images = 0 if state.data is None else state.data.train_images - state.validation_images
        if isinstance(event, DataProgress):
            unit = "B" if event.unit == "bytes" else " files"
            self._draw("Loading data", event.done, event.total, unit)
        elif isinstance(event, RunStarted):
            self._draw(f"Epoch 1/{state.epochs}", 0, state.epochs * images, " images")
        elif isinstance(event, StepsDone):
            done = (state.epoch - 1) * images + min(state.step * state.batch_size, images)
            if self._bar is not None:
                self._bar.set_postfix_str(f"loss {event.losses[-1]:.3f}", refresh=False)
            self._draw(
                f"Epoch {state.epoch}/{state.epochs}", done, state.epochs * images, " images"
            )
        elif isinstance(event, EvaluationProgress):
            if state.epochs and self._bar is not None:
                self._bar.set_postfix_str(f"testing {event.done}/{event.total}", refresh=True)
            elif not state.epochs:
                self._draw("Testing", event.done, event.total, " images")
        elif isinstance(event, RunEnded):
            self._close()

    def _draw(self, label: str, done: int, total: int, unit: str) -> None:
        kind = label.split()[0]
        if self._bar is None or self._label != kind:
            self._close()
            tqdm.monitor_interval = 0  # its thread wakes bars that stand still; ours do not
            self._bar = tqdm(
                total=total,
                unit=unit,
                unit_scale=True,
                file=self._errors,
                disable=None,  # no bar where standard error is no terminal
                leave=False,
                dynamic_ncols=True,
            )
            self._label, self._done = kind, 0
        self._bar.set_description(label, refresh=False)
        self._bar.update(done - self._done)
        self._done = done

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None


@contextmanager
def signals_stop(control: RunControl, errors: Any) -> Iterator[list[bool]]:
    """Ctrl-C asks ``control`` to stop, and so do a kill and a closed terminal; a second Ctrl-C
    ends the program at once. The yielded list is not empty once it happened. A signal that was
    ignored before (``nohup``, or a job in the background of a script) stays ignored."""
    happened: list[bool] = []

    def stop(number: int, _: object) -> None:
        happened.append(True)
        control.stop()
        with suppress(RuntimeError):  # in the middle of another line that the terminal waits for
            errors.write(
                "\nStopping and keeping the results so far. Press Ctrl-C again to end at once.\n"
            )
            errors.flush()
        if signal.SIGINT in previous:
            signal.signal(signal.SIGINT, previous[signal.SIGINT])

    # SIGBREAK is what a closed console sends on Windows, which has no SIGHUP.
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    wanted = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # None: set by something other than Python, which Python could not put back.
    left_alone = (signal.SIG_IGN, None)
    previous = {n: signal.getsignal(n) for n in wanted if signal.getsignal(n) not in left_alone}
    for number in previous:
        signal.signal(number, stop)
    try:
        yield happened
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
