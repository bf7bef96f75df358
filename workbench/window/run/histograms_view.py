"""The tab Histograms: how each layer's weights and gradients spread, epoch by epoch."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from workbench.engine.events import EpochDone, Event, LayerHistogram
from workbench.library.histogram_file import Epochs, read_histograms
from workbench.library.run_folder import RunRecord
from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.window.kit.translation import say, tr
from workbench.window.run.histogram_picture import HistogramPicture
from workbench.window.run.shown_run import ShownRun


class HistogramsView(QWidget):
    """Histograms of the run on show. Its file is read once this is looked at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("histogramsView")
        self._record: RunRecord | None = None
        self._epochs: Epochs = {}
        self._problem: Message | None = None
        self._read = True

        self.layer_label, self.layer_box = QLabel(), QComboBox()
        self.layer_box.setObjectName("histogramLayer")
        self.layer_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.layer_box.currentIndexChanged.connect(self._show_layer)
        self.layer_label.setBuddy(self.layer_box)
        self.weights = HistogramPicture("weightsHistogram")
        self.gradients = HistogramPicture("gradientsHistogram")
        self.headings = (QLabel(), QLabel())
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        top = QHBoxLayout()
        top.addWidget(self.layer_label)
        top.addWidget(self.layer_box)
        top.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 4)
        layout.setSpacing(4)
        layout.addLayout(top)
        pictures = (self.weights, self.gradients)
        for heading, picture in zip(self.headings, pictures, strict=True):
            heading.setProperty("role", "heading")
            layout.addWidget(heading)
            layout.addWidget(picture, 1)
        layout.addWidget(self.note)
        self.retranslate()

    # --- what is shown -----------------------------------------------------------------

    def show_run(self, run: ShownRun | None) -> None:
        """Show the histograms of ``run`` as far as it is."""
        self._record = run.record if run is not None else None
        self._read = False
        if self.isVisible():
            self._read_file()

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Add what an epoch brings."""
        if isinstance(event, EpochDone) and event.histograms:
            self._record = run.record
            if self._read:
                self._epochs[event.epoch] = event.histograms
                self._fill()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._read:
            self._read_file()

    def _read_file(self) -> None:
        self._read, self._epochs, self._problem = True, {}, None
        if self._record is not None:
            try:
                self._epochs = read_histograms(self._record.folder)
            except WorkbenchError as error:
                self._problem = error.message
        self._fill()

    def _fill(self) -> None:
        layers = list(dict.fromkeys(one.layer for of in self._epochs.values() for one in of))
        chosen = self.layer_box.currentData()
        self.layer_box.blockSignals(True)
        self.layer_box.clear()
        for layer in layers:
            self.layer_box.addItem(shortened(layer), layer)
        self.layer_box.setCurrentIndex(layers.index(chosen) if chosen in layers else 0)
        self.layer_box.blockSignals(False)
        self.layer_box.setEnabled(bool(layers))
        self._show_layer()

    def _show_layer(self) -> None:
        layer = self.layer_box.currentData()
        for picture, kind in ((self.weights, "weights"), (self.gradients, "gradients")):
            found: dict[int, LayerHistogram] = {
                epoch: one
                for epoch, of in sorted(self._epochs.items())
                for one in of
                if one.layer == layer and one.kind == kind
            }
            picture.show_histograms(found, self._why_empty())

    def _why_empty(self) -> str:
        if self._problem is not None:
            return say(self._problem)
        if self._record is None:
            return tr("Histograms of the layers appear here while a run trains or is opened.")
        if not self._record.experiment.get("histograms"):
            return tr(
                "This run keeps no histograms. Switch Histograms on among the hyperparameters of "
                "the next run."
            )
        return tr("They appear here after each epoch.")

    # --- words -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.layer_label.setText(tr("Layer"))
        names = (tr("Weights"), tr("Gradients of the last step of each epoch"))
        pictures = (self.weights, self.gradients)
        for heading, picture, name in zip(self.headings, pictures, names, strict=True):
            heading.setText(name)
            picture.setAccessibleName(name)
        self.note.setText(
            tr(
                "Values from bottom to top, epochs from left to right: the stronger the color, the "
                "more of the values of an epoch lie there. Biases and batch norm are left out."
            )
        )
        self._show_layer()
