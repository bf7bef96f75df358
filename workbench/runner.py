"""Engine and library together: the only way that anything is ever trained or tested, from the
window and from the command line."""

from __future__ import annotations

import errno
import gc
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench import paths, resuming
from workbench.engine.checkpoint import Checkpoint
from workbench.engine.control import RunControl
from workbench.engine.data_choice import DataChoice, DataInfo, choice_of
from workbench.engine.datasets import DataSet, load_data
from workbench.engine.devices import (
    Device,
    choose_device,
    require_precision,
    use_full_float32,
)
from workbench.engine.environment import environment
from workbench.engine.evaluation import EVALUATION_BATCH, StopRequested, check, evaluate
from workbench.engine.events import (
    CheckpointReady,
    EpochDone,
    Evaluation,
    Event,
    FinalTest,
    Notice,
    RunEnded,
    RunStarted,
    StepsDone,
    WeightsReady,
)
from workbench.engine.memory import give_memory_back, keep_freed_memory
from workbench.engine.report_lines import ReportLines
from workbench.engine.steps import (
    Statistics,
    pixel_scaling,
    pixel_statistics,
    training_bounds,
)
from workbench.engine.timing import Timing
from workbench.engine.timing import time_steps as time_steps_on
from workbench.engine.training import Outcome, train
from workbench.library import weights as weight_files
from workbench.library.catalog import Library
from workbench.library.checkpoint import StoredCheckpoint, save_checkpoint
from workbench.library.run_folder import (
    RunRecord,
    RunWriter,
    file_label,
    has_checkpoint,
    now_utc,
    read_record,
)
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.spec.experiment import Experiment

log = logging.getLogger("workbench")

Listener = Callable[[Event], None]


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
    keep_checkpoint: bool = False,
) -> RunEnded:
    """Trains ``experiment`` and keeps what it reports in a new folder of ``library``.

    ``listener`` hears every event but those that carry weights, on the calling thread, and as
    the last one exactly one ``RunEnded``, which is also returned. Nothing that goes wrong with
    data, device, disk or memory is raised: it is the ``reason`` of that event, and a traceback
    goes to the log. ``device`` is as in ``choose_device``, ``threads`` a number for torch's
    CPU threads, the process's own where it is ``None``. A run that does not finish keeps a
    checkpoint, from which :func:`resume_run` goes on; one that does only with
    ``keep_checkpoint``.
    """

    def prepare() -> _Prepared:
        if threads:
            torch.set_num_threads(threads)
        chosen, data_set = _load(experiment, data, device, listener, control)
        started = _run_started(experiment, data_set.info, chosen)
        record = _record(experiment, started, chosen, preset, title)
        return _Prepared(experiment, data_set, started, library.create(record))

    return _run(prepare, library, listener, control, keep_checkpoint)


@dataclass(frozen=True)
class _Prepared:
    """Everything that a run needs, before its first event. ``in_place``: the run had begun
    before, in this folder."""

    experiment: Experiment
    data: DataSet
    started: RunStarted
    writer: RunWriter
    start: Checkpoint | None = None
    notices: tuple[Message, ...] = ()
    in_place: bool = False


def _load(
    experiment: Experiment, data: DataChoice, device: str, listener: Listener, control: RunControl
) -> tuple[Device, DataSet]:
    prepare_process()
    chosen = choose_device(device)
    require_precision(chosen, experiment.precision)
    data_set = load_data(data, listener, lambda: control.stopping).to(chosen.device)
    if control.stopping:
        raise Cancelled  # asked for while the last of the data was read
    return chosen, data_set


def _run(
    prepare: Callable[[], _Prepared],
    library: Library,
    listener: Listener,
    control: RunControl,
    keep_checkpoint: bool,
) -> RunEnded:
    threads = torch.get_num_threads()
    keeper: _Keeper | None = None
    run: _Prepared | None = None
    outcome = Outcome("stopped", 0, 0.0)
    ended_itself = False
    try:
        run = prepare()
        keeper = _Keeper(library, run, listener)
        keeper.report(run.started)
        for notice in run.notices:
            keeper.report(Notice(notice))
        outcome = train(run.experiment, run.data, keeper.report, control, run.start)
        # Finished, or diverged: it would do so again.
        ended_itself = outcome.status != "stopped"
    except Cancelled:
        pass  # stopped while the data loaded: nothing was reached, nothing is kept
    except WorkbenchError as error:
        outcome = _failed(error, keeper)  # said in one sentence; nothing for the log
    except Exception as error:
        log.exception("The run failed")
        outcome = _failed(error, keeper)
    in_place = run is not None and run.in_place
    run = None
    torch.set_num_threads(threads)  # a resumed run has its own number
    _free_memory()
    if keeper is None:
        status = "cancelled" if control.cancelled else outcome.status
        ended = RunEnded(status, 0, 0.0, outcome.reason)  # type: ignore[arg-type]
        listener(ended)
        return ended
    return keeper.end(
        outcome,
        # What a resumed run had reached before is not this process's to discard.
        discard=control.cancelled and not in_place,
        drop_checkpoint=ended_itself and not (keep_checkpoint and outcome.status == "finished"),
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
    keep_checkpoint: bool = False,
) -> RunEnded:
    """Trains the run in ``folder`` on, as if it had not stopped, from its checkpoint.

    On the CPU the result is bit for bit that of a run that was never stopped, with the number of
    threads that it had (which is what ``threads`` is where it is ``None``). A finished run is
    trained on to ``epochs`` as a new run of ``library`` that says which one it continues.

    ``data`` and ``device`` are the run's own where they are ``None``. Other data than before are
    refused; another torch, device or number of threads is said, and written into the run. Events
    and the end are as with :func:`run_experiment`; what cannot be resumed at all is the reason of
    the ``RunEnded``. Cancelling a run that goes on in its own folder keeps it, as stopping does.
    """

    def prepare() -> _Prepared:
        record = read_record(folder)
        if record.status == "running":
            raise WorkbenchError(
                "{name} is being trained already; stop it there first.", name=record.label
            )
        return _resumed(record, library, listener, control, epochs, data, device, threads)

    return _run(prepare, library, listener, control, keep_checkpoint)


def _resumed(
    record: RunRecord,
    library: Library,
    listener: Listener,
    control: RunControl,
    epochs: int | None,
    data: DataChoice | None,
    device: str | None,
    threads: int | None,
) -> _Prepared:
    experiment = resuming.experiment_of(record, epochs)
    stored = resuming.stored_checkpoint(record)
    torch.set_num_threads(threads or resuming.threads_of(record))
    chosen, data_set = _load(
        experiment,
        data or choice_of(record.data),
        resuming.device_of(record) if device is None else device,
        listener,
        control,
    )
    resuming.require_same_images(record, data_set.info)
    notices = resuming.changes_since(record, environment(chosen))
    start = stored or resuming.after_finished(record, experiment, len(data_set.train_labels))
    resuming.require_epochs(record, experiment, start)
    if stored is None and resuming.begins_anew(experiment):
        notices.append(resuming.BEGINS_ANEW)
    started = replace(
        _run_started(experiment, data_set.info, chosen), epoch=start.epoch, step=start.step
    )
    history = resuming.history(record, start)
    reached = resuming.reached(experiment, start, history)
    entry = {
        "at": now_utc(),
        "epoch": start.epoch,
        "step": start.step,
        "notices": [str(notice) for notice in notices],
    }
    finished = record.status == "finished"
    if finished:
        fresh = _record(experiment, started, chosen, record.preset, record.title)
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
    return _Prepared(
        experiment, data_set, started, writer, start, tuple(notices), in_place=not finished
    )


def prepare_process() -> None:
    """What every training and test of this process relies on."""
    use_full_float32()
    keep_freed_memory()


def _run_started(experiment: Experiment, info: DataInfo, device: Device) -> RunStarted:
    return RunStarted(
        data=info,
        device=str(device.device),
        device_name=device.name,
        device_note=device.note,
        threads=torch.get_num_threads(),
        epochs=experiment.epochs,
        steps_per_epoch=len(training_bounds(experiment, info.train_images)),
        batch_size=experiment.batch_size,
    )


def _record(
    experiment: Experiment, started: RunStarted, device: Device, preset: str | None, title: str
) -> RunRecord:
    return RunRecord(
        id="",
        created=now_utc(),
        preset=preset,
        title=title,
        experiment=experiment.values(),
        data=asdict(started.data),
        device=started.device,
        environment=environment(device),
        epochs=experiment.epochs,
        steps_per_epoch=started.steps_per_epoch,
    )


def pixel_metrics(experiment: Experiment, data: DataSet) -> dict[str, Any]:
    """What a weight file must say of its pixels: a test on other data scales by them too."""
    if experiment.normalization != "dataset":
        return {}
    mean, deviation = pixel_statistics(data.train_images)
    return {"pixel_mean": mean.tolist(), "pixel_deviation": deviation.tolist()}


def _statistics(weights: weight_files.Weights) -> Statistics | None:
    mean = weights.metrics.get("pixel_mean")
    deviation = weights.metrics.get("pixel_deviation")
    if mean is None or deviation is None:
        return None
    return (
        torch.tensor(mean, dtype=torch.float64),
        torch.tensor(deviation, dtype=torch.float64),
    )


class _Keeper:
    """Keeps in the library what the engine reports, and passes it on to the listener."""

    def __init__(self, library: Library, run: _Prepared, listener: Listener) -> None:
        self._metrics = pixel_metrics(run.experiment, run.data)
        self._library = library
        self._writer = run.writer
        self._data = run.data.info
        self._listener = listener
        self._lines = ReportLines()
        self._seconds = run.start.seconds - run.start.epoch_seconds if run.start else 0.0

    def report(self, event: Event) -> None:
        writer = self._writer
        if isinstance(event, WeightsReady):
            self._save_weights(event)
            return
        if isinstance(event, CheckpointReady):
            self._save_checkpoint(event.checkpoint)
            return
        if isinstance(event, StepsDone):
            writer.add_losses(event.losses)
        elif isinstance(event, EpochDone):
            self._seconds += event.seconds + event.test_seconds
            writer.add_epoch(event, self._seconds)
        elif isinstance(event, FinalTest):
            writer.add_logits(event.logits, event.labels)
            writer.add_test(event.figures, writer.record.epochs_done, final=True)
            writer.update(accuracy=event.figures.accuracy)
        elif isinstance(event, RunStarted):
            event = replace(event, run=str(writer.folder))
        if lines := self._lines.lines(event):
            writer.add_lines(lines)
        self._listener(event)

    def _save_checkpoint(self, checkpoint: Checkpoint) -> None:
        record = self._writer.record
        self._writer.sync()
        save_checkpoint(
            self._writer.folder,
            StoredCheckpoint(
                checkpoint, record.experiment, self._data.fingerprint, record.environment
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
                    **self._metrics,
                },
                data=asdict(self._data),
            ),
        )
        self._writer.update(**{"weights" if event.kind == "last" else "best_weights": name})

    def end(self, outcome: Outcome, discard: bool, drop_checkpoint: bool) -> RunEnded:
        """Writes the end, gives the lock back, and tells the listener."""
        writer = self._writer
        ended = RunEnded(
            status="cancelled" if discard else outcome.status,  # type: ignore[arg-type]
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
                status=outcome.status,
                epochs_done=outcome.epochs_done,
                seconds=outcome.seconds,
                reason=str(outcome.reason) if outcome.reason else None,
                reason_parts=_parts(outcome.reason) if outcome.reason else None,
            )
            if drop_checkpoint:
                writer.drop_checkpoint()
        except OSError as error:
            log.exception("The end of the run could not be written")
            ended = replace(ended, status="failed", reason=_disk_problem(writer.folder, error))
        finally:
            writer.close()
        weights = writer.record.weights
        ended = replace(
            ended,
            run=str(writer.folder),
            weights=str(writer.folder / weights) if weights else None,
        )
        self._listener(ended)
        return ended

    @property
    def folder(self) -> Path:
        return self._writer.folder

    @property
    def epochs_done(self) -> int:
        return self._writer.record.epochs_done

    @property
    def seconds(self) -> float:
        return self._seconds


def _parts(message: Message) -> dict[str, Any]:
    values = {name: str(value) for name, value in message.values.items()}
    return {"template": message.template, "values": values}


def _failed(error: Exception, keeper: _Keeper | None) -> Outcome:
    return Outcome(
        "failed",
        keeper.epochs_done if keeper else 0,
        keeper.seconds if keeper else 0.0,
        explain(error, keeper.folder if keeper else None),
    )


def explain(error: Exception, folder: Path | None = None) -> Message:
    """One sentence for an exception out of a run or a test; ``folder`` is where it wrote."""
    if isinstance(error, WorkbenchError):
        return error.message
    if (
        isinstance(error, torch.OutOfMemoryError)
        or (
            # The CPU's allocator has no exception of its own.
            isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        )
        or isinstance(error, MemoryError)
    ):
        return Message("The memory ran out; try a smaller batch size, or another device.")
    if isinstance(error, OSError):
        return _disk_problem(folder, error)
    if isinstance(error, RuntimeError) and "CUDA error" in str(error):
        # After such an error torch can do nothing more on the GPU in this process.
        return Message(
            "The GPU reported an error ({reason}); start the program again and resume the run.",
            reason=str(error).splitlines()[0],
        )
    return Message(
        "Something went wrong that the program does not know ({kind}); the log file has the "
        "details: {log}",
        kind=type(error).__name__,
        log=paths.log_file(),
    )


def _disk_problem(folder: Path | None, error: OSError) -> Message:
    if error.errno == errno.ENOSPC and not (folder and has_checkpoint(folder)):
        return Message(
            "{path}: the disk is full; free some space and try again.",
            path=error.filename or folder,
        )
    if error.errno == errno.ENOSPC:
        return Message(
            "{path}: the disk is full; free some space and resume the run.",
            path=error.filename or folder,
        )
    return Message(
        "{path}: cannot be written or read ({reason}).",
        path=error.filename or folder,
        reason=error.strerror or error,
    )


def _free_memory() -> None:
    gc.collect()
    give_memory_back()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


# --- what a run will take --------------------------------------------------------------


def time_steps(experiment: Experiment, device: str, stop: Callable[[], bool]) -> Timing:
    """A few steps of ``experiment`` under the conditions of a run, timed. ``device`` is as in
    :func:`run_experiment`; raises :class:`WorkbenchError` where it cannot run there, and
    :class:`Cancelled` once ``stop`` is true. Nothing else may train meanwhile."""
    prepare_process()
    chosen = choose_device(device)
    require_precision(chosen, experiment.precision)
    try:
        return time_steps_on(experiment, chosen.device, stop=stop)
    finally:
        give_memory_back()  # no garbage is collected: that would hold the window up


# --- testing saved weights -------------------------------------------------------------


@dataclass(frozen=True)
class WeightsTest:
    """A test of a weight file: ``notes`` say what was assumed."""

    figures: Evaluation
    data: DataInfo
    device: str
    device_name: str
    seconds: float
    notes: tuple[Message, ...]
    weights: weight_files.Weights


def evaluate_weights(
    path: Path,
    data: DataChoice,
    listener: Listener,
    control: RunControl,
    *,
    device: str = "auto",
) -> WeightsTest:
    """Tests the weights in the file ``path`` on the test split of ``data``, in evaluation mode.

    ``listener`` hears ``DataProgress`` and ``EvaluationProgress``. Raises :class:`WorkbenchError`
    with one sentence, and :class:`Cancelled` where ``control`` asks to stop.
    """
    try:
        return _evaluate_weights(path, data, listener, control, device)
    except StopRequested:
        raise Cancelled from None
    except (WorkbenchError, Cancelled):
        raise
    except Exception as error:
        log.exception("The test failed")
        raise WorkbenchError(explain(error, path.parent)) from None
    finally:
        _free_memory()


def _evaluate_weights(
    path: Path, data: DataChoice, listener: Listener, control: RunControl, device: str
) -> WeightsTest:
    prepare_process()
    weights = weight_files.load_weights(path)
    chosen = choose_device(device)
    data_set: DataSet = load_data(data, listener, lambda: control.stopping).to(chosen.device)
    info = data_set.info
    if len(info.classes) != len(weights.classes):
        raise WorkbenchError(
            "{path}: tells {classes} classes apart, and {data} has {others}; choose the data set "
            "that it was trained on.",
            path=path,
            classes=len(weights.classes),
            data=info.name,
            others=len(info.classes),
        )
    notes = list(weights.notes)
    if info.classes != weights.classes:
        notes.append(
            Message(
                "The weights were trained on other classes ({theirs}) than {data} has; the "
                "accuracy says little.",
                theirs=", ".join(weights.classes),
                data=info.name,
            )
        )
    network = weight_files.build_from(weights)
    network = network.to(chosen.device).to(memory_format=torch.channels_last)
    scaling = pixel_scaling(weights.experiment, data_set, _statistics(weights))
    started = time.monotonic()
    figures, _ = evaluate(network, data_set, scaling, lambda: check(control), listener)
    return WeightsTest(
        figures=figures,
        data=info,
        device=str(chosen.device),
        device_name=chosen.name,
        seconds=time.monotonic() - started,
        notes=tuple(notes),
        weights=weights,
    )


# --- images of a person's own ----------------------------------------------------------


@dataclass(frozen=True)
class ImagePredictions:
    """``probabilities``: float64 (N, classes), the softmax of the logits; ``notes`` say what was
    assumed of the weights."""

    classes: tuple[str, ...]
    probabilities: np.ndarray
    notes: tuple[Message, ...]


def predict_images(path: Path, images: np.ndarray, *, device: str = "auto") -> ImagePredictions:
    """What the weights in the file ``path`` say of ``images`` (uint8 (N, 32, 32, 3)), in
    evaluation mode.

    Raises :class:`WorkbenchError` with one sentence.
    """
    try:
        weights = weight_files.load_weights(path)
        statistics = _statistics(weights)
        if weights.experiment.normalization == "dataset" and statistics is None:
            raise WorkbenchError(
                "{path}: does not say by which mean and deviation its pixels were scaled.",
                path=path,
            )
        chosen = choose_device(device)
        nothing = torch.zeros(0, dtype=torch.int64)
        data = DataSet(
            info=DataInfo("folder", path.name, weights.classes, 0, len(images), "", False),
            train_images=torch.zeros((0, 32, 32, 3), dtype=torch.uint8),
            train_labels=nothing,
            test_images=torch.from_numpy(np.array(images)),  # a copy, may be written
            test_labels=nothing,
        ).to(chosen.device)
        network = weight_files.build_from(weights)
        network = network.to(chosen.device).to(memory_format=torch.channels_last)
        with torch.no_grad():
            scaling = pixel_scaling(weights.experiment, data, statistics)
            parts = [
                network(scaling(data.test_images[start : start + EVALUATION_BATCH]))
                for start in range(0, len(images), EVALUATION_BATCH)
            ]
            probabilities = torch.cat(parts).double().softmax(1).cpu().numpy()
        return ImagePredictions(weights.classes, probabilities, weights.notes)
    except WorkbenchError:
        raise
    except Exception as error:
        log.exception("The prediction failed")
        raise WorkbenchError(explain(error, path.parent)) from None
    finally:
        _free_memory()
