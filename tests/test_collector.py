"""Python's collector, set aside."""

from __future__ import annotations

import gc
import threading

from workbench.collector import collector_set_aside


def test_nothing_is_collected_until_the_last_thread_is_out() -> None:
    inside, may_leave = threading.Event(), threading.Event()

    def other() -> None:
        with collector_set_aside():
            inside.set()
            may_leave.wait(10)

    thread = threading.Thread(target=other)
    assert gc.isenabled()
    with collector_set_aside():
        thread.start()
        assert inside.wait(10)
        assert not gc.isenabled()
    assert not gc.isenabled()
    may_leave.set()
    thread.join()
    assert gc.isenabled()


def test_an_error_within_lets_the_collector_go_on() -> None:
    try:
        with collector_set_aside():
            raise OSError
    except OSError:
        pass
    assert gc.isenabled()


def test_who_does_without_a_collector_keeps_doing_without() -> None:
    gc.disable()
    try:
        with collector_set_aside():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_is_there_in_the_end_is_not_looked_through_again() -> None:
    many = [[] for _ in range(1000)]
    before = gc.get_freeze_count()
    try:
        with collector_set_aside():
            pass
        assert gc.get_freeze_count() > before + len(many)
    finally:
        gc.unfreeze()
