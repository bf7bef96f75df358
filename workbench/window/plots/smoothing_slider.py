"""The slider that says how strongly losses are smoothed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QSlider, QWidget


class SmoothingSlider(QSlider):
    """From 0 (every step as it is) to 0.99. The wheel moves it only while it has the focus."""

    def __init__(self, weight: float, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setObjectName("smoothingSlider")
        self.setRange(0, 99)
        self.setValue(round(100 * weight))
        self.setFixedWidth(110)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def weight(self) -> float:
        """Share of the average so far in each smoothed value, in [0, 1)."""
        return self.value() / 100

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    application = QApplication([])
    slider = SmoothingSlider(0.95)
    slider.show()
    application.exec()
