"""A label of one line that ends in an ellipsis where its text is too long for it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from workbench.window.kit import theme
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.painting import painting


class ElidedLabel(QLabel):
    """``text()`` stays whole; the tooltip shows it too. Needs no width and always the height of
    one line, so that nothing moves when its text comes and goes.

    ``tint``: a color of :class:`workbench.window.kit.theme.Colors`, by name.
    """

    def __init__(self, tint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tint = tint
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(tooltip(text))

    def set_tint(self, tint: str) -> None:
        self._tint = tint
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 2, self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._height())

    def _height(self) -> int:
        """Return the height of one line and of the margins above and below it."""
        margins = self.contentsMargins()
        return self._line() + margins.top() + margins.bottom()

    def _line(self) -> int:
        return self.fontMetrics().height()

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setPen(QColor(getattr(theme.colors(), self._tint)))
        metrics = self.fontMetrics()
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        right = bool(self.alignment() & Qt.AlignmentFlag.AlignRight)
        left = self.width() - metrics.horizontalAdvance(text) if right else 0
        # On the baseline, not in a box: a fallback font's line (Korean) is higher than ours.
        room = self.contentsRect()
        base = room.top() + (room.height() - self._line()) // 2 + metrics.ascent()
        painter.drawText(left, base, text)
