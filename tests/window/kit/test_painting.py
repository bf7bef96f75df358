"""A painter ends whatever is raised: one that is left open takes the program down."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from PySide6.QtGui import QImage, QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

import workbench.window
from workbench.window.kit.painting import painter_on, painting

FOLDER = Path(workbench.window.__file__).parent


class Broken(QWidget):
    painted = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self):
            Broken.painted += 1
            raise ValueError("of no use")


def test_what_a_paint_event_raises_goes_to_the_log(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    widget = Broken()
    qtbot.addWidget(widget)
    with caplog.at_level(logging.ERROR, "workbench"):
        for _ in range(3):
            widget.grab()
    assert Broken.painted == 3
    assert [record.getMessage() for record in caplog.records] == ["Broken could not be painted"]


def test_a_painter_on_an_image_has_ended_when_something_is_raised() -> None:
    image = QImage(4, 4, QImage.Format.Format_RGB32)
    with pytest.raises(ValueError, match="no use"), painter_on(image) as painter:
        raise ValueError("of no use")
    assert not painter.isActive()
    assert not image.paintingActive()


def test_every_painter_of_the_window_is_made_there() -> None:
    for path in FOLDER.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert path.name == "painting.py" or not re.search(r"\bQPainter\(", text), path
        for body in re.split(r"def paintEvent\(", text)[1:]:
            assert "with painting(self)" in body[:400], path
