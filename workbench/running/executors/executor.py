"""What every executor does: it trains one job, and gives back the engine's events.

An executor knows no library. Whoever asks it writes what the events carry, so that a worker needs
none of the library's disk; checkpoints and weights come home as events as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from workbench.engine.checkpoint import Checkpoint
from workbench.engine.control import RunControl
from workbench.engine.events import Listener
from workbench.engine.training import Outcome
from workbench.messages import Message
from workbench.running.executors.job import Job, Ready
from workbench.spec.registry import Choice

Begin = Callable[[Ready], Checkpoint | None]
"""Called once everything is prepared where the run trains, before its first step: makes the run's
folder, and returns the checkpoint that the run goes on from (``None`` for a new one). What it
raises ends the job, and is raised by :meth:`Executor.run`."""


class Executor(Protocol):
    """Trains jobs, as many at once as it has workers, each called from a thread of its own.
    ``is_elsewhere``: its workers may be other machines'."""

    is_elsewhere: bool

    def connect(self, stop: Callable[[], bool]) -> None:
        """Reach the place where it trains, before the first :meth:`run`.

        Raises :class:`~workbench.messages.WorkbenchError` where that is not there or cannot be
        used, and :class:`~workbench.messages.Cancelled` once ``stop`` is true.
        """

    def run(self, job: Job, begin: Begin, report: Listener, control: RunControl) -> Outcome:
        """Prepare and train ``job``, and return how it ended.

        ``report`` hears ``DataProgress`` before ``begin`` is called, and the events of
        :func:`~workbench.engine.training.train` after it, on the calling thread. ``control`` is
        obeyed wherever the run trains. Raises what ``begin`` and ``report`` raise,
        :class:`~workbench.messages.Cancelled` where it is stopped before ``begin``,
        :class:`~workbench.messages.WorkbenchError` for whatever the job cannot be trained with,
        and :class:`Lost` where the worker is gone.
        """

    def after_run(self) -> None:
        """Give back what a run leaves behind in this process. Called after each :meth:`run`, once
        nothing of the run is held any more."""

    def seconds_used(self) -> float:
        """Return the processor time in seconds that this program and its workers on this machine
        have used so far: what other programs take is measured by it."""

    def close(self) -> None:
        """End the workers. A run that is under way ends as :class:`Lost`."""


@dataclass(frozen=True)
class ExecutorChoice(Choice):
    """An executor that can be chosen.

    Args:
        build: ``"package.module:Name"`` of a class that is made with the number of workers.
        most_workers: runs that it can train at once; ``None`` for any number.
    """

    build: str = ""
    most_workers: int | None = None


class Lost(Exception):
    """The worker that trained a run is gone, and the run can go on from its last checkpoint.
    ``message`` says how the worker ended."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


class AllLost(Lost):
    """The place itself is gone with all its workers: no other one can take the run over, which can
    be resumed once the place is there again."""
