"""The window on help: shortcuts, glossary, plots."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QLineEdit, QTabWidget, QTextBrowser, QVBoxLayout, QWidget

from workbench.window.help.help_html import HelpReader, entries_html, found_in
from workbench.window.help.shortcuts import Shortcut
from workbench.window.kit.figure_table import Cell, FigureTable
from workbench.window.kit.translation import tr

SHORTCUTS, GLOSSARY, PLOTS = range(3)
"""Its tabs."""


class HelpWindow(QWidget):
    """A window of its own. ``shortcuts`` gives them in the application's language."""

    def __init__(
        self,
        reader: HelpReader,
        shortcuts: Callable[[], list[Shortcut]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("helpWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._reader = reader
        self._shortcuts = shortcuts
        self.search = QLineEdit()
        self.search.setObjectName("helpSearch")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._fill)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.shortcuts = FigureTable("shortcutTable")
        self.glossary, self.plots = QTextBrowser(), QTextBrowser()
        for widget in (self.shortcuts, self.glossary, self.plots):
            self.tabs.addTab(widget, "")
        for browser, name in ((self.glossary, "glossary"), (self.plots, "plotHelp")):
            browser.setObjectName(name)
            browser.setOpenLinks(False)
            browser.document().setDocumentMargin(12)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.search)
        layout.addWidget(self.tabs, 1)
        self.resize(660, 620)
        self.retranslate()

    def show_tab(self, tab: int) -> None:
        """Show one of :data:`SHORTCUTS`, :data:`GLOSSARY` and :data:`PLOTS`."""
        self.tabs.setCurrentIndex(tab)
        self.show()
        self.raise_()
        self.activateWindow()
        self.tabs.currentWidget().setFocus()

    def _fill(self) -> None:
        texts, search = self._reader.texts(), self.search.text()
        terms, plots = found_in(texts.terms, search), found_in(texts.plots, search)
        self.glossary.setHtml(entries_html(terms))
        self.plots.setHtml(entries_html(plots))
        wanted = search.casefold().strip()
        rows = [
            [Cell(one.menu), Cell(one.text), Cell(one.keys)]
            for one in self._shortcuts()
            if wanted in f"{one.menu} {one.text} {one.keys}".casefold()
        ]
        self.shortcuts.show_rows((tr("Where"), tr("What"), tr("Keys")), rows)
        # How much of what is searched stands in the tabs that are not seen.
        names = (tr("Shortcuts"), tr("Glossary"), tr("Plots"))
        counts = (len(rows), len(terms), len(plots))
        for index, (name, count) in enumerate(zip(names, counts, strict=True)):
            self.tabs.setTabText(index, f"{name} ({count})" if wanted else name)

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Help"))
        for index, text in enumerate((tr("Shortcuts"), tr("Glossary"), tr("Plots"))):
            (self.shortcuts, self.glossary, self.plots)[index].setAccessibleName(text)
        self.search.setPlaceholderText(tr("Search the help"))
        self.search.setAccessibleName(tr("Search the help"))
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
