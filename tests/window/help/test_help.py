"""The help: whole in both languages, found from the screen, current in the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from tests.window.help.write_pages import DOCS, pages
from workbench.library.catalog import Library
from workbench.spec.experiment import HYPERPARAMETERS
from workbench.window.help.help_html import help_in
from workbench.window.help.help_window import GLOSSARY, SHORTCUTS
from workbench.window.help.what_is_this import TERM_OF, entry_at
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import LANGUAGES, Translation
from workbench.window.main_window import MainWindow
from workbench.words.help_texts import HelpEntry, read_file


@pytest.fixture
def translation(qapp: QApplication) -> Iterator[Translation]:
    translation = Translation(qapp)
    yield translation
    translation.use("en")


@pytest.fixture
def window(
    qtbot: QtBot, theme: Theme, translation: Translation, home: Path
) -> Iterator[MainWindow]:
    window = MainWindow(Library(), Settings(), theme, translation)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    assert window.session.wait(10_000)
    window.close()
    window.deleteLater()


# --- the texts -------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["terms", "plots", "first_steps"])
def test_every_entry_is_whole_in_both_languages(file: str) -> None:
    for key, entry in read_file(file):
        assert set(entry) <= {"on", *LANGUAGES}, key
        shapes = {language: set(entry[language]) - {"also"} for language in LANGUAGES}
        assert shapes["en"] == shapes["ko"], key
        for language in LANGUAGES:
            for name, text in entry[language].items():
                assert text, f"{key}: {language}: {name}"
                if name not in ("also", "name"):
                    assert text.rstrip().endswith("."), f"{key}: {language}: {name}"
        assert re.search("[가-힣]", str(entry["ko"])), key
        assert not re.search("[가-힣]", str(entry["en"])), key


def test_a_term_has_two_sentences() -> None:
    for key, entry in read_file("terms"):
        text = re.sub(r"\.(pkl|\d)", "", entry["en"]["text"])
        assert len(re.findall(r"[.](?: |$)", text)) == 2, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_label_means_two_terms_and_every_hyperparameter_is_one(language: str) -> None:
    texts = help_in(language)
    assert set(HYPERPARAMETERS) <= {entry.key for entry in texts.terms}
    labels = [
        label
        for entry in texts.terms
        if entry.key not in HYPERPARAMETERS
        for label in {one.casefold() for one in (entry.name, *entry.also)}
    ]
    assert sorted({label for label in labels if labels.count(label) > 1}) == []


def test_labels_are_found_by_name_and_by_how_they_begin() -> None:
    texts = help_in("en")

    def key(label: str) -> str | None:
        found = texts.of_label(label)
        return found.key if found else None

    assert key("Test accuracy") == key("&Test accuracy:") == "test_accuracy"
    assert key("Final test 76.10%") == "test_accuracy"
    assert key("Learning rate") == "learning_rate"
    assert key("Runner") is None  # a word that only begins like one
    assert key("") is None


# --- what is this? ---------------------------------------------------------------------


def explained(window: MainWindow, widget: QWidget, place: QPoint | None = None) -> HelpEntry:
    found = entry_at(widget, place, window.help.reader.texts())
    assert found is not None, widget.objectName()
    return found


def test_every_plot_hyperparameter_tab_and_heading_of_the_window_is_explained(
    window: MainWindow,
) -> None:
    texts = window.help.reader.texts()
    for plot in ("lossPlot", "accuracyPlot", "learningRatePlot", "confusionMatrix"):
        assert explained(window, window.findChild(QWidget, plot)) == texts.plot_on(plot)
    for name in HYPERPARAMETERS:
        assert explained(window, window.findChild(QLabel, f"label_{name}")).key == name
    for name, term in TERM_OF.items():
        assert texts.term(term) is not None, name
    assert explained(window, window.findChild(QWidget, "deviceBox")).key == "device"
    assert explained(window, window.findChild(QWidget, "runTable")).key == "library"
    bar = window.run_view.tabs.tabBar()
    confusion = next(i for i in range(bar.count()) if bar.tabText(i) == "Confusion")
    assert explained(window, bar, bar.tabRect(confusion).center()).key == "confusion"


def test_f1_and_shift_f1(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        "workbench.window.help.what_is_this.QWhatsThis.showText",
        lambda place, text, widget: said.append(text),
    )
    window.activateWindow()
    field = window.findChild(QWidget, "hyperparameter_learning_rate")
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClick(field, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    assert "<b>Learning rate</b>" in said.pop()

    # By a click: what is clicked is explained, and not pressed.
    window.actions_.point.trigger()
    train = window.findChild(QWidget, "datasetButton")
    qtbot.mouseClick(train, Qt.MouseButton.LeftButton)
    assert "<b>Split</b>" in said.pop()
    assert QApplication.overrideCursor() is None

    window.actions_.shortcuts.trigger()
    sheet = window.help.show_tab(SHORTCUTS)
    assert ["Run", "Train", "Ctrl+Return"] in sheet.shortcuts.texts()
    window.actions_.glossary.trigger()
    assert sheet.tabs.currentIndex() == GLOSSARY
    sheet.search.setText("by heart")
    counted = [sheet.tabs.tabText(tab) for tab in range(3)]
    assert counted[SHORTCUTS] == "Shortcuts (0)"
    assert counted[GLOSSARY] != "Glossary (0)"
    found = sheet.glossary.toPlainText()
    assert "Overfitting" in found
    assert "Learning rate" not in found
    sheet.search.setText("no such word")
    assert sheet.glossary.toPlainText() == "Nothing found."


def test_no_key_does_two_things(window: MainWindow) -> None:
    keys: dict[str, set[str]] = {}
    for action in window.findChildren(QAction):
        if action.shortcutContext() == Qt.ShortcutContext.WidgetShortcut:
            continue  # of a list that has the focus
        for key in action.shortcuts():
            keys.setdefault(key.toString(), set()).add(action.objectName())
    assert len(keys) > 10
    assert {key: names for key, names in keys.items() if len(names) > 1} == {}


# --- first steps and pages -------------------------------------------------------------


def test_five_steps_follow_the_run_and_are_offered_once(
    window: MainWindow, qtbot: QtBot, translation: Translation
) -> None:
    steps = window.help.first_steps
    window.offer_first_steps()
    assert steps.isVisible()
    frame = window.findChild(QWidget, "firstStepsFrame")
    button = window.findChild(QWidget, "datasetButton")
    assert frame.geometry().contains(button.mapTo(window, QPoint(0, 0)))
    qtbot.mouseClick(steps.next, Qt.MouseButton.LeftButton)
    window.presets.select("001")
    qtbot.mouseClick(steps.setup, Qt.MouseButton.LeftButton)
    assert window.presets.current().id == "007"  # type: ignore[union-attr]
    assert window.form.experiment().epochs == 3  # type: ignore[union-attr]
    assert "3 epochs in place of its 60" in steps.text.text()
    field = window.findChild(QWidget, "hyperparameter_epochs")
    assert frame.geometry().contains(field.mapTo(window, QPoint(0, 0)))
    places = (steps.back.x(), steps.next.x())
    qtbot.mouseClick(steps.next, Qt.MouseButton.LeftButton)
    assert "Step 3 of 5" in steps.title.text()
    steps.run_ended()  # of nothing that these steps are about
    assert steps.step == 2
    steps.run_began()
    steps.run_ended()
    assert "Step 5 of 5" in steps.title.text()
    QApplication.processEvents()
    assert (steps.back.x(), steps.next.x()) == places
    translation.use("ko")
    qtbot.waitUntil(lambda: "5단계 중 5단계" in steps.title.text())
    translation.use("en")
    qtbot.waitUntil(lambda: steps.next.text() == "Done")
    qtbot.mouseClick(steps.next, Qt.MouseButton.LeftButton)
    assert steps.isHidden()
    assert not frame.isVisible()
    window.offer_first_steps()
    assert steps.isHidden()
    window.actions_.first_steps.trigger()
    assert steps.isVisible()
    assert steps.step == 0


def test_the_pages_of_the_repository_are_current(
    window: MainWindow, translation: Translation
) -> None:
    for name, text in pages(window, translation).items():
        written = (DOCS / name).read_text(encoding="utf-8")
        assert written == text, "write them with: python -m tests.window.help.write_pages"
