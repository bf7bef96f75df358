"""Sixteen training images, each above what the network gets of it."""

from __future__ import annotations

import logging
import threading
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from workbench.data.data_choice import DataChoice
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.spec.augmentations import augmentations
from workbench.spec.experiment import HYPERPARAMETERS, Experiment
from workbench.window.images.image_gallery import as_qimage
from workbench.window.kit.fitting import Fitting
from workbench.window.kit.hyperparameter_text import value_text
from workbench.window.kit.painting import painting
from workbench.window.kit.translation import say, tr
from workbench.window.work.session import Work

log = logging.getLogger("workbench")

COUNT, COLUMNS = 16, 8
GAP, PAIR_GAP = 6, 12
"""Pixels between an image and what becomes of it, and between two pairs."""


class Pairs(QWidget):
    """The images in pairs: the original above, what the network gets below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []

    def show_pairs(self, originals: np.ndarray, augmented: np.ndarray) -> None:
        """Show uint8 (N, 32, 32, 3) arrays, image by image."""
        self._pairs = [
            (np.ascontiguousarray(a), np.ascontiguousarray(b))
            for a, b in zip(originals, augmented, strict=True)
        ]
        self.update()

    def side(self) -> float:
        """Pixels of an image's side in the widget's size of now."""
        rows = -(-COUNT // COLUMNS)
        wide = (self.width() - PAIR_GAP * (COLUMNS - 1)) / COLUMNS
        high = (self.height() - GAP * rows - PAIR_GAP * (rows - 1)) / (2 * rows)
        return max(1.0, min(wide, high))

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        side = self.side()
        for place, pair in enumerate(self._pairs):
            left = (place % COLUMNS) * (side + PAIR_GAP)
            top = (place // COLUMNS) * (2 * side + GAP + PAIR_GAP)
            for below, pixels in enumerate(pair):
                box = QRectF(left, top + below * (side + GAP), side, side)
                painter.drawImage(box, as_qimage(pixels))

    def sizeHint(self) -> QSize:
        return QSize(COLUMNS * (64 + PAIR_GAP) - PAIR_GAP, 2 * (2 * 64 + GAP) + PAIR_GAP)

    def minimumSizeHint(self) -> QSize:
        return QSize(COLUMNS * (32 + PAIR_GAP), 2 * (2 * 32 + GAP) + PAIR_GAP)


class AugmentationWindow(QWidget):
    """A window of its own. Reads the data on a thread beside whatever is under way."""

    def __init__(
        self, experiment: Experiment, data: DataChoice, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("augmentationWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._experiment, self._data, self._seed = experiment, data, experiment.seed
        self._closed = threading.Event()
        self._work: Work | None = None
        self._reading: tuple[Experiment, DataChoice, int] | None = None
        self._outcome: Any = None
        self._problem: Message | None = None

        self.heading = QLabel()
        self.heading.setObjectName("augmentationHeading")
        self.heading.setWordWrap(True)
        self.pairs = Pairs()
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.others_button = QPushButton()
        self.others_button.setObjectName("otherImagesButton")
        self.others_button.clicked.connect(self._show_others)
        below = QHBoxLayout()
        below.addWidget(self.note, 1)
        below.addWidget(self.others_button)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(10)
        layout.addWidget(self.heading)
        layout.addWidget(self.pairs, 1)
        layout.addLayout(below)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Fitting(content))
        self.resize(self.sizeHint())
        self.retranslate()
        self._read()

    def show_experiment(self, experiment: Experiment, data: DataChoice) -> None:
        """Show what ``experiment`` makes of the images of ``data``."""
        self._experiment, self._data = experiment, data
        self._read()

    def _show_others(self) -> None:
        self._seed = (self._seed + 1) % 2**31
        self._read()

    def _read(self) -> None:
        if self._work is not None:
            return
        self.others_button.setEnabled(False)
        self._outcome = None
        wanted = self._reading = (self._experiment, self._data, self._seed)

        def work() -> None:
            from workbench.running.examples import read_examples
            from workbench.running.failures import explain

            experiment, data, seed = wanted
            try:
                self._outcome = read_examples(
                    experiment, data, COUNT, seed, lambda progress: None, self._closed.is_set
                )
            except WorkbenchError as error:
                self._outcome = error.message
            except Cancelled:
                pass
            except Exception as error:
                log.exception("The images could not be read")
                self._outcome = explain(error)

        self._work = Work(work)
        self._work.finished.connect(self._ended)
        self._work.begin()
        self.retranslate()

    def _ended(self) -> None:
        if self._closed.is_set():
            return
        self._work = None
        if self._reading != (self._experiment, self._data, self._seed):
            self._read()  # something else was asked for meanwhile
            return
        self.others_button.setEnabled(True)
        outcome = self._outcome
        self._problem = outcome if isinstance(outcome, Message) else None
        if self._problem is None and outcome is not None:
            self.pairs.show_pairs(outcome.originals, outcome.augmented)
        self.retranslate()

    def closeEvent(self, event: Any) -> None:
        self._closed.set()
        if self._work is not None:
            self._work.finished.disconnect(self._ended)
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Augmented images"))
        used = [HYPERPARAMETERS[one.name] for one in augmentations(self._experiment)]
        parts = [f"{tr(p.label)} {value_text(p, getattr(self._experiment, p.name))}" for p in used]
        self.heading.setText(
            " · ".join(parts) or tr("No augmentation: the network gets the images as they are.")
        )
        if self._problem is not None:
            text = say(self._problem)
        elif self._work is not None:
            text = tr("Reading the images…")
        else:
            text = tr("Above: the training image. Below: what the network gets of it.")
        self.note.setText(text)
        self.others_button.setText(tr("Other images"))
