"""Runs side by side, and the buttons that lead there."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from tests.library.made_runs import CIFAR10_JPEG, make_predictions, make_run
from workbench.analysis.heat import filters_as_pixels
from workbench.analysis.smoothing import Smoother
from workbench.data.data_choice import CIFAR10_CLASSES
from workbench.data.kept_images import TestImages, keep_test_images
from workbench.data.progress import DataProgress
from workbench.engine.look_inside import first_filters
from workbench.engine.networks import build_network
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.library.weights import Weights, build_from, load_weights, save_weights
from workbench.spec.experiment import experiment_from, with_changes
from workbench.window.compare.comparison_window import ComparisonWindow
from workbench.window.compare.flips_view import LOST, WON
from workbench.window.images.image_store import ImageStore
from workbench.window.kit.translation import Translation
from workbench.window.result_windows import ResultWindows
from workbench.window.saved.results_bar import ResultsBar

Open = Callable[..., ComparisonWindow]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


IMAGES = TestImages(
    "f" * 64,
    np.random.default_rng(0).integers(0, 256, (10_000, 32, 32, 3), np.uint8),
    np.arange(10_000)[::-1].copy(),
)


@pytest.fixture
def store(qtbot: QtBot) -> Iterator[ImageStore]:
    store = ImageStore()
    yield store
    assert store.stop(30_000)
    store.deleteLater()


@pytest.fixture
def open_window(qtbot: QtBot, store: ImageStore) -> Open:
    def open_window(*records: RunRecord) -> ComparisonWindow:
        window = ComparisonWindow(records, store)
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
    curves = [run["accuracy"].getData()[1].tolist() for run in window.curves._curves]
    assert curves == [[20, 25, 30], [22, 28, 40]]
    assert "seed 1" in window.legend.accessibleName()
    assert ["Seed", "1", "2"] in window.differences.texts()
    assert "Learning rate" not in [row[0] for row in window.differences.texts()]
    window.tabs.setCurrentIndex(2)
    assert "McNemar's exact test" in window.flips.sentence.text()
    assert "001 · Does it run?, seed 2 alone" in window.flips.sentence.text()
    flips = window.flips.table.texts()
    assert len(flips) == 10
    gained = sum(int(row[3].replace(",", "")) for row in flips)
    assert gained == 1_000
    cells = [row[1:] for row in window.confusion.difference.texts()]
    assert sum(int(cells[i][i].replace(",", "")) for i in range(10)) == 1_000
    window.flips.table.sortItems(3, Qt.SortOrder.DescendingOrder)
    order = [int(row[3]) for row in window.flips.table.texts()]
    assert order == sorted(order, reverse=True)


def drawn_losses(window: ComparisonWindow, number: int) -> np.ndarray:
    return window.curves._curves[number]["steps"].getOriginalDataset()[1]


def test_losses_are_smoothed_over_the_same_steps_however_long_a_run_is(
    qtbot: QtBot, open_window: Open, library: Library
) -> None:
    losses = np.random.default_rng(0).gamma(9, 0.2, 9_375).astype("f4")
    short = make_run(library, accuracies=(20.0,), losses=losses[:3_125], steps=3_125)
    window = open_window(short, make_run(library, losses=losses, steps=3_125))
    curves = window.curves
    curves.loss.set_ends((0.5, 0.6), None)  # narrow enough for every step to have a point
    curves.slider.setValue(90)
    qtbot.waitUntil(lambda: not curves._smoothing.isActive() and not curves._redrawing.isActive())
    expected = Smoother(0.9).extend(losses[:3_125])
    first, second = drawn_losses(window, 0), drawn_losses(window, 1)
    assert len(first) > 300
    np.testing.assert_allclose(first, second, rtol=1e-5)
    at = int(np.abs(expected - first[0]).argmin())
    np.testing.assert_allclose(first, expected[at : at + len(first)], rtol=1e-5)
    assert "10 steps" in curves.loss_title.text()
    curves.slider.setValue(0)
    qtbot.waitUntil(lambda: not curves._smoothing.isActive())
    assert np.array_equal(drawn_losses(window, 0), losses[at : at + len(first)])


def test_a_run_is_hidden_by_its_legend_with_mouse_or_keys(
    qtbot: QtBot, open_window: Open, library: Library
) -> None:
    window = open_window(
        make_run(library, "001", (20, 25, 30), seed=1),
        make_run(library, "001", (60, 65, 70), seed=2),
    )
    first, second = window.legend.buttons()
    qtbot.mouseClick(second, Qt.MouseButton.LeftButton)
    assert not any(curve.isVisible() for curve in window.curves._curves[1].values())
    assert window.curves._curves[0]["accuracy"].isVisible()
    assert window.curves._curves[0]["steps"].isVisible()
    assert window.curves.accuracy.view.viewRange()[1][1] < 40  # what is left fills the plot
    window.retranslate()
    assert not second.isChecked()  # it stays hidden
    second.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(second, Qt.Key.Key_Space)
    assert window.curves._curves[1]["accuracy"].isVisible()
    assert first.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_a_validation_split_has_a_curve_and_says_who_chose(
    open_window: Open, library: Library
) -> None:
    plain = make_run(library, "001", (20, 25, 30))
    split = make_run(library, "001", (22, 28, 40), validation=(20, 27, 25), validation_share=0.1)
    window = open_window(plain, split)
    curves = [run["validation_accuracy"].getData()[1] for run in window.curves._curves]
    assert curves[0] is None or not len(curves[0])
    assert curves[1].tolist() == [20, 27, 25]
    window.curves.accuracy_box.setCurrentIndex(1)
    assert "triangles: validation accuracy" in window.curves.accuracy_title.text()
    rows = window.differences.texts()
    assert ["Best epoch selected on", "test set: optimistic", "validation split"] in rows
    assert ["Validation accuracy of the best epoch", "–", "27.00%"] in rows
    assert ["Validation", "0", "0.1"] in rows
    early = make_run(library, "001", (22, 28), status="finished", early_stopping=1)
    only = open_window(plain, early)
    assert ["Ended early", "no", "yes"] in only.differences.texts()
    assert "validation" not in only.curves.accuracy_title.text()


def test_training_test_and_validation_can_be_drawn(open_window: Open, library: Library) -> None:
    counted = make_run(
        library, "001", (20, 25, 30), training=(21, 50, 90), test_losses=(2, 1.5, 1.8)
    )
    window = open_window(counted, make_run(library, "001", (22, 28, 40), seed=2))
    curves = window.curves
    first, second = curves._curves
    assert first["training_accuracy"].getData()[1].tolist() == [21, 50, 90]
    assert first["training_accuracy"].isVisible()
    assert curves.accuracy.view.viewRange()[1][1] > 90
    assert "without marks: training accuracy" in curves.accuracy_title.text()
    curves.accuracy_box.setCurrentIndex(1)
    assert not first["training_accuracy"].isVisible()
    assert curves.accuracy.view.viewRange()[1][1] < 50

    curves.loss_box.setCurrentIndex(1)
    assert first["test_loss"].getData()[1].tolist() == [2, 1.5, 1.8]
    assert [first[name].isVisible() for name in ("steps", "loss", "test_loss")] == [
        *(False, True, True),
    ]
    assert not curves.slider.isVisible()
    curves.loss_box.setCurrentIndex(2)
    window.legend.buttons()[0].click()
    assert not first["test_loss"].isVisible()
    assert second["test_loss"].isVisible()


def test_what_no_run_has_is_said(open_window: Open, library: Library) -> None:
    window = open_window(make_run(library), make_run(library, seed=1))
    window.curves.accuracy_box.setCurrentIndex(2)
    assert window.curves.accuracy.words.text() == "None of these runs has it."


def two_runs(library: Library) -> tuple[RunRecord, RunRecord]:
    return (
        make_run(library, "001", (20, 25, 30), seed=1),
        make_run(library, "001", (22, 28, 40), seed=2),
    )


def test_the_flips_are_galleries(
    qtbot: QtBot, open_window: Open, library: Library, store: ImageStore
) -> None:
    first, second = two_runs(library)
    window = open_window(first, second)
    window.tabs.setCurrentIndex(2)
    store.loaded.emit(IMAGES)
    view = window.flips
    before, after = make_predictions(30, seed=1), make_predictions(40, seed=2)
    lost, won = before.correct & ~after.correct, ~before.correct & after.correct

    def shown(which: int) -> np.ndarray:
        return view.galleries[which].images.order

    for which, expected, judged in ((LOST, lost, after), (WON, won, before)):
        assert sorted(shown(which)) == expected.nonzero()[0].tolist()
        assert (np.diff(judged.confidence[shown(which)]) <= 0).all()
        assert f"{expected.sum():,} images" in view.headings[which].text()
        # Under the thumbnail stands what the run that is wrong takes it for.
        row = view.galleries[which].images.words(0)
        assert row[1] == judged.classes[judged.predicted[shown(which)[0]]] != row[0]
    view.table.selectRow(3)
    assert view.class_box.currentText() == "cat"
    cats = before.labels == 3
    assert sorted(shown(LOST)) == (lost & cats).nonzero()[0].tolist()
    assert sorted(shown(WON)) == (won & cats).nonzero()[0].tolist()
    counts = view.table.texts()[3]
    assert counts[1:3] == [f"{(lost & cats).sum():,}", f"{(won & cats).sum():,}"]

    gallery = view.galleries[WON]
    index = int(shown(WON)[2])
    gallery.setCurrentIndex(gallery.images.index(2))
    assert np.array_equal(view.panel.picture.pixels, IMAGES.images[index])
    assert not view.galleries[LOST].currentIndex().isValid()  # one image is the chosen one
    lines = view.panel.others.text().splitlines()
    assert [line[0] for line in lines] == ["✗", "✓"]
    assert [line[line.index("seed") :][:6] for line in lines] == ["seed 1", "seed 2"]
    with qtbot.waitSignal(window.images_wanted) as heard:
        qtbot.keyClick(gallery, Qt.Key.Key_Return)
    record, indices, words, chosen = heard.args
    assert record == second
    assert sorted(indices) == (won & cats).nonzero()[0].tolist()
    assert words == f"cat: only {window._names[1]} right"
    assert "seed 2" in words
    assert chosen == index


def test_flips_without_images_say_why_and_are_read_again_when_asked_for(
    qtbot: QtBot, open_window: Open, library: Library, store: ImageStore
) -> None:
    window = open_window(*two_runs(library))
    view = window.flips
    with qtbot.waitSignal(store.missing, timeout=30_000):
        window.tabs.setCurrentIndex(2)
        assert view.why_empty.text() == "Reading images"
        assert not view.read_button.isVisible()
        store.progress.emit("f" * 64, DataProgress(3, 4))
        assert view.progress.isVisible()
    assert "no longer on this machine" in view.why_empty.text()
    window.tabs.setCurrentIndex(0)
    window.tabs.setCurrentIndex(2)
    assert "no longer on this machine" in view.why_empty.text()
    with qtbot.waitSignal(store.missing, timeout=30_000):
        view.read_button.click()  # a disk may be connected again
        assert view.why_empty.text() == "Reading images"
        assert not view.read_button.isVisible()
    assert view.read_button.isVisible()


def test_kept_images_are_read_without_asking(
    qtbot: QtBot, open_window: Open, library: Library
) -> None:
    keep_test_images("f" * 64, IMAGES.images)
    window = open_window(*two_runs(library))
    window.tabs.setCurrentIndex(2)
    qtbot.waitUntil(lambda: window.flips.galleries[LOST].isVisible(), timeout=30_000)
    assert window.flips.panel.picture.pixels is not None


def test_no_flips_is_said(open_window: Open, library: Library, store: ImageStore) -> None:
    window = open_window(make_run(library, prediction_seed=1), make_run(library, prediction_seed=1))
    window.tabs.setCurrentIndex(2)
    store.loaded.emit(IMAGES)
    assert window.flips.why_empty.isVisible()
    assert "right on the same images" in window.flips.why_empty.text()
    assert not window.flips.read_button.isVisible()
    assert {row[1] for row in window.flips.table.texts()} == {"0"}


def test_repeats_have_a_band_and_a_mean(open_window: Open, library: Library) -> None:
    runs = [make_run(library, "001", (20, 25, 30 + seed), seed=seed) for seed in range(3)]
    window = open_window(*runs)
    assert "3 runs, mean 31.00%, standard deviation 1.00 points" in window.curves.spread.text()
    assert window.curves.spread.isVisible()
    mean = window.curves._band[1].getData()[1].tolist()
    assert mean == [20, 25, 31]
    other = open_window(*runs[:2], make_run(library, "003", [10.0] * 3))
    assert not other.curves.spread.isVisible()


def test_three_runs_are_tested_in_pairs_and_corrected(open_window: Open, library: Library) -> None:
    runs = [make_run(library, "001", (20, 25, a), seed=s) for s, a in enumerate((30.0, 30.0, 40.0))]
    window = open_window(*runs)
    window.tabs.setCurrentIndex(2)
    assert window.tabs.tabText(2) == "Image by image"
    assert "3 pairs" in window.pairs_title.text()
    assert "by Holm" in window.pairs_title.text()
    rows = window.pairs.texts()
    assert len(rows) == 3
    assert rows[1][4] == "< 0.001"
    other = open_window(*runs[:2], make_run(library, accuracies=()))
    assert "no final test" in other.pairs_title.text()
    assert not other.pairs.isVisible()


def test_other_data_and_no_final_test(open_window: Open, library: Library) -> None:
    first = make_run(library)
    window = open_window(first, make_run(library, data=CIFAR10_JPEG | {"fingerprint": "0" * 64}))
    window.tabs.setCurrentIndex(2)
    assert "different images" in window.flips.sentence.text()
    assert not window.flips.table.isVisible()
    assert "different images" in window.confusion.difference_title.text()
    window = open_window(first, make_run(library, accuracies=()))
    window.tabs.setCurrentIndex(2)
    assert "no final test" in window.flips.sentence.text()


def test_two_confusion_matrices_stand_side_by_side(
    qtbot: QtBot, open_window: Open, library: Library
) -> None:
    first, second = two_runs(library)
    window = open_window(first, second)
    window.tabs.setCurrentWidget(window.confusion)
    page = window.confusion
    left, right = page.sides
    assert [side.matrix.isVisible() for side in page.sides] == [True, True]
    assert "seed 1" in left.name.text()
    assert left.result.text().startswith("3,000 of 10,000 correct (30.00%), final test")
    assert not left.box.isVisible()
    cell = left.matrix.place().cell(3, 5).center()
    qtbot.mouseMove(left.matrix, cell)
    confusions = [make_predictions(a, seed=s).confusion for a, s in ((30, 1), (40, 2))]
    for side, confusion in zip(page.sides, confusions, strict=True):  # the same cell of both
        assert side.readout.text().startswith(f"cat mistaken for dog: {confusion[3, 5]} of 1,000")
    with qtbot.waitSignal(window.images_wanted) as heard:
        qtbot.mouseClick(right.matrix, Qt.MouseButton.LeftButton, pos=cell)
    assert heard.args[0] == second
    assert len(heard.args[1]) == confusions[1][3, 5]
    page.view_box.setCurrentIndex(1)
    assert page.difference.isVisible()
    assert not left.isVisible()


def test_any_two_of_several_runs_have_their_matrices(open_window: Open, library: Library) -> None:
    window = open_window(*two_runs(library), make_run(library, accuracies=(), seed=3))
    window.tabs.setCurrentWidget(window.confusion)
    page = window.confusion
    left, right = page.sides
    assert [side.box.currentIndex() for side in page.sides] == [0, 1]
    right.box.setCurrentIndex(2)
    assert right.empty.isVisible()
    assert right.empty.text() == "No test yet."
    page.view_box.setCurrentIndex(1)
    assert "No test yet." in page.difference_title.text()
    left.box.setCurrentIndex(1)
    right.box.setCurrentIndex(0)
    assert page.difference.texts()[0][1].startswith("-")  # the worse one is the second now


def with_weights(record: RunRecord, **changes: object) -> RunRecord:
    """``record`` with weights in its folder, of its experiment with ``changes``."""
    experiment = with_changes(experiment_from(record.experiment), changes)
    state = build_network(experiment, 10).state_dict()
    save_weights(
        record.folder / "weights.pkl",
        Weights(experiment, CIFAR10_CLASSES, state, record.preset, {}, dict(record.data)),
    )
    return dataclasses.replace(record, weights="weights.pkl")


def test_first_filters_stand_side_by_side(
    qtbot: QtBot, open_window: Open, library: Library
) -> None:
    cnn, other = with_weights(make_run(library)), with_weights(make_run(library), network="resnet9")
    damaged = with_weights(make_run(library))
    (damaged.folder / "weights.pkl").write_bytes(b"no weights")
    window = open_window(cnn, other, make_run(library), damaged)
    page = window.filters
    assert page.tiles[0].pictures is None  # nothing is read before it is seen
    window.tabs.setCurrentWidget(page)
    qtbot.waitUntil(lambda: page.empties[3].text() not in ("", "Reading the weights"))
    first = load_weights(cnn.folder / "weights.pkl")
    expected = first_filters(build_from(first))
    assert page.tiles[0].isVisible()
    assert np.array_equal(page.tiles[0].pictures, filters_as_pixels(expected.numpy()))
    assert page.sizes[0].text() == f"{len(expected)} filters of 3x3, channels: 3"
    assert page.tiles[1].isVisible()  # of another network
    assert page.empties[2].text() == "This run has no saved weights."
    assert "weights.pkl" in page.empties[3].text()


def test_a_run_deleted_meanwhile_gives_a_sentence(
    qtbot: QtBot, library: Library, store: ImageStore
) -> None:
    runs = [make_run(library), make_run(library, seed=1)]
    window = ComparisonWindow(runs, store)
    shutil.rmtree(runs[1].folder)
    window.show()
    qtbot.waitUntil(lambda: window.ready)  # nothing to draw of it, and that is all
    curves = [run["accuracy"].getData()[1] for run in window.curves._curves]
    assert curves[0].tolist() == [20, 25, 30]
    assert curves[1] is None
    window.close()


def test_in_korean(qtbot: QtBot, open_window: Open, library: Library, qapp: QApplication) -> None:
    window = open_window(make_run(library), make_run(library, accuracies=()))
    translation = Translation(qapp)
    translation.use("ko")
    qtbot.waitUntil(lambda: window.tabs.tabText(1) == "다른 점")
    assert "최종 테스트가 없어" in window.flips.sentence.text()
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
    qtbot: QtBot,
    library: Library,
    store: ImageStore,
    tmp_path: Path,
    qapp: QApplication,
    ending: str,
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    windows = ResultWindows(library, store, Translation(qapp), parent)
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


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier),
    ],
)
def test_a_window_over_runs_closes_by_key(
    qtbot: QtBot,
    library: Library,
    store: ImageStore,
    qapp: QApplication,
    key: Qt.Key,
    modifier: Qt.KeyboardModifier,
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    window = ResultWindows(library, store, Translation(qapp), parent).tell_story()
    window.activateWindow()
    qtbot.waitUntil(lambda: window.isActiveWindow() and window.ready)
    qtbot.keyClick(window, key, modifier)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=2000)
