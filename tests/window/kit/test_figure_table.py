"""A table's last column is seen wherever all of them can be."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from workbench.window.kit.figure_table import Cell, FigureTable

ROWS = [[Cell("a name that is rather long for a table"), Cell("75.18%"), Cell("1,000")]] * 3


def test_names_yield_to_figures_and_get_their_room_back(qtbot: QtBot) -> None:
    table = FigureTable("testTable")
    qtbot.addWidget(table)
    table.show_rows(("name", "accuracy", "images"), ROWS)
    table.resize(900, 200)
    table.show()
    whole = table.columnWidth(0)
    figures = table.columnWidth(1) + table.columnWidth(2)
    table.resize(figures + whole - 30, 200)
    assert sum(map(table.columnWidth, range(3))) == table.viewport().width()
    assert table.columnWidth(0) < whole
    # Where that is not enough it scrolls, with the names whole.
    table.resize(figures, 200)
    assert table.columnWidth(0) == whole
    table.resize(900, 200)
    assert table.columnWidth(0) == whole
    # A width that someone chose stays.
    table.setColumnWidth(0, 60)
    table.resize(800, 200)
    assert table.columnWidth(0) == 60
