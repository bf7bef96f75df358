"""The lines that the report's program printed, made from a run's events."""

from __future__ import annotations

from workbench.analysis.chance import chance_sentence
from workbench.data.data_choice import DataInfo
from workbench.engine.events import (
    EpochDone,
    Evaluation,
    Event,
    FinalTest,
    Notice,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    Slowed,
    StepsDone,
    ThreadsChanged,
)
from workbench.engine.pace import as_sentence
from workbench.messages import Count

LOSS_EVERY = 1000
"""Steps between two printed losses; iterations are printed counted from 0, as in the report."""


class ReportLines:
    """Turns one run's events into lines of text."""

    def __init__(self) -> None:
        self._epochs = 0

    def lines(self, event: Event) -> list[str]:
        """The lines for ``event``; none for most."""
        if isinstance(event, RunStarted):
            self._epochs = event.epochs
            return [
                *skipped_lines(event.data),
                f"Data: {event.data.name}, {event.training_images:,} training{_validation(event)} "
                f"and {event.data.test_images:,} test images",
                f"Device: {event.device_name} ({event.device}), "
                f"{Count(event.threads):CPU thread|CPU threads}",
                *_timed_line(event),
                f"{Count(event.epochs):epoch|epochs} of {Count(event.steps_per_epoch):step|steps}",
                *resumed_line(event),
            ]
        if isinstance(event, StepsDone):
            first = event.step - len(event.losses)
            return [
                f"Epoch {event.epoch}/{self._epochs}, iteration {first + offset}: "
                f"loss {loss:.4f}, {event.seconds:.2f} s"
                for offset, loss in enumerate(event.losses)
                if (first + offset) % LOSS_EVERY == 0
            ]
        if isinstance(event, EpochDone):
            mode = " in training mode" if event.test.mode == "train" else ""
            mode += mirrored_words(event.test)
            validation = event.validation
            return [
                accuracy_line(event.test) + mode,
                *([accuracy_line(validation, "Validation") + mode] if validation else []),
                *_training_line(event),
                f"Epoch {event.epoch}/{self._epochs}: {event.seconds:.2f} s training, "
                f"{event.test_seconds:.2f} s test, mean loss {event.loss:.4f}",
            ]
        if isinstance(event, FinalTest):
            chance = chance_sentence(event.figures)
            return [
                f"Final test in evaluation mode: {accuracy_line(event.figures)}"
                f"{mirrored_words(event.figures)}",
                *([str(chance)] if chance else []),
            ]
        if isinstance(event, Notice):
            return [str(event.message)]
        if isinstance(event, Slowed):
            return [str(as_sentence(event.slowdown))] if event.slowdown else []
        if isinstance(event, ThreadsChanged):
            return [
                f"Continuing with {Count(event.threads):CPU thread|CPU threads} in place of "
                f"{event.before}, after step {event.step:,} of epoch {event.epoch}"
            ]
        if isinstance(event, Paused):
            return ["Paused"]
        if isinstance(event, Resumed):
            return ["Resumed"]
        if isinstance(event, RunEnded):
            reason = f": {event.reason}" if event.reason else ""
            return [f"Run {event.status}{reason}", f"Total: {event.seconds:.2f} s"]
        return []


def _training_line(event: EpochDone) -> list[str]:
    """The training images recognized in the steps of the epoch; nothing where an earlier version
    began it and did not count."""
    correct, total = event.training_correct, event.training_total
    if correct is None or not total:
        return []
    share = f"{100.0 * correct / total:.2f}%"
    return [f"Accuracy of Training Data: {correct}/{total} ({share}) during the epoch"]


def _validation(event: RunStarted) -> str:
    return f", {event.validation_images:,} validation" if event.validation_images else ""


def _timed_line(event: RunStarted) -> list[str]:
    """Return what each number of threads reached when they were timed; nothing where they were
    not."""
    speeds = ", ".join(f"{number}: {speed:.0f}" for number, speed in event.timed.items())
    return [f"Steps a second by number of threads: {speeds}"] if speeds else []


def resumed_line(event: RunStarted) -> list[str]:
    """Return where a resumed run goes on; nothing for one from the beginning."""
    if (event.epoch, event.step) == (1, 0):
        return []
    if event.epoch > event.epochs:
        return ["Resumed after the last epoch"]
    return [f"Resumed in epoch {event.epoch} after step {event.step:,}"]


def skipped_lines(data: DataInfo) -> list[str]:
    """Return how many images could not be read, and which; how many files are left out and why;
    nothing where all of the folder was read."""
    lines = []
    if data.skipped and not data.left_out:  # of which they are a part
        named = ", ".join(data.skipped_files)
        more = ", …" if data.skipped > len(data.skipped_files) else ""
        count = f"{Count(data.skipped):image|images}"
        lines.append(f"Left out: {count} that cannot be read: {named}{more}")
    return [*lines, *(f"Left out, {one}" for one in data.left_out)]


def mirrored_words(test: Evaluation) -> str:
    """Return what follows the figure of a test of each image and its mirror image; empty for
    others."""
    return " (mean of each image and its mirror image)" if test.mirrored else ""


def accuracy_line(test: Evaluation, split: str = "Test") -> str:
    """``Accuracy of Test Data: 7518/10000 (75.18%)``."""
    return f"Accuracy of {split} Data: {test.correct}/{test.total} ({test.accuracy:.2f}%)"
