"""The measured result of a preset that ships with the program. Opens without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.spec.expected import Curve, alike_until, shipped_curves
from workbench.spec.experiment import Experiment
from workbench.spec.presets import Preset


@dataclass(frozen=True)
class ShippedResult:
    """``accuracies`` of a preset in percent, one for each seed, measured on ``data``;
    ``as_written``: of the experiment as declared, where something else was actually run."""

    accuracies: tuple[float, ...]
    data: str
    as_written: bool

    @property
    def mean(self) -> float:
        return sum(self.accuracies) / len(self.accuracies)


def shipped_result(preset: Preset, curves: Sequence[Curve] | None = None) -> ShippedResult | None:
    """Return what ``curves`` (those that ship with the program) give for ``preset``, taken as its
    report took it: of the epoch at which it ended, or of the final test. Of the experiment as
    actually run, else as declared; ``None`` where neither was measured to its end."""
    curves = shipped_curves() if curves is None else curves
    for experiment in filter(None, (preset.as_run, preset.experiment)):
        sets: dict[str, dict[int, float]] = {}
        for curve in curves:
            accuracy = _accuracy(curve, preset, experiment)
            if accuracy is not None:
                sets.setdefault(curve.data, {})[curve.experiment.seed] = accuracy
        if sets:
            data = max(sets, key=lambda name: len(sets[name]))
            as_written = preset.as_run is not None and experiment is not preset.as_run
            return ShippedResult(tuple(sets[data].values()), data, as_written)
    return None


def _accuracy(curve: Curve, preset: Preset, experiment: Experiment) -> float | None:
    """The accuracy of ``curve`` that may stand beside the report's."""
    epoch = preset.epochs_run or preset.experiment.epochs
    if len(curve.accuracy) < epoch or alike_until(curve.experiment, experiment) < epoch:
        return None
    if preset.reported is None or preset.reported.accuracy_train_mode is None:
        return curve.accuracy[epoch - 1]
    # Where the report gives the accuracy in training mode apart, its result is of the final test,
    # which sees the statistics of batch norm.
    same = curve.experiment.test_images_in_batch_norm == experiment.test_images_in_batch_norm
    return curve.final if same and len(curve.accuracy) == epoch else None
