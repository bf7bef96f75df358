"""Works on a library's queue: one entry after the other on each of so many workers.

Any number of processes may do so at once. Each entry is run once, whatever is killed when: it is
claimed by a lock, the id of its run is kept before the run's folder is made, and what was
interrupted goes on from its checkpoint.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from workbench import atomic
from workbench.engine.control import RunControl
from workbench.engine.events import Event, Notice, RunEnded, RunStarted
from workbench.engine.status import RunStatus
from workbench.library.catalog import Library
from workbench.library.queue import Claim, Queue
from workbench.library.queue_entry import Entry
from workbench.library.queue_runners import announced
from workbench.library.run_folder import RunRecord, has_checkpoint, is_locked, read_record
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.running.executors import EXECUTORS, AllLost, Executor, Lost, open_executor
from workbench.running.failures import explain
from workbench.running.runner import resume_run, run_experiment
from workbench.running.sweeping import SweepDriver
from workbench.spec.experiment import experiment_from

MOST_LOST = 3
"""Workers that may be lost one after the other without the run getting on: one that always ends its
worker fails."""

LOOK_S = 0.5
"""Seconds between two looks at what is asked of the queue, and for new entries."""

log = logging.getLogger("workbench")

QueueListener = Callable[[Entry, Event], None]
"""Hears the events of every entry, each on the thread of its worker."""


class QueueRunner:
    """Runs the queue of ``library``.

    Args:
        library: whose queue it is.
        executor: a name of :data:`~workbench.running.executors.EXECUTORS`.
        workers: entries that are trained at once.
        options: what else the executor is made with, such as an address.
        listener: hears the events of all entries.
        stay: wait for further entries where there are none, until :meth:`pause` or :meth:`stop`.
        log_path: the file that this process writes to, where it runs in the background.

    Raises :class:`WorkbenchError` where the executor is not known or has fewer workers.
    """

    def __init__(
        self,
        library: Library,
        *,
        executor: str = "local",
        workers: int = 1,
        options: Mapping[str, Any] = {},
        listener: QueueListener = lambda entry, event: None,
        stay: bool = False,
        log_path: str | None = None,
    ) -> None:
        choice = EXECUTORS.get(executor)
        if choice is None:
            raise WorkbenchError(
                "{name}: there is no such executor; there are {names}.",
                name=executor,
                names=", ".join(EXECUTORS),
            )
        if choice.most_workers is not None and workers > choice.most_workers:
            raise WorkbenchError(
                "{name}: trains {most} at a time; choose another executor for more workers.",
                name=executor,
                most=choice.most_workers,
            )
        self._library = library
        self._name, self._workers, self._options = executor, workers, dict(options)
        self._listener = listener
        self._stay = stay
        self._log_path = log_path
        self._ending = threading.Event()  # no further entry
        self._stopping = threading.Event()  # the running ones neither
        self._stop_wanted = False
        self._controls: set[RunControl] = set()
        self._at_work = 0
        """Threads that look for an entry or run one."""
        self._sweeps = SweepDriver(library, workers)
        self._lock = threading.Lock()
        self._problem: Exception | None = None
        self.done = 0
        """Entries that were run, however they ended."""

    def run(self) -> None:
        """Run entries until none is left, or until it is asked to pause or stop.

        Raises :class:`WorkbenchError` where the queue itself cannot be read or written; the
        running entries are stopped and kept then.
        """
        queue = Queue(self._library.path)
        queue.ask("run")
        with announced(self._library.path, self._name, self._workers, self._log_path):
            executor = open_executor(self._name, self._workers, **self._options)
            try:
                executor.connect(lambda: self._stop_wanted or queue.asked == "stop")
            except Cancelled:
                executor.close()
                return
            except BaseException:
                executor.close()
                raise
            threads = [
                threading.Thread(target=self._work, args=(executor,), name=f"queue {number}")
                for number in range(self._workers)
            ]
            try:
                for thread in threads:
                    thread.start()
                while any(thread.is_alive() for thread in threads):
                    asked = queue.asked
                    if asked == "stop" or self._stop_wanted:
                        self.stop()
                    elif asked == "pause":
                        self.pause()
                    for thread in threads:
                        thread.join(LOOK_S / self._workers)
            except BaseException:  # Ctrl-C once more: at once, from the last checkpoints
                self.stop()
                executor.close()
                raise
            finally:
                for thread in threads:
                    thread.join()
                executor.close()
        if self._problem is not None:
            raise self._problem

    def pause(self) -> None:
        """Begin no further entry. From any thread."""
        self._ending.set()

    def stop_soon(self) -> None:
        """Have :meth:`run` call :meth:`stop`. For a signal handler, which may take no lock."""
        self._stop_wanted = True

    def stop(self) -> None:
        """Begin no further entry, and stop and keep the running ones; the queue resumes them when
        it is run again. From any thread."""
        self._ending.set()
        self._stopping.set()
        with self._lock:
            for control in self._controls:
                control.stop()

    # --- one worker --------------------------------------------------------------------

    def _work(self, executor: Executor) -> None:
        queue = Queue(self._library.path)
        try:
            while not self._ending.is_set():
                if self._run_next(queue, executor):
                    continue
                with self._lock:
                    others = self._at_work > 0
                # As long as others work, entries may still come: of a sweep that looks at them.
                if not others and not self._stay:
                    return
                self._ending.wait(2 * LOOK_S)
        except WorkbenchError as error:
            self._problem = error
            self.stop()
        except Exception as error:
            log.exception("The queue failed")
            self._problem = WorkbenchError(explain(error))
            self.stop()

    def _run_next(self, queue: Queue, executor: Executor) -> bool:
        """Run the next entry; return ``False`` where there is none."""
        with self._lock:
            self._at_work += 1
        try:
            self._sweeps.advance()
            claim = queue.claim()
            if claim is None:
                return False
            try:
                self._run_claimed(claim, executor)
            finally:
                claim.release()
            self.done += 1
            return True
        finally:
            with self._lock:
                self._at_work -= 1

    def _run_claimed(self, claim: Claim, executor: Executor) -> None:
        control = RunControl()
        with self._lock:
            self._controls.add(control)
            if self._stopping.is_set():
                control.stop()
        try:
            self._keep_end(claim, self._to_the_end(claim, control, executor))
        finally:
            with self._lock:
                self._controls.discard(control)

    def _keep_end(self, claim: Claim, ended: RunEnded | None) -> None:
        if ended is None:
            claim.set_state("waiting")
        elif ended.status is RunStatus.FINISHED:
            claim.set_state("finished")
        elif ended.status is RunStatus.FAILED:
            claim.set_state("failed", ended.reason)
        elif ended.status is RunStatus.CANCELLED:
            claim.set_run(None)
            claim.set_state("stopped", Message("Its run was cancelled."))
        else:  # with the whole queue, which resumes it; or by itself, which is meant
            claim.set_state("waiting" if self._stopping.is_set() else "stopped")

    def _to_the_end(self, claim: Claim, control: RunControl, executor: Executor) -> RunEnded | None:
        """Train an entry, on another worker where one is lost; ``None`` where it waits on."""
        lost, furthest = 0, (0, 0)
        while True:
            heard = _Heard(lambda event: self._tell(claim.entry, event, control))
            try:
                return self._train(claim, heard, control, executor)
            except Lost as error:
                if control.stopping:
                    return None
                if isinstance(error, AllLost):
                    raise WorkbenchError(error.message) from None
                lost = 1 if heard.begun_at > furthest else lost + 1
                furthest = max(furthest, heard.begun_at)
                if lost > MOST_LOST:
                    reason = Message(
                        "{count} workers were lost one after the other; the last one: {reason}",
                        count=lost,
                        reason=error.message,
                    )
                    ended = RunEnded(RunStatus.FAILED, 0, 0.0, reason)
                    heard(ended)
                    return ended
                heard(Notice(error.message))

    def _tell(self, entry: Entry, event: Event, control: RunControl) -> None:
        self._listener(entry, event)
        self._sweeps.heard(entry, event, control)

    def _train(
        self, claim: Claim, listener: Callable[[Event], None], control: RunControl, place: Executor
    ) -> RunEnded:
        entry = claim.entry
        more: dict[str, Any] = {"keep_checkpoint": entry.keep_checkpoint, "executor": place}
        try:
            record = self._begun(entry)
            if record is not None and not _goes_on(record):
                # It ended, and its process died before the entry was told.
                return RunEnded(
                    RunStatus(record.status), record.epochs_done, record.seconds, record.why
                )
            if record is not None:
                return resume_run(record.folder, self._library, listener, control, **more)
            experiment, data = experiment_from(entry.experiment), entry.data_choice()
        except WorkbenchError as error:
            ended = RunEnded(RunStatus.FAILED, 0, 0.0, error.message)
            listener(ended)
            return ended
        return run_experiment(
            experiment,
            self._library,
            listener,
            control,
            data=data,
            device=entry.device,
            preset=entry.preset,
            title=entry.title,
            threads=entry.threads,
            labels={"entry": entry.id, "sweep": entry.sweep, "point": entry.point},
            announce=claim.set_run,
            **more,
        )

    def _begun(self, entry: Entry) -> RunRecord | None:
        """The run of ``entry`` that goes on, or has ended; ``None`` where it is to begin."""
        if entry.run is None:
            return None
        folder = self._library.path / entry.run
        try:
            record = read_record(folder)
        except WorkbenchError:
            return None  # never made, deleted, or damaged
        if record.entry != entry.id:
            return None  # another process took the name before this one could
        if record.status in ("finished", "failed") or _goes_on(record):
            return record
        if not is_locked(folder):
            with suppress(OSError):  # it had not come to its first checkpoint: nothing is lost
                atomic.delete_folder(folder)
        return None


def _goes_on(record: RunRecord) -> bool:
    """Return whether the run can be resumed: also one that failed because the disk was full."""
    return record.status != "finished" and has_checkpoint(record.folder)


class _Heard:
    """Passes events on, and notes where the run began or went on: epoch and step."""

    def __init__(self, listener: Callable[[Event], None]) -> None:
        self._listener = listener
        self.begun_at = (0, 0)

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.begun_at = (event.epoch, event.step)
        self._listener(event)
