"""An image of one's own: opened, dropped, pasted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from workbench.data.data_choice import CIFAR10_CLASSES
from workbench.engine.networks import build_network
from workbench.library.catalog import Library
from workbench.library.weights import Weights, save_weights
from workbench.spec.experiment import experiment_from
from workbench.window.weights.own_image_window import OwnImageWindow
from workbench.window.work.activity import Activity
from workbench.window.work.session import Session


@pytest.fixture
def window(tmp_path: Path, qtbot: QtBot) -> Iterator[OwnImageWindow]:
    torch.manual_seed(0)
    experiment = experiment_from({})
    weights = tmp_path / "weights.pkl"
    save_weights(
        weights, Weights(experiment, CIFAR10_CLASSES, build_network(experiment, 10).state_dict())
    )
    session = Session(Library(tmp_path / "library"))
    window = OwnImageWindow(session)
    qtbot.addWidget(window)
    window.set_weights(weights, "weights.pkl (007)", "cpu")
    window.show()
    yield window
    session.cancel()
    assert session.wait(10_000)
    session.deleteLater()


def answered(window: OwnImageWindow, qtbot: QtBot) -> str:
    qtbot.waitUntil(lambda: not window._waiting and not window._session.busy, timeout=20_000)
    return window.verdict.text()


def test_an_opened_file(window: OwnImageWindow, qtbot: QtBot, tmp_path: Path) -> None:
    assert "Drop an image here" in window.picture.accessibleDescription()
    path = tmp_path / "red & blue.png"
    Image.new("RGB", (200, 100), (200, 10, 10)).save(path)
    window.take_file(path)
    text = answered(window, qtbot)
    rows = window.bars.rows()
    assert text == f"{path.name}: {rows[0][0]}, {100 * rows[0][1]:.2f}%"
    assert sum(share for _, share, _ in rows) == pytest.approx(1)
    pixels = window.picture.pixels
    assert pixels is not None
    assert pixels.shape == (32, 32, 3)
    assert (pixels == (200, 10, 10)).all()
    assert "always chooses one of its classes" in window.note.text()


def test_pasted_and_dropped(window: OwnImageWindow, qtbot: QtBot, tmp_path: Path) -> None:
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.green)
    QGuiApplication.clipboard().setImage(image)
    window.paste_button.click()
    assert answered(window, qtbot).startswith("the clipboard: ")
    assert window.picture.pixels is not None
    assert (window.picture.pixels == (0, 255, 0)).all()

    path = tmp_path / "black.bmp"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(path)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    window.dropEvent(
        QDropEvent(
            QPointF(5, 5),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    assert answered(window, qtbot).startswith("black.bmp: ")
    QGuiApplication.clipboard().setText("no image")
    window.paste()
    assert window.verdict.text() == "There is no image in the clipboard."
    assert window.bars.rows() == []


def test_a_broken_file_gets_a_sentence(
    window: OwnImageWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no image")
    window.take_file(path)
    assert "broken.jpg: is not an image" in answered(window, qtbot)
    assert window.picture.pixels is None


def test_off_while_work_is_under_way(window: OwnImageWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window._session._set_state(Activity.TRAINING)
    assert not window.open_button.isEnabled()
    window.take_file(tmp_path / "any.png")
    assert "is running" in window.verdict.text()
    window._session._set_state(Activity.IDLE)
    assert window.open_button.isEnabled()


def test_an_image_that_is_not_square_shows_its_square(
    window: OwnImageWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 30:70] = 255
    path = tmp_path / "wide.png"
    Image.fromarray(pixels).save(path)
    window.take_file(path)
    answered(window, qtbot)
    assert window.picture.pixels is not None
    assert (window.picture.pixels == 255).all()
    original = window.original
    assert original.isVisible()
    place, square = original.place(), original.square()
    assert square.width() == square.height() == place.height()
    assert abs(square.center().x() - place.center().x()) <= 1
    # What is left out lies in the dark, what is taken does not.
    image = original.grab().toImage()
    assert image.pixelColor(square.center()).lightness() == 255
    window.fit_box.setCurrentIndex(1)
    answered(window, qtbot)
    assert window.picture.pixels is not None
    assert (window.picture.pixels[:, 0] == 0).all()
    assert original.square() == original.place()
    # Nothing is left of it where another image cannot be read.
    window.take_file(tmp_path / "none.png")
    answered(window, qtbot)
    assert not original.isVisible()


def test_a_look_inside(window: OwnImageWindow, qtbot: QtBot, tmp_path: Path) -> None:
    assert not window.inside_button.isEnabled()
    path = tmp_path / "red.png"
    Image.new("RGB", (32, 32), (200, 10, 10)).save(path)
    window.take_file(path)
    answered(window, qtbot)
    window.inside_button.click()
    inside = window._inside
    assert inside is not None
    qtbot.waitUntil(lambda: inside.image.pixels is not None, timeout=20_000)
    assert (inside.image.pixels == (200, 10, 10)).all()
    assert "red.png" in inside.head.text()
    assert "weights.pkl (007)" in inside.head.text()
    inside.close()
    qtbot.waitUntil(lambda: window._inside is None)
