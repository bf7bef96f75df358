"""Figures of each class and the reliability diagram, as the window shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from tests.library.made_runs import CIFAR10_JPEG, make_predictions, make_run
from tests.window.run.shown import show
from workbench.analysis.metrics import calibration, per_class
from workbench.library.catalog import Library
from workbench.window.kit.figure_table import FigureTable
from workbench.window.run.classes_view import ClassesView, ReliabilityDiagram


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def view(qtbot: QtBot) -> ClassesView:
    view = ClassesView()
    qtbot.addWidget(view)
    view.resize(800, 560)
    view.show()
    return view


def table(view: ClassesView) -> FigureTable:
    return view.findChild(FigureTable, "classesTable")


def test_figures_of_a_final_test(view: ClassesView, library: Library) -> None:
    show(view, make_run(library, accuracies=(20, 25, 60)))
    p = make_predictions(60)
    expected = per_class(p)
    rows = {row[0]: row[1:] for row in table(view).texts()}
    cat = expected.classes[3]
    assert rows["cat"] == [f"{cat.precision:.2f}%", f"{cat.recall:.2f}%", f"{cat.f1:.2f}%", "1,000"]
    means = view.findChild(FigureTable, "classMeansTable").texts()
    assert [row[0] for row in means] == ["macro mean", "weighted mean"]
    error = calibration(p).error
    assert error is not None
    assert f"{100 * error:.2f}%" in view.findChild(QLabel, "classesSummary").text()
    table(view).sortItems(2, Qt.SortOrder.AscendingOrder)
    recalls = [float(row[2].rstrip("%")) for row in table(view).texts()]
    assert recalls == sorted(recalls)


def test_the_diagram_names_the_bin_under_the_pointer(view: ClassesView, library: Library) -> None:
    show(view, make_run(library, accuracies=(20, 25, 60)))
    diagram = view.findChild(ReliabilityDiagram)
    place = diagram._place()
    bins = calibration(make_predictions(60)).bins
    assert diagram.bin_at(place.left() + place.width() * 0.5 / 15) == bins[0]
    assert diagram.bin_at(place.left() + place.width() * 14.5 / 15) == bins[14]
    assert diagram.bin_at(place.left() - 5) is None
    assert diagram.grab().toImage().pixelColor(int(place.left() + 1), 1).isValid()


def test_why_there_is_nothing(view: ClassesView, library: Library) -> None:
    empty = view.findChild(QLabel, "classesEmpty")
    assert "appear here" in empty.text()
    show(view, make_run(library, accuracies=(20,)))
    assert "no final test" in empty.text()
    show(view, make_run(library, accuracies=(20,), status="running"))
    assert "after this run's final test" in empty.text()
    record = make_run(library, data=CIFAR10_JPEG | {"classes": ["a", "b"]})
    show(view, record)
    assert "does not fit the 2 classes" in empty.text()
    show(view, None)
    assert "appear here" in empty.text()


def test_a_hundred_classes_and_images_without_a_prediction(
    view: ClassesView, library: Library
) -> None:
    record = make_run(library, data=CIFAR10_JPEG | {"classes": [f"class {i}" for i in range(100)]})
    logits = np.random.default_rng(0).normal(size=(300, 100)).astype(np.float32)
    logits[3] = np.nan
    np.savez(record.folder / "test_logits.npz", logits=logits, labels=np.arange(300) % 100)
    show(view, record)
    assert table(view).rowCount() == 100
    assert any(
        label.text() == "Left out: 1 image without a prediction."
        for label in view.findChildren(QLabel)
    )
