"""The confusion matrix of one test: which classes are taken for which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QBuffer, QEvent, QIODevice, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from workbench import atomic
from workbench.engine.events import Evaluation
from workbench.file_names import file_name
from workbench.window.kit import theme
from workbench.window.kit.copy_table import claims_copy, copy_table
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.painting import painter_on, painting
from workbench.window.kit.save_file import ask_to_save
from workbench.window.kit.translation import tr
from workbench.window.run.confusion_figure import (
    ConfusionFigure,
    Geometry,
    as_csv,
    most_frequent_mistakes,
    percent,
    sized,
    table_rows,
)

MISTAKES = 5
"""How many of the most frequent mistakes are listed."""

LIST_FROM_HEIGHT = 420
"""The list of mistakes needs a view at least this high, in pixels; below it the matrix goes
first."""


@dataclass(frozen=True)
class Shown:
    """What is on the screen: a test, whose it is, and whether it was taken on sample data."""

    evaluation: Evaluation
    caption: str
    sample: bool


# --- words ----------------------------------------------------------------------------------


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


def corner(sample: bool) -> str:
    """What stands in a table's first cell; a figure on sample data says so."""
    return tr("True class, sample data") if sample else tr("True class")


def described(shown: Shown) -> str:
    """Caption and result in one line."""
    parts = [shown.caption, summary(shown.evaluation)]
    return ", ".join([part for part in parts if part] + ([tr("sample data")] * shown.sample))


# --- files ----------------------------------------------------------------------------------


def file_content(shown: Shown, kind: str, font: QFont) -> bytes:
    """The figure as ``"png"`` or ``"svg"``, dark on white as papers want it, or its counts as
    ``"csv"``."""
    if kind == "csv":
        return as_csv(table_rows(shown.evaluation, corner(shown.sample))).encode("utf-8-sig")
    font = sized(font, 12)
    classes = len(shown.evaluation.classes)
    width, height = max(880, 340 + 14 * classes), max(700, 180 + 14 * classes)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if kind == "svg":
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setResolution(96)  # one unit is one CSS pixel
        generator.setSize(QSize(width, height))
        generator.setViewBox(QRect(0, 0, width, height))
        generator.setTitle(described(shown))
        with painter_on(generator) as painter:
            _paint_page(painter, shown, font, width, height)
    else:
        image = QImage(2 * width, 2 * height, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(2)
        with painter_on(image) as painter:
            painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
            _paint_page(painter, shown, font, width, height)
        image.setText("Title", described(shown))
        image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


def _paint_page(painter: QPainter, shown: Shown, font: QFont, width: int, height: int) -> None:
    colors = theme.LIGHT
    page = QRect(0, 0, width, height)
    painter.fillRect(page, QColor(colors.surface))
    margin = 20
    strong = sized(font, 14, bold=True)
    metrics = QFontMetricsF(strong)
    painter.setFont(strong)
    painter.setPen(QColor(colors.text))
    title = metrics.elidedText(described(shown), Qt.TextElideMode.ElideMiddle, width - 2 * margin)
    painter.drawText(margin, margin + round(metrics.ascent()), title)
    above = round(metrics.height()) + 14
    painter.translate(margin, margin + above)
    figure = ConfusionFigure(shown.evaluation, font)
    figure.paint(painter, figure.geometry(width - 2 * margin, height - 2 * margin - above), colors)


# --- the matrix -----------------------------------------------------------------------------


class _Matrix(QWidget):
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
        """Where things are now; ``None`` while there is no matrix."""
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


# --- the view -------------------------------------------------------------------------------


class ConfusionView(QWidget):
    """Whose matrix it is, the matrix with the accuracy of each class, what the pointer says, the
    most frequent mistakes, and the buttons that copy and export it."""

    problem = Signal(str)
    """One sentence for the person: a file could not be written."""
    images_wanted = Signal(object, object)
    """True and predicted class whose images were asked for, each an index or ``None`` for all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("confusionView")
        self._shown: Shown | None = None

        self._empty = QLabel()
        self._empty.setObjectName("confusionEmpty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "muted")

        self._caption = ElidedLabel("muted")
        self._caption.setObjectName("confusionCaption")
        self._summary = QLabel()
        self._summary.setObjectName("confusionSummary")
        font = self._summary.font()
        font.setBold(True)
        self._summary.setFont(font)
        self._sample = QLabel()
        self._sample.setObjectName("confusionSample")
        self._sample.setProperty("role", "sample")
        result = QHBoxLayout()
        result.addWidget(self._summary)
        result.addWidget(self._sample)
        result.addStretch(1)

        self._matrix = _Matrix()
        self._readout = ElidedLabel("muted")
        self._readout.setObjectName("confusionReadout")

        self._mistakes_box = QWidget()
        grid = QGridLayout(self._mistakes_box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(0)
        self._mistakes_title = ElidedLabel("muted")
        self._mistakes_title.setProperty("role", "heading")
        grid.addWidget(self._mistakes_title, 0, 0)
        self._mistakes = [ElidedLabel("text") for _ in range(MISTAKES)]
        for place, label in enumerate(self._mistakes, start=1):
            label.setObjectName(f"confusionMistake{place}")
            grid.addWidget(label, place % 3, place // 3)  # read downwards
        for column in range(2):
            grid.setColumnStretch(column, 1)

        self._copy = QPushButton()
        self._copy.setObjectName("confusionCopyButton")
        self._copy.clicked.connect(self.copy)
        self._export = QPushButton()
        self._export.setObjectName("confusionExportButton")
        self._export.clicked.connect(self._ask_where)
        buttons = QHBoxLayout()
        buttons.addWidget(self._readout, 1)
        buttons.addWidget(self._copy)
        buttons.addWidget(self._export)

        content = QWidget()
        column_layout = QVBoxLayout(content)
        column_layout.setContentsMargins(14, 10, 14, 10)
        column_layout.setSpacing(4)
        column_layout.addWidget(self._caption)
        column_layout.addLayout(result)
        column_layout.addSpacing(6)
        column_layout.addWidget(self._matrix, 1)
        column_layout.addSpacing(4)
        column_layout.addWidget(self._mistakes_box)
        column_layout.addLayout(buttons)

        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(content)
        card = QFrame()
        card.setProperty("card", "true")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._pages)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(card)

        self._matrix.read.connect(self.say)
        self._matrix.copy_wanted.connect(self.copy)
        self._matrix.chosen.connect(self.images_wanted)
        self.retranslate()

    def show_evaluation(self, evaluation: Evaluation | None, caption: str, sample: bool) -> None:
        """Shows ``evaluation``; ``caption`` says whose it is, ``sample`` that it was taken on
        sample data. ``None`` is as :meth:`clear`."""
        self._shown = Shown(evaluation, caption, sample) if evaluation else None
        self._matrix.show_evaluation(evaluation)
        self._fill()

    def clear(self) -> None:
        """Back to the empty state."""
        self.show_evaluation(None, "", False)

    def _fill(self) -> None:
        shown = self._shown
        self._pages.setCurrentIndex(0 if shown is None else 1)
        if shown is None:
            return
        self._caption.setText(shown.caption)
        self._summary.setText(summary(shown.evaluation))
        self._sample.setText(tr("sample data") if shown.sample else "")
        mistakes = most_frequent_mistakes(shown.evaluation, MISTAKES)
        names = shown.evaluation.classes
        for i, label in enumerate(self._mistakes):
            text = hint = ""
            if i < len(mistakes):
                one = mistakes[i]
                text = tr("{true} → {predicted}: {count} ({percent}%)").format(
                    true=short_name(names[one.true]),
                    predicted=short_name(names[one.predicted]),
                    count=f"{one.count:,}",
                    percent=f"{one.percent:.1f}",
                )
                hint = read_out(shown.evaluation, one.true, one.predicted)
            elif i == 0:
                text = tr("None") if shown.evaluation.total else "—"
            label.setText(text)
            label.setToolTip(tooltip(hint))
        if self._matrix.cell() is None:
            self.say("")

    def say(self, text: str) -> None:
        """Words in the line below the matrix; empty for those that tell what to do."""
        self._readout.set_tint("text" if text else "muted")
        self._readout.setText(
            text or tr("Point at a cell or use the arrow keys; a click or Enter shows its images.")
        )

    def copy(self) -> None:
        """Puts the counts on the clipboard, as text with tabs and as a table for spreadsheets."""
        if self._shown is None:
            return
        rows = table_rows(self._shown.evaluation, corner(self._shown.sample))
        copy_table(rows, described(self._shown))
        self.say(tr("Copied the counts as a table."))

    def _ask_where(self) -> None:
        shown = self._shown
        if shown is None:
            return

        def save(path: Path, kind: str) -> None:
            # What was on the screen when it was asked for, also where an epoch ended meanwhile.
            self._write(shown, path, kind)

        ask_to_save(
            self,
            tr("Export the confusion matrix"),
            file_name(f"confusion {shown.caption}"),
            {"png": tr("Picture"), "svg": tr("Drawing"), "csv": tr("Table of counts")},
            save,
        )

    def _write(self, shown: Shown, path: Path, kind: str) -> None:
        try:
            with atomic.replacing(path) as file:
                file.write(file_content(shown, kind, self.font()))
        except OSError as error:
            self.problem.emit(
                tr("{path}: cannot be written ({reason}).").format(
                    path=path, reason=error.strerror or error
                )
            )
            return
        self.say(tr("Saved {name}.").format(name=path.name))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._mistakes_box.setVisible(self.height() >= LIST_FROM_HEIGHT)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def retranslate(self) -> None:
        self._empty.setText(
            tr(
                "The confusion matrix appears after the first epoch, and when a saved run is "
                "opened or weights are tested."
            )
        )
        self._matrix.setAccessibleName(tr("Confusion matrix"))
        self._mistakes_title.setText(tr("Most frequent errors"))
        self._copy.setText(tr("Copy as table"))
        self._copy.setToolTip(tr("Counts with class names, for a spreadsheet."))
        self._export.setText(tr("Export…"))
        self._export.setToolTip(tr("Save as PNG or SVG (dark on white), or the counts as CSV."))
        self._fill()
        self._matrix.tell()


if __name__ == "__main__":
    import random
    import sys

    from PySide6.QtWidgets import QApplication

    from workbench.data.data_choice import CIFAR10_CLASSES

    application = QApplication(sys.argv)
    theme.Theme(application)
    rows = [[random.randrange(60) for _ in range(10)] for _ in range(10)]
    for i, row in enumerate(rows):
        row[i] += 1000 - sum(row)
    right = sum(row[i] for i, row in enumerate(rows))
    view = ConfusionView()
    view.show_evaluation(
        Evaluation(
            "train",
            right,
            10_000,
            right / 100,
            0.9,
            CIFAR10_CLASSES,
            tuple(row[i] / 10 for i, row in enumerate(rows)),
            tuple(map(tuple, rows)),
        ),
        "007 Adam, epoch 3, test in training mode, CIFAR-10, JPEG",
        sample=False,
    )
    view.resize(620, 560)
    view.show()
    sys.exit(application.exec())
