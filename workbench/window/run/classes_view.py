"""Figures of each class, and how far the confidence can be trusted, of a run's final test."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStyle,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from workbench.analysis.metrics import (
    CALIBRATION_BINS,
    Bin,
    Calibration,
    ClassFigures,
    Predictions,
    calibration,
    per_class,
    read_predictions,
    top_k_accuracy,
)
from workbench.engine.events import Event
from workbench.library.run_folder import RunRecord
from workbench.messages import Count, WorkbenchError
from workbench.window.kit import theme
from workbench.window.kit.figure_table import Cell, FigureTable
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.painting import painting
from workbench.window.kit.shown_page import ShownPage
from workbench.window.kit.translation import say, tr
from workbench.window.run.shown_run import ShownRun
from workbench.words.figures import percent

NARROWEST = 200
"""Pixels beside the table in which the diagram can be read."""


class ReliabilityDiagram(QWidget):
    """A bar for each bin of confidence: the share of its images that is right; on the diagonal
    confidence and share agree. Paler bars stand on fewer images."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reliabilityDiagram")
        self.setMinimumSize(160, 170)
        self._calibration: Calibration | None = None

    def show_calibration(self, result: Calibration | None) -> None:
        self._calibration = result
        filled = [b for b in result.bins if b.count] if result else []
        self.setAccessibleDescription("; ".join(_bin_text(b) for b in filled))
        self.update()

    def bin_at(self, x: float) -> Bin | None:
        """The bin under ``x``, in pixels."""
        if self._calibration is None:
            return None
        place = self._place()
        bins = self._calibration.bins
        number = int((x - place.left()) * len(bins) // max(place.width(), 1))
        return bins[number] if 0 <= number < len(bins) else None

    def _place(self) -> QRectF:
        line = self.fontMetrics().height()
        left = self.fontMetrics().horizontalAdvance("100%") + line + 12
        side = min(self.width() - left - 24, self.height() - 2 * line - 22)
        return QRectF(left, 8, max(side, 40), max(side, 40))

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        c, metrics = theme.colors(), self.fontMetrics()
        place = self._place()
        line = metrics.height()
        painter.setPen(QColor(c.muted))
        for share in (0, 50, 100):
            y = place.bottom() - place.height() * share / 100
            right = QRectF(0, y - line / 2, place.left() - 5, line)
            painter.drawText(right, Qt.AlignmentFlag.AlignRight, f"{share}%")
            x = place.left() + place.width() * share / 100
            below = QRectF(x - 30, place.bottom() + 3, 60, line)
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, f"{share}%")
        below = QRectF(place.left(), place.bottom() + line + 4, place.width(), line + 2)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, tr("confidence"))
        painter.save()
        painter.translate(line - 2, place.center().y())
        painter.rotate(-90)
        beside = QRectF(-place.height() / 2, -line + 2, place.height(), line)
        painter.drawText(beside, Qt.AlignmentFlag.AlignHCenter, tr("accuracy"))
        painter.restore()
        painter.setPen(QPen(QColor(c.border)))
        painter.drawRect(place)
        if self._calibration is None:
            return
        most = max((b.count for b in self._calibration.bins), default=0)
        for b in self._calibration.bins:
            if b.accuracy is None:
                continue
            tint = QColor(c.measured)
            tint.setAlphaF(0.35 + 0.65 * min(1.0, b.count / max(most, 1) * 4))
            left = place.left() + place.width() * b.above
            width = place.width() * (b.to - b.above)
            height = place.height() * b.accuracy
            painter.fillRect(
                QRectF(left + 1, place.bottom() - height, max(width - 2, 1), height), tint
            )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(c.reported), 1.4, Qt.PenStyle.DashLine))
        painter.drawLine(place.bottomLeft(), QPointF(place.right(), place.top()))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self.bin_at(event.pos().x())
            text = _bin_text(found) if found is not None and found.count else ""
            QToolTip.showText(event.globalPos(), tooltip(text), self)
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_restyled(event) or event.type() == QEvent.Type.LanguageChange:
            self.update()


def _bin_text(b: Bin) -> str:
    return tr("Confidence {low} to {high}: {count:image|images}, {right}% right").format(
        low=f"{100 * b.above:.0f}%",
        high=f"{100 * b.to:.0f}%",
        count=Count(b.count),
        right=f"{100 * (b.accuracy or 0):.1f}",
    )


class ClassesView(QWidget):
    """Reads the run's logits when it is looked at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("classesView")
        self._record: RunRecord | None = None
        self._trains = False
        self._predictions: Predictions | None = None
        self._problem: WorkbenchError | None = None

        self._empty = QLabel()
        self._empty.setObjectName("classesEmpty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "muted")
        empty = QFrame()
        empty.setProperty("card", "true")
        QVBoxLayout(empty).addWidget(self._empty)

        self._summary = QLabel()
        self._summary.setObjectName("classesSummary")
        self._summary.setWordWrap(True)
        self._summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._sample = QLabel()
        self._sample.setProperty("role", "sample")
        self._table = FigureTable("classesTable", sortable=True)
        self._table.setMinimumHeight(140)
        self._means = FigureTable("classMeansTable")
        self._means.horizontalHeader().hide()
        self._means.fits = False  # its columns stand below those of the other
        self._means.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._means.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._table.horizontalScrollBar().valueChanged.connect(
            self._means.horizontalScrollBar().setValue
        )
        self._table.horizontalHeader().sectionResized.connect(
            lambda column, _, width: self._means.setColumnWidth(column, width)
        )
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._title.setWordWrap(True)
        self._diagram = ReliabilityDiagram()
        self._left_out = QLabel()
        self._left_out.setProperty("role", "muted")
        self._left_out.setWordWrap(True)

        left, right = QWidget(), QWidget()
        layout = QVBoxLayout(left)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.addWidget(self._table, 1)
        layout.addWidget(self._means)
        layout = QVBoxLayout(right)
        layout.setContentsMargins(4, 0, 0, 0)
        layout.addWidget(self._title)
        layout.addWidget(self._diagram, 1)
        layout.addWidget(self._left_out)
        both = self._both = QSplitter()
        both.setObjectName("classesSplitter")
        both.addWidget(left)
        both.addWidget(right)
        both.setChildrenCollapsible(False)
        both.splitterMoved.connect(self._splitter_moved)
        self._shared_by_user = False
        top = QHBoxLayout()
        top.addWidget(self._summary, 1)
        top.addWidget(self._sample)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(4, 10, 4, 6)
        layout.addLayout(top)
        layout.addWidget(both, 1)
        self._pages = ShownPage()
        self._pages.addWidget(empty)
        self._pages.addWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.retranslate()

    def show_run(self, run: ShownRun | None) -> None:
        """Show ``run`` once this view is visible, or the empty state."""
        self._record = run.record if run is not None else None
        self._trains = run is not None and run.trains
        self._predictions = self._problem = None
        if self.isVisible():
            self._read()

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Nothing: the logits come with the run's end, which shows it again."""

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._predictions is None:
            self._read()

    def _read(self) -> None:
        record = self._record
        if record is not None:
            try:
                classes = tuple(map(str, record.data.get("classes", ())))
                self._predictions = read_predictions(record.folder, classes)
            except WorkbenchError as error:
                self._problem = error
        self._fill()

    def _fill(self) -> None:
        p = self._predictions
        self._pages.setCurrentIndex(0 if p is None else 1)
        if p is None or self._record is None:
            self._empty.setText(self._why_empty())
            self._diagram.show_calibration(None)
            return
        result = calibration(p)
        self._summary.setText(
            tr(
                "Top-2 {two} · top-3 {three} · expected calibration error {error} ({bins} bins of "
                "equal width)"
            ).format(
                two=percent(top_k_accuracy(p, 2)),
                three=percent(top_k_accuracy(p, 3)),
                error=percent(None if result.error is None else 100 * result.error),
                bins=CALIBRATION_BINS,
            )
        )
        sample = self._record.is_sample
        self._sample.setText(tr("sample data") if sample else "")
        figures = per_class(p)
        header = (tr("Class"), tr("Precision"), tr("Recall"), tr("F1"), tr("Images"))
        self._table.show_rows(header, [_row(c.name, c) for c in figures.classes])
        means = [
            _row(name, c)
            for name, c in (
                (tr("macro mean"), figures.macro),
                (tr("weighted mean"), figures.weighted),
            )
            if c is not None
        ]
        self._means.show_rows(header, means)
        for column in range(5):
            width = max(table.columnWidth(column) for table in (self._table, self._means))
            for table in (self._table, self._means):
                table.setColumnWidth(column, width)
        self._table.fit_first_column()
        self._share_width()
        rows = max(len(means), 1) * self._means.verticalHeader().defaultSectionSize()
        self._means.setFixedHeight(rows + 4)
        self._means.setVisible(bool(means))
        self._diagram.show_calibration(result)
        self._left_out.setVisible(result.left_out > 0)
        self._left_out.setText(
            tr("Left out: {count:image|images} without a prediction.").format(
                count=Count(result.left_out)
            )
        )

    def _splitter_moved(self) -> None:
        self._shared_by_user = True

    def _share_width(self) -> None:
        """Give the table the width of its columns, and the diagram the rest, until the user moves
        the line between them. Where the rest is too narrow, the diagram lies below."""
        if self._pages.currentIndex() == 0:
            return
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        columns = sum(self._table.columnWidth(column) for column in range(5))
        wanted = columns + 2 * self._table.frameWidth() + bar + 4
        width = self._both.width() - self._both.handleWidth()
        beside = width - wanted >= NARROWEST
        side = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if side != self._both.orientation():
            self._both.setOrientation(side)
            self._shared_by_user = False
        if self._shared_by_user:
            return
        if beside:
            diagram = min(width - wanted, max(240, 2 * width // 5))
            self._both.setSizes([width - diagram, diagram])
        else:
            self._both.setSizes([3000, 2000])  # shares of the height

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _why_empty(self) -> str:
        if self._problem is not None:
            return say(self._problem.message)
        if self._record is None:
            return tr(
                "Figures of each class appear here once a run has its final test, or is opened."
            )
        if self._trains:
            return tr("Figures of each class appear here after this run's final test.")
        return tr("This run has no final test, which these figures are computed from.")

    def retranslate(self) -> None:
        self._title.setText(tr("Reliability: accuracy by confidence"))
        self._diagram.setAccessibleName(self._title.text())
        self._table.setAccessibleName(tr("Each class"))
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _row(name: str, c: ClassFigures) -> list[Cell]:
    figures = [Cell(percent(v), v) for v in (c.precision, c.recall, c.f1)]
    return [Cell(name), *figures, Cell(f"{c.support:,}", c.support)]
