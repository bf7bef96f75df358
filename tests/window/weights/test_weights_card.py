"""The card of the weights in use."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from workbench.window.weights.weights_card import WeightsCard, fitted, notes_text, result_text

PATH = "/a/very/long/way/to/the/library/mlp_weight_007.pkl"


def card(qtbot: QtBot) -> WeightsCard:
    widget = WeightsCard()
    qtbot.addWidget(widget)
    widget.resize(340, widget.sizeHint().height())
    widget.show()
    return widget


def test_results() -> None:
    assert result_text(70.206, 10_000, "CIFAR-10", False) == "70.21% of 10,000 on CIFAR-10"
    assert result_text(97.6, 2_000, "sample", True) == "97.60% of 2,000"
    assert result_text(math.nan, 0, "x", False) == "– of 0 on x"


def test_lines_and_notes_take_the_room_they_have() -> None:
    assert fitted([], 3) == ["", "", ""]
    assert fitted(["a"], 3) == ["a", "", ""]
    assert fitted(["a", "b", "c", "d"], 3) == ["a", "b", "c · d"]
    assert notes_text([]) == ""
    assert notes_text(["a"]) == "a"
    assert notes_text(["a", "b"]) == "2 notes: a"


def test_nothing_loaded_says_what_to_do(qtbot: QtBot) -> None:
    widget = card(qtbot)
    assert widget.empty.isVisible()
    assert "open a .pkl file" in widget.empty.text()
    assert not widget.test_button.isEnabled()
    assert widget.test_button.toolTip() == "Load weights first."


def test_weights_are_loaded_and_tested_and_nothing_moves(qtbot: QtBot) -> None:
    widget = card(qtbot)
    # One line while there are none: the room is the table's.
    assert widget.sizeHint().height() < 3 * widget.fontMetrics().height()
    widget.show_weights(PATH, "007 Adam", ["3 epochs", "CIFAR-10"], ["ReLU is assumed.", "x"])
    qtbot.wait(1)
    size, place = widget.sizeHint().height(), widget.test_button.y()
    assert not widget.empty.isVisible()
    assert widget.lines[0].text() == "mlp_weight_007.pkl"
    assert PATH in widget.lines[0].toolTip()
    assert widget.notes.text() == "2 notes: ReLU is assumed."
    assert "x" in widget.notes.toolTip()
    with qtbot.waitSignal(widget.test_requested):
        QTest.mouseClick(widget.test_button, Qt.MouseButton.LeftButton)
    widget.set_testing(2_500, 10_000)
    assert widget.progress.isVisible()
    assert widget.result.text() == "2,500 of 10,000 images"
    assert not widget.test_button.isEnabled()
    widget.set_result(70.21, 7_021, 10_000, "CIFAR-10", False)
    assert not widget.progress.isVisible()
    assert widget.result.text() == "70.21% of 10,000 on CIFAR-10"
    assert not widget.sample.isVisible()
    assert widget.test_button.isEnabled()
    qtbot.wait(1)
    assert (widget.sizeHint().height(), widget.test_button.y()) == (size, place)


def test_a_figure_on_sample_data_says_so(qtbot: QtBot) -> None:
    widget = card(qtbot)
    widget.show_weights(PATH, "007 Adam", [], [])
    widget.set_result(97.6, 1_952, 2_000, "sample", True)
    assert widget.sample.isVisible()
    assert "sample" in widget.result.accessibleName()
    widget.set_testing(1, 2_000)
    assert not widget.sample.isVisible()


def test_a_test_that_was_cancelled_leaves_the_earlier_result(qtbot: QtBot) -> None:
    widget = card(qtbot)
    widget.show_weights(PATH, "007 Adam", [], [])
    widget.set_result(70.21, 7_021, 10_000, "CIFAR-10", False)
    widget.set_testing(1, 2)
    widget.set_testing(0, 0)
    assert widget.result.text() == "70.21% of 10,000 on CIFAR-10"
    widget.show_weights(PATH, "other", [], [])
    assert widget.result.text() == ""
    widget.clear()
    assert widget.empty.isVisible()
    assert widget.title.text() == ""


def test_off_with_the_reason(qtbot: QtBot) -> None:
    widget = card(qtbot)
    widget.show_weights(PATH, "007 Adam", [], [])
    widget.set_enabled(False, "A run is training.")
    assert not widget.test_button.isEnabled()
    assert widget.test_button.toolTip() == "A run is training."
    widget.set_enabled(True)
    assert widget.test_button.isEnabled()


def test_a_long_title_is_cut_and_told_whole(qtbot: QtBot) -> None:
    widget = card(qtbot)
    widget.show_weights(PATH, "<b>느린 실험 🙂</b>" * 30, ["line"] * 20, ["note " * 100])
    widget.grab()
    assert widget.width() == 340
    assert "note note" in widget.notes.toolTip()
    QApplication.sendEvent(widget, QEvent(QEvent.Type.LanguageChange))
    assert widget.test_button.text() == "Test"
