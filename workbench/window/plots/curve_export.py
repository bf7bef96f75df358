"""The curves as files: a picture, a drawing, and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QObject, QRect, QThreadPool, Signal
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from workbench import atomic
from workbench.file_names import file_name
from workbench.window.kit import theme
from workbench.window.kit.painting import painter_on
from workbench.window.kit.save_file import ask_to_save
from workbench.window.kit.translation import tr


class _Outcome(QObject):
    """Brings the end of a thread's writing back to the window's thread."""

    failed = Signal(str, str)  # path, reason


class CurveExport(QPushButton):
    """The button with the menu of exports.

    ``figure`` is what the pictures show, and ``paint(painter, pens)`` paints it, with pens
    ``pens`` times as wide as on screen. ``epochs`` gives the table of the epochs, ``losses`` that
    of all steps in blocks, of which each may be long in coming: they are asked for in a thread.
    """

    problem = Signal(str)
    """A sentence for the person: an export failed."""

    def __init__(
        self,
        figure: QWidget,
        paint: Callable[[QPainter, float], None],
        epochs: Callable[[], str],
        losses: Callable[[], Iterator[str]],
    ) -> None:
        super().__init__()
        self.setObjectName("exportButton")
        self.run_name = "run"
        self._figure = figure
        self._paint = paint
        self._epochs = epochs
        self._losses = losses
        menu = QMenu(self)
        self._actions = [
            menu.addAction("", lambda: self._ask("png", "curves", tr("Picture"), self._save_png)),
            menu.addAction("", lambda: self._ask("svg", "curves", tr("Drawing"), self._save_svg)),
            menu.addAction("", lambda: self._ask("csv", "epochs", tr("Table"), self._save_epochs)),
            menu.addAction("", lambda: self._ask("csv", "losses", tr("Table"), self._save_losses)),
        ]
        for action, name in zip(
            self._actions, ("Png", "Svg", "EpochsCsv", "LossesCsv"), strict=True
        ):
            action.setObjectName(f"export{name}")
        self.setMenu(menu)

    def retranslate(self) -> None:
        self.setText(tr("Export"))
        for action, text in zip(
            self._actions,
            (
                tr("Picture (PNG)…"),
                tr("Vector graphic (SVG)…"),
                tr("Table of the epochs (CSV)…"),
                tr("Table of every step's loss (CSV)…"),
            ),
            strict=True,
        ):
            action.setText(text)

    def _ask(self, ending: str, kind: str, words: str, save: Callable[[Path], None]) -> None:
        name = file_name(f"{self.run_name} {kind}")
        ask_to_save(
            self, tr("Export curves"), name, {ending: words}, lambda path, _: self._try(save, path)
        )

    def _try(self, save: Callable[[Path], None], path: Path) -> None:
        try:
            save(path)
        except OSError as error:
            self._report(str(path), error.strerror or str(error))

    def _report(self, path: str, reason: str) -> None:
        text = tr("{path}: cannot be written ({reason}).")
        self.problem.emit(text.format(path=path, reason=reason))

    def _save_png(self, path: Path) -> None:
        # Twice the screen's pixels, for print.
        size = self._figure.size()
        image = QImage(size * 2, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(2.0)
        image.fill(QColor(theme.LIGHT.surface))
        with painter_on(image) as painter:
            self._paint(painter, 2.0)
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")  # type: ignore[call-overload]
        with atomic.replacing(path) as file:
            file.write(buffer.data().data())

    def _save_svg(self, path: Path) -> None:
        from PySide6.QtSvg import QSvgGenerator  # only here: start-up does without

        buffer = QBuffer()
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(self._figure.size())
        generator.setViewBox(QRect(0, 0, self._figure.width(), self._figure.height()))
        generator.setResolution(self.logicalDpiX())
        generator.setTitle(self.run_name)
        with painter_on(generator) as painter:
            self._paint(painter, 1.0)
        with atomic.replacing(path) as file:
            file.write(buffer.data().data())

    def _save_epochs(self, path: Path) -> None:
        atomic.write_text(path, self._epochs())

    def _save_losses(self, path: Path) -> None:
        # A million rows take a second: a thread of Qt's pool writes them.
        blocks = self._losses()
        outcome = _Outcome()
        outcome.failed.connect(self._report)
        QThreadPool.globalInstance().start(lambda: _write(path, blocks, outcome))


def _write(path: Path, blocks: Iterator[str], outcome: _Outcome) -> None:
    try:
        with atomic.replacing(path) as file:
            for block in blocks:
                file.write(block.encode("utf-8"))
    except OSError as error:
        outcome.failed.emit(str(path), error.strerror or str(error))
