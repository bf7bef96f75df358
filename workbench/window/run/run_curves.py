"""What the live plots draw of one run, and how much of it there is. Free of Qt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.engine.run_state import EpochFigures
from workbench.spec.expected import Expected
from workbench.spec.presets import Reported
from workbench.window.plots import curves


class RunCurves:
    """The points of one run, and what they are compared with.

    Args:
        smoothing: the weight of the average so far in each smoothed loss, 0 to below 1.

    ``loss`` has the raw and the smoothed loss of every step. After each of the epochs ``done``
    there is an accuracy in percent on the test set, and on the validation split where there is one;
    ``rates`` are the learning rates used, ``planned`` those to come. ``final`` is the accuracy of
    the final test, ``mode`` that of the tests after the epochs. ``figures``: all figures of those
    epochs of which they are known.
    """

    def __init__(self, smoothing: float) -> None:
        self.loss = curves.LossCurve(smoothing)
        self.begin(1, 3, (), None, False, "eval")
        self.started = False

    def begin(
        self,
        steps_per_epoch: int,
        epochs: int,
        planned: Sequence[float],
        reported: Reported | None,
        sample: bool,
        mode: str,
    ) -> None:
        """Forget all points: another run begins."""
        self.started = True
        self.steps_per_epoch, self.epochs = max(steps_per_epoch, 1), max(epochs, 1)
        self.planned: NDArray[np.float64] = np.array(planned, float)
        self.reported = None if sample else reported
        self.sample, self.mode = sample, mode
        self.loss.clear()
        self.done: list[int] = []
        self.accuracies: list[float] = []
        self.validation: list[float] = []
        self.rates: list[float] = []
        self.figures: list[EpochFigures] = []
        self.final: float | None = None
        self.expected: Expected | None = None

    def add_epoch(
        self,
        epoch: int,
        accuracy: float,
        learning_rate: float,
        validation: float | None,
        figures: EpochFigures | None = None,
    ) -> None:
        """Add the figures of an epoch; ``validation`` in all epochs of a run or in none."""
        self.done.append(epoch)
        self.accuracies.append(float(accuracy))
        self.rates.append(float(learning_rate))
        if validation is not None:
            self.validation.append(float(validation))
        if figures is not None:
            self.figures.append(figures)

    def of_epochs(
        self, figure: Callable[[EpochFigures], float | None]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the epochs and values of a figure, but for those where it is not known or not
        finite."""
        found = [(float(one.epoch), figure(one)) for one in self.figures]
        known = [(epoch, value) for epoch, value in found if value is not None]
        pairs = np.array([pair for pair in known if math.isfinite(pair[1])]).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    @property
    def position(self) -> float:
        """The epoch position that the run has come to."""
        steps = len(self.loss) / self.steps_per_epoch
        return max(steps, float(self.done[-1]) if self.done else 0.0)

    @property
    def best(self) -> int | None:
        """Index of the best epoch: by the validation split where there is one."""
        return curves.best(self.validation or self.accuracies)
