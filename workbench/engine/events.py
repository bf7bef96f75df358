"""What a run reports, in order. Free of torch, so that the window can import it at start-up.

A run reports ``DataProgress`` (while data load), ``RunStarted``, a ``Notice`` where
something is worth a sentence, then for each epoch
``StepsDone`` many times and ``EpochDone`` once, ``EvaluationProgress`` while it tests, and in the
end exactly one ``RunEnded``, whatever happened. Epochs and steps count from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.data.data_choice import DataInfo
from workbench.data.progress import DataProgress
from workbench.engine.pace import Slowdown
from workbench.engine.status import RunStatus
from workbench.messages import Message


@dataclass(frozen=True)
class RunStarted:
    """``device`` as torch names it (``cpu``, ``cuda:0``), ``device_note`` why it was chosen;
    ``threads`` of the CPU; ``epoch`` and ``step``: where a resumed run goes on, ``step`` steps
    into ``epoch``; ``run`` is the run's folder, filled in by the runner; ``validation_images``: how
    many of the training images are kept from training; ``timed``: steps a second by number of
    threads, where that number was chosen by timing."""

    data: DataInfo
    device: str
    device_name: str
    device_note: Message | None
    threads: int
    epochs: int
    steps_per_epoch: int
    batch_size: int
    epoch: int = 1
    step: int = 0
    run: str = ""
    validation_images: int = 0
    timed: Mapping[int, float] = field(default_factory=dict)

    @property
    def training_images(self) -> int:
        """Those that are trained on: without the validation split."""
        return self.data.train_images - self.validation_images


@dataclass(frozen=True)
class Notice:
    """Something about the run that is worth a sentence and does not end it."""

    message: Message


@dataclass(frozen=True)
class StepsDone:
    """Losses of the steps since the last such event. ``step`` is the last of them, counted
    within ``epoch``; ``seconds`` is the training time of the epoch so far, without tests and
    pauses; ``images_per_second`` over the steps since the last event."""

    epoch: int
    step: int
    losses: tuple[float, ...]
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class Slowed:
    """Another program takes so much processor time that the run has become slow; ``None`` once
    it is as fast as it was again, or goes on with another number of threads."""

    slowdown: Slowdown | None


@dataclass(frozen=True)
class ThreadsChanged:
    """The run goes on with ``threads`` in place of ``before``, ``step`` steps into ``epoch``, from
    the checkpoint that was reported just now."""

    epoch: int
    step: int
    threads: int
    before: int


@dataclass(frozen=True)
class EvaluationProgress:
    """``done`` of ``total`` images of a test, those of the validation split among them."""

    done: int
    total: int


@dataclass(frozen=True)
class Evaluation:
    """A test of the whole test or validation split in one mode.

    ``accuracy`` in percent, ``loss`` the mean cross entropy, ``per_class`` accuracies in
    percent of each true class (``None`` for a class without test images), ``confusion`` with a
    row for each true class and a column for each predicted one. ``mirrored``: of the mean of the
    logits of each image and its mirror image.
    """

    mode: Literal["train", "eval"]
    correct: int
    total: int
    accuracy: float
    loss: float
    classes: tuple[str, ...]
    per_class: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    mirrored: bool = False


BINS = 48
"""Bins of a histogram: enough to see its form, and small in a file."""


@dataclass(frozen=True)
class LayerHistogram:
    """How the weights of ``layer``, or the gradients of their last step, are spread: ``counts`` of
    :data:`BINS` bins of equal width from ``low`` to ``high``."""

    layer: str
    kind: Literal["weights", "gradients"]
    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class EpochDone:
    """``loss`` is the mean over the epoch's steps, ``last_loss`` that of its last step;
    ``seconds`` without the test, ``test_seconds`` the test alone, that of the ``validation`` split
    included. ``learning_rate`` is that of the last step. ``best`` is true where the accuracy on the
    validation split, or on the test split where there is none (``validation`` is ``None``), is
    higher than after every earlier epoch.
    ``training_correct`` of the ``training_total`` training images were recognized in the steps of
    the epoch: as they went into the network, with dropout on and augmented, by weights that
    changed from step to step. ``None`` where an earlier version began the epoch. ``histograms`` are
    those after its last step, where the experiment asks for them."""

    epoch: int
    loss: float
    last_loss: float
    learning_rate: float
    seconds: float
    test_seconds: float
    test: Evaluation
    best: bool
    validation: Evaluation | None = None
    training_correct: int | None = None
    training_total: int = 0
    histograms: tuple[LayerHistogram, ...] = ()


@dataclass(frozen=True)
class WeightsReady:
    """Weights for the library: ``state_dict`` on the CPU, not to be changed. ``kind`` is
    ``"last"`` or ``"best"``; ``step`` counts from the start of the run; ``accuracy`` in percent
    is the final test's for the last weights of a finished run, else that after ``epoch``;
    ``validation_accuracy`` is that of the best ones on the validation split, where there is one."""

    kind: Literal["last", "best"]
    epoch: int
    step: int
    accuracy: float | None
    state_dict: dict[str, Any] = field(repr=False)
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class CheckpointReady:
    """A :class:`~workbench.engine.checkpoint.Checkpoint` for the library."""

    checkpoint: Any = field(repr=False)


@dataclass(frozen=True)
class FinalTest:
    """The test in evaluation mode at the end. ``logits``: float32 NumPy array, (test images,
    classes), in the order of the test split; ``labels``: int64, (test images,)."""

    figures: Evaluation
    logits: Any = field(repr=False)
    labels: Any = field(repr=False)
    seconds: float = 0.0


@dataclass(frozen=True)
class Paused:
    """The run waits."""


@dataclass(frozen=True)
class Resumed:
    """The run goes on."""


@dataclass(frozen=True)
class RunEnded:
    """The one terminal event. ``status`` is ``FINISHED``, ``STOPPED``, ``CANCELLED`` or ``FAILED``;
    ``reason`` says why where the run failed; ``seconds`` is the
    whole run, tests included, pauses and loading excluded. ``run`` and ``weights`` are paths,
    filled in by the runner; ``test`` is the final test of a finished run."""

    status: RunStatus
    epochs_done: int
    seconds: float
    reason: Message | None = None
    test: Evaluation | None = None
    run: str = ""
    weights: str | None = None


Event = (
    DataProgress
    | RunStarted
    | Notice
    | StepsDone
    | Slowed
    | ThreadsChanged
    | EvaluationProgress
    | EpochDone
    | WeightsReady
    | CheckpointReady
    | FinalTest
    | Paused
    | Resumed
    | RunEnded
)

Listener = Callable[[Event], None]
