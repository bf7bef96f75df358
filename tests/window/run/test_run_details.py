"""The details of a run, through what a person touches."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QTableWidget, QWidget

from tests.window.run.shown import show
from workbench import paths
from workbench.library.run_folder import RunRecord
from workbench.spec.presets import read_preset
from workbench.window.run.run_details import RunDetails
from workbench.words.figures import duration

PRESET = read_preset(paths.shipped("presets") / "007.yaml")

RECORD = RunRecord(
    id="2026-11-23_205630_007",
    created="2026-11-23T20:56:30+00:00",
    preset="007",
    title="Adam",
    experiment={**PRESET.experiment.values(), "learning_rate": 0.00005, "epochs": 3},
    data={
        "kind": "cifar10",
        "name": "CIFAR-10",
        "classes": ["airplane", "automobile"],
        "train_images": 50_000,
        "test_images": 10_000,
        "fingerprint": "0123456789abcdef" * 4,
        "comparable": True,
    },
    device="cpu",
    environment={"python": "3.12.3", "torch": "2.9.1", "cpu_threads": 2, "novelty": "yes"},
    epochs=3,
    steps_per_epoch=3125,
    status="finished",
    epochs_done=3,
    accuracy=70.214,
    best_epoch=2,
    best_accuracy=70.5,
    seconds=185.2,
    weights="mlp_weight_007.pkl",
    folder=Path("/somewhere/library/2026-11-23_205630_007"),
)


@pytest.fixture
def view(qtbot, tmp_path, monkeypatch) -> RunDetails:
    monkeypatch.setenv("CIFAR_WORKBENCH_HOME", str(tmp_path))
    view = RunDetails()
    qtbot.addWidget(view)
    view.resize(620, 560)
    view.show()
    return view


def table(view: RunDetails) -> QTableWidget:
    return view.findChild(QTableWidget, "runDetailsTable")


def value(view: RunDetails, label: str) -> str:
    for i in range(table(view).rowCount()):
        if table(view).item(i, 0).text() == label:
            return table(view).item(i, 1).text().replace("\u200b", "")
    raise AssertionError(f"no row {label}")


def test_empty_says_what_to_do(view):
    assert view.findChild(QLabel, "runDetailsEmpty").isVisible()
    show(view, RECORD)
    assert not view.findChild(QLabel, "runDetailsEmpty").isVisible()
    show(view, None)
    assert view.findChild(QLabel, "runDetailsEmpty").isVisible()


def test_shows_what_is_known(view):
    show(view, RECORD)
    assert value(view, "Preset") == "007 Adam"
    assert value(view, "Folder") == str(RECORD.folder)
    assert value(view, "Status") == "Finished"
    assert value(view, "Epochs") == "3 of 3"
    assert value(view, "Test accuracy") == "70.21%, final test in evaluation mode"
    assert value(view, "Best epoch") == "2"
    assert "selected on the test set" in value(view, "Accuracy of the best epoch")
    assert value(view, "Time, tests included") == "3 min 5 s"
    assert value(view, "Batch size") == "16 images"
    assert value(view, "Optimizer") == "Adam"
    assert value(view, "Training images") == "50,000"
    assert value(view, "Fingerprint") == "0123456789ab"
    assert value(view, "PyTorch") == "2.9.1"
    assert value(view, "novelty") == "yes"
    assert value(view, "Weights") == "mlp_weight_007.pkl"
    assert value(view, "Weights of the best epoch") == "none"


PATIENT = {**RECORD.experiment, "epochs": 9, "early_stopping": 1, "validation_share": 0.1}


def test_a_best_epoch_by_validation_is_not_flattering_and_an_early_end_is_said(view):
    show(view, replace(RECORD, epochs=9, experiment=PATIENT, best_validation_accuracy=71.0))
    assert value(view, "Epochs") == "3 of 9, ended early"
    assert value(view, "Best epoch") == "2, selected on the validation split"
    images = "50,000, of which 10% are kept for validation"
    assert value(view, "Training images") == images
    chosen = value(view, "Validation accuracy of the best epoch")
    assert chosen == "71.00%, used to select it"
    test = value(view, "Test accuracy of the best epoch")
    assert test == "70.50%, not used to select it"
    texts = [table(view).item(i, 1) for i in range(table(view).rowCount())]
    assert not any("optimistic" in item.text() for item in texts if item)


def test_a_best_epoch_in_training_mode_says_so_instead_of_flattering(view):
    trained = {**RECORD.experiment, "test_mode": "train", "dropout": 0.5}
    show(view, replace(RECORD, experiment=trained))
    best = value(view, "Accuracy of the best epoch")
    assert best == "70.50%, in training mode, selected on the test set"


def test_marks_what_differs_from_the_preset(view):
    show(view, RECORD)
    assert value(view, "Learning rate") == "0.00005, changed; in 007: 0.001"
    assert value(view, "Gamma") == "0.2"
    values = {**PRESET.experiment.values(), "scheduler": "none"}
    del values["step_size"], values["gamma"]
    show(view, replace(RECORD, experiment=values))
    assert value(view, "Scheduler") == "None, changed; in 007: Step"
    assert value(view, "Step size") == "no effect, changed; in 007: 20 epochs"
    assert value(view, "Learning rate") == "0.001"


def test_a_preset_that_is_gone(view):
    show(view, replace(RECORD, preset="mine"))
    assert value(view, "Preset") == "mine, which is no longer there"
    assert value(view, "Learning rate") == "0.00005"
    show(view, replace(RECORD, preset=None))
    assert value(view, "Preset") == "none"


def test_sample_data_is_said_beside_every_figure(view):
    show(view, replace(RECORD, data={"kind": "sample", "name": "sample"}))
    assert value(view, "Test accuracy").endswith("sample data")
    assert value(view, "Accuracy of the best epoch").endswith("sample data")
    assert value(view, "Data set").startswith("Sample data")


@pytest.mark.parametrize("accuracy", [None, math.nan])
def test_a_run_that_has_nothing_yet(view, accuracy):
    bare = replace(RECORD, accuracy=accuracy, best_epoch=None, best_accuracy=None, status="failed")
    show(view, replace(bare, reason="The disk is full.", data={}, environment={}))
    assert value(view, "Test accuracy") == "—"
    assert value(view, "Reason") == "The disk is full."
    assert value(view, "Training images") == "—"


def test_figures_of_averaged_weights_and_of_mirror_images_say_so(view):
    experiment = {**RECORD.experiment, "test_mode": "eval", "ema": 0.99, "test_flip": True}
    show(view, replace(RECORD, experiment=experiment))
    assert "averaged weights (EMA), mean of each image and its mirror" in value(
        view, "Test accuracy"
    )
    assert value(view, "EMA").startswith("0.99")
    show(view, RECORD)
    assert "averaged" not in value(view, "Test accuracy")


def test_values_of_another_version_are_shown_as_they_are(view):
    show(view, replace(RECORD, experiment={"optimizer": "adan", "warmup": 5}))
    assert value(view, "Optimizer") == "adan"
    assert value(view, "warmup") == "5"


def test_a_running_run_keeps_place_and_selection(view, qtbot):
    show(view, replace(RECORD, status="running", epochs_done=1))
    bar = table(view).verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    table(view).selectRow(3)
    where = bar.value()
    assert where > 0
    show(view, replace(RECORD, status="running", epochs_done=2, accuracy=60.0))
    assert value(view, "Test accuracy") == "60.00%, after epoch 2, in training mode"
    assert bar.value() == where
    assert len(table(view).selectionModel().selectedRows()) == 1


def test_copy(view, qtbot):
    show(view, RECORD)
    copy = view.findChild(QPushButton, "runDetailsCopyButton")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    clipboard = QGuiApplication.clipboard()
    assert f"Folder\t{RECORD.folder}\n" in clipboard.text()
    assert "<td>Batch size</td><td>16 images</td>" in clipboard.mimeData().html()
    table(view).setFocus()
    table(view).selectRow(1)
    qtbot.keyClick(table(view), Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text() == "Name\tAdam\n"
    assert view.findChild(QLabel, "runDetailsNote").text() == "Copied 1 row."


def test_nothing_is_editable_and_long_paths_wrap(view, qtbot):
    long = Path("/a folder of somebody") / Path(*["with-many-parts"] * 12)
    show(view, RECORD)
    low = table(view).rowHeight(4)
    show(view, replace(RECORD, folder=long))
    assert table(view).item(4, 0).text() == "Folder"
    assert table(view).rowHeight(4) > low
    assert not table(view).horizontalScrollBar().isVisible()
    qtbot.mouseDClick(
        table(view).viewport(),
        Qt.MouseButton.LeftButton,
        pos=table(view).visualItemRect(table(view).item(1, 1)).center(),
    )
    assert table(view).state() != QTableWidget.State.EditingState


def test_durations():
    assert [duration(s) for s in (8.44, 59.9, 185.2, 3599.6, 93_800, math.nan)] == [
        "8.4 s",
        "59.9 s",
        "3 min 5 s",
        "1 h 0 min",
        "26 h 3 min",
        "—",
    ]


def test_the_layers_are_drawn_in_place_of_the_table(view):
    record = replace(RECORD, experiment={"network": "resnet18"})
    show(view, record)
    assert "multiply-adds an image" in value(view, "Size of the network")
    button = view.findChild(QPushButton, "runDetailsLayersButton")
    picture = view.findChild(QWidget, "networkPicture")
    assert not picture.isVisible()
    button.click()
    assert picture.isVisible()
    assert "Conv 1×1, 64 → 128" in picture.accessibleDescription()
    show(view, replace(record, experiment={"network": "nowhere"}))
    assert not button.isEnabled()
    assert not picture.isVisible()
