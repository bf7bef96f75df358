"""What was left out of a folder of images, where the window describes data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from workbench.data.data_choice import choose_data
from workbench.data.datasets import load_data
from workbench.window.kit.settings import Settings
from workbench.window.setup.data_button import DataButton
from workbench.words.left_out import left_out_lines


def test_the_lines_of_a_record() -> None:
    one = {"what": "no image that can be read ({kind})", "kind": ".txt", "count": 1_200}
    assert left_out_lines({"left_out": [one | {"example": "a.txt"}]}) == [
        "no image that can be read (.txt): 1,200, for example a.txt"
    ]


@pytest.mark.parametrize(
    "stored",
    [None, 5, "x", [5], [{}], [{"count": "3"}], {"count": 3}],
)
def test_nothing_is_said_of_a_record_that_is_none(stored: object) -> None:
    assert left_out_lines({"left_out": stored}) == []
    assert left_out_lines({}) == []


def test_words_of_a_file_are_no_format() -> None:
    one = {"what": "{a:>3000000000}{kind}", "kind": "{0}", "count": 1, "example": "{what}"}
    assert left_out_lines({"left_out": [one]}) == ["{a:>3000000000}{0}: 1, for example {what}"]


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on Unix only")
def test_the_data_button_says_it_and_finds_the_folder_again(
    qtbot: QtBot, home: Path, tmp_path: Path
) -> None:
    home.mkdir(exist_ok=True)
    root = tmp_path / os.fsdecode(b"\xb0")
    for split in ("train", "test"):
        for name in (b"\xb1", b"\xb2"):
            folder = root / split / os.fsdecode(name)
            folder.mkdir(parents=True)
            with (folder / "0.png").open("wb") as file:
                Image.new("RGB", (32, 32)).save(file, "PNG")
    (root / "train" / "stray.png").write_bytes(b"")
    parent = QWidget()
    qtbot.addWidget(parent)
    button = DataButton(Settings(), parent)
    choice = choose_data(str(root))
    button.set_info(choice, load_data(choice, lambda _: None, lambda: False).info)
    assert "\ufffd · 2 + 2" in button.text()
    assert "outside the class folders: 1, for example train/stray.png" in button.toolTip()
    again = DataButton(Settings(), parent)
    assert again.choice.path == root
    assert again.text() == button.text()
    assert again.toolTip() == button.toolTip()
