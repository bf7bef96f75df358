"""Opens what shows several runs at once, and writes reports; the main window only wires it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from workbench import paths
from workbench.data.data_choice import DataChoice
from workbench.file_names import file_name
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.report.document import write_report
from workbench.spec.experiment import Experiment
from workbench.window.compare.comparison_window import ComparisonWindow
from workbench.window.compare.story_window import StoryWindow
from workbench.window.data.data_window import DataWindow
from workbench.window.images.image_store import ImageStore
from workbench.window.kit.placement import center_over, close_by_key, show_free
from workbench.window.kit.save_file import ask_to_save
from workbench.window.kit.translation import Translation, say, tr
from workbench.window.setup.augmentation_window import AugmentationWindow
from workbench.window.weights.own_image_window import OwnImageWindow
from workbench.window.work.session import Session, Work

log = logging.getLogger("workbench")


class ResultWindows(QObject):
    """``parent`` is the window with which they close."""

    problem = Signal(str)
    said = Signal(str)
    """A sentence for the status bar."""
    images_wanted = Signal(object, object, str, int)
    """RunRecord, indices of its test images, which they are in words, and the first to see."""

    runs_wanted = Signal(str)
    """The id of a preset whose runs were asked for."""

    def __init__(
        self, library: Library, images: ImageStore, translation: Translation, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._library = library
        self._images = images
        self._translation = translation
        self._parent = parent
        self._works: list[Work] = []
        self._own_image: OwnImageWindow | None = None
        self._data: DataWindow | None = None
        self._examples: AugmentationWindow | None = None

    def compare(self, records: Sequence[RunRecord]) -> ComparisonWindow:
        # What was trained first is the first.
        in_time = sorted(records, key=lambda record: (record.created, record.id))
        window = ComparisonWindow(in_time, self._images, self._parent)
        window.problem.connect(self.problem)
        window.images_wanted.connect(self.images_wanted)
        show_free(window, self._parent)
        return window

    def show_examples(self, experiment: Experiment, data: DataChoice) -> AugmentationWindow:
        """The window with training images as the network gets them; it is only one."""
        if self._examples is None:
            self._examples = AugmentationWindow(experiment, data, self._parent)
            self._examples.destroyed.connect(self._examples_closed)
            show_free(self._examples, self._parent)
        else:
            self._examples.show_experiment(experiment, data)
        self._examples.activateWindow()
        return self._examples

    def _examples_closed(self) -> None:
        self._examples = None

    def try_image(
        self, session: Session, weights: Path, title: str, device: str, image: Path | None
    ) -> OwnImageWindow:
        """The window for images of one's own, over these weights; it is only one."""
        if self._own_image is None:
            window = OwnImageWindow(session, self._parent)
            window.destroyed.connect(self._own_image_closed)
            close_by_key(window)
            center_over(window, self._parent)
            self._own_image = window
        self._own_image.set_weights(weights, title, device)
        self._own_image.show()
        self._own_image.activateWindow()
        if image is not None:
            self._own_image.take_file(image)
        return self._own_image

    def browse_data(
        self, choice: DataChoice, name: str, experiment: Experiment | None
    ) -> DataWindow:
        """The window on a data set, with what a network of ``experiment`` gets of its images; it is
        only one."""
        if self._data is None:
            window = DataWindow(self._parent)
            window.destroyed.connect(self._data_closed)
            show_free(window, self._parent)
            self._data = window
        self._data.show_experiment(experiment)
        self._data.show_data(choice, name)
        self._data.activateWindow()
        return self._data

    def experiment_changed(self, experiment: Experiment | None) -> None:
        """The form has other hyperparameters now."""
        if self._data is not None:
            self._data.show_experiment(experiment)

    def _data_closed(self) -> None:
        self._data = None

    def weights_changed(self, weights: Path, title: str, device: str) -> None:
        """Other weights are in use."""
        if self._own_image is not None:
            self._own_image.set_weights(weights, title, device)

    def _own_image_closed(self) -> None:
        self._own_image = None

    def tell_story(self) -> StoryWindow:
        window = StoryWindow(self._library.known(), self._parent)
        window.runs_wanted.connect(self.runs_wanted)
        show_free(window, self._parent)
        return window

    def write_report(self, records: Sequence[RunRecord]) -> QFileDialog:
        """Ask for a file and write the report of ``records`` into it."""
        name = records[0].label if len(records) == 1 else tr("Experiments")

        def save(path: Path, ending: str) -> None:
            path = path if path.suffix else path.with_suffix(f".{ending}")
            self._write(path, list(records))

        kinds = {"html": tr("Page with plots inside"), "md": tr("Markdown, plots beside it")}
        return ask_to_save(self._parent, tr("Write report"), file_name(name), kinds, save)

    def _write(self, path: Path, records: list[RunRecord]) -> None:
        # On a thread, as ten runs take a second. Qt's translate() may be called from any.
        known, language = self._library.known(), self._translation.language
        outcome: list[WorkbenchError] = []

        def write() -> None:
            try:
                write_report(path, records, known, say, language)
            except WorkbenchError as error:
                outcome.append(error)
            except Exception as error:
                log.exception("The report could not be written")
                outcome.append(
                    WorkbenchError(
                        "Unexpected error ({kind}); the log file has the details: {log}",
                        kind=type(error).__name__,
                        log=paths.log_file(),
                    )
                )

        def ended() -> None:
            work.wait()
            self._works.remove(work)
            if outcome:
                self.problem.emit(say(outcome[0].message))
            else:
                self.said.emit(tr("Saved {name}.").format(name=path.name))

        work = Work(write)
        self._works.append(work)
        work.finished.connect(ended)
        work.begin()

    def close(self) -> None:
        """Close what is open over runs; a window that nothing ties to another would keep the
        program from ending."""
        for window in (
            *self._parent.findChildren(ComparisonWindow),
            *self._parent.findChildren(StoryWindow),
            *self._parent.findChildren(DataWindow),
            *self._parent.findChildren(AugmentationWindow),
        ):
            window.close()

    def wait(self, milliseconds: int) -> None:
        """Wait for reports that are being written."""
        for work in list(self._works):
            work.wait(milliseconds)
