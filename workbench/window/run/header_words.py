"""What the header says of a run, made from its state."""

from __future__ import annotations

from workbench.engine.run_state import EpochFigures, RunState
from workbench.messages import Message
from workbench.spec.expected import LEVEL, Expected
from workbench.spec.presets import Reported
from workbench.window.kit.translation import tr
from workbench.window.run.shown_run import ShownRun
from workbench.words.figures import aligned, percent
from workbench.words.status import ELSEWHERE, record_status, status_word


def comparable(reported: Reported, mode: str, final: bool) -> tuple[float, bool]:
    """The reported accuracy that an accuracy taken in ``mode`` compares with, and whether it is
    approximate. 009 and 010 report two: after the epochs in training mode, and the final test in
    evaluation mode."""
    if mode == "train" and not final and reported.accuracy_train_mode is not None:
        return reported.accuracy_train_mode, False
    return reported.accuracy, reported.accuracy_is_approximate


TRACK = {"on track": "on track", "below": "below expected", "above": "above expected"}
"""Words for how a run stands to the expected curve."""


def track_basis(expected: Expected, epoch: int, accuracy: float, otherwise: bool) -> str:
    """Return what "on track" after ``epoch`` goes by: the test accuracy after it, in which mode,
    and the band that it is compared with, its level, seeds, data and device. Empty without a band
    there."""
    low, high = expected.low[epoch - 1], expected.high[epoch - 1]
    if low is None or high is None:
        return ""
    text = tr(
        "After epoch {epoch}, {low} to {high} is expected: {level} of runs stay in the band of "
        "these {seeds} seeds in every epoch. Measured on {data} with {device}."
    )
    compared = (
        tr(
            "Goes by the test accuracy after epoch {epoch}, {accuracy} in training mode, not by "
            "the final test."
        )
        if otherwise
        else tr("Goes by the test accuracy after epoch {epoch}, {accuracy}.")
    )
    compared = compared.format(epoch=epoch, accuracy=percent(accuracy))
    return f"{compared} " + text.format(
        epoch=epoch,
        low=percent(max(low, 0.0)),
        high=percent(min(high, 100.0)),
        level=f"{LEVEL:.0%}",
        seeds=expected.seeds[epoch - 1],
        data=expected.data,
        device=expected.device,
    )


def status_in_words(run: ShownRun) -> Message:
    """The word for the status of a run, seen from this window."""
    if run.live or run.record is None:
        return status_word(run.state.status)
    return ELSEWHERE if run.record.status == "running" else record_status(run.record)


def best_words(best: EpochFigures, otherwise: bool) -> tuple[str, str]:
    """Return what is said of the best epoch, and its tooltip. ``otherwise``: tests after the epochs
    were taken in training mode, which is another figure than that of the final test."""
    if best.validation is None:
        template = tr("best epoch {epoch} by test: {accuracy}")
        tip = (
            tr("Selected on the test set.")
            if otherwise
            else tr("Selected on the test set, so optimistic.")
        )
    else:
        template = tr("best epoch {epoch} by validation: test {accuracy}")
        tip = tr(
            "Test accuracy of the epoch with the best validation accuracy, {validation}."
        ).format(validation=percent(best.validation.accuracy))
    accuracy = percent(best.test.accuracy)
    if otherwise:
        accuracy = tr("{accuracy} in training mode").format(accuracy=accuracy)
        tip += " " + tr(
            "Like every test after an epoch of this run, it was measured in training "
            "mode; the final test is in evaluation mode and cannot be compared with it."
        )
    return template.format(accuracy=accuracy, epoch=best.epoch), tip


def progress_words(run: ShownRun) -> tuple[str, float, float]:
    """Return what is done, in words, and how much of how much; a total of 0 is not known yet."""
    state = run.state
    loading = loads(state)
    if loading is not None:
        done, total, unit = loading
        if not total:
            return "", 0.0, 0.0
        if unit == "bytes":
            text = tr("{done} of {total} MB").format(
                done=aligned(round(done / 1e6), round(total / 1e6)), total=f"{round(total / 1e6):,}"
            )
        else:
            text = tr("{done} of {total} files").format(
                done=aligned(done, total), total=f"{total:,}"
            )
        return text, done, total
    if not state.steps_per_epoch:
        return "", 0.0, 1.0
    done = (state.epoch - 1) * state.steps_per_epoch + state.step
    total = state.epochs * state.steps_per_epoch
    if run.record is not None and run.record.ended_early:
        text = tr("ended early after epoch {epoch} of {epochs}").format(
            epoch=f"{state.epoch:,}", epochs=f"{state.epochs:,}"
        )
        return text, total, total
    text = tr("epoch {epoch} of {epochs} · step {step} of {steps}").format(
        epoch=f"{state.epoch:,}",
        epochs=f"{state.epochs:,}",
        step=aligned(state.step, state.steps_per_epoch),
        steps=f"{state.steps_per_epoch:,}",
    )
    return text, done, total


def loads(state: RunState) -> tuple[int, int, str] | None:
    """Return what is loaded at the moment; a test leaves the bar where it is."""
    progress = state.progress
    if progress is None or progress.unit == "images":
        return None
    return progress.done, progress.total, progress.unit


def tested_otherwise(run: ShownRun) -> bool:
    return run.record is not None and run.record.tested_otherwise
