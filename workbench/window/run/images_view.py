"""The test images of a run, one by one: which it gets wrong, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from workbench.analysis.metrics import Predictions, read_predictions
from workbench.data.kept_images import TestImages
from workbench.data.progress import DataProgress
from workbench.engine.events import Event
from workbench.library.run_folder import RunRecord
from workbench.messages import Count, Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.window.images.image_gallery import Gallery
from workbench.window.images.image_panel import ImagePanel, judgements
from workbench.window.images.inside_window import InsideWindow
from workbench.window.kit.placement import center_over
from workbench.window.kit.shown_page import ShownPage
from workbench.window.kit.translation import say, tr
from workbench.window.run.shown_run import ShownRun

ALL, RIGHT, WRONG = range(3)

MOST_OTHERS = 8
"""So many other runs are asked of an image."""


def chosen_images(
    predictions: Predictions, true: int | None, predicted: int | None, which: int = ALL
) -> np.ndarray:
    """Indices of the images with this true and predicted class (``None`` for any), most confident
    first; those without a prediction are last."""
    keep = np.ones(len(predictions.labels), bool)
    if true is not None:
        keep &= predictions.labels == true
    if predicted is not None:
        keep &= predictions.predicted == predicted
    if which != ALL:
        keep &= predictions.correct == (which == RIGHT)
    indices = np.flatnonzero(keep)
    confidence = np.nan_to_num(predictions.confidence[indices], nan=-1.0)
    return indices[np.argsort(-confidence, kind="stable")]


class ImagesView(QWidget):
    """Gallery and large image of the shown run's final test.

    ``other_runs`` gives the runs whose judgement stands beside it. The pictures themselves are
    asked for with ``images_wanted`` once this view is looked at.
    """

    images_wanted = Signal(object)
    """RunRecord whose test images are needed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("imagesView")
        self.other_runs: Callable[[], Sequence[RunRecord]] = list
        self._record: RunRecord | None = None
        self._trains = False
        self._predictions: Predictions | None = None
        self._others: list[tuple[RunRecord, Predictions]] = []
        self._others_to_read: list[RunRecord] = []
        self._loaded: TestImages | None = None
        self._problem = ""
        self._asked = ""  # the run whose images were asked for
        self._special: tuple[np.ndarray, str, int] | None = None
        self._index = -1

        self._empty = QLabel()
        self._empty.setObjectName("imagesEmpty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "muted")
        self.progress = QProgressBar()
        self.progress.setObjectName("imagesProgress")
        self.progress.setTextVisible(False)
        self.progress.setMaximumWidth(320)
        self.progress.hide()
        empty = QFrame()
        empty.setProperty("card", "true")
        layout = QVBoxLayout(empty)
        layout.addStretch(1)
        layout.addWidget(self._empty)
        layout.addWidget(self.progress, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)

        self.true_box, self.predicted_box, self.which_box = QComboBox(), QComboBox(), QComboBox()
        for name, box in (
            ("trueClassBox", self.true_box),
            ("predictedClassBox", self.predicted_box),
            ("whichImagesBox", self.which_box),
        ):
            box.setObjectName(name)
            box.currentIndexChanged.connect(self._filter_changed)
        self.true_label, self.predicted_label = QLabel(), QLabel()
        self.mistakes_button = QPushButton()
        self.mistakes_button.setObjectName("confidentMistakesButton")
        self.mistakes_button.clicked.connect(self.show_confident_mistakes)
        self.count = QLabel()
        self.count.setObjectName("imageCount")
        self.count.setProperty("role", "muted")
        self.count.setWordWrap(True)
        self.gallery = Gallery()
        self.gallery.looked_at.connect(self._look_at)
        self.panel = ImagePanel()
        self.panel.inside_button.clicked.connect(self.look_inside)
        self._inside: InsideWindow | None = None

        bar = QHBoxLayout()
        for widget in (
            self.true_label,
            self.true_box,
            self.predicted_label,
            self.predicted_box,
        ):
            bar.addWidget(widget)
        bar.addStretch(1)
        below = QHBoxLayout()  # all in one row would widen the whole window
        below.addWidget(self.which_box)
        below.addWidget(self.count, 1)
        below.addWidget(self.mistakes_button)
        both = QSplitter()
        both.addWidget(self.gallery)
        both.addWidget(self.panel)
        both.setStretchFactor(0, 1)
        both.setStretchFactor(1, 0)
        both.setSizes([560, 260])
        both.setChildrenCollapsible(False)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(4, 8, 4, 4)
        layout.setSpacing(6)
        layout.addLayout(bar)
        layout.addLayout(below)
        layout.addWidget(both, 1)
        self._pages = ShownPage()
        self._pages.addWidget(empty)
        self._pages.addWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self._reading = QTimer(self)
        self._reading.timeout.connect(self._read_next_other)
        self.retranslate()

    # --- what is shown -----------------------------------------------------------------

    def show_run(self, run: ShownRun | None) -> None:
        """Show the images of ``run``; its files are read once this view is looked at."""
        record = run.record if run is not None else None
        self._trains = run is not None and run.trains
        same = record is not None and self._record is not None and record.id == self._record.id
        self._record = record
        if same and self._predictions is not None:
            # Renamed, or marked; its final test is what it was. Opened again, images that were
            # not there are looked for once more.
            self._asked = ""
            if self.isVisible() and self._images() is None:
                self._read()
            return
        self._predictions, self._special, self._problem, self._asked = None, None, "", ""
        if self.isVisible():
            self._read()

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Nothing: the predictions come with the run's end, which shows it again."""

    def show_class(self, true: int | None, predicted: int | None) -> None:
        """The images of a cell, a row or a column of the confusion matrix."""
        self._read()
        self._special = None
        self._set_filter(true, predicted, ALL)

    def show_confident_mistakes(self) -> None:
        self._special = None
        self._set_filter(None, None, WRONG)

    def show_images(self, indices: np.ndarray, words: str, first: int = -1) -> None:
        """Just these images, most confident first; ``words`` say which they are, ``first`` is
        the one to be seen large."""
        self._read()
        self._special = (indices, words, first)
        self._set_filter(None, None, ALL)

    def set_images(self, loaded: TestImages) -> None:
        """The test split of a data set; shown where it is this run's."""
        if self._record is not None and loaded.fingerprint == self._record.data.get("fingerprint"):
            self._loaded, self._problem = loaded, ""
            self._show()

    def set_images_problem(self, fingerprint: str, why: Message) -> None:
        """Return why the images of a data set cannot be shown."""
        if self._record is not None and fingerprint == self._record.data.get("fingerprint"):
            self._problem = say(why)
            self._show()

    def show_progress(self, fingerprint: str, event: DataProgress) -> None:
        """Return how far the images of a data set are read."""
        if self._record is None or fingerprint != self._record.data.get("fingerprint"):
            return
        self._empty.setText(
            tr("Reading images: {done} of {total}").format(
                done=f"{event.done:,}", total=f"{event.total:,}"
            )
        )
        self.progress.setRange(0, event.total)
        self.progress.setValue(event.done)
        self.progress.show()

    def others_changed(self) -> None:
        """Other runs were selected."""
        if self.isVisible():
            self._read_others()
            self._look_at(self._index)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._read()

    def _read(self) -> None:
        record = self._record
        if record is not None and self._predictions is None:
            try:
                classes = tuple(map(str, record.data.get("classes", ())))
                self._predictions = read_predictions(record.folder, classes)
            except WorkbenchError as error:
                self._problem = say(error.message)
            self._fill_classes()
        self._read_others()
        self._show()
        missing = self._predictions is not None and self._images() is None
        # Once only: data that are others now would be read whenever this is looked at.
        if record is not None and missing and record.id != self._asked:
            self._asked, self._problem = record.id, ""
            self.images_wanted.emit(record)

    def _read_others(self) -> None:
        """Begin to read the selected runs that were tested on the same images."""
        own, known = self._record, {record.id: test for record, test in self._others}
        self._others, self._others_to_read = [], []
        if own is None:
            return
        data = own.data.get("fingerprint")
        for record in self.other_runs():
            if record.id == own.id or record.data.get("fingerprint") != data:
                continue
            if record.id in known:
                self._others.append((record, known[record.id]))
            else:
                self._others_to_read.append(record)
        del self._others[MOST_OTHERS:]
        self._reading.start()

    def _read_next_other(self) -> None:
        """One run at each turn of the event loop: eight of them would hold it up."""
        if not self._others_to_read or len(self._others) >= MOST_OTHERS:
            self._others_to_read = []
            self._reading.stop()
            return
        record = self._others_to_read.pop(0)
        try:
            found = read_predictions(record.folder, tuple(record.data.get("classes", ())))
        except WorkbenchError:
            return  # said where that run itself is opened
        if found is not None:
            found.confidence  # noqa: B018 (takes most of the time, and is kept)
            self._others.append((record, found))
            self._look_at(self._index)

    def _images(self) -> np.ndarray | None:
        if self._loaded is None or self._record is None or self._predictions is None:
            return None
        if self._loaded.fingerprint != self._record.data.get("fingerprint"):
            return None
        images = self._loaded.images
        return images if len(images) == len(self._predictions.labels) else None

    def _fill_classes(self) -> None:
        classes = self._predictions.classes if self._predictions else ()
        for box in (self.true_box, self.predicted_box):
            box.blockSignals(True)
            box.clear()
            box.addItem(tr("all"))
            box.addItems(list(map(shortened, classes)))
            box.blockSignals(False)

    def _set_filter(self, true: int | None, predicted: int | None, which: int) -> None:
        for box, value in (
            (self.true_box, 0 if true is None else true + 1),
            (self.predicted_box, 0 if predicted is None else predicted + 1),
            (self.which_box, which),
        ):
            box.blockSignals(True)
            box.setCurrentIndex(value)
            box.blockSignals(False)
        self._show()

    def _filter_changed(self) -> None:
        self._special = None
        self._show()

    def _show(self) -> None:
        predictions, images = self._predictions, self._images()
        self._pages.setCurrentIndex(0 if images is None or predictions is None else 1)
        if predictions is None or images is None:
            self._empty.setText(self._why_empty())
            self.progress.hide()
            self.gallery.show_images(None, None, [])
            return
        if self._special is not None:
            indices, words, first = self._special
            confidence = np.nan_to_num(predictions.confidence[indices], nan=-1.0)
            order = indices[np.argsort(-confidence, kind="stable")]
        else:
            words, first = "", -1
            order = chosen_images(
                predictions,
                self.true_box.currentIndex() - 1 if self.true_box.currentIndex() > 0 else None,
                self.predicted_box.currentIndex() - 1
                if self.predicted_box.currentIndex() > 0
                else None,
                self.which_box.currentIndex(),
            )
        count = tr("{count:image|images}, most confident first").format(count=Count(len(order)))
        self.count.setText(f"{words} · {count}" if words else count)
        self.gallery.show_images(predictions, images, order.tolist())
        self.gallery.choose(first)

    def _why_empty(self) -> str:
        if self._record is None:
            return tr("The test images of a run appear here once it has ended or is opened.")
        if self._problem:
            return self._problem
        if self._predictions is None and self._trains:
            return tr("The test images appear here after this run's final test.")
        if self._predictions is None:
            return tr(
                "This run has no final test, which alone keeps the prediction for each image."
            )
        return tr("Reading images")

    def _look_at(self, index: int) -> None:
        self._index = index
        predictions, images = self._predictions, self._images()
        if index < 0 or predictions is None or images is None or self._loaded is None:
            self.panel.clear()
            return
        self.panel.show_image(self._loaded, predictions, index)
        others = [(_other_name(record), test) for record, test in self._others]
        self.panel.show_others(judgements(others, index))
        self.panel.inside_button.setEnabled(self._weights() is not None)
        if self._inside is not None:
            self._ask_inside(self._inside)

    # --- a look inside -----------------------------------------------------------------

    def _weights(self) -> Path | None:
        """The weights that the final test was taken with."""
        record = self._record
        return record.folder / record.weights if record is not None and record.weights else None

    def look_inside(self) -> None:
        """Open the window that shows what the network does with the image; it follows what is
        looked at here for as long as it is open."""
        if self._inside is None:
            self._inside = InsideWindow(self)
            self._inside.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self._inside.destroyed.connect(self._inside_closed)
            center_over(self._inside, self)
        self._ask_inside(self._inside)
        self._inside.show()
        self._inside.activateWindow()

    def _ask_inside(self, window: InsideWindow) -> None:
        weights, images = self._weights(), self._images()
        if weights is not None and images is not None and self._record is not None:
            words = f"{_other_name(self._record)} · {self.panel.title.text()}"
            window.look_at(weights, images[self._index], words)

    def _inside_closed(self) -> None:
        self._inside = None

    # --- words -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.true_label.setText(tr("True class"))
        self.predicted_label.setText(tr("Predicted class"))
        self.mistakes_button.setText(tr("Most confident errors"))
        self.panel.retranslate()
        which = max(self.which_box.currentIndex(), 0)
        self.which_box.blockSignals(True)
        self.which_box.clear()
        self.which_box.addItems([tr("right and wrong"), tr("right"), tr("wrong")])
        self.which_box.setCurrentIndex(which)
        self.which_box.blockSignals(False)
        for box in (self.true_box, self.predicted_box):
            if box.count():
                box.setItemText(0, tr("all"))
        self.true_box.setAccessibleName(tr("True class"))
        self.predicted_box.setAccessibleName(tr("Predicted class"))
        self.gallery.setAccessibleName(tr("Test images"))
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _other_name(record: RunRecord) -> str:
    title = shortened(record.name or f"{record.preset or ''} {tr(record.title)}".strip())
    seed = record.experiment.get("seed", 0)
    return tr("{title}, seed {seed}").format(title=title, seed=seed)
