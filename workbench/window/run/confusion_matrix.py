"""The confusion matrix as a widget that mouse and keyboard move over."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from workbench.engine.events import Evaluation
from workbench.window.kit import theme
from workbench.window.kit.copy_table import claims_copy
from workbench.window.kit.painting import painting
from workbench.window.kit.shades import percent
from workbench.window.kit.translation import tr
from workbench.window.run.confusion_figure import ConfusionFigure, Geometry


def summary(evaluation: Evaluation) -> str:
    """``7,021 of 10,000 correct (70.21%)``."""
    share = percent(evaluation.correct, evaluation.total)
    if share is None:
        return tr("No test images")
    return tr("{correct} of {total} correct ({percent}%)").format(
        correct=f"{evaluation.correct:,}", total=f"{evaluation.total:,}", percent=f"{share:.2f}"
    )


def short_name(name: str) -> str:
    """A class name of at most 20 characters, so that the figures behind it stay on the screen."""
    return name if len(name) <= 20 else name[:19].rstrip() + "…"


def read_out(evaluation: Evaluation, row: int, column: int, short: bool = False) -> str:
    """One cell as a sentence: ``cat taken for dog: 153 of 1,000 (15.3%)``; ``short`` cuts long
    class names."""
    true, predicted = evaluation.classes[row], evaluation.classes[column]
    if short:
        true, predicted = short_name(true), short_name(predicted)
    count, images = evaluation.confusion[row][column], sum(evaluation.confusion[row])
    share = percent(count, images)
    if share is None:
        return tr("{true}: no test images of this class").format(true=true)
    if row == column:
        text = tr("{true} recognized: {count} of {images} ({percent}%)")
    else:
        text = tr("{true} mistaken for {predicted}: {count} of {images} ({percent}%)")
    return text.format(
        true=true,
        predicted=predicted,
        count=f"{count:,}",
        images=f"{images:,}",
        percent=f"{share:.1f}",
    )


class ConfusionMatrix(QWidget):
    """The painted figure with its cell cursor. ``read`` says the cell that is pointed at, by
    mouse or arrow keys, and is empty where none is."""

    read = Signal(str)
    copy_wanted = Signal()
    chosen = Signal(object, object)
    """A click or Enter: row and column, each an index or ``None`` for all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("confusionMatrix")
        self.setMinimumSize(260, 200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._figure: ConfusionFigure | None = None
        self._cursor = (0, 0)
        self._pointed: tuple[int, int] | None = None

    def show_evaluation(self, evaluation: Evaluation | None) -> None:
        old = self._figure.evaluation if self._figure else None
        self._figure = ConfusionFigure(evaluation, self.font()) if evaluation else None
        if evaluation is None or old is None or old.classes != evaluation.classes:
            self._cursor, self._pointed = (0, 0), None
        self.update()
        if self.cell() is not None:
            self.tell()

    def cell(self) -> tuple[int, int] | None:
        """The cell that is read out: the mouse's, else the keyboard's."""
        if self._figure is None or not self._figure.evaluation.classes:
            return None
        return self._pointed or (self._cursor if self.hasFocus() else None)

    def tell(self) -> None:
        cell = self.cell()
        if self._figure and cell:
            self.setAccessibleDescription(read_out(self._figure.evaluation, *cell))
            self.read.emit(read_out(self._figure.evaluation, *cell, short=True))
        else:
            self.setAccessibleDescription("")
            self.read.emit("")
        self.update()

    def place(self) -> Geometry | None:
        """Return where things are now; ``None`` while there is no matrix."""
        if self._figure is None or not self._figure.evaluation.classes:
            return None
        return self._figure.geometry(self.width(), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        geometry = self.place()
        if self._figure is None or geometry is None:
            return
        colors, cell = theme.colors(), self.cell()
        self._figure.paint(painter, geometry, colors, cell)
        if cell is None:
            return
        # Two lines, one of which stands out from any shade; the keyboard's cursor is bolder.
        place = geometry.cell(*cell)
        if min(place.width(), place.height()) < 8:
            place = place.adjusted(-3, -3, 3, 3)
        keyboard = self.hasFocus() and cell == self._cursor
        painter.setPen(QPen(QColor(colors.surface), 5 if keyboard else 3))
        painter.drawRect(place)
        painter.setPen(
            QPen(QColor(colors.accent if keyboard else colors.text), 3 if keyboard else 1)
        )
        painter.drawRect(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._figure is None or not self._figure.evaluation.classes:
            super().keyPressEvent(event)
            return
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(*self._cursor)
            return
        last = len(self._figure.evaluation.classes) - 1
        row, column = self._cursor
        moves = {
            Qt.Key.Key_Left: (row, column - 1),
            Qt.Key.Key_Right: (row, column + 1),
            Qt.Key.Key_Up: (row - 1, column),
            Qt.Key.Key_Down: (row + 1, column),
            Qt.Key.Key_Home: (row, 0),
            Qt.Key.Key_End: (row, last),
            Qt.Key.Key_PageUp: (0, column),
            Qt.Key.Key_PageDown: (last, column),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        self._cursor = (min(max(move[0], 0), last), min(max(move[1], 0), last))
        self._pointed = None
        self.tell()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        geometry = self.place()
        where = event.position()
        pointed = geometry.cell_at(where.x(), where.y()) if geometry else None
        if pointed != self._pointed:
            self._pointed = pointed
            self.tell()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        geometry = self.place()
        where = event.position()
        if geometry is None:
            return
        if cell := geometry.cell_at(where.x(), where.y()):
            self._cursor = self._pointed = cell
            self.tell()
        if event.button() == Qt.MouseButton.LeftButton:
            row, column = geometry.row_at(where.y()), geometry.column_at(where.x())
            if cell or (row is not None and column is None):
                self.chosen.emit(row, column)
            elif column is not None and where.y() < geometry.top:
                self.chosen.emit(None, column)

    def leaveEvent(self, event: QEvent) -> None:
        self._pointed = None
        self.tell()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tool_tip_at(event.pos()), self)
            return True
        if claims_copy(event):
            event.accept()
            return True
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            handled = super().event(event)
            self.tell()
            return handled
        return super().event(event)

    def tool_tip_at(self, point: QPoint) -> str:
        """The cell's sentence; the full class name over a name or a bar."""
        geometry = self.place()
        if self._figure is None or geometry is None:
            return ""
        evaluation = self._figure.evaluation
        row, column = geometry.row_at(point.y()), geometry.column_at(point.x())
        if row is not None and column is not None:
            return read_out(evaluation, row, column)
        if row is not None:
            if point.x() >= geometry.bars:
                return read_out(evaluation, row, row)
            return evaluation.classes[row]
        if column is not None and point.y() < geometry.top:
            return evaluation.classes[column]
        return ""

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and self._figure:
            self._figure = ConfusionFigure(self._figure.evaluation, self.font())
        if theme.is_restyled(event) or event.type() == QEvent.Type.FontChange:
            self.update()
