"""Pages one behind the other need what the one that is seen needs."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from workbench.window.kit.fitting import Fitting
from workbench.window.kit.shown_page import ShownPage, ShownTab


def page(width: int, height: int) -> QWidget:
    words, room, made = QLabel("words that wrap " * 12), QWidget(), QWidget()
    words.setWordWrap(True)
    words.setAlignment(Qt.AlignmentFlag.AlignTop)
    room.setMinimumSize(width, height)
    layout = QVBoxLayout(made)
    layout.addWidget(words)
    layout.addWidget(room, 1)
    return made


@pytest.mark.parametrize("kind", [ShownPage, ShownTab])
def test_a_hidden_page_makes_nothing_scroll(qtbot: QtBot, kind: type) -> None:
    pages, content = kind(), QWidget()
    small, large = page(100, 60), page(600, 400)
    for number, each in enumerate((small, large)):
        pages.addWidget(each) if kind is ShownPage else pages.addTab(each, str(number))
    QVBoxLayout(content).addWidget(pages)
    place = Fitting(content)
    qtbot.addWidget(place)
    place.resize(300, 300)
    place.show()
    for shown, scrolls in ((0, False), (1, True), (0, False)):
        pages.setCurrentIndex(shown)
        qtbot.waitUntil(lambda s=scrolls: place.verticalScrollBar().isVisible() == s)
        QApplication.processEvents()
        assert (small.isVisible(), large.isVisible()) == (not scrolls, scrolls)
        assert place.horizontalScrollBar().isVisible() == scrolls
        words = (small, large)[shown].findChild(QLabel)
        assert words.height() >= words.heightForWidth(words.width())
    # What the page on show needs later it gets.
    small.layout().itemAt(1).widget().setMinimumHeight(500)
    qtbot.waitUntil(place.verticalScrollBar().isVisible)
