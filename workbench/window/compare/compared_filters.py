"""The first layers' filters of the compared runs beside each other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from workbench.analysis.heat import filters_as_pixels
from workbench.library.run_folder import RunRecord
from workbench.messages import Message, WorkbenchError
from workbench.window.images.tiles import Tiles
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.translation import say, tr
from workbench.window.work.session import Work

log = logging.getLogger("workbench")

COLUMNS = 4
"""Runs beside each other; more stand in a second row."""

NO_WEIGHTS = Message("This run has no saved weights.")
NO_CONVOLUTION = Message("This network has no convolution.")


class FiltersReader(QObject):
    """Reads the first filters out of weight files on a thread, one file after the other. Draws no
    random number, so that no run need wait for it."""

    found = Signal(int, object)
    """Number of the file, from 0, and its filters, float32, (filters, inputs, height, width), or
    the Message that says why there are none."""

    def __init__(self, paths: Sequence[Path | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths = paths
        self._work: Work | None = None
        self._outcome: np.ndarray | Message = NO_WEIGHTS

    def read(self, number: int = 0) -> None:
        """Read from the file with this number on; ``None`` in place of a path has no weights."""
        while number < len(self._paths) and self._paths[number] is None:
            self.found.emit(number, NO_WEIGHTS)
            number += 1
        if number == len(self._paths):
            return
        path = self._paths[number]

        def work() -> None:
            assert path is not None
            try:
                from workbench.running.inside import filters_of  # torch takes a second to import

                filters = filters_of(path)
                self._outcome = NO_CONVOLUTION if filters is None else filters
            except WorkbenchError as error:
                self._outcome = error.message
            except Exception:
                log.exception("%s: the filters could not be read", path)
                self._outcome = Message("The look inside failed; the log says more.")

        self._number = number
        self._work = Work(work)
        self._work.finished.connect(self._ended)
        self._work.begin()

    def _ended(self) -> None:
        self._work = None
        self.found.emit(self._number, self._outcome)
        self.read(self._number + 1)


class ComparedFilters(QWidget):
    """A card for each run. The weights are read once it is seen."""

    def __init__(self, records: Sequence[RunRecord], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("comparedFilters")
        self._found: list[np.ndarray | Message | None] = [None] * len(records)
        self._names = [record.label for record in records]
        self._reader = FiltersReader([_weights(record) for record in records], self)
        self._reader.found.connect(self._on_found)
        self._asked = False
        self.names = [ElidedLabel("text") for _ in records]
        self.sizes = [ElidedLabel("muted") for _ in records]
        self.tiles = [Tiles() for _ in records]
        self.empties = [QLabel() for _ in records]
        self._pages = [QStackedWidget() for _ in records]
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setProperty("role", "muted")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        for number in range(len(records)):
            self.names[number].setProperty("role", "heading")
            self.empties[number].setWordWrap(True)
            self.empties[number].setProperty("role", "muted")
            self.empties[number].setAlignment(
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
            )
            self.tiles[number].setObjectName("comparedTiles")
            self._pages[number].setContentsMargins(0, 0, 0, 12)
            self._pages[number].addWidget(self.empties[number])
            self._pages[number].addWidget(self.tiles[number])
            row, column = divmod(number, COLUMNS)
            for place, widget in enumerate(
                (self.names[number], self.sizes[number], self._pages[number])
            ):
                grid.addWidget(widget, 3 * row + place, column)
            grid.setRowStretch(3 * row + 2, 1)
            grid.setColumnStretch(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addLayout(grid, 1)
        layout.addWidget(self.note)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._asked:
            self._asked = True
            self._reader.read()

    def _on_found(self, number: int, filters: np.ndarray | Message) -> None:
        self._found[number] = filters
        if not isinstance(filters, Message):
            self.tiles[number].show_pictures(filters_as_pixels(filters))
        self._fill(number)

    def _fill(self, number: int) -> None:
        found = self._found[number]
        self.names[number].setText(self._names[number])
        self.tiles[number].setAccessibleName(
            f"{tr('Filters of the first layer')}: {self._names[number]}"
        )
        self._pages[number].setCurrentIndex(0 if found is None or isinstance(found, Message) else 1)
        if found is None:
            self.empties[number].setText(tr("Reading the weights"))
        elif isinstance(found, Message):
            self.empties[number].setText(say(found))
        else:
            count, inputs, height, width = found.shape
            self.sizes[number].setText(
                tr("{count} filters of {size}, channels: {inputs}").format(
                    count=count, size=f"{width}x{height}", inputs=inputs
                )
            )

    def retranslate(self, names: Sequence[str]) -> None:
        """``names`` of the runs, as they are called beside each other."""
        self._names = list(names)
        self.note.setText(
            tr(
                "The filters of each network's first layer as colors, each scaled by its own "
                "largest weight: gray is 0. The order of filters has no meaning: another seed "
                "learns others in another order."
            )
        )
        for number in range(len(self._names)):
            self._fill(number)


def _weights(record: RunRecord) -> Path | None:
    """The weights that the run ended with, else those of its best epoch."""
    name = record.weights or record.best_weights
    return record.folder / name if name else None
