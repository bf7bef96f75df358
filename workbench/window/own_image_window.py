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
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from workbench.messages import Message
from workbench.plain_text import shortened
from workbench.window.image_panel import Picture, ProbabilityBars
from workbench.window.session import Session
from workbench.window.translation import say, tr


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
        self._waiting = False
        self._problem: Message | None = None
        self._outcome: Any = None  # ImagePredictions

        self.weights_label = QLabel()
        self.weights_label.setProperty("role", "muted")
        self.weights_label.setWordWrap(True)
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
        self.open_button.setObjectName("openImageButton")
        self.paste_button.setObjectName("pasteImageButton")
        self.open_button.clicked.connect(self._ask)
        self.paste_button.clicked.connect(self.paste)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.paste_button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.weights_label)
        layout.addWidget(self.picture, 1)
        layout.addWidget(self.verdict)
        layout.addWidget(self.bars)
        layout.addWidget(self.note)
        layout.addLayout(buttons)
        self.resize(380, 620)
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
                tr("Images") + " (*.jpg *.jpeg *.png *.bmp *.gif *.webp *.tif *.tiff *.ppm)",
                tr("All files") + " (*)",
            ]
        )
        dialog.fileSelected.connect(lambda file: self.take_file(Path(file)))
        dialog.open()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self._take_mime(event.mimeData(), tr("what was dropped"))

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
                Message("Something is under way; try the image again when it has ended.")
            )
            return
        self._name, self._waiting = name, True
        self._session.predict_image(self._weights, source, name, self._device)

    def _predicted(self, pixels: Any, outcome: Any) -> None:
        if not self._waiting:
            return  # asked for by another window
        self._waiting = False
        if isinstance(outcome, Message):
            self._show_problem(outcome)
            return
        self._problem, self._outcome = None, outcome
        self.picture.show_pixels(pixels)
        self.bars.show_probabilities(outcome.classes, outcome.probabilities[0])
        self._fill()

    def _show_problem(self, message: Message) -> None:
        self._problem, self._outcome = message, None
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
        self.note.setText(
            tr(
                "These 32x32 pixels are all that the network gets. It must choose one of its "
                "classes, also for an image of none of them."
            )
        )

    def _update(self) -> None:
        off = self._session.busy
        reason = tr("Off while work is under way.") if off else ""
        for button in (self.open_button, self.paste_button):
            button.setEnabled(not off)
            button.setToolTip(reason)

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Try an image"))
        self.weights_label.setText(
            tr("Weights: {title}").format(title=shortened(self._weights_title))
        )
        self.picture.setAccessibleName(tr("The image as the network gets it"))
        self.picture.invite(tr("Drop an image here, paste it, or open one."))
        self.open_button.setText(tr("Open…"))
        self.paste_button.setText(tr("Paste"))
        self._fill()
        self._update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
