"""While a run trains the next one is prepared; questions about a run go with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QMessageBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.library.interrupted import interrupted_run
from tests.library.made_runs import make_run
from tests.window.heard import of_kind
from workbench.data.datasets import DataSet
from workbench.engine.events import EpochDone, RunStarted
from workbench.library.catalog import Library
from workbench.library.run_folder import read_record
from workbench.spec.experiment import experiment_from
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import Translation
from workbench.window.main_window import MainWindow
from workbench.window.work.activity import Activity


def opened(qtbot: QtBot, theme: Theme, translation: Translation) -> MainWindow:
    window = MainWindow(Library(), Settings(), theme, translation)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


def closed(window: MainWindow) -> None:
    window._quit_after = True
    window.session.cancel()
    assert window.session.wait(10_000)
    window.close()
    window.deleteLater()


@pytest.fixture
def translation(qapp: QApplication) -> Iterator[Translation]:
    translation = Translation(qapp)
    yield translation
    translation.use("en")


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, translation: Translation) -> Iterator[MainWindow]:
    window = opened(qtbot, theme, translation)
    yield window
    closed(window)


def find(window: QWidget, name: str, kind: type = QWidget) -> Any:
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


def press(qtbot: QtBot, window: QWidget, name: str) -> None:
    button = find(window, name, QAbstractButton)
    assert button.isEnabled(), f"{name} is off: {button.toolTip()}"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def train(qtbot: QtBot, window: MainWindow, epochs: int) -> None:
    window.form.set_experiment(experiment_from({"epochs": epochs, "batch_size": 100}))
    press(qtbot, window, "trainButton")
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=60_000):
        pass


def wait_idle(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.session.state == "idle", timeout=30_000)


@pytest.mark.slow
def test_the_next_run_is_prepared_and_the_running_one_stays_as_it_is(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.presets.select("007")
    train(qtbot, window, epochs=1000)
    header = window.run_view.header
    assert find(header, "runName", QLabel).text() == "007 · Adam"
    assert "1,000 epochs" in find(header, "runName", QLabel).toolTip()
    before = read_record(Path(window.run_view.run.folder))
    window.presets.list.setFocus()
    QTest.keyClick(window.presets.list, Qt.Key.Key_Down)
    assert window.presets.current().id == "008"  # type: ignore[union-attr]
    assert "BN" in window.presets.note.text() or "batch" in window.presets.note.text()
    field = find(window, "hyperparameter_epochs", QLineEdit)
    field.selectAll()
    QTest.keyClicks(field, "2")
    assert find(window, "datasetButton").isEnabled()
    assert find(window, "deviceBox").isEnabled()
    # Only Train waits, and what would read other data beside the run.
    assert not find(window, "trainButton").isEnabled()
    assert not window.data_button._folder.isEnabled()
    with qtbot.waitSignal(window.session.run_event, **of_kind(EpochDone), timeout=60_000):
        pass
    assert find(header, "runName", QLabel).text() == "007 · Adam"
    assert window.run_view.shows_live
    press(qtbot, window, "stopButton")
    wait_idle(qtbot, window)
    after = read_record(before.folder)
    assert (after.preset, after.experiment, after.device) == (
        *("007", before.experiment, before.device),
    )
    # What was prepared is there, and trains.
    experiment = window.form.experiment()
    assert experiment is not None
    assert (window.presets.current().id, experiment.epochs) == ("008", 2)  # type: ignore[union-attr]
    assert find(window, "trainButton").isEnabled()


@pytest.mark.slow
def test_repeats_go_on_as_they_were_begun(window: MainWindow, qtbot: QtBot) -> None:
    window.presets.select("007")
    window.form.set_experiment(experiment_from({"epochs": 1, "batch_size": 500}))
    window.actions_.repeat.trigger()
    dialog = find(window, "repeatDialog")
    dialog.setIntValue(2)
    with qtbot.waitSignal(window.session.run_event, **of_kind(RunStarted), timeout=60_000):
        dialog.accept()
    window.presets.select("002")
    qtbot.waitUntil(
        lambda: not window.repeats.waiting and window.session.state == "idle", timeout=60_000
    )
    assert [run.preset for run in Library().runs()] == ["007", "007"]


@pytest.mark.slow
@pytest.mark.parametrize("ask", ["cancelQuestion", "quitQuestion"])
def test_a_question_about_a_run_goes_with_the_run(
    ask: str, window: MainWindow, qtbot: QtBot
) -> None:
    train(qtbot, window, epochs=1000)
    if ask == "quitQuestion":
        window.close()
    else:
        press(qtbot, window, "cancelButton")
    assert find(window, ask, QMessageBox).isVisible()
    window.session.stop()  # as early stopping would, or its last epoch
    wait_idle(qtbot, window)
    box = window.findChild(QMessageBox, ask)
    assert box is None or not box.isVisible()
    assert window.isVisible()
    assert len(Library().runs()) == 1


@pytest.mark.slow
def test_go_on_has_the_icon_of_going_on(window: MainWindow, qtbot: QtBot) -> None:
    def picture() -> bytes:
        image = window.actions_.pause.icon().pixmap(16, 16).toImage()
        return bytes(image.constBits())

    pausing = picture()
    train(qtbot, window, epochs=1000)
    press(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.session.state == "paused")
    assert window.actions_.pause.text() == "Resume"
    assert picture() != pausing
    press(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.session.state == "training")
    assert picture() == pausing


@pytest.mark.slow
def test_the_button_that_was_pressed_keeps_the_focus(window: MainWindow, qtbot: QtBot) -> None:
    button = find(window, "trainButton", QAbstractButton)
    window.form.set_experiment(experiment_from({"epochs": 1, "batch_size": 500}))
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not button.isEnabled())
    focused = QApplication.focusWidget()
    assert not isinstance(focused, QAbstractButton)
    QTest.keyClick(focused, Qt.Key.Key_Space)  # presses nothing
    wait_idle(qtbot, window)
    assert button.hasFocus()
    (run,) = Library().runs()
    assert run.status == "finished"
    window.saved.select_run(run.folder)
    load = find(window, "loadWeightsButton")
    load.setFocus()
    QTest.keyClick(load, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.weights.path is not None, timeout=20_000)
    wait_idle(qtbot, window)
    assert load.hasFocus()


def test_resuming_is_given_up_and_the_run_can_be_loaded(
    qtbot: QtBot, theme: Theme, translation: Translation, small: DataSet
) -> None:
    run = interrupted_run(Library(), small)
    window = opened(qtbot, theme, translation)
    window.saved.select_run(run.folder)
    button = find(window, "giveUpRunButton")
    assert not find(window, "loadWeightsButton").isVisible()
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    box = find(window, "giveUpQuestion", QMessageBox)
    with qtbot.waitSignal(window.session.resuming_given_up, timeout=20_000):
        press(qtbot, box, "giveUpButton")
    assert read_record(run.folder).status == "stopped"
    press(qtbot, window, "loadWeightsButton")
    qtbot.waitUntil(lambda: window.weights.path is not None, timeout=20_000)
    wait_idle(qtbot, window)
    window.saved.run_actions.undo.trigger()
    assert read_record(run.folder).status == "interrupted"
    assert find(window, "resumeRunButton").isVisible()
    closed(window)


def test_give_up_and_delete_wait_while_a_run_loads(window: MainWindow, qtbot: QtBot) -> None:
    for state, off in (("loading", True), ("training", False), ("idle", False)):
        window.session._set_state(Activity(state))
        for name in ("give_up", "delete"):
            assert bool(window.saved.run_actions._off.get(name)) is off


# --- after a crash -----------------------------------------------------------------------


@pytest.mark.slow
def test_after_a_crash_the_window_offers_to_resume(
    qtbot: QtBot, theme: Theme, translation: Translation, small: DataSet
) -> None:
    library = Library()
    older, newest = interrupted_run(library, small), interrupted_run(library, small)
    library.rename(newest, "mine")
    window = opened(qtbot, theme, translation)
    bar = window.interrupted
    assert bar.isVisible()
    assert bar.text.text() == "001 mine was interrupted at epoch 2 of 3."
    assert bar.others.text() == "1 more"
    translation.use("ko")
    qtbot.waitUntil(lambda: bar.text.text() == "001 mine: 에포크 2/3에서 중단되었습니다.")
    translation.use("en")
    qtbot.waitUntil(lambda: bar.others.text() == "1 more")
    press(qtbot, window, "otherInterruptedButton")
    assert window.saved.search.text() == "status:interrupted"
    assert window.saved.table.rowCount() == 2
    with qtbot.waitSignal(bar.resume_requested) as asked:
        press(qtbot, window, "resumeInterruptedButton")
    assert asked.args[0].id == newest.id
    wait_idle(qtbot, window)  # on other images than these: refused
    library.trash(library.runs()[0])
    window.saved.refresh()
    assert bar.text.text().startswith("001 First was")
    assert older.id != newest.id
    press(qtbot, window, "dismissInterruptedButton")
    assert not bar.isVisible()
    closed(window)
    # What was dismissed does not come back.
    window = opened(qtbot, theme, translation)
    assert not window.interrupted.isVisible()
    closed(window)


def test_without_a_crash_there_is_no_bar(window: MainWindow) -> None:
    assert not window.interrupted.isVisible()


# --- try an image --------------------------------------------------------------------------


@pytest.mark.slow
def test_an_image_takes_the_finished_run_s_weights(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    assert not window.actions_.try_image.isEnabled()
    window.form.set_experiment(experiment_from({"epochs": 1, "batch_size": 500}))
    press(qtbot, window, "trainButton")
    qtbot.waitUntil(lambda: window.session.running)
    wait_idle(qtbot, window)
    assert window.weights.path is None
    assert window.actions_.try_image.isEnabled()
    path = tmp_path / "wide.png"
    Image.new("RGB", (80, 40), "red").save(path)
    window.trial.begin(path)
    qtbot.waitUntil(lambda: bool(window.findChildren(QWidget, "ownImageWindow")), timeout=20_000)
    own = find(window, "ownImageWindow")
    qtbot.waitUntil(lambda: own.picture.pixels is not None, timeout=20_000)
    (run,) = Library().runs()
    assert window.weights.path == run.folder / str(run.weights)
    assert "wide.png" in own.verdict.text()
    own.close()


# --- windows and the keyboard ----------------------------------------------------------------


def test_windows_of_their_own_open_over_the_main_window(window: MainWindow, qtbot: QtBot) -> None:
    library = window.session.library
    make_run(library, "001", (20, 25), status="finished")
    make_run(library, "002", (20, 25), status="finished")
    window.move(300, 20)
    screen = window.screen().availableGeometry()
    for opened_window in (
        window.result_windows.compare(library.runs()),
        window.result_windows.tell_story(),
    ):
        place = opened_window.frameGeometry()
        assert screen.contains(place)
        opened_window.close()


def test_every_stop_of_the_tab_key_is_seen(window: MainWindow, qtbot: QtBot) -> None:
    make_run(window.session.library, "001", (20, 25), status="finished")
    window.saved.refresh()
    window.saved.select_run(window.session.library.runs()[0].folder)
    window.saved.run_actions.open.trigger()
    window.presets.list.setFocus(Qt.FocusReason.TabFocusReason)
    for scheme in ("light", "dark"):
        window._theme.choose(scheme)
        seen: set[int] = set()
        for index in range(window.run_view.tabs.count()):
            window.run_view.tabs.setCurrentIndex(index)
            window.run_view.tabs.tabBar().setFocus(Qt.FocusReason.TabFocusReason)
            for _ in range(60):
                QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
                focused = QApplication.focusWidget()
                if id(focused) in seen:
                    continue
                seen.add(id(focused))
                ring = find(window, "focusRing")
                name = f"{type(focused).__name__} {focused.objectName()}"
                assert ring.isVisible(), name
                assert _around(focused).intersects(ring.geometry()), name
        assert len(seen) > 25
    window._theme.choose("light")


def _around(widget: QWidget) -> QRect:
    return QRect(widget.mapTo(widget.window(), widget.rect().topLeft()), widget.size())


def test_a_click_needs_no_ring(window: MainWindow, qtbot: QtBot) -> None:
    window.presets.list.setFocus(Qt.FocusReason.TabFocusReason)
    assert find(window, "focusRing").isVisible()
    QTest.mousePress(window.saved.search, Qt.MouseButton.LeftButton)
    visible = find(window, "focusRing").isVisible()
    QTest.mouseRelease(window.saved.search, Qt.MouseButton.LeftButton)
    assert not visible


def test_a_dialog_has_the_ring_too(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.about.trigger()
    box = find(window, "aboutBox", QMessageBox)
    qtbot.waitUntil(box.isActiveWindow)
    QTest.keyClick(box, Qt.Key.Key_Tab)
    assert box.findChild(QWidget, "focusRing") is not None
    box.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.presets.list.setFocus()
    assert find(window, "focusRing").isVisible()
