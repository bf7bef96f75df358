"""The list of presets and its note, as a person uses them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from workbench import paths
from workbench.spec.experiment import experiment_from
from workbench.spec.presets import BrokenPreset, Preset, list_presets, save_preset
from workbench.window.kit import translation
from workbench.window.setup.preset_note import kept_together
from workbench.window.setup.preset_panel import PresetPanel, whole_rows


@pytest.fixture
def panel(qtbot: QtBot) -> PresetPanel:
    panel = PresetPanel()
    qtbot.addWidget(panel)
    panel.resize(290, 420)
    panel.show()
    return panel


def chosen(panel: PresetPanel) -> list[str]:
    """Collects the ids that ``selected`` tells of."""
    ids: list[str] = []
    panel.selected.connect(lambda preset: ids.append(preset.id))
    return ids


def broken(name: str = "broken") -> Path:
    path = paths.user_presets() / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("title: x\nexperiment: {learning_rate: -1}\n", encoding="utf-8")
    return path


def question(panel: PresetPanel) -> QMessageBox:
    return panel.findChildren(QMessageBox, "deletePresetQuestion")[-1]


def answer(qtbot: QtBot, panel: PresetPanel, button: str) -> None:
    qtbot.mouseClick(question(panel).findChild(QPushButton, button), Qt.MouseButton.LeftButton)


@pytest.mark.parametrize(
    ("height", "rows", "pixels"),
    [(0, 11, 40), (39, 11, 40), (119, 11, 80), (100_000, 11, 440), (100, 0, 40)],
)
def test_only_whole_rows(height: int, rows: int, pixels: int) -> None:
    assert whole_rows(height, 40, rows) == pixels


def test_nothing_is_chosen_at_first_and_the_note_says_what_to_do(qtbot: QtBot) -> None:
    panel = PresetPanel()
    qtbot.addWidget(panel)
    assert panel.current() is None
    assert panel.note.text() == "Choose a preset at the left."


def test_arrows_and_the_typed_id_choose(panel: PresetPanel, qtbot: QtBot) -> None:
    ids = chosen(panel)
    panel.select("007")
    qtbot.keyClick(panel.list, Qt.Key.Key_Down)
    qtbot.keyClicks(panel.list, "002")
    assert ids[0] == "007"
    assert ids[1] == "008"
    assert ids[-1] == "002"
    current = panel.current()
    assert isinstance(current, Preset)
    assert current.id == "002"


def test_choosing_the_same_again_tells_nothing(panel: PresetPanel) -> None:
    ids = chosen(panel)
    panel.select("003")
    panel.select("003")
    panel.reload()
    panel.select("there is none of this name")
    assert ids == ["003"]


def test_the_note_says_what_changes_and_what_was_reported(panel: PresetPanel) -> None:
    panel.select("003")
    text = panel.note.text()
    assert "003 against 002\nLearning rate 0.001 → 0.0001 · Epochs 100 → 30" in text
    assert "29.63%, 2,963 of 10,000 correct" in text
    assert "14.04 s per epoch on a GTX 1060" in text
    assert "Tried\nA learning rate ten times smaller." in text
    assert "Note\nThe headline says 2930 correct" in text
    panel.select("007")
    assert "Stopped after 25 of 60 epochs" in panel.note.text()
    panel.select("008")
    assert "≈70%" in panel.note.text()
    assert "≈1,200 s for the run on a GTX 1060" in panel.note.text()
    panel.select("009")
    assert "65.60% in training mode" in panel.note.text()
    panel.select("001")
    assert "Trains\nSGD 0.001 · 3 epochs" in panel.note.text()


def test_the_note_fits_its_width_whatever_it_says(panel: PresetPanel, qtbot: QtBot) -> None:
    qtbot.addWidget(panel.note)
    panel.note.resize(290, 300)
    panel.note.show()
    for preset in list_presets():
        panel.select(preset.id)
        content = panel.note.widget()
        assert content.minimumSizeHint().width() <= panel.note.viewport().width(), preset.id


def test_a_line_breaks_between_changes_but_a_long_one_may_break_within() -> None:
    long = "Test mode Training mode → Evaluation mode"
    assert kept_together(f"{long} · Epochs 3 → 4") == f"{long} · Epochs\xa03\xa0→\xa04"


def test_rows_never_end_in_the_middle_and_do_not_move(panel: PresetPanel, qtbot: QtBot) -> None:
    for height in range(200, 900, 37):
        panel.resize(290, height)
        row = panel.list.sizeHintForRow(0)
        assert panel.list.viewport().height() % row == 0
    before = panel.list.geometry()
    panel.select("001")
    panel.select("010")
    assert panel.list.geometry() == before
    # The chosen row is seen, whole, also in a lower window.
    panel.resize(290, 200)
    seen = panel.list.visualItemRect(panel.list.currentItem())
    assert panel.list.viewport().rect().contains(seen)


def test_own_presets_follow_below_a_divider_that_the_keyboard_skips(
    panel: PresetPanel, qtbot: QtBot
) -> None:
    save_preset("mine", experiment_from({"epochs": 5}))
    panel.reload()
    assert panel.list.item(panel.list.count() - 2).text() == "Own presets"
    last = list_presets()[-2].id
    panel.select(last)
    ids = chosen(panel)
    qtbot.keyClick(panel.list, Qt.Key.Key_Down)
    assert ids == ["mine"]
    assert "Trains\nSGD 0.001 · 5 epochs" in panel.note.text()
    qtbot.keyClick(panel.list, Qt.Key.Key_Up)
    assert ids == ["mine", last]


def test_what_is_beyond_the_report_stands_under_its_heading(panel: PresetPanel) -> None:
    texts = [panel.list.item(row).text() for row in range(panel.list.count())]
    at = texts.index("Beyond the report")
    assert texts[0] == "The report"
    assert texts[at - 1].startswith("011")
    assert texts[at + 1].startswith("012")
    assert "Own presets" not in texts
    panel.select("012b")
    assert "012b against 012a" in panel.note.text()
    assert "Batch size 16 → 256" in panel.note.text()
    assert "Reported" not in panel.note.text()


def test_a_replaced_preset_is_told_of_anew(panel: PresetPanel) -> None:
    save_preset("mine", experiment_from({"epochs": 5}))
    panel.reload()
    panel.select("mine")
    ids = chosen(panel)
    save_preset("mine", experiment_from({"epochs": 6}))
    panel.reload()
    assert ids == ["mine"]


def test_a_broken_preset_stays_with_its_reason_until_it_is_mended(panel: PresetPanel) -> None:
    path = broken()
    panel.reload()
    told: list[object] = []
    panel.selected.connect(told.append)
    panel.select("broken")
    assert isinstance(told[0], BrokenPreset)
    assert "learning_rate: must be greater than 0" in panel.note.text()
    assert "learning_rate: must be greater than 0" in panel.list.currentItem().toolTip()
    path.write_text("title: x\nexperiment: {learning_rate: 1}\n", encoding="utf-8")
    panel.reload()
    assert isinstance(told[1], Preset)


def test_a_file_with_the_id_of_a_built_in_one_is_not_confused_with_it(panel: PresetPanel) -> None:
    broken("007")
    panel.reload()
    panel.select("007")
    assert isinstance(panel.current(), Preset)
    panel.list.setCurrentRow(panel.list.count() - 1)
    panel.reload()
    assert isinstance(panel.current(), BrokenPreset)


def test_delete_asks_and_the_neighbour_is_chosen(panel: PresetPanel, qtbot: QtBot) -> None:
    path = save_preset("mine", experiment_from({})).path
    panel.reload()
    panel.select("mine")
    qtbot.keyClick(panel.list, Qt.Key.Key_Delete)
    answer(qtbot, panel, "keepButton")
    assert path.exists()
    panel.delete_action.trigger()
    assert "mine.yaml" in question(panel).informativeText()
    answer(qtbot, panel, "deleteButton")
    assert not path.exists()
    current = panel.current()
    assert current is not None
    assert current.id == list_presets()[-1].id
    texts = [panel.list.item(row).text() for row in range(panel.list.count())]
    assert "Own presets" not in texts  # the divider is gone too


def test_a_preset_of_the_report_is_never_deleted(panel: PresetPanel, qtbot: QtBot) -> None:
    panel.select("007")
    qtbot.keyClick(panel.list, Qt.Key.Key_Delete)
    assert not panel.findChildren(QMessageBox)
    assert not panel.delete_action.isEnabled()
    panel.list.customContextMenuRequested.emit(QPoint(5, 5))
    assert not panel.findChildren(QMenu, "presetMenu")


def test_an_own_preset_is_shown_in_its_folder(panel: PresetPanel, qtbot: QtBot) -> None:
    path = save_preset("mine", experiment_from({})).path
    panel.reload()
    panel.select("mine")
    panel.list.customContextMenuRequested.emit(QPoint(5, 5))
    (menu,) = panel.findChildren(QMenu, "presetMenu")
    assert [action.text() for action in menu.actions()] == ["Show in folder", "Delete…"]
    with qtbot.waitSignal(panel.show_in_folder, timeout=1000) as asked:
        menu.actions()[0].trigger()
    assert asked.args == [path]
    menu.close()


def test_the_note_says_what_ran_in_place_of_what_was_declared(panel: PresetPanel) -> None:
    panel.select("007")
    assert "As actually run\nScheduler Step → None · Epochs 60 → 25" in panel.note.text()
    assert (
        "Explained\nMeasured (one seed), Adam passes 70% in its second epoch" in panel.note.text()
    )
    panel.select("001")
    assert "As actually run" not in panel.note.text()


def test_korean(panel: PresetPanel, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"Presets": "프리셋", "Reported": "보고된 결과", "Adam": "아담", "Epochs": "에포크"}
    monkeypatch.setattr(translation, "read_texts", lambda language: texts)
    language = translation.Translation(qapp)
    panel.select("007")
    try:
        language.use("ko")
        QApplication.processEvents()
        assert panel.heading.text() == "프리셋"
        assert "보고된 결과" in panel.note.text()
        assert "에포크 80 → 60" in panel.note.text()
        assert "007 아담" in panel.list.currentItem().toolTip()
    finally:
        language.use("en")
    QApplication.processEvents()
    assert panel.heading.text() == "Presets"
