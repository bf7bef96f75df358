"""An image of one's own: what the network gets of it, and what the weights in use take it for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PySide6.QtCore import QBuffer, QEvent, QIODevice, QMimeData, Qt
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QKeySequence,
)
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from workbench.data.data_choice import IMAGE_ENDINGS
from workbench.messages import Message
from workbench.plain_text import shortened
from workbench.window.images.image_panel import Picture, ProbabilityBars
from workbench.window.images.inside_window import InsideWindow
from workbench.window.kit.fitting import Fitting
from workbench.window.kit.placement import center_over
from workbench.window.kit.translation import say, tr
from workbench.window.weights.original_picture import OriginalPicture
from workbench.window.work.session import Session


class OwnImageWindow(QWidget):
    """A window of its own. Takes an image by opening, dropping or pasting it, and asks
    ``session`` what the weights of :meth:`set_weights` say of it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("ownImageWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self._session = session
        self._weights: Path | None = None
        self._weights_title = ""
        self._device = "auto"
        self._name = ""
        self._source: Any = None  # the image that is on show: a path or a binary file
        self._waiting = False
        self._problem: Message | None = None
        self._outcome: Any = None  # ImagePredictions

        self.weights_label = QLabel()
        self.weights_label.setProperty("role", "muted")
        self.weights_label.setWordWrap(True)
        self.original = OriginalPicture()
        self.original.hide()
        self.picture = Picture()
        self.verdict = QLabel()
        self.verdict.setObjectName("ownImageVerdict")
        self.verdict.setWordWrap(True)
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        font = self.verdict.font()
        font.setBold(True)
        self.verdict.setFont(font)
        self.bars = ProbabilityBars()
        self.note = QLabel()
        self.note.setObjectName("ownImageNote")
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.open_button, self.paste_button = QPushButton(), QPushButton()
        self.inside_button = QPushButton()
        self.inside_button.setObjectName("lookInsideButton")
        self.inside_button.clicked.connect(self.look_inside)
        self._inside: InsideWindow | None = None
        self.open_button.setObjectName("openImageButton")
        self.paste_button.setObjectName("pasteImageButton")
        self.open_button.clicked.connect(self._ask)
        self.paste_button.clicked.connect(self.paste)
        self.fit_box = QComboBox()
        self.fit_box.setObjectName("fitBox")
        for fit in ("crop", "whole"):
            self.fit_box.addItem("", fit)
        self.fit_box.currentIndexChanged.connect(self._ask_again)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.paste_button)
        buttons.addWidget(self.inside_button)
        buttons.addStretch(1)
        buttons.addWidget(self.fit_box)
        pictures = QHBoxLayout()
        pictures.addWidget(self.original, 1)
        pictures.addWidget(self.picture, 1)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addWidget(self.weights_label)
        layout.addLayout(pictures, 1)
        layout.addWidget(self.verdict)
        layout.addWidget(self.bars)
        layout.addWidget(self.note)
        layout.addLayout(buttons)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Fitting(content))
        self.resize(480, 620)
        session.image_predicted.connect(self._predicted)
        session.state_changed.connect(self._update)
        self.retranslate()

    # --- where images come from --------------------------------------------------------

    def set_weights(self, path: Path, title: str, device: str) -> None:
        """The weights that are asked, and on which device."""
        self._weights, self._weights_title, self._device = path, title, device
        self.retranslate()

    def take_file(self, path: Path) -> None:
        self._ask_network(path, path.name)

    def take_image(self, image: QImage, name: str) -> None:
        """A picture that has no file, as from the clipboard."""
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")  # type: ignore[call-overload]
        self._ask_network(io.BytesIO(bytes(buffer.data().data())), name)

    def paste(self) -> None:
        self._take_mime(QGuiApplication.clipboard().mimeData(), tr("the clipboard"))

    def _take_mime(self, data: QMimeData, name: str) -> None:
        urls = [url for url in data.urls() if url.isLocalFile()]
        if urls:
            self.take_file(Path(urls[0].toLocalFile()))
        elif data.hasImage():
            image = data.imageData()
            self.take_image(image if isinstance(image, QImage) else image.toImage(), name)
        else:
            self._show_problem(Message("There is no image in {place}.", place=name))

    def _ask(self) -> None:
        dialog = QFileDialog(self, tr("Open an image"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(
            [
                tr("Images") + f" (*{' *'.join(IMAGE_ENDINGS)})",
                tr("All files") + " (*)",
            ]
        )
        dialog.fileSelected.connect(lambda file: self.take_file(Path(file)))
        dialog.open()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self._take_mime(event.mimeData(), tr("the dropped item"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        else:
            super().keyPressEvent(event)

    # --- the answer --------------------------------------------------------------------

    def _ask_network(self, source: Any, name: str) -> None:
        if self._weights is None:
            return
        if self._session.busy:
            self._show_problem(
                Message("Something is running; try the image again when it has ended.")
            )
            return
        self._name, self._source, self._waiting = name, source, True
        fit = self.fit_box.currentData()
        self._session.predict_image(self._weights, source, name, self._device, fit)

    def _ask_again(self) -> None:
        if self._source is not None:
            self._ask_network(self._source, self._name)

    def _predicted(self, images: Any, outcome: Any) -> None:
        if not self._waiting:
            return  # asked for by another window
        self._waiting = False
        if isinstance(outcome, Message):
            self._show_problem(outcome)
            return
        self._problem, self._outcome = None, outcome
        pixels, preview = images
        self.picture.show_pixels(pixels)
        self.original.show_image(preview, self.fit_box.currentData())
        self.bars.show_probabilities(outcome.classes, outcome.probabilities[0])
        self._fill()
        if self._inside is not None:
            self._ask_inside(self._inside)

    def look_inside(self) -> None:
        """Open the window that shows what the network does with the image; it follows the image
        for as long as it is open."""
        if self._inside is None:
            self._inside = InsideWindow(self)
            self._inside.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self._inside.destroyed.connect(self._inside_closed)
            center_over(self._inside, self)
        self._ask_inside(self._inside)
        self._inside.show()
        self._inside.activateWindow()

    def _ask_inside(self, window: InsideWindow) -> None:
        if self._weights is not None and self.picture.pixels is not None:
            words = f"{shortened(self._weights_title)} · {self.verdict.text()}"
            window.look_at(self._weights, self.picture.pixels, words)

    def _inside_closed(self) -> None:
        self._inside = None

    def _show_problem(self, message: Message) -> None:
        self._problem, self._outcome = message, None
        self.original.show_image(None, "crop")
        self.picture.show_pixels(None)
        self.bars.show_probabilities((), None)
        self._fill()

    def _fill(self) -> None:
        if self._problem is not None:
            self.verdict.setText(say(self._problem))
        elif self._outcome is None:
            self.verdict.setText("")
        else:
            best = int(self._outcome.probabilities[0].argmax())
            self.verdict.setText(
                tr("{name}: {predicted}, {percent}%").format(
                    name=shortened(self._name),
                    predicted=shortened(self._outcome.classes[best]),
                    percent=f"{100 * self._outcome.probabilities[0][best]:.2f}",
                )
            )
        self.inside_button.setEnabled(self._outcome is not None)
        self.note.setText(
            tr(
                "The network sees only these 32x32 pixels. It always chooses one of its "
                "classes, even for an image of something else."
            )
        )

    def _update(self) -> None:
        off = self._session.busy
        reason = tr("Not available while something is running.") if off else ""
        for button in (self.open_button, self.paste_button, self.fit_box):
            button.setEnabled(not off)
            button.setToolTip(reason)

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Try an image"))
        self.weights_label.setText(
            tr("Weights: {title}").format(title=shortened(self._weights_title))
        )
        self.picture.setAccessibleName(tr("The image as the network sees it"))
        self.picture.invite(tr("Drop an image here, paste it, or open one."))
        self.original.setAccessibleName(tr("The image, with the square that the network gets"))
        self.fit_box.setAccessibleName(tr("What is taken of an image that is not square"))
        self.fit_box.setItemText(0, tr("Crop the middle square"))
        self.fit_box.setItemText(1, tr("Squeeze the whole image"))
        self.open_button.setText(tr("Open…"))
        self.paste_button.setText(tr("Paste"))
        self.inside_button.setText(tr("Look inside"))
        self._fill()
        self._update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
