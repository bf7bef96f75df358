"""Where to save something: one dialog for every figure, table and text of the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget


def ask_to_save(
    parent: QWidget,
    title: str,
    name: str,
    kinds: Mapping[str, str],
    save: Callable[[Path, str], None],
) -> QFileDialog:
    """Asks for a file and calls ``save(path, ending)``; does not wait for the answer.

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
    dialog.selectFile(name)

    def selected(file: str) -> None:
        path = Path(file)
        typed = path.suffix[1:].lower()
        save(path, typed if typed in kinds else dialog.defaultSuffix())

    dialog.fileSelected.connect(selected)
    dialog.open()
    return dialog
