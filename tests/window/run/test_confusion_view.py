"""The confusion view, through what a person touches."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from tests.window.run.test_confusion_figure import evaluation
from workbench.data.data_choice import CIFAR10_CLASSES
from workbench.window.run.confusion_view import ConfusionView

CAPTION = "007 Adam, epoch 3, test in training mode, CIFAR-10, JPEG"


def cifar10(off: int = 20):
    rows = [[off] * 10 for _ in range(10)]
    for i, row in enumerate(rows):
        row[i] += 1000 - 10 * off
    rows[3][5] += 133
    rows[3][3] -= 133
    return evaluation(rows, list(CIFAR10_CLASSES))


@pytest.fixture
def view(qtbot) -> ConfusionView:
    view = ConfusionView()
    qtbot.addWidget(view)
    view.resize(620, 560)
    view.show()
    return view


def matrix(view: ConfusionView) -> QWidget:
    return view.findChild(QWidget, "confusionMatrix")


def text(view: ConfusionView, name: str) -> str:
    return view.findChild(QLabel, name).text()


def point_at(qtbot, view: ConfusionView, row: int, column: int) -> None:
    qtbot.mouseMove(matrix(view), QPoint(1, 1))  # where the pointer already is, it does not move
    qtbot.mouseMove(matrix(view), matrix(view).place().cell(row, column).center())


def press(qtbot, view: ConfusionView, name: str) -> None:
    qtbot.mouseClick(view.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def test_empty_says_what_to_do(view, qtbot):
    assert view.findChild(QLabel, "confusionEmpty").isVisible()
    assert not view.findChild(QPushButton, "confusionCopyButton").isVisible()
    assert "appears after the first epoch" in text(view, "confusionEmpty")
    view.show_evaluation(cifar10(), CAPTION, False)
    assert matrix(view).isVisible()
    view.clear()
    assert not matrix(view).isVisible()
    view.show_evaluation(None, "", False)
    assert view.findChild(QLabel, "confusionEmpty").isVisible()


def test_says_whose_it_is_and_marks_the_sample(view):
    view.show_evaluation(cifar10(), CAPTION, False)
    assert text(view, "confusionCaption") == CAPTION
    assert text(view, "confusionSummary") == "8,067 of 10,000 correct (80.67%)"
    assert text(view, "confusionSample") == ""
    view.show_evaluation(cifar10(), CAPTION, True)
    assert text(view, "confusionSample") == "sample data"


def test_the_pointer_reads_a_cell(view, qtbot):
    view.show_evaluation(cifar10(), CAPTION, False)
    assert "arrow keys" in text(view, "confusionReadout")
    point_at(qtbot, view, 3, 5)
    assert text(view, "confusionReadout") == "cat mistaken for dog: 153 of 1,000 (15.3%)"
    point_at(qtbot, view, 0, 0)
    assert text(view, "confusionReadout") == "airplane recognized: 820 of 1,000 (82.0%)"
    qtbot.mouseMove(matrix(view), QPoint(2, 2))
    assert "arrow keys" in text(view, "confusionReadout")


def test_the_arrow_keys_move_the_cursor(view, qtbot):
    view.show_evaluation(cifar10(), CAPTION, False)
    matrix(view).setFocus()
    for key in [Qt.Key.Key_Down] * 3 + [Qt.Key.Key_Right] * 5:
        qtbot.keyClick(matrix(view), key)
    assert text(view, "confusionReadout").startswith("cat mistaken for dog:")
    # It is seen: the same picture without the focus has no cursor.
    with_cursor = matrix(view).grab().toImage()
    view.findChild(QPushButton, "confusionCopyButton").setFocus()
    assert matrix(view).grab().toImage() != with_cursor
    matrix(view).setFocus()
    qtbot.keyClick(matrix(view), Qt.Key.Key_End)
    qtbot.keyClick(matrix(view), Qt.Key.Key_Right)
    qtbot.keyClick(matrix(view), Qt.Key.Key_PageDown)
    qtbot.keyClick(matrix(view), Qt.Key.Key_Down)
    assert text(view, "confusionReadout").startswith("truck recognized:")
    # Whichever moved last is read: the pointer, then the keyboard again.
    point_at(qtbot, view, 3, 5)
    assert text(view, "confusionReadout").startswith("cat mistaken for dog:")
    qtbot.keyClick(matrix(view), Qt.Key.Key_Up)
    assert text(view, "confusionReadout").startswith("ship mistaken for truck:")


def test_a_new_epoch_keeps_the_cell_and_the_layout(view, qtbot):
    view.show_evaluation(cifar10(), CAPTION, False)
    point_at(qtbot, view, 3, 5)
    before = matrix(view).geometry(), matrix(view).place()
    view.show_evaluation(cifar10(off=10), "007 Adam, epoch 4", True)
    assert text(view, "confusionReadout") == "cat mistaken for dog: 143 of 1,000 (14.3%)"
    assert (matrix(view).geometry(), matrix(view).place()) == before


def test_the_most_frequent_mistakes_are_listed(view):
    view.show_evaluation(cifar10(), CAPTION, False)
    assert text(view, "confusionMistake1") == "cat → dog: 153 (15.3%)"
    assert text(view, "confusionMistake5")
    view.show_evaluation(evaluation([[5, 0], [0, 5]]), CAPTION, False)
    assert text(view, "confusionMistake1") == "None"
    assert text(view, "confusionMistake2") == ""


def test_tool_tips_name_what_is_cut_off(view):
    name = "a class with a name that is much too long for its row"
    view.show_evaluation(evaluation([[3, 1], [0, 0]], [name, "b"]), CAPTION, False)
    place = matrix(view).place()
    row = place.cell(0, 0).center()
    assert matrix(view).tool_tip_at(QPoint(place.left - 5, row.y())) == name
    assert matrix(view).tool_tip_at(QPoint(row.x(), place.top - 5)) == name
    assert "(75.0%)" in matrix(view).tool_tip_at(QPoint(place.bars + 5, row.y()))
    assert matrix(view).tool_tip_at(QPoint(1, 1)) == ""


@pytest.mark.parametrize("sample", [False, True])
def test_copy_puts_the_table_on_the_clipboard(view, qtbot, sample):
    view.show_evaluation(cifar10(), CAPTION, sample)
    press(qtbot, view, "confusionCopyButton")
    data = QGuiApplication.clipboard().mimeData()
    lines = [line.split("\t") for line in data.text().splitlines()]
    assert lines[0][1:] == list(CIFAR10_CLASSES)
    assert lines[4] == ["cat", "20", "20", "20", "687", "20", "153", "20", "20", "20", "20"]
    assert "<td>153</td>" in data.html()
    assert CAPTION in data.html()
    assert ("sample" in lines[0][0]) is sample
    assert ("sample data" in data.html()) is sample
    assert "Copied" in text(view, "confusionReadout")


def test_the_copy_key_copies(view, qtbot):
    view.show_evaluation(cifar10(), CAPTION, False)
    QGuiApplication.clipboard().clear()
    matrix(view).setFocus()
    qtbot.keyClick(matrix(view), Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("True class\tairplane")


def save_as(qtbot, widget: QWidget, path: Path) -> None:
    """Answers the open save dialog."""
    dialog = next(d for d in widget.findChildren(QFileDialog) if d.isVisible())
    dialog.findChild(QLineEdit, "fileNameEdit").setText(str(path))
    save = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save)
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)


def export(qtbot, view: ConfusionView, path: Path) -> None:
    press(qtbot, view, "confusionExportButton")
    save_as(qtbot, view, path)


def test_export_writes_files_that_open(view, qtbot, tmp_path):
    view.show_evaluation(cifar10(), CAPTION, True)
    for name in ("a.png", "a.svg", "a.csv"):
        export(qtbot, view, tmp_path / name)
        assert name in text(view, "confusionReadout")
    picture = QImage(str(tmp_path / "a.png"))
    assert picture.width() > 1000
    assert "sample data" in picture.text("Title")
    drawing = QSvgRenderer(str(tmp_path / "a.svg"))
    assert drawing.isValid()
    assert "automobile" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    rows = list(csv.reader((tmp_path / "a.csv").open(encoding="utf-8-sig")))
    assert rows[0][:2] == ["True class, sample data", "airplane"]
    assert rows[4][6] == "153"
    # A name without an ending is a picture.
    export(qtbot, view, tmp_path / "b")
    assert not QImage(str(tmp_path / "b.png")).isNull()


def test_export_keeps_what_was_shown_when_asked(view, qtbot, tmp_path):
    view.show_evaluation(cifar10(), CAPTION, False)
    press(qtbot, view, "confusionExportButton")
    view.clear()
    name = view.findChild(QFileDialog).findChild(QLineEdit, "fileNameEdit").text()
    assert "007-Adam" in name
    save_as(qtbot, view, tmp_path / "a.csv")
    assert "cat" in (tmp_path / "a.csv").read_text(encoding="utf-8-sig")


def test_an_export_that_fails_says_so(view, qtbot, tmp_path):
    view.show_evaluation(cifar10(), CAPTION, False)
    folder = tmp_path / "going"
    folder.mkdir()
    press(qtbot, view, "confusionExportButton")
    dialog = view.findChild(QFileDialog)
    with qtbot.waitSignal(view.problem) as heard:
        # The dialog itself refuses what it can see; this folder goes after it has looked.
        folder.rmdir()
        dialog.fileSelected.emit(str(folder / "a.png"))
    assert "a.png: cannot be written" in heard.args[0]
    assert not folder.exists()
    dialog.reject()


@pytest.mark.parametrize(
    "figures",
    [
        evaluation([[0, 0], [0, 0]]),
        evaluation([[3, 1], [0, 0]]),
        evaluation([[7]]),
        evaluation([[9_876_543 * (i == j) + i + j for j in range(10)] for i in range(10)]),
        evaluation([[50 * (i == j) + (i * j) % 3 for j in range(100)] for i in range(100)]),
    ],
    ids=["nothing tested", "class without images", "one class", "millions", "100 classes"],
)
def test_odd_matrices_are_shown_read_and_exported(view, qtbot, tmp_path, figures):
    view.show_evaluation(figures, CAPTION, False)
    matrix(view).setFocus()
    empty = QImage(matrix(view).size(), QImage.Format.Format_RGB32)
    assert matrix(view).grab().toImage() != empty
    qtbot.keyClick(matrix(view), Qt.Key.Key_PageDown)
    qtbot.keyClick(matrix(view), Qt.Key.Key_End)
    last = figures.classes[-1]
    images = sum(figures.confusion[-1])
    wanted = f"{last} recognized: {figures.confusion[-1][-1]:,} of {images:,}"
    if not images:
        wanted = f"{last}: no test images"
    assert text(view, "confusionReadout").startswith(wanted)
    if not figures.total:
        assert text(view, "confusionSummary") == "No test images"
    export(qtbot, view, tmp_path / "a.svg")
    assert QSvgRenderer(str(tmp_path / "a.svg")).isValid()


def test_a_hidden_view_paints_nothing(view, monkeypatch):
    painted = []
    view.show_evaluation(cifar10(), CAPTION, False)
    view.hide()
    kind = type(matrix(view))
    monkeypatch.setattr(kind, "paintEvent", lambda self, event: painted.append(1))
    view.show_evaluation(cifar10(off=10), CAPTION, False)
    assert not painted


def test_a_low_view_gives_the_room_to_the_matrix(view):
    view.show_evaluation(cifar10(), CAPTION, False)
    assert view.findChild(QLabel, "confusionMistake1").isVisible()
    view.resize(620, 380)
    assert not view.findChild(QLabel, "confusionMistake1").isVisible()
    assert matrix(view).height() >= 200


def test_a_click_or_enter_asks_for_images(qtbot):
    view = ConfusionView()
    qtbot.addWidget(view)
    view.resize(700, 600)
    view.show_evaluation(evaluation([[8, 2], [1, 9]]), "a test", sample=False)
    view.show()
    matrix = view.findChild(QWidget, "confusionMatrix")
    place = matrix.place()
    asked = []
    view.images_wanted.connect(lambda true, predicted: asked.append((true, predicted)))
    qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=place.cell(0, 1).center())
    middle = place.cell(1, 1).center()
    qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=QPoint(place.left - 8, middle.y()))
    qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=QPoint(middle.x(), place.top - 6))
    qtbot.mouseClick(matrix, Qt.MouseButton.RightButton, pos=middle)
    qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert asked == [(0, 1), (1, None), (None, 1), (1, 1)]
