"""The box beside the device: with how many threads of the CPU the next run or test computes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

from workbench.engine.cores import numbers_to_time, usable_cores
from workbench.window.kit.settings import Settings
from workbench.window.kit.translation import tr


class ThreadsBox(QComboBox):
    """``threads()`` is ``None`` for as many as are fastest. Keeps the choice in ``settings``."""

    chosen = Signal(object)
    """int or ``None``, for each change."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("threadsBox")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._settings = settings
        self._reason_off = ""
        self.addItem("", None)
        for number in numbers_to_time(usable_cores()):
            self.addItem("", number)
        kept = settings.text("threads")
        self.setCurrentIndex(
            max(0, self.findData(int(kept)) if kept.isascii() and kept.isdecimal() else 0)
        )
        self.currentIndexChanged.connect(self._chosen)
        self.retranslate()

    def threads(self) -> int | None:
        return self.currentData()

    def _chosen(self) -> None:
        threads = self.threads()
        self._settings.set_text("threads", "" if threads is None else str(threads))
        self.chosen.emit(threads)

    def set_off(self, reason: str) -> None:
        """Off with a reason in the tooltip, or on with ``""``."""
        self._reason_off = reason
        self.setEnabled(not reason)
        self.retranslate()

    def retranslate(self) -> None:
        self.setItemText(0, tr("Threads: auto"))
        for index in range(1, self.count()):
            self.setItemText(index, tr("Threads: {count}").format(count=self.itemData(index)))
        self.setAccessibleName(tr("CPU threads"))
        self.setToolTip(
            self._reason_off
            or tr(
                "Auto times a few steps at the start of a run and takes the number that is "
                "fastest then. A resumed run keeps the number that it had."
            )
        )

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the wheel over the toolbar must not change the number

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
