"""How one hyperparameter varies in a sweep: a list of values, or a range.

===========================  ==============================================================
``16, 64, 256``              a list; of choices and truth values too: ``sgd, adam``
``16, 32; 32, 64``           a list of values that are several numbers each
``0.0001..0.1``              a range; ``0.0001 to 0.1`` is the same
``0.0001..0.1:log``          on a logarithmic scale; ``0.0001 to 0.1, log`` is the same
``0.0001..0.1:log:6``        six values of it, which a grid needs; ``..., log, 6 values``
===========================  ==============================================================

The command line, YAML and the form read these texts here. Values are checked by the declaration of
their hyperparameter. Knows neither torch nor Qt.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.spec.experiment import (
    HYPERPARAMETERS,
    ExperimentError,
    Hyperparameter,
    field_value,
    plain_value,
)

MOST_VALUES = 1_000
"""Values of one hyperparameter in a list, or of a range in a grid."""

DIGITS = 6
"""Significant digits of a value out of a range: enough for any result, and short to read."""


@dataclass(frozen=True)
class Values:
    """A list of values, each as the experiment holds it; ``separator`` divides them in a text."""

    values: tuple[Any, ...]
    separator: str = ","

    def __str__(self) -> str:
        return f"{self.separator} ".join(plain_value(value) for value in self.values)

    def ends(self) -> tuple[Any, ...]:
        """Return the values that the limits of other fields are tried with: of numbers the least
        and the greatest."""
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values):
            return (min(self.values), max(self.values))
        return self.values

    def all_values(self) -> tuple[Any, ...] | None:
        """Return every possible value; ``None`` where there are too many to list."""
        return self.values

    def grid(self) -> tuple[Any, ...]:
        """Return the values that a grid tries."""
        return self.values

    def draw(self, source: random.Random) -> Any:
        """Return one of the values by chance, each as likely."""
        return source.choice(self.values)


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``, both included. ``log``: evenly likely (and evenly
    spaced in a grid) on a logarithmic scale. ``count``: so many values of it in a grid, ``None``
    where that was not said. ``whole``: whole numbers only."""

    low: float
    high: float
    log: bool = False
    count: int | None = None
    whole: bool = False

    def __str__(self) -> str:
        parts = [f"{self.low}..{self.high}", "log" * self.log, str(self.count or "")]
        return ":".join(filter(None, parts))

    def ends(self) -> tuple[Any, ...]:
        """Return the values that the limits of other fields are tried with."""
        return (self.low, self.high)

    def all_values(self) -> tuple[Any, ...] | None:
        """Return every possible value; ``None`` where there are too many to list."""
        if self.whole and self.high - self.low < MOST_VALUES:
            return tuple(range(int(self.low), int(self.high) + 1))
        return None

    def grid(self) -> tuple[Any, ...]:
        """Return the values that a grid tries: ``count`` of them from ``low`` to ``high``, evenly
        spaced; of whole numbers each once. Raises ``ValueError`` where there is no count."""
        if self.count is None:
            raise ValueError("a range without a count has no grid")
        parts = (number / (self.count - 1) for number in range(self.count))
        return tuple(dict.fromkeys(self._at(part) for part in parts))

    def draw(self, source: random.Random) -> Any:
        """Return one value by chance."""
        if not self.whole:
            return self._at(source.random())
        if not self.log:
            return source.randint(int(self.low), int(self.high))
        # Half a number to either side, so that the ends are as likely as their neighbors.
        low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
        return self._within(round(math.exp(low + (high - low) * source.random())))

    def _at(self, part: float) -> Any:
        """The value at ``part`` of the way, from 0 to 1, in few digits."""
        if self.log:
            value = self.low * (self.high / self.low) ** part
        else:
            value = self.low + (self.high - self.low) * part
        return self._within(round(value) if self.whole else float(f"{value:.{DIGITS}g}"))

    def _within(self, value: Any) -> Any:
        kind = int if self.whole else float
        return kind(min(max(value, self.low), self.high))


Way = Values | Range


class WayError(WorkbenchError):
    """A text that is no way to vary a field; ``problems`` are all of its sentences."""

    def __init__(self, problems: Sequence[Message]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems[0])


def parse_way(name: str, text: str | Sequence[object]) -> Way:
    """Read how the field ``name`` varies: from a text as in the table above, or a list of values.

    Raises :class:`WayError` with a sentence for everything that is wrong with it.
    """
    parameter = HYPERPARAMETERS.get(name)
    if parameter is None:
        _refuse_unknown(name)
    assert parameter is not None
    if parameter.slip:
        raise WayError(
            [
                Message(
                    "{field}: only reproduces a slip of the report, and is not varied; set it "
                    "for all runs.",
                    field=name,
                )
            ]
        )
    if not isinstance(text, str):
        return _values(name, [str(plain_value(item)) for item in text])
    found = _RANGE.fullmatch(text.strip())
    if found is not None:
        return _range(parameter, found)
    return _values(name, text.split(_separator(name)))


def _separator(name: str) -> str:
    return ";" if HYPERPARAMETERS[name].kind == "numbers" else ","


def _refuse_unknown(name: str) -> None:
    try:
        field_value(name, "")
    except ExperimentError as error:
        raise WayError([error.message]) from None


_RANGE = re.compile(
    r"(?P<low>[^\s,:]+?)(?:\s*\.\.\s*|\s*~\s*|\s+to\s+)(?P<high>[^\s,:]+)(?P<more>(?:[\s,:].*)?)"
)


def _values(name: str, texts: Sequence[str]) -> Values:
    texts = [text.strip() for text in texts]
    if texts and not texts[-1]:
        texts = texts[:-1]  # "16, 64," is a list that is being typed
    problems: list[Message] = []
    values: list[Any] = []
    for text in texts:
        try:
            value = field_value(name, text) if text else None
        except ExperimentError as error:
            problems.append(error.message)
            continue
        if value is None:
            problems.append(Message("{field}: a value is missing between two commas.", field=name))
        elif value in values:
            problems.append(
                Message(
                    "{field}: {value} stands twice in the list.",
                    field=name,
                    value=plain_value(value),
                )
            )
        else:
            values.append(value)
    if not problems and len(values) < 2:
        problems.append(
            Message(
                "{field}: needs two values or more to vary, or a range ({examples}).",
                field=name,
                examples=examples(name),
            )
        )
    if len(values) > MOST_VALUES:
        problems.append(
            Message(
                "{field}: has {count} values, and at most {most} can be tried.",
                field=name,
                count=f"{len(values):,}",
                most=f"{MOST_VALUES:,}",
            )
        )
    if problems:
        raise WayError(problems)
    return Values(tuple(values), _separator(name))


def _range(parameter: Hyperparameter, found: re.Match[str]) -> Range:
    name = parameter.name
    if parameter.kind not in ("int", "float"):
        raise WayError(
            [
                Message(
                    "{field}: is not a number, so that it has no range; list its values "
                    "({examples}).",
                    field=name,
                    examples=examples(name),
                )
            ]
        )
    log, count, problems = _options(name, found["more"])
    ends: list[Any] = []
    for text in (found["low"], found["high"]):
        if log and not ends and _is_not_positive(text):
            problems.append(
                Message(
                    "{field}: a range on a logarithmic scale cannot begin at {low}; begin above "
                    "0, or leave log out.",
                    field=name,
                    low=shortened(text),
                )
            )
            continue
        try:
            ends.append(field_value(name, text))
        except ExperimentError as error:
            problems.append(error.message)
    if len(ends) == 2 and not ends[0] < ends[1]:
        low, high = map(plain_value, ends)
        if low == high:
            message = Message(
                "{field}: the range from {low} to {high} is empty.", **_of(name, ends)
            )
        else:
            message = Message(
                "{field}: the range from {low} to {high} is reversed; write {high}..{low}.",
                **_of(name, ends),
            )
        problems.append(message)
    if problems:
        raise WayError(problems)
    return Range(ends[0], ends[1], log, count, parameter.kind == "int")


def _of(name: str, ends: Sequence[Any]) -> dict[str, object]:
    return {"field": name, "low": plain_value(ends[0]), "high": plain_value(ends[1])}


def _is_not_positive(text: str) -> bool:
    try:
        return float(text) <= 0
    except ValueError:
        return False


def _options(name: str, text: str) -> tuple[bool, int | None, list[Message]]:
    """Return what follows a range: ``log`` or not, a number of values, and what is wrong."""
    log, count, problems = False, None, []
    for word in filter(None, re.split(r"[\s,:]+", text)):
        if word == "log":
            log = True
        elif word.isdecimal():
            count = int(word)
            if not 2 <= count <= MOST_VALUES:
                problems.append(
                    Message(
                        "{field}: the number of values of a range must be from 2 to {most} (it is "
                        "{count}).",
                        field=name,
                        count=shortened(word),
                        most=f"{MOST_VALUES:,}",
                    )
                )
        elif word not in ("linear", "values", "value"):
            problems.append(
                Message(
                    "{field}: {word} is not understood after a range; there may be log and a "
                    "number of values ({examples}).",
                    field=name,
                    word=shortened(word),
                    examples=examples(name),
                )
            )
    return log, count, problems


def examples(name: str) -> str:
    """Return how the field ``name`` can be written to vary: ``16, 64``."""
    parameter = HYPERPARAMETERS[name]
    if parameter.kind == "bool":
        return "true, false"
    if parameter.choices:
        return ", ".join(list(parameter.choices)[:2])
    if parameter.kind == "numbers":
        return f"{parameter.default}; 32, 64, 128"
    if parameter.kind == "int":
        return "16, 64 / 16..256:log:5" if name == "batch_size" else "2, 4 / 2..6"
    return _ON_LOG_SCALE.get(name, "0.1, 0.2 / 0.1..0.4:4")


_ON_LOG_SCALE = {
    "learning_rate": "0.01, 0.1 / 0.001..0.1:log:3",
    "weight_decay": "0.0001, 0.001 / 0.0001..0.01:log:3",
}
"""Examples of numbers that are sought over powers of ten; the others go from 0 to about 1."""
