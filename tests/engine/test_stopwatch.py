"""The time of a training, on a clock that is moved by hand."""

from __future__ import annotations

import pytest

from workbench.engine.stopwatch import Stopwatch


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def steps(watch: Stopwatch, clock: Clock, count: int, seconds: float) -> None:
    for _ in range(count):
        clock.pass_by(seconds)
        watch.lap("step")


@pytest.mark.parametrize("halted", [4.0, 60.0, 299.0, 7200.0])
def test_a_halt_of_any_length_within_a_step_is_no_time(clock: Clock, halted: float) -> None:
    watch = Stopwatch(clock=clock)
    steps(watch, clock, 20, 0.1)
    steps(watch, clock, 1, halted)
    steps(watch, clock, 20, 0.1)
    assert watch.seconds() == pytest.approx(4.1)


def test_long_steps_count_whole_however_long_they_are(clock: Clock) -> None:
    watch = Stopwatch(clock=clock)
    steps(watch, clock, 10, 90.0)
    assert watch.seconds() == pytest.approx(900.0)


def test_steps_that_a_busy_machine_slows_down_count_whole(clock: Clock) -> None:
    watch = Stopwatch(clock=clock)
    steps(watch, clock, 20, 0.1)
    steps(watch, clock, 20, 1.5)
    assert watch.seconds() == pytest.approx(32.0)


def test_each_kind_of_work_is_judged_by_its_own_times(clock: Clock) -> None:
    watch = Stopwatch(clock=clock)
    steps(watch, clock, 50, 0.01)
    for _ in range(3):
        clock.pass_by(10.0)
        watch.lap("test")
    assert watch.seconds() == pytest.approx(30.5)


def test_a_pause_is_no_time(clock: Clock) -> None:
    watch = Stopwatch(before=5.0, clock=clock)
    clock.pass_by(1.0)
    watch.halt()
    clock.pass_by(40.0)
    assert watch.seconds() == pytest.approx(6.0)
    watch.go_on()
    clock.pass_by(1.0)
    assert watch.seconds() == pytest.approx(7.0)
