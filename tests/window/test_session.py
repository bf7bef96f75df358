"""The session: what the worker reports arrives as signals, in order, and ends in idle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from workbench.engine.data_choice import choose_data
from workbench.library.catalog import Library
from workbench.spec.experiment import experiment_from
from workbench.window.session import Session


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
    heard: list[str] = []
    for name in ("run_started", "epoch_done", "final_test", "run_ended"):
        getattr(session, name).connect(lambda event, name=name: heard.append(name))
    states: list[str] = []
    session.state_changed.connect(states.append)
    with qtbot.waitSignal(session.run_ended, timeout=30_000):
        start(session)
    qtbot.waitUntil(lambda: session.state == "idle")
    assert heard == ["run_started", "epoch_done", "epoch_done", "final_test", "run_ended"]
    assert states == ["loading", "training", "idle"]


def test_pause_goes_on_and_stop_ends(session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(session.epoch_done, timeout=30_000):
        start(session, epochs=10_000)
    session.pause()
    qtbot.waitUntil(lambda: session.state == "paused", timeout=3000)
    heard: list[object] = []
    session.steps_done.connect(heard.append)
    qtbot.wait(150)
    assert not heard
    session.resume()
    qtbot.waitUntil(lambda: session.state == "training" and bool(heard), timeout=3000)
    with qtbot.waitSignal(session.run_ended, timeout=1000) as ended:
        session.stop()
        assert session.state == "stopping"
    assert ended.args[0].status == "stopped"


def test_stop_ends_a_pause(session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(session.epoch_done, timeout=30_000):
        start(session, epochs=10_000)
    session.pause()
    qtbot.waitUntil(lambda: session.state == "paused", timeout=3000)
    with qtbot.waitSignal(session.run_ended, timeout=1000) as ended:
        session.cancel()
    assert ended.args[0].status == "cancelled"
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


def test_the_window_opens_without_torch() -> None:
    code = (
        "import sys, os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from workbench.library.catalog import Library\n"
        "from workbench.window.main_window import MainWindow\n"
        "from workbench.window.settings import Settings\n"
        "from workbench.window.theme import Theme\n"
        "from workbench.window.translation import Translation\n"
        "app = QApplication([])\n"
        "window = MainWindow(Library(), Settings(), Theme(app), Translation(app))\n"
        "window.show(); app.processEvents(); window.close()\n"
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
    )
