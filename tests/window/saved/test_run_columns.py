"""Columns and groups of the table of runs, through what a user touches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.window.saved.test_saved_models import record
from workbench.library.catalog import Library
from workbench.spec.presets import find_preset
from workbench.window.saved.run_cells import ACCURACY, RUN
from workbench.window.saved.run_columns import COLUMNS, DIFFERS, column_of, differs_text, value_of
from workbench.window.saved.run_table import LAST
from workbench.window.saved.saved_models import SavedModels

VALUES = ({"seed": 0}, {"seed": 1}, {"learning_rate": 0.01})


@pytest.fixture
def widget(tmp_path: Path, qtbot: QtBot) -> SavedModels:
    library = Library(tmp_path / "library")
    preset = find_preset("007")
    for number, values in enumerate(VALUES):
        experiment = {**preset.experiment.values(), **values}
        writer = library.create(record(title="Adam", experiment=experiment))
        writer.update(status="finished", accuracy=70.0 + number)
        writer.close()
    widget = SavedModels(library)
    qtbot.addWidget(widget)
    widget.show_presets({preset.id: preset})
    widget.resize(500, 500)
    widget.show()
    qtbot.waitUntil(lambda: widget.table.rowCount() == len(VALUES))
    return widget


def cells(widget: SavedModels, column: int) -> set[str]:
    table = widget.table
    return {table.index(row, column).data() for row in range(table.rowCount())}


def test_what_tells_a_run_from_its_preset_is_said(widget: SavedModels) -> None:
    assert cells(widget, DIFFERS) == {"", "Seed 1", "Learning rate 0.01"}


def test_only_what_differs_has_columns_right_behind_the_accuracy(widget: SavedModels) -> None:
    widget.columns.only_differing.trigger()
    assert {"seed", "learning_rate"} <= set(widget.view.shown_columns())
    assert "optimizer" not in widget.view.shown_columns()
    header = widget.view.horizontalHeader()
    places = [header.visualIndex(column_of(key) or 0) for key in ("learning_rate", "seed")]
    assert places == [header.visualIndex(ACCURACY) + 1, header.visualIndex(ACCURACY) + 2]
    widget.columns.only_differing.trigger()
    assert widget.view.shown_columns() == ["differs"]


def test_a_column_is_shown_sorted_by_and_kept(widget: SavedModels) -> None:
    widget.columns.columns["learning_rate"].trigger()
    column = column_of("learning_rate")
    assert column is not None
    assert not widget.view.isColumnHidden(column)
    widget.view.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    assert widget.table.index(0, column).data() == "0.01"
    state = widget.columns.state()
    widget.columns.first_columns.trigger()
    assert widget.view.isColumnHidden(column)
    widget.columns.restore(state)
    assert not widget.view.isColumnHidden(column)
    widget.columns.restore({"columns": ["nonsense", 3], "group": "nonsense"})


def test_a_group_has_the_mean_of_its_runs_folds_and_is_no_run(
    widget: SavedModels, qtbot: QtBot
) -> None:
    widget.columns.grouping["preset"].trigger()
    assert widget.table.rowCount() == len(VALUES) + 1
    heading = widget.table.index(0, RUN)
    assert heading.data() == "▾ 3× 007 Adam"
    assert widget.table.index(0, ACCURACY).data() == "71.00%"
    widget.view.selectAll()
    assert len(widget.selected()) == len(VALUES)
    view = widget.view
    where = view.visualRect(heading).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert widget.table.rowCount() == 1
    assert widget.counts.text().startswith("3 runs")
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert widget.table.rowCount() == len(VALUES) + 1


def test_the_table_takes_the_keyboard(widget: SavedModels, qtbot: QtBot) -> None:
    widget.search.setFocus()
    view = widget.view
    where = view.visualRect(widget.table.index(1, ACCURACY)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert view.hasFocus()
    before = view.currentIndex().row()
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.currentIndex().row() == before + 1


def test_names_stay_while_the_rest_is_scrolled(widget: SavedModels, qtbot: QtBot) -> None:
    widget.view.show_columns([column.key for column in COLUMNS])
    bar = widget.view.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    names = widget.view.findChild(type(widget.view).__mro__[1], "runNames")
    assert names is not None
    assert names.isVisible()
    widget.view.scrollTo(widget.table.index(2, RUN))
    assert bar.value() == bar.maximum()


def test_a_run_of_before_a_hyperparameter_has_its_default() -> None:
    old = replace(record(experiment={"optimizer": "sgd"}), preset="unknown")
    assert value_of(old, "flip") == "none"
    assert value_of(old, "step_size") is None
    assert differs_text(replace(old, experiment={}), {}) == ""
    odd = replace(old, experiment={"learning_rate": "much", "seed": [1]})
    for column in range(DIFFERS, LAST + 1):
        COLUMNS[column - DIFFERS].text(odd, {})
        COLUMNS[column - DIFFERS].order(odd, {})
