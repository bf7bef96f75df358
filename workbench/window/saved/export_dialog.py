"""Export of saved runs: the format, where to, how far it is, and what was checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from workbench.exporters.export import Exported, export
from workbench.exporters.registry import EXPORTERS, Exporter
from workbench.file_names import file_name
from workbench.library.run_folder import RunRecord
from workbench.messages import Cancelled, Count, Message, WorkbenchError
from workbench.path_text import shown
from workbench.plain_text import shortened
from workbench.window.kit.save_file import FolderDialog, ask_to_save
from workbench.window.kit.translation import say, tr
from workbench.window.work.session import Work
from workbench.words.titles import run_title

LOOK_MS = 50
"""Time between two looks at how far the export is."""


class ExportDialog(QDialog):
    """Asks for a format and a place, writes on a thread, and says what was checked.

    Args:
        records: the runs to export; one or more.
        known: runs among which repeats with other seeds are looked for.
    """

    show_in_folder_requested = Signal(object)
    """Path of what was written."""

    def __init__(
        self, records: Sequence[RunRecord], known: Sequence[RunRecord], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName("exportDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Export"))
        # Room for what is said in the end, so that nothing is squeezed and nothing moves.
        self.setMinimumSize(520, 380)
        self._records, self._known = list(records), list(known)
        self._busy: Callable[[], bool] = lambda: False
        self._work: Work | None = None
        self._stopped = False
        self._progress = (0, 0)
        self._outcome: Exported | Message | None = None
        self._written: Path | None = None

        self.runs = _wrapped("")
        self.runs.setObjectName("exportRuns")
        self.runs.setText(_named(self._records))
        self.formats = QComboBox()
        self.formats.setObjectName("exportFormat")
        for exporter in EXPORTERS.values():
            self.formats.addItem(tr(exporter.label), exporter.name)
        self.help = _wrapped("muted")
        self.best = QCheckBox(tr("Weights of the best epoch"))
        self.best.setObjectName("exportBest")
        self.server = QLineEdit()
        self.server.setObjectName("exportServer")
        self.server.setPlaceholderText(tr("Address of a server; empty for a folder"))
        self.server.setAccessibleName(self.server.placeholderText())
        self.bar = QProgressBar()
        self.bar.setObjectName("exportProgress")
        self.answer = _wrapped("")
        self.answer.setObjectName("exportAnswer")
        self.answer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons = QDialogButtonBox()
        role = QDialogButtonBox.ButtonRole
        self.show_button = QPushButton(tr("Show in folder"))
        self.show_button.setObjectName("showExported")
        self.go = QPushButton(tr("Export…"))
        self.go.setObjectName("exportButton")
        self.go.setDefault(True)
        self.close_button = QPushButton(tr("Close"))
        for button, its_role in (
            (self.show_button, role.ActionRole),
            (self.go, role.ActionRole),
            (self.close_button, role.RejectRole),
        ):
            self.buttons.addButton(button, its_role)
        form = QFormLayout()
        form.addRow(tr("Run") if len(records) == 1 else tr("Runs"), self.runs)
        form.addRow(tr("Format"), self.formats)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addLayout(form)
        for widget in (self.help, self.best, self.server, self.bar, self.answer):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self.buttons)

        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self.formats.currentIndexChanged.connect(self._choose_format)
        self.go.clicked.connect(self._ask_where)
        self.show_button.clicked.connect(lambda: self.show_in_folder_requested.emit(self._written))
        self.close_button.clicked.connect(self._close_or_stop)
        self._update()

    def set_busy(self, busy: Callable[[], bool]) -> None:
        """``busy()`` says whether something trains in this process."""
        self._busy = busy
        self._update()

    def exporter(self) -> Exporter:
        """Return the chosen format."""
        return EXPORTERS[self.formats.currentData()]

    def write_to(self, target: str) -> None:
        """Begin the export to ``target``, whose replacement was agreed to."""
        name, best = self.exporter().name, self.best.isChecked()
        self._stopped, self._outcome, self._written = False, None, None

        def report(done: int, total: int) -> None:
            self._progress = (done, total)

        def work() -> None:
            try:
                self._outcome = export(
                    self._records,
                    name,
                    target,
                    best=best,
                    force=True,
                    known=self._known,
                    progress=report,
                    stop=lambda: self._stopped,
                )
            except WorkbenchError as error:
                self._outcome = error.message
            except Cancelled:
                self._outcome = Message("Cancelled; nothing was written.")

        self._progress = (0, 0)
        self._work = Work(work)
        self._timer.start()
        self._work.begin()
        self._update()

    def stop(self, milliseconds: int) -> None:
        """End what is being written, and wait for that."""
        self._stopped = True
        if self._work is not None:
            self._work.wait(milliseconds)
            self._look()

    def _choose_format(self) -> None:
        # What was written in another format is no answer to this one.
        self.answer.setText("")
        self._written = None
        self._update()

    def _folder_of(self, exporter: Exporter) -> str:
        """The name of the folder that is made for the files; empty where there is none."""
        one = len(self._records) == 1
        if exporter.target == "file" or (exporter.target == "file of each" and one):
            return ""
        return f"cifar-workbench-{exporter.name}"

    def _update(self) -> None:
        exporter = self.exporter()
        working = self._work is not None
        lines = [tr(exporter.help)]
        if folder := self._folder_of(exporter):
            template = tr("The files are put into a folder {name} in the one that you choose.")
            lines.append(template.format(name=folder))
        reason = self._why_not(exporter)
        self.help.setText("\n".join([*lines, *([reason] if reason else [])]))
        has_best = all(record.best_weights for record in self._records)
        self.best.setVisible(exporter.takes_weights)
        self.best.setEnabled(has_best and not working)
        if not has_best:
            self.best.setChecked(False)
        self.server.setVisible(exporter.target == "store")
        self.server.setEnabled(not working)
        self.formats.setEnabled(not working)
        self.go.setEnabled(not working and not reason)
        self.bar.setVisible(working)
        self.show_button.setVisible(self._written is not None)
        self.close_button.setText(tr("Cancel") if working else tr("Close"))
        if working:
            self.answer.setText("")
        self.answer.setVisible(bool(self.answer.text()))

    def _why_not(self, exporter: Exporter) -> str:
        if exporter.missing:
            return say(exporter.missing)
        if exporter.traces and self._busy():
            return tr("Not available while something is running.")
        return ""

    def _ask_where(self) -> None:
        exporter = self.exporter()
        folder, one = self._folder_of(exporter), len(self._records) == 1
        if exporter.target == "store" and self.server.text().strip():
            self.write_to(self.server.text().strip())
        elif not folder:
            label = self._records[0].label if one else tr("Experiments")
            ending = exporter.ending.removeprefix(".")
            ask_to_save(
                self,
                tr("Export"),
                file_name(label),
                {ending: tr(exporter.label)},
                lambda path, _: self.write_to(
                    str(path if path.suffix.lower() == exporter.ending else f"{path}.{ending}")
                ),
            )
        else:
            dialog = FolderDialog(self, tr("Export"))
            dialog.setObjectName("exportFolder")
            # A folder of its own inside the chosen one: nothing else there is replaced.
            dialog.fileSelected.connect(lambda chosen: self.write_to(f"{chosen}/{folder}/"))
            dialog.open()

    def _look(self) -> None:
        done, total = self._progress
        # A range of 0 to 0 shows that something happens and not how much of it is done.
        self.bar.setRange(0, 1_000 if total else 0)
        self.bar.setValue(int(1_000 * done / total) if total else 0)
        if self._work is None or not self._work.isFinished():
            return
        self._work.wait()
        self._work = None
        self._timer.stop()
        if isinstance(self._outcome, Exported):
            files = self._outcome.files
            self._written = files[0].parent if files else None
            names = ", ".join(file.name for file in files[:4]) + (", …" if len(files) > 4 else "")
            said = [say(message) for message in self._outcome.said]
            saved = [tr("Saved {name}.").format(name=names)] if files else []
            if self._written is not None and self._folder_of(self.exporter()):
                template = tr("Saved in {folder}: {names}")
                saved = [template.format(folder=shown(self._written), names=names)]
            self.answer.setText("\n".join([*saved, *said]))
        elif self._outcome is not None:
            self.answer.setText(say(self._outcome))
        self._update()

    def _close_or_stop(self) -> None:
        if self._work is None:
            self.reject()
        else:
            self._stopped = True

    def reject(self) -> None:
        """Close; while something is written, end that first."""
        if self._work is not None:
            self.stop(30_000)
        super().reject()


def _named(records: Sequence[RunRecord]) -> str:
    """Return which runs are exported: the first three by name, and how many there are."""
    names = [shortened(run_title(record, tr), 60) for record in records[:3]]
    if len(records) == 1:
        return names[0]
    text = tr("{count:run|runs}").format(count=Count(len(records)))
    return f"{text}: {', '.join(names)}" + (", …" if len(records) > 3 else "")


def _wrapped(role: str) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if role:
        label.setProperty("role", role)
    return label
