"""The data-set button: which data the next run or test uses, and how to get others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from workbench.data.data_choice import (
    CIFAR10_IMAGES,
    SAMPLE_IMAGES,
    DataChoice,
    DataInfo,
    choose_data,
    find_cifar10,
    find_on_this_machine,
)
from workbench.data.sources import DATA_SOURCES
from workbench.messages import Count, WorkbenchError
from workbench.path_text import from_text, shown, to_text
from workbench.window.kit.hyperparameter_text import button_text, tooltip
from workbench.window.kit.settings import Settings
from workbench.window.kit.translation import say, tr
from workbench.words.left_out import left_out_lines

PLACED = ("folder", "parquet")
"""Kinds of data that lie wherever a person put them."""


class DataButton(QToolButton):
    """Shows the chosen data set with its number of images, and a menu of the others.

    ``choice`` is what is chosen. A folder becomes the choice once it was read whole
    (``prepare_requested``, then :meth:`set_info`).
    """

    changed = Signal()
    download_requested = Signal()
    prepare_requested = Signal(object)  # DataChoice
    problem = Signal(object)  # Message

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("datasetButton")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._settings = settings
        self._reason_off = ""
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self._group = QActionGroup(self)
        self._cifar10 = self._menu.addAction("")
        self._cifar100 = self._menu.addAction("")
        self._download = self._menu.addAction("")
        self._known_folder = self._menu.addAction("")
        self._folder = self._menu.addAction("")
        self._sample = self._menu.addAction("")
        for action in (self._cifar10, self._cifar100, self._known_folder, self._sample):
            action.setCheckable(True)
            self._group.addAction(action)
        self._cifar10.triggered.connect(lambda: self._choose("cifar10"))
        self._cifar100.triggered.connect(lambda: self._choose("cifar100"))
        self._sample.triggered.connect(lambda: self._choose("sample"))
        self._known_folder.triggered.connect(lambda: self._choose(self._folder_path()))
        self._folder.triggered.connect(self._ask_folder)
        self._download.triggered.connect(self.download_requested)
        self.setMenu(self._menu)
        self.choice = self._first_choice()
        self.retranslate()

    # --- choosing ----------------------------------------------------------------------

    def _first_choice(self) -> DataChoice:
        remembered = self._settings.text("data/choice")
        if remembered:
            try:
                return choose_data(remembered)
            except WorkbenchError:
                pass  # gone since: as on a first start
        return choose_data(None)

    def _folder_path(self) -> str:
        return str(self._settings.record("data/folder").get("path") or "")

    def _choose(self, wanted: str) -> None:
        try:
            choice = choose_data(wanted)
        except WorkbenchError as error:
            self.problem.emit(error.message)
            self.retranslate()
            return
        self._take(choice)

    def _take(self, choice: DataChoice) -> None:
        self.choice = choice
        self._settings.set_text("data/choice", to_text(choice.path) if choice.path else choice.kind)
        self.retranslate()
        self.changed.emit()

    def _ask_folder(self) -> None:
        known = self._folder_path()
        start = str(from_text(known) if known else Path.home())
        folder = QFileDialog.getExistingDirectory(self, tr("Folder with train/ and test/"), start)
        if folder:
            self.open_folder(Path(folder))

    def open_folder(self, folder: Path) -> None:
        """Ask for ``folder`` to be read; it becomes the choice with :meth:`set_info`."""
        try:
            self.prepare_requested.emit(choose_data(str(folder)))
        except WorkbenchError as error:
            self.problem.emit(error.message)

    def set_info(self, choice: DataChoice, info: DataInfo) -> None:
        """Take a data set that was read, and remember its name and number of images."""
        if choice.kind in PLACED:
            self._settings.set_record(
                "data/folder",
                {
                    "path": info.path,
                    "name": info.name,
                    "train": info.train_images,
                    "test": info.test_images,
                    "skipped": info.skipped,
                    "left_out": [asdict(one) for one in info.left_out],
                },
            )
        self._take(choice)

    def take_download(self) -> None:
        """Take CIFAR-10, which was downloaded just now."""
        self._choose("cifar10")

    def offer(self, action: QAction) -> None:
        """An entry below the data sets, to look at the chosen one."""
        self._menu.addSeparator()
        self._menu.addAction(action)

    def set_off(self, reason: str) -> None:
        """Off with a reason in the tooltip, or on with ``""``."""
        if reason == self._reason_off:
            return  # asked at every keystroke in the form; looking for data is not for free
        self._reason_off = reason
        self.setEnabled(not reason)
        self.retranslate()

    def set_reading_off(self, reason: str) -> None:
        """Turn off, for a ``reason``, what would read or download other data; ``""`` turns it on
        again. Data that are known can be chosen all the same."""
        for action in (self._download, self._folder):
            action.setEnabled(not reason)
            action.setToolTip(reason)

    # --- words -------------------------------------------------------------------------

    @property
    def is_sample(self) -> bool:
        return self.choice.is_sample

    def name(self) -> str:
        """The chosen data set's name."""
        if self.is_sample:
            return tr("sample")
        source = DATA_SOURCES[self.choice.kind]
        if source.inside:
            return source.label
        return self._remembered().get("name") or shown((self.choice.path or Path()).name)

    def _folder_record(self) -> dict[str, Any]:
        record = self._settings.record("data/folder")
        return record if {"path", "name", "train", "test"} <= record.keys() else {}

    def _remembered(self) -> dict[str, Any]:
        record = self._folder_record()
        path = self.choice.path
        return record if path and record.get("path") == to_text(path) else {}

    def images(self) -> tuple[int, int] | None:
        """Training and test images of the chosen data set, where they are known."""
        if self.is_sample:
            return SAMPLE_IMAGES
        if images := DATA_SOURCES[self.choice.kind].images:
            return images
        known = self._remembered()
        return (int(known["train"]), int(known["test"])) if known else None

    def retranslate(self) -> None:
        images = self.images()
        counts = _counts(*images) if images else ""
        self.setText(
            tr("Data: {name}").format(name=button_text(self.name()))
            + (f" · {counts}" if counts else "")
            + "  ▾"
        )
        found = find_cifar10()
        self._cifar10.setText(f"CIFAR-10 · {_counts(*CIFAR10_IMAGES)}")
        self._cifar10.setVisible(found is not None)
        self._cifar100.setText(f"CIFAR-100 · {_counts(*CIFAR10_IMAGES)}")
        self._cifar100.setVisible(find_on_this_machine("cifar100") is not None)
        self._download.setText(tr("Download CIFAR-10 (170 MB)"))
        self._download.setVisible(found is None)
        known = self._folder_record()
        self._known_folder.setVisible(bool(known))
        if known:
            counted = _counts(known["train"], known["test"])
            self._known_folder.setText(f"{button_text(known['name'])} · {counted}")
            self._known_folder.setToolTip(tooltip(shown(from_text(str(known["path"])))))
        self._folder.setText(tr("Folder of images…"))
        self._sample.setText(tr("Sample, made by the program") + f" · {_counts(*SAMPLE_IMAGES)}")
        self._cifar10.setChecked(self.choice.kind == "cifar10")
        self._cifar100.setChecked(self.choice.kind == "cifar100")
        self._sample.setChecked(self.is_sample)
        self._known_folder.setChecked(self.choice.kind in PLACED)
        tip = (
            tr(
                "Sample data, made by the program, to try things out. Download CIFAR-10, or "
                "choose a folder of images, for results that count."
            )
            if self.is_sample
            else say(self.choice.reason)
        )
        if counts:
            tip += "\n" + tr("{counts} images: training + test.").format(counts=counts)
        skipped = known.get("skipped") if self.choice.kind in PLACED else 0
        if skipped:
            tip += "\n" + tr("{count:file|files} could not be read and were skipped.").format(
                count=Count(skipped)
            )
        if self.choice.kind in PLACED:
            lines = left_out_lines(known, tr)
            tip += "\n".join(["", tr("Left out:"), *lines]) if lines else ""
        self.setToolTip(tooltip(*(self._reason_off or tip).split("\n")))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _counts(train: int, test: int) -> str:
    return f"{train:,} + {test:,}"
