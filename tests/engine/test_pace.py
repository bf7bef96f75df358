"""A run that another program slows down is told from one that tests, pauses or sleeps."""

from __future__ import annotations

import pytest

from workbench.engine.pace import OtherPrograms, Pace, Slowdown, as_sentence, slowdown

TIMED = {1: 80.0, 2: 130.0}


class Course:
    """A run of 2 threads, 0.1 s of training from one report to the next."""

    def __init__(self, timed: dict[int, float] = TIMED, others: float = 1.0) -> None:
        self.pace = Pace(2, timed, lambda: others)
        self.epoch, self.seconds = 1, 0.0
        self.pace.add(1, 1, 0.0)

    def go(self, seconds: float, speed: float) -> list[Slowdown | bool]:
        """What is said while ``speed`` steps a second are made for so many seconds."""
        said = []
        for _ in range(round(seconds * 10)):
            self.seconds += 0.1
            # A report has whole steps: one of 13 in 0.1 s is 130 a second.
            answer = self.pace.add(self.epoch, round(speed / 10), self.seconds)
            if answer is not None:
                said.append(answer)
        return said


def test_ten_slow_seconds_are_said_once_with_what_would_help() -> None:
    course = Course()
    assert course.go(60, 130) == []
    assert course.go(9.5, 30) == []
    (said,) = course.go(60, 30)
    assert isinstance(said, Slowdown)
    assert (said.threads, said.fewer, said.then) == (2, 1, 80.0)
    assert said.now == pytest.approx(30, rel=0.1)
    assert said.usual == pytest.approx(130, rel=0.05)


def test_the_end_of_it_is_said_and_a_second_time_too() -> None:
    course = Course()
    course.go(20, 130)
    assert len(course.go(20, 30)) == 1
    assert course.go(5, 130) == [False]
    assert len(course.go(20, 30)) == 1


def test_slow_moments_and_a_slowdown_of_less_than_half_are_not_said() -> None:
    course = Course()
    course.go(20, 130)
    for _ in range(10):
        assert course.go(8, 30) == []
        assert course.go(2, 130) == []
    assert course.go(120, 70) == []


def test_a_machine_that_slept_or_a_halted_process_is_not_slow() -> None:
    course = Course()
    course.go(20, 130)
    for _ in range(3):
        course.seconds += 200.0  # as clocks that go on in a sleep would have it
        assert course.go(3, 130) == []


def test_tests_and_pauses_are_not_counted_and_epochs_begin_at_0() -> None:
    course = Course()
    for epoch in range(1, 8):
        course.epoch, course.seconds = epoch, 0.0
        assert course.go(3, 130) == []


def test_a_resumed_run_does_not_count_its_epoch_before() -> None:
    pace = Pace(2, {}, lambda: 1.0)
    assert pace.add(3, 10, 500.0) is None
    assert pace.add(3, 130, 501.0) is None
    said = [pace.add(3, 30, 501.0 + second) for second in range(1, 12)]
    assert [kind for kind in said if kind is not None] != []


def test_a_run_that_is_slow_from_its_first_step_on_is_measured_by_what_was_timed() -> None:
    assert len(Course().go(12, 30)) == 1
    assert Course(timed={}).go(60, 30) == []  # nobody knows that it could be faster


def test_without_another_program_nothing_is_said() -> None:
    course = Course(others=0.05)
    course.go(20, 130)
    assert course.go(60, 30) == []


def test_with_another_number_of_threads_it_is_measured_by_that() -> None:
    course = Course()
    course.go(20, 130)
    course.go(20, 30)
    course.pace.use(1)
    assert course.go(60, 80) == []
    (said,) = course.go(60, 30)
    assert isinstance(said, Slowdown)
    assert (said.threads, said.fewer) == (1, None)


@pytest.mark.parametrize(
    ("threads", "now", "timed", "others", "fewer"),
    [
        (16, 40.0, {1: 80.0, 8: 200.0, 14: 260.0, 16: 250.0}, 1.1, 14),
        (16, 40.0, {1: 80.0, 8: 200.0, 14: 260.0, 16: 250.0}, 9.0, 1),
        (2, 90.0, TIMED, 1.0, None),  # slow, and yet faster than with one thread
        (2, 30.0, TIMED, 2.0, 1),
        (1, 30.0, {1: 80.0, 2: 130.0}, 2.0, None),
        (2, 30.0, {}, 0.9, 1),
        (1, 30.0, {}, 0.9, None),
    ],
)
def test_the_fastest_that_leaves_the_others_their_cores(
    threads: int, now: float, timed: dict[int, float], others: float, fewer: int | None
) -> None:
    assert slowdown(now, 300.0, threads, timed, others).fewer == fewer


def test_the_sentence() -> None:
    head = "Another program takes processor time: 35 of 130 steps a second."
    assert str(as_sentence(Slowdown(35.2, 130.4, 2, 1, 80.1))) == f"{head} With 1 thread about 80."
    assert str(as_sentence(Slowdown(35, 130, 8, 6, 91))) == f"{head} With 6 threads about 91."
    assert str(as_sentence(Slowdown(35, 130, 2))) == head
    assert "1.5 of 1,300 steps" in str(as_sentence(Slowdown(1.5, 1300, 2)))


def test_other_programs_are_what_the_system_counts_beside_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = iter([(100.0, 40.0, 1000.0), (118.0, 50.0, 1020.0), (118.0, 50.0, 1020.0)])
    monkeypatch.setattr(OtherPrograms, "_look", lambda self: next(looks))
    monkeypatch.setattr("workbench.engine.pace.psutil.cpu_count", lambda: 2)
    others = OtherPrograms()
    # 10 s of two cores: 18 s busy, of which 10 were ours.
    assert others() == pytest.approx(0.8)
    assert others() == 0.0


def test_a_busy_process_of_our_own_is_no_other_program() -> None:
    first = OtherPrograms()._look()
    assert 0 <= first[0] <= first[2]
