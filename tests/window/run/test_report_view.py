"""A run against the report, as the window shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from tests.library.made_runs import CIFAR10_JPEG, make_run
from tests.window.run.shown import show
from workbench.library.catalog import Library
from workbench.window.kit.figure_table import FigureTable
from workbench.window.run.report_view import ReportView


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr("workbench.analysis.against_report.shipped_curves", tuple)
    return Library(tmp_path / "library")


@pytest.fixture
def view(qtbot: QtBot) -> ReportView:
    view = ReportView()
    qtbot.addWidget(view)
    view.resize(620, 500)
    view.show()
    return view


def text(view: ReportView, name: str) -> str:
    label = view.findChild(QLabel, name)
    return label.text() if label.isVisible() else ""


def rows(view: ReportView) -> list[list[str]]:
    return view.findChild(FigureTable, "reportTable").texts()


def test_figures_and_verdict_of_a_run_with_repeats(view: ReportView, library: Library) -> None:
    runs = [
        make_run(library, "001", (20, 25, accuracy), seed=seed)
        for seed, accuracy in enumerate((30.2, 31.0, 31.5))
    ]
    show(view, runs[0])
    assert text(view, "reportVerdict") == "No verdict yet"
    assert rows(view)[0] == ["Test accuracy after epoch 3", "30.67%", "30.20%", "-0.47"]
    view.known_runs = lambda: runs
    view.hide()
    view.show()  # as by changing tabs
    assert text(view, "reportVerdict") == "Compatible with the report"
    assert "another run is expected (95%)" in text(view, "reportReason")
    assert "half-width" in text(view, "reportReason")
    assert "3 seeds" in text(view, "reportNotes")
    assert "binomial" in text(view, "reportNotes")


def test_what_is_not_compared_says_why(view: ReportView, library: Library) -> None:
    assert "appears here" in text(view, "reportEmpty")
    sample = CIFAR10_JPEG | {"kind": "sample", "comparable": False}
    show(view, make_run(library, data=sample))
    assert text(view, "reportVerdict") == "Not comparable"
    assert "sample" in text(view, "reportReason")
    assert rows(view) == []  # one sentence, and no table of dashes
    assert not view.findChild(FigureTable, "reportTable").isVisible()
    show(view, make_run(library))
    assert view.findChild(FigureTable, "reportTable").isVisible()
    show(view, replace(make_run(library), preset=None))
    assert "none of the report's" in text(view, "reportEmpty")
    show(view, replace(make_run(library), preset="gone"))
    assert "gone: there is no such preset" in text(view, "reportEmpty")
    show(view, None)
    assert "appears here" in text(view, "reportEmpty")


def test_nothing_is_read_while_another_tab_is_on_top(
    view: ReportView, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.hide()

    def fail(*_: object) -> None:
        raise AssertionError("read while hidden")

    with monkeypatch.context() as patch:
        patch.setattr("workbench.window.run.report_view.against_report", fail)
        show(view, make_run(library))
    view.show()
    assert rows(view)


def test_rows_are_copied_with_their_header(view: ReportView, library: Library) -> None:
    show(view, make_run(library))
    view.findChild(FigureTable, "reportTable").copy()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "Preset 001\treported\tmeasured\tdifference"
    assert len(lines) == 1 + len(rows(view))
