"""Since when a run memorizes, by worked examples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from workbench.analysis.memorizing import accuracy_gap, memorizing
from workbench.engine.run_state import EpochFigures, SplitFigures
from workbench.words.memorizing import gap_sentences, short_gap


def epochs_of(
    test: Sequence[float], training: Sequence[float], correct: int | None = None
) -> list[EpochFigures]:
    return [
        EpochFigures(
            *(number, loss, loss, SplitFigures(50.0, 5, 10, test_loss), "eval", None, 0.1, 1, 1),
            *(correct, 40 if correct is not None else None),
        )
        for number, (test_loss, loss) in enumerate(zip(test, training, strict=True), 1)
    ]


@pytest.mark.parametrize(
    ("test", "training", "since"),
    [
        ([2.0, 1.5, 1.2, 1.4, 1.9], [2.1, 1.4, 1.0, 0.6, 0.2], 3),
        ([2.0, 1.2, 1.5, 1.2, 1.3, 1.4], [2.0, 1.5, 1.2, 1.0, 0.8, 0.5], 4),  # the last lowest one
        ([2.0, 1.5, 1.2, 1.3], [2.1, 1.4, 1.0, 0.6], None),  # one epoch may be chance
        ([2.0, 1.5, 1.2], [2.1, 1.4, 1.0], None),
        ([2.0, 1.5, 1.6, 1.7], [2.1, 1.4, 1.5, 1.6], None),  # both rise: it breaks, not memorizes
        ([2.0, math.nan, 1.2, 1.4, 1.9], [2.1, 1.4, 1.0, 0.6, 0.2], 3),
        ([2.0, 1.0, 1.2, math.inf], [2.1, 1.4, 1.0, math.nan], None),
        ([], [], None),
    ],
)
def test_since_when_a_run_memorizes(
    test: list[float], training: list[float], since: int | None
) -> None:
    found = memorizing(epochs_of(test, training))
    assert (found.since if found else None) == since


def test_the_gap_in_words() -> None:
    epochs = epochs_of([2.0, 1.0, 1.2, 1.5], [2.0, 1.0, 0.5, 0.25], correct=36)
    assert accuracy_gap(epochs) == 40.0  # 90% of the training, 50% of the test images
    assert str(short_gap(epochs)) == "memorizing since epoch 2"
    first, second = map(str, gap_sentences(epochs))
    assert "from 1.0000 to 1.5000, while the training loss fell from 1.0000 to 0.2500" in first
    assert "90.00%, the test accuracy 50.00%: a gap of +40.00 points" in second


def test_a_run_that_was_not_counted_has_no_gap() -> None:
    epochs = epochs_of([2.0, 1.0], [2.0, 1.0])
    assert accuracy_gap(epochs) is None
    assert accuracy_gap([]) is None
    assert gap_sentences(epochs) == []
    assert short_gap(epochs) is None
