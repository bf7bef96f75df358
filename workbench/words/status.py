"""A run's status in words: one for each :class:`~workbench.engine.status.RunStatus`."""

from __future__ import annotations

from workbench.engine.status import RunStatus
from workbench.library.run_folder import RunRecord
from workbench.messages import Message

STATUS: dict[RunStatus, Message] = {
    RunStatus.LOADING: Message("Loading data"),
    RunStatus.TRAINING: Message("Training"),
    RunStatus.TESTING: Message("Testing"),
    RunStatus.PAUSED: Message("Paused"),
    RunStatus.STOPPING: Message("Stopping"),
    RunStatus.RUNNING: Message("Running"),
    RunStatus.FINISHED: Message("Finished"),
    RunStatus.STOPPED: Message("Stopped"),
    RunStatus.CANCELLED: Message("Cancelled"),
    RunStatus.FAILED: Message("Failed"),
    RunStatus.INTERRUPTED: Message("Interrupted"),
}
ENDED_EARLY = Message("Ended early")
ELSEWHERE = Message("Running elsewhere")


def status_word(status: str) -> Message:
    """Return the word for a status, as ``run.json`` has it or as a ``RunStatus``."""
    return STATUS[RunStatus(status)]


def record_status(record: RunRecord) -> Message:
    """Return the word for the status of a saved run; early stopping has one of its own."""
    return ENDED_EARLY if record.ended_early else status_word(record.status)
