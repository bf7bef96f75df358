"""Names, tags, notes, classes and data sets that try to be more than text, in every window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QTextDocumentFragment
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QTableWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.library.made_runs import CIFAR10_JPEG, make_run
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.plain_text import table_cell
from workbench.window.kit import dialogs
from workbench.window.kit.copy_table import copy_table
from workbench.window.kit.hyperparameter_text import button_text, tooltip
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import Translation, say, tr
from workbench.window.main_window import MainWindow

HOSTILE = {
    "ampersand": "cats&dogs",
    "bold": "<b>bold</b>",
    "image": "<img src='file:///etc/passwd'>",
    "escape": "\x1b[31mred\x9b0m",
    "lines": "one\ntwo\r\nthree",
    "long": "x" * 5_000,
    "surrogate": "half\ud800",
    "right to left": "abc\u202egnp.exe",
    "template": "{name} {0} %s",
}


def hostile_run(library: Library, text: str, seed: int) -> RunRecord:
    """A run in which everything that a person or another program wrote is ``text``."""
    # Readers refuse a longer name of a class, of data or of a preset.
    classes = [f"{text[:290]} {number}" for number in range(10)]
    data = {**CIFAR10_JPEG, "name": text[:300], "classes": classes}
    run = make_run(library, data=data, name=text, seed=seed, prediction_seed=seed)
    path = run.folder / "run.json"
    record = {**json.loads(path.read_text()), "title": text, "preset": text[:300]}
    path.write_text(json.dumps(record))
    test = run.folder / "test.json"
    test.write_text(json.dumps({**json.loads(test.read_text()), "classes": classes}))
    return library.label(
        run, lambda labels: replace(labels, name=text, notes=text, tags=(text.replace("\n", " "),))
    )


@pytest.fixture(params=HOSTILE)
def text(request: pytest.FixtureRequest) -> str:
    return HOSTILE[request.param]


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, qapp: QApplication, text: str) -> Iterator[MainWindow]:
    library = Library()
    for seed in (1, 2):
        hostile_run(library, text, seed)
    window = MainWindow(Library(), Settings(), theme, Translation(qapp))
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    assert window.session.wait(10_000)
    window.close()
    window.deleteLater()


def walk(top: QWidget) -> list[str]:
    """What is wrong with a window and everything in it."""
    faults = []
    for widget in (top, *top.findChildren(QWidget)):
        name = f"{type(widget).__name__} {widget.objectName()}"
        if isinstance(widget, QLabel):
            widget.ensurePolished()
            rich = widget.property("rich")
            if not rich and widget.textFormat() is not Qt.TextFormat.PlainText:
                faults.append(f"{name}: its text may be markup")
            if rich and "<b>bold" in widget.text():
                faults.append(f"{name}: markup of somebody else")
        if isinstance(widget, QAbstractButton) and "cats&dogs" in widget.text():
            faults.append(f"{name}: the ampersand is a shortcut")
        for tip in tips(widget):
            if "<b>bold" in tip or "<img src='file" in tip:
                faults.append(f"{name}: markup in the tooltip {tip[:80]}")
        if isinstance(widget, QComboBox) and widget.minimumSizeHint().width() > 1_000:
            faults.append(f"{name}: wider than a screen")
    for action in top.findChildren(QAction):
        if "cats&dogs" in action.text() or len(action.text()) > 300:
            faults.append(f"action {action.text()[:80]}")
    if top.minimumSizeHint().width() > 1_280:
        faults.append(f"{type(top).__name__} needs {top.minimumSizeHint().width()} pixels")
        faults += [
            f"{type(one).__name__} {one.objectName()} in {type(one.parent()).__name__} is so wide"
            for one in top.findChildren(QWidget)
            if one.minimumSizeHint().width() > 1_280 and not one.findChildren(QWidget)
        ]
    return faults


def tips(widget: QWidget) -> Iterator[str]:
    yield widget.toolTip()
    if isinstance(widget, QTableWidget):
        for row in range(widget.rowCount()):
            for column in range(widget.columnCount()):
                item = widget.item(row, column)
                yield item.toolTip() if item else ""


def test_no_window_takes_a_text_for_more_than_text(
    window: MainWindow, text: str, qtbot: QtBot, tmp_path: Path
) -> None:
    runs = window.saved._library.runs()
    assert len(runs) == 2
    window.saved.refresh()
    window.run_view.show_record(runs[0])
    for tab in range(window.run_view.tabs.count()):
        window.run_view.tabs.setCurrentIndex(tab)
        QApplication.processEvents()
    window.data_button._settings.set_record(
        "data/folder", {"path": f"/{text}", "name": text, "train": 1, "test": 1}
    )
    window.data_button.retranslate()
    window.status.show_now(text)
    window._say(text)
    table = window.saved.table
    index = table.index_of(runs[0].folder)
    assert "\n" not in str(index.data())
    tip = str(index.data(Qt.ItemDataRole.ToolTipRole))
    assert "<b>bold" not in tip
    comparison = window.result_windows.compare(runs)
    qtbot.waitUntil(lambda: comparison.ready, timeout=20_000)
    for tab in range(comparison.tabs.count()):
        comparison.tabs.setCurrentIndex(tab)
        QApplication.processEvents()
    window.saved.search.setText(text)
    own = window.result_windows.try_image(
        window.session, runs[0].folder / "none.pkl", text, "cpu", None
    )
    boxes = [
        dialogs.show_problem(window, text),
        dialogs.ask_epochs(window, text, 3, lambda epochs: None),
        dialogs.ask_give_up(window, text, True, lambda: None),
        dialogs.ask_quit(window, True, lambda answer: None),
        dialogs.ask_cancel(window, lambda discard: None),
        dialogs.show_about(window, "<b>bold</b>", "2.6"),
    ]
    QApplication.processEvents()
    faults = [fault for top in (window, comparison, own, *boxes) for fault in walk(top)]
    assert not faults, "\n".join(faults)
    for top in (comparison, own, *boxes):
        top.close()


def test_a_language_changes_with_any_text_in_the_window(window: MainWindow, text: str) -> None:
    window.run_view.show_record(window.saved._library.runs()[0])
    for widget in (window, *window.findChildren(QWidget)):
        QApplication.sendEvent(widget, QEvent(QEvent.Type.LanguageChange))
    assert window.isVisible()


def test_words_for_buttons_tooltips_and_sentences(text: str) -> None:
    assert "\n" not in button_text(text)
    assert button_text("cats&dogs") == "cats&&dogs"
    shown = QTextDocumentFragment.fromHtml(tooltip(text)).toPlainText()
    assert "\x1b" not in shown
    if text.isprintable():
        assert shown == text
    assert isinstance(tr(text), str)
    sentence = say(WorkbenchError("{path}: there is no such file.", path=text).message)
    assert sentence.replace("\u200b", "").isprintable()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-0.25", "-0.25"),
        ("+12", "+12"),
        ("-1e-5", "-1e-5"),
        ("-3.1%", "-3.1%"),
        ("1,024", "1,024"),
        (-5, -5),
        (None, None),
        ("cat", "cat"),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run(cell: Any, expected: Any) -> None:
    assert table_cell(cell) == expected


def test_a_table_on_the_clipboard_runs_nothing(qapp: QApplication) -> None:
    copy_table([["class", "count"], ["=HYPERLINK(1)", "-5"]])
    data = QApplication.clipboard().mimeData()
    assert data.text() == "class\tcount\n'=HYPERLINK(1)\t-5\n"
    assert "<th>&#x27;=HYPERLINK(1)</th><td>-5</td>" in data.html()
