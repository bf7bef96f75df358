"""The line at the bottom: what happens now, device and data set of the run on show, memory."""

from __future__ import annotations

import psutil
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from workbench.plain_text import shortened
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import tr

MEMORY_INTERVAL = 2000
"""Milliseconds between two looks at the memory."""


class StatusBar(QStatusBar):
    """Shows one sentence at the left, and device, data set and memory at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._now = QLabel()
        self._now.setObjectName("statusText")
        self._device = QLabel()
        self._data = QLabel()
        self._memory = QLabel()
        # The sentence yields, so that the window can be as narrow as its columns.
        self._now.setMinimumWidth(60)
        self.addWidget(self._now, 1)
        for label in (self._device, self._data, self._memory):
            self.addPermanentWidget(label)
        self._process = psutil.Process()
        self._timer = QTimer(self)
        self._timer.setInterval(MEMORY_INTERVAL)
        self._timer.timeout.connect(self._show_memory)

    def show_now(self, text: str, problem: bool = False) -> None:
        """Return what the program does now, or what went wrong; whole in the tooltip."""
        self._now.setText(text)
        self._now.setToolTip(tooltip(text))
        role = "problem" if problem else ""
        if self._now.property("role") != role:
            self._now.setProperty("role", role)
            self._now.style().unpolish(self._now)
            self._now.style().polish(self._now)

    def now(self) -> str:
        return self._now.text()

    def show_run(self, device: str, data: str) -> None:
        """Device and data set of the run that is shown."""
        self._show(device, data, tr("Device and data of the run that is shown."))

    def show_next(self, device: str, data: str) -> None:
        """Device and data set of the next run, where none is shown."""
        self._show(device, data, tr("Device and data of the next run."))

    def _show(self, device: str, data: str, tip: str) -> None:
        for label, text in ((self._device, device), (self._data, data)):
            label.setText(shortened(text, 40))
            label.setToolTip(tooltip(text, tip))
        self._fit()

    def _fit(self) -> None:
        """Give the sentence half of the width at least: of the others those are shown that have
        room beside it."""
        room = self.width() // 2
        for label in (self._data, self._device, self._memory):
            needed = label.fontMetrics().horizontalAdvance(label.text()) + 16
            room -= needed
            label.setFixedWidth(needed)
            label.setVisible(room >= 0 and bool(label.text()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _show_memory(self) -> None:
        used = self._process.memory_info().rss / 2**20
        self._memory.setText(tr("{used} MB of memory").format(used=f"{used:,.0f}"))
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_memory()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._show_memory()
