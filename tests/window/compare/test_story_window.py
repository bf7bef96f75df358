"""The report's experiments in one chart and one table."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPixmap, QRegion
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests.library.made_runs import CIFAR10_JPEG, make_run
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.window.compare.story_window import StoryWindow
from workbench.window.kit.focus_ring import WIDTH


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def story(qtbot: QtBot, *records: RunRecord) -> StoryWindow:
    window = StoryWindow(records)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: window.ready)
    return window


def test_reported_beside_the_mean_of_comparable_runs(qtbot: QtBot, library: Library) -> None:
    window = story(
        qtbot,
        make_run(library, "001", (20, 25, 30.0), seed=0),
        make_run(library, "001", (20, 25, 32.0), seed=1),
        make_run(library, "001", (20, 25, 90.0), learning_rate=0.1),
        make_run(library, "001", (99, 99, 99.0), data=CIFAR10_JPEG | {"comparable": False}),
        make_run(library, "007", (50.0,)),
    )
    rows = {row[0].partition(" ")[0]: row[1:] for row in window.table.texts()}
    assert list(rows)[:12] == [f"{number:03d}" for number in range(1, 13)]
    assert rows["012a"][0] == "–"  # beyond the report
    assert rows["001"][:3] == ["30.67%", "31.00% (2 runs)", "+0.33"]
    assert rows["007"][:3] == ["70.10%", "69.10%, shipped", "-1.00"]  # not come to epoch 25
    assert rows["008"][0] == "≈70%"
    assert "Adam" in rows["007"][3]
    assert rows["001"][4] == "It runs."
    high, low = window.chart.point(0, 90), window.chart.point(0, 10)
    assert high.y() < low.y()


def test_what_the_report_ran_stands_apart_from_what_it_declared(
    qtbot: QtBot, library: Library
) -> None:
    accuracies = (60.0,) * 24
    declared = make_run(library, "007", (*accuracies, 58.0))
    stopped = make_run(library, "005", (10.0,) * 6)  # as the report did
    window = story(qtbot, declared, stopped)
    assert window.table.texts()[6][2] == "58.00%, as written"
    assert window.table.texts()[4][2] == "10.00%"
    as_run = make_run(library, "007", (*accuracies, 69.0), scheduler="none", epochs=25)
    window = story(qtbot, declared, as_run)
    assert window.table.texts()[6][2:4] == ["69.00%", "-1.10"]


def test_the_focus_ring_around_an_entry_of_the_legend_covers_nothing(qtbot: QtBot) -> None:
    window = story(qtbot)
    legend = window.chart.legend
    for button in legend.buttons():
        assert button.geometry().bottom() < legend.height()
        button.clearFocus()
        picture = QPixmap(button.size())
        picture.fill(Qt.GlobalColor.white)
        words_only = QWidget.RenderFlag.DrawChildren  # not the background
        button.render(picture, QPoint(), QRegion(), words_only)
        drawn, ring = picture.toImage(), WIDTH + 1
        inside = drawn.rect().adjusted(ring, ring, -ring, -ring)
        marked = {
            inside.contains(x, y)
            for x in range(drawn.width())
            for y in range(drawn.height())
            if drawn.pixelColor(x, y) != QColor("white")
        }
        assert marked == {True}, button.text()


def test_a_click_asks_for_the_runs(qtbot: QtBot) -> None:
    window = story(qtbot)
    at = window.chart.point(8, 50)
    with qtbot.waitSignal(window.runs_wanted) as heard:
        qtbot.mouseClick(
            window.chart, Qt.MouseButton.LeftButton, pos=QPoint(int(at.x()), int(at.y()))
        )
    assert heard.args == ["009"]
    with qtbot.waitSignal(window.runs_wanted) as heard:
        window.table.cellDoubleClicked.emit(1, 0)
    assert heard.args == ["002"]
    assert window.chart.column_at(0) is None


def test_a_run_that_went_meanwhile_is_left_out(qtbot: QtBot, library: Library) -> None:
    record = make_run(library, "001", (20, 25, 30.0))
    shutil.rmtree(record.folder)
    window = story(qtbot, record)
    assert "shipped" in window.table.texts()[0][2]


def test_without_runs_the_shipped_results_are_pale_marks(qtbot: QtBot, library: Library) -> None:
    window = story(qtbot)
    rows = {row[0].partition(" ")[0]: row[1:] for row in window.table.texts()}
    assert rows["001"][:3] == ["30.67%", "31.29% (5 runs), shipped", "+0.62"]
    assert rows["009"][1] == "72.41%, shipped"  # of the final test, as the report's
    assert rows["011"][1] == "–"  # not measured to its end
    assert "CIFAR-10, JPEG" in window.hint.text()
    names = [button.text() for button in window.chart.legend.buttons()]
    assert names[2].startswith("measured for this program")
    assert "002: reported 64.94%, measured for this program 65.70%" in window.chart.spoken()

    def blue(chart: QWidget) -> int:
        """Pixels of the color of measured marks around 002's result, however pale."""
        image = chart.grab().toImage()
        at = window.chart.point(1, 65.70)
        around = [
            image.pixelColor(int(at.x()) + dx, int(at.y()) + dy)
            for dx in (-9, 9)
            for dy in (-1, 0, 1)
        ]
        return sum(color.blue() - color.red() > 40 for color in around)

    assert blue(window.chart) > 0
    window.chart.legend.buttons()[2].click()
    assert blue(window.chart) == 0

    own = story(qtbot, make_run(library, "002", (60.0,) * 100))
    assert own.table.texts()[1][2] == "60.00%"
    assert own.table.texts()[0][2].endswith("shipped")
