"""Which runs of a sweep are ended before their last epoch, by Optuna's median and Hyperband.

Every run is a trial of a study of its own, which is told the accuracy on the validation split after
each epoch. A pruner that begins in the middle of a sweep is told the epochs that were, in the order
of the runs, and comes to the same state.

Sources: Golovin et al., "Google Vizier", 2017 (median); Li et al., "Hyperband", 2018.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from workbench.analysis.sweep_runs import PRUNED
from workbench.messages import Message
from workbench.spec.sweep import Sweep

REDUCTION = 3
"""Hyperband keeps one run of so many at each of its rungs."""

FIRST_RUNS = 4
"""Runs that are trained to the end before the median ends any."""


def pruned_reason(sweep: Sweep, epoch: int) -> Message:
    """Return why a run was ended, as its record keeps it."""
    return Message(PRUNED[sweep.prune], epoch=epoch)


class Pruner:
    """The pruner of one sweep. Not for a sweep that prunes nothing."""

    def __init__(self, sweep: Sweep, id: str) -> None:
        """``id``: of the sweep; Hyperband deals the runs out by it."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        epochs = max(sweep.possible("epochs"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            pruner: Any = (
                optuna.pruners.MedianPruner(n_startup_trials=FIRST_RUNS)
                if sweep.prune == "median"
                else optuna.pruners.HyperbandPruner(
                    min_resource=1, max_resource=epochs, reduction_factor=REDUCTION
                )
            )
        self._study = optuna.create_study(
            study_name=id,
            storage=optuna.storages.InMemoryStorage(),
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=pruner,
            direction="maximize",
        )
        self._trials: list[Any] = []
        self._epochs: list[int] = []
        self._told: set[int] = set()

    def knows(self, number: int) -> bool:
        """True where the run ``number`` has ended and was taken in."""
        return number in self._told

    def add(self, number: int, curve: Mapping[int, float], ended: bool = False) -> bool:
        """Take in what is known of the run ``number`` of the sweep, and return True where it is to
        be ended now.

        Args:
            number: ``point * seeds + place of the seed``.
            curve: validation accuracy in percent by epoch, from 1 on.
            ended: it is not trained on.
        """
        from optuna.trial import TrialState

        while len(self._trials) <= number:
            self._trials.append(self._study.ask())
            self._epochs.append(0)
        if number in self._told:
            return False
        trial, wrong = self._trials[number], False
        for epoch in sorted(curve):
            if epoch > self._epochs[number]:
                trial.report(curve[epoch], epoch)
                wrong = trial.should_prune()  # Hyperband keeps count of its rungs by being asked
                self._epochs[number] = epoch
        if ended:
            self._told.add(number)
            state = TrialState.COMPLETE if curve else TrialState.FAIL
            value = curve[max(curve)] if curve else None
            self._study.tell(trial, value, state)
            return False
        return wrong
