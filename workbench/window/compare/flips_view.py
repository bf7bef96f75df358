"""Two runs image by image: the test images that only one of them gets right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.analysis.flips import Flips
from workbench.analysis.metrics import Predictions
from workbench.data.kept_images import TestImages
from workbench.data.progress import DataProgress
from workbench.library.run_folder import RunRecord
from workbench.messages import Count, Message
from workbench.plain_text import shortened
from workbench.window.images.image_gallery import Gallery
from workbench.window.images.image_panel import ImagePanel, judgements
from workbench.window.images.image_store import ImageStore
from workbench.window.kit.figure_table import Cell, FigureTable
from workbench.window.kit.hyperparameter_text import tooltip
from workbench.window.kit.translation import say, tr

LOST, WON = 0, 1
"""Right in the first run only, right in the second only."""


class FlipsView(QWidget):
    """Counts for each class, a gallery for each direction, and the chosen image large with the
    judgement of both runs. The images come from ``store``; they are read when the view is first
    seen."""

    images_wanted = Signal(object, object, str, int)
    """Indices into the test split to be seen with every run's judgement: the second RunRecord,
    the indices, which they are in words, and the one to begin with."""

    def __init__(
        self, records: Sequence[RunRecord], store: ImageStore, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("flipsView")
        self._records = records
        self._store = store
        self._names: Sequence[str] = ("", "")
        self._flips: Flips | None = None
        self._tests: tuple[Predictions, Predictions] | None = None
        self._no_flips: Message | None = None
        self._images: TestImages | None = None
        self._no_images: Message | None = None
        self._reading = False

        self.sentence = QLabel()
        self.sentence.setObjectName("comparisonSentence")
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = FigureTable("comparisonFlips", sortable=True)
        self.table.itemSelectionChanged.connect(self._row_chosen)
        self.class_label, self.class_box = QLabel(), QComboBox()
        self.class_box.setObjectName("flipsClassBox")
        self.class_box.currentIndexChanged.connect(self._show_galleries)
        self.headings = (QLabel(), QLabel())
        self.galleries = (Gallery(), Gallery())
        for which, (heading, gallery) in enumerate(zip(self.headings, self.galleries, strict=True)):
            heading.setProperty("role", "heading")
            heading.setWordWrap(True)
            gallery.looked_at.connect(
                lambda index, which=which: self._look_at(which, index) if index >= 0 else None
            )
            gallery.activated.connect(lambda place, which=which: self._open(which, place))
        self.hint = QLabel()
        self.hint.setProperty("role", "muted")
        self.panel = ImagePanel()

        self.why_empty = QLabel()
        self.why_empty.setObjectName("flipsEmpty")
        self.why_empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.why_empty.setWordWrap(True)
        self.why_empty.setProperty("role", "muted")
        self.read_button = QPushButton()
        self.read_button.setObjectName("readImagesButton")
        self.read_button.clicked.connect(self._ask)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumWidth(320)
        self._lay_out()
        store.loaded.connect(self._images_loaded)
        store.missing.connect(self._images_missing)
        store.progress.connect(self._images_progress)
        self.retranslate(self._names)

    def _lay_out(self) -> None:
        galleries = QWidget()
        layout = QVBoxLayout(galleries)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(4)
        line = QHBoxLayout()
        line.addWidget(self.class_label)
        line.addWidget(self.class_box)
        line.addStretch(1)
        layout.addLayout(line)
        for heading, gallery in zip(self.headings, self.galleries, strict=True):
            layout.addWidget(heading)
            layout.addWidget(gallery, 1)
        layout.addWidget(self.hint)
        shown = QSplitter()
        shown.addWidget(galleries)
        shown.addWidget(self.panel)
        shown.setSizes([560, 270])
        shown.setStretchFactor(0, 1)
        shown.setStretchFactor(1, 0)
        shown.setChildrenCollapsible(False)
        empty = QFrame()
        empty.setProperty("card", "true")
        layout = QVBoxLayout(empty)
        layout.addStretch(1)
        layout.addWidget(self.why_empty)
        for widget in (self.read_button, self.progress):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        self._pages = QStackedWidget()
        self._pages.addWidget(empty)
        self._pages.addWidget(shown)
        self._both = QSplitter()
        self._both.addWidget(self.table)
        self._both.addWidget(self._pages)
        self._both.setSizes([480, 760])
        self._both.setStretchFactor(0, 0)
        self._both.setStretchFactor(1, 1)
        self._both.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.sentence)
        layout.addWidget(self._both, 1)
        layout.addStretch(0)

    # --- what is shown -----------------------------------------------------------------

    def show_flips(self, flips: Flips, tests: tuple[Predictions, Predictions]) -> None:
        """``tests``: of the two runs, on the same images."""
        self._flips, self._tests = flips, tests
        self.retranslate(self._names)
        self._ask_once()  # where its tab was chosen before they were there

    def show_problem(self, why: Message) -> None:
        """Return why the two cannot be compared image by image."""
        self._no_flips = why
        self.retranslate(self._names)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        fingerprint = self._fingerprint()
        if self._images is None and (found := self._store.get(fingerprint)) is not None:
            self._images_loaded(found)
        else:
            self._ask_once()

    def _fingerprint(self) -> str:
        return str(self._records[1].data.get("fingerprint", ""))

    def _ask_once(self) -> None:
        # What was not found is looked for again when the person asks.
        wanted = self._flips is not None and self._images is None
        if wanted and self.isVisible() and not self._reading and self._no_images is None:
            self._ask()

    def _ask(self) -> None:
        self._reading, self._no_images = True, None
        self._show_page()
        self._store.want(self._records[1].data)

    def _images_loaded(self, images: TestImages) -> None:
        if images.fingerprint == self._fingerprint():
            self._images, self._reading = images, False
            self._show_galleries()

    def _images_missing(self, fingerprint: str, why: Message) -> None:
        if fingerprint == self._fingerprint():
            self._no_images, self._reading = why, False
            self._show_page()

    def _images_progress(self, fingerprint: str, event: DataProgress) -> None:
        if fingerprint == self._fingerprint() and self._reading:
            self.why_empty.setText(
                tr("Reading images: {done} of {total}").format(
                    done=f"{event.done:,}", total=f"{event.total:,}"
                )
            )
            self.progress.setRange(0, event.total)
            self.progress.setValue(event.done)
            self.progress.show()

    def chosen(self, which: int) -> np.ndarray:
        """Indices of the images of the chosen class that only this run (:data:`LOST` the first,
        :data:`WON` the second) gets right, the most confident mistakes of the other first."""
        assert self._flips is not None
        assert self._tests is not None
        indices = (self._flips.lost, self._flips.won)[which]
        if self.class_box.currentIndex() > 0:
            indices = indices[self._flips.labels[indices] == self.class_box.currentIndex() - 1]
        confidence = np.nan_to_num(self._tests[1 - which].confidence[indices], nan=-1.0)
        order: np.ndarray = indices[np.argsort(-confidence, kind="stable")]
        return order

    def _show_galleries(self) -> None:
        self._show_page()
        if self._flips is None or self._tests is None:
            return
        words = tr("Only {run} right: {count:image|images}, with the prediction of {other}")
        images = self._images.images if self._images is not None else None
        self.panel.clear()
        for which in (WON, LOST):  # the first image of the upper gallery is seen in the end
            order = self.chosen(which)
            run, other = self._names[which], self._names[1 - which]
            self.headings[which].setText(
                words.format(run=run, other=other, count=Count(len(order)))
            )
            self.galleries[which].show_images(self._tests[1 - which], images, order.tolist())

    def _show_page(self) -> None:
        flips = self._flips
        self._both.setVisible(flips is not None)
        none = flips is not None and not len(flips.lost) and not len(flips.won)
        self._pages.setCurrentIndex(1 if self._images is not None and not none else 0)
        self.progress.hide()
        self.read_button.setVisible(not none and self._no_images is not None)
        if none:
            text = tr("Both runs are right on the same images: there is nothing to show.")
        elif self._reading:
            text = tr("Reading images")
        else:
            text = say(self._no_images) if self._no_images is not None else ""
        self.why_empty.setText(text)

    def _look_at(self, which: int, index: int) -> None:
        if self._tests is None or self._images is None:
            return
        other = self.galleries[1 - which]
        other.setCurrentIndex(QModelIndex())  # one image is the chosen one
        second = self._tests[1]
        self.panel.show_image(self._images, second, index)
        named = zip(self._names, self._tests, strict=True)
        self.panel.show_others(judgements(list(named), index))

    def _open(self, which: int, place: QModelIndex) -> None:
        order, row = self.chosen(which), place.row()
        words = tr("only {run} right").format(run=self._names[which])
        if self.class_box.currentIndex() > 0:
            words = f"{self.class_box.currentText()}: {words}"
        self.images_wanted.emit(self._records[1], order, words, int(order[row]))

    def _row_chosen(self) -> None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        item = self.table.item(rows.pop(), 0) if len(rows) == 1 else None
        if item is not None:
            self.class_box.setCurrentIndex(self.class_box.findText(shortened(item.text())))

    # --- words -------------------------------------------------------------------------

    def retranslate(self, names: Sequence[str]) -> None:
        """``names`` of the two runs, as they are called beside each other."""
        self._names = names
        self.class_label.setText(tr("True class"))
        self.class_box.setAccessibleName(tr("True class"))
        for gallery, name in zip(self.galleries, names, strict=True):
            gallery.setAccessibleName(tr("only {run} right").format(run=name))
        self.hint.setText(tr("Double-click or Enter opens an image beside every chosen run."))
        self.read_button.setText(tr("Read the images"))
        flips = self._flips
        if flips is None:
            self.sentence.setText(say(self._no_flips) if self._no_flips else "")
            self._show_page()
            return
        self.sentence.setText(say(flips.sentence(names[0], names[1])))
        chosen = max(self.class_box.currentIndex(), 0)
        self.class_box.blockSignals(True)
        self.class_box.clear()
        self.class_box.addItems([tr("all"), *map(shortened, flips.classes)])
        self.class_box.setCurrentIndex(chosen)
        self.class_box.blockSignals(False)
        self.table.show_rows(
            (
                tr("True class"),
                tr("first alone"),
                tr("second alone"),
                tr("second − first"),
            ),
            [
                (
                    Cell(name),
                    Cell(f"{lost:,}", lost),
                    Cell(f"{won:,}", won),
                    Cell(f"{won - lost:+,}", won - lost),
                )
                for name, lost, won in zip(
                    flips.classes,
                    flips.lost_per_class.tolist(),
                    flips.won_per_class.tolist(),
                    strict=True,
                )
            ],
        )
        who = tr("First: {first}. Second: {second}.").format(first=names[0], second=names[1])
        for column in (1, 2, 3):
            if (heading := self.table.horizontalHeaderItem(column)) is not None:
                heading.setToolTip(tooltip(who))
        self._show_galleries()
