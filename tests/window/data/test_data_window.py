"""The window on a data set, through what a user touches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from workbench.data.data_choice import choose_data
from workbench.spec.experiment import experiment_from
from workbench.window.data.data_window import DataWindow
from workbench.window.data.image_wall import chosen_places
from workbench.window.data.network_pixels import as_gray, range_words


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[DataWindow]:
    window = DataWindow()
    window.show()
    yield window
    if window._reading is not None:
        window._reading.work.wait(30_000)
        window._reading._ended()
    window.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of each of two classes in both splits; one is in both, as another class."""
    root = tmp_path / "pets"
    for split, first in (("train", 0), ("test", 100)):
        for label, name in enumerate(("cat", "dog")):
            place = root / split / name
            place.mkdir(parents=True)
            for number in range(3):
                color = (first + 10 * label + number, 5, 6)
                Image.new("RGB", (32, 32), color).save(place / f"{number}.png")
    Image.new("RGB", (32, 32), (0, 5, 6)).save(root / "test" / "dog" / "7.png")
    (root / "train" / "cat" / "broken.png").write_bytes(b"no image")
    (root / "train" / "notes.txt").write_text("mine")
    return root


def show(qtbot: QtBot, window: DataWindow, wanted: str) -> None:
    window.show_data(choose_data(wanted), "pets")
    qtbot.waitUntil(lambda: window.browsed is not None, timeout=30_000)


def test_what_a_folder_holds(qtbot: QtBot, window: DataWindow, folder: Path) -> None:
    window.show_experiment(experiment_from({"normalization": "half"}))
    show(qtbot, window, str(folder))
    assert "6 training and 7 test images of 2 classes" in window.summary.text()
    assert window.counts.texts() == [
        ["cat", "3", "50.00", "3", "42.86"],
        ["dog", "3", "50.00", "4", "57.14"],
    ]
    assert window.statistics.texts()[1][1] == "5.00 (0.0196)"
    assert "1 test image is in the training split too" in window.duplicates_text.text()
    assert "1 image stands in different classes" in window.duplicates_text.text()
    left_out = window.left_out.toPlainText()
    assert "broken.png" in left_out
    assert "notes.txt" in left_out

    # The first image is large, with the pixels as the network gets them and its duplicate.
    panel = window.panel
    assert panel.title.text() == "cat"
    assert "training image 0" in panel.place.text()
    assert "test image 6 (dog)" in panel.same.text()
    assert panel.pixels.values[0, 0] == pytest.approx([-1, 5 / 127.5 - 1, 6 / 127.5 - 1])
    window.show_experiment(experiment_from({"normalization": "none"}))
    assert panel.pixels.values[0, 0] == pytest.approx([0, 5 / 255, 6 / 255])
    assert panel.augmented.isHidden()
    window.show_experiment(experiment_from({"flip": "random", "crop_padding": 4}))
    assert len(panel.augmented.images) == 6
    assert panel.augmented.isVisibleTo(window)
    window.show_experiment(experiment_from({"normalization": "none"}))
    assert panel.augmented.isHidden()
    qtbot.keyClick(panel.pixels, Qt.Key.Key_Right)
    assert panel.pixel.text().startswith("Column 1, row 0: R 0.000, G 0.020, B 0.024")


def test_the_wall_by_split_and_class(qtbot: QtBot, window: DataWindow, folder: Path) -> None:
    show(qtbot, window, str(folder))
    assert window.wall.wall.rowCount() == 13
    window.split_box.setCurrentIndex(2)
    window.class_box.setCurrentIndex(2)
    assert window.count.text() == "4 images"
    assert window.panel.place.text().startswith("test image 3 of the data set")
    qtbot.keyClick(window.wall, Qt.Key.Key_Right)
    assert window.panel.place.text().startswith("test image 4")
    # A row of the duplicates leads to the image, whatever is chosen above the wall.
    window.duplicates.cellActivated.emit(0, 0)
    assert window.tabs.currentIndex() == 0
    assert window.panel.place.text().startswith("training image 0")
    assert window.wall.wall.data(window.wall.currentIndex()) == "cat, training 0"


def test_data_that_cannot_be_read_say_why(qtbot: QtBot, window: DataWindow, folder: Path) -> None:
    choice = choose_data(str(folder))
    for file in (folder / "train" / "cat").iterdir():
        file.unlink()
    window.show_data(choice, "pets")
    qtbot.waitUntil(lambda: "no readable image" in window.state.text(), timeout=30_000)
    # What is chosen next is read all the same.
    show(qtbot, window, "sample")
    assert window.count.text() == "2,500 images"
    assert "No two images are the same" in window.duplicates_text.text()
    assert window.left_out.toPlainText() == "Nothing was left out."


def test_places_gray_maps_and_ranges() -> None:
    labels = (np.array([1, 0, 1]), np.array([0, 1]))
    assert chosen_places(labels, None, None).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]
    assert chosen_places(labels, 0, 1).tolist() == [[0, 0], [0, 2]]
    assert chosen_places(labels, 1, 5).tolist() == []
    values = np.zeros((2, 2, 3), np.float32)
    assert not as_gray(values).any()
    values[0, 0] = (-1, 0, 1)
    assert as_gray(values)[0, 0].tolist() == [0, 128, 255]
    assert range_words(values) == "R -1.00 … 0.00   G 0.00 … 0.00   B 0.00 … 1.00"


def test_the_pointer_chooses_a_pixel(qtbot: QtBot, window: DataWindow) -> None:
    window.show_experiment(experiment_from({}))
    show(qtbot, window, "sample")
    pixels = window.panel.pixels
    place = pixels._places()[2]
    each = place.width() // 32
    qtbot.mouseMove(pixels, QPoint(place.left() + 5 * each, place.top() + 9 * each))
    qtbot.waitUntil(lambda: window.panel.pixel.text().startswith("Column 5, row 9"))
