"""Writes the help as pages of the repository, ``docs/help.md`` and ``docs/help.ko.md``, out of what
the window shows: ``python -m tests.window.help.write_pages``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from workbench.library.catalog import Library
from workbench.window.help.help_html import plot_headings
from workbench.window.help.shortcuts import Shortcut, all_shortcuts
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import LANGUAGES, Translation, tr
from workbench.window.main_window import MainWindow
from workbench.words.help_texts import HelpTexts

DOCS = Path(__file__).parents[3] / "docs"
NAMES = {"en": "help.md", "ko": "help.ko.md"}


def page(texts: HelpTexts, shortcuts: Sequence[Shortcut]) -> str:
    """The page in the application's language, as Markdown."""
    lines = [f"# {tr('Help')}", "", f"## {tr('First steps')}", ""]
    for number, entry in enumerate(texts.steps, 1):
        lines += [f"{number}. **{entry.name}.** {entry.texts[0]}"]
    lines += ["", f"## {tr('Shortcuts')}", "", f"| {tr('Where')} | {tr('What')} | {tr('Keys')} |"]
    lines += ["|---|---|---|"]
    lines += [f"| {one.menu} | {one.text} | {one.keys} |" for one in shortcuts]
    lines += ["", f"## {tr('Glossary')}", ""]
    for entry in texts.terms:
        lines += [f"**{entry.name}.** {entry.texts[0]}", ""]
    lines += [f"## {tr('Plots')}", ""]
    for entry in texts.plots:
        lines += [f"### {entry.name}", ""]
        for heading, text in zip(plot_headings(), entry.texts, strict=True):
            lines += [f"*{heading}.* {text}", ""]
    return "\n".join(lines)


def pages(window: MainWindow, translation: Translation) -> dict[str, str]:
    """``{file name: page}``; leaves the window in English."""
    found = {}
    for language in (*[one for one in LANGUAGES if one != "en"], "en"):
        translation.use(language)
        menus = [menu for menu, _ in window._menus]
        QApplication.processEvents()  # the change of language reaches every part of the window
        found[NAMES[language]] = page(
            window.help.reader.texts(), all_shortcuts(menus, native=False)
        )
    return found


def main() -> None:
    application = QApplication([])
    theme, translation = Theme(application), Translation(application)
    with tempfile.TemporaryDirectory() as home:
        os.environ["CIFAR_WORKBENCH_HOME"] = home
        window = MainWindow(Library(), Settings(), theme, translation)
        DOCS.mkdir(exist_ok=True)
        for name, text in pages(window, translation).items():
            (DOCS / name).write_text(text, encoding="utf-8")
        window.close()


if __name__ == "__main__":
    main()
