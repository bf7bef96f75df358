"""One image of a data set large: what it is, where it lies, and what a network gets of it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from workbench.data.browsed import BrowsedData
from workbench.data.duplicates import Place
from workbench.plain_text import shortened
from workbench.spec.experiment import HYPERPARAMETERS, Experiment
from workbench.window.data.image_row import ImageRow
from workbench.window.data.network_pixels import NetworkPixels, range_words
from workbench.window.images.image_panel import Picture
from workbench.window.kit.hyperparameter_text import value_text
from workbench.window.kit.translation import tr

DRAWS = 6
"""So many augmented examples of a training image are shown."""

MOST_NAMED = 8
"""So many of the places of the same image are named."""


def place_words(place: Place) -> str:
    """Return ``training image 1,234``, counted from 0."""
    split, index = place
    template = tr("training image {index}") if split == 0 else tr("test image {index}")
    return template.format(index=f"{index:,}")


class DataImagePanel(QScrollArea):
    """Scrolls where the window is low."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("dataImagePanel")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._browsed: BrowsedData | None = None
        self._place: Place | None = None
        self._experiment: Experiment | None = None
        self._values: np.ndarray | None = None

        self.picture = Picture()
        self.picture.setMinimumHeight(160)
        self.title = self._label("dataImageTitle")
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.place = self._label("dataImagePlace", "muted")
        self.same = self._label("dataImageSame")
        self.network_title = self._label("networkPixelsTitle", "heading")
        self.pixels = NetworkPixels()
        self.pixels.looked_at.connect(self._show_pixel)
        self.range = self._label("networkPixelsRange", "muted")
        self.pixel = self._label("networkPixelsValue")
        self.augmented_title = self._label("augmentedTitle", "heading")
        self.augmented = ImageRow("augmentedImages")
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.setSpacing(6)
        layout.addWidget(self.picture, 1)
        for widget in (
            self.title,
            self.place,
            self.same,
            self.network_title,
            self.pixels,
            self.range,
            self.pixel,
            self.augmented_title,
            self.augmented,
        ):
            layout.addWidget(widget)
        self.setWidget(content)
        self.setMinimumWidth(content.minimumSizeHint().width() + 16)
        self.retranslate()

    def _label(self, name: str, role: str = "") -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            label.setProperty("role", role)
        return label

    def show_image(self, browsed: BrowsedData | None, place: Place | None) -> None:
        """The image at ``place``, or nothing."""
        self._browsed, self._place = browsed, place
        self._fill()

    def show_experiment(self, experiment: Experiment | None) -> None:
        """Return what a network of ``experiment`` gets; ``None`` where a field of the form is
        wrong."""
        self._experiment = experiment
        self._fill()

    def _fill(self) -> None:
        browsed, place = self._browsed, self._place
        if browsed is None or place is None:
            self.picture.show_pixels(None)
            self._values = None
            self._show_augmented(None)
            for label in (self.title, self.place, self.same):
                label.clear()
            self._show_network()
            return
        split, index = place
        classes = browsed.info.classes
        name = shortened(classes[int(browsed.labels[split][index])])
        self.picture.show_pixels(browsed.images[split][index])
        self.title.setText(name)
        self.picture.setAccessibleDescription(f"{name}, {place_words(place)}")
        self.place.setText(
            tr("{place} of the data set, counted from 0").format(place=place_words(place))
        )
        others = [one for one in browsed.duplicates.group_of(place) if one != place]
        words = [
            f"{place_words(one)} ({shortened(classes[int(browsed.labels[one[0]][one[1]])])})"
            for one in others[:MOST_NAMED]
        ]
        if len(others) > MOST_NAMED:
            words.append(tr("{count} more").format(count=f"{len(others) - MOST_NAMED:,}"))
        self.same.setText(
            tr("The same pixels: {places}").format(places=", ".join(words)) if words else ""
        )
        self.same.setVisible(bool(words))
        self._values = (
            None
            if self._experiment is None
            else browsed.network_input(self._experiment, split, index)
        )
        self._show_network()
        trains = split == 0 and self._experiment is not None
        experiment = self._experiment if trains else None
        self._show_augmented(
            None if experiment is None else browsed.augmented(experiment, index, DRAWS)
        )

    def _show_augmented(self, images: np.ndarray | None) -> None:
        self.augmented.show_images([] if images is None else list(images))
        for widget in (self.augmented_title, self.augmented):
            widget.setVisible(images is not None)

    def _show_network(self) -> None:
        values = self._values
        self.pixels.show_values(values)
        for widget in (self.network_title, self.pixels, self.range, self.pixel):
            widget.setVisible(values is not None)
        if values is None or self._experiment is None:
            return
        scaling = value_text(HYPERPARAMETERS["normalization"], self._experiment.normalization)
        self.network_title.setText(
            tr("As the network gets it: red, green, blue; {scaling}").format(scaling=scaling)
        )
        self.range.setText(range_words(values))
        self._show_pixel(self.pixels.pixel.x(), self.pixels.pixel.y())

    def _show_pixel(self, column: int, row: int) -> None:
        if self._values is None or self._browsed is None or self._place is None:
            return
        split, index = self._place
        red, green, blue = (f"{value:.3f}" for value in self._values[row, column])
        stored = self._browsed.images[split][index][row, column].tolist()
        text = tr(
            "Column {column}, row {row}: R {red}, G {green}, B {blue}; stored {stored}"
        ).format(
            column=column,
            row=row,
            red=red,
            green=green,
            blue=blue,
            stored=", ".join(map(str, stored)),
        )
        self.pixel.setText(text)
        self.pixels.setAccessibleDescription(text)

    def retranslate(self) -> None:
        self.picture.setAccessibleName(tr("The chosen image"))
        self.augmented_title.setText(tr("In training: what augmentation makes of it, for example"))
        self.augmented.setAccessibleName(self.augmented_title.text())
        self.pixels.setAccessibleName(tr("The image as the network gets it"))
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
