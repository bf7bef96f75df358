"""*Vary...* and the window of sweeps, as a person uses them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.library.made_runs import make_run
from workbench.data.data_choice import choose_data
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, write_record
from workbench.library.sweeps import StoredSweep, SweepStore
from workbench.spec.experiment import with_changes
from workbench.spec.presets import find_preset
from workbench.spec.sweep import sweep_from
from workbench.spec.sweep_file import SweepFile
from workbench.window.kit.or_words import OrWords
from workbench.window.sweeps.sweep_window import SweepWindow
from workbench.window.sweeps.vary_dialog import Start, VaryDialog

BASE = with_changes(find_preset("001").experiment, {"epochs": 2, "validation_share": 0.1})


def dialog(qtbot: QtBot, **more: Any) -> VaryDialog:
    begin = Start(BASE, "001", "First", choose_data("sample"), "auto", Path("/nowhere"))
    shown = VaryDialog(begin, **more)
    qtbot.addWidget(shown)
    return shown


def test_what_is_wrong_stands_beside_its_field_and_the_rest_is_counted(qtbot: QtBot) -> None:
    shown = dialog(qtbot)
    assert not shown.start_button.isEnabled()
    shown.fields["learning_rate"].setText("0..0.1:log")
    shown.fields["batch_size"].setText("16, many")
    shown.check()
    assert "logarithmic scale" in shown.reasons["learning_rate"].text()
    assert shown.reasons["batch_size"].text().startswith("Must be a whole number")
    assert not shown.start_button.isEnabled()
    shown.fields["learning_rate"].setText("0.001, 0.01, 0.1")
    shown.fields["batch_size"].setText("16, 64")
    shown.seeds.setValue(2)
    shown.check()
    assert shown.method.currentData() == "grid"
    assert not shown.trials.isEnabled()
    assert "6 points × 2 seeds = 12 runs" in shown.summary.text()
    shown.fields["learning_rate"].setText("0.001 to 0.1, log")
    shown.check()
    assert shown.method.currentData() == "random"
    assert "20 points" in shown.summary.text()


def test_repeats_are_asked_for_with_seeds_alone(qtbot: QtBot) -> None:
    shown = dialog(qtbot, seeds=5)
    asked: list[Any] = []
    shown.started.connect(lambda file, workers: asked.append(file))
    assert "1 point × 5 seeds = 5 runs" in shown.summary.text()
    shown.start_button.click()
    assert asked[0].sweep.seeds == (0, 1, 2, 3, 4)
    assert asked[0].dataset == "sample"


# --- the window ------------------------------------------------------------------------


@pytest.fixture
def library(home: Any) -> Library:
    return Library()


def made(library: Library, points: int, seeds: int = 1) -> tuple[StoredSweep, list[RunRecord]]:
    """A sweep whose runs all are copies of one in their records alone."""
    vary = {"learning_rate": "0.001..0.1:log", "batch_size": "16, 64", "optimizer": "sgd, adam"}
    sweep = sweep_from(BASE, vary, trials=points, seeds=seeds, preset="001", title="Rates")
    stored = SweepStore(library.path).add(SweepFile(sweep, dataset="sample"))
    first = make_run(
        library, "001", [30.0, 40.0], validation=[31.0, 41.0], epochs=2, validation_share=0.1
    )
    runs = [
        replace(
            first,
            id=f"r{point}-{seed}",
            sweep=stored.id,
            point=point,
            best_validation_accuracy=30 + 40 * (point * 7 % points) / points + seed,
            experiment=sweep.experiment_at(sweep.points[point], seed).values(),
        )
        for point in range(points)
        for seed in range(seeds)
    ]
    return stored, runs


def test_every_tab_shows_the_sweep_and_a_click_opens_a_run(qtbot: QtBot, library: Library) -> None:
    stored, runs = made(library, 12, 2)
    window = SweepWindow(library.path, lambda: runs)
    qtbot.addWidget(window)
    window.show()
    assert window.table.rowCount() == 12
    assert "24 of 24 runs" in window.state.text()
    assert "distinguishable" in window.said.text()
    opened: list[RunRecord] = []
    used: list[Any] = []
    window.open_requested.connect(opened.append)
    window.hyperparameters_requested.connect(lambda preset, e: used.append((preset, e)))
    window.table.selectRow(0)
    window.open_run.click()
    assert window.results is not None
    assert window.results.best is not None
    assert opened[0].point == window.results.best.number
    window.use.click()
    assert used[0][0] == "001"
    assert used[0][1].learning_rate == window.results.best.values["learning_rate"]
    for index in range(window.tabs.count()):
        window.tabs.setCurrentIndex(index)
        QApplication.processEvents()
    window.tabs.setCurrentIndex(1)
    window.top.setValue(25)
    assert window.parallel.in_color().sum() == 3
    window.parallel.brush(0, (0.0, 0.5))
    assert window.parallel.in_color().sum() <= 3
    window.clear.click()
    window.parallel.chosen.emit(4)
    assert opened[-1].point == 4
    assert [plot is not None for plot in window.fields.plots] == [True] * 3
    qtbot.waitUntil(lambda: window.curves.ready)
    assert stored.id in window.choice.currentText()


def test_what_comes_while_it_is_open_is_shown(qtbot: QtBot, library: Library) -> None:
    stored, runs = made(library, 4)
    known: list[RunRecord] = []
    window = SweepWindow(library.path, lambda: known)
    qtbot.addWidget(window)
    assert "0 of 4 runs" in window.state.text()
    assert window.resume.isEnabled()
    asked: list[str] = []
    window.resume_requested.connect(asked.append)
    window.resume.click()
    assert asked == [stored.id]
    for index in (1, 2, 3):
        window.tabs.setCurrentIndex(index)
        page = window.tabs.currentWidget()
        assert isinstance(page, OrWords)
        assert page.currentWidget().text() == "No point has a result yet."
    place = window.said.minimumHeight()
    known += runs[:2]
    window.look()
    assert page.currentIndex() == 0
    assert window.said.heightForWidth(1160) <= place
    best = window.table.item(0, window.table.columnCount() - 1)
    assert best is not None
    assert best.text() == "best"
    assert best.cell.role == ""  # one seed cannot tell
    assert not window.use.isEnabled()
    assert "row" in window.use.toolTip()
    assert "2 of 4 runs" in window.state.text()
    assert "cannot be told" in window.said.text()


def test_a_library_without_sweeps_says_how_to_begin(qtbot: QtBot, library: Library) -> None:
    window = SweepWindow(library.path, list)
    qtbot.addWidget(window)
    assert "Vary…" in window.said.text()
    assert not window.use.isEnabled()


def test_the_table_is_saved(
    qtbot: QtBot, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.window.sweeps import sweep_window

    _, runs = made(library, 3)
    window = SweepWindow(library.path, lambda: runs)
    qtbot.addWidget(window)
    path = tmp_path / "s.csv"
    monkeypatch.setattr(
        sweep_window, "ask_to_save", lambda parent, title, name, kinds, save: save(path, "csv")
    )
    window.export.click()
    assert path.read_text().splitlines()[0].startswith("point,optimizer,learning_rate")
    assert len(path.read_text().splitlines()) == 4


def test_five_hundred_runs_are_drawn_with_few_items(qtbot: QtBot, library: Library) -> None:
    _, runs = made(library, 250, 2)
    window = SweepWindow(library.path, lambda: runs)
    qtbot.addWidget(window)
    window.tabs.setCurrentIndex(1)
    assert len(window.parallel.getPlotItem().items) < 40
    began = time.perf_counter()
    window.parallel.brush(0, (0.2, 0.4))
    assert time.perf_counter() - began < 5  # no measurement: that it ends


def test_records_are_written_as_the_catalog_reads_them(library: Library) -> None:
    stored, runs = made(library, 2)
    write_record(replace(runs[0], id=runs[0].folder.name))
    (record,) = library.runs()
    assert (record.sweep, record.point) == (stored.id, 0)
