"""One test image large: what it is, what was predicted, and how other runs judged it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from workbench.analysis.metrics import NO_PREDICTION, Predictions
from workbench.data.kept_images import TestImages
from workbench.plain_text import shortened
from workbench.window.images.image_gallery import as_qimage
from workbench.window.kit import theme
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.painting import painting
from workbench.window.kit.translation import tr

SHOWN_CLASSES = 10
"""So many of the most probable classes have a bar."""


class Picture(QWidget):
    """An image of few pixels, enlarged by whole numbers so that each stays a sharp square."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pixels: np.ndarray | None = None
        self._invitation = ""
        self.setMinimumSize(96, 96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(192, 192)

    def show_pixels(self, pixels: np.ndarray | None) -> None:
        """uint8 (32, 32, 3), or nothing."""
        self.pixels = None if pixels is None else np.ascontiguousarray(pixels)
        self.update()

    def invite(self, words: str) -> None:
        """Say in a frame, where an image would be, how one gets there."""
        self._invitation = words
        self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        if self.pixels is None:
            if self._invitation:
                self._paint_invitation(painter)
            return
        height, width, _ = self.pixels.shape
        factor = max(1, min(self.width() // width, self.height() // height))
        place = QRect(0, 0, factor * width, factor * height)
        place.moveCenter(self.rect().center())
        painter.drawImage(place, as_qimage(self.pixels))

    def _paint_invitation(self, painter: QPainter) -> None:
        c = theme.colors()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(c.border), 1.5, Qt.PenStyle.DashLine))
        frame = self.rect().adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(frame, 8, 8)
        painter.setPen(QColor(c.muted))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(frame.adjusted(16, 8, -16, -8), flags, self._invitation)


class ProbabilityBars(QWidget):
    """Bars of the most probable classes; the true class is named in bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("probabilityBars")
        self._rows: list[tuple[str, float, bool]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_probabilities(
        self, classes: Sequence[str], probabilities: np.ndarray | None, true: int | None = None
    ) -> None:
        """``probabilities`` 0 to 1, one for each class; ``None`` or NaN shows none."""
        self._rows = []
        if probabilities is not None and np.isfinite(probabilities).all():
            best = np.argsort(-probabilities, kind="stable")[:SHOWN_CLASSES]
            self._rows = [(classes[i], float(probabilities[i]), int(i) == true) for i in best]
        texts = [f"{name} {100 * share:.2f}%" for name, share, _ in self._rows]
        self.setAccessibleDescription(", ".join(texts))
        self.updateGeometry()
        self.update()

    def rows(self) -> list[tuple[str, float, bool]]:
        """Class, probability and whether it is the true one, most probable first."""
        return self._rows

    def sizeHint(self) -> QSize:
        return QSize(200, (self.fontMetrics().height() + 4) * SHOWN_CLASSES)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        c, metrics = theme.colors(), self.fontMetrics()
        line = metrics.height() + 4
        figures = metrics.horizontalAdvance("100.00%") + 6
        bold = self.font()
        bold.setBold(True)
        names = min(self.width() // 3, 110)
        room = self.width() - names - figures - 12
        for number, (name, share, is_true) in enumerate(self._rows):
            top = number * line
            painter.setFont(bold if is_true else self.font())
            painter.setPen(QColor(c.text))
            short = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, names)
            painter.drawText(QRect(0, top, names, line), Qt.AlignmentFlag.AlignVCenter, short)
            bar = QRect(names + 6, top + 3, round(room * share), line - 6)
            painter.fillRect(bar, QColor(c.best if is_true else c.measured))
            painter.setFont(self.font())
            place = QRect(self.width() - figures, top, figures, line)
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(place, right, f"{100 * share:.2f}%")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_restyled(event):
            self.update()


@dataclass(frozen=True)
class Judgement:
    """What one more run says of an image."""

    run: str
    predicted: str
    confidence: float
    right: bool


def judgements(tests: Sequence[tuple[str, Predictions]], index: int) -> list[Judgement]:
    """Of the image ``index``, by each named test that has a prediction for it."""
    return [
        Judgement(
            run,
            test.classes[test.predicted[index]],
            float(test.confidence[index]),
            bool(test.correct[index]),
        )
        for run, test in tests
        if index < len(test.labels) and test.predicted[index] != NO_PREDICTION
    ]


class ImagePanel(QWidget):
    """The picture with its words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = Picture()
        self.title = QLabel()
        self.title.setObjectName("imageTitle")
        self.title.setWordWrap(True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.place = QLabel()
        self.place.setObjectName("imagePlace")
        self.place.setProperty("role", "muted")
        self.place.setWordWrap(True)
        self.inside_button = QPushButton()
        self.inside_button.setObjectName("lookInsideButton")
        self.bars = ProbabilityBars()
        self.others = QLabel()
        self.others.setObjectName("imageOthers")
        self.others.setWordWrap(True)
        self.others.setTextFormat(Qt.TextFormat.PlainText)
        self.others.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.setSpacing(6)
        layout.addWidget(self.picture, 2)
        layout.addWidget(self.title)
        below = QHBoxLayout()
        below.addWidget(self.place, 1)
        below.addWidget(self.inside_button, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(below)
        layout.addWidget(self.bars)
        layout.addWidget(self.others, 1)
        self.retranslate()
        self.clear()

    def retranslate(self) -> None:
        self.inside_button.setText(tr("Look inside"))
        self.inside_button.setToolTip(
            tooltip(
                tr(
                    "Where the answer comes from, the filters, and what each layer makes of the "
                    "image."
                )
            )
        )

    def clear(self) -> None:
        self.picture.show_pixels(None)
        self.bars.show_probabilities((), None)
        self.inside_button.hide()
        for label in (self.title, self.place, self.others):
            label.clear()

    def show_image(self, images: TestImages, test: Predictions, index: int) -> None:
        """The image ``index`` of the test split, as ``test`` judges it."""
        classes, label = test.classes, int(test.labels[index])
        predicted = int(test.predicted[index])
        self.picture.show_pixels(images.images[index])
        classes = tuple(map(shortened, classes))
        if predicted == NO_PREDICTION:
            text = tr("{true}, without a prediction").format(true=classes[label])
        elif predicted == label:
            text = tr("{true}, recognized").format(true=classes[label])
        else:
            text = tr("{true}, mistaken for {predicted}").format(
                true=classes[label], predicted=classes[predicted]
            )
        self.title.setText(text)
        self.inside_button.show()
        self.place.setText(
            tr("Test image {index} of the data set, counted from 0").format(
                index=f"{images.positions[index]:,}"
            )
        )
        self.bars.show_probabilities(classes, test.probabilities[index], label)

    def show_others(self, judgements: Sequence[Judgement]) -> None:
        """Return how other runs judged the image; a line for each."""
        lines = [
            tr("{mark} {run}: {predicted} {percent}%").format(
                mark="✓" if one.right else "✗",
                run=shortened(one.run),
                predicted=shortened(one.predicted),
                percent=f"{100 * one.confidence:.0f}",
            )
            for one in judgements
        ]
        self.others.setText("\n".join(lines))
