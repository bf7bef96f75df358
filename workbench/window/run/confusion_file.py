"""The confusion matrix as a file: picture, drawing or table."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QBuffer, QIODevice, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from workbench.engine.events import Evaluation
from workbench.window.kit import theme
from workbench.window.kit.painting import painter_on
from workbench.window.kit.translation import tr
from workbench.window.run.confusion_figure import ConfusionFigure, as_csv, sized, table_rows
from workbench.window.run.confusion_matrix import summary


@dataclass(frozen=True)
class Shown:
    """What is on the screen: a test, whose it is, and whether it was taken on sample data."""

    evaluation: Evaluation
    caption: str
    sample: bool


def corner(sample: bool) -> str:
    """Return what stands in a table's first cell; a figure on sample data says so."""
    return tr("True class, sample data") if sample else tr("True class")


def described(shown: Shown) -> str:
    """Caption and result in one line."""
    parts = [shown.caption, summary(shown.evaluation)]
    return ", ".join([part for part in parts if part] + ([tr("sample data")] * shown.sample))


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
