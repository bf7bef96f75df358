"""A person's whole round of work, through what a person touches."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QInputDialog,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.library.made_runs import make_run
from tests.window.heard import listen, of_kind
from workbench.engine.events import EpochDone, RunEnded, Slowed
from workbench.engine.pace import Slowdown
from workbench.engine.step_times import Timing
from workbench.library.catalog import Library
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import Translation
from workbench.window.main_window import MainWindow
from workbench.window.work.timings import QUIET

NAMES = (
    *("presetList", "hyperparameterPanel", "trainButton", "pauseButton", "stopButton"),
    *("cancelButton", "datasetButton", "deviceBox", "lossPlot", "accuracyPlot"),
    *("confusionView", "logView", "savedModels", "progressBar"),
)


@pytest.fixture
def translation(qapp: QApplication) -> Iterator[Translation]:
    translation = Translation(qapp)
    yield translation
    translation.use("en")


@pytest.fixture
def window(
    qtbot: QtBot, theme: Theme, translation: Translation, home: Path
) -> Iterator[MainWindow]:
    window = MainWindow(Library(), Settings(), theme, translation)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window._quit_after = True
    window.session.cancel()
    assert window.session.wait(10_000)
    window.close()
    window.deleteLater()


def find(window: QWidget, name: str, kind: type = QWidget) -> Any:
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


def press(qtbot: QtBot, window: QWidget, name: str) -> None:
    button = find(window, name, QAbstractButton)
    assert button.isEnabled(), f"{name} is off: {button.toolTip()}"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def type_value(qtbot: QtBot, window: QWidget, name: str, text: str) -> None:
    field = find(window, f"hyperparameter_{name}", QLineEdit)
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Tab)


def train(qtbot: QtBot, window: MainWindow, epochs: int = 1) -> None:
    type_value(qtbot, window, "batch_size", "100")
    type_value(qtbot, window, "epochs", str(epochs))
    press(qtbot, window, "trainButton")


def wait_idle(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.session.state == "idle", timeout=30_000)


def question(qtbot: QtBot, window: MainWindow, name: str, button: str) -> None:
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, name) is not None, timeout=3000)
    box = find(window, name, QMessageBox)
    qtbot.mouseClick(find(box, button, QAbstractButton), Qt.MouseButton.LeftButton)


def test_everything_that_can_be_acted_on_has_its_name(window: MainWindow) -> None:
    for name in NAMES:
        assert find(window, name)


def test_a_first_start_on_the_sample_says_so_and_offers_007(window: MainWindow) -> None:
    assert "sample" in find(window, "datasetButton", QToolButton).text()
    assert window.presets.current().id == "007"  # type: ignore[union-attr]
    assert find(window, "trainButton").isEnabled()
    for name in ("pauseButton", "stopButton", "cancelButton"):
        assert not find(window, name).isEnabled()


def test_a_bad_value_turns_train_off_until_it_is_mended(window: MainWindow, qtbot: QtBot) -> None:
    type_value(qtbot, window, "learning_rate", "-1")
    assert not find(window, "trainButton").isEnabled()
    assert "greater than 0" in window.actions_.train.toolTip()
    type_value(qtbot, window, "learning_rate", "1e-4")
    assert find(window, "trainButton").isEnabled()


def test_train_watch_and_browse(window: MainWindow, qtbot: QtBot) -> None:
    window.presets.select("001")
    qtbot.keyClick(find(window, "presetList"), Qt.Key.Key_Down)
    assert window.presets.current().id == "002"  # type: ignore[union-attr]
    train(qtbot, window, epochs=2)
    assert not find(window, "trainButton").isEnabled()
    wait_idle(qtbot, window)

    (record,) = Library().runs()
    assert record.status == "finished"
    assert record.preset == "002"
    assert window.run_view.run.folder == str(record.folder)
    assert f"{record.accuracy:.2f}%" in _texts(window.run_view.header)
    assert "sample" in _texts(window.run_view.header)
    assert "Accuracy of Test Data" in find(window, "logView").toPlainText()
    assert find(window, "progressBar", QProgressBar).value() > 0
    assert not find(window, "confusionEmpty").isVisibleTo(window.run_view.confusion)
    assert window.saved.table.rowCount() == 1
    assert find(window, "trainButton").isEnabled()


@pytest.mark.slow
def test_a_validation_split_is_watched_and_chooses_the_weights(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.presets.select("001")
    type_value(qtbot, window, "validation_share", "0.2")
    seen: list[str] = []
    # While it trains, from the events; after its end, from the files.
    listen(window.session, EpochDone, lambda event: seen.append(_texts(window.run_view.header)))
    train(qtbot, window, epochs=2)
    wait_idle(qtbot, window)
    assert "best epoch 1 by validation" in seen[0]
    (record,) = Library().runs()
    assert record.best_chosen_on == "validation"
    assert f"best epoch {record.best_epoch} by validation: test" in _texts(window.run_view.header)
    assert len(window.run_view.live.points.validation) == 2
    window.saved.select_run(record.folder)
    window.saved.run_actions.load_best.trigger()
    wait_idle(qtbot, window)
    assert "the best on the validation split" in _texts(window.weights_card)


def test_a_run_of_the_command_line_appears_opens_loads_and_tests(
    window: MainWindow, qtbot: QtBot
) -> None:
    from workbench import cli

    assert cli.main(["train", "007", "--set", "epochs=1", "--set", "batch_size=100", "--json"]) == 0
    qtbot.waitUntil(lambda: window.saved.table.rowCount() == 1, timeout=5000)
    (record,) = Library().runs()
    window.saved.select_run(record.folder)
    press(qtbot, window, "openRunButton")
    assert window.run_view.run.folder == str(record.folder)
    assert "007" in _texts(window.run_view.header)
    press(qtbot, window, "loadWeightsButton")
    wait_idle(qtbot, window)
    assert "mlp_weight_007.pkl" in _texts(window.weights_card)
    press(qtbot, window, "testButton")
    wait_idle(qtbot, window)
    assert f"{record.accuracy:.2f}%" in _texts(window.weights_card)
    assert window.run_view.tabs.currentWidget() is window.run_view.confusion


def test_the_status_bar_tells_data_and_device_of_the_run_on_show(
    window: MainWindow, qtbot: QtBot
) -> None:
    assert "sample" in _texts(window.status)
    record = make_run(Library(), "009", (60.0, 62.0))
    qtbot.waitUntil(lambda: window.saved.table.rowCount() == 1, timeout=5000)
    window.saved.select_run(record.folder)
    press(qtbot, window, "openRunButton")
    shown = _texts(window.status)
    assert "CIFAR-10, JPEG" in shown
    assert "sample" not in shown
    assert "sample" in find(window, "datasetButton", QToolButton).text()  # for the next run


def test_stop_keeps_and_pause_goes_on(window: MainWindow, qtbot: QtBot) -> None:
    train(qtbot, window, epochs=1000)
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=30_000):
        pass
    press(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.session.state == "paused", timeout=3000)
    assert window.actions_.pause.text() == "Resume"
    press(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.session.state == "training", timeout=3000)
    press(qtbot, window, "pauseButton")
    press(qtbot, window, "pauseButton")  # taken back before it came
    assert window.status.now() == "Training on sample · CPU threads: 1"
    assert not window.session.pause_wanted
    press(qtbot, window, "stopButton")
    qtbot.waitUntil(lambda: window.session.state == "idle", timeout=1500)
    (record,) = Library().runs()
    assert record.status == "stopped"
    assert window.run_view.run.folder == str(record.folder)


@pytest.mark.slow
def test_what_is_pressed_and_turned_off_passes_the_focus_to_no_other_button(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.activateWindow()

    def nothing_is_chosen(session_is: str) -> None:
        qtbot.waitUntil(lambda: window.session.state == session_is, timeout=30_000)
        focused = QApplication.focusWidget()
        assert focused.focusPolicy() == Qt.FocusPolicy.NoFocus, focused.objectName()
        rings = window.findChildren(QWidget, "focusRing")
        assert not any(ring.isVisible() for ring in rings)

    train(qtbot, window, epochs=1000)
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=30_000):
        pass
    press(qtbot, window, "stopButton")
    nothing_is_chosen("idle")
    (run,) = window.session.library.runs()
    written = json.loads((run.folder / "run.json").read_text())  # as a crash leaves it:
    (run.folder / "run.json").write_text(json.dumps({**written, "status": "running"}))
    window.interrupted._offered = None
    window.saved.refresh()
    qtbot.waitUntil(window.interrupted.isVisible, timeout=3000)
    press(qtbot, window, "resumeInterruptedButton")
    nothing_is_chosen("training")
    press(qtbot, window, "stopButton")
    nothing_is_chosen("idle")
    window.saved.select_run(run.folder)
    press(qtbot, window, "resumeRunButton")
    nothing_is_chosen("training")
    press(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.session.state == "paused", timeout=3000)
    press(qtbot, window, "stopButton")
    nothing_is_chosen("idle")


@pytest.mark.slow
@pytest.mark.parametrize(("button", "left"), [("stayButton", 1), ("discardButton", 0)])
def test_cancel_asks_before_it_discards(
    button: str, left: int, window: MainWindow, qtbot: QtBot
) -> None:
    train(qtbot, window, epochs=1000)
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=30_000):
        pass
    press(qtbot, window, "cancelButton")
    question(qtbot, window, "cancelQuestion", button)
    if left:
        assert window.session.running
        press(qtbot, window, "stopButton")
    wait_idle(qtbot, window)
    assert len(Library().runs()) == left


@pytest.mark.slow
def test_a_stopped_run_is_resumed_and_a_finished_one_trained_on(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(qtbot, window, epochs=2)
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=60_000):
        pass
    press(qtbot, window, "stopButton")
    wait_idle(qtbot, window)
    # A run goes on on its own data, whichever are chosen for the next.
    monkeypatch.setattr(window.data_button, "name", lambda: "another folder")
    (stopped,) = window.session.library.runs()
    assert stopped.status == "stopped"
    window.saved.select_run(stopped.folder)
    assert window.saved.run_actions.resume.isEnabled()
    window.saved.run_actions.resume.trigger()
    qtbot.waitUntil(lambda: window.session.running)
    # What it had reached before is not to be discarded.
    assert not find(window, "cancelButton").isEnabled()
    qtbot.waitUntil(lambda: window.status.now().startswith("Training on sample"))
    wait_idle(qtbot, window)
    (finished,) = window.session.library.runs()
    assert (finished.status, finished.epochs_done, len(finished.resumed)) == ("finished", 2, 1)
    assert finished.id == stopped.id
    # The curve is whole: nothing is missing from it, and nothing is there twice.
    assert len(window.run_view.live.points.loss) == 2 * finished.steps_per_epoch
    assert len(window.run_view.live.points.accuracies) == 2

    window.saved.select_run(finished.folder)
    window.saved.run_actions.resume.trigger()
    box = find(window, "epochsQuestion", QInputDialog)
    assert box.intValue() == 4
    box.setIntValue(3)
    box.accept()
    qtbot.waitUntil(lambda: window.session.running)
    wait_idle(qtbot, window)
    newest = next(r for r in window.session.library.runs() if r.id != finished.id)
    assert (newest.status, newest.epochs_done, newest.continues) == ("finished", 3, finished.id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("button", "open_", "runs"),
    [("stayButton", True, 1), ("keepButton", False, 1), ("discardButton", False, 0)],
)
def test_closing_during_a_run_asks(
    button: str, open_: bool, runs: int, window: MainWindow, qtbot: QtBot
) -> None:
    train(qtbot, window, epochs=1000)
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=30_000):
        pass
    window.close()
    assert window.isVisible()
    question(qtbot, window, "quitQuestion", button)
    if open_:
        assert window.session.running
    else:
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=2000)
        assert window.session.state == "idle"
    assert len(Library().runs()) == runs


@pytest.mark.slow
def test_a_saved_run_can_be_looked_at_while_another_trains(
    window: MainWindow, qtbot: QtBot
) -> None:
    train(qtbot, window, epochs=1)
    wait_idle(qtbot, window)
    (old,) = Library().runs()
    train(qtbot, window, epochs=1000)
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=30_000):
        pass
    window.saved.select_run(old.folder)
    press(qtbot, window, "openRunButton")
    assert window.run_view.run.folder == str(old.folder)
    drawn = window.run_view.live.step_count()
    qtbot.wait(200)
    assert window.run_view.live.step_count() == drawn == old.steps_per_epoch
    tabs = window.run_view.tabs.tabBar()
    for language in ("ko", "en"):
        window._choose_language(language)
        qtbot.wait(1)
        assert find(window, "backButton").isVisible()
        last = max(tabs.tabRect(place).right() for place in range(tabs.count()))
        assert 0 < last < tabs.width()  # beside it all are seen
        assert not any(arrow.isVisible() for arrow in tabs.findChildren(QToolButton))
    press(qtbot, window, "backButton")
    assert window.run_view.shows_live
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=30_000):
        pass
    lines = find(window, "logView").toPlainText().splitlines()
    assert len(lines) == len(set(lines))
    press(qtbot, window, "stopButton")
    wait_idle(qtbot, window)
    from workbench.library.run_folder import read_losses

    newest = Library().runs()[0]
    # Neither lost nor drawn twice.
    assert window.run_view.live.step_count() == len(read_losses(newest.folder))


@pytest.mark.slow
def test_a_run_of_another_process_is_followed_to_its_end(window: MainWindow, qtbot: QtBot) -> None:
    changes = ["--set", "epochs=4", "--set", "batch_size=50"]
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "train", "001", *changes, "--dataset", "sample"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    qtbot.waitUntil(lambda: window.saved.table.rowCount() == 1, timeout=30_000)
    (record,) = Library().runs()
    assert record.status == "running"
    window.saved.select_run(record.folder)
    press(qtbot, window, "openRunButton")
    assert process.wait(timeout=60) == 0
    qtbot.waitUntil(lambda: "Finished" in _texts(window.run_view.header), timeout=5000)
    assert window.run_view.live.step_count() == 4 * 40


@pytest.mark.slow
def test_a_test_of_a_broken_file_does_not_test_the_weights_before_it(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    train(qtbot, window)
    wait_idle(qtbot, window)
    (record,) = Library().runs()
    window.saved.load_requested.emit(record.folder / "mlp_weight_007.pkl")
    wait_idle(qtbot, window)
    broken = tmp_path / "broken.pkl"
    broken.write_bytes(b"PK\x03\x04 and nothing more")
    tested: list[object] = []
    window.session.weights_tested.connect(tested.append)
    window.saved.test_requested.emit(broken)
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "problemBox") is not None, timeout=5000)
    qtbot.wait(200)
    assert not tested
    assert "broken.pkl" in window.status.now()
    find(window, "problemBox").close()


@pytest.mark.slow
def test_weights_of_other_classes_are_tested_with_a_warning(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    from workbench.library.weights import load_weights, save_weights

    train(qtbot, window)
    wait_idle(qtbot, window)
    (record,) = Library().runs()
    weights = load_weights(record.folder / "mlp_weight_007.pkl")
    others = tuple(f"other {number}" for number in range(10))
    save_weights(tmp_path / "others.pkl", replace(weights, classes=others))
    window.saved.test_requested.emit(tmp_path / "others.pkl")
    with qtbot.waitSignal(window.session.weights_tested, timeout=20_000):
        pass
    wait_idle(qtbot, window)
    notes = find(window, "weightsNotes")
    assert "other classes" in notes.text() + notes.toolTip()


def test_settings_that_were_damaged_do_not_keep_the_window_shut(
    window: MainWindow, qtbot: QtBot, theme: Theme, translation: Translation
) -> None:
    settings = Settings()
    settings.set_text("theme", "blue")
    settings.set_text("data/folder", '{"path": "/x"}')
    settings.set_text("data/choice", "/nowhere")
    settings.save()
    again = MainWindow(Library(), Settings(), theme, translation)
    assert again.data_button.is_sample
    again.close()
    again.deleteLater()


@pytest.mark.slow
def test_hyperparameters_of_a_run_come_back_to_the_form(window: MainWindow, qtbot: QtBot) -> None:
    type_value(qtbot, window, "learning_rate", "0.0123")
    train(qtbot, window, epochs=1)
    wait_idle(qtbot, window)
    window.presets.select("001")
    (record,) = Library().runs()
    window.saved.hyperparameters_requested.emit(record)
    experiment = window.form.experiment()
    assert experiment is not None
    assert (experiment.learning_rate, experiment.batch_size) == (0.0123, 100)
    assert window.presets.current().id == "007"  # type: ignore[union-attr]
    assert window.form.is_changed()


def test_a_dropped_file_that_is_no_weights_is_refused_in_a_sentence(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(b"cposix\nsystem\n(S'touch " + str(tmp_path).encode() + b"/ran'\ntR.")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "problemBox") is not None, timeout=20_000)
    box = find(window, "problemBox", QMessageBox)
    assert "evil.pkl" in box.text()
    assert "code" in box.text()
    assert not (tmp_path / "ran").exists()
    box.close()
    wait_idle(qtbot, window)


def test_after_another_window_a_dock_opens_its_menu_without_a_warning(window: MainWindow) -> None:
    window.actions_.story.trigger()
    saved = window.saved
    saved.view.customContextMenuRequested.emit(QPoint(5, 5))  # a warning of Qt's fails the test
    assert saved.menu.isVisible()
    saved.menu.close()
    assert window._models_dock.windowHandle() is None
    window.result_windows.close()


def test_the_language_switches_while_it_is_open(window: MainWindow, qtbot: QtBot) -> None:
    train_button = find(window, "trainButton", QToolButton)
    window.actions_.language["ko"].trigger()
    qtbot.waitUntil(lambda: train_button.text() == "학습", timeout=2000)
    assert find(window, "presetDock").windowTitle() == "프리셋"
    window.actions_.language["en"].trigger()
    qtbot.waitUntil(lambda: train_button.text() == "Train", timeout=2000)


def test_no_view_is_so_wide_that_names_of_runs_are_without_room(window: MainWindow) -> None:
    assert window.width() == 1280
    assert find(window, "modelsDock").width() >= 370


def test_the_layout_comes_back_and_can_be_reset(
    window: MainWindow, qtbot: QtBot, theme: Theme, translation: Translation
) -> None:
    dock = find(window, "modelsDock")
    dock.setFloating(True)
    window.close()
    again = MainWindow(Library(), Settings(), theme, translation)
    again.show()
    qtbot.waitExposed(again)
    assert find(again, "modelsDock").isFloating()
    again.actions_.reset_layout.trigger()
    assert not find(again, "modelsDock").isFloating()
    again.close()
    again.deleteLater()


def test_a_window_from_a_monitor_that_has_gone_comes_back(
    window: MainWindow, qtbot: QtBot, theme: Theme, translation: Translation
) -> None:
    window.move(QPoint(9000, 9000))
    window.close()
    again = MainWindow(Library(), Settings(), theme, translation)
    again.show()
    qtbot.waitExposed(again)
    assert again.screen().availableGeometry().intersects(again.frameGeometry())
    again.close()
    again.deleteLater()


def test_the_wheel_over_the_device_box_changes_nothing(window: MainWindow, qtbot: QtBot) -> None:
    box = find(window, "deviceBox", QComboBox)
    window.device_box.set_devices([("cuda:0", "H100"), ("cpu", "EPYC")])
    assert box.count() == 3
    from PySide6.QtGui import QWheelEvent

    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, event)
    assert window.device_box.device() == "auto"


def _texts(widget: QWidget) -> str:
    from PySide6.QtWidgets import QLabel

    return " | ".join(label.text() for label in widget.findChildren(QLabel))


@pytest.mark.slow
def test_a_fresh_library_says_a_time_after_a_moment_once_for_each_speed(
    window: MainWindow, qtbot: QtBot
) -> None:
    asked: list[object] = []
    window.session.steps_timed.connect(lambda *arguments: asked.append(arguments))
    assert window.estimate.text().startswith("No estimate yet")
    window.session.find_devices()
    qtbot.waitUntil(lambda: window.estimate.text().startswith("About "), timeout=60_000)
    assert "a few steps, timed on this machine" in window.estimate.toolTip()
    assert window.session.state == "idle"
    assert find(window, "trainButton").isEnabled()
    # Epochs and rate change nothing of the speed; keystrokes do not each have it timed.
    once = window.estimate.text()
    type_value(qtbot, window, "learning_rate", "0.0123")
    type_value(qtbot, window, "epochs", "9999")
    qtbot.wait(2 * QUIET)
    assert window.estimate.text() != once
    assert len(asked) == 1
    type_value(qtbot, window, "batch_size", "128")
    qtbot.waitUntil(lambda: len(asked) == 2, timeout=60_000)
    qtbot.wait(2 * QUIET)
    assert len(asked) == 2


@pytest.mark.slow
def test_no_steps_are_timed_while_a_run_trains_and_then_they_count_more_than_it(
    window: MainWindow, qtbot: QtBot
) -> None:
    asked: list[object] = []
    with qtbot.waitSignal(window.session.devices_found, timeout=30_000):
        window.session.find_devices()
    train(qtbot, window, epochs=1000)
    window.session.steps_timed.connect(lambda *arguments: asked.append(arguments))
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=30_000):
        pass
    window.form.changed.emit()
    qtbot.wait(2 * QUIET)
    assert not asked
    press(qtbot, window, "stopButton")
    wait_idle(qtbot, window)
    qtbot.waitUntil(lambda: "a few steps, timed" in window.estimate.toolTip(), timeout=60_000)
    assert len([timing for _, _, timing in asked if timing]) == 1


def test_the_chosen_threads_train_and_test_and_are_timed(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(
        "workbench.running.runner.run_experiment",
        lambda *_, **named: asked.append(named["threads"]),
    )
    monkeypatch.setattr(
        "workbench.running.runner.time_steps",
        lambda _experiment, _device, _stop, threads: (
            asked.append(("timed", threads)) or Timing(0.01, 0.001, threads=threads)
        ),
    )
    with qtbot.waitSignal(window.session.steps_timed, timeout=30_000):
        window.session.find_devices()
    box = window.threads_box
    box.setCurrentIndex(box.findData(1))
    qtbot.waitUntil(lambda: asked == [("timed", None), ("timed", 1)], timeout=30_000)
    qtbot.waitUntil(lambda: "CPU threads: 1" in window.estimate.toolTip(), timeout=5000)
    press(qtbot, window, "trainButton")
    assert box.isEnabled()  # for the next run
    wait_idle(qtbot, window)
    assert asked[2:] == [1]
    window.device_box.set_devices([("cuda:0", "H100"), ("cpu", "EPYC")])
    window.device_box.setCurrentIndex(window.device_box.findData("cuda:0"))
    assert not box.isEnabled()
    assert "GPU" in box.toolTip()


def test_a_slowed_run_goes_on_with_fewer_threads_where_the_person_wants_it(
    window: MainWindow, qtbot: QtBot
) -> None:
    train(qtbot, window, epochs=1000)
    slow = Slowdown(35.0, 130.0, 3, 2, 80.0)
    window.session.run_event.emit(window.session.run_key, Slowed(slow))
    assert find(window, "slowNotice").isVisible()
    with qtbot.waitSignal(window.session.run_event, **of_kind(Slowed), timeout=30_000) as said:
        press(qtbot, window, "fewerThreadsButton")
    assert said.args[1].slowdown is None
    assert not find(window, "slowNotice").isVisible()
    assert window.session.state == "training"
    press(qtbot, window, "stopButton")
    wait_idle(qtbot, window)
    (run,) = window.session.library.known()
    assert [entry["threads"] for entry in run.resumed] == [2]


def test_closing_while_steps_are_timed_leaves_nothing(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.session.devices_found, timeout=30_000):
        window.session.find_devices()
    qtbot.waitUntil(lambda: window.session._computing.locked(), timeout=5000)
    window.close()
    assert not window.isVisible()
    assert not window.session._beside
    window.form.changed.emit()
    qtbot.wait(2 * QUIET)
    assert not window.session._beside


def test_all_repeats_use_the_threads_that_were_chosen_at_their_start(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int | None] = []
    monkeypatch.setattr(window.session, "train", lambda *arguments: threads.append(arguments[5]))
    monkeypatch.setattr(
        window.repeats, "ask", lambda over, experiment, sample: window.repeats.start(experiment, 2)
    )
    window.session.threads = 1
    window._repeat()
    window.session.threads = 2  # the box stays on while a run trains
    window.repeats.run_ended(RunEnded("finished", 1, 1.0, run="/a/run"))
    window.repeats.go_on()
    assert threads == [1, 1]
    window.runs.train(window.form.experiment())
    assert threads == [1, 1, 2]


@pytest.mark.slow
def test_repeats_and_the_images_behind_a_cell(window: MainWindow, qtbot: QtBot) -> None:
    type_value(qtbot, window, "batch_size", "100")
    type_value(qtbot, window, "epochs", "1")
    window.repeats.start(window.form.experiment(), 2)
    qtbot.waitUntil(
        lambda: (
            [run.status for run in window.session.library.known()] == ["finished"] * 2
            and window.session.state == "idle"
        ),
        timeout=90_000,
    )
    seeds = sorted(run.experiment["seed"] for run in window.session.library.known())
    assert seeds == [0, 1]

    window.saved.view.selectAll()
    view = window.run_view
    view.tabs.setCurrentWidget(view.confusion)
    matrix = find(window, "confusionMatrix")
    matrix.setFocus()
    qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert view.tabs.currentWidget() is view.images
    qtbot.waitUntil(lambda: view.images.panel.picture.pixels is not None, timeout=30_000)
    first, second = view.images.true_box, view.images.predicted_box
    assert first.currentText() == second.currentText() != "all"
    assert "seed" in view.images.panel.others.text()  # the other of the two
    wait_idle(qtbot, window)

    view.tabs.setCurrentWidget(view.classes)
    assert find(window, "classesTable").rowCount() == 10
    view.tabs.setCurrentWidget(view.report)
    assert "sample" in find(window, "reportReason").text()
    press(qtbot, window, "compareButton")
    qtbot.waitUntil(lambda: find(window, "comparisonWindow").ready)
    assert "McNemar" in find(window, "comparisonSentence").text()
    find(window, "comparisonWindow").close()
