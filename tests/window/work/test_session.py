"""The session: what the worker reports arrives as signals, in order, and ends in idle."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytestqt.qtbot import QtBot

from tests.window.heard import listen, of_kind
from workbench.data.data_choice import choose_data
from workbench.engine import timing
from workbench.engine.devices import has_bfloat16
from workbench.engine.events import EpochDone, FinalTest, RunEnded, RunStarted, StepsDone
from workbench.library.catalog import Library
from workbench.messages import Cancelled
from workbench.spec.experiment import experiment_from
from workbench.window.work.session import Session, Work


@pytest.fixture
def session(tmp_path: Path, qtbot: QtBot) -> Any:
    session = Session(Library(tmp_path / "library"))
    yield session
    session.cancel()
    assert session.wait(10_000)
    session.deleteLater()


def start(session: Session, **values: Any) -> None:
    experiment = experiment_from({"batch_size": 100, "epochs": 2, **values})
    session.train(experiment, choose_data("sample"), "cpu", "001", "Does it run?")


def test_a_run_ends_idle_after_exactly_one_end(session: Session, qtbot: QtBot) -> None:
    heard: list[type] = []
    session.run_event.connect(lambda key, event: heard.append(type(event)))
    states: list[str] = []
    session.state_changed.connect(states.append)
    with qtbot.waitSignal(session.run_event, **of_kind(RunEnded), timeout=30_000):
        start(session)
    qtbot.waitUntil(lambda: session.state == "idle")
    wanted = (RunStarted, EpochDone, FinalTest, RunEnded)
    assert [kind for kind in heard if kind in wanted] == [
        RunStarted,
        EpochDone,
        EpochDone,
        FinalTest,
        RunEnded,
    ]
    assert heard[-1] is RunEnded
    assert states == ["loading", "training", "idle"]


def test_pause_goes_on_and_stop_ends(session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(session.run_event, **of_kind(EpochDone), timeout=30_000):
        start(session, epochs=10_000)
    session.pause()
    qtbot.waitUntil(lambda: session.state == "paused", timeout=3000)
    heard: list[object] = []
    listen(session, StepsDone, heard.append)
    qtbot.wait(150)
    assert not heard
    session.resume()
    qtbot.waitUntil(lambda: session.state == "training" and bool(heard), timeout=3000)
    with qtbot.waitSignal(session.run_event, **of_kind(RunEnded), timeout=1000) as ended:
        session.stop()
        assert session.state == "stopping"
    assert ended.args[1].status == "stopped"


@pytest.mark.slow
def test_stop_ends_a_pause(session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(session.run_event, **of_kind(EpochDone), timeout=30_000):
        start(session, epochs=10_000)
    session.pause()
    qtbot.waitUntil(lambda: session.state == "paused", timeout=3000)
    with qtbot.waitSignal(session.run_event, **of_kind(RunEnded), timeout=1000) as ended:
        session.cancel()
    assert ended.args[1].status == "cancelled"
    assert list(session.library.path.iterdir()) == []


def test_a_refused_weight_file_is_one_sentence(
    session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "no.pkl"
    path.write_text("these are no weights")
    with qtbot.waitSignal(session.problem, timeout=20_000) as problem:
        session.open_weights(path)
    assert str(path) in str(problem.args[0])
    qtbot.waitUntil(lambda: session.state == "idle")


def test_an_error_nobody_foresaw_is_a_sentence_too(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("workbench.library.weights.load_weights", broken)
    with qtbot.waitSignal(session.problem, timeout=20_000) as problem:
        session.open_weights(Path("x.pkl"))
    assert "ZeroDivisionError" in str(problem.args[0])
    qtbot.waitUntil(lambda: session.state == "idle")


def test_devices_are_found_beside_other_work(session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(session.devices_found, timeout=30_000) as found:
        session.find_devices()
        assert session.state == "idle"
    assert found.args[0][-1][0] == "cpu"


def found(session: Session, qtbot: QtBot) -> Session:
    with qtbot.waitSignal(session.devices_found, timeout=30_000):
        session.find_devices()
    return session


def test_steps_are_timed_in_no_state_and_only_when_torch_is_there(
    session: Session, qtbot: QtBot
) -> None:
    experiment = experiment_from({})
    assert not session.time_steps(experiment, "cpu")
    found(session, qtbot)
    states: list[str] = []
    session.state_changed.connect(states.append)
    with qtbot.waitSignal(session.steps_timed, timeout=60_000) as timed:
        assert session.time_steps(experiment, "cpu")
        assert not session.time_steps(experiment, "cpu")  # one at a time
    assert timed.args[:2] == [experiment, "cpu"]
    assert timed.args[2].seconds_per_step > timed.args[2].seconds_per_test_image > 0
    there = has_bfloat16(torch.device("cpu"))
    assert (timed.args[2].bfloat16_gain is not None) == there
    with qtbot.waitSignal(session.steps_timed, timeout=60_000) as failed:
        session.time_steps(experiment, "cuda:99")
    assert failed.args[2].seconds_per_step is None
    assert not states


def test_a_run_started_while_steps_are_timed_ends_that_and_waits_for_it(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(session, qtbot)
    begun, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def timed(
        experiment: object, device: str, stop: Callable[[], bool], threads: int | None
    ) -> None:
        begun.set()
        assert go_on.wait(20)  # a step that lasts
        order.append(f"timed, unwanted: {stop()}")
        raise Cancelled

    monkeypatch.setattr("workbench.running.runner.time_steps", timed)
    monkeypatch.setattr(
        "workbench.running.runner.run_experiment", lambda *_, **__: order.append("run")
    )
    results: list[object] = []
    session.steps_timed.connect(lambda *arguments: results.append(arguments[2]))
    assert session.time_steps(experiment_from({}), "cpu")
    assert begun.wait(20)
    start(session)
    assert session.state == "loading"
    qtbot.wait(100)
    assert not order
    go_on.set()
    qtbot.waitUntil(lambda: session.state == "idle", timeout=20_000)
    assert order == ["timed, unwanted: True", "run"]
    assert results == [None]


def test_no_steps_are_timed_while_a_run_trains(session: Session, qtbot: QtBot) -> None:
    found(session, qtbot)
    start(session, epochs=10_000)
    assert not session.time_steps(experiment_from({}), "cpu")
    with qtbot.waitSignal(session.run_event, **of_kind(EpochDone), timeout=30_000):
        pass
    assert not session.time_steps(experiment_from({}), "cpu")


@pytest.mark.slow
def test_a_run_behind_timed_steps_is_the_run_without_them(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.library.weights import load_weights

    seen: set[Path] = set()

    def run() -> Any:
        with qtbot.waitSignal(session.run_event, **of_kind(RunEnded), timeout=60_000) as ended:
            start(session, epochs=1, dropout=0.2, batch_norm=True)
        qtbot.waitUntil(lambda: session.state == "idle")
        assert ended.args[1].status == "finished"
        (newest,) = [run for run in session.library.runs() if run.folder not in seen]
        seen.add(newest.folder)
        return load_weights(newest.folder / "mlp_weight_001.pkl").state_dict

    without = run()
    found(session, qtbot)
    begun = threading.Event()
    train = timing.build_steps

    def watched(*arguments: Any) -> Any:
        begun.set()
        return train(*arguments)

    monkeypatch.setattr(timing, "build_steps", watched)
    assert session.time_steps(experiment_from({"dropout": 0.5}), "cpu")
    assert begun.wait(20)  # in the middle of it
    behind = run()
    assert all(bool((without[name] == behind[name]).all()) for name in without)


def test_waiting_ends_timed_steps(session: Session, qtbot: QtBot) -> None:
    found(session, qtbot)
    results: list[object] = []
    session.steps_timed.connect(lambda *arguments: results.append(arguments))
    assert session.time_steps(experiment_from({}), "cpu")
    assert session.wait(20_000)
    assert len(results) == 1
    assert not session._drain_timer.isActive()


def test_the_window_opens_without_torch() -> None:
    code = (
        "import sys, os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from workbench.library.catalog import Library\n"
        "from workbench.window.main_window import MainWindow\n"
        "from workbench.window.kit.settings import Settings\n"
        "from workbench.window.kit.theme import Theme\n"
        "from workbench.window.kit.translation import Translation\n"
        "app = QApplication([])\n"
        "window = MainWindow(Library(), Settings(), Theme(app), Translation(app))\n"
        "window.show(); app.processEvents(); window.close()\n"
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        timeout=60,
    )


UNHELD = """
import gc, threading
from pathlib import Path
from PySide6.QtCore import QCoreApplication, QTimer
from workbench.library.catalog import Library
from workbench.window.work.session import Session, Work

application = QCoreApplication([])

def begin() -> threading.Event:
    session, began, go = Session(Library(Path("library"))), threading.Event(), threading.Event()
    session._start_beside(lambda: (began.set(), go.wait(10)))
    assert began.wait(10)
    return go

go = begin()
gc.collect()  # nobody holds the session any more
print("goes on")
go.set()
QTimer.singleShot(200, application.quit)
application.exec()
gc.collect()
assert not Work._running
print("ended")
"""


def test_a_thread_outlives_whoever_forgot_it(tmp_path: Path) -> None:
    # In a process of its own, which Qt would abort.
    done = subprocess.run(
        [sys.executable, "-c", UNHELD], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout.split("\n")[:2]) == (0, ["goes on", "ended"]), done.stderr


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_only_linux_has_priorities_by_thread(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.delattr(os, "setpriority", raising=False)  # Windows has none at all
    ran: list[bool] = []
    work = Work(lambda: ran.append(True))
    work.start()
    assert work.wait(10_000)
    assert ran == [True]
