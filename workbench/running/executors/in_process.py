"""In this process, on the calling thread: how the window's *Train* and the command train."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from workbench.engine.control import RunControl
from workbench.engine.events import Listener
from workbench.engine.process import free_memory
from workbench.engine.training import Outcome, train
from workbench.running.executors.executor import Begin
from workbench.running.executors.job import Job, prepare


class InProcess:
    """One run after the other: torch's random state and number of threads are the process's."""

    is_elsewhere = False

    def __init__(self, workers: int = 1) -> None:
        if workers != 1:
            raise ValueError("this process trains one run at a time")
        self._threads = torch.get_num_threads()

    def connect(self, stop: Callable[[], bool]) -> None:
        pass

    def run(self, job: Job, begin: Begin, report: Listener, control: RunControl) -> Outcome:
        self._threads = torch.get_num_threads()  # the run has its own number
        ready, data = prepare(
            job.experiment,
            job.device,
            job.threads,
            lambda: job.load(job.data, report, lambda: control.stopping),
            lambda: control.stopping,
        )
        start = begin(ready)
        return train(job.experiment, data, report, control, start)

    def after_run(self) -> None:
        torch.set_num_threads(self._threads)
        free_memory()

    def seconds_used(self) -> float:
        return time.process_time()

    def close(self) -> None:
        pass
