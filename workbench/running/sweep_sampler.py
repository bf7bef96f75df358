"""The next point of an adaptive sweep, by Optuna's TPE.

Nothing is kept between two calls: the study is built again from the runs each time, and the sampler
is seeded by sweep and trial, so that a sweep that was interrupted proposes what it would have.

Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011; Optuna's ask and tell.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.spec.sweep import Sweep, has_effect, leaders_first
from workbench.spec.ways import DIGITS, Range, Way

WORST = 0.0
"""What a run that diverged tells the sampler, in percent: NaN would teach it nothing."""


@dataclass(frozen=True)
class Trial:
    """A point that was proposed before: its ``number`` and ``values``; ``score`` in percent,
    ``None`` while it is trained; ``curve``: accuracy by epoch, in percent, of one that was ended
    early."""

    number: int
    values: dict[str, Any]
    score: float | None = None
    curve: dict[int, float] = field(default_factory=dict)

    @property
    def is_pruned(self) -> bool:
        return self.score is None and bool(self.curve)


def propose(sweep: Sweep, number: int, trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the values of the trial ``number``, by what is known of those before it.

    Trials that came later do not count: one whose run was deleted is proposed as it was.
    """
    import optuna  # 0.2 s, which only an adaptive sweep pays; its database is never imported
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = {name: _space(way) for name, way in sweep.vary.items()}
    seed = random.Random(f"{sweep.seed}/{number}").getrandbits(32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=startup(sweep),
            # Points that are being trained count as bad ones: two workers do not try the same.
            constant_liar=True,
        )
        study = optuna.create_study(
            storage=optuna.storages.InMemoryStorage(), sampler=sampler, direction="maximize"
        )
    before = {trial.number: trial for trial in trials if trial.number < number}
    for each in range(number):
        trial = before.get(each)
        if trial is None:
            study.add_trial(create_trial(state=TrialState.FAIL))
            continue
        state = TrialState.COMPLETE
        if trial.score is None:
            state = TrialState.PRUNED if trial.curve else TrialState.RUNNING
        study.add_trial(
            create_trial(
                state=state,
                value=trial.score,
                params=trial.values,
                distributions={name: spaces[name] for name in trial.values},
                intermediate_values=trial.curve if trial.score is None else {},
            )
        )
    asked = study.ask()
    chosen: dict[str, Any] = {}
    for name in leaders_first(sweep.vary):
        if has_effect(sweep, name, chosen):
            chosen[name] = _suggested(asked, name, sweep.vary[name])
    return chosen


def startup(sweep: Sweep) -> int:
    """Return how many points are random before the first that is proposed by their results."""
    return max(4, min(10, (sweep.trials or 0) // 3))


def _space(way: Way) -> Any:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(way, Range):
        return CategoricalDistribution(way.values)
    if way.whole:
        return IntDistribution(int(way.low), int(way.high), log=way.log)
    return FloatDistribution(way.low, way.high, log=way.log)


def _suggested(trial: Any, name: str, way: Way) -> Any:
    if not isinstance(way, Range):
        return trial.suggest_categorical(name, way.values)
    if way.whole:
        return trial.suggest_int(name, int(way.low), int(way.high), log=way.log)
    value = float(f"{trial.suggest_float(name, way.low, way.high, log=way.log):.{DIGITS}g}")
    return min(max(value, way.low), way.high)
