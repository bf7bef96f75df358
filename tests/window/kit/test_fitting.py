"""Content fills its place, shrinks as far as it can, and scrolls below that."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from workbench.window.kit.fitting import Fitting


def test_it_fills_then_shrinks_then_scrolls(qtbot: QtBot) -> None:
    content, room = QWidget(), QWidget()
    words = QLabel("words that wrap " * 20)
    words.setWordWrap(True)
    room.setMinimumSize(300, 200)
    layout = QVBoxLayout(content)
    layout.addWidget(words)
    layout.addWidget(room, 1)
    place = Fitting(content)
    qtbot.addWidget(place)
    place.show()
    for size in ((800, 700), (500, 420)):
        place.resize(*size)
        QApplication.processEvents()
        assert content.size() == place.size()
        assert not place.verticalScrollBar().isVisible()
        assert not place.horizontalScrollBar().isVisible()
    place.resize(400, 150)
    QApplication.processEvents()
    assert place.verticalScrollBar().isVisible()
    assert not place.horizontalScrollBar().isVisible()
    assert room.height() >= 200
    place.resize(200, 150)
    QApplication.processEvents()
    assert place.horizontalScrollBar().isVisible()
    # What needs more room later gets it.
    place.resize(800, 300)
    room.setMinimumHeight(500)
    QApplication.processEvents()
    assert room.height() >= 500
