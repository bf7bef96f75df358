"""Which figures of the compared runs a plot draws, and the box that chooses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QComboBox, QWidget

from workbench.window.kit.translation import tr

STEPS = "steps"
"""The loss of every step, which is smoothed."""


@dataclass(frozen=True)
class Figures:
    """A choice of what is drawn: its ``name`` on the screen, and the ``columns`` of ``epochs.csv``,
    or :data:`STEPS`."""

    name: str
    columns: tuple[str, ...]


ACCURACIES = (
    Figures("Training and test accuracy", ("accuracy", "training_accuracy")),
    Figures("Test and validation accuracy", ("accuracy", "validation_accuracy")),
    Figures("Training accuracy", ("training_accuracy",)),
)
LOSSES = (
    Figures("Training loss, steps", (STEPS,)),
    Figures("Training and test loss", ("test_loss", "loss")),
    Figures("Test and validation loss", ("test_loss", "validation_loss")),
    Figures("Training loss, epochs", ("loss",)),
)


WORDS = tuple(choice.name for choice in (*ACCURACIES, *LOSSES))
"""What the boxes say, for the translators."""


class FigureBox(QComboBox):
    """Chooses one of ``choices``."""

    def __init__(
        self, name: str, choices: Sequence[Figures], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._choices = choices
        self.addItems([choice.name for choice in choices])

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are drawn."""
        return self._choices[self.currentIndex()].columns

    def retranslate(self, name: str) -> None:
        """``name``: what the box is called for a screen reader, translated."""
        self.setAccessibleName(name)
        for index, choice in enumerate(self._choices):
            self.setItemText(index, tr(choice.name))
