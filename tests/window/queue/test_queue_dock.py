"""The queue in the window, through what a user touches."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QListView,
    QMessageBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.library.made_runs import make_run
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.queue_entry import Entry
from workbench.library.queue_runners import queue_processes
from workbench.library.run_folder import read_record
from workbench.messages import Message
from workbench.running.queue_runner import QueueRunner
from workbench.running.requests import is_paused
from workbench.spec.experiment import with_changes
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import Translation
from workbench.window.main_window import MainWindow
from workbench.window.queue.entry_dialog import EntryDialog
from workbench.window.queue.queue_model import ROW

LONG = 60_000
LEFT = Qt.MouseButton.LeftButton
Keys = Qt.KeyboardModifier


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, theme: Theme, home: Path) -> Iterator[MainWindow]:
    window = MainWindow(Library(), Settings(), theme, Translation(qapp))
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    if window.isVisible():
        if window.queue.work.at_work:
            window.queue.work.leave(window.close)
        window.close()
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG)
    qtbot.waitUntil(lambda: not window.queue.work.at_work, timeout=LONG)
    window.deleteLater()


def find(window: QWidget, name: str, kind: type = QWidget) -> Any:
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


def press(qtbot: QtBot, window: QWidget, name: str, keys: Keys = Keys.NoModifier) -> None:
    button = find(window, name, QAbstractButton)
    assert button.isEnabled(), f"{name} is off: {button.toolTip()}"
    qtbot.mouseClick(button, LEFT, keys)


def entries(window: MainWindow) -> list[Entry]:
    return list(window.queue.work.look.entries)


def add(qtbot: QtBot, window: MainWindow, *seeds: int, **changes: Any) -> None:
    """Press *Add to queue* for each seed."""
    for seed in seeds:
        before = len(entries(window))
        begin = window.presets.current().experiment  # type: ignore[union-attr]
        window.form.set_experiment(with_changes(begin, {"seed": seed, **changes}))
        press(qtbot, window, "enqueueButton")
        qtbot.waitUntil(lambda n=before: len(entries(window)) == n + 1, timeout=5000)


def seeds_of(window: MainWindow) -> list[int]:
    return [entry.experiment["seed"] for entry in entries(window)]


def select(window: MainWindow, row: int) -> None:
    view = window.queue.panel.view
    view.setCurrentIndex(view.model().index(row, 0))


def text_of(window: MainWindow, row: int) -> str:
    model = window.queue.panel.model
    return str(model.data(model.index(row)))


def test_the_queue_says_what_to_do_while_it_is_empty(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.show_queue.trigger()
    qtbot.waitUntil(lambda: window.queue.work.known)
    empty = find(window, "queueEmpty", QLabel)
    assert empty.isVisible()
    assert "Add to queue" in empty.text()
    assert not find(window, "queueStart").isEnabled()


def test_add_by_button_and_by_shift_and_train(window: MainWindow, qtbot: QtBot) -> None:
    add(qtbot, window, 3)
    assert find(window, "queueList").isVisible()
    press(qtbot, window, "trainButton", Keys.ShiftModifier)
    qtbot.waitUntil(lambda: len(entries(window)) == 2, timeout=5000)
    assert not window.session.busy
    assert "007" in text_of(window, 0)
    assert "Seed 3" in text_of(window, 0)
    assert "Sample data" in text_of(window, 0)
    assert find(window, "queueStart").isEnabled()


def test_order_duplicate_and_remove(window: MainWindow, qtbot: QtBot) -> None:
    add(qtbot, window, 1, 2, 3)
    view = find(window, "queueList", QListView)
    select(window, 0)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Down, Keys.AltModifier)
    qtbot.waitUntil(lambda: seeds_of(window) == [2, 1, 3], timeout=5000)
    assert [entry.experiment["seed"] for entry in window.queue.panel.selected()] == [1]

    model = window.queue.panel.model  # dropped before all others
    dragged = model.mimeData([model.index(2)])
    model.dropMimeData(dragged, Qt.DropAction.MoveAction, 0, 0, QModelIndex())
    qtbot.waitUntil(lambda: seeds_of(window) == [3, 2, 1], timeout=5000)

    select(window, 1)
    press(qtbot, window, "queueDuplicateButton")
    qtbot.waitUntil(lambda: seeds_of(window) == [3, 2, 1, 2], timeout=5000)
    select(window, 0)
    press(qtbot, window, "queueRemoveButton")
    qtbot.waitUntil(lambda: seeds_of(window) == [2, 1, 2], timeout=5000)
    assert [e.experiment["seed"] for e in Queue(Library().path).entries()] == [2, 1, 2]


def test_edit_replaces_what_an_entry_trains(window: MainWindow, qtbot: QtBot) -> None:
    add(qtbot, window, 1)
    select(window, 0)
    press(qtbot, window, "queueEditButton")
    dialog = find(window, "entryDialog", EntryDialog)
    field = find(dialog, "hyperparameter_learning_rate", QLineEdit)
    field.setText("-1")
    field.textEdited.emit("-1")
    assert not dialog.save.isEnabled()
    assert "greater than 0" in dialog.problem.text()
    field.setText("0.25")
    field.textEdited.emit("0.25")
    press(qtbot, dialog, "entrySaveButton")
    qtbot.waitUntil(lambda: entries(window)[0].experiment["learning_rate"] == 0.25, timeout=5000)
    assert "Learning rate 0.25" in text_of(window, 0)


def test_what_others_do_with_the_queue_is_seen(window: MainWindow, qtbot: QtBot) -> None:
    """Another process fails an entry, and one of its entries cannot be read."""
    add(qtbot, window, 1, 2)
    claim = Queue(Library().path).claim()
    assert claim is not None
    run = make_run(Library(), "007", [50.0])
    claim.set_run(run.id)
    claim.set_state("failed", Message("The disk is full."))
    claim.release()
    (Queue(Library().path).path / "2.json").write_text("{")
    qtbot.waitUntil(lambda: len(entries(window)) == 1, timeout=5000)
    row = window.queue.panel.model.data(window.queue.panel.model.index(0), ROW)
    assert row.why == "The disk is full."
    assert row.kind == "problem"
    assert "cannot be read" in find(window, "queueState", QLabel).text()
    select(window, 0)
    assert not find(window, "queueEditButton").isEnabled()
    assert find(window, "queueAgainButton").isEnabled()


# --- with workers ----------------------------------------------------------------------


def start(qtbot: QtBot, window: MainWindow, workers: int) -> None:
    window.queue.panel.workers.setValue(workers)
    press(qtbot, window, "queueStart")


def answer(qtbot: QtBot, window: MainWindow, button: str) -> None:
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "queueQuestion") is not None)
    box = find(window, "queueQuestion", QMessageBox)
    qtbot.mouseClick(find(box, button, QAbstractButton), LEFT)


@pytest.mark.slow
def test_two_workers_train_while_any_run_is_watched_paused_and_stopped(
    window: MainWindow, qtbot: QtBot
) -> None:
    add(qtbot, window, 1, epochs=1000)
    add(qtbot, window, 2, 3, epochs=1, batch_size=100)
    start(qtbot, window, 2)
    qtbot.waitUntil(lambda: bool(entries(window)[0].run), timeout=LONG)
    qtbot.waitUntil(lambda: window.queue.work.live(entries(window)[0]) is not None, timeout=LONG)
    select(window, 0)
    window.queue.panel.open.trigger()
    view = window.run_view
    assert view.shows_live
    qtbot.waitUntil(lambda: view.live.step_count() > 0, timeout=LONG)
    folder = Path(view.run.folder)  # type: ignore[union-attr]
    press(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.actions_.pause.text() == "Resume", timeout=LONG)
    assert is_paused(folder)
    press(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.actions_.pause.text() == "Pause", timeout=LONG)
    press(qtbot, window, "stopButton")
    qtbot.waitUntil(lambda: not window.queue.work.at_work, timeout=LONG)
    qtbot.waitUntil(lambda: all(e.state != "running" for e in entries(window)), timeout=LONG)
    assert [entry.state for entry in entries(window)] == ["stopped", "finished", "finished"]
    assert read_record(folder).status == "stopped"
    assert not len(window.live_runs)


@pytest.mark.slow
def test_a_run_that_another_process_trains_obeys_the_buttons(
    window: MainWindow, qtbot: QtBot
) -> None:
    add(qtbot, window, 1, epochs=1000)
    runner = QueueRunner(Library(), executor="in_process")
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        qtbot.waitUntil(lambda: bool(entries(window)[0].run), timeout=LONG)
        assert not find(window, "queueStart").isEnabled()
        folder = Library().path / str(entries(window)[0].run)
        qtbot.waitUntil((folder / "run.json").is_file, timeout=LONG)
        window._open_run(read_record(folder))
        press(qtbot, window, "pauseButton")
        qtbot.waitUntil(lambda: window.actions_.pause.text() == "Resume", timeout=LONG)
        press(qtbot, window, "pauseButton")
        qtbot.waitUntil(lambda: window.actions_.pause.text() == "Pause", timeout=LONG)
        press(qtbot, window, "cancelButton")
        box = find(window, "cancelQuestion", QMessageBox)
        qtbot.mouseClick(find(box, "discardButton", QAbstractButton), LEFT)
        qtbot.waitUntil(lambda: not folder.exists(), timeout=LONG)
    finally:
        runner.stop()
        thread.join()


@pytest.mark.slow
def test_quitting_keeps_the_queue_or_leaves_it_to_the_background(
    window: MainWindow, qtbot: QtBot
) -> None:
    add(qtbot, window, 1, epochs=1000)
    start(qtbot, window, 1)
    qtbot.waitUntil(lambda: bool(entries(window)[0].run), timeout=LONG)
    window.close()
    answer(qtbot, window, "stayButton")
    assert window.isVisible()
    assert window.queue.work.at_work
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "queueQuestion") is None)
    window.close()
    answer(qtbot, window, "backgroundButton")
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG)
    (process,) = queue_processes(Library().path)
    assert process.log is not None
    queue = Queue(Library().path)
    qtbot.waitUntil(lambda: queue.entries()[0].state == "running", timeout=LONG)
    queue.ask("stop")
    qtbot.waitUntil(lambda: not queue_processes(Library().path), timeout=LONG)
    (entry,) = queue.entries()
    assert entry.state == "waiting"
    assert entry.run is not None
    assert len(Library().runs()) == 1
