"""Runs against the report, and against each other. Opens without torch.

Sources of the formulas: the prediction interval of one further observation (Hahn and Meeker,
"Statistical Intervals", 1991); McNemar's exact test (McNemar 1947; Dietterich, "Approximate
Statistical Tests for Comparing Supervised Classification Learning Algorithms", 1998).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench.library.metrics import Predictions, read_predictions
from workbench.library.run_folder import (
    RunRecord,
    read_epochs,
    read_losses,
    read_test,
)
from workbench.messages import Message, WorkbenchError
from workbench.spec.expected import alike_until, binomial_error, shipped_curves
from workbench.spec.experiment import HYPERPARAMETERS, differences, experiment_from
from workbench.spec.presets import Preset, how_it_ran

# --- repeats with other seeds ----------------------------------------------------------

FEWEST_REPEATS = 3
"""Seeds that a spread needs."""


def same_group(a: RunRecord, b: RunRecord) -> bool:
    """Whether two runs are repeats of one experiment: all but the seed the same, on the same
    data."""
    return _without_seed(a) == _without_seed(b) and _fingerprint(a) == _fingerprint(b) != ""


def group_of(record: RunRecord, records: Iterable[RunRecord]) -> list[RunRecord]:
    """``record`` and its repeats among ``records``, by seed: of each other seed the run that was
    trained longest, of several the newest. Runs without a finished epoch are left out."""
    best: dict[int, RunRecord] = {}
    for run in sorted([*records, record], key=lambda run: (run.epochs_done, run.created)):
        if run.epochs_done and same_group(record, run):
            best[run.experiment.get("seed", 0)] = run
    own = record.experiment.get("seed", 0)
    if own in best:
        best[own] = record
    return [best[seed] for seed in sorted(best)]


def _without_seed(record: RunRecord) -> dict[str, Any]:
    return {name: value for name, value in _effective(record).items() if name != "seed"}


def _fingerprint(record: RunRecord) -> str:
    return str(record.data.get("fingerprint") or "")


@dataclass(frozen=True)
class Spread:
    """Test accuracies of ``runs`` runs that differ in their seed, in percent. ``deviation`` is
    the sample standard deviation (n - 1)."""

    mean: float
    deviation: float
    runs: int
    shipped: bool = False


def spread_of(values: Sequence[float], shipped: bool = False) -> Spread | None:
    """The spread of accuracies in percent; ``None`` for fewer than :data:`FEWEST_REPEATS`."""
    if len(values) < FEWEST_REPEATS:
        return None
    return Spread(statistics.fmean(values), statistics.stdev(values), len(values), shipped)


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


Outcome = Literal["reproduced", "deviates", "not comparable", "open"]
VERDICTS: Mapping[Outcome, Message] = {
    "reproduced": Message("Reproduced"),
    "deviates": Message("Deviates"),
    "not comparable": Message("Not comparable"),
    "open": Message("No verdict yet"),
}


@dataclass(frozen=True)
class AgainstReport:
    """A run of a preset beside the report. ``epoch``: the one compared at. ``binomial``: the
    standard error of the measured accuracy as a share of its test images, in points of percent:
    how far another test set of that size would move it, and no noise of the seed."""

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
    comparable_data = bool(record.data.get("comparable"))
    figures = tuple(_figures(record, preset, epoch, comparable_data))
    main = figures[0]
    binomial = spread = None
    if main.measured is not None:
        images = _test_images(record)
        binomial = binomial_error(main.measured, images) if images else None
        spread = _repeats(record, preset, epoch, records) or _shipped(record, preset, epoch)
    outcome, reason = _verdict(record, preset, epoch, main, spread)
    notes = []
    if preset.as_run is not None:
        ran = how_it_ran(preset, experiment_from(record.experiment))
        if ran == "as_run":
            notes.append(Message("Trained as the report actually ran it, not as written."))
        elif ran == "declared":
            notes.append(
                Message(
                    "Trained as written in the report, which actually ran something else (see "
                    "the preset)."
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
        free = {"seed", "epochs", "early_stopping"}
        if not any(e.batch_norm or e.dropout for e in (run, one)):
            free.add("test_mode")
        changed = differences(one, run)
        found.append({name: both for name, both in changed.items() if name not in free})
    return min(found, key=len)


def comparable_accuracy(record: RunRecord, preset: Preset) -> float | None:
    """The accuracy in percent that may stand beside the report's; ``None`` where the run is of
    other data or hyperparameters, or has not come to the epoch.

    Raises :class:`WorkbenchError` and ``OSError`` where the run cannot be read.
    """
    if not record.data.get("comparable") or changes(record, preset):
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
) -> Spread | None:
    measured = [_measured(run, preset, epoch) for run in group_of(record, records)]
    return spread_of([value[0] for value in measured if value])


def _shipped(record: RunRecord, preset: Preset, epoch: int) -> Spread | None:
    """The spread of the curves that ship with the program, where they are of this experiment. They
    are of accuracies after an epoch, so that they say nothing of a final test in another mode."""
    if _is_final_test(preset):
        return None
    experiment = experiment_from(record.experiment)
    values = {
        curve.experiment.seed: curve.accuracy[epoch - 1]
        for curve in shipped_curves()
        if len(curve.accuracy) >= epoch and alike_until(curve.experiment, experiment) >= epoch
    }
    return spread_of(list(values.values()), shipped=True)


def _verdict(
    record: RunRecord, preset: Preset, epoch: int, main: ReportedFigure, spread: Spread | None
) -> tuple[Outcome, Message]:
    if not record.data.get("comparable"):
        if record.data.get("kind") == "sample":
            return "not comparable", Message("Trained on the sample, which is not CIFAR-10.")
        return "not comparable", Message(
            "Trained on other data: {data}.", data=record.data.get("name", "?")
        )
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
            "Needs the spread between seeds: train {count} runs or more with other seeds.",
            count=FEWEST_REPEATS,
        )
    return _within(main.reported, main.measured, spread)


def changed_words(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """``learning_rate 0.01 (0.001)``: the run's value, and the preset's in parentheses."""
    return ", ".join(
        f"{name} {'-' if new is None else new} ({'-' if old is None else old})"
        for name, (old, new) in changed.items()
    )


def _within(reported: float, measured: float, spread: Spread) -> tuple[Outcome, Message]:
    if spread.shipped:
        # Two single runs of one distribution differ by a normal variable of deviation s * sqrt(2).
        centre, factor = measured, math.sqrt(2.0)
    else:
        # One further run lies within this of the mean of n runs.
        centre, factor = spread.mean, math.sqrt(1.0 + 1.0 / spread.runs)
    margin = student_t_975(spread.runs - 1) * spread.deviation * factor
    low, high = centre - margin, centre + margin
    # Both accuracies are printed with two decimals.
    inside = round(low, 2) <= reported <= round(high, 2)
    values = {
        "reported": f"{reported:.2f}",
        "low": f"{max(low, 0.0):.2f}",
        "high": f"{min(high, 100.0):.2f}",
        "runs": spread.runs,
    }
    sentence = _WITHIN[inside, spread.shipped]
    return "reproduced" if inside else "deviates", Message(sentence, **values)


_WITHIN = {
    (True, False): "{reported}% lies within {low}% to {high}%, where another run is expected "
    "(95%) by your {runs} seeds.",
    (False, False): "{reported}% lies outside {low}% to {high}%, where another run is expected "
    "(95%) by your {runs} seeds.",
    (True, True): "{reported}% lies within {low}% to {high}%, where another run is expected "
    "(95%) by the preset's spread of {runs} seeds.",
    (False, True): "{reported}% lies outside {low}% to {high}%, where another run is expected "
    "(95%) by the preset's spread of {runs} seeds.",
}
TEMPLATES = tuple(_WITHIN.values())
"""The sentences that are not written where they are said, for the translators."""

_T_975 = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)


def student_t_975(freedom: int) -> float:
    """The 97.5% quantile of Student's t with ``freedom`` degrees of freedom, 1 or more; beyond
    30 by the first terms of its expansion around the normal quantile (Abramowitz and Stegun
    26.7.5)."""
    if freedom <= len(_T_975):
        return _T_975[freedom - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


# --- against each other ----------------------------------------------------------------


@dataclass(frozen=True)
class DifferingRow:
    """A row in which runs differ: a value for each run, ``None`` where it has none. ``group`` and
    ``name`` are words; ``key`` is the field's name for scripts."""

    group: str
    key: str
    name: str
    values: tuple[Any, ...]


DATA_WORDS = {
    "name": "Data set",
    "train_images": "Training images",
    "test_images": "Test images",
    "fingerprint": "Fingerprint of the data",
}
ENVIRONMENT_WORDS = {
    "cifar_workbench": "Program",
    "python": "Python",
    "torch": "PyTorch",
    "system": "System",
    "device": "Device",
    "device_name": "Device name",
    "cpu_threads": "CPU threads",
    "cuda": "CUDA",
    "cudnn": "cuDNN",
}
_FIGURES = {
    "status": "Status",
    "accuracy": "Test accuracy",
    "best_epoch": "Best epoch",
    "best_chosen_on": "Best epoch selected on",
    "best_validation_accuracy": "Validation accuracy of the best epoch",
    "best_accuracy": "Test accuracy of the best epoch",
    "epochs_done": "Epochs done",
    "ended_early": "Ended early",
    "mean_loss": "Mean loss of the last epoch",
    "seconds_per_epoch": "Seconds per epoch",
    "seconds": "Seconds of the whole run",
}
CHOSEN_ON = {
    "validation": Message("validation split"),
    "test": Message("test set: optimistic"),
    "validation in training mode": Message("validation split, in training mode"),
    "test in training mode": Message("test set, in training mode"),
}
"""By what a best epoch was chosen, in words."""
ROW_WORDS = (
    *("Hyperparameters", "Data", "Environment", "Figures", "Preset"),
    *DATA_WORDS.values(),
    *ENVIRONMENT_WORDS.values(),
    *_FIGURES.values(),
)
"""Words of the rows, for the translators."""


def distinct_names(
    titles: Sequence[str], records: Sequence[RunRecord], say: Callable[[Message], str] = str
) -> list[str]:
    """A name for each run out of its title; those that are called the same are told apart by seed
    or start. ``say`` puts words into the reader's language."""
    seeds = [record.experiment.get("seed") for record in records]
    names = []
    for title, seed, record in zip(titles, seeds, records, strict=True):
        same = [s for t, s in zip(titles, seeds, strict=True) if t == title]
        if len(same) == 1:
            names.append(title)
        elif len(set(same)) == len(same):
            names.append(say(Message("{title}, seed {seed}", title=title, seed=seed)))
        else:
            names.append(f"{title}, {record.id.rpartition('_')[0] or record.id}")
    return names


def differing_rows(records: Sequence[RunRecord]) -> list[DifferingRow]:
    """The rows in which the runs differ: hyperparameters, data, environment, figures. Where a best
    epoch is among them, by what it was chosen is too."""
    experiments = [_effective(record) for record in records]
    rows = [
        DifferingRow("Hyperparameters", "preset", "Preset", tuple(r.preset for r in records)),
        *(
            DifferingRow("Hyperparameters", name, p.label, tuple(e.get(name) for e in experiments))
            for name, p in HYPERPARAMETERS.items()
        ),
        *_rows("Data", DATA_WORDS, [record.data for record in records]),
        *_rows("Environment", ENVIRONMENT_WORDS, [record.environment for record in records]),
        *_rows("Figures", _FIGURES, [run_figures(record) for record in records]),
    ]
    differing = {row.key for row in rows if any(value != row.values[0] for value in row.values)}
    if differing & {"best_epoch", "best_accuracy"}:
        differing.add("best_chosen_on")
    return [row for row in rows if row.key in differing]


def _effective(record: RunRecord) -> dict[str, Any]:
    try:
        return experiment_from(record.experiment).values()
    except WorkbenchError:  # of a newer program: what it says, as it stands
        return record.experiment


def _rows(
    group: str, words: Mapping[str, str], values: Sequence[Mapping[str, Any]]
) -> Iterable[DifferingRow]:
    for key, name in words.items():
        yield DifferingRow(group, key, name, tuple(value.get(key) for value in values))


def run_figures(record: RunRecord) -> dict[str, Any]:
    """A run's figures by name; accuracies in percent."""
    rows = read_epochs(record.folder)
    return {
        "status": record.status,
        "accuracy": record.accuracy,
        "best_epoch": record.best_epoch,
        "best_chosen_on": _chosen_on(record),
        "best_validation_accuracy": record.best_validation_accuracy,
        "best_accuracy": record.best_accuracy,
        "epochs_done": record.epochs_done,
        "ended_early": record.ended_early,
        "mean_loss": rows[-1]["loss"] if rows else None,
        "seconds_per_epoch": statistics.fmean(r["seconds"] for r in rows) if rows else None,
        "seconds": record.seconds,
    }


def _chosen_on(record: RunRecord) -> str | None:
    """A key of :data:`CHOSEN_ON`."""
    split = record.best_chosen_on
    return f"{split} in training mode" if split and record.tested_otherwise else split


@dataclass(frozen=True, eq=False)
class Flips:
    """How two tests of the same images differ. ``lost``: indices of the images that the first
    got right and the second wrong; ``won``: the reverse; both in the order of the test split.
    ``lost_per_class`` and ``won_per_class``: counts by true class, int64 (K,).
    ``labels``: the true classes of all images, int64 (N,).
    ``confusion``: the second confusion matrix less the first, int64 (K, K).
    ``p``: of McNemar's exact test, two-sided."""

    images: int
    classes: tuple[str, ...]
    labels: np.ndarray
    lost: np.ndarray
    won: np.ndarray
    lost_per_class: np.ndarray
    won_per_class: np.ndarray
    confusion: np.ndarray
    p: float

    def sentence(self, first: str, second: str) -> Message:
        """McNemar's test in words; ``first`` and ``second`` are names of the runs."""
        values = {
            "first": first,
            "second": second,
            "lost": f"{len(self.lost):,}",
            "won": f"{len(self.won):,}",
            "images": f"{self.images:,}",
            "p": f"{self.p:.3g}" if self.p >= 0.001 else "< 0.001",
        }
        if self.p < 0.05:
            return Message(
                "On these {images} test images {first} alone is right on {lost}, {second} "
                "alone on {won}: more than chance between these two weight files (McNemar's "
                "exact test, p {p}). To compare settings, train several seeds.",
                **values,
            )
        return Message(
            "On these {images} test images {first} alone is right on {lost}, {second} alone on "
            "{won}: no more than chance between these two weight files (McNemar's exact test, "
            "p {p}). To compare settings, train several seeds.",
            **values,
        )


def compare_predictions(first: Predictions, second: Predictions) -> Flips:
    """Two tests of the same images. Raises :class:`WorkbenchError` where they are others."""
    if first.classes != second.classes or not np.array_equal(first.labels, second.labels):
        raise WorkbenchError(
            "The two runs were tested on different images; compare runs on the same data."
        )
    lost = np.flatnonzero(first.correct & ~second.correct)
    won = np.flatnonzero(~first.correct & second.correct)
    count = len(first.classes)
    return Flips(
        images=len(first.labels),
        classes=first.classes,
        labels=first.labels,
        lost=lost,
        won=won,
        lost_per_class=np.bincount(first.labels[lost], minlength=count),
        won_per_class=np.bincount(first.labels[won], minlength=count),
        confusion=second.confusion - first.confusion,
        p=mcnemar_exact(len(lost), len(won)),
    )


def compare_runs(first: RunRecord, second: RunRecord) -> Flips:
    """Two runs by their stored logits. Raises :class:`WorkbenchError` as :func:`read_both`."""
    return compare_predictions(*read_both(first, second))


def read_both(first: RunRecord, second: RunRecord) -> tuple[Predictions, Predictions]:
    """The final tests of two runs. Raises :class:`WorkbenchError` where one has none or they were
    tested on other images."""
    tests = []
    for record in (first, second):
        predictions = read_predictions(record.folder, tuple(record.data.get("classes", ())))
        if predictions is None:
            raise WorkbenchError(
                "{run}: has no final test, which a comparison image by image needs.",
                run=record.label,
            )
        tests.append(predictions)
    if _fingerprint(first) != _fingerprint(second):
        raise WorkbenchError(
            "The two runs were tested on different images; compare runs on the same data."
        )
    return tests[0], tests[1]


def mcnemar_exact(lost: int, won: int) -> float:
    """Two-sided p of ``lost`` against ``won`` discordant images, each with probability 1/2:
    twice the smaller tail of Binomial(lost + won, 1/2), at most 1."""
    total, smaller = lost + won, min(lost, won)
    term = tail = 1  # binomial coefficients, exactly
    for i in range(smaller):
        term = term * (total - i) // (i + 1)
        tail += term
    return min(1.0, 2 * tail / 2**total if total else 1.0)
