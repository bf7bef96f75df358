"""What the gap between training and test says, in words."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.analysis.memorizing import accuracy_gap, memorizing
from workbench.engine.run_state import EpochFigures
from workbench.messages import Message

COUNTED = Message(
    "Training accuracy is counted while the epoch trains: on the images as they enter the "
    "network, augmented and with dropout, and with weights that change from step to step. A test "
    "has neither dropout nor augmentation, unless it is in training mode."
)
"""How training accuracy is measured."""


def short_gap(epochs: Sequence[EpochFigures]) -> Message | None:
    """``memorizing since epoch 7``; ``None`` while a run does not."""
    found = memorizing(epochs)
    if found is None:
        return None
    return Message("memorizing since epoch {epoch}", epoch=f"{found.since:,}")


def gap_sentences(epochs: Sequence[EpochFigures]) -> list[Message]:
    """Return what training and test say together: since when the run memorizes, and how far apart
    its accuracies are. Empty where nothing is known."""
    sentences = []
    found = memorizing(epochs)
    if found is not None:
        sentences.append(
            Message(
                "Memorizing since epoch {epoch}: the test loss was lowest then and has risen from "
                "{test_then} to {test_now}, while the training loss fell from {training_then} to "
                "{training_now}.",
                epoch=f"{found.since:,}",
                test_then=f"{found.test_loss[0]:.4f}",
                test_now=f"{found.test_loss[1]:.4f}",
                training_then=f"{found.training_loss[0]:.4f}",
                training_now=f"{found.training_loss[1]:.4f}",
            )
        )
    gap = accuracy_gap(epochs)
    if gap is not None and epochs:
        last = epochs[-1]
        sentences.append(
            Message(
                "After epoch {epoch} the training accuracy is {training}%, the test accuracy "
                "{test}%: a gap of {gap} points.",
                epoch=f"{last.epoch:,}",
                training=f"{last.training_accuracy:.2f}",
                test=f"{last.test.accuracy:.2f}",
                gap=f"{gap:+.2f}",
            )
        )
    return sentences
