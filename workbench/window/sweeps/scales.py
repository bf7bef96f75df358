"""Where a value of a hyperparameter, or an accuracy, lies on an axis from 0 to 1. No Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.spec.sweep import Sweep
from workbench.spec.ways import Range

MOST_TICKS = 6


@dataclass(frozen=True)
class Scale:
    """An axis: ``name`` of the field, empty for the accuracy; ``values`` where each has a place of
    its own, in order, else the numbers from ``low`` to ``high``, ``log`` where their logarithm is
    even."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    values: tuple[Any, ...] = ()

    def position(self, value: Any) -> float | None:
        """Return where ``value`` lies; ``None`` where it has no place."""
        if self.values:
            if value not in self.values:
                return None
            return (self.values.index(value) + 0.5) / len(self.values)
        if value is None or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        if self.high == self.low:
            return 0.5
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, position: float) -> float:
        """Return the number at ``position``; of values with places of their own, the index."""
        if self.values:
            return position * len(self.values) - 0.5
        if self.log:
            return float(self.low * (self.high / self.low) ** position)
        return self.low + (self.high - self.low) * position

    def ticks(self) -> list[tuple[float, Any]]:
        """Return some positions and their values."""
        if self.values:
            step = max(1, math.ceil(len(self.values) / MOST_TICKS))
            return [(self.position(v) or 0.0, v) for v in self.values[::step]]
        if self.log:
            first = math.ceil(math.log10(self.low) - 1e-9)
            last = math.floor(math.log10(self.high) + 1e-9)
            decades = [10.0**k for k in range(first, last + 1)]
            if len(decades) >= 2:
                step = max(1, math.ceil(len(decades) / MOST_TICKS))
                return [(self.position(v) or 0.0, v) for v in decades[::step]]
            return [(0.0, self.low), (1.0, self.high)]
        return [(self.position(v) or 0.0, v) for v in _even(self.low, self.high)]


def _even(low: float, high: float) -> list[float]:
    """Round numbers within the two."""
    if high == low:
        return [low]
    rough = (high - low) / (MOST_TICKS - 1)
    decade = 10.0 ** math.floor(math.log10(rough))
    step = next(decade * f for f in (1, 2, 5, 10) if decade * f >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]


def scale_of(sweep: Sweep, name: str) -> Scale:
    """Return the axis of a varied field. A list of numbers that are far apart is even in its
    logarithm."""
    way = sweep.vary[name]
    if isinstance(way, Range):
        return Scale(name, float(way.low), float(way.high), way.log)
    numbers = [v for v in way.values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(way.values):
        return Scale(name, values=way.values)
    low, high = float(min(numbers)), float(max(numbers))
    return Scale(name, low, high, low > 0 and high / low >= 8)


def accuracy_scale(accuracies: Sequence[float]) -> Scale:
    """Return an axis in percent with a little room around ``accuracies``."""
    if not accuracies:
        return Scale("", 0.0, 100.0)
    low, high = min(accuracies), max(accuracies)
    room = max(0.05 * (high - low), 0.25)
    return Scale("", max(0.0, low - room), min(100.0, high + room))
