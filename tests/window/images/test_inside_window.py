"""The look inside a network, on weights of each kind of network that is quick."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.running.test_inside import saved
from workbench.spec.experiment import experiment_from
from workbench.window.images.inside_window import InsideWindow
from workbench.window.images.tiles import columns_for
from workbench.window.kit.translation import Translation

IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


def open_on(qtbot: QtBot, path: Path) -> InsideWindow:
    window = InsideWindow()
    qtbot.addWidget(window)
    window.look_at(path, IMAGE, "001 · cat, recognized")
    window.show()
    qtbot.waitUntil(lambda: not window._reader.busy, timeout=20_000)
    return window


def test_filters_maps_and_saliency_are_shown(qtbot: QtBot, tmp_path: Path) -> None:
    window = open_on(qtbot, saved(tmp_path, experiment_from({"normalization": "half"})))
    assert window.image.pixels is not None
    assert window.saliency.pixels is not None
    before = window.saliency.pixels.copy()
    assert window.cam.pixels is not None
    assert window.layer_box.currentText() == "Filters of the first layer"
    assert window.tiles.pictures is not None
    filters = len(window.tiles.pictures)
    assert window.tiles.pictures.shape[3] == 3
    window.layer_box.setCurrentIndex(1)
    assert "Conv2d" in window.layer_box.currentText()
    assert window.tiles.pictures.shape == (filters, 32, 32, 3)
    assert "white is the highest value" in window.note.text()

    # Another class is explained, the layer stays chosen.
    other = (window.class_box.currentIndex() + 1) % 10
    window.class_box.setCurrentIndex(other)
    window.class_box.activated.emit(other)
    qtbot.waitUntil(lambda: not window._reader.busy, timeout=20_000)
    assert window.class_box.currentIndex() == other
    assert window.layer_box.currentIndex() == 1
    assert not np.array_equal(window.saliency.pixels, before)


def test_weights_that_are_gone_are_a_sentence(
    qtbot: QtBot, tmp_path: Path, qapp: QApplication
) -> None:
    window = open_on(qtbot, tmp_path / "gone.pkl")
    assert "gone.pkl" in window.head.text()
    assert window.image.pixels is None
    assert not window.layer_box.isEnabled()
    translation = Translation(qapp)
    translation.use("ko")
    qtbot.waitUntil(lambda: window.windowTitle() == "내부 보기")


@pytest.mark.parametrize(
    ("count", "tile", "room", "factor"),
    [
        (32, QSize(32, 32), QSize(560, 300), 2.0),
        (16, QSize(3, 3), QSize(560, 300), 30.0),
        (64, QSize(32, 32), QSize(200, 160), 0.57),
        (1, QSize(4, 4), QSize(560, 300), 24.0),  # no tile is larger than 96 pixels
    ],
)
def test_tiles_fill_the_room(count: int, tile: QSize, room: QSize, factor: float) -> None:
    found, enlarged = columns_for(count, tile, room)
    rows = -(-count // found)
    assert found * tile.width() * enlarged <= room.width()
    assert rows * tile.height() * enlarged <= room.height()
    assert enlarged == pytest.approx(factor, abs=0.03)
