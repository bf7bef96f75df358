"""Questions before something is lost, and About. None blocks: each answers by a callback."""

from __future__ import annotations

import platform
from collections.abc import Callable

import pyqtgraph
import PySide6
from PySide6.QtCore import Qt, SignalInstance
from PySide6.QtWidgets import QInputDialog, QMessageBox, QPushButton, QWidget

import workbench
from workbench.engine.events import RunEnded
from workbench.plain_text import shortened
from workbench.spec.experiment import HYPERPARAMETERS
from workbench.window.kit.hyperparameter_text import epochs_text
from workbench.window.kit.translation import breakable, tr

Role = QMessageBox.ButtonRole


def question(
    parent: QWidget, name: str, text: str, detail: str, buttons: list[tuple[str, str, Role]]
) -> tuple[QMessageBox, dict[str, QPushButton]]:
    """Make a question, not yet open, and its buttons by key; ``buttons``: key, label and role."""
    box = QMessageBox(parent)
    box.setObjectName(name)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(tr("CIFAR Workbench"))
    box.setText(text)
    box.setInformativeText(detail)
    made = {}
    for key, label, role in buttons:
        button = box.addButton(label, role)
        button.setObjectName(f"{key}Button")
        made[key] = button
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return box, made


def ask_epochs(
    parent: QWidget, name: str, done: int, answered: Callable[[int], None]
) -> QInputDialog:
    """Return how many epochs a finished run of ``done`` is to have in all; ``answered`` hears
    it."""
    box = QInputDialog(parent)
    box.setObjectName("epochsQuestion")
    box.setWindowTitle(tr("Train for more epochs"))
    box.setInputMode(QInputDialog.InputMode.IntInput)
    box.setIntRange(done + 1, int(HYPERPARAMETERS["epochs"].maximum or 100_000))
    box.setIntValue(2 * done)
    box.setLabelText(
        tr(
            "{name} has trained for {epochs}. It continues as a new run; this one stays as it "
            "is.\nTotal epochs:"
        ).format(name=shortened(name), epochs=epochs_text(done))
    )
    box.setOkButtonText(tr("Train"))
    box.setCancelButtonText(tr("Cancel"))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.intValueSelected.connect(answered)
    box.open()
    return box


def ask_quit(parent: QWidget, can_discard: bool, answered: Callable[[str], None]) -> QMessageBox:
    """Quit during a run; ``answered`` hears ``"keep"``, ``"discard"`` or ``"stay"``."""
    box, buttons = question(
        parent,
        "quitQuestion",
        tr("A run is training."),
        tr(
            "Keep its results so far, or discard them? A kept run stays in the library and can "
            "be resumed."
        )
        if can_discard
        else tr("Its results so far are kept, and it can be resumed."),
        [
            ("keep", tr("Keep and quit"), Role.AcceptRole),
            *([("discard", tr("Discard and quit"), Role.DestructiveRole)] if can_discard else []),
            ("stay", tr("Stay"), Role.RejectRole),
        ],
    )
    box.setDefaultButton(buttons["keep"])
    box.setEscapeButton(buttons["stay"])

    def finished() -> None:
        clicked = box.clickedButton()
        answered(next((key for key, button in buttons.items() if button is clicked), "stay"))

    box.finished.connect(finished)
    box.open()
    return box


def ask_give_up(
    parent: QWidget, name: str, has_checkpoint: bool, agreed: Callable[[], None]
) -> QMessageBox:
    """Give up resuming the run ``name``; ``agreed`` hears a yes."""
    box, buttons = question(
        parent,
        "giveUpQuestion",
        tr("Give up resuming “{name}”?").format(name=shortened(name)),
        tr(
            "Its last weights are taken out of the checkpoint and saved as a .pkl, and the run "
            "counts as stopped. The checkpoint goes to the trash: until that is emptied, Undo "
            "brings it back."
        )
        if has_checkpoint
        else tr(
            "It has no checkpoint that weights could be taken from. It counts as stopped, with "
            "the curves that it has."
        ),
        [
            ("giveUp", tr("Give up resuming"), Role.AcceptRole),
            ("stay", tr("Cancel"), Role.RejectRole),
        ],
    )
    box.setDefaultButton(buttons["stay"])
    box.setEscapeButton(buttons["stay"])

    def finished() -> None:
        if box.clickedButton() is buttons["giveUp"]:
            agreed()

    box.finished.connect(finished)
    box.open()
    return box


def close_when_ended(box: QMessageBox, events: SignalInstance) -> None:
    """Close ``box`` without an answer once the run that it asks about has ended; ``events`` come
    with the run's key."""

    def heard(_: str, event: object) -> None:
        if isinstance(event, RunEnded):
            box.reject()

    events.connect(heard)
    box.finished.connect(lambda: events.disconnect(heard))


def ask_cancel(parent: QWidget, answered: Callable[[bool], None]) -> QMessageBox:
    """Cancel a run; ``answered`` hears whether to discard it."""
    box, buttons = question(
        parent,
        "cancelQuestion",
        tr("Discard this run?"),
        tr("Its curves and weights are deleted. “Stop and keep” would keep them."),
        [
            ("discard", tr("Discard"), Role.DestructiveRole),
            ("stay", tr("Keep training"), Role.RejectRole),
        ],
    )
    box.setDefaultButton(buttons["stay"])
    box.setEscapeButton(buttons["stay"])
    box.finished.connect(lambda: answered(box.clickedButton() is buttons["discard"]))
    box.open()
    return box


def show_about(parent: QWidget, device: str, torch_version: str) -> QMessageBox:
    """Versions and device."""
    box = QMessageBox(parent)
    box.setObjectName("aboutBox")
    box.setWindowTitle(tr("About CIFAR Workbench"))
    box.setText(f"CIFAR Workbench {workbench.__version__}")
    lines = [
        tr("Run, watch, compare and keep image-classification experiments on CIFAR-10."),
        "",
        tr("Device: {device}").format(device=device or "–"),
        f"torch {torch_version or '–'} · Python {platform.python_version()} · "
        f"Qt (PySide6) {PySide6.__version__} · pyqtgraph {pyqtgraph.__version__}",
        platform.platform(),
        "",
        tr("MIT licence. CIFAR-10: A. Krizhevsky, 2009."),
    ]
    box.setInformativeText("\n".join(lines))
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    return box


def show_problem(parent: QWidget, text: str) -> QMessageBox:
    """One sentence on what went wrong."""
    box = QMessageBox(
        QMessageBox.Icon.Warning,
        tr("CIFAR Workbench"),
        str(breakable(shortened(text, 1_000))),
        QMessageBox.StandardButton.Ok,
        parent,
    )
    box.setObjectName("problemBox")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    return box
