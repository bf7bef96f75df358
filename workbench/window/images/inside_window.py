"""A look inside the network: where its answer for an image comes from, and what its layers make
of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from workbench.analysis.heat import filters_as_pixels, heat_over, maps_as_pixels
from workbench.messages import Message
from workbench.plain_text import shortened
from workbench.window.images.image_panel import Picture
from workbench.window.images.inside_reader import InsideReader
from workbench.window.images.tiles import Tiles
from workbench.window.kit.fitting import Fitting
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import say, tr


class InsideWindow(QWidget):
    """A window of its own over weights and an image, which may change while it is open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("insideWindow")
        self._path: Path | None = None
        self._words = ""
        self._inside: Any = None  # workbench.running.inside.Inside
        self._problem: Message | None = None
        self._reader = InsideReader(self)
        self._reader.answered.connect(self._answered)

        self.head = QLabel()
        self.head.setObjectName("insideHead")
        self.head.setWordWrap(True)
        self.head.setTextFormat(Qt.TextFormat.PlainText)
        self.class_label = QLabel()
        self.class_box = QComboBox()
        self.class_box.setObjectName("insideClass")
        self.class_label.setBuddy(self.class_box)
        self.class_box.activated.connect(self._ask_class)
        self.image, self.saliency, self.cam = Picture(), Picture(), Picture()
        self.captions = [QLabel() for _ in range(3)]
        pictures = QGridLayout()
        pictures.setHorizontalSpacing(10)
        pictures.setVerticalSpacing(2)
        pictures.setRowStretch(0, 1)
        for number, (picture, caption) in enumerate(
            zip((self.image, self.saliency, self.cam), self.captions, strict=True)
        ):
            caption.setProperty("role", "muted")
            caption.setWordWrap(True)
            caption.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            pictures.addWidget(picture, 0, number)
            pictures.addWidget(caption, 1, number)
            pictures.setColumnStretch(number, 1)
        self.layer_label = QLabel()
        self.layer_box = QComboBox()
        self.layer_box.setObjectName("insideLayer")
        self.layer_label.setBuddy(self.layer_box)
        self.layer_box.currentIndexChanged.connect(self._show_layer)
        for box in (self.class_box, self.layer_box):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.tiles = Tiles()
        self.note = QLabel()
        self.note.setObjectName("insideNote")
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)

        top, middle = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.head, 1)
        top.addWidget(self.class_label)
        top.addWidget(self.class_box)
        middle.addWidget(self.layer_label)
        middle.addWidget(self.layer_box)
        middle.addStretch(1)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addLayout(pictures, 2)
        layout.addLayout(middle)
        layout.addWidget(self.tiles, 3)
        layout.addWidget(self.note)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Fitting(content))
        self.resize(720, 760)
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self.close)
        self.retranslate()

    def look_at(self, path: Path, pixels: np.ndarray, words: str) -> None:
        """Look at what the weights in ``path`` do with an image, uint8 (32, 32, 3); ``words`` say
        which it is."""
        self._path, self._words = path, words
        self._reader.ask(path, pixels)

    def _ask_class(self, target: int) -> None:
        if self._path is not None and self._inside is not None:
            self._reader.ask(self._path, self._inside.pixels, target)

    def _answered(self, outcome: Any) -> None:
        if isinstance(outcome, Message):
            self._inside, self._problem = None, outcome
        else:
            self._inside, self._problem = outcome, None
        self._fill()

    # --- what is shown -----------------------------------------------------------------

    def _fill(self) -> None:
        inside = self._inside
        for widget in (self.class_box, self.layer_box):
            widget.setEnabled(inside is not None)
        if inside is None:
            self.head.setText(say(self._problem) if self._problem else self._words)
            for picture in (self.image, self.saliency, self.cam):
                picture.show_pixels(None)
            self.tiles.show_pictures(None)
            self.note.clear()
            return
        self.head.setText(self._words)
        self.image.show_pixels(inside.pixels)
        self.saliency.show_pixels(heat_over(inside.pixels, inside.saliency))
        self.cam.show_pixels(None if inside.cam is None else heat_over(inside.pixels, inside.cam))
        self._fill_boxes()
        self._show_layer()

    def _fill_boxes(self) -> None:
        inside = self._inside
        names = [
            f"{shortened(name)}, {100 * share:.1f}%"
            for name, share in zip(inside.classes, inside.probabilities, strict=True)
        ]
        _refill(self.class_box, names, inside.target)
        layers = [
            tr("{layer} ({kind}), {maps} maps of {size}").format(
                layer=shortened(layer.name),
                kind=layer.kind,
                maps=layer.channels,
                size=f"{layer.maps.shape[2]}x{layer.maps.shape[1]}",
            )
            for layer in inside.layers
        ]
        _refill(self.layer_box, [tr("Filters of the first layer"), *layers], None)

    def _show_layer(self) -> None:
        inside, index = self._inside, self.layer_box.currentIndex()
        if inside is None or index < 0:
            return
        if index == 0:
            filters = inside.filters
            self.tiles.show_pictures(None if filters is None else filters_as_pixels(filters))
            self.note.setText(
                tr("This network has no convolution.")
                if filters is None
                else tr(
                    "The {count} filters as colors, each scaled by its own largest weight: gray is "
                    "0. The same for every image."
                ).format(count=len(filters))
            )
            return
        layer = inside.layers[index - 1]
        self.tiles.show_pictures(maps_as_pixels(layer.maps))
        words = tr(
            "What this layer makes of the image; all maps on one scale, white is the highest value."
        )
        if len(layer.maps) < layer.channels:
            words += " " + tr("The first {shown} of {all}.").format(
                shown=len(layer.maps), all=layer.channels
            )
        self.note.setText(words)

    # --- words -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Look inside"))
        self.class_label.setText(tr("Explained class"))
        self.layer_label.setText(tr("Layer"))
        words = (
            (tr("The image"), ""),
            (
                tr("Gradient: pixels the score depends on"),
                tr(
                    "How strongly the score of the class changes with each pixel: the magnitude "
                    "of its gradient, the largest of the three colors (Simonyan et al., 2014)."
                ),
            ),
            (
                tr("Grad-CAM: where the last convolution finds the class"),
                tr(
                    "The maps of the last convolution, each weighted by the mean gradient of the "
                    "score, where their sum is above 0 (Selvaraju et al., 2017). As coarse as "
                    "these maps."
                ),
            ),
        )
        for caption, picture, (text, more) in zip(
            self.captions, (self.image, self.saliency, self.cam), words, strict=True
        ):
            caption.setText(text)
            picture.setAccessibleName(text)
            for widget in (caption, picture):
                widget.setToolTip(tooltip(more) if more else "")
        self.tiles.setAccessibleName(tr("Filters or maps of the chosen layer"))
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _refill(box: QComboBox, texts: list[str], chosen: int | None) -> None:
    """Put ``texts`` into ``box``; the choice stays where ``chosen`` is ``None``."""
    index = box.currentIndex() if chosen is None else chosen
    box.blockSignals(True)
    box.clear()
    box.addItems(texts)
    box.setCurrentIndex(min(max(index, 0), len(texts) - 1))
    box.blockSignals(False)
