"""A widget, or words in its place while it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget


class OrWords(QStackedWidget):
    """Shows ``widget`` until :meth:`say` is given words."""

    def __init__(self, widget: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLabel()
        self.words.setProperty("role", "muted")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setMargin(24)
        self.addWidget(widget)
        self.addWidget(self.words)

    def say(self, words: str) -> None:
        """Show ``words`` in the place of the widget; the widget where they are empty."""
        self.words.setText(words)
        self.setCurrentIndex(1 if words else 0)
