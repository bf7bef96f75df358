"""How far a run is, as one word. Values are those of ``run.json`` where a state is kept there."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """The states of a run, from the first event to the last.

    ``RUNNING`` is the only one of a run under way that is kept on disk: which of the finer states
    it is in is known to the process that hears its events.
    """

    LOADING = "loading"
    TRAINING = "training"
    TESTING = "testing"
    PAUSED = "paused"
    STOPPING = "stopping"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """True once no further event of the run can follow in the process that trained it."""
        return self in _ENDED

    @property
    def live(self) -> bool:
        """True while a process of ours trains it and reports events."""
        return not self.ended and self is not RunStatus.RUNNING


_ENDED = frozenset(
    {
        RunStatus.FINISHED,
        RunStatus.STOPPED,
        RunStatus.CANCELLED,
        RunStatus.FAILED,
        RunStatus.INTERRUPTED,
    }
)
