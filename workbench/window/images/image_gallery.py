"""A gallery of test images: thumbnails that are painted out of one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    QStringListModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from workbench.analysis.metrics import NO_PREDICTION, Predictions
from workbench.window.kit import theme
from workbench.window.kit.painting import logged
from workbench.window.kit.translation import tr

_Index = QModelIndex | QPersistentModelIndex

SIDE = 64
"""Pixels of a thumbnail, twice those of the image."""


def as_qimage(pixels: np.ndarray) -> QImage:
    """uint8 (32, 32, 3) in R G B as a picture that shares its memory: ``pixels`` must outlive
    it."""
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)


class GalleryModel(QStringListModel):
    """A row for each image of ``order``, indices into the test split.

    The list lays 10,000 rows out in one go and asks for their number each time. That is Qt's own
    here: asked of Python it took 40 ms, now 5.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.predictions: Predictions | None = None
        self.images: np.ndarray | None = None
        self.order = np.zeros(0, np.int64)

    def show_images(
        self, predictions: Predictions | None, images: np.ndarray | None, order: np.ndarray
    ) -> None:
        self.predictions, self.images, self.order = predictions, images, order
        self.setStringList([""] * (0 if images is None else len(order)))

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.predictions is None or role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        true, predicted, confidence = self.words(index.row())
        return f"{true} → {predicted}, {confidence}"

    def words(self, row: int) -> tuple[str, str, str]:
        """True class, predicted class and confidence of the image in ``row``."""
        assert self.predictions is not None
        i = self.order[row]
        classes, predicted = self.predictions.classes, self.predictions.predicted[i]
        if predicted == NO_PREDICTION:
            return classes[self.predictions.labels[i]], tr("none"), "–"
        return (
            classes[self.predictions.labels[i]],
            classes[predicted],
            f"{100 * self.predictions.confidence[i]:.0f}%",
        )


class _Thumbnail(QStyledItemDelegate):
    """The image, below it the predicted class (with the true one where it is another), and the
    confidence."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        metrics, model = option.fontMetrics, index.model()
        width = SIDE + 20
        if isinstance(model, GalleryModel) and model.predictions is not None:
            # CIFAR-10's names fit whole; longer ones of other data do not push images apart.
            texts = [
                text
                for name in model.predictions.classes
                for text in (f"{name} 100%", tr("is {true}").format(true=name))
            ]
            width = max(width, min(2 * SIDE, 6 + max(map(metrics.horizontalAdvance, texts))))
        return QSize(width, SIDE + 2 * metrics.height() + 14)

    def paint(self, painter: QPainter, option: Any, index: _Index) -> None:
        with logged(type(self).__name__):
            self._paint(painter, option, index)

    def _paint(self, painter: QPainter, option: Any, index: _Index) -> None:
        model = index.model()
        if not isinstance(model, GalleryModel) or model.images is None or model.predictions is None:
            return
        c = theme.colors()
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect.adjusted(1, 1, -1, -1), QColor(c.selection))
        i = model.order[index.row()]
        place = QRect(rect.center().x() - SIDE // 2, rect.top() + 6, SIDE, SIDE)
        painter.drawImage(place, as_qimage(model.images[i]))
        if selected:
            painter.setPen(QPen(QColor(c.accent), 2))
            painter.drawRect(place.adjusted(-2, -2, 1, 1))
        true, predicted, confidence = model.words(index.row())
        line = option.fontMetrics.height()
        right = bool(model.predictions.correct[i])
        below = QRect(rect.left() + 2, place.bottom() + 3, rect.width() - 4, line)
        metrics = option.fontMetrics
        painter.setPen(QColor(c.muted if right else c.problem))
        first = f"{predicted} {confidence}"
        if metrics.horizontalAdvance(first) > below.width():
            short = below.width() - metrics.horizontalAdvance(f" {confidence}")
            name = metrics.elidedText(predicted, Qt.TextElideMode.ElideRight, short)
            first = f"{name} {confidence}"
        # A fallback font (Korean) is higher than ours.
        centered = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextDontClip
        painter.drawText(below, centered, first)
        if not right:
            painter.setPen(QColor(c.muted))
            below.translate(0, line)
            text = metrics.elidedText(
                tr("is {true}").format(true=true), Qt.TextElideMode.ElideRight, below.width()
            )
            painter.drawText(below, centered, text)


class Gallery(QListView):
    """Thumbnails in rows; arrow keys move, ``looked_at`` hears each new current image."""

    looked_at = Signal(int)
    """Index in the test split, -1 for none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("imageGallery")
        self.images = GalleryModel(self)
        self.setModel(self.images)
        self.setItemDelegate(_Thumbnail(self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)  # 10,000 of them are laid out in one look at the first
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.selectionModel().currentChanged.connect(self._tell)

    def show_images(
        self, predictions: Predictions | None, images: np.ndarray | None, order: Sequence[int]
    ) -> None:
        """Show the images of ``order``, and the first of them large."""
        self.images.show_images(predictions, images, np.asarray(order, np.int64))
        if self.images.rowCount():
            self.setCurrentIndex(self.images.index(0))
            self.scrollToTop()
        else:
            self.looked_at.emit(-1)

    def choose(self, image: int) -> None:
        """Make an image of the test split the current one, where it is among those shown."""
        rows = np.flatnonzero(self.images.order == image)
        if len(rows):
            self.setCurrentIndex(self.images.index(int(rows[0])))

    def _tell(self, index: QModelIndex) -> None:
        self.looked_at.emit(int(self.images.order[index.row()]) if index.isValid() else -1)
