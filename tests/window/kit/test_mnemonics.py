"""Each entry of every menu is chosen by a letter of its own, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from workbench.library.catalog import Library
from workbench.window.kit.mnemonics import (
    mark_entries,
    mnemonic_of,
    with_mnemonics,
    without_mnemonic,
)
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import LANGUAGES, Translation
from workbench.window.main_window import MainWindow


@pytest.fixture
def translation(qapp: QApplication) -> Iterator[Translation]:
    translation = Translation(qapp)
    yield translation
    translation.use("en")


def test_letters_of_latin_and_of_other_texts() -> None:
    texts = ["Open…", "Open all…", "&Quit", "학습", "가중치 열기…", "R&&D", "OO"]
    names = ["open", "openAll", "quit", "train", "open_weights", "", "oo"]
    marked = with_mnemonics(texts, names)
    assert marked == [
        *("&Open…", "Open &all…", "&Quit", "학습(&T)", "가중치 열기(&P)…"),
        *("&R&&D", "OO(&B)"),
    ]
    assert [without_mnemonic(text) for text in marked] == [
        *("Open…", "Open all…", "Quit", "학습", "가중치 열기…", "R&D", "OO"),
    ]
    assert with_mnemonics(marked, names) == marked


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_menu_has_a_letter_twice_or_an_entry_without(
    qtbot: QtBot, theme: Theme, translation: Translation, home: Path, language: str
) -> None:
    window = MainWindow(Library(), Settings(), theme, translation)
    translation.use(language)
    window.retranslate()
    faults = []
    titles = [mnemonic_of(action.text()) for action in window.menuBar().actions()]
    menus = window.findChildren(QMenu)
    for menu in menus:
        mark_entries(menu)
        entries = [a.text() for a in menu.actions() if not a.isSeparator() and a.text()]
        letters = [mnemonic_of(text) for text in entries]
        if len(set(letters)) < len(letters) or "" in letters:
            faults.append(entries)
    assert len(menus) > 7
    assert not faults
    assert len(set(titles)) == len(titles)
    assert "" not in titles
    assert window.session.wait(10_000)
    window.close()
    window.deleteLater()
