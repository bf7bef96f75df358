"""The arithmetic of busy_machine.py, that its neighbours end, and that a contender answers."""

from __future__ import annotations

import os

import psutil
import pytest
from busy_machine import ONE, _row, beside, neighbours, row


def test_neighbours_keep_busy_and_end_also_when_the_measurement_fails() -> None:
    loops = []

    def fail() -> None:
        with neighbours(2) as started:
            loops.extend(started)
            assert all(psutil.Process(loop.pid).is_running() for loop in loops)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert len(loops) == 2
    assert all(loop.poll() is not None for loop in loops)


def test_ratios_are_of_each_round() -> None:
    made = row([90.0, 40.0], alone=[100.0, 80.0], here=[90.0, 50.0])
    assert (made["steps_per_second"], made["slowest"], made["fastest"]) == (65.0, 40.0, 90.0)
    assert made["of_one_thread_alone"] == pytest.approx((0.9 + 0.5) / 2)
    assert made["of_one_thread_beside"] == pytest.approx((1.0 + 0.8) / 2)


def test_a_contender_that_cannot_run_here_is_left_out_with_its_reason() -> None:
    one = {"name": ONE, "steps_per_second": 5.0, "threads": 1, "others": 0.0}
    found = {("001", 0, ONE): [one], ("001", 0, "x"): [{"name": "x", "left_out": "Not there."}]}
    made = _row(("001", 0, "x"), found)
    assert made["left_out"] == "Not there."


@pytest.mark.slow
def test_a_contender_trains_in_a_process_of_its_own() -> None:
    answer = beside(0, "CIFAR Workbench", "001", 0.0, dict(os.environ))
    assert answer["steps_per_second"] > 0
    assert answer["threads"] == 1  # as the tests' environment says
