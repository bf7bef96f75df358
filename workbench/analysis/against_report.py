"""One run against the report: figure by figure, and a verdict. Opens without torch.

Source of the verdict: the prediction interval of one further observation (Hahn and Meeker,
"Statistical Intervals", 1991).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench.analysis.repeats import WANTED_REPEATS, Spread, data_fingerprint, group_of, spread_of
from workbench.library.run_folder import (
    RunRecord,
    read_epochs,
    read_losses,
    read_test,
)
from workbench.messages import Message
from workbench.spec.altered_data import ALTERED, is_comparable
from workbench.spec.expected import alike_until, binomial_error, shipped_curves
from workbench.spec.experiment import differences, experiment_from
from workbench.spec.intervals import prediction_margin, student_t
from workbench.spec.presets import Preset, how_it_ran

# --- against the report ----------------------------------------------------------------

Kind = Literal["percent", "images", "loss", "seconds"]


@dataclass(frozen=True)
class ReportedFigure:
    """One figure of the report beside ours; ``measured`` is ``None`` where there is none (yet)
    or where it may not stand beside the report's. ``name`` says which epoch and iteration."""

    name: Message
    kind: Kind
    reported: float
    measured: float | None
    approximate: bool = False

    @property
    def difference(self) -> float | None:
        return None if self.measured is None else self.measured - self.reported


Outcome = Literal["compatible", "deviates", "not comparable", "open"]
VERDICTS: Mapping[Outcome, Message] = {
    "compatible": Message("Compatible with the report"),
    "deviates": Message("Deviates"),
    "not comparable": Message("Not comparable"),
    "open": Message("No verdict yet"),
}


@dataclass(frozen=True)
class AgainstReport:
    """A run of a preset beside the report. ``epoch``: the one compared at. ``binomial``: the
    standard error of the measured accuracy as a share of its test images, in points of percent:
    how far a new test set of that size would move it. The report was tested on the same images, so
    it is no error of the difference."""

    preset: Preset
    epoch: int
    figures: tuple[ReportedFigure, ...]
    outcome: Outcome
    reason: Message
    binomial: float | None = None
    spread: Spread | None = None
    notes: tuple[Message, ...] = ()


def against_report(
    record: RunRecord, preset: Preset, records: Iterable[RunRecord] = ()
) -> AgainstReport | None:
    """``record`` beside what the report says of ``preset``; ``None`` where it says nothing.

    The spread comes from the repeats of ``record`` among ``records``, else from the curves that
    ship with the program.
    Where the report stopped early, or took its accuracy after an epoch, the run is compared
    after that epoch. Raises :class:`WorkbenchError` where the run cannot be read.
    """
    if preset.reported is None:
        return None
    epoch = preset.epochs_run or preset.experiment.epochs
    comparable_data = is_comparable(record.data)
    figures = tuple(_figures(record, preset, epoch, comparable_data))
    main = figures[0]
    binomial = spread = None
    repeats: list[float] = []
    if main.measured is not None:
        images = _test_images(record)
        binomial = binomial_error(main.measured, images) if images else None
        repeats = _repeats(record, preset, epoch, records)
        spread = spread_of(repeats) or _shipped(record, preset, epoch)
    outcome, reason = _verdict(record, preset, epoch, main, spread, len(repeats))
    notes = []
    if main.measured is not None and record.data.get("kind") != "cifar10":
        notes.append(
            Message(
                "Trained on {data}, and the report on the published images: what saving them as "
                "files has cost is not in the interval.",
                data=record.data.get("name", "?"),
            )
        )
    if preset.as_run is not None:
        ran = how_it_ran(preset, experiment_from(record.experiment))
        if ran == "as_run":
            notes.append(
                Message(
                    "Trained as actually run, as far as is known, and not as written in the report "
                    "(see the preset)."
                )
            )
        elif ran == "declared":
            notes.append(
                Message(
                    "Trained as written in the report; as far as is known, something else was "
                    "actually run (see the preset)."
                )
            )
    like_the_report = record.experiment.get("test_images_in_batch_norm")
    experiment = preset.experiment
    if experiment.batch_norm and experiment.test_mode == "train" and not like_the_report:
        notes.append(
            Message(
                "The report's tests after each epoch changed the statistics of its batch norm; "
                "ours leave them as they are."
            )
        )
    return AgainstReport(
        preset=preset,
        epoch=epoch,
        figures=figures,
        outcome=outcome,
        reason=reason,
        binomial=binomial,
        spread=spread,
        notes=tuple(notes),
    )


def _test_images(record: RunRecord) -> int:
    images = record.data.get("test_images")
    return images if isinstance(images, int) else 0


def changes(record: RunRecord, preset: Preset) -> dict[str, tuple[Any, Any]]:
    """``{hyperparameter: (preset's, run's)}`` where it differs in what can move the accuracy: not
    the seed, not the number of epochs or early stopping (the epoch says whether a run got there),
    and not the test mode where the network is the same in both. Against the preset as declared or
    as run, whichever is nearer."""
    run = experiment_from(record.experiment)
    found = []
    for one in filter(None, (preset.experiment, preset.as_run)):
        free = {"seed", "epochs", "early_stopping", "histograms"}
        if not any(e.batch_norm or e.dropout for e in (run, one)):
            free.add("test_mode")
            if not any(e.test_flip for e in (run, one)):
                free.add("test_flip")  # off, where only one of the test modes knows it
        changed = differences(one, run)
        found.append({name: both for name, both in changed.items() if name not in free})
    return min(found, key=len)


def comparable_accuracy(record: RunRecord, preset: Preset) -> float | None:
    """The accuracy in percent that may stand beside the report's; ``None`` where the run is of
    other data or hyperparameters, or has not come to the epoch.

    Raises :class:`WorkbenchError` and ``OSError`` where the run cannot be read.
    """
    if not is_comparable(record.data) or changes(record, preset):
        return None
    measured = _measured(record, preset, preset.epochs_run or preset.experiment.epochs)
    return measured[0] if measured else None


def _is_final_test(preset: Preset) -> bool:
    # Until 008 the report's accuracy is the one after the last epoch; where it gives that one
    # apart, the other is of the final test, in evaluation mode.
    reported = preset.reported
    return reported is not None and reported.accuracy_train_mode is not None


def _measured(record: RunRecord, preset: Preset, epoch: int) -> tuple[float, int] | None:
    """Accuracy in percent and correct images, as the report took them."""
    if _is_final_test(preset):
        test = read_test(record.folder)
        if test is None or not test[2] or test[1] != epoch:
            return None
        return test[0].accuracy, test[0].correct
    row = _row(record, epoch)
    return (float(row["accuracy"]), int(row["correct"])) if row else None


def _row(record: RunRecord, epoch: int) -> dict[str, Any] | None:
    return next((row for row in read_epochs(record.folder) if row.get("epoch") == epoch), None)


def _figures(
    record: RunRecord, preset: Preset, epoch: int, comparable: bool
) -> Iterable[ReportedFigure]:
    reported = preset.reported
    assert reported is not None
    rows = {row["epoch"]: row for row in read_epochs(record.folder)} if comparable else {}
    losses = read_losses(record.folder) if comparable else np.zeros(0, np.float32)
    measured = _measured(record, preset, epoch) if comparable else None
    name = (
        Message("Test accuracy, final test")
        if _is_final_test(preset)
        else Message("Test accuracy after epoch {epoch}", epoch=epoch)
    )
    yield ReportedFigure(
        name,
        "percent",
        reported.accuracy,
        measured[0] if measured else None,
        reported.accuracy_is_approximate,
    )
    if reported.correct is not None:
        yield ReportedFigure(
            Message("Correct test images"),
            "images",
            reported.correct,
            measured[1] if measured else None,
        )
    if reported.accuracy_train_mode is not None:
        row = rows.get(epoch)
        yield ReportedFigure(
            Message("Test accuracy after epoch {epoch}, training mode", epoch=epoch),
            "percent",
            reported.accuracy_train_mode,
            row["accuracy"] if row and row.get("test_mode") == "train" else None,
        )
    for at, accuracy in reported.accuracy_at_epoch.items():
        if at != epoch:
            yield ReportedFigure(
                Message("Test accuracy after epoch {epoch}", epoch=at),
                "percent",
                accuracy,
                rows[at]["accuracy"] if at in rows else None,
            )
    for at, printed in {**reported.losses_at_epoch, epoch: reported.losses_last_epoch}.items():
        for iteration, loss in printed.items():
            step = (at - 1) * record.steps_per_epoch + iteration  # both count from 0
            there = iteration < record.steps_per_epoch and step < len(losses)
            yield ReportedFigure(
                Message(
                    "Loss of one batch: epoch {epoch}, iteration {iteration}",
                    epoch=at,
                    iteration=iteration,
                ),
                "loss",
                loss,
                float(losses[step]) if there else None,
            )
    if reported.seconds_per_epoch is not None:
        seconds = [row["seconds"] for row in rows.values()]
        yield ReportedFigure(
            Message("Seconds for an epoch, reported on a GTX 1060"),
            "seconds",
            reported.seconds_per_epoch,
            statistics.fmean(seconds) if seconds else None,
        )
    if reported.seconds is not None:
        done = comparable and record.status == "finished" and record.epochs_done == epoch
        yield ReportedFigure(
            Message("Seconds for the whole run, reported on a GTX 1060"),
            "seconds",
            reported.seconds,
            record.seconds if done else None,
            reported.seconds_is_approximate,
        )


def _repeats(
    record: RunRecord, preset: Preset, epoch: int, records: Iterable[RunRecord]
) -> list[float]:
    measured = [_measured(run, preset, epoch) for run in group_of(record, records)]
    return [value[0] for value in measured if value]


def _shipped(record: RunRecord, preset: Preset, epoch: int) -> Spread | None:
    """The spread of the curves that ship with the program, where they are of this experiment. They
    are of accuracies after an epoch, so that they say nothing of a final test in another mode."""
    if _is_final_test(preset):
        return None
    experiment = experiment_from(record.experiment)
    sets: dict[str, dict[int, float]] = {}
    for curve in shipped_curves():
        if len(curve.accuracy) >= epoch and alike_until(curve.experiment, experiment) >= epoch:
            sets.setdefault(curve.data, {})[curve.experiment.seed] = curve.accuracy[epoch - 1]
    if not sets:
        return None
    data = max(sets, key=lambda name: len(sets[name]))
    return spread_of(list(sets[data].values()), shipped_data=data)


def _verdict(
    record: RunRecord,
    preset: Preset,
    epoch: int,
    main: ReportedFigure,
    spread: Spread | None,
    repeats: int,
) -> tuple[Outcome, Message]:
    if not is_comparable(record.data):
        if record.is_sample:
            return "not comparable", Message("Trained on the sample, which is not CIFAR-10.")
        name = ALTERED.get(data_fingerprint(record)) or record.data.get("name", "?")
        return "not comparable", Message("Trained on other data: {data}.", data=name)
    changed = changes(record, preset)
    if changed:
        return "not comparable", Message(
            "Hyperparameters differ from preset {preset}: {names}.",
            preset=preset.id,
            names=changed_words(changed),
        )
    if main.measured is None:
        if record.status == "running":
            return "open", Message(
                "Still training: {done} of {epoch} epochs.", done=record.epochs_done, epoch=epoch
            )
        if record.epochs_done < epoch:
            return "not comparable", Message(
                "Trained for 1 epoch; the report's figure is of epoch {epoch}."
                if record.epochs_done == 1
                else "Trained for {done} epochs; the report's figure is of epoch {epoch}.",
                done=record.epochs_done,
                epoch=epoch,
            )
        return "not comparable", Message(
            "There is no final test after epoch {epoch}, which the report's figure is of.",
            epoch=epoch,
        )
    if main.approximate:
        return "open", Message("The report gives only an approximate accuracy.")
    if spread is None:
        return "open", Message(
            "Needs the spread between seeds: train {more} more with other seeds, for {count} in "
            "all with this run among them.",
            more=WANTED_REPEATS - repeats,
            count=WANTED_REPEATS,
        )
    return _within(main.reported, main.measured, spread)


def changed_words(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """``learning_rate 0.01 (0.001)``: the run's value, and the preset's in parentheses."""
    return ", ".join(
        f"{name} {'-' if new is None else new} ({'-' if old is None else old})"
        for name, (old, new) in changed.items()
    )


def _within(reported: float, measured: float, spread: Spread) -> tuple[Outcome, Message]:
    """The verdict by the interval that holds one further run with a probability of 95%, as far as
    seeds are normally distributed."""
    if spread.shipped:
        # Two single runs of one distribution differ by a normal variable of deviation s * sqrt(2).
        margin = student_t(0.95, spread.runs - 1) * spread.deviation * math.sqrt(2.0)
        centre = measured
    else:
        centre, margin = spread.mean, prediction_margin(spread.deviation, spread.runs)
    low, high = centre - margin, centre + margin
    # Both accuracies are printed with two decimals.
    inside = round(low, 2) <= reported <= round(high, 2)
    reason = Message(
        _WITHIN[inside, spread.shipped],
        reported=f"{reported:.2f}",
        low=f"{max(low, 0.0):.2f}",
        high=f"{min(high, 100.0):.2f}",
        runs=spread.runs,
        data=spread.shipped_data,
    )
    if not inside:
        return "deviates", reason
    if margin:
        reason = Message("{reason} {width}", reason=reason, width=_width(margin, spread))
    return "compatible", reason


_WITHIN = {
    (True, False): "{reported}% lies within {low}% to {high}%, where another run is expected "
    "(95%) by your {runs} seeds, this run among them.",
    (False, False): "{reported}% lies outside {low}% to {high}%, where another run is expected "
    "(95%) by your {runs} seeds, this run among them.",
    (True, True): "{reported}% lies within {low}% to {high}%, where another run is expected (95%) "
    "by this run and the spread of the preset's {runs} seeds, measured on {data}.",
    (False, True): "{reported}% lies outside {low}% to {high}%, where another run is expected "
    "(95%) by this run and the spread of the preset's {runs} seeds, measured on {data}.",
}
TEMPLATES = tuple(_WITHIN.values())
"""The sentences that are not written where they are said, for the translators."""

_MOST_SEEDS = 30
"""More are not asked for."""


def _width(margin: float, spread: Spread) -> Message:
    """The half-width of an interval, and how many seeds would halve it. However many there are, the
    report's figure is that of a single run, which varies by 1.96 standard deviations."""
    more = range(spread.runs if spread.shipped else spread.runs + 1, _MOST_SEEDS + 1)
    for count in more:
        if prediction_margin(spread.deviation, count) <= margin / 2:
            return Message(
                "The half-width is {half} points; about {count} seeds of your own, this run among "
                "them, would halve it.",
                half=f"{margin:.2f}",
                count=count,
            )
    return Message(
        "The half-width is {half} points; no number of seeds would halve it, as the reported "
        "figure is of a single run ({least} points with very many).",
        half=f"{margin:.2f}",
        least=f"{1.96 * spread.deviation:.2f}",
    )


# --- against each other ----------------------------------------------------------------
