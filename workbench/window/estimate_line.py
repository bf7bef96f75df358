"""One line below the form: what the run will take."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QWidget

from workbench.library.estimate import Estimate
from workbench.window.elided_label import ElidedLabel
from workbench.window.run_details import duration
from workbench.window.translation import tr


class EstimateLine(ElidedLabel):
    """Muted; in the color of problems where the disk has too little room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("muted", parent)
        self.setObjectName("estimateLine")
        self._estimate: Estimate | None = None

    def show_estimate(self, estimate: Estimate | None) -> None:
        """``None`` while the form has no experiment."""
        self._estimate = estimate
        self.retranslate()

    def retranslate(self) -> None:
        estimate = self._estimate
        self.set_tint("muted" if estimate is None or estimate.fits else "problem")
        if estimate is None:
            self.setText("")
            return
        size = f"{estimate.bytes / 1e6:,.0f} MB"
        if not estimate.fits:
            free = f"{(estimate.free_bytes or 0) / 1e6:,.0f} MB"
            text = tr("Needs {size} of disk, {free} are free").format(size=size, free=free)
        elif estimate.seconds is None:
            text = tr("No estimate yet · {size} of disk").format(size=size)
        else:
            text = tr("About {time} · {size} of disk").format(
                time=duration(estimate.seconds), size=size
            )
        self.setText(text)
        if estimate.fits and estimate.seconds is not None:
            why = tr("From the newest {count} runs like it on this data and device.")
            self.setToolTip(why.format(count=estimate.earlier))
        elif estimate.fits:
            self.setToolTip(tr("No run like it has trained on this data and device."))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
