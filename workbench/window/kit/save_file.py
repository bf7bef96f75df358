"""Where to save something: one dialog for every figure, table and text of the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QLineEdit, QWidget

_last: list[Path] = []
"""The folder that was saved to last in this session, in which the next dialog begins."""


class FolderDialog(QFileDialog):
    """Asks for a folder; one whose name is typed and that is not there yet is made."""

    def __init__(self, parent: QWidget, title: str) -> None:
        super().__init__(parent, title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFileMode(QFileDialog.FileMode.Directory)
        self.setOption(QFileDialog.Option.ShowDirsOnly)
        begin_in_last(self)
        # Where the system has a dialog of its own, there is no line; it makes folders itself.
        line = self.findChild(QLineEdit, "fileNameEdit")
        if line is not None:
            # Qt turns the button off after each key where there is no such folder.
            line.textChanged.connect(lambda: QTimer.singleShot(0, self._allow_new))

    def _allow_new(self) -> None:
        line, buttons = self.findChild(QLineEdit, "fileNameEdit"), self.findChild(QDialogButtonBox)
        if line is not None and buttons is not None and line.text().strip():
            for button in buttons.buttons():
                if buttons.buttonRole(button) == QDialogButtonBox.ButtonRole.AcceptRole:
                    button.setEnabled(True)

    def accept(self) -> None:
        """Make the folder where there is none, and end the dialog."""
        for name in self.selectedFiles():
            try:
                Path(name).mkdir(parents=True, exist_ok=True)
            except OSError:
                break  # Qt says that there is no such folder
        super().accept()


def begin_in_last(dialog: QFileDialog) -> None:
    """Open ``dialog`` in the folder that was saved to last, and remember what it chooses."""
    if _last and _last[0].is_dir():
        dialog.setDirectory(str(_last[0]))

    def remember(name: str) -> None:
        asked = dialog.fileMode() == QFileDialog.FileMode.Directory
        _last[:] = [Path(name) if asked else Path(name).parent]

    dialog.fileSelected.connect(remember)


def ask_to_save(
    parent: QWidget,
    title: str,
    name: str,
    kinds: Mapping[str, str],
    save: Callable[[Path, str], None],
) -> QFileDialog:
    """Ask for a file and call ``save(path, ending)``; does not wait for the answer.

    ``kinds`` maps each ending (``"png"``) to its words, the first is offered; ``name`` has no
    ending. What ``save`` gets as ``ending`` is that of the typed name where it is one of
    ``kinds``, else that of the chosen kind.
    """
    dialog = QFileDialog(parent, title)
    dialog.setObjectName("saveDialog")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    filters = {f"{words} (*.{ending})": ending for ending, words in kinds.items()}
    dialog.setNameFilters(list(filters))
    dialog.setDefaultSuffix(next(iter(kinds)))
    dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(filters[chosen]))
    begin_in_last(dialog)
    dialog.selectFile(name)

    def selected(file: str) -> None:
        path = Path(file)
        typed = path.suffix[1:].lower()
        save(path, typed if typed in kinds else dialog.defaultSuffix())

    dialog.fileSelected.connect(selected)
    dialog.open()
    return dialog
