"""One line below the form: what the run will take."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QWidget

from workbench.analysis.estimate import Estimate
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import tr
from workbench.words.figures import duration


class EstimateLine(ElidedLabel):
    """Muted; in the color of problems where the disk, the memory or the GPU has too little room."""

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
        fits = estimate is None or (estimate.fits and estimate.fits_gpu and estimate.fits_memory)
        self.set_tint("muted" if fits else "problem")
        if estimate is None:
            self.setText("")
            return
        size, gpu = megabytes(estimate.bytes), megabytes(estimate.gpu_bytes or 0)
        if not estimate.fits:
            text = tr("Needs {size} of disk space; {free} free").format(
                size=size, free=megabytes(estimate.free_bytes or 0)
            )
        elif not estimate.fits_gpu:
            text = tr("GPU memory: needs {size}, {free} free").format(
                size=gpu, free=megabytes(estimate.free_gpu_bytes or 0)
            )
        elif not estimate.fits_memory:
            text = tr("Memory: needs {size}, {free} free").format(
                size=megabytes(estimate.memory_bytes),
                free=megabytes(estimate.free_memory_bytes or 0),
            )
        elif estimate.seconds is None:
            text = tr("No estimate yet · {size} of disk").format(size=size)
        else:
            template = (
                tr("At most {time} · {size} of disk")
                if estimate.at_most
                else tr("About {time} · {size} of disk")
            )
            text = template.format(time=duration(estimate.seconds, tr), size=size)
        if fits and estimate.gpu_bytes is not None:
            text += " · " + tr("{size} of GPU memory").format(size=gpu)
        self.setText(text)
        if fits:
            self.setToolTip(tooltip(text, _source(estimate)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _source(estimate: Estimate) -> str:
    if estimate.earlier:
        return tr("From the latest {count} similar runs on this data and device.").format(
            count=estimate.earlier
        )
    if estimate.seconds is not None:
        if estimate.threads is not None:
            return tr(
                "From a few steps, timed on this machine as it is now. CPU threads: {count}."
            ).format(count=estimate.threads)
        return tr("From a few steps, timed on this machine as it is now.")
    return tr("There is no similar run on this data and device yet.")
