"""The legend of a plot. Each entry is a button that hides its curve or shows it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from workbench.window.kit.hyperparameter_text import button_text, tooltip
from workbench.window.kit.painting import painting
from workbench.window.kit.translation import tr

SWATCH, SPACE, GAP = 18, 5, 14
"""Widths in pixels: of the piece of line, between it and its words, and between two entries."""


@dataclass(frozen=True)
class Entry:
    """What a legend shows: a piece of line, a symbol of pyqtgraph's, or both. ``dashes``: strokes
    and gaps of the line in pixels, in place of ``line``. ``short`` are its words
    where the row has too little room. ``key`` names the curve, whatever the words are; without it
    the entry cannot be clicked. ``hollow``: only the symbol's outline."""

    text: str
    color: str
    width: int = 2
    symbol: str = ""
    line: Qt.PenStyle = Qt.PenStyle.SolidLine
    short: str = ""
    key: str = ""
    hollow: bool = False
    dashes: tuple[float, ...] = ()


class _EntryButton(QAbstractButton):
    """One entry; checked while its curve is shown."""

    MARGIN = 4
    """Pixels on every side, for the focus ring: it covers neither words nor symbol."""

    def __init__(self, swatch: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.swatch = swatch
        self.setCheckable(True)
        self.entry = Entry("", "")
        self.words = ""

    def show_entry(self, entry: Entry, words: str, shown: bool) -> None:
        self.entry, self.words = entry, words
        self.setText(button_text(entry.text))
        self.setAccessibleName(entry.text)
        self.setChecked(shown)
        self.setEnabled(bool(entry.key))
        focus = Qt.FocusPolicy.TabFocus if entry.key else Qt.FocusPolicy.NoFocus
        self.setFocusPolicy(focus)
        if entry.key:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            hint = tr("Click to hide this curve.") if shown else tr("Click to show this curve.")
            self.setToolTip(tooltip(hint if words == entry.text else f"{entry.text}. {hint}"))
        else:
            self.unsetCursor()
            self.setToolTip("")
        self.update()

    def sizeHint(self) -> QSize:
        advance = self.fontMetrics().horizontalAdvance(self.words)
        across = self.swatch + SPACE + advance + 2 * self.MARGIN
        return QSize(across, self.fontMetrics().height() + 2 * self.MARGIN)

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self.draw(painter, self.palette().color(self.foregroundRole()))

    def draw(self, painter: QPainter, ink: QColor) -> None:
        """Draw the entry with its left upper corner at the painter's origin, its words in the
        color ``ink``: faint and struck through while its curve is hidden."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setStrikeOut(not self.isChecked())
        painter.setFont(font)
        painter.setOpacity(1.0 if self.isChecked() else 0.55)
        entry, metrics, middle = self.entry, self.fontMetrics(), self.height() / 2
        color = QColor(entry.color)
        left = self.MARGIN
        if entry.width:
            pen = QPen(color, entry.width, entry.line, Qt.PenCapStyle.FlatCap)
            if entry.dashes:
                pen.setDashPattern([length / entry.width for length in entry.dashes])
            painter.setPen(pen)
            painter.drawLine(QPointF(left, middle), QPointF(left + self.swatch, middle))
        if entry.symbol:
            painter.save()
            painter.translate(left + self.swatch / 2, middle)
            size = 12.0 if entry.symbol in ("star", "d") else 8.0
            painter.scale(size, size)
            pen = QPen(color, 1.6)
            pen.setCosmetic(True)
            painter.setPen(pen if entry.hollow else Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush if entry.hollow else color)
            painter.drawPath(Symbols[entry.symbol])
            painter.restore()
        painter.setPen(ink)
        left += self.swatch + SPACE
        said, room = self.words, self.width() - left - self.MARGIN
        if metrics.horizontalAdvance(said) > room:
            said = metrics.elidedText(said, Qt.TextElideMode.ElideMiddle, room)
        baseline = (self.height() - metrics.height()) // 2 + metrics.ascent()
        painter.drawText(left, baseline, said)


class PlotLegend(QWidget):
    """Entries beside a plot's title, where they cover no data: in one row that ends at the right,
    or with ``wrap`` in as many rows as they need, from the left. What was hidden stays hidden while
    the legend lives, also where its entry goes and comes again."""

    toggled = Signal(str, bool)
    """The key of an entry, and whether its curve is shown now."""

    def __init__(self, wrap: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wrap = wrap
        # Dashes are told apart by more than one of them.
        self._swatch = SWATCH + 12 if wrap else SWATCH
        self._hidden: set[str] = set()
        self._entries: list[Entry] = []
        self._buttons: list[_EntryButton] = []
        across = QSizePolicy.Policy.Expanding if wrap else QSizePolicy.Policy.Maximum
        policy = QSizePolicy(across, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(wrap)
        self.setSizePolicy(policy)

    def shows(self, key: str) -> bool:
        """True where the curve of ``key`` is to be drawn."""
        return key not in self._hidden

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Replace the entries. A button that stays keeps the focus."""
        self._entries = list(entries)
        self.setAccessibleName(", ".join(entry.text for entry in entries))
        while len(self._buttons) < len(entries):
            button = _EntryButton(self._swatch, self)
            button.clicked.connect(lambda _, button=button: self._toggle(button.entry.key))
            self._buttons.append(button)
        for button in self._buttons[len(entries) :]:
            button.hide()
        self._place()
        self.updateGeometry()

    def buttons(self) -> list[_EntryButton]:
        """Those of the entries, in their order."""
        return self._buttons[: len(self._entries)]

    def _toggle(self, key: str) -> None:
        self._hidden ^= {key}
        self._place()
        self.toggled.emit(key, self.shows(key))

    def _place(self) -> None:
        for button, entry, words in zip(self.buttons(), self._entries, self.words(), strict=True):
            button.show_entry(entry, words, self.shows(entry.key))
        for button, place in zip(self.buttons(), self._places(self.width()), strict=True):
            button.setGeometry(place)
            button.show()

    def _places(self, width: int) -> list[QRect]:
        """Return where the buttons stand in a legend of ``width`` pixels."""
        sizes = [button.sizeHint() for button in self.buttons()]
        line = self._line()
        places = []
        x = y = 0
        if not self._wrap:
            x = max(0, width - self._width([size.width() for size in sizes]) - 2)
        for size in sizes:
            if self._wrap and x and x + size.width() > width:
                x, y = 0, y + line
            across = min(size.width(), width) if self._wrap else size.width()
            places.append(QRect(x, y, max(across, self._swatch), line))
            x += size.width() + self._between
        return places

    _between = GAP - 2 * _EntryButton.MARGIN

    def _width(self, widths: Sequence[int]) -> int:
        return sum(widths) + self._between * max(len(widths) - 1, 0)

    def _line(self) -> int:
        """Height of a row in pixels."""
        return self.fontMetrics().height() + 2 * _EntryButton.MARGIN

    def _width_of(self, words: Sequence[str]) -> int:
        advance = self.fontMetrics().horizontalAdvance
        beside = self._swatch + SPACE + 2 * _EntryButton.MARGIN
        return self._width([beside + advance(text) for text in words])

    def sizeHint(self) -> QSize:
        width = self._width_of([entry.text for entry in self._entries]) + 2
        return QSize(width, self._line())

    def heightForWidth(self, width: int) -> int:
        places = self._places(width)
        return places[-1].bottom() + 1 if places else self._line()

    def words(self) -> list[str]:
        """The words of the entries as they are drawn."""
        if self._wrap or self.width() >= self.sizeHint().width():
            return [entry.text for entry in self._entries]
        return [entry.short or entry.text for entry in self._entries]

    def minimumSizeHint(self) -> QSize:
        # A legend that grows during a run must not push the docks aside.
        return QSize(0, self._line())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def changeEvent(self, event: Any) -> None:
        super().changeEvent(event)
        if event.type() == event.Type.FontChange:
            self._place()

    def draw(self, painter: QPainter, ink: QColor) -> None:
        """Draw the entries whose curves are shown, on paper, where they stand in this widget. Its
        left upper corner is the painter's origin; their words are in the color ``ink``."""
        for button in self.buttons():
            if self.shows(button.entry.key):
                painter.save()
                painter.translate(button.pos())
                button.draw(painter, ink)
                painter.restore()


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    application = QApplication([])
    legend = PlotLegend()
    legend.show_entries(
        [Entry("each step", "#8fb8e6", 1, key="a"), Entry("best", "#00775b", 0, "star", key="b")]
    )
    legend.show()
    application.exec()
