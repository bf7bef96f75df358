"""The table of actions that are possible while the session is busy."""

from __future__ import annotations

import pytest

from workbench.window.work.activity import KEPT, NOTHING, RUN_TRAINS, WORK_RUNS, Activity, why_off

RUN = {"pause", "stop", "cancel"}
USE = {"open_weights", "use_weights", "load", "test", "resume", "read_data", "train"}


@pytest.mark.parametrize(
    ("activity", "off"),
    [
        (Activity.IDLE, RUN),
        (Activity.LOADING, USE | {"pause", "give_up", "delete"}),
        (Activity.TRAINING, USE),
        (Activity.PAUSED, USE),
        (Activity.STOPPING, USE | RUN),
        (Activity.TESTING, USE | {"pause", "stop", "choose", "threads"}),
        (Activity.PREPARING, USE | {"pause", "stop", "choose", "threads"}),
        (Activity.DOWNLOADING, USE | {"pause", "stop", "choose", "threads"}),
        (Activity.OPENING, USE | RUN | {"choose", "threads"}),
    ],
)
def test_what_is_off(activity: Activity, off: set[str]) -> None:
    assert set(why_off(activity)) == off


def test_each_activity_is_in_the_table_above() -> None:
    assert all(isinstance(why_off(activity), dict) for activity in Activity)


def test_the_reasons() -> None:
    assert why_off(Activity.TRAINING)["load"] == RUN_TRAINS
    assert why_off(Activity.TESTING)["load"] == WORK_RUNS
    assert why_off(Activity.IDLE)["stop"] == NOTHING


def test_a_resumed_run_is_stopped_and_not_discarded() -> None:
    assert why_off(Activity.TRAINING, discardable=False)["cancel"] == KEPT
    assert "cancel" not in why_off(Activity.TESTING, discardable=False)
    assert "cancel" not in why_off(Activity.TRAINING)


def test_a_gpu_needs_no_number_of_threads() -> None:
    assert "GPU" in str(why_off(Activity.IDLE, gpu=True)["threads"])
    assert why_off(Activity.TESTING, gpu=True)["threads"] == WORK_RUNS
