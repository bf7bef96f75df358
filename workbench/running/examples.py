"""Training images as the network gets them, for the eye."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.data.data_choice import DataChoice
from workbench.data.datasets import load_data
from workbench.data.validation import split_validation
from workbench.engine.augmentation import AugmentedExamples, augmented_examples
from workbench.spec.experiment import Experiment


def read_examples(
    experiment: Experiment,
    data: DataChoice,
    count: int,
    seed: int,
    heard: Callable[[Any], None],
    stop: Callable[[], bool],
) -> AugmentedExamples:
    """Read ``data`` and return ``count`` of its training images beside what ``experiment`` makes of
    them; another ``seed`` shows others.

    Draws from no random state but its own, so that a run may train meanwhile. ``heard`` hears
    ``DataProgress``. Raises :class:`~workbench.messages.WorkbenchError` where the data cannot be
    read, and :class:`~workbench.messages.Cancelled` once ``stop`` is true.
    """
    data_set = split_validation(experiment, load_data(data, heard, stop))
    return augmented_examples(experiment, data_set, count, seed)
