"""The work behind the window: one QThread that trains, tests or loads, and signals for what it
reports.

The worker never touches a widget. It puts events on a deque; a timer of the window's thread
drains it 30 times a second and emits signals.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QObject, QThread, QTimer, Signal

from workbench.collector import collector_set_aside
from workbench.data.data_choice import DataChoice
from workbench.data.image_square import Fit
from workbench.engine.control import RunControl
from workbench.engine.events import (
    Event,
    Paused,
    Resumed,
    RunStarted,
)
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.spec.experiment import Experiment
from workbench.window.work.activity import Activity

log = logging.getLogger("workbench")

NICE = 0
"""How far the worker steps back for the window on Linux. Measured with window_latency.py on two
cores, 001 on the sample: at 0 99% of the delays are under 11 ms also beside four busy programs, and
each step back costs training: 25 steps a second beside them at 0, 15 at 2, 3 at 10."""

DRAIN_INTERVAL = 33
"""Milliseconds between two looks at what the worker reported."""


class Work(QThread):
    """Runs one plain function; its outcome is put on the deque as the last thing.

    Qt ends the whole process where a QThread is destroyed while it runs. This one has no parent
    that could do so, and is held here until it has ended, whoever forgot it.
    """

    _running: ClassVar[set[Work]] = set()

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()
        self._function = function
        self.finished.connect(self._ended)

    def begin(self) -> None:
        """Start the thread; to be called in place of ``start``."""
        Work._running.add(self)
        self.start()

    def _ended(self) -> None:
        self.wait()  # its function has returned: a matter of microseconds
        Work._running.discard(self)

    @classmethod
    def wait_for_all(cls, milliseconds: int) -> bool:
        """Wait for every thread, each at most so long; whether they ended."""
        return all([work.wait(milliseconds) for work in list(cls._running)])

    def run(self) -> None:
        _yield_to_the_window()
        self._function()


def _yield_to_the_window() -> None:
    """Let the window's thread go first where both want a core, by :data:`NICE`. The threads that
    torch starts from this one inherit it. Only Linux has priorities by thread; elsewhere nothing
    is changed."""
    if NICE and sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


class Session(QObject):
    """Trains, tests and loads, one thing at a time: ``state`` says which."""

    state_changed = Signal(str)
    run_event = Signal(str, object)  # of the run with this key: an Event
    progress = Signal(object)  # DataProgress or EvaluationProgress of what is not a run
    weights_opened = Signal(object, object)  # Path, Weights
    weights_tested = Signal(object)  # WeightsTest
    data_prepared = Signal(object)  # DataInfo
    image_predicted = Signal(object, object)
    """(pixels, preview) and ImagePredictions, or None and Message."""
    downloaded = Signal(object)  # Path
    resuming_given_up = Signal(object)  # GivenUp
    problem = Signal(object)  # Message
    given_up = Signal()  # the person cancelled what is not a run
    devices_found = Signal(list)  # (torch's name, product name)
    steps_timed = Signal(object, str, object)  # experiment, device, Timing or None: interrupted

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.library = library
        self.state = Activity.IDLE
        self.run_key = ""
        """The key of the run that is under way, or was last."""
        # Of the CPU, for new runs and tests; None: as many as are fastest when they begin.
        self.threads: int | None = None
        self._reports: deque[tuple[str, Any]] = deque()
        self._control = RunControl()
        self._work: Work | None = None
        self._beside: list[Work] = []
        self._torch_ready = False
        # Held by whatever computes: torch's default random state is never drawn from by two.
        self._computing = threading.Lock()
        self._timing_unwanted = threading.Event()
        self._drain_timer = QTimer(self)
        self._drain_timer.setInterval(DRAIN_INTERVAL)
        self._drain_timer.timeout.connect(self._drain)

    # --- what the window asks for ------------------------------------------------------

    @property
    def busy(self) -> bool:
        return self.state.busy

    @property
    def running(self) -> bool:
        """Return whether a run is under way, from the loading of its data to its end."""
        return self.state.running

    def train(
        self,
        experiment: Experiment,
        data: DataChoice,
        device: str,
        preset: str | None,
        title: str,
        threads: int | None = None,
        key: str = "",
    ) -> None:
        """Start a run; its events come as ``run_event`` with ``key``, a ``RunEnded`` as the last.
        ``threads`` of the CPU: ``None`` for as many as are fastest."""
        control = self._new_control()
        self.run_key = key

        def work() -> None:
            from workbench.running.runner import run_experiment

            run_experiment(
                experiment,
                self.library,
                lambda event: self._put("event", event),
                control,
                data=data,
                device=device,
                preset=preset,
                title=title,
                threads=threads,
            )

        self._start(Activity.LOADING, work)

    def resume_run(self, folder: Path, epochs: int | None = None, key: str = "") -> None:
        """Train a saved run on, from its own data; to ``epochs`` in all, where given. Its events
        come as with :meth:`train`."""
        control = self._new_control()
        self.run_key = key

        def work() -> None:
            from workbench.running.runner import resume_run

            resume_run(
                folder,
                self.library,
                lambda event: self._put("event", event),
                control,
                epochs=epochs,
            )

        self._start(Activity.LOADING, work)

    def open_weights(self, path: Path) -> None:
        """Read a weight file; ``weights_opened`` or ``problem`` follows."""

        def work() -> None:
            from workbench.library.weights import load_weights

            self._put("weights", (path, load_weights(path)))

        self._start(Activity.OPENING, work)

    def test_weights(self, path: Path, data: DataChoice, device: str) -> None:
        """Test a weight file; ``weights_tested``, ``problem`` or ``given_up`` follows."""
        control, threads = self._new_control(), self.threads

        def work() -> None:
            from workbench.running.inference import evaluate_weights

            outcome = evaluate_weights(
                path,
                data,
                lambda event: self._put("event", event),
                control,
                device=device,
                threads=threads,
            )
            self._put("tested", outcome)

        self._start(Activity.TESTING, work)

    def prepare_data(self, data: DataChoice) -> None:
        """Load (and cache) a data set; ``data_prepared``, ``problem`` or ``given_up`` follows."""
        control = self._new_control()

        def work() -> None:
            from workbench.data.datasets import load_data

            loaded = load_data(
                data, lambda event: self._put("event", event), lambda: control.stopping
            )
            self._put("prepared", loaded.info)

        self._start(Activity.PREPARING, work)

    def predict_image(self, path: Path, source: Any, name: str, device: str, fit: Fit) -> None:
        """Ask the weights in ``path`` about an image, a path or a binary file, made square as
        ``fit`` says; ``image_predicted`` follows, also with what is wrong with the image."""

        def work() -> None:
            from workbench.data.image_file import read_image_file, read_preview
            from workbench.running.inference import predict_images

            try:
                pixels = read_image_file(source, name, fit)
                preview = read_preview(source, name)
                outcome = predict_images(path, pixels[None], device=device)
            except WorkbenchError as error:
                self._put("predicted", (None, error.message))
                return
            self._put("predicted", ((pixels, preview), outcome))

        self._start(Activity.OPENING, work)

    def download(self) -> None:
        """Download CIFAR-10; ``downloaded``, ``problem`` or ``given_up`` follows."""
        control = self._new_control()

        def work() -> None:
            from workbench.data.download import download_cifar10

            place = download_cifar10(
                lambda event: self._put("event", event), lambda: control.stopping
            )
            self._put("downloaded", place)

        self._start(Activity.DOWNLOADING, work)

    def find_devices(self) -> None:
        """Import torch behind the first paint and look for GPUs; ``devices_found`` follows.

        Beside whatever else is under way: a run that is started meanwhile waits for the import.
        """

        def work() -> None:
            try:
                with collector_set_aside():
                    import workbench.running.runner  # noqa: F401  (its import is most of the wait)
                    from workbench.engine.devices import list_devices
                self._put("devices", [(str(d.device), d.name) for d in list_devices()])
            except Exception as error:
                log.exception("torch could not be imported")
                self._put(
                    "problem",
                    Message(
                        "torch cannot be used ({reason}); install it again as the README says.",
                        reason=type(error).__name__,
                    ),
                )

        self._start_beside(work)

    def time_steps(self, experiment: Experiment, device: str) -> bool:
        """Time a few steps of ``experiment`` beside the window, in no state of its own;
        ``steps_timed`` follows. Whether it was begun: only while nothing is under way, after
        :meth:`find_devices`.

        Work that is started meanwhile ends it, and waits for that: for a step.
        """
        if self.busy or not self._torch_ready or not self._computing.acquire(blocking=False):
            return False
        self._timing_unwanted.clear()
        threads = self.threads

        def work() -> None:
            from workbench.engine.step_times import Timing
            from workbench.running.runner import time_steps

            timing: Timing | None = Timing(None, None)
            try:
                timing = time_steps(experiment, device, self._timing_unwanted.is_set, threads)
            except Cancelled:
                timing = None
            except WorkbenchError:
                pass  # said when it is to be trained
            except Exception:
                log.exception("The steps could not be timed")
            finally:
                self._computing.release()
            self._put("timed", (experiment, device, timing))

        self._start_beside(work)
        return True

    def give_up_resuming(self, record: RunRecord) -> None:
        """Save the last weights of an interrupted run, beside whatever is under way;
        ``resuming_given_up`` or ``problem`` follows."""

        def work() -> None:
            from workbench.library.giving_up import give_up
            from workbench.running.failures import explain

            try:
                self._put("resuming given up", give_up(self.library, record))
            except WorkbenchError as error:
                self._put("problem", error.message)
            except Exception as error:
                log.exception("Resuming could not be given up")
                self._put("problem", explain(error, record.folder))

        self._start_beside(work)

    def _start_beside(self, function: Callable[[], None]) -> None:
        work = Work(function)
        work.finished.connect(self._beside_ended)
        self._beside.append(work)
        self._drain_timer.start()
        work.begin()

    def _beside_ended(self) -> None:
        for work in [work for work in self._beside if work.isFinished()]:
            work.wait()
            self._beside.remove(work)
        self._drain()
        self._rest()

    def _rest(self) -> None:
        if self._work is None and not self._beside:
            self._drain_timer.stop()

    @property
    def pause_wanted(self) -> bool:
        """Return whether a pause was asked for; ``state`` says when the run has come to it."""
        return self._control.paused

    def use_threads(self, threads: int) -> None:
        """Ask the run to go on with so many threads of the CPU."""
        self._control.use_threads(threads)

    def pause(self) -> None:
        self._control.pause()

    def resume(self) -> None:
        self._control.resume()

    def stop(self) -> None:
        """Ask the run to end and keep what it reached."""
        if self.running:
            self._set_state(Activity.STOPPING)
        self._control.stop()

    def cancel(self) -> None:
        """Ask the work to end and discard what it reached."""
        if self.running:
            self._set_state(Activity.STOPPING)
        self._control.cancel()

    def wait(self, milliseconds: int) -> bool:
        """Wait for every thread's end, each at most so long, and emit what is left to emit; whether
        they ended."""
        self._timing_unwanted.set()
        if not all([work.wait(milliseconds) for work in self._beside]):
            return False
        self._beside_ended()
        if self._work is not None and not self._work.wait(milliseconds):
            return False
        self._drain()
        return True

    # --- the worker's side -------------------------------------------------------------

    def _put(self, kind: str, content: Any) -> None:
        # Called by the worker. The deque is the only thing that both threads touch.
        self._reports.append((kind, content))

    def _start(self, state: Activity, function: Callable[[], None]) -> None:
        assert self._work is None, "the window offers nothing while work is under way"

        def guarded() -> None:
            try:
                with self._computing:
                    function()
            except WorkbenchError as error:
                self._put("problem", error.message)
            except Cancelled:
                self._put("given up", None)
            except Exception as error:
                log.exception("Work behind the window failed")
                self._put("problem", _unknown(error))
            self._put("end", None)

        self._timing_unwanted.set()
        self._work = Work(guarded)
        self._set_state(state)
        self._drain_timer.start()
        self._work.begin()

    # --- the window's side -------------------------------------------------------------

    def _drain(self) -> None:
        while self._reports:
            kind, content = self._reports.popleft()
            if kind == "event":
                self._emit(content)
            elif kind == "end":
                self._end()
            elif kind == "weights":
                self.weights_opened.emit(*content)
            elif kind == "timed":
                self.steps_timed.emit(*content)
            elif kind == "predicted":
                self.image_predicted.emit(*content)
            elif kind == "given up":
                self.given_up.emit()
            elif kind == "devices":
                self._torch_ready = True
                self.devices_found.emit(content)
            else:
                {
                    "tested": self.weights_tested,
                    "prepared": self.data_prepared,
                    "downloaded": self.downloaded,
                    "resuming given up": self.resuming_given_up,
                    "problem": self.problem,
                }[kind].emit(content)

    def _emit(self, event: Event) -> None:
        if not self.running:
            self.progress.emit(event)
            return
        if isinstance(event, RunStarted):
            if self.state is Activity.LOADING:
                self._set_state(Activity.TRAINING)
        elif isinstance(event, Paused | Resumed) and self.state is not Activity.STOPPING:
            paused = isinstance(event, Paused)
            self._set_state(Activity.PAUSED if paused else Activity.TRAINING)
        self.run_event.emit(self.run_key, event)

    def _end(self) -> None:
        assert self._work is not None
        self._work.wait()  # its function has returned: a matter of microseconds
        self._work = None
        self._rest()
        self._set_state(Activity.IDLE)

    def _new_control(self) -> RunControl:
        self._control = RunControl()
        return self._control

    def _set_state(self, state: Activity) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)


def _unknown(error: Exception) -> Message:
    from workbench.running.failures import explain

    return explain(error)
