"""The test images of a run, one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from tests.library.made_runs import CIFAR10_JPEG, make_predictions, make_run
from tests.running.test_inside import saved
from tests.window.run.shown import show
from workbench.analysis.metrics import Predictions, read_predictions
from workbench.data.data_choice import choose_data
from workbench.data.datasets import TestImages, test_images
from workbench.data.progress import DataProgress
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.messages import Message
from workbench.spec.experiment import experiment_from
from workbench.window.images.image_panel import ImagePanel
from workbench.window.images.inside_window import InsideWindow
from workbench.window.run.images_view import RIGHT, WRONG, ImagesView, chosen_images

IMAGES = np.random.default_rng(0).integers(0, 256, (10_000, 32, 32, 3), np.uint8)


def loaded(fingerprint: str = "f" * 64) -> TestImages:
    return TestImages(fingerprint, IMAGES, np.arange(10_000)[::-1].copy())


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def view(qtbot: QtBot) -> ImagesView:
    view = ImagesView()
    qtbot.addWidget(view)
    view.resize(900, 600)

    def answer(record: RunRecord) -> None:
        fingerprint = record.data["fingerprint"]
        if fingerprint == loaded().fingerprint:
            view.set_images(loaded())
        else:
            view.set_images_problem(fingerprint, Message("They are others now."))

    view.images_wanted.connect(answer)
    view.show()
    return view


def text(view: ImagesView, name: str) -> str:
    return view.findChild(QLabel, name).text()


def shown(view: ImagesView) -> np.ndarray:
    return view.gallery.images.order


def test_a_cell_a_row_and_a_column(view: ImagesView, library: Library) -> None:
    show(view, make_run(library, accuracies=(20, 25, 60)))
    p = make_predictions(60)
    assert view.gallery.images.rowCount() == 10_000
    view.show_class(3, 5)
    assert len(shown(view)) == p.confusion[3, 5] > 0
    assert (p.labels[shown(view)] == 3).all()
    assert (p.predicted[shown(view)] == 5).all()
    assert (np.diff(p.confidence[shown(view)]) <= 0).all()
    assert view.true_box.currentText() == "cat"
    assert view.predicted_box.currentText() == "dog"
    view.show_class(3, None)
    assert len(shown(view)) == 1_000
    view.show_class(None, 5)
    assert len(shown(view)) == p.confusion[:, 5].sum()
    view.mistakes_button.click()
    assert len(shown(view)) == 4_000
    assert not p.correct[shown(view)].any()
    assert p.confidence[shown(view)[0]] == p.confidence[~p.correct].max()
    view.true_box.setCurrentIndex(1)
    assert (p.labels[shown(view)] == 0).all()
    assert "images, most confident first" in text(view, "imageCount")


def test_one_image_large(view: ImagesView, library: Library, qtbot: QtBot) -> None:
    own = make_run(library, accuracies=(20, 25, 60))
    other = make_run(library, accuracies=(20, 25, 80), seed=7, name="better")
    elsewhere = make_run(library, data=CIFAR10_JPEG | {"fingerprint": "0" * 64})
    view.other_runs = lambda: [own, other, elsewhere]
    show(view, own)
    view.show_class(3, 5)
    index = int(shown(view)[0])
    p, q = make_predictions(60), make_predictions(80, seed=7)
    assert text(view, "imageTitle") == "cat, mistaken for dog"
    assert f"{9_999 - index:,}" in text(view, "imagePlace")
    panel = view.findChild(ImagePanel)
    rows = panel.bars.rows()
    assert rows[0][0] == "dog"
    assert rows[0][1] == pytest.approx(p.confidence[index])
    assert [is_true for name, _, is_true in rows if name == "cat"] == [True]
    assert np.array_equal(panel.picture.pixels, IMAGES[index])
    judged = q.classes[q.predicted[index]]
    mark = "✓" if q.correct[index] else "✗"
    line = f"{mark} better, seed 7: {judged} {100 * q.confidence[index]:.0f}%"
    qtbot.waitUntil(lambda: text(view, "imageOthers") == line)
    view.gallery.setFocus()
    qtbot.keyClick(view.gallery, Qt.Key.Key_Right)
    assert f"{9_999 - int(shown(view)[1]):,}" in text(view, "imagePlace")
    view.other_runs = list
    view.others_changed()
    assert text(view, "imageOthers") == ""


def test_of_many_other_runs_eight_are_read_one_at_a_time(
    view: ImagesView, library: Library, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_run(library)
    others = [make_run(library, seed=seed) for seed in range(1, 12)]
    untested = make_run(library, accuracies=(20,), seed=99)
    chosen = [untested, *others]
    show(view, own)
    read: list[Path] = []
    monkeypatch.setattr(
        "workbench.window.run.images_view.read_predictions",
        lambda folder, classes: read.append(folder) or read_predictions(folder, classes),
    )
    view.other_runs = lambda: chosen
    view.others_changed()
    assert not read  # the window goes on meanwhile

    def seeds() -> list[str]:
        lines = text(view, "imageOthers").splitlines()
        return [line.partition("seed ")[2].partition(":")[0] for line in lines]

    qtbot.waitUntil(lambda: seeds() == [str(seed) for seed in range(1, 9)])
    assert read == [run.folder for run in (untested, *others[:8])]
    chosen.remove(others[0])
    view.others_changed()
    assert seeds() == [str(seed) for seed in range(2, 9)]
    qtbot.waitUntil(lambda: len(seeds()) == 8)
    assert seeds()[-1] == "9"
    assert read.count(others[1].folder) == 1  # what was read before is kept


def test_given_images_keep_their_words(view: ImagesView, library: Library) -> None:
    show(view, make_run(library))
    view.show_images(np.array([5, 9, 2]), "cat: judged differently")
    assert set(shown(view).tolist()) == {2, 5, 9}
    assert text(view, "imageCount").startswith("cat: judged differently")
    view.show_images(np.array([5, 9, 2]), "cat: judged differently", 9)
    assert text(view, "imagePlace").startswith("Test image 9,990 ")  # counted backwards here
    view._loaded = None
    view.show_images(np.array([5, 9, 2]), "cat: judged differently", 5)
    view.set_images(loaded())  # which come later
    assert text(view, "imagePlace").startswith("Test image 9,994 ")
    view.which_box.setCurrentIndex(RIGHT)
    assert len(shown(view)) == 3_000


def test_without_images_a_sentence(qtbot: QtBot, view: ImagesView, library: Library) -> None:
    assert "appear here" in text(view, "imagesEmpty")
    show(view, make_run(library, accuracies=(20,)))
    assert "no final test" in text(view, "imagesEmpty")
    show(view, make_run(library, accuracies=(20,), status="running"))
    assert "after this run's final test" in text(view, "imagesEmpty")
    show(view, make_run(library, data=CIFAR10_JPEG | {"fingerprint": "0" * 64}))
    assert text(view, "imagesEmpty") == "They are others now."
    asked: list[RunRecord] = []
    view.images_wanted.connect(asked.append)
    view.hide()
    view.show()
    assert not asked  # what is there was looked at
    show(view, view._record)  # opened again
    assert asked == [view._record]
    damaged = make_run(library)
    (damaged.folder / "test_logits.npz").write_bytes(b"no")
    show(view, damaged)
    assert "is damaged" in text(view, "imagesEmpty")


def test_hidden_it_reads_nothing(
    view: ImagesView, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.hide()

    def fail(*_: object) -> None:
        raise AssertionError("read while hidden")

    with monkeypatch.context() as patch:
        patch.setattr("workbench.window.run.images_view.read_predictions", fail)
        show(view, make_run(library))
        view.others_changed()


def test_empty_nan_and_a_hundred_classes(view: ImagesView) -> None:
    logits = np.random.default_rng(0).normal(size=(300, 100)).astype(np.float32)
    logits[7] = np.nan
    labels = np.arange(300) % 100
    p = Predictions(logits, labels, tuple(f"class {i}" for i in range(100)))
    assert len(chosen_images(p, None, None)) == 300
    assert chosen_images(p, None, None)[-1] == 7
    assert 7 in chosen_images(p, None, None, WRONG)
    assert len(chosen_images(p, 7, 7, WRONG)) == 0
    view.gallery.show_images(p, IMAGES, [7, 3])
    assert view.gallery.images.words(0) == ("class 7", "none", "–")
    view.gallery.show_images(p, IMAGES, [])
    assert view.gallery.grab().width()


def test_reading_shows_how_far_it_is(qtbot: QtBot, library: Library) -> None:
    view = ImagesView()
    qtbot.addWidget(view)
    view.resize(900, 600)
    view.show()
    show(view, make_run(library))
    assert text(view, "imagesEmpty") == "Reading images"
    view.show_progress("0" * 64, DataProgress(1, 2))  # of another data set
    assert not view.progress.isVisible()
    view.show_progress("f" * 64, DataProgress(15_000, 60_000))
    assert text(view, "imagesEmpty") == "Reading images: 15,000 of 60,000"
    assert view.progress.isVisible()
    assert (view.progress.value(), view.progress.maximum()) == (15_000, 60_000)
    view.set_images(loaded())
    assert view.gallery.isVisible()


def test_positions_are_those_before_the_shuffle() -> None:
    from workbench.data import sample as source

    arrays = source.make_sample()
    from workbench.data.datasets import load_data

    data = load_data(choose_data("sample"), lambda progress: None, lambda: False)
    found = test_images(data)
    assert np.array_equal(arrays.test_images[found.positions], found.images)


def test_a_look_inside_follows_the_image(view: ImagesView, library: Library, qtbot: QtBot) -> None:
    record = make_run(library, accuracies=(20, 25, 60))
    show(view, record)
    view.show_class(3, 5)
    assert not view.panel.inside_button.isEnabled()  # its weights are gone
    saved(record.folder, experiment_from({}))
    show(view, None)
    show(view, replace(record, weights="weights.pkl"))
    view.show_class(3, 5)
    view.panel.inside_button.click()
    window = view.findChild(InsideWindow)
    assert window is not None
    for _ in range(2):
        seen = view.panel.picture.pixels
        qtbot.waitUntil(
            lambda seen=seen: np.array_equal(window.image.pixels, seen),  # type: ignore[misc]
            timeout=20_000,
        )
        assert "cat, mistaken for dog" in window.head.text()
        view.gallery.setFocus()
        qtbot.keyClick(view.gallery, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: not window._reader.busy, timeout=20_000)
    window.close()
    qtbot.waitUntil(lambda: view._inside is None)
