"""The page of the chosen preset, in the middle of the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from workbench.messages import Message
from workbench.spec.presets import BrokenPreset, Preset, find_preset
from workbench.window.kit.translation import Translation
from workbench.window.setup.preset_note import PresetNote
from workbench.window.setup.preset_page import TWO_COLUMNS, PresetPage


@pytest.fixture
def page(qtbot: QtBot) -> PresetPage:
    page = PresetPage(PresetNote())
    qtbot.addWidget(page)
    page.resize(900, 700)
    page.show()
    page.set_train_key("Ctrl+T")
    return page


def curve(page: PresetPage) -> list[float]:
    _, values = page.plot._curve.getData()
    return [] if values is None else [float(v) for v in values]


def test_a_preset_shows_what_was_measured_and_reported_and_its_layers(page: PresetPage) -> None:
    page.show_preset(find_preset("001"))
    assert page.title.text().startswith("001  ")
    assert "Ctrl+T" in page.what_to_do.text()
    assert "mean of" in page.measured.text()
    assert len(curve(page)) == 3
    assert page.plot._line.isVisible()
    assert page.plot._line.value() == pytest.approx(30.67)
    assert page.network._picture.drawing is not None


def test_a_preset_that_nobody_measured_says_so(page: PresetPage) -> None:
    measured = find_preset("001")
    changed = measured.experiment.model_copy(update={"learning_rate": 0.0123})
    page.show_preset(
        Preset(id="mine", title="mine", experiment=changed, path=Path("mine"), built_in=False)
    )
    assert curve(page) == []
    assert page.measured.text().startswith("No run with these hyperparameters")
    assert "Nothing was reported" in page.plot.words.text()
    assert not page.plot.words.isHidden()


def test_a_broken_preset_and_none_leave_plot_and_layers_empty(page: PresetPage) -> None:
    page.show_preset(find_preset("001"))
    page.show_preset(BrokenPreset("broken", Path("broken.yaml"), Message("no")))
    assert page.title.text() == "broken"
    assert curve(page) == []
    assert page.network._picture.drawing is None
    page.show_preset(None)
    assert page.title.text() == ""


def test_where_there_is_little_room_the_note_has_it(page: PresetPage) -> None:
    page.resize(TWO_COLUMNS - 100, 500)
    assert page.note.isVisible()
    assert not page.plot.isVisible()


def test_it_follows_the_language(page: PresetPage, qapp: QApplication, qtbot: QtBot) -> None:
    page.show_preset(find_preset("001"))
    words = Translation(qapp)
    words.use("ko")
    try:
        qtbot.waitUntil(lambda: "측정" in page.measured.text(), timeout=5_000)
    finally:
        words.use("en")
