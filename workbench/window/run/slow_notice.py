"""One line below the speed of a run that another program slows down, and a button that helps."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from workbench.engine.pace import Slowdown, as_sentence
from workbench.window.kit.translation import say, tr


class SlowNotice(QWidget):
    """Hidden while the run is as fast as it was."""

    threads_wanted = Signal(int)
    """The person wants the run to continue with so many threads."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("slowNotice")
        self._slowdown: Slowdown | None = None
        self._label = QLabel()
        self._label.setObjectName("slowText")
        self._label.setProperty("role", "problem")
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)  # its end says what would help
        self._button = QPushButton()
        self._button.setObjectName("fewerThreadsButton")
        self._button.clicked.connect(self._ask)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._label, 1)
        row.addWidget(self._button)
        self.show_slowdown(None)

    def show_slowdown(self, slowdown: Slowdown | None) -> None:
        """``None``: nothing slows the run down (any more)."""
        self._slowdown = slowdown
        self._button.setEnabled(True)
        self.retranslate()
        self.setVisible(slowdown is not None)

    def _ask(self) -> None:
        slowdown = self._slowdown
        if slowdown is not None and slowdown.fewer is not None:
            self._button.setEnabled(False)  # the answer comes between two steps
            self.threads_wanted.emit(slowdown.fewer)

    def retranslate(self) -> None:
        slowdown = self._slowdown
        fewer = slowdown.fewer if slowdown else None
        self._label.setText(say(as_sentence(slowdown)) if slowdown else "")
        self._button.setVisible(fewer is not None)
        if fewer is not None:
            self._button.setText(
                tr("Use 1 thread") if fewer == 1 else tr("Use {count} threads").format(count=fewer)
            )
        self._button.setToolTip(
            tr(
                "Keeps a checkpoint and continues from there with fewer threads. The run is then "
                "not bit for bit what it would have been; it is written into the run, as when a "
                "run is resumed."
            )
        )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
