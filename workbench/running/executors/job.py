"""What a worker is given, and what it says once it is ready to train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from workbench.analysis.estimate import require_memory
from workbench.data.arrays import Progress, Stop
from workbench.data.data_choice import DataChoice
from workbench.data.datasets import DataSet
from workbench.data.validation import split_validation
from workbench.engine.cores import usable_cores
from workbench.engine.devices import Device, choose_device, require_precision
from workbench.engine.environment import environment
from workbench.engine.events import RunStarted
from workbench.engine.memory import give_memory_back
from workbench.engine.process import prepare_process
from workbench.engine.steps import pixel_statistics, training_bounds
from workbench.engine.thread_choice import choose_threads
from workbench.messages import Cancelled, Message
from workbench.spec.experiment import Experiment

Load = Callable[[DataChoice, Progress, Stop], DataSet]


@dataclass(frozen=True)
class Job:
    """What is to be trained. ``device`` as in ``choose_device``; ``threads`` of the CPU, ``None``
    where the executor chooses; ``load`` reads the data where this process needs them."""

    experiment: Experiment
    data: DataChoice
    device: str
    threads: int | None
    load: Load


@dataclass(frozen=True)
class Ready:
    """A place where everything is prepared. ``environment``: what it runs on; ``pixels``: what a
    weight file must say of how its pixels are scaled; ``notices``: what is to be said of it."""

    started: RunStarted
    environment: Mapping[str, Any]
    pixels: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Message, ...] = ()


def prepare(
    experiment: Experiment,
    device: str,
    threads: int | None,
    load: Callable[[], DataSet],
    stop: Callable[[], bool],
    workers: int = 1,
) -> tuple[Ready, DataSet]:
    """Make this process ready to train ``experiment``: set torch's number of threads, and return
    the data as the run needs them, on its device. So many ``workers`` share the machine.

    Raises :class:`WorkbenchError` where it cannot be trained here, and :class:`Cancelled` once
    ``stop`` is true.
    """
    prepare_process()
    chosen = choose_device(device)
    require_precision(chosen, experiment.precision)
    require_memory_on(experiment, chosen)
    # Split before the device has it, which so never holds the training images twice.
    data = split_validation(experiment, load()).to(chosen.device)
    give_memory_back()  # of what was read and decoded on the way, as much again
    if stop():
        raise Cancelled  # asked for while the last of the data was read
    choice = choose_threads(experiment, chosen.device, threads, len(data.info.classes), stop)
    torch.set_num_threads(choice.threads)
    ready = Ready(
        replace(run_started(experiment, data, chosen), timed=choice.steps_per_second),
        environment(chosen),
        pixel_metrics(experiment, data),
        tuple(too_many_threads(choice.threads, chosen, workers)),
    )
    return ready, data


def require_memory_on(experiment: Experiment, device: Device) -> None:
    """Raise :class:`WorkbenchError` where ``device`` has not the memory that a run needs."""
    if device.device.type == "cpu":
        require_memory(experiment)
    elif device.device.type == "cuda":
        require_memory(experiment, torch.cuda.mem_get_info(device.device)[0])


def run_started(experiment: Experiment, data: DataSet, device: Device) -> RunStarted:
    """Return the event that a run begins with, still without its folder."""
    held_out = data.validation_labels
    return RunStarted(
        data=data.info,
        device=str(device.device),
        device_name=device.name,
        device_note=device.note,
        threads=torch.get_num_threads(),
        epochs=experiment.epochs,
        steps_per_epoch=len(training_bounds(experiment, len(data.train_labels))),
        batch_size=experiment.batch_size,
        validation_images=0 if held_out is None else len(held_out),
    )


def pixel_metrics(experiment: Experiment, data: DataSet) -> dict[str, Any]:
    """Return what a weight file must say of its pixels: a test on other data scales by them too."""
    if experiment.normalization != "dataset":
        return {}
    mean, deviation = pixel_statistics(data.train_images)
    return {"pixel_mean": mean.tolist(), "pixel_deviation": deviation.tolist()}


def too_many_threads(threads: int, device: Device, workers: int = 1) -> list[Message]:
    """Return what is to be said of more threads than cores, which wait for each other; nothing
    where there are not more."""
    cores = usable_cores()
    if device.device.type != "cpu" or threads * workers <= cores:
        return []
    if workers > 1:
        return [
            Message(
                "{workers} workers with a CPU thread count of {threads} each are more than "
                "{cores} cores: they wait for each other.",
                workers=workers,
                threads=threads,
                cores=cores,
            )
        ]
    return [
        Message(
            "More CPU threads ({threads}) than cores ({cores}) wait for each other: the run is "
            "slower than with fewer.",
            threads=threads,
            cores=cores,
        )
    ]
