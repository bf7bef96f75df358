"""The log, through what a person touches."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton, QWidget

from tests.window.run.test_confusion_view import save_as
from workbench.window.run.log_view import LINES, LogView


@pytest.fixture
def view(qtbot) -> LogView:
    view = LogView()
    qtbot.addWidget(view)
    view.resize(620, 400)
    view.show()
    # The offscreen platform gives the focus, and with it shortcuts, only to the active window.
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    return view


def log(view: LogView) -> QPlainTextEdit:
    return view.findChild(QPlainTextEdit, "logView")


def button(view: LogView, name: str) -> QPushButton:
    return view.findChild(QPushButton, name)


def at_end(view: LogView) -> bool:
    bar = log(view).verticalScrollBar()
    return bar.value() == bar.maximum()


def top_line(view: LogView) -> str:
    return log(view).firstVisibleBlock().text()


def numbered(first: int, last: int) -> list[str]:
    return [f"line {i}" for i in range(first, last)]


def marked(view: LogView) -> str:
    return "".join(mark.cursor.selectedText() for mark in log(view).extraSelections())


def test_empty_says_what_will_be_here(view):
    assert "appear here while a run trains" in log(view).placeholderText()
    assert not button(view, "logCopyButton").isEnabled()
    view.append([])
    assert log(view).toPlainText() == ""
    metrics = log(view).fontMetrics()
    assert metrics.horizontalAdvance("iiii") == metrics.horizontalAdvance("WWWW")


def test_it_follows_the_end_until_the_person_scrolls_up(view, qtbot):
    view.append(numbered(0, 200))
    assert at_end(view)
    qtbot.keyClick(log(view), Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    view.append(numbered(200, 300))
    assert top_line(view) == "line 0"
    qtbot.keyClick(log(view), Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    view.append(numbered(300, 301))
    assert at_end(view)


def test_it_follows_before_it_is_ever_shown(qtbot):
    view = LogView()
    qtbot.addWidget(view)
    view.append(numbered(0, 200))
    view.resize(620, 400)
    view.show()
    qtbot.waitUntil(lambda: at_end(view))
    assert top_line(view) != "line 0"


def test_it_follows_when_there_is_less_room(view, qtbot):
    view.append(numbered(0, 200))
    view.resize(620, 200)
    qtbot.waitUntil(lambda: at_end(view))
    view.open_find()
    qtbot.waitUntil(lambda: at_end(view))


def test_days_of_training_stay_light_and_in_place(view):
    view.append(numbered(0, LINES + 500))
    assert log(view).blockCount() == LINES
    assert "log.txt" in view.findChild(QLabel, "logNote").text()
    log(view).verticalScrollBar().setValue(5000)
    read = top_line(view)
    view.append(numbered(LINES + 500, LINES + 600))
    assert top_line(view) == read
    view.clear()
    assert view.findChild(QLabel, "logNote").text() == ""


def test_the_text_of_a_saved_run_replaces_everything(view):
    view.append(numbered(0, 10))
    view.set_text("\n".join(numbered(0, 400)) + "\n")
    assert log(view).blockCount() == 400
    assert at_end(view)
    view.append(["and on"])
    assert log(view).toPlainText().endswith("line 399\nand on")


def test_copy_all(view, qtbot):
    view.append(["Epoch 1/3, iteration 0: loss nan, 0.00 s", "정확도"])
    qtbot.mouseClick(button(view, "logCopyButton"), Qt.MouseButton.LeftButton)
    wanted = "Epoch 1/3, iteration 0: loss nan, 0.00 s\n정확도\n"
    assert QGuiApplication.clipboard().text() == wanted
    assert "2 lines" in view.findChild(QLabel, "logNote").text()


def test_save(view, qtbot, tmp_path):
    view.append(["one", "둘"])
    qtbot.mouseClick(button(view, "logSaveButton"), Qt.MouseButton.LeftButton)
    save_as(qtbot, view, tmp_path / "kept")
    assert (tmp_path / "kept.txt").read_text(encoding="utf-8") == "one\n둘\n"


def test_a_save_that_fails_says_so(view, qtbot, tmp_path):
    with qtbot.waitSignal(view.problem) as heard:
        view._write(tmp_path / "no such folder" / "log.txt", "text")
    assert "cannot be written" in heard.args[0]


def test_find(view, qtbot):
    view.append(["loss 1", "accuracy 10", "loss 2", "accuracy 20"])
    log(view).setFocus()
    row = view.findChild(QWidget, "logFindRow")
    assert not row.isVisible()
    qtbot.keyClick(log(view), Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    field = view.findChild(QLineEdit, "logFindField")
    assert row.isVisible()
    assert field.hasFocus()

    def line() -> str:
        return log(view).textCursor().block().text()

    qtbot.keyClicks(field, "ACC")
    first = line()
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert {first, line()} == {"accuracy 10", "accuracy 20"}
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert line() == first
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.keyClick(field, Qt.Key.Key_Return)  # around the end
    assert line() == first
    assert marked(view).lower() == "acc"
    qtbot.keyClicks(field, "x")
    assert view.findChild(QLabel, "logFindResult").text() == "Not found"
    assert marked(view) == ""
    qtbot.keyClick(field, Qt.Key.Key_Backspace)
    assert view.findChild(QLabel, "logFindResult").text() == ""
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert not row.isVisible()
    assert log(view).hasFocus()
    assert log(view).textCursor().selectedText().lower() == "acc"
    assert marked(view) == ""
