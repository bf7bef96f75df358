"""A wall of images of a data set: as many thumbnails as it has, painted out of its arrays."""

from __future__ import annotations

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
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from workbench.data.browsed import BrowsedData
from workbench.data.duplicates import Place
from workbench.window.images.image_gallery import SIDE, as_qimage
from workbench.window.kit import theme
from workbench.window.kit.painting import logged
from workbench.window.kit.translation import tr

_Index = QModelIndex | QPersistentModelIndex


def chosen_places(
    labels: tuple[np.ndarray, np.ndarray], split: int | None, label: int | None
) -> np.ndarray:
    """Return the places of a ``split`` and a class, ``None`` for all: int64 (N, 2), split and
    index, training first, each split in its own order."""
    parts = []
    for number, own in enumerate(labels):
        if split is not None and split != number:
            continue
        indices = np.arange(len(own)) if label is None else np.flatnonzero(own == label)
        parts.append(np.stack((np.full(len(indices), number), indices), axis=1))
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)


class WallModel(QStringListModel):
    """A row for each place. Its number of rows is Qt's own, as that of ``GalleryModel``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.browsed: BrowsedData | None = None
        self.places = np.zeros((0, 2), np.int64)

    def show_places(self, browsed: BrowsedData | None, places: np.ndarray) -> None:
        self.browsed, self.places = browsed, places
        self.setStringList([""] * (0 if browsed is None else len(places)))

    def place(self, row: int) -> Place:
        split, index = self.places[row].tolist()
        return split, index

    def class_name(self, row: int) -> str:
        assert self.browsed is not None
        split, index = self.place(row)
        return self.browsed.info.classes[int(self.browsed.labels[split][index])]

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.browsed is None or role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        split, number = self.place(index.row())
        words = tr("training") if split == 0 else tr("test")
        return f"{self.class_name(index.row())}, {words} {number:,}"


class _Thumbnail(QStyledItemDelegate):
    """The image with its class below it."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(SIDE + 20, SIDE + option.fontMetrics.height() + 14)

    def paint(self, painter: QPainter, option: Any, index: _Index) -> None:
        with logged(type(self).__name__):
            self._paint(painter, option, index)

    def _paint(self, painter: QPainter, option: Any, index: _Index) -> None:
        model = index.model()
        if not isinstance(model, WallModel) or model.browsed is None:
            return
        c = theme.colors()
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect.adjusted(1, 1, -1, -1), QColor(c.selection))
        split, number = model.place(index.row())
        place = QRect(rect.center().x() - SIDE // 2, rect.top() + 6, SIDE, SIDE)
        painter.drawImage(place, as_qimage(model.browsed.images[split][number]))
        if selected:
            painter.setPen(QPen(QColor(c.accent), 2))
            painter.drawRect(place.adjusted(-2, -2, 1, 1))
        metrics = option.fontMetrics
        below = QRect(rect.left() + 2, place.bottom() + 3, rect.width() - 4, metrics.height())
        painter.setPen(QColor(c.text if selected else c.muted))
        text = metrics.elidedText(
            model.class_name(index.row()), Qt.TextElideMode.ElideRight, below.width()
        )
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextDontClip, text)


class ImageWall(QListView):
    """Thumbnails in rows; arrow keys move, ``looked_at`` hears each new current image."""

    looked_at = Signal(int, int)
    """Split and index, -1 and -1 for none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("imageWall")
        self.wall = WallModel(self)
        self.setModel(self.wall)
        self.setItemDelegate(_Thumbnail(self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.selectionModel().currentChanged.connect(self._tell)

    def show_places(self, browsed: BrowsedData | None, places: np.ndarray) -> None:
        """Show the images at ``places``, and the first of them large."""
        self.wall.show_places(browsed, places)
        if self.wall.rowCount():
            self.setCurrentIndex(self.wall.index(0))
            self.scrollToTop()
        else:
            self.looked_at.emit(-1, -1)

    def choose(self, place: Place) -> bool:
        """Make the image at ``place`` the current one; False where it is not on the wall."""
        rows = np.flatnonzero((self.wall.places == place).all(axis=1))
        if not len(rows):
            return False
        self.setCurrentIndex(self.wall.index(int(rows[0])))
        return True

    def _tell(self, index: QModelIndex) -> None:
        self.looked_at.emit(*(self.wall.place(index.row()) if index.isValid() else (-1, -1)))
