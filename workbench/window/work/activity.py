"""What the window's session does at the moment, and what is possible meanwhile. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from workbench.messages import Message


class Activity(StrEnum):
    """One thing at a time: nothing, a run in one of its states, or other work."""

    IDLE = "idle"
    LOADING = "loading"
    TRAINING = "training"
    PAUSED = "paused"
    STOPPING = "stopping"
    TESTING = "testing"
    OPENING = "opening"
    PREPARING = "preparing"
    DOWNLOADING = "downloading"

    @property
    def busy(self) -> bool:
        """True while a run or other work is under way."""
        return self is not Activity.IDLE

    @property
    def running(self) -> bool:
        """True while a run is under way, its loading and its end included."""
        return self in _RUNNING


_RUNNING = frozenset({Activity.LOADING, Activity.TRAINING, Activity.PAUSED, Activity.STOPPING})

WAIT = Message("Something is running: stop it, or wait until it ends.")
RUN_TRAINS = Message("Not available while a run trains.")
WORK_RUNS = Message("Not available while something is running.")
RUN_LOADS = Message("Not available while a run loads.")
KEPT = Message("A resumed run can be stopped, not discarded.")
GPU_TRAINS = Message("A GPU trains: the number of CPU threads does not matter.")
NOTHING = Message("")
"""Off, and plain to see why."""


def why_off(
    activity: Activity, *, discardable: bool = True, gpu: bool = False
) -> Mapping[str, Message]:
    """Return the reason for each thing that is off; what is not in it can be done.

    Args:
        activity: what the session does.
        discardable: whether the run that trains may be thrown away; a resumed one holds what an
            earlier process reached.
        gpu: whether the chosen device is a GPU.

    The keys: ``train``, ``pause``, ``stop``, ``cancel``; ``open_weights``, ``use_weights``,
    ``load``, ``test``, ``resume``; ``choose`` (data and device of the next run), ``read_data``,
    ``threads``; ``give_up`` and ``delete``.
    """
    off: dict[str, Message] = {}
    busy, running = activity.busy, activity.running
    if busy:
        off["train"] = WAIT
        reason = RUN_TRAINS if running else WORK_RUNS
        off |= dict.fromkeys(
            ("open_weights", "use_weights", "load", "test", "resume", "read_data"), reason
        )
        if not running:  # while a run trains they are chosen for the next one
            off |= {"choose": reason, "threads": reason}
    if gpu:
        off.setdefault("threads", GPU_TRAINS)
    if activity not in (Activity.TRAINING, Activity.PAUSED):
        off["pause"] = NOTHING
    if not running or activity is Activity.STOPPING:
        off["stop"] = NOTHING
    if running and not discardable:
        off["cancel"] = KEPT
    elif not busy or activity in (Activity.STOPPING, Activity.OPENING):
        off["cancel"] = NOTHING
    if activity is Activity.LOADING:
        # Until the run that is being loaded holds its lock, nothing else keeps it from these.
        off |= {"give_up": RUN_LOADS, "delete": RUN_LOADS}
    return off
