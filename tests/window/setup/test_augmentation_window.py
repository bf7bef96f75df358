"""Training images beside what the network gets of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from workbench.data.data_choice import DataChoice, choose_data
from workbench.messages import Message
from workbench.spec.experiment import experiment_from
from workbench.window.setup.augmentation_window import COUNT, AugmentationWindow


def opened(qtbot: QtBot, data: DataChoice, **values: object) -> AugmentationWindow:
    window = AugmentationWindow(experiment_from(values), data)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(window.others_button.isEnabled, timeout=30_000)
    return window


def test_sixteen_images_are_shown_beside_the_originals_and_others_follow(qtbot: QtBot) -> None:
    window = opened(qtbot, choose_data("sample"), crop_padding=4, flip="random")
    assert window.heading.text() == "Flip Random · Crop padding 4"
    shown = window.pairs._pairs
    assert len(shown) == COUNT
    assert any((original != augmented).any() for original, augmented in shown)
    window.others_button.click()
    qtbot.waitUntil(window.others_button.isEnabled, timeout=30_000)
    assert any((a != b).any() for (a, _), (b, _) in zip(shown, window.pairs._pairs, strict=True))


def test_what_is_asked_for_while_it_reads_is_shown_after_that(qtbot: QtBot) -> None:
    window = AugmentationWindow(experiment_from({"flip": "random"}), choose_data("sample"))
    qtbot.addWidget(window)
    window.show_experiment(experiment_from({}), choose_data("sample"))
    qtbot.waitUntil(window.others_button.isEnabled, timeout=30_000)
    assert all(np.array_equal(a, b) for a, b in window.pairs._pairs)


def test_without_augmentation_it_says_so(qtbot: QtBot) -> None:
    window = opened(qtbot, choose_data("sample"))
    assert "as they are" in window.heading.text()
    assert all(np.array_equal(a, b) for a, b in window.pairs._pairs)


def test_data_that_are_gone_are_one_sentence(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
    window = opened(qtbot, DataChoice("folder", folder, Message("chosen")), flip="random")
    assert "images" in window.note.text()
    assert "Traceback" not in window.note.text()
    assert not window.pairs._pairs


@pytest.mark.parametrize("size", [(900, 200), (300, 900)])
def test_the_images_fit(size: tuple[int, int], qtbot: QtBot) -> None:
    window = opened(qtbot, choose_data("sample"), cutout=8)
    window.pairs.resize(*size)
    side = window.pairs.side()
    assert 8 * side <= size[0]
    assert 4 * side <= size[1]
