"""The learning rate of every epoch, planned and used."""

from __future__ import annotations

import numpy as np

from workbench.spec.experiment import Experiment
from workbench.spec.schedulers import SCHEDULERS
from workbench.window.kit import theme
from workbench.window.kit.translation import tr
from workbench.window.plots import curves
from workbench.window.plots.plot_legend import Entry
from workbench.window.run.run_curves import RunCurves
from workbench.window.run.run_plot import RunPlot

MOST_RATES = 2_000
"""Learning rates that are drawn of a run whose rate changes from step to step."""


def planned_rates(experiment: Experiment, epochs: int, steps: int) -> list[float]:
    """The learning rate of each of ``epochs`` epochs of ``steps`` steps; where it changes from step
    to step, several of each epoch."""
    varies = SCHEDULERS[experiment.scheduler].rate_of_step is not None
    parts = max(1, min(steps, MOST_RATES // epochs)) if varies else 1
    return [
        rate for epoch in range(1, epochs + 1) for rate in experiment.learning_rates(epoch, parts)
    ]


class RatePlot(RunPlot):
    """Steps of the rate, on a logarithmic axis where it changes from epoch to epoch."""

    stretch = 4

    def __init__(self, points: RunCurves, left: int) -> None:
        super().__init__("learningRatePlot", points, left, numbers_below=True)
        # It is low: the usual ticks would stand in each other's way.
        self.axis.setStyle(maxTickLevel=0, maxTextLevel=0)
        self.drawn_to = 0.0
        """The epoch position that was drawn last."""
        self.planned = self.curve(antialias=True)
        self.used = self.curve(antialias=True)

    def name(self) -> str:
        return tr("Learning rate")

    def name_curves(self) -> None:
        self.name_curve(self.used, tr("Learning rate"), "highest")

    def _has_rates(self) -> bool:
        return bool(len(self.points.planned) or self.points.rates)

    def empty_words(self) -> str:
        return "" if self._has_rates() else tr("The learning rate of each epoch appears here.")

    def entries(self, c: theme.Colors) -> list[Entry]:
        if not self._has_rates():
            return []
        return [
            Entry(tr("planned"), c.raw, 1, key="planned"),
            Entry(tr("used"), c.measured, 2, key="used"),
        ]

    def draw(self) -> None:
        points = self.points
        # Several for each epoch where the rate changes from step to step.
        parts = max(1, len(points.planned) // points.epochs)
        rates = points.planned
        if parts == 1:
            rates = np.append(points.rates, points.planned[len(points.rates) :])
        self.drawn_to = points.position
        usable = rates[rates > 0.0]
        log = parts == 1 and bool(len(usable)) and bool(usable.min() < usable.max())
        self.axis.logarithmic = log
        for curve, end, key in (
            (self.planned, len(rates) / parts, "planned"),
            (self.used, points.position, "used"),
        ):
            curve.setVisible(self.legend.shows(key))
            x, y = curves.rate_line(rates, end * parts)
            if log:
                with np.errstate(divide="ignore", invalid="ignore"):
                    y = np.log10(y)
            curve.setData(x / parts, y, connect="finite")
        if log:
            low, high = np.log10(usable.min()), np.log10(usable.max())
            pad = max(0.2 * (high - low), 0.3)  # the number at the highest rate needs room
            self.fit_values(low - pad, high + pad)
        else:
            room = 2.0 if parts == 1 else 1.25
            self.fit_values(0.0, room * (usable.max() if len(usable) else 0.5))

    def recolor(self, c: theme.Colors) -> None:
        self.planned.setPen(self.pen(c.raw, 1))
        self.used.setPen(self.pen(c.measured, 2))
