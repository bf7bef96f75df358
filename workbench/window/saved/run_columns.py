"""Columns of the table of runs beyond those that it always has: what differs from the preset, each
hyperparameter, further figures. Which of them are shown is the user's choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.plain_text import shortened, visible
from workbench.spec.experiment import HYPERPARAMETERS, Hyperparameter, experiment_from, needs
from workbench.spec.presets import Preset
from workbench.window.kit.hyperparameter_text import summaries, value_text
from workbench.window.kit.translation import tr
from workbench.window.saved.run_cells import NOTES
from workbench.words.figures import NONE, duration, percent

Presets = Mapping[str, Preset]
"""By id: what a run is held against in the column of what differs."""


class Experimental(Protocol):
    """A run, or an entry of the queue: what is trained, and the preset that it was made from."""

    @property
    def experiment(self) -> dict[str, Any]: ...

    @property
    def preset(self) -> str | None: ...


@dataclass(frozen=True)
class RunColumn:
    """One column of the table of runs.

    Args:
        key: its name in the settings.
        heading, tip: words for its header, in the language of the window.
        text: the cell of a run, in one line.
        order: what rows are sorted by; ``None`` where the cell is empty.
        sample: a text as wide as the column is to be.
        figures: aligned at the right.
        group: heading of its part of the menu of columns.
    """

    key: str
    heading: Callable[[], str]
    tip: Callable[[], str]
    text: Callable[[RunRecord, Presets], str]
    order: Callable[[RunRecord, Presets], Any]
    sample: str
    figures: bool
    group: Callable[[], str]


def value_of(record: Experimental, name: str) -> Any:
    """Return the value of the hyperparameter ``name``; ``None`` where it has no effect in the run.
    A run that is older than the field has its default."""
    if name in record.experiment or needs(name):
        return record.experiment.get(name)
    return HYPERPARAMETERS[name].default if record.experiment else None


def differing(records: Sequence[RunRecord]) -> list[str]:
    """Return the hyperparameters that differ among ``records``, in the declared order."""
    return [name for name in HYPERPARAMETERS if _differs(records, name)]


def _differs(records: Sequence[RunRecord], name: str) -> bool:
    values = (value_of(record, name) for record in records if record.experiment)
    first = next(values, None)
    return any(value != first for value in values)


def differs_text(record: Experimental, presets: Presets) -> str:
    """``seed 1 · learning rate 0.01``: what tells the run from its preset, as declared or as run,
    whichever is nearer. Without a preset that is known, the experiment in short."""
    if not record.experiment:
        return ""
    preset = presets.get(record.preset or "")
    if preset is None:
        return _summary(record)
    ways = [preset.experiment, *([preset.as_run] if preset.as_run else [])]
    changes = min((_changes(record, way.values()) for way in ways), key=len)
    return " · ".join(
        f"{tr(HYPERPARAMETERS[name].label)} {_shown(HYPERPARAMETERS[name], value)}"
        for name, value in changes.items()
    )


def _changes(record: Experimental, values: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name in HYPERPARAMETERS:
        value = value_of(record, name)
        if value is not None and value != values.get(name):
            found[name] = value
    return found


def _summary(record: Experimental) -> str:
    try:
        return summaries(experiment_from(record.experiment))[0]
    except WorkbenchError:  # of a newer program
        return ""


def _shown(parameter: Hyperparameter, value: Any) -> str:
    """The value in words, whatever a run folder may hold in its place."""
    kinds: dict[str, Any] = {"bool": bool, "int": int, "float": (int, float)}
    if value is None:
        return ""
    if parameter.kind in kinds and not isinstance(value, kinds[parameter.kind]):
        return shortened(visible(str(value)))
    return visible(value_text(parameter, value))


def _order(value: Any) -> Any:
    if value is None or value != value:
        return None
    return (0, value) if isinstance(value, int | float) else (1, str(value).casefold())


def _hyperparameter(parameter: Hyperparameter) -> RunColumn:
    name = parameter.name
    numbers = parameter.kind in ("int", "float")
    samples = [_shown(parameter, parameter.default), "0.00001" if numbers else ""]
    return RunColumn(
        key=name,
        heading=lambda: tr(parameter.label),
        tip=lambda: tr(parameter.help),
        text=lambda record, _: _shown(parameter, value_of(record, name)) or NONE,
        order=lambda record, _: _order(value_of(record, name)),
        sample=max(samples, key=len),
        figures=numbers,
        group=lambda: tr("Hyperparameters"),
    )


def _figure(
    key: str,
    heading: Callable[[], str],
    tip: Callable[[], str],
    value: Callable[[RunRecord], Any],
    text: Callable[[Any], str],
    sample: str,
    figures: bool = True,
) -> RunColumn:
    return RunColumn(
        key=key,
        heading=heading,
        tip=tip,
        text=lambda record, _: NONE if value(record) is None else text(value(record)),
        order=lambda record, _: _order(value(record)),
        sample=sample,
        figures=figures,
        group=lambda: tr("Figures"),
    )


DIFFERS = NOTES + 1
"""The column of what differs from the preset: the first of :data:`COLUMNS`."""

COLUMNS: tuple[RunColumn, ...] = (
    RunColumn(
        key="differs",
        heading=lambda: tr("What differs"),
        tip=lambda: tr("What tells the run from its preset"),
        text=differs_text,
        order=lambda record, presets: differs_text(record, presets).casefold() or None,
        sample="Learning rate 0.001 · Seed 1",
        figures=False,
        group=lambda: tr("Run"),
    ),
    _figure(
        "best_accuracy",
        lambda: tr("Best accuracy"),
        lambda: tr("Test accuracy of the best epoch, in percent"),
        lambda record: record.best_accuracy,
        percent,
        "97.60%",
    ),
    _figure(
        "best_epoch",
        lambda: tr("Best epoch"),
        lambda: tr("Epoch with the best accuracy, on the validation split where there is one"),
        lambda record: record.best_epoch,
        lambda value: f"{value:,}",
        "100",
    ),
    _figure(
        "best_validation_accuracy",
        lambda: tr("Validation accuracy"),
        lambda: tr("Validation accuracy of the best epoch, in percent"),
        lambda record: record.best_validation_accuracy,
        percent,
        "97.60%",
    ),
    _figure(
        "seconds",
        lambda: tr("Time"),
        lambda: tr("Training and tests, without pauses"),
        lambda record: record.seconds or None,
        lambda seconds: duration(seconds, tr),
        "59 min 59 s",
    ),
    _figure(
        "device",
        lambda: tr("Device"),
        lambda: tr("What the run was trained on"),
        lambda record: record.device or None,
        visible,
        "cuda:0",
        figures=False,
    ),
    *(_hyperparameter(parameter) for parameter in HYPERPARAMETERS.values()),
)
"""Further columns, in the order in which they stand behind the notes."""


def column_of(key: str) -> int | None:
    """Return the number of the column with this ``key``; ``None`` where there is none."""
    return next((DIFFERS + place for place, c in enumerate(COLUMNS) if c.key == key), None)
