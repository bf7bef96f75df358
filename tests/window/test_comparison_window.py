"""Runs side by side, and the buttons that lead there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from tests.library.made_runs import CIFAR10_JPEG, make_predictions, make_run
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.window.comparison_window import ComparisonWindow
from workbench.window.result_windows import ResultWindows
from workbench.window.results_bar import ResultsBar
from workbench.window.translation import Translation

Open = Callable[..., ComparisonWindow]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def open_window(qtbot: QtBot) -> Open:
    def open_window(*records: RunRecord) -> ComparisonWindow:
        window = ComparisonWindow(records)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitUntil(lambda: window.ready)
        return window

    return open_window


def test_two_runs_show_curves_differences_and_flips(open_window: Open, library: Library) -> None:
    window = open_window(
        make_run(library, "001", (20, 25, 30), seed=1),
        make_run(library, "001", (22, 28, 40), seed=2),
    )
    curves = [item.getData()[1].tolist() for _, item in window._curves]
    assert curves == [[20, 25, 30], [22, 28, 40]]
    assert "seed 1" in window.legend.text()
    assert ["Seed", "1", "2"] in window.differences.texts()
    assert "Learning rate" not in [row[0] for row in window.differences.texts()]
    window.tabs.setCurrentIndex(2)
    assert "McNemar's exact test" in window.sentence.text()
    assert "001 · Does it run?, seed 2 alone" in window.sentence.text()
    flips = window.flips_table.texts()
    assert len(flips) == 10
    gained = sum(int(row[3].replace(",", "")) for row in flips)
    assert gained == 1_000
    cells = [row[1:] for row in window.matrix.texts()]
    assert sum(int(cells[i][i].replace(",", "")) for i in range(10)) == 1_000
    window.flips_table.sortItems(3, Qt.SortOrder.DescendingOrder)
    order = [int(row[3]) for row in window.flips_table.texts()]
    assert order == sorted(order, reverse=True)


def test_a_class_asks_for_its_flips(qtbot: QtBot, open_window: Open, library: Library) -> None:
    first = make_run(library, "001", (20, 25, 30), seed=1)
    second = make_run(library, "001", (22, 28, 40), seed=2)
    window = open_window(first, second)
    before, after = make_predictions(30, seed=1), make_predictions(40, seed=2)
    cats = before.labels == 3
    for column, expected in (
        (1, cats & before.correct & ~after.correct),
        (2, cats & ~before.correct & after.correct),
        (3, cats & (before.correct != after.correct)),
    ):
        with qtbot.waitSignal(window.images_wanted) as heard:
            window.flips_table.cellDoubleClicked.emit(3, column)
        record, indices, words = heard.args
        assert record == second
        assert sorted(indices) == expected.nonzero()[0].tolist()
        assert words.startswith("cat: ")


def test_repeats_have_a_band_and_a_mean(open_window: Open, library: Library) -> None:
    runs = [make_run(library, "001", (20, 25, 30 + seed), seed=seed) for seed in range(3)]
    window = open_window(*runs)
    assert "3 runs, mean 31.00%, standard deviation 1.00 points" in window.spread.text()
    assert window.spread.isVisible()
    mean = window._band[1].getData()[1].tolist()
    assert mean == [20, 25, 31]
    assert window.tabs.count() == 2
    other = open_window(*runs[:2], make_run(library, "003", [10.0] * 3))
    assert not other.spread.isVisible()


def test_other_data_and_no_final_test(open_window: Open, library: Library) -> None:
    first = make_run(library)
    window = open_window(first, make_run(library, data=CIFAR10_JPEG | {"fingerprint": "0" * 64}))
    window.tabs.setCurrentIndex(2)
    assert "different images" in window.sentence.text()
    assert not window.matrix.isVisible()
    window = open_window(first, make_run(library, accuracies=()))
    window.tabs.setCurrentIndex(2)
    assert "no final test" in window.sentence.text()


def test_a_run_deleted_meanwhile_gives_a_sentence(qtbot: QtBot, library: Library) -> None:
    runs = [make_run(library), make_run(library, seed=1)]
    window = ComparisonWindow(runs)
    shutil.rmtree(runs[1].folder)
    window.show()
    qtbot.waitUntil(lambda: window.ready)  # nothing to draw of it, and that is all
    assert [len(rows) for rows in window._rows] == [3, 0]
    window.close()


def test_in_korean(qtbot: QtBot, open_window: Open, library: Library, qapp: QApplication) -> None:
    window = open_window(make_run(library), make_run(library, accuracies=()))
    translation = Translation(qapp)
    translation.use("ko")
    qtbot.waitUntil(lambda: window.tabs.tabText(1) == "다른 점")
    assert "최종 테스트가 없어" in window.sentence.text()
    translation.use("en")
    qtbot.waitUntil(lambda: window.tabs.tabText(1) == "What differs")


def test_the_bar_says_what_it_needs(qtbot: QtBot, library: Library) -> None:
    runs = [make_run(library, seed=seed) for seed in range(9)]
    chosen: list[RunRecord] = []
    bar = ResultsBar(lambda: chosen)
    qtbot.addWidget(bar)
    assert not bar.compare_button.isEnabled()
    assert "two runs or more" in bar.compare_button.toolTip()
    assert not bar.report_button.isEnabled()
    chosen[:] = runs[:1]
    bar.update_state()
    assert bar.report_button.isEnabled()
    assert not bar.compare_button.isEnabled()
    chosen[:] = runs
    bar.update_state()
    assert "8 runs or fewer" in bar.compare_button.toolTip()
    chosen[:] = runs[:2]
    bar.update_state()
    with qtbot.waitSignal(bar.compare_requested) as heard:
        bar.compare_button.click()
    assert heard.args == [runs[:2]]


@pytest.mark.parametrize("ending", ["html", "md"])
def test_a_report_is_written_from_the_window(
    qtbot: QtBot, library: Library, tmp_path: Path, qapp: QApplication, ending: str
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    windows = ResultWindows(library, Translation(qapp), parent)
    record = make_run(library)
    dialog = windows.write_report([record])
    assert isinstance(dialog, QFileDialog)
    path = tmp_path / f"my report.{ending}"
    with qtbot.waitSignal(windows.said) as heard:
        dialog.fileSelected.emit(str(path))
    assert heard.args == [f"Saved {path.name}."]
    assert "Does it run?" in path.read_text(encoding="utf-8")
    with qtbot.waitSignal(windows.problem) as heard:
        dialog.fileSelected.emit(str(tmp_path / "nowhere" / "a.html"))
    assert "cannot be written" in heard.args[0]
    dialog.close()
