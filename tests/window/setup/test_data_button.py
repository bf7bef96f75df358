"""The data-set button."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from workbench.path_text import to_text
from workbench.window.kit.settings import Settings
from workbench.window.setup.data_button import DataButton


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are UTF-8 there")
def test_the_folder_dialog_opens_where_the_last_folder_is(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    button = DataButton(Settings())
    qtbot.addWidget(button)
    starts: list[str] = []
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda over, title, start: starts.append(start)
    )
    button._folder.trigger()
    folder = tmp_path / os.fsdecode(b"images \xff")
    record = {"path": to_text(folder), "name": "x", "train": 1, "test": 1}
    button._settings.set_record("data/folder", record)
    button._folder.trigger()
    assert starts == [str(Path.home()), str(folder)]
