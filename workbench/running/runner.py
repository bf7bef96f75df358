"""Engine and library together: the only way that anything is ever trained or tested, from the
window and from the command line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from workbench.data.data_choice import DataChoice, choice_of
from workbench.data.datasets import load_data
from workbench.engine.checkpoint import Checkpoint
from workbench.engine.control import RunControl
from workbench.engine.devices import (
    choose_device,
    has_bfloat16,
    require_precision,
)
from workbench.engine.events import (
    CheckpointReady,
    Event,
    Listener,
    Notice,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    Slowed,
    StepsDone,
    ThreadsChanged,
    WeightsReady,
)
from workbench.engine.memory import give_memory_back
from workbench.engine.pace import OtherPrograms, Pace, Slowdown
from workbench.engine.process import prepare_process
from workbench.engine.status import RunStatus
from workbench.engine.step_times import Timing
from workbench.engine.thread_choice import choose_threads, require_threads
from workbench.engine.timing import time_steps as time_steps_on
from workbench.engine.training import Outcome
from workbench.library import weights as weight_files
from workbench.library.catalog import Library
from workbench.library.checkpoint import StoredCheckpoint, save_checkpoint
from workbench.library.run_folder import (
    RunRecord,
    RunWriter,
    file_label,
    now_utc,
    read_record,
)
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.running import resuming
from workbench.running.executors.executor import Executor, Lost
from workbench.running.executors.in_process import InProcess
from workbench.running.executors.job import Job, Ready, require_memory_on
from workbench.running.failures import disk_problem, explain
from workbench.running.requests import RequestWatch, set_paused
from workbench.spec.experiment import Experiment, with_changes
from workbench.words.report_lines import ReportLines

log = logging.getLogger("workbench")

LONGEST_REASON = 2_000
"""Characters of a reason that a run keeps: more, as of a long path, is no sentence."""


def run_experiment(
    experiment: Experiment,
    library: Library,
    listener: Listener,
    control: RunControl,
    *,
    data: DataChoice,
    device: str = "auto",
    preset: str | None = None,
    title: str = "",
    threads: int | None = None,
    adapt: bool = False,
    keep_checkpoint: bool = False,
    labels: Mapping[str, Any] = {},
    announce: Callable[[str], None] = lambda run: None,
    executor: Executor | None = None,
) -> RunEnded:
    """Train ``experiment`` and keep what it reports in a new folder of ``library``.

    ``listener`` hears every event but those that carry weights, on the calling thread, and as
    the last one exactly one ``RunEnded``, which is also returned. Nothing that goes wrong with
    data, device, disk or memory is raised: it is the ``reason`` of that event, and a traceback
    goes to the log. ``device`` is as in ``choose_device``, ``threads`` a number for torch's
    CPU threads, chosen as :func:`~workbench.engine.thread_choice.choose_threads` says where it is
    ``None``. With ``adapt`` the run goes on with fewer threads once another program slows it
    down; without it that is only said. A run that does not finish keeps a
    checkpoint, from which :func:`resume_run` goes on; one that does only with
    ``keep_checkpoint``.

    ``labels``: fields of the record that say what the run belongs to (``entry``, ``sweep``,
    ``point``). ``announce`` is told the run's id right before its folder is made. The run is
    trained by ``executor``, in this process where it is ``None``; where a worker of it is lost,
    :class:`~workbench.running.executors.executor.Lost` is raised in place of a last event, and
    the run is left as one that was interrupted. Requests to the run
    (:mod:`~workbench.running.requests`) are obeyed as ``control`` is.
    """

    def begin(ready: Ready) -> _Begun:
        record = _record(experiment, ready, preset, title, labels)
        return _Begun(experiment, ready.started, library.create(record, announce=announce))

    def prepare() -> tuple[Job, Callable[[Ready], _Begun]]:
        if threads is not None:
            require_threads(threads)
        return Job(experiment, data, device, threads, load_data), begin

    return _run(prepare, library, listener, control, keep_checkpoint, adapt, executor)


@dataclass(frozen=True)
class _Begun:
    """A run that has its folder, before its first event. ``in_place``: it had begun before, in
    this folder."""

    experiment: Experiment
    started: RunStarted
    writer: RunWriter
    start: Checkpoint | None = None
    notices: tuple[Message, ...] = ()
    in_place: bool = False


def _run(
    prepare: Callable[[], tuple[Job, Callable[[Ready], _Begun]]],
    library: Library,
    listener: Listener,
    control: RunControl,
    keep_checkpoint: bool,
    adapt: bool,
    executor: Executor | None,
) -> RunEnded:
    place = executor or InProcess()
    keeper: _Keeper | None = None
    outcome = Outcome(RunStatus.STOPPED, 0, 0.0)
    in_place = ended_itself = False

    def begin(ready: Ready) -> Checkpoint | None:
        nonlocal keeper, in_place
        run = begin_run(ready)
        in_place = run.in_place
        keeper = _Keeper(library, run, ready.pixels, listener, control, place, adapt)
        keeper.report(run.started)
        for notice in (*run.notices, *ready.notices):
            keeper.report(Notice(notice))
        return run.start

    try:
        job, begin_run = prepare()
        outcome = place.run(
            job, begin, lambda event: (keeper.report if keeper else listener)(event), control
        )
        if outcome.status is RunStatus.STOPPED and control.why is not None:
            outcome = replace(outcome, reason=control.why)
        # Finished, or diverged: it would do so again.
        ended_itself = outcome.status is not RunStatus.STOPPED
    except Lost:
        if keeper is not None:
            keeper.abandon()
        raise
    except Cancelled:
        pass  # stopped while the data loaded: nothing was reached, nothing is kept
    except WorkbenchError as error:
        outcome = _failed(error, keeper)  # said in one sentence; nothing for the log
    except Exception as error:
        log.exception("The run failed")
        outcome = _failed(error, keeper)
    place.after_run()
    if keeper is None:
        status = RunStatus.CANCELLED if control.cancelled else outcome.status
        ended = RunEnded(status, 0, 0.0, outcome.reason)
        listener(ended)
        return ended
    return keeper.end(
        outcome,
        # What a resumed run had reached before is not this process's to discard.
        discard=control.cancelled and not in_place,
        drop_checkpoint=ended_itself
        and not (keep_checkpoint and outcome.status is RunStatus.FINISHED),
    )


def resume_run(
    folder: Path,
    library: Library,
    listener: Listener,
    control: RunControl,
    *,
    epochs: int | None = None,
    data: DataChoice | None = None,
    device: str | None = None,
    threads: int | None = None,
    adapt: bool = False,
    keep_checkpoint: bool = False,
    executor: Executor | None = None,
) -> RunEnded:
    """Train the run in ``folder`` on, as if it had not stopped, from its checkpoint.

    On the CPU the result is bit for bit that of a run that was never stopped, with the number of
    threads that it had last (which is what ``threads`` is where it is ``None``). A finished run is
    trained on to ``epochs`` as a new run of ``library`` that says which one it continues.

    ``data`` and ``device`` are the run's own where they are ``None``. Other data than before are
    refused; another torch, device or number of threads is said, and written into the run. Events
    and the end are as with :func:`run_experiment`; what cannot be resumed at all is the reason of
    the ``RunEnded``. Cancelling a run that goes on in its own folder keeps it, as stopping does.
    """

    def prepare() -> tuple[Job, Callable[[Ready], _Begun]]:
        record = read_record(folder)
        if record.status == "running":
            raise WorkbenchError(
                "{name} is already being trained; stop it there first.", name=record.label
            )
        experiment = resuming.experiment_of(record, epochs)
        stored = resuming.stored_checkpoint(record)
        job = Job(
            experiment,
            data or choice_of(record.data),
            resuming.device_of(record) if device is None else device,
            require_threads(resuming.threads_of(record) if threads is None else threads),
            load_data,
        )
        return job, lambda ready: _resumed(record, library, experiment, stored, ready)

    return _run(prepare, library, listener, control, keep_checkpoint, adapt, executor)


def _resumed(
    record: RunRecord,
    library: Library,
    experiment: Experiment,
    stored: Checkpoint | None,
    ready: Ready,
) -> _Begun:
    resuming.require_same_images(record, ready.started.data)
    notices = resuming.changes_since(record, dict(ready.environment))
    notices += resuming.change_of_rates(record, experiment)
    start = stored or resuming.after_finished(record, experiment, ready.started.training_images)
    resuming.require_epochs(record, experiment, start)
    if stored is None and resuming.begins_anew(experiment):
        notices.append(resuming.BEGINS_ANEW)
    # What was timed on another machine says nothing here.
    here = ready.environment.get("device_name") == record.environment.get("device_name")
    timed = resuming.timed_of(record) if here else {}
    started = replace(ready.started, epoch=start.epoch, step=start.step, timed=timed)
    history = resuming.history(record, start)
    reached = resuming.reached(experiment, start, history)
    entry = {
        "at": now_utc(),
        "epoch": start.epoch,
        "step": start.step,
        "notices": [str(notice) for notice in notices],
        "threads": started.threads,
    }
    finished = record.status == "finished"
    if finished:
        fresh = _record(experiment, replace(ready, started=started), record.preset, record.title)
        writer = library.create(
            replace(fresh, **reached, continues=record.id, resumed=[entry]), history
        )
        try:
            resuming.copy_best(record, writer)
        except BaseException:
            library.discard(writer)  # half a run is none
            raise
    else:
        writer = library.reopen(
            replace(record, **reached, resumed=[*record.resumed, entry]), history
        )
    return _Begun(experiment, started, writer, start, tuple(notices), in_place=not finished)


def _record(
    experiment: Experiment,
    ready: Ready,
    preset: str | None,
    title: str,
    labels: Mapping[str, Any] = {},
) -> RunRecord:
    started = ready.started
    return RunRecord(
        id="",
        created=now_utc(),
        preset=preset,
        title=title,
        experiment=experiment.values(),
        data=asdict(started.data),
        device=started.device,
        environment=dict(ready.environment),
        epochs=experiment.epochs,
        steps_per_epoch=started.steps_per_epoch,
        threads_timed={str(n): round(speed, 2) for n, speed in started.timed.items()},
        **labels,
    )


def _choice(event: WeightsReady) -> dict[str, Any]:
    """Return what a file of best weights must say: on which split they were chosen."""
    if event.kind != "best":
        return {}
    if event.validation_accuracy is None:
        return {"chosen_on": "test"}
    return {"chosen_on": "validation", "validation_accuracy": event.validation_accuracy}


class _Keeper:
    """Keeps in the library what the engine reports, and passes it on to the listener."""

    def __init__(
        self,
        library: Library,
        run: _Begun,
        pixels: Mapping[str, Any],
        listener: Listener,
        control: RunControl,
        place: Executor,
        adapt: bool,
    ) -> None:
        """``pixels``: what a weight file says of them. With ``adapt``, ``control`` is asked for
        fewer threads once the run is slowed down."""
        self._metrics = dict(pixels)
        self._library = library
        self._writer = run.writer
        self._data = run.started.data
        self._listener = listener
        self._lines = ReportLines()
        self._to_adapt = control if adapt else None
        self._pace: Pace | None = None
        # Other machines' processors cannot be looked at from here.
        if run.started.device == "cpu" and not place.is_elsewhere:
            others = OtherPrograms(place.seconds_used)
            self._pace = Pace(run.started.threads, run.started.timed, others)
        self._requests = RequestWatch(run.writer.folder, control)

    def report(self, event: Event) -> None:
        writer = self._writer
        if isinstance(event, WeightsReady):
            self._save_weights(event)
            return
        if isinstance(event, CheckpointReady):
            self._save_checkpoint(event.checkpoint)
            return
        if isinstance(event, RunStarted):
            event = replace(event, run=str(writer.folder))
        writer.add(event)
        if isinstance(event, ThreadsChanged):
            notice = resuming.change_of_threads(event.before, event.threads)
            entry = {
                "at": now_utc(),
                "epoch": event.epoch,
                "step": event.step,
                "notices": [str(notice)],
                "threads": event.threads,
            }
            writer.update(resumed=[*writer.record.resumed, entry])
        elif isinstance(event, Paused | Resumed):
            set_paused(writer.folder, isinstance(event, Paused))
        if lines := self._lines.lines(event):
            writer.add_lines(lines)
        self._listener(event)
        if self._pace is not None:
            self._follow_pace(self._pace, event)

    def _follow_pace(self, pace: Pace, event: Event) -> None:
        if isinstance(event, ThreadsChanged):
            pace.use(event.threads)
            self.report(Slowed(None))
        elif isinstance(event, StepsDone):
            said = pace.add(event.epoch, len(event.losses), event.seconds)
            if isinstance(said, Slowdown):
                self.report(Slowed(said))
                if self._to_adapt is not None and said.fewer is not None:
                    self._to_adapt.use_threads(said.fewer)
            elif said is False:
                self.report(Slowed(None))

    def _save_checkpoint(self, checkpoint: Checkpoint) -> None:
        record = self._writer.record
        self._writer.sync()
        save_checkpoint(
            self._writer.folder,
            StoredCheckpoint(
                checkpoint,
                record.experiment,
                self._data.fingerprint,
                record.environment,
                self._metrics,
                len(self._data.classes),
            ),
        )

    def _save_weights(self, event: WeightsReady) -> None:
        record = self._writer.record
        label = file_label(record.preset)
        name = f"mlp_weight_{label}.pkl" if event.kind == "last" else f"mlp_weight_{label}_best.pkl"
        weight_files.save_weights(
            self._writer.folder / name,
            weight_files.Weights(
                experiment=Experiment.model_validate(record.experiment),
                classes=self._data.classes,
                state_dict=event.state_dict,
                preset=record.preset,
                metrics={
                    "epoch": event.epoch,
                    "step": event.step,
                    "accuracy": event.accuracy,
                    **_choice(event),
                    **self._metrics,
                },
                data=asdict(replace(self._data, left_out=())),  # no part of what was learned
            ),
        )
        self._writer.update(**{"weights" if event.kind == "last" else "best_weights": name})

    def end(self, outcome: Outcome, discard: bool, drop_checkpoint: bool) -> RunEnded:
        """Write the end, gives the lock back, and tell the listener."""
        writer = self._writer
        self._requests.end()
        ended = RunEnded(
            status=RunStatus.CANCELLED if discard else outcome.status,
            epochs_done=outcome.epochs_done,
            seconds=outcome.seconds,
            reason=outcome.reason,
            test=outcome.test,
        )
        if discard:
            self._library.discard(writer)
            self._listener(ended)
            return ended
        try:
            writer.add_lines(self._lines.lines(ended))
            writer.update(
                status=outcome.status.value,
                epochs_done=outcome.epochs_done,
                seconds=outcome.seconds,
                reason=str(outcome.reason)[:LONGEST_REASON] if outcome.reason else None,
                reason_parts=_parts(outcome.reason) if outcome.reason else None,
            )
            if drop_checkpoint:
                writer.drop_checkpoint()
        except OSError as error:
            log.exception("The end of the run could not be written")
            ended = replace(
                ended, status=RunStatus.FAILED, reason=disk_problem(writer.folder, error)
            )
        finally:
            writer.close()
        if not writer.folder.exists():  # moved or deleted: there is nothing that could be shown
            self._listener(ended)
            return ended
        weights = writer.record.weights
        ended = replace(
            ended,
            run=str(writer.folder),
            weights=str(writer.folder / weights) if weights else None,
        )
        self._listener(ended)
        return ended

    def abandon(self) -> None:
        """Give the lock back and leaves the run as it is: interrupted."""
        self._requests.end()
        self._writer.close()

    @property
    def folder(self) -> Path:
        return self._writer.folder

    @property
    def epochs_done(self) -> int:
        return self._writer.state.epochs_done

    @property
    def seconds(self) -> float:
        return self._writer.state.seconds


def _parts(message: Message) -> dict[str, Any]:
    values = {name: str(value)[:LONGEST_REASON] for name, value in message.values.items()}
    return {"template": message.template, "values": values}


def _failed(error: Exception, keeper: _Keeper | None) -> Outcome:
    return Outcome(
        RunStatus.FAILED,
        keeper.epochs_done if keeper else 0,
        keeper.seconds if keeper else 0.0,
        explain(error, keeper.folder if keeper else None),
    )


# --- what a run will take --------------------------------------------------------------


def time_steps(
    experiment: Experiment, device: str, stop: Callable[[], bool], threads: int | None = None
) -> Timing:
    """A few steps of ``experiment`` under the conditions of a run, timed, also in the other
    precision where ``device`` has it. ``device`` and ``threads`` are as in
    :func:`run_experiment`; raises :class:`WorkbenchError` where it cannot run there, and
    :class:`Cancelled` once ``stop`` is true. Nothing else may train meanwhile."""
    prepare_process()
    chosen = choose_device(device)
    require_precision(chosen, experiment.precision)
    require_memory_on(experiment, chosen)
    before = torch.get_num_threads()
    try:
        number = choose_threads(experiment, chosen.device, threads, stop=stop).threads
        torch.set_num_threads(number)
        timing = replace(time_steps_on(experiment, chosen.device, stop=stop), threads=number)
        if not has_bfloat16(chosen.device):
            return timing
        bfloat16 = experiment.precision == "bfloat16"
        other = with_changes(experiment, {"precision": "float32" if bfloat16 else "bfloat16"})
        theirs = time_steps_on(other, chosen.device, stop=stop).seconds_per_step
        ours = timing.seconds_per_step
        if ours is None or theirs is None:
            return timing
        return replace(timing, bfloat16_gain=theirs / ours if bfloat16 else ours / theirs)
    finally:
        torch.set_num_threads(before)
        give_memory_back()  # no garbage is collected: that would hold the window up
