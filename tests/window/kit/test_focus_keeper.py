"""A button that is pressed keeps the focus, also while it is off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QHBoxLayout, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from workbench.window.kit.focus_keeper import FocusKeeper
from workbench.window.kit.focus_ring import FocusRing


class Buttons(QWidget):
    """Three buttons in a row and one beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.keeper = FocusKeeper(self)
        self.row = QWidget()
        self.pressed: list[str] = []
        row = QHBoxLayout(self.row)
        outside = QHBoxLayout(self)
        outside.addWidget(self.row)
        for name in ("first", "second", "third", "other"):
            button = QPushButton(name)
            button.clicked.connect(lambda _, name=name: self.pressed.append(name))
            setattr(self, name, button)
            (outside if name == "other" else row).addWidget(button)


@pytest.fixture
def window(qtbot: QtBot) -> Buttons:
    window = Buttons()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    window.second.setFocus()
    qtbot.waitUntil(window.second.hasFocus)
    return window


def space() -> None:
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)


OFF: list[tuple[Callable[[Buttons], None], Callable[[Buttons], None]]] = [
    (lambda w: w.second.setEnabled(False), lambda w: w.second.setEnabled(True)),
    (lambda w: w.second.hide(), lambda w: w.second.show()),
    (lambda w: w.row.setEnabled(False), lambda w: w.row.setEnabled(True)),
    (lambda w: w.row.hide(), lambda w: w.row.show()),
]


@pytest.mark.parametrize(("off", "on"), OFF, ids=["off", "hidden", "row off", "row hidden"])
def test_the_focus_comes_back_and_presses_nothing_else_meanwhile(
    window: Buttons, off: Callable[[Buttons], None], on: Callable[[Buttons], None]
) -> None:
    off(window)
    space()
    assert window.pressed == []
    on(window)
    assert window.second.hasFocus()
    space()
    assert window.pressed == ["second"]


def test_whoever_moves_the_focus_meanwhile_keeps_it(window: Buttons) -> None:
    window.second.setEnabled(False)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert window.first.hasFocus()
    window.second.setEnabled(True)
    assert window.first.hasFocus()


def test_what_it_waits_at_may_be_turned_off_too(window: Buttons) -> None:
    window.second.setEnabled(False)
    window.row.setEnabled(False)
    space()
    assert window.pressed == []
    window.row.setEnabled(True)
    window.second.setEnabled(True)
    assert window.second.hasFocus()


def test_a_dialog_in_between_changes_nothing(window: Buttons, qtbot: QtBot) -> None:
    window.second.setEnabled(False)
    dialog = QDialog(window)
    QPushButton("ok", dialog)
    dialog.show()
    qtbot.waitUntil(dialog.isActiveWindow)
    dialog.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.second.setEnabled(True)
    assert window.second.hasFocus()


def test_what_is_turned_off_behind_a_dialog_keeps_its_place(window: Buttons, qtbot: QtBot) -> None:
    dialog = QDialog(window)
    QPushButton("ok", dialog)
    dialog.show()
    qtbot.waitUntil(dialog.isActiveWindow)
    window.second.setEnabled(False)
    dialog.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    space()
    assert window.pressed == []
    window.second.setEnabled(True)
    assert window.second.hasFocus()


def test_no_ring_is_drawn_where_the_focus_is_not(window: Buttons, qtbot: QtBot) -> None:
    ring = FocusRing(window)
    QTest.keyClick(window.second, Qt.Key.Key_Tab)
    assert window.third.hasFocus()
    (drawn,) = window.findChildren(QWidget, "focusRing")
    assert drawn.isVisible()
    window.third.setEnabled(False)  # Qt goes to the next one, and the keeper away from there
    assert not any(one.isVisible() for one in window.findChildren(QWidget, "focusRing"))
    window.third.setEnabled(True)
    (drawn,) = [one for one in window.findChildren(QWidget, "focusRing") if one.isVisible()]
    assert drawn.geometry().topLeft() == window.third.mapTo(window, QPoint(0, 0))
    ring.deleteLater()


def test_a_button_that_is_gone_is_forgotten(window: Buttons, qtbot: QtBot) -> None:
    window.second.setEnabled(False)
    window.second.deleteLater()
    qtbot.wait(10)
    QTest.keyClick(window, Qt.Key.Key_Tab)
    space()
    assert window.pressed
