"""The arithmetic behind the curves and the run's header: no Qt, so that it is tested without.

Losses are counted from 0 as they arrive; step ``i`` (from 0) of a run with ``n`` steps an epoch
stands at epoch position ``(i + 1) / n``, so that the last step of epoch 1 stands at 1.0, where the
test after epoch 1 stands too.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.analysis.smoothing import Smoother as Smoother
from workbench.engine.run_state import EpochFigures

Floats = NDArray[np.float32]

CHUNK = 64
"""Values that share one minimum and one maximum in a :class:`Series`. A power of two."""


# --- long series -----------------------------------------------------------------------


class Series:
    """A growing float32 series that can be drawn at any zoom in a few thousand points.

    Minimum and maximum of every :data:`CHUNK` values are kept, so that a look at a million
    values reads the 16,000 pairs and not the million. NaN and infinity are kept as they are, and
    drawn as gaps.
    """

    def __init__(self) -> None:
        self._values = np.empty(16 * CHUNK, np.float32)
        self._low = np.empty(16, np.float32)
        self._high = np.empty(16, np.float32)
        self._hole = np.empty(16, np.bool_)
        self._length = 0
        self.gaps = 0
        """How many values are NaN or infinite."""

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> Floats:
        """Everything so far, as it was given. A view: not to be changed or kept."""
        return self._values[: self._length]

    def extend(self, values: Floats) -> None:
        start, self._length = self._length, self._length + len(values)
        if self._length > len(self._values):
            size = max(self._length, 2 * len(self._values))
            size = -(-size // CHUNK) * CHUNK
            self._values = _grown(self._values, start, size)
            for name in ("_low", "_high", "_hole"):
                setattr(self, name, _grown(getattr(self, name), start // CHUNK, size // CHUNK))
        self._values[start : self._length] = values
        self.gaps += len(values) - int(np.count_nonzero(np.isfinite(values)))
        first, last = start // CHUNK, self._length // CHUNK
        if last > first:
            block = self._finite(first * CHUNK, last * CHUNK).reshape(-1, CHUNK)
            self._low[first:last] = np.fmin.reduce(block, axis=1)
            self._high[first:last] = np.fmax.reduce(block, axis=1)
            self._hole[first:last] = np.isnan(block).any(axis=1) if self.gaps else False

    def _finite(self, start: int, stop: int) -> Floats:
        """Values with NaN for whatever is not finite."""
        part = self._values[start:stop]
        return np.where(np.isfinite(part), part, np.float32(np.nan)) if self.gaps else part

    def envelope(self, start: int, stop: int, columns: int) -> tuple[NDArray[np.float64], Floats]:
        """Indices and values to draw for ``start:stop``, at most about ``3 * columns`` of them.

        Where there are more values than columns, each column gives its minimum and its maximum
        (no spike is lost) and a NaN, which breaks the line, where one of its values is not
        finite. Columns begin at multiples of their width, so that they stay when points arrive.
        """
        start, stop = max(start, 0), min(stop, self._length)
        if stop <= start:
            return np.empty(0), np.empty(0, np.float32)
        width = 1
        while width * columns < stop - start:
            width *= 2
        if width <= 2:
            return np.arange(start, stop, dtype=np.float64), self._finite(start, stop)
        begin, end = start // width * width, min(-(-stop // width) * width, self._length)
        low, high, hole = self._columns(begin, end, width)
        points = np.empty((len(low), 3), np.float32)
        points[:, 0], points[:, 1] = low, high
        points[:, 2] = np.where(hole, np.float32(np.nan), high)
        centers = begin + (np.arange(len(low)) + 0.5) * width - 0.5
        # The last column may be only begun: nothing is drawn ahead of the last value.
        return np.repeat(np.minimum(centers, end - 1), 3), points.ravel()

    def _columns(self, begin: int, end: int, width: int) -> tuple[Floats, Floats, NDArray]:
        if width >= CHUNK:
            whole = end // CHUNK
            tail = self._finite(whole * CHUNK, end)
            chunks = slice(begin // CHUNK, whole)
            low, high, hole = self._low[chunks], self._high[chunks], self._hole[chunks]
            if tail.size:
                low = np.append(low, np.fmin.reduce(tail))
                high = np.append(high, np.fmax.reduce(tail))
                hole = np.append(hole, np.isnan(tail).any())
            width //= CHUNK
        else:
            low = high = self._finite(begin, end)
            hole = np.isnan(low)
        missing = -len(low) % width
        if missing:
            fill = np.full(missing, np.nan, np.float32)
            low, high = np.append(low, fill), np.append(high, fill)
            hole = np.append(hole, np.zeros(missing, np.bool_))
        return (
            np.fmin.reduce(low.reshape(-1, width), axis=1),
            np.fmax.reduce(high.reshape(-1, width), axis=1),
            np.logical_or.reduce(hole.reshape(-1, width), axis=1),
        )

    def outside(self, start: int, stop: int, low: float, high: float) -> tuple[int, int]:
        """Return how many of the values ``start:stop`` lie below ``low`` and above ``high``."""
        part = self._finite(max(start, 0), min(stop, self._length))
        return int(np.count_nonzero(part < low)), int(np.count_nonzero(part > high))


def _grown(array: NDArray, used: int, size: int) -> NDArray:
    new = np.empty(size, array.dtype)
    new[:used] = array[:used]
    return new


class LossCurve:
    """The loss of every step, raw and smoothed, both to be drawn at any zoom."""

    def __init__(self, smoothing: float) -> None:
        self._smoothing = smoothing
        self.clear()

    def clear(self) -> None:
        self.raw, self.smoothed = Series(), Series()
        self.first_gap: int | None = None
        """Index of the first loss that is not finite."""
        self._smoother = Smoother(self._smoothing)

    def __len__(self) -> int:
        return len(self.raw)

    def extend(self, losses: ArrayLike) -> None:
        values = np.asarray(losses, np.float32)
        if self.first_gap is None and not np.isfinite(values).all():
            self.first_gap = len(self) + int(np.argmin(np.isfinite(values)))
        self.raw.extend(values)
        self.smoothed.extend(self._smoother.extend(values))

    def smooth(self, smoothing: float) -> None:
        """Smooth everything again; ``smoothing`` in [0, 1)."""
        self._smoothing = smoothing
        self._smoother = Smoother(smoothing)
        self.smoothed = Series()
        self.smoothed.extend(self._smoother.extend(self.raw.values))


# --- axes ------------------------------------------------------------------------------


def horizon(position: float, epochs: int) -> float:
    """Return where the epoch axis of a growing run ends: the first of 5, 10, 20, 50, ... that is
    not before ``position``, and no more than the run's ``epochs``. The axis so moves a few times in
    a run and not all the time."""
    power = 10.0 ** max(math.floor(math.log10(max(position, 1.0))), 0)
    end = next(f * power for f in (1.0, 2.0, 5.0, 10.0) if f * power >= max(position, 5.0) or f > 5)
    return max(min(end, float(epochs)), position, 1.0)


def loss_range(values: NDArray, log: bool) -> tuple[float, float]:
    """Lower and upper end of an axis that shows all of ``values`` (log10 of them if ``log``);
    from 0 where the smallest is near to it. NaN counts for nothing."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return (-2.0, 1.0) if log else (0.0, 3.0)
    low, high = float(finite.min()), float(finite.max())
    pad = 0.05 * (high - low) or (0.1 if log else 0.1 * abs(high) or 1.0)
    if not log and 0.0 <= low < 0.5 * high:
        return 0.0, high + pad
    return low - pad, high + pad


def accuracy_range(values: Sequence[float]) -> tuple[float, float]:
    """Ends of the accuracy axis, in percent, at multiples of 5 around ``values`` and at most 100,
    with room above for the words that stand over a line."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 100.0
    low = max(math.floor((min(finite) - 3.0) / 5.0) * 5.0, 0.0)
    high = max(math.ceil((max(finite) + 1.0) / 5.0) * 5.0, low + 10.0)
    while high - max(finite) < 0.15 * (high - low):
        high += 5.0
    if high > 100.0:
        # A line at 100% is seen in its whole width.
        return min(low, 90.0), 100.5 if max(finite) > 99.5 else 100.0
    return low, high


def lonely(values: NDArray) -> NDArray[np.bool_]:
    """Return which of ``values``, (n,), are finite without a finite neighbor: a line does not show
    them."""
    finite = np.isfinite(values)
    before = np.concatenate([[False], finite[:-1]])
    after = np.concatenate([finite[1:], [False]])
    lone: NDArray[np.bool_] = finite & ~before & ~after
    return lone


def log_ticks(low: float, high: float) -> tuple[list[float], list[float]]:
    """Ticks of a log10 axis from ``low`` to ``high`` (both log10): those with a number (1, 2, 5
    or decades) and those without, as log10."""
    decades = high - low
    if not 0.0 < decades < 60.0:
        return [], []
    powers = range(math.floor(low), math.ceil(high) + 1)
    every = [(d, p) for p in powers for d in range(1, 10) if low <= math.log10(d) + p <= high]
    for digits in ((1,), (1, 2, 5), tuple(range(1, 10))):
        named = [(d, p) for d, p in every if d in digits]
        if len(named) >= 3 or (len(named) == 2 and decades > 0.9):
            if len(named) > 7:  # very many decades
                named = [(d, p) for d, p in named if p % (len(named) // 5) == 0]
            plain = [item for item in every if item not in named] if decades < 8 else []
            return [math.log10(d) + p for d, p in named], [math.log10(d) + p for d, p in plain]
    return [math.log10(value) for value in _round_ticks(10.0**low, 10.0**high)], []


def stands_below(value: float, near: Sequence[float], lines: Sequence[float]) -> bool:
    """Return whether words at a mark at ``value``, in percent, stand below it: where the end of the
    axis or one of ``lines`` lies above it, or else more of ``near``, the values of a curve that
    ends there."""
    if value > 90.0 or any(line >= value for line in lines):
        return True
    above = sum(one > value for one in near if math.isfinite(one))
    below = sum(one <= value for one in near if math.isfinite(one))
    return above > below


def apart(values: Sequence[float], distance: float) -> list[float]:
    """Return those of ``values``, ascending, that lie ``distance`` or more above the one before
    that is kept: their numbers do not lie over each other."""
    kept: list[float] = []
    for value in values:
        if not kept or value - kept[-1] >= distance:
            kept.append(value)
    return kept


def _round_ticks(low: float, high: float) -> list[float]:
    step = 10.0 ** math.floor(math.log10(high - low))
    step *= next(f for f in (0.2, 0.5, 1.0) if (high - low) / (step * f) <= 6 or f == 1.0)
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1) if i > 0]


def number(value: float, digits: int = 6) -> str:
    """A figure in few characters: ``0.0001``, ``0.00001``, ``2.5``, ``1e+06``."""
    text = f"{value:.{digits}g}"
    if "e-" in text and abs(value) >= 1e-5:
        return f"{value:.10f}".rstrip("0")
    return text


def rate_line(rates: ArrayLike, end: float) -> tuple[NDArray, NDArray]:
    """Corners of the learning rate against epoch up to position ``end``: ``rates[e]`` holds from
    ``e`` to ``e + 1``. Epochs of one rate make one piece, however many they are."""
    held = np.asarray(rates, float)[: max(math.ceil(end), 0)]
    first = np.flatnonzero(np.diff(held, prepend=np.nan))  # each piece's first epoch; NaN is not 0
    x = np.append(np.repeat(first.astype(float), 2)[1:], [min(end, len(held))] * bool(len(held)))
    return x, np.repeat(held[first], 2)


# --- figures ---------------------------------------------------------------------------


def best(accuracies: Sequence[float]) -> int | None:
    """Index of the highest accuracy, the first of equals; ``None`` where there is none."""
    finite = [i for i, value in enumerate(accuracies) if math.isfinite(value)]
    return max(finite, key=lambda i: (accuracies[i], -i), default=None)


def nearest(positions: Sequence[float], position: float) -> int | None:
    """Index of the entry of ``positions`` that is nearest to ``position``."""
    return min(range(len(positions)), key=lambda i: abs(positions[i] - position), default=None)


@dataclass(frozen=True)
class Moment:
    """Where in a run a position lies. ``epoch`` and ``step`` count from 1, ``index`` from 0."""

    epoch: int
    step: int
    index: int


def moment(position: float, steps_per_epoch: int, length: int) -> Moment | None:
    """The step nearest to an epoch position, of ``length`` steps; ``None`` beyond them."""
    index = round(position * steps_per_epoch) - 1
    if length == 0 or not -1 <= index <= length:
        return None
    index = min(max(index, 0), length - 1)
    return Moment(index // steps_per_epoch + 1, index % steps_per_epoch + 1, index)


# --- CSV -------------------------------------------------------------------------------


def epochs_csv(
    epochs: Sequence[int],
    accuracies: Sequence[float],
    rates: Sequence[float],
    losses: Floats,
    steps_per_epoch: int,
    mode: str,
    sample: bool,
    validation: Sequence[float] = (),
    figures: Sequence[EpochFigures] = (),
) -> str:
    """One row for each epoch; ``mean_loss`` is the mean over the epoch's steps, empty where they
    are not known. ``validation``: accuracies on the validation split, where there is one, for a
    column of their own. ``figures``: those of each epoch of which they are known; training accuracy
    and losses of the tests then have columns."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    head = ["epoch", "test_accuracy_percent", "test_mode", "learning_rate", "mean_loss", "sample"]
    known = {one.epoch: one for one in figures}
    more = ["training_accuracy_percent", "test_loss", "validation_loss"] if known else []
    table.writerow([*head, *(["validation_accuracy_percent"] if validation else []), *more])
    for at, (epoch, accuracy, rate) in enumerate(zip(epochs, accuracies, rates, strict=True)):
        part = losses[(epoch - 1) * steps_per_epoch : epoch * steps_per_epoch]
        mean = float(part.mean(dtype=np.float64)) if len(part) else ""
        row = [epoch, accuracy, mode, rate, mean, "yes" if sample else "no"]
        one = known.get(epoch)
        others: list[object] = [""] * len(more)
        if one is not None:
            held_out = one.validation.loss if one.validation else ""
            trained = one.training_accuracy
            others = ["" if trained is None else trained, one.test.loss, held_out]
        table.writerow([*row, *validation[at : at + 1], *others])
    return text.getvalue()


def losses_csv(losses: Floats, steps_per_epoch: int, sample: bool) -> Iterator[str]:
    """Block of a table with one row for each step: ``step`` counts from the start of the run,
    ``step_of_epoch`` within its epoch. Blocks are small, so that a thread that writes them lets
    the window work between two."""
    end = ",yes\n" if sample else ",no\n"
    yield "step,epoch,step_of_epoch,loss,sample\n"
    for start in range(0, len(losses), 2000):
        # str() of a float32 gives the fewest digits that read back as the same number.
        yield "".join(
            f"{i + 1},{i // steps_per_epoch + 1},{i % steps_per_epoch + 1},{value!s}{end}"
            for i, value in enumerate(losses[start : start + 2000], start)
        )
