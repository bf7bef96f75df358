"""A data set to look at before anything is trained on it: a wall of its images, counts, figures,
duplicates, and what was left out."""

from __future__ import annotations

from dataclasses import asdict

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.data.browsed import BrowsedData
from workbench.data.data_choice import DataChoice
from workbench.data.progress import DataProgress
from workbench.messages import Count, Message
from workbench.path_text import from_text, shown
from workbench.plain_text import shortened
from workbench.spec.experiment import Experiment
from workbench.window.data.data_image_panel import DataImagePanel
from workbench.window.data.data_reading import DataReading
from workbench.window.data.data_tables import (
    class_rows,
    duplicate_rows,
    duplicates_words,
    statistics_rows,
)
from workbench.window.data.image_wall import ImageWall, chosen_places
from workbench.window.kit.figure_table import FigureTable
from workbench.window.kit.fitting import Fitting
from workbench.window.kit.translation import say, tr
from workbench.words.left_out import left_out_lines


class DataWindow(QWidget):
    """A window of its own; reads the data of :meth:`show_data` on a thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("dataWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.browsed: BrowsedData | None = None
        self._name = ""
        self._reading: DataReading | None = None
        self._progress: DataProgress | None = None
        self._problem: Message | None = None

        self.state = QLabel()
        self.state.setObjectName("dataState")
        self.state.setWordWrap(True)
        self.state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumWidth(320)
        self.summary = QLabel()
        self.summary.setObjectName("dataSummary")
        self.summary.setWordWrap(True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.wall = ImageWall()
        self.panel = DataImagePanel()
        self.wall.looked_at.connect(self._look_at)
        self.split_box, self.class_box = QComboBox(), QComboBox()
        self.split_box.setObjectName("dataSplitBox")
        self.class_box.setObjectName("dataClassBox")
        self.class_box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.class_box.setMinimumContentsLength(18)
        for split in (None, 0, 1):
            self.split_box.addItem("", split)
        for box in (self.split_box, self.class_box):
            box.currentIndexChanged.connect(self._filter)
        self.count = QLabel()
        self.count.setObjectName("dataCount")
        self.count.setProperty("role", "muted")
        self.counts = FigureTable("dataCounts", sortable=True)
        self.statistics = FigureTable("dataStatistics")
        self.statistics_title = self._text("heading")
        self.duplicates = FigureTable("dataDuplicates")
        self.duplicates.cellActivated.connect(self._show_duplicate)
        self.duplicates_text = self._text()
        self.left_out = QPlainTextEdit()
        self.left_out.setObjectName("dataLeftOut")
        self.left_out.setReadOnly(True)
        self.left_out.setTabChangesFocus(True)
        self._lay_out()
        self.resize(1180, 740)
        self.retranslate()

    def _text(self, role: str = "") -> QLabel:
        label = QLabel()
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            label.setProperty("role", role)
        return label

    def _lay_out(self) -> None:
        filters = QHBoxLayout()
        filters.addWidget(self.split_box)
        filters.addWidget(self.class_box)
        filters.addWidget(self.count, 1)
        both = QSplitter()
        both.addWidget(self.wall)
        both.addWidget(self.panel)
        both.setStretchFactor(0, 1)
        both.setSizes([760, 320])
        both.setChildrenCollapsible(False)
        self.tabs.addTab(_page(filters, both), "")
        self.tabs.addTab(_page(self.counts, self.statistics_title, self.statistics), "")
        self.tabs.addTab(_page(self.duplicates_text, self.duplicates), "")
        self.tabs.addTab(_page(self.left_out), "")
        reading = QWidget()
        layout = QVBoxLayout(reading)
        layout.addStretch(1)
        layout.addWidget(self.state)
        layout.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.tabs, 1)
        self._pages = QStackedWidget()
        self._pages.addWidget(reading)
        self._pages.addWidget(Fitting(content))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self._pages)

    # --- what is shown -----------------------------------------------------------------

    def show_data(self, choice: DataChoice, name: str) -> None:
        """Read ``choice``, of this ``name``, and show it in the place of what is shown."""
        self._give_up()
        self._name, self._progress, self._problem = name, None, None
        self._show(None)
        self._reading = DataReading(choice, self)
        self._reading.read.connect(self._show)
        self._reading.failed.connect(self._show_problem)
        self._reading.progress.connect(self._show_progress)
        self._reading.begin()

    def show_experiment(self, experiment: Experiment | None) -> None:
        """The experiment of the form: its scaling is shown."""
        self.panel.show_experiment(experiment)

    def _give_up(self) -> None:
        if self._reading is not None:
            self._reading.stop()
            self._reading = None

    def _show_progress(self, progress: DataProgress) -> None:
        self._progress = progress
        self._say_state()

    def _show_problem(self, message: Message) -> None:
        self._problem = message
        self._say_state()

    def _say_state(self) -> None:
        progress = self._progress
        self.bar.setVisible(self._problem is None)
        if self._problem is not None:
            self.state.setText(say(self._problem))
        elif progress is not None:
            if progress.unit == "images":
                words = tr("Looking for duplicates: {done} of {total} images")
            else:
                words = tr("Reading images: {done} of {total}")
            self.state.setText(words.format(done=f"{progress.done:,}", total=f"{progress.total:,}"))
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.done)
        else:
            self.state.setText(tr("Reading images"))
            self.bar.setRange(0, 0)

    def _show(self, browsed: BrowsedData | None) -> None:
        self.browsed = browsed
        self.class_box.blockSignals(True)
        self.class_box.clear()
        self.class_box.addItem("", None)
        if browsed is not None:
            for label, name in enumerate(browsed.info.classes):
                self.class_box.addItem(shortened(name), label)
            self._name = browsed.info.name
        self.class_box.blockSignals(False)
        self.retranslate()
        self._filter()
        self._pages.setCurrentIndex(0 if browsed is None else 1)
        if browsed is not None:
            self.wall.setFocus()

    def _filter(self) -> None:
        if self.browsed is None:
            self.wall.show_places(None, self.wall.wall.places[:0])
            return
        places = chosen_places(
            self.browsed.labels, self.split_box.currentData(), self.class_box.currentData()
        )
        self.wall.show_places(self.browsed, places)
        self._say_count()

    def _say_count(self) -> None:
        count = self.wall.wall.rowCount()
        self.count.setText(tr("{count:image|images}").format(count=Count(count)))

    def _look_at(self, split: int, index: int) -> None:
        self.panel.show_image(self.browsed, None if split < 0 else (split, index))

    def _show_duplicate(self, row: int) -> None:
        if self.browsed is None or row >= len(self.browsed.duplicates.groups):
            return
        self.split_box.setCurrentIndex(0)
        self.class_box.setCurrentIndex(0)
        if self.wall.choose(self.browsed.duplicates.groups[row][0]):
            self.tabs.setCurrentIndex(0)
            self.wall.setFocus()

    # --- words -------------------------------------------------------------------------

    def retranslate(self) -> None:
        name = tr("sample") if self._name == "sample" else shortened(self._name)
        self.setWindowTitle(tr("Data: {name}").format(name=name) if name else tr("Data"))
        texts = (tr("Images"), tr("Classes"), tr("Duplicates"), tr("Left out"))
        for index, text in enumerate(texts):
            self.tabs.setTabText(index, text)
        for index, text in enumerate(
            (tr("Training and test"), tr("Training images"), tr("Test images"))
        ):
            self.split_box.setItemText(index, text)
        self.split_box.setAccessibleName(tr("Split"))
        self.class_box.setItemText(0, tr("All classes"))
        self.class_box.setAccessibleName(tr("Class"))
        self.wall.setAccessibleName(tr("The images of the data set"))
        self.counts.setAccessibleName(tr("Images of each class"))
        self.statistics.setAccessibleName(tr("Mean and standard deviation of the pixels"))
        self.duplicates.setAccessibleName(tr("Images that are the same"))
        self.left_out.setAccessibleName(tr("Left out"))
        self._say_state()
        if self.browsed is not None:
            self._fill(self.browsed)

    def _fill(self, browsed: BrowsedData) -> None:
        info = browsed.info
        text = tr("{train} training and {test} test images of {classes:class|classes}").format(
            train=f"{info.train_images:,}",
            test=f"{info.test_images:,}",
            classes=Count(len(info.classes)),
        )
        if info.path:
            text += f" · {shown(from_text(info.path))}"
        self.summary.setText(text)
        header = (
            tr("Class"),
            tr("training"),
            tr("share, %"),
            tr("test"),
            tr("share, %"),
        )
        self.counts.show_rows(header, class_rows(browsed))
        self.statistics_title.setText(
            tr("Mean and standard deviation of the pixels, 0 to 255 (0 to 1)")
        )
        header = (
            "",
            tr("mean, training"),
            tr("deviation, training"),
            tr("mean, test"),
            tr("deviation, test"),
        )
        self.statistics.show_rows(header, statistics_rows(browsed))
        self.duplicates_text.setText(duplicates_words(browsed))
        rows = duplicate_rows(browsed)
        self.duplicates.setVisible(bool(rows))
        self.duplicates.show_rows((tr("images"), tr("classes"), tr("where")), rows)
        lines = left_out_lines(asdict(info), tr)
        files = [shown(file) for file in info.skipped_files]
        if files:
            lines += [
                "",
                tr("Files that could not be read (the first {count}):").format(count=len(files)),
                *files,
            ]
        self.left_out.setPlainText("\n".join(lines) or tr("Nothing was left out."))
        self._say_count()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._give_up()
        super().closeEvent(event)


def _page(*parts: QWidget | QHBoxLayout) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(4, 8, 4, 4)
    for part in parts:
        if isinstance(part, QHBoxLayout):
            layout.addLayout(part)
        else:
            layout.addWidget(part, 0 if isinstance(part, QLabel) else 1)
    layout.addStretch(0)  # keeps the words at the top where there is no table
    return page
