"""Saved models, through what a person touches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QLocale, QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QStyleOptionViewItem,
)
from pytestqt.qtbot import QtBot

from workbench.data.data_choice import DataChoice
from workbench.library.catalog import Library
from workbench.library.giving_up import give_up
from workbench.library.run_folder import RunRecord, RunWriter, read_record
from workbench.messages import Message
from workbench.window.kit import theme
from workbench.window.saved.empty_trash_dialog import EmptyTrashDialog
from workbench.window.saved.run_cells import (
    ACCURACY,
    DATA,
    DATE,
    EPOCHS,
    FIGURE_ROLE,
    MARK_ROLE,
    NOTES,
    RUN,
    STAR,
    STATUS,
    TAGS,
    date_text,
    plain_tooltip,
    run_width,
)
from workbench.window.saved.run_labels_dialog import RunLabelsDialog
from workbench.window.saved.saved_models import SavedModels

NOW = datetime.now(UTC)
Key = Qt.Key


def record(**changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "id": "",
        "created": NOW.isoformat(timespec="seconds"),
        "preset": "007",
        "title": "Adam",
        "experiment": {"epochs": 3},
        "data": {"kind": "cifar10", "name": "CIFAR-10"},
        "device": "cpu",
        "environment": {},
        "epochs": 3,
        "steps_per_epoch": 10,
    }
    return RunRecord(**{**values, **changes})


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "내 실험 🙂")


@pytest.fixture
def running() -> Iterator[list[RunWriter]]:
    """Writers that hold their locks until the test ends."""
    writers: list[RunWriter] = []
    yield writers
    for writer in writers:
        writer.close()


def add(library: Library, hours_ago: float = 0, **changes: Any) -> RunRecord:
    """A run that another process left in the library."""
    ago = (NOW - timedelta(hours=hours_ago)).isoformat(timespec="seconds")
    values = {"status": "finished", "epochs_done": 3, "accuracy": 70.21, "weights": "w.pkl"}
    writer = Library(library.path).create(record(created=ago, **{**values, **changes}))
    writer.close()
    return writer.record


def opened(library: Library, qtbot: QtBot) -> SavedModels:
    widget = SavedModels(library)
    qtbot.addWidget(widget)
    widget.resize(350, 500)
    widget.show()
    qtbot.waitUntil(lambda: library.unread == 0 and widget.table.total >= len(library.known()))
    return widget


def cells(widget: SavedModels, column: int) -> list[str]:
    model = widget.table
    return [model.index(row, column).data() for row in range(model.rowCount())]


def click(widget: SavedModels, row: int, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    place = widget.view.visualRect(widget.table.index(row, RUN)).center()
    QTest.mouseClick(widget.view.viewport(), Qt.MouseButton.LeftButton, modifier, place)


# --- the arithmetic --------------------------------------------------------------------


def test_dates_say_no_more_than_they_must() -> None:
    zone = timezone(timedelta(hours=9))
    now = datetime(2026, 11, 23, 20, 0, tzinfo=zone)
    american, british = QLocale("en_US"), QLocale("en_GB")
    assert "7:05" in date_text(datetime(2026, 11, 23, 10, 5, tzinfo=UTC), now, american)
    yesterday = datetime(2026, 11, 22, 14, 59, tzinfo=UTC)  # 23:59 in this zone
    assert date_text(yesterday, now, american) == "Nov 22"
    assert date_text(yesterday, now, british) == "22 Nov"
    last_year = datetime(2025, 11, 22, 5, tzinfo=UTC)
    assert "25" in date_text(last_year, now, american)
    assert date_text(None, now, american) == "–"


@pytest.mark.parametrize(
    ("viewport", "expected"), [(100, 80), (330, 90), (350, 110), (500, 140), (560, 140), (700, 260)]
)
def test_the_first_columns_fill_a_narrow_table(viewport: int, expected: int) -> None:
    assert run_width(viewport, first=240, rest=200, narrow=80, wide=140) == expected


def test_a_tooltip_shows_a_name_as_it_is() -> None:
    assert "&lt;b&gt;" in plain_tooltip("<b>mine</b>")


# --- what is seen ----------------------------------------------------------------------


def test_an_empty_library_says_what_to_do(library: Library, qtbot: QtBot) -> None:
    widget = opened(library, qtbot)
    assert widget.empty.isVisible()
    assert "press Train" in widget.empty.text()
    assert not any(a.isEnabled() for a in widget.run_actions.for_menu() if not a.isSeparator())


def test_what_the_cells_say(library: Library, qtbot: QtBot, running: list[RunWriter]) -> None:
    add(library, 1)
    add(library, 2, data={"kind": "sample", "name": "sample"}, accuracy=97.6)
    add(library, 3, status="failed", epochs_done=0, accuracy=None, weights=None, reason="No luck.")
    add(library, 4, status="running", epochs_done=1)  # its process is gone
    add(library, 5, status="stopped", epochs_done=100_000, epochs=100_000)
    running.append(library.create(record(epochs_done=1, accuracy=float("nan"))))
    widget = opened(library, qtbot)
    assert not widget.empty.isVisible()
    assert cells(widget, RUN) == ["007 Adam"] * 6
    assert cells(widget, ACCURACY) == ["–", "70.21%", "sample 97.60%", "–", "70.21%", "70.21%"]
    assert cells(widget, EPOCHS)[:4] == ["1/3 ●", "3/3 ✓", "3/3 ✓", "0/3 ⚠"]
    assert cells(widget, EPOCHS)[4:] == ["1/3 ⚠", "100000/100000 ■"]
    assert cells(widget, STATUS) == [
        "● Running",
        "✓ Finished",
        "✓ Finished",
        "⚠ Failed",
        "⚠ Interrupted at epoch 2 of 3",
        "■ Stopped",
    ]
    assert cells(widget, DATA)[:3] == ["CIFAR-10", "CIFAR-10", "Sample data"]
    tip = widget.table.index(3, STATUS).data(Qt.ItemDataRole.ToolTipRole)
    assert "No luck." in tip
    assert widget.counts.text() == "6 runs"


def test_the_word_sample_stands_by_its_figure_and_is_painted(
    library: Library, qtbot: QtBot
) -> None:
    add(library, data={"kind": "sample", "name": "sample"})
    widget = opened(library, qtbot)
    index = widget.table.index(0, ACCURACY)
    assert index.data(FIGURE_ROLE) == "70.21%"
    # At its own width the word is painted in the small font; the cell's text is the figure.
    option = QStyleOptionViewItem()
    option.rect = widget.view.visualRect(index)
    option.font = widget.view.font()
    option.fontMetrics = widget.view.fontMetrics()
    delegate = widget.view.itemDelegateForColumn(ACCURACY)
    delegate.initStyleOption(option, index)
    assert option.text == "70.21%"
    widget.grab()
    widget.view.setColumnWidth(ACCURACY, 40)
    option.rect = widget.view.visualRect(index)
    delegate.initStyleOption(option, index)
    assert option.text == "sample 70.21%"
    widget.grab()
    assert index.data().startswith("sample")


def test_headings_of_the_first_columns_are_not_clipped(library: Library, qtbot: QtBot) -> None:
    add(library)
    widget = opened(library, qtbot)
    header = widget.view.horizontalHeader()
    for column in (RUN, ACCURACY, EPOCHS, DATE):
        text = widget.table.headerData(column, Qt.Orientation.Horizontal)
        needed = header.fontMetrics().boundingRect(QRect(), 0, text).width()
        assert header.sectionSize(column) >= needed + 20  # padding, and the mark of the order
    right = header.sectionViewportPosition(DATE) + header.sectionSize(DATE)
    assert right <= widget.view.viewport().width()
    widget.resize(1300, 500)
    right = header.sectionViewportPosition(NOTES) + header.sectionSize(NOTES)
    assert right == widget.view.viewport().width()


def test_a_width_that_a_person_chose_stays(library: Library, qtbot: QtBot) -> None:
    widget = opened(library, qtbot)
    widget.view.horizontalHeader().resizeSection(RUN, 201)
    widget.resize(700, 500)
    assert widget.view.columnWidth(RUN) == 201


def test_folders_that_cannot_be_read_are_counted(library: Library, qtbot: QtBot) -> None:
    add(library)
    for name in ("broken <b>", "broken too"):
        (library.path / name).mkdir()
        (library.path / name / "run.json").write_text("{")
    widget = opened(library, qtbot)
    assert widget.counts.text() == "1 run · 2 cannot be read"
    assert "broken &lt;b&gt;" in widget.counts.toolTip()
    # Each is a row that says why, and nothing can be done with it that would need the run.
    assert cells(widget, RUN)[1:] == ["broken too", "broken <b>"]
    assert all("cannot be read (not valid JSON)" in note for note in cells(widget, NOTES)[1:])
    widget.view.selectRow(1)
    assert widget.selected() == []
    assert not widget.run_actions.open.isEnabled()
    heard: list[str] = []
    widget.problem.connect(heard.append)
    star = widget.view.visualRect(widget.table.index(1, STAR)).center()
    QTest.mouseClick(widget.view.viewport(), Qt.MouseButton.LeftButton, pos=star)
    assert not heard
    assert [path.name for path in (library.path / "broken too").iterdir()] == ["run.json"]


def test_a_run_that_cannot_be_read_says_why_and_is_shown_and_deleted(
    library: Library, qtbot: QtBot
) -> None:
    add(library)
    folder = library.path / "broken <b>"
    folder.mkdir()
    (folder / "run.json").write_text("{")
    widget = opened(library, qtbot)
    heard: list[str] = []
    folders: list[Path] = []
    widget.problem.connect(heard.append)
    widget.show_in_folder_requested.connect(folders.append)
    widget.view.selectRow(1)
    said = (
        "broken <b>: this run cannot be read (not valid JSON). "
        "Run `cifar-workbench runs check --fix`."
    )
    assert widget.counts.text() == said
    widget.view.doubleClicked.emit(widget.table.index(1, RUN))
    assert heard == [said]
    actions = widget.run_actions
    assert {a.objectName() for a in actions.for_menu() if a.isEnabled() and a.text()} == {
        "deleteRunAction",
        "showRunAction",
    }
    assert actions.rename.toolTip() == actions.star.toolTip() == "This run cannot be read."
    actions.show.trigger()
    assert folders == [folder]
    widget.refresh()
    assert widget.counts.text() == said  # it stays selected
    qtbot.mouseClick(widget.buttons.delete, Qt.MouseButton.LeftButton)
    assert not folder.exists()
    assert cells(widget, RUN) == ["007 Adam"]
    assert len(heard) == 1
    actions.undo.trigger()
    assert (folder / "run.json").read_text() == "{"
    assert len(cells(widget, RUN)) == 2
    assert len(heard) == 1
    # With others: all of them are deleted.
    widget.view.selectAll()
    actions.delete.trigger()
    assert cells(widget, RUN) == []
    actions.undo.trigger()
    assert len(cells(widget, RUN)) == 2


def test_a_date_that_is_none(library: Library, qtbot: QtBot) -> None:
    run = add(library)
    text = (run.folder / "run.json").read_text(encoding="utf-8")
    content = {**json.loads(text), "created": "some time", "data": {}}
    (run.folder / "run.json").write_text(json.dumps(content))
    add(library, 1)
    widget = opened(library, qtbot)
    assert cells(widget, DATE)[1] == "–"
    assert cells(widget, DATA)[1] == "–"


# --- search and order ------------------------------------------------------------------


def test_search_by_name_preset_data_and_status(library: Library, qtbot: QtBot) -> None:
    add(library, 1, name="느린 실험 🙂")
    add(library, 2, preset="001", title="Does it run?", status="failed")
    add(library, 3, data={"kind": "folder", "name": "birds"})
    widget = opened(library, qtbot)
    for typed, hits in (
        ("느린", ["007 느린 실험 🙂"]),
        ("RUN?", ["001 Does it run?"]),
        ("fail", ["001 Does it run?"]),
        ("adam birds", ["007 Adam"]),
        ("", ["007 느린 실험 🙂", "001 Does it run?", "007 Adam"]),
    ):
        widget.search.clear()
        # Hangul as an input method brings it: whole.
        widget.search.insert(typed)
        assert cells(widget, RUN) == hits
    QTest.keyClicks(widget.search, "birds")
    assert widget.counts.text() == "1 of 3 runs"


def test_a_search_without_a_hit_can_be_cleared_where_it_says_so(
    library: Library, qtbot: QtBot
) -> None:
    add(library)
    widget = opened(library, qtbot)
    QTest.keyClicks(widget.search, "zzz")
    assert widget.empty.isVisible()
    assert "No run matches." in widget.empty.text()
    widget.empty.linkActivated.emit("#")
    assert widget.search.text() == ""
    assert not widget.empty.isVisible()
    assert widget.table.rowCount() == 1


def test_the_selection_comes_back_after_a_search(library: Library, qtbot: QtBot) -> None:
    add(library, 1, name="one")
    two = add(library, 2, name="two")
    widget = opened(library, qtbot)
    click(widget, 1)
    QTest.keyClicks(widget.search, "one")
    assert widget.selected() == []
    widget.search.clear()
    assert [run.id for run in widget.selected()] == [two.id]


def test_numbers_sort_as_numbers_and_missing_ones_last(library: Library, qtbot: QtBot) -> None:
    for accuracy in (9.5, None, 70.0, float("nan"), 100.0):
        add(library, accuracy=accuracy)
    widget = opened(library, qtbot)
    widget.view.sortByColumn(ACCURACY, Qt.SortOrder.AscendingOrder)
    assert cells(widget, ACCURACY) == ["9.50%", "70.00%", "100.00%", "–", "–"]
    widget.view.sortByColumn(ACCURACY, Qt.SortOrder.DescendingOrder)
    assert cells(widget, ACCURACY) == ["100.00%", "70.00%", "9.50%", "–", "–"]


def test_a_click_on_a_heading_sorts_and_keeps_the_selection(library: Library, qtbot: QtBot) -> None:
    for hours, epochs in ((1, 20), (2, 100), (3, 3)):
        add(library, hours, epochs=epochs, epochs_done=epochs)
    widget = opened(library, qtbot)
    assert [text.split("/")[0] for text in cells(widget, EPOCHS)] == ["20", "100", "3"]
    click(widget, 1)
    header = widget.view.horizontalHeader()
    x = header.sectionViewportPosition(EPOCHS) + 20
    QTest.mouseClick(
        header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, header.height() // 2)
    )
    assert [text.split("/")[0] for text in cells(widget, EPOCHS)] == ["3", "20", "100"]
    assert widget.selected()[0].epochs == 100


# --- other processes -------------------------------------------------------------------


def test_a_run_of_another_process_comes_and_is_followed(
    library: Library, qtbot: QtBot, running: list[RunWriter]
) -> None:
    chosen = add(library, 1)
    widget = opened(library, qtbot)
    click(widget, 0)
    writer = Library(library.path).create(record())
    running.append(writer)
    qtbot.waitUntil(lambda: widget.table.rowCount() == 2, timeout=3000)  # by its own timer
    assert cells(widget, STATUS) == ["● Running", "✓ Finished"]
    assert [run.id for run in widget.selected()] == [chosen.id]
    writer.update(epochs_done=2, accuracy=55.5)
    widget.refresh()
    assert cells(widget, EPOCHS)[0] == "2/3 ●"
    assert cells(widget, ACCURACY)[0] == "55.50%"
    writer.close()
    widget.refresh()
    assert cells(widget, STATUS)[0] == "⚠ Interrupted at epoch 3 of 3"
    shutil.rmtree(writer.folder)
    widget.refresh()
    assert widget.table.rowCount() == 1
    assert [run.id for run in widget.selected()] == [chosen.id]


def test_rows_change_one_by_one(library: Library, qtbot: QtBot) -> None:
    add(library, 1)
    other = add(library, 2)
    widget = opened(library, qtbot)
    resets, changes = [], []
    widget.table.modelReset.connect(lambda: resets.append(1))
    widget.table.dataChanged.connect(lambda top, bottom: changes.append(bottom.row() - top.row()))
    widget.refresh()
    assert changes == []
    library.rename(other, "other")
    add(library, 0)
    widget.refresh()
    assert changes == [0]
    assert resets == []


def test_what_is_looked_at_stays_in_its_place(library: Library, qtbot: QtBot) -> None:
    for hour in range(1, 40):
        add(library, hour)
    widget = opened(library, qtbot)
    bar = widget.view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 400)
    for value in (200, bar.maximum()):
        bar.setValue(value)
        assert bar.value() == value
        top = widget.table.record(widget.view.indexAt(QPoint(0, 0))).id
        add(library, 0)
        widget.refresh()
        qtbot.wait(1)
        assert widget.table.record(widget.view.indexAt(QPoint(0, 0))).id == top
    bar.setValue(0)
    newest = add(library, -1)
    widget.refresh()
    assert widget.table.record(widget.view.indexAt(QPoint(0, 0))).id == newest.id


def test_it_looks_at_the_library_only_while_it_is_seen(library: Library, qtbot: QtBot) -> None:
    widget = opened(library, qtbot)
    assert widget._timer.isActive()
    widget.hide()
    assert not widget._timer.isActive()
    add(library)
    widget.show()
    assert widget.table.rowCount() == 1


# --- actions ---------------------------------------------------------------------------


def test_open_by_double_click_enter_and_button(library: Library, qtbot: QtBot) -> None:
    run = add(library)
    widget = opened(library, qtbot)
    heard: list[RunRecord] = []
    widget.open_requested.connect(heard.append)
    assert not widget.buttons.open.isEnabled()
    assert widget.buttons.open.toolTip() == "Choose a run first."
    place = widget.view.visualRect(widget.table.index(0, DATE)).center()
    QTest.mouseClick(widget.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(widget.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    widget.activateWindow()
    widget.view.setFocus()
    qtbot.waitUntil(widget.view.hasFocus)
    QTest.keyClick(widget.view, Key.Key_Return)
    QTest.keyClick(widget.view, Key.Key_Enter)
    QTest.mouseClick(widget.buttons.open, Qt.MouseButton.LeftButton)
    assert [each.id for each in heard] == [run.id] * 4


def test_load_test_and_the_rest_hand_over_what_they_need(library: Library, qtbot: QtBot) -> None:
    run = add(library, best_weights="best.pkl")
    widget = opened(library, qtbot)
    heard: list[Any] = []
    for signal in (
        widget.load_requested,
        widget.test_requested,
        widget.hyperparameters_requested,
        widget.show_in_folder_requested,
    ):
        signal.connect(heard.append)
    click(widget, 0)
    QTest.mouseClick(widget.buttons.load, Qt.MouseButton.LeftButton)
    QTest.mouseClick(widget.buttons.test, Qt.MouseButton.LeftButton)
    widget.run_actions.load_best.trigger()
    widget.run_actions.hyperparameters.trigger()
    widget.run_actions.show.trigger()
    weights = run.folder / "w.pkl"
    assert heard == [weights, weights, run.folder / "best.pkl", run, run.folder]


def test_actions_are_off_with_the_reason(
    library: Library, qtbot: QtBot, running: list[RunWriter]
) -> None:
    add(library, 1, weights=None, status="failed")
    running.append(library.create(record()))
    widget = opened(library, qtbot)
    click(widget, 0)
    assert widget.run_actions.open.isEnabled()
    assert not widget.buttons.load.isEnabled()
    assert "saves its weights at the end" in widget.buttons.load.toolTip()
    assert widget.run_actions.rename.isEnabled()
    assert not widget.run_actions.delete.isEnabled()
    assert "cannot be deleted" in widget.run_actions.delete.toolTip()
    click(widget, 1)
    assert not widget.buttons.test.isEnabled()
    assert "no weights" in widget.buttons.test.toolTip()
    assert widget.run_actions.delete.isEnabled()
    click(widget, 0, Qt.KeyboardModifier.ControlModifier)
    assert not widget.run_actions.open.isEnabled()
    assert widget.run_actions.delete.isEnabled()
    widget.set_off("hyperparameters", "A run is training.")
    click(widget, 1)
    assert widget.run_actions.hyperparameters.toolTip() == "A run is training."
    widget.set_off("hyperparameters", "")
    assert widget.run_actions.hyperparameters.isEnabled()


def test_the_run_of_this_window_is_marked_and_kept(
    library: Library, qtbot: QtBot, running: list[RunWriter]
) -> None:
    running.append(library.create(record()))
    widget = opened(library, qtbot)
    widget.set_current_run(str(running[0].folder))
    assert cells(widget, STATUS) == ["● Running here"]
    assert widget.table.index(0, RUN).data(Qt.ItemDataRole.FontRole).bold()
    click(widget, 0)
    assert widget.run_actions.open.isEnabled()
    assert not widget.run_actions.delete.isEnabled()
    running[0].update(status="finished")
    running[0].close()
    widget.set_current_run(None)
    widget.refresh()
    assert cells(widget, STATUS) == ["✓ Finished"]
    assert widget.run_actions.delete.isEnabled()


def test_a_library_that_is_moved_while_it_is_shown(library: Library, qtbot: QtBot) -> None:
    run = add(library)
    widget = opened(library, qtbot)
    click(widget, 0)
    away = library.path.with_name("away")
    library.path.rename(away)
    heard: list[str] = []
    widget.problem.connect(heard.append)
    widget.run_actions.star.trigger()
    assert len(heard) == 1
    assert widget.table.rowCount() == 0
    assert "was it moved?" in widget.empty.text()
    assert widget.empty.isVisible()
    away.rename(library.path)
    widget.refresh()
    assert cells(widget, RUN) == ["007 Adam"]
    assert not read_record(run.folder).starred


def test_two_windows_on_one_library(library: Library, qtbot: QtBot) -> None:
    runs = [add(library, hour) for hour in range(2)]
    one, other = opened(library, qtbot), opened(Library(library.path), qtbot)
    for widget in (one, other):
        click(widget, 0)
    one.table.setData(one.table.index(0, RUN), "named here")
    other.run_actions.star.trigger()
    one.refresh()
    other.refresh()
    for widget in (one, other):
        assert cells(widget, RUN)[0] == "007 named here"
        assert cells(widget, STAR)[0] == "★"
    heard: list[str] = []
    other.problem.connect(heard.append)
    one.run_actions.delete.trigger()
    other.run_actions.delete.trigger()  # it does not know yet
    assert len(heard) == 1
    assert len(library.trashed()) == 1
    assert cells(other, RUN) == ["007 Adam"]
    assert not runs[0].folder.exists()
    one.run_actions.undo.trigger()
    other.refresh()
    assert cells(other, RUN) == ["007 named here", "007 Adam"]


# --- interrupted runs ------------------------------------------------------------------


def test_an_interrupted_run_offers_resume_give_up_and_delete(
    library: Library, qtbot: QtBot
) -> None:
    run = add(library, status="running", epochs_done=1, weights=None)  # its process is gone
    (run.folder / "checkpoint.pt").write_bytes(b"checkpoint")
    add(library, 1)
    widget = opened(library, qtbot)
    heard: list[RunRecord] = []
    widget.resume_requested.connect(heard.append)
    widget.give_up_requested.connect(lambda run: widget.given_up(give_up(library, run)))
    click(widget, 1)
    assert not widget.buttons.resume.isVisible()
    assert widget.run_actions.resume.text() == "Train for more epochs…"
    assert not widget.run_actions.give_up.isEnabled()
    height = widget.view.height()
    click(widget, 0)
    assert widget.view.height() == height
    assert widget.counts.text() == "Interrupted at epoch 2 of 3"
    QTest.mouseClick(widget.buttons.resume, Qt.MouseButton.LeftButton)
    assert [each.id for each in heard] == [run.id]
    assert widget.buttons.delete.isEnabled()
    # Nothing happens without a yes.
    QTest.mouseClick(widget.buttons.give_up, Qt.MouseButton.LeftButton)
    answer(widget, "stayButton")
    assert cells(widget, STATUS)[0].startswith("⚠ Interrupted")
    QTest.mouseClick(widget.buttons.give_up, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(widget.problem) as said:  # what was taken for a checkpoint is none
        answer(widget, "giveUpButton")
    assert "the checkpoint is damaged" in said.args[0]
    assert cells(widget, STATUS)[0] == "■ Stopped"
    assert not (run.folder / "checkpoint.pt").exists()
    assert [path.read_bytes() for path in library.trashed()] == [b"checkpoint"]
    assert not widget.run_actions.resume.isEnabled()
    assert "no checkpoint" in widget.run_actions.resume.toolTip()
    # Undo, as after a deletion.
    assert widget.undo.text.text() == "Resuming was given up."
    assert widget.run_actions.undo.text() == "Undo giving up resuming"
    widget.activateWindow()
    widget.view.setFocus()
    qtbot.waitUntil(widget.view.hasFocus)
    QTest.keyClick(widget.view, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert cells(widget, STATUS)[0].startswith("⚠ Interrupted")
    assert (run.folder / "checkpoint.pt").read_bytes() == b"checkpoint"
    assert widget.buttons.resume.isVisible()


def answer(widget: SavedModels, button: str) -> None:
    box = widget.findChild(QMessageBox, "giveUpQuestion")
    QTest.mouseClick(box.findChild(QPushButton, button), Qt.MouseButton.LeftButton)
    QApplication.sendPostedEvents(box, QEvent.Type.DeferredDelete.value)


def test_a_stopped_run_has_resume_among_its_buttons(library: Library, qtbot: QtBot) -> None:
    run = add(library, status="stopped", epochs_done=1)
    add(library, 1, status="stopped", epochs_done=1)
    (run.folder / "checkpoint.pt").write_bytes(b"checkpoint")
    widget = opened(library, qtbot)
    click(widget, 0)
    with qtbot.waitSignal(widget.resume_requested) as asked:
        QTest.mouseClick(widget.buttons.resume, Qt.MouseButton.LeftButton)
    assert asked.args[0].id == run.id
    assert widget.buttons.load.isVisible()
    click(widget, 1)  # the other one has no checkpoint
    assert not widget.buttons.resume.isVisible()


def test_a_run_of_another_process_is_neither_resumed_nor_given_up(
    library: Library, qtbot: QtBot, running: list[RunWriter]
) -> None:
    running.append(library.create(record()))
    (running[0].folder / "checkpoint.pt").write_bytes(b"checkpoint")
    widget = opened(library, qtbot)
    click(widget, 0)
    for action in (
        widget.run_actions.resume,
        widget.run_actions.give_up,
        widget.run_actions.delete,
    ):
        assert not action.isEnabled()
        assert action.toolTip()
    assert widget.run_actions.resume.toolTip() == "This run is still training."
    # Renaming it is no edit that the trainer's next word undoes.
    rename(widget, qtbot, "mine", Key.Key_Return)
    running[0].update(epochs_done=2)
    widget.refresh()
    assert cells(widget, RUN) == ["007 mine"]
    assert cells(widget, EPOCHS) == ["2/3 ●"]


# --- star, tags, notes -----------------------------------------------------------------


def test_a_click_stars_a_run_and_another_one_unstars_it(library: Library, qtbot: QtBot) -> None:
    run = add(library)
    widget = opened(library, qtbot)
    place = widget.view.visualRect(widget.table.index(0, STAR)).center()
    for starred, mark in ((True, "★"), (False, "☆")):
        QTest.mouseClick(widget.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert cells(widget, STAR) == [mark]
        assert read_record(run.folder).starred is starred


def test_the_star_by_its_key_for_several_runs(library: Library, qtbot: QtBot) -> None:
    first, second = add(library, 1), add(library, 2)
    library.label(first, lambda labels: replace(labels, starred=True))
    widget = opened(library, qtbot)
    widget.view.selectAll()
    widget.activateWindow()
    widget.view.setFocus()
    qtbot.waitUntil(widget.view.hasFocus)
    QTest.keyClick(widget.view, Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert cells(widget, STAR) == ["★", "★"]
    assert widget.run_actions.star.text() == "Remove the star"
    QTest.keyClick(widget.view, Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert not read_record(first.folder).starred
    assert not read_record(second.folder).starred


def test_tags_and_notes_are_edited_shown_and_found(library: Library, qtbot: QtBot) -> None:
    run = add(library, 1)
    add(library, 2)
    widget = opened(library, qtbot)
    click(widget, 0)
    widget.run_actions.labels.trigger()
    dialog = widget.findChild(RunLabelsDialog)
    dialog.tags.insert("baseline, 수업")
    dialog.notes.insertPlainText("for lesson 2\nsecond line")
    # Another window stars the run and gives a tag while the dialog is open.
    Library(library.path).label(run, lambda now: replace(now, starred=True, tags=("theirs",)))
    QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert cells(widget, TAGS) == ["theirs, baseline, 수업", ""]
    assert cells(widget, NOTES) == ["for lesson 2 second line", ""]
    assert cells(widget, STAR) == ["★", "☆"]
    tip = widget.table.index(0, RUN).data(Qt.ItemDataRole.ToolTipRole)
    assert "#baseline" in tip
    for typed in ("tag:수업", '"lesson 2"', "starred"):
        widget.search.setText(typed)
        assert widget.table.rowCount() == 1


def test_tags_of_several_runs_leave_their_own_alone(library: Library, qtbot: QtBot) -> None:
    for tags in (("both", "mine"), ("both",)):
        library.label(add(library), lambda now, tags=tags: replace(now, tags=tags))
    widget = opened(library, qtbot)
    widget.view.selectAll()
    widget.run_actions.labels.trigger()
    dialog = widget.findChild(RunLabelsDialog)
    assert not dialog.notes.isVisible()
    assert dialog.tags.text() == "both"
    dialog.tags.setText("new")
    QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert sorted(cells(widget, TAGS)) == ["mine, new", "new"]


def test_a_search_by_hyperparameter_and_what_is_wrong_with_one(
    library: Library, qtbot: QtBot
) -> None:
    add(library, 1, name="slow", experiment={"learning_rate": 0.0001})
    add(library, 2, name="fast", experiment={"learning_rate": 0.1})
    widget = opened(library, qtbot)
    taught = widget.hint.text()
    QTest.keyClicks(widget.search, "learning_rate<0.001")
    assert cells(widget, RUN) == ["007 slow"]
    assert widget.hint.text() == taught
    QTest.keyClicks(widget.search, "x")
    assert "must be a number" in widget.search_problem.text()
    assert cells(widget, RUN) == ["007 slow"]  # what was understood last stays
    widget.search.setText("lerning_rate<0.001")
    assert "did you mean learning_rate?" in widget.search_problem.text()
    assert not widget.hint.isVisible()
    # Red, the sentence and the whole of what was typed.
    red = theme.colors().problem
    for shown in (widget.search_problem, widget.search):
        assert shown.palette().color(shown.foregroundRole()).name() == red
    widget.search.setText("lr<0.001")
    assert cells(widget, RUN) == ["007 slow"]
    assert widget.search.palette().color(widget.search.foregroundRole()).name() != red
    widget.search.clear()
    assert widget.hint.isVisible()
    assert widget.hint.text() == taught
    assert not widget.search_problem.isVisible()
    assert widget.table.rowCount() == 2


# --- rename, delete, undo --------------------------------------------------------------


def rename(widget: SavedModels, qtbot: QtBot, name: str, end: Qt.Key) -> None:
    widget.activateWindow()
    widget.view.setFocus()
    qtbot.waitUntil(widget.view.hasFocus)
    QTest.keyClick(widget.view, Key.Key_F2)
    editor = next(
        field for field in widget.view.viewport().findChildren(QLineEdit) if field.isVisible()
    )
    editor.selectAll()
    # Keys cannot type Hangul or emoji without an input method.
    editor.insert(name)
    QTest.keyClick(editor, Key.Key_Delete)
    QTest.keyClick(editor, end)
    qtbot.wait(1)


def test_rename_in_the_table(library: Library, qtbot: QtBot) -> None:
    run = add(library, 1)
    add(library, 2)
    widget = opened(library, qtbot)
    heard: list[object] = []
    widget.open_requested.connect(heard.append)
    click(widget, 0)
    rename(widget, qtbot, "느린 실험 🙂", Key.Key_Return)
    assert read_record(run.folder).name == "느린 실험 🙂"
    assert cells(widget, RUN) == ["007 느린 실험 🙂", "007 Adam"]
    assert [each.id for each in widget.selected()] == [run.id]
    assert heard == []  # Enter ended the name and opened nothing
    # The number is the preset's, and no part of the name that is edited.
    assert widget.table.data(widget.table.index(0, RUN), Qt.ItemDataRole.EditRole) == "느린 실험 🙂"
    rename(widget, qtbot, "other", Key.Key_Escape)
    assert read_record(run.folder).name == "느린 실험 🙂"
    rename(widget, qtbot, "", Key.Key_Return)
    assert cells(widget, RUN) == ["007 Adam", "007 Adam"]


def test_renaming_a_run_that_vanished_says_so(library: Library, qtbot: QtBot) -> None:
    run = add(library)
    widget = opened(library, qtbot)
    heard: list[str] = []
    widget.problem.connect(heard.append)
    click(widget, 0)
    shutil.rmtree(run.folder)
    widget.table.setData(widget.table.index(0, RUN), "Mine")
    qtbot.waitUntil(lambda: widget.table.rowCount() == 0)
    assert len(heard) == 1
    assert "cannot be read" in heard[0]
    assert not run.folder.exists()


def test_delete_and_undo(library: Library, qtbot: QtBot) -> None:
    runs = [add(library, hour) for hour in range(3)]
    widget = opened(library, qtbot)
    click(widget, 1)
    widget.activateWindow()
    widget.view.setFocus()
    qtbot.waitUntil(widget.view.hasFocus)
    height = widget.view.height()
    QTest.keyClick(widget.view, Key.Key_Delete)
    assert not runs[1].folder.exists()
    assert widget.table.rowCount() == 2
    assert widget.undo.button.isVisible()
    assert widget.undo.text.text() == "Run deleted."
    assert widget.view.height() == height
    QTest.mouseClick(widget.undo.button, Qt.MouseButton.LeftButton)
    assert runs[1].folder.exists()
    assert [each.id for each in widget.selected()] == [runs[1].id]
    order = [widget.table.record(widget.table.index(row, 0)).id for row in range(3)]
    assert order == [run.id for run in runs]
    assert not widget.undo.button.isVisible()
    assert not widget.run_actions.undo.isEnabled()


def test_several_runs_and_two_undos_by_key(library: Library, qtbot: QtBot) -> None:
    for hour in range(4):
        add(library, hour)
    widget = opened(library, qtbot)
    widget.activateWindow()
    click(widget, 0)
    click(widget, 2, Qt.KeyboardModifier.ShiftModifier)
    widget.view.setFocus()
    qtbot.waitUntil(widget.view.hasFocus)
    QTest.keyClick(widget.view, Key.Key_Delete)
    assert widget.undo.text.text() == "3 runs deleted."
    QTest.keyClick(widget.view, Key.Key_Delete)  # the row that took their place
    assert widget.table.rowCount() == 0
    widget.undo._shown.timeout.emit()
    assert not widget.undo.button.isVisible()
    for rows in (1, 4):
        QTest.keyClick(widget.view, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert widget.table.rowCount() == rows


def test_delete_leaves_runs_that_train(
    library: Library, qtbot: QtBot, running: list[RunWriter]
) -> None:
    add(library, 1)
    running.append(library.create(record()))
    widget = opened(library, qtbot)
    widget.view.selectAll()
    widget.run_actions.delete.trigger()
    assert cells(widget, STATUS) == ["● Running"]
    assert running[0].folder.exists()


def test_a_run_that_began_to_train_meanwhile_is_refused(
    library: Library, qtbot: QtBot, running: list[RunWriter]
) -> None:
    run = add(library)
    widget = opened(library, qtbot)
    click(widget, 0)
    running.append(RunWriter(run.folder, replace(run, status="finished")))
    heard: list[str] = []
    widget.problem.connect(heard.append)
    widget.run_actions.delete.trigger()
    assert "being trained" in heard[0]
    assert run.folder.exists()


def test_undo_of_what_is_gone_from_the_trash_says_so(library: Library, qtbot: QtBot) -> None:
    add(library)
    widget = opened(library, qtbot)
    heard: list[str] = []
    widget.problem.connect(heard.append)
    click(widget, 0)
    widget.run_actions.delete.trigger()
    shutil.rmtree(library.path / ".trash")
    widget.run_actions.undo.trigger()
    assert "no such run in the trash" in heard[0]
    assert not widget.run_actions.undo.isEnabled()


def test_the_trash_is_emptied_after_a_question_with_its_size(
    library: Library, qtbot: QtBot
) -> None:
    for hour in range(3):
        run = add(library, hour)
        (run.folder / "w.pkl").write_bytes(b"x" * 1_000_000)
    widget = opened(library, qtbot)
    for _ in range(2):
        click(widget, 0)
        widget.run_actions.delete.trigger()
    for answer in ("keep", "delete"):
        widget.run_actions.empty_trash.trigger()
        dialog = widget.findChild(EmptyTrashDialog)
        qtbot.waitUntil(dialog.delete.isEnabled)
        assert dialog.text.text() == "2 runs (2.0 MB) are permanently deleted."
        with qtbot.waitSignal(dialog.destroyed):
            QTest.mouseClick(getattr(dialog, answer), Qt.MouseButton.LeftButton)
        assert len(library.trashed()) == (2 if answer == "keep" else 0)
        assert widget.run_actions.undo.isEnabled() == (answer == "keep")
    assert widget.table.rowCount() == 1


# --- the rest --------------------------------------------------------------------------


def test_a_thousand_runs(library: Library, qtbot: QtBot) -> None:
    template = add(library, name="")
    text = (template.folder / "run.json").read_text(encoding="utf-8")
    for number in range(999):
        folder = library.path / f"2025-01-01_000000_{number:03d}"
        folder.mkdir()
        (folder / "run.json").write_text(
            text.replace('"name": ""', f'"name": "number {number}"'), encoding="utf-8"
        )
    widget = opened(library, qtbot)
    assert widget.table.rowCount() == 1000
    QTest.keyClicks(widget.search, "number 99")
    assert widget.table.rowCount() == 18
    widget.search.clear()
    widget.view.sortByColumn(RUN, Qt.SortOrder.AscendingOrder)
    widget.select_run(library.path / "2025-01-01_000000_500")
    assert widget.selected()[0].name == "number 500"
    widget.view.selectAll()
    shutil.rmtree(library.path)
    widget.refresh()
    assert widget.table.rowCount() == 0
    assert widget.empty.isVisible()


def test_the_language_changes_under_it(library: Library, qtbot: QtBot) -> None:
    add(library)
    widget = opened(library, qtbot)
    click(widget, 0)
    QApplication.sendEvent(widget, QEvent(QEvent.Type.LanguageChange))
    assert [run.label for run in widget.selected()] == ["007 Adam"]
    assert widget.buttons.open.text() == "Open"


def test_the_context_menu_holds_every_action(library: Library, qtbot: QtBot) -> None:
    add(library)
    widget = opened(library, qtbot)
    click(widget, 0)
    widget.view.customContextMenuRequested.emit(QPoint(5, 5))
    assert widget.menu.isVisible()
    assert widget.menu.actions() == widget.run_actions.for_menu()
    widget.menu.close()


def test_best_and_early_end_say_what_they_are(library: Library, qtbot: QtBot) -> None:
    best: dict[str, Any] = {"best_weights": "best.pkl", "best_epoch": 2, "best_accuracy": 70.5}
    add(library, 1, **best)
    patient = {"epochs": 9, "early_stopping": 1}
    add(library, 2, **best, best_validation_accuracy=71.25, epochs=9, experiment=patient)
    widget = opened(library, qtbot)
    assert cells(widget, STATUS) == ["✓ Finished", "✓ Ended early"]

    def tips(column: int) -> list[str]:
        tip = Qt.ItemDataRole.ToolTipRole
        return [widget.table.index(row, column).data(tip) for row in (0, 1)]

    flattering, honest = tips(ACCURACY)
    assert "selected on the test set: optimistic" in flattering
    assert "70.50% after epoch 2, the best on the validation split with 71.25%" in honest
    assert "optimistic" not in honest
    assert "3 of 9 epochs · Ended early" in tips(EPOCHS)[1]
    click(widget, 0)
    assert "optimistic" in widget.run_actions.load_best.toolTip()
    click(widget, 1)
    assert "best on the validation split" in widget.run_actions.load_best.toolTip()


# --- a few changes among many runs -----------------------------------------------------


def test_rows_that_change_move_to_where_a_whole_sort_puts_them(
    library: Library, qtbot: QtBot
) -> None:
    for number in range(12):
        add(library, number, accuracy=None if number % 4 == 0 else 50.0 + number % 3)
    widget = opened(library, qtbot)
    runs = library.runs()
    for column in (ACCURACY, DATE, RUN, TAGS):
        for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
            widget.view.sortByColumn(column, order)
            for number, place in enumerate((0, 5, 11)):
                library.label(
                    runs[place],
                    lambda now, n=number, c=column: replace(now, name=f"{c}{n}", tags=(f"t{n}",)),
                )
            add(library, column + 0.5, accuracy=51.0)
            widget.refresh()
            shown = [record.id for record in widget.table.shown_records()]
            widget.table.sort(column, order)
            assert shown == [record.id for record in widget.table.shown_records()]


def test_what_another_process_changes_is_searched_again(library: Library, qtbot: QtBot) -> None:
    found, other = add(library, 1, name="one"), add(library, 2, name="two")
    widget = opened(library, qtbot)
    widget.search.setText("tag:new")
    assert widget.table.rowCount() == 0
    Library(library.path).label(other, lambda now: replace(now, tags=("new",)))
    qtbot.waitUntil(lambda: widget.table.rowCount() == 1, timeout=3000)  # by its own timer
    Library(library.path).label(found, lambda now: replace(now, tags=("new",)))
    qtbot.waitUntil(lambda: widget.table.rowCount() == 2, timeout=3000)


def test_a_run_on_other_data_than_the_chosen_ones_says_on_which(
    library: Library, qtbot: QtBot
) -> None:
    folder = {"kind": "folder", "name": "My pictures", "path": str(library.path / "a")}
    add(library, 1)
    add(library, 2, data=folder)
    widget = opened(library, qtbot)
    marks = [widget.table.index(row, ACCURACY).data(MARK_ROLE) for row in (0, 1)]
    assert marks == [None, None]  # nothing is known to be chosen
    cifar10 = DataChoice("cifar10", None, Message(""))
    for choice, expected in (
        (cifar10, [None, "My pictures"]),
        (DataChoice("folder", library.path / "a", Message("")), ["CIFAR-10", None]),
        (DataChoice("folder", library.path / "b", Message("")), ["CIFAR-10", "My pictures"]),
    ):
        widget.show_data(choice)
        cells_of = [widget.table.index(row, ACCURACY) for row in (0, 1)]
        assert [cell.data(MARK_ROLE) for cell in cells_of] == expected
    tip = cells_of[1].data(Qt.ItemDataRole.ToolTipRole)
    assert "On My pictures, not on the chosen data set." in tip
    assert cells_of[1].data(Qt.ItemDataRole.AccessibleTextRole) == "70.21%, My pictures"
    assert cells_of[1].data(FIGURE_ROLE) == "70.21%"
