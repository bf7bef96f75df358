"""The language in which runs are searched: words and conditions, all of which must hold.

========================  =================================================================
``adam sample``           words that stand in the name, preset, tags, notes, data or status
``"two words"``           words in this order; also for a word that looks like a condition
``learning_rate<0.001``   ``< <= > >= = !=`` on a hyperparameter or a figure of the run
``optimizer=adam``        a choice
``created>=2026-11-01``   a date
``tag:lesson``            the beginning of a text: ``tag``, ``status``, ``preset``, ``data``,
                          ``name``, ``device``; with ``=`` the whole of it
``starred``               runs with a star
``lr<0.001 wd=0``         short names; :data:`SHORT` has them all
========================  =================================================================

A run that lacks the value (the momentum of Adam, the accuracy of a run without a test) meets no
condition on it. Knows neither torch nor Qt.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any

from workbench.library.run_folder import RunRecord
from workbench.messages import WorkbenchError
from workbench.spec.experiment import HYPERPARAMETERS, Hyperparameter, channel_numbers

_Condition = Callable[[RunRecord, str], bool]
_Compare = Callable[[Any, Any], bool]

STATUSES = ("running", "finished", "stopped", "failed", "interrupted")

FIGURES = (
    *("accuracy", "best_accuracy", "best_validation_accuracy", "training_accuracy"),
    *("epochs_done", "best_epoch", "seconds", "steps_per_epoch"),
)
"""What conditions can ask of a run's measured numbers, by their names in ``RunRecord``."""

_TEXTS: dict[str, Callable[[RunRecord], Iterable[str]]] = {
    "tag": lambda run: run.tags,
    "status": lambda run: (run.status,),
    "preset": lambda run: (run.preset or "",),
    "data": lambda run: (str(run.data.get("name", "")), str(run.data.get("kind", ""))),
    "name": lambda run: (run.label, run.name),
    "device": lambda run: (run.device, str(run.environment.get("device_name", ""))),
}

FIELDS = (*HYPERPARAMETERS, *FIGURES, *_TEXTS, "created")
"""Every name that can stand on the left of a condition."""

SHORT = {
    **{"lr": "learning_rate", "bs": "batch_size", "batch": "batch_size", "wd": "weight_decay"},
    **{"mom": "momentum", "opt": "optimizer", "act": "activation", "drop": "dropout"},
    **{"bn": "batch_norm", "batchnorm": "batch_norm", "norm": "normalization"},
    **{"sched": "scheduler", "epoch": "epochs", "patience": "early_stopping"},
    **{"val": "validation_share", "validation": "validation_share", "es": "early_stopping"},
    **{"acc": "accuracy", "best": "best_accuracy", "val_acc": "best_validation_accuracy"},
    **{"train_acc": "training_accuracy"},
    **{"done": "epochs_done", "time": "seconds", "date": "created", "tags": "tag"},
    **{"dataset": "data"},
}
"""Short names for some of them."""

_TOKEN = re.compile(
    r"""
    "(?P<quoted>[^"]*)"?                                        # a text, also not closed yet
    | (?P<field>[^\s"<>=!:]+) \s* (?P<operator><=|>=|!=|==|<|>|=) \s* (?P<value>"[^"]*"?|[^\s"]*)
    | (?P<key>[A-Za-z_]+) : (?P<text>"[^"]*"?|[^\s"]*)
    | (?P<word>[^\s"]+)
    """,
    re.VERBOSE,
)


class RunFilter:
    """A search that was understood. :func:`parse_filter` makes it."""

    def __init__(self, conditions: list[_Condition]) -> None:
        self._conditions = conditions

    @property
    def finds_all(self) -> bool:
        """Return whether there is no condition at all."""
        return not self._conditions

    def matches(self, run: RunRecord, text: str) -> bool:
        """Return whether ``run`` meets every condition; ``text`` is what words are looked for in,
        as :func:`searched_text` gives it."""
        for condition in self._conditions:  # noqa: SIM110 (twice as quick as all(...))
            if not condition(run, text):
                return False
        return True


def searched_text(run: RunRecord, *more: str) -> str:
    """Return what words are looked for in, in lower case: the run's own texts, and ``more``."""
    parts = (
        run.name,
        run.preset or "",
        run.title,
        str(run.data.get("name", "")),
        run.status,
        *run.tags,
        run.notes,
        *more,
    )
    return "\n".join(parts).casefold()


def parse_filter(text: str) -> RunFilter:
    """Read ``text``. Raises :class:`WorkbenchError` with one sentence on what is wrong."""
    return RunFilter([_condition(match) for match in _TOKEN.finditer(text)])


def _condition(match: re.Match[str]) -> _Condition:
    found = match.groupdict()
    if found["field"] is not None:
        return _comparison(found["field"], found["operator"], found["value"].strip('"'))
    if found["key"] is not None:
        return _beginning(found["key"], found["text"].strip('"'))
    if found["word"] == "starred":
        return lambda run, text: run.starred
    word = (found["word"] if found["quoted"] is None else found["quoted"]).casefold()
    return lambda run, text: word in text


def _beginning(key: str, value: str) -> _Condition:
    field = _known(key)
    if field not in _TEXTS:
        return _comparison(key, "=", value)
    if not value:
        raise WorkbenchError("{field}: give a value, as in {example}.", **_example(field))
    start, texts = value.casefold(), _TEXTS[field]
    if field == "status" and not any(status.startswith(start) for status in STATUSES):
        raise _no_choice(field, STATUSES, value)
    return lambda run, text: any(each.casefold().startswith(start) for each in texts(run))


def _comparison(name: str, sign: str, value: str) -> _Condition:
    field = _known(name)
    if not value:
        raise WorkbenchError("{field}: give a value, as in {example}.", **_example(field))
    compare = _COMPARISONS[sign]
    if field == "created":
        return _date(compare, value)
    if field in _TEXTS:
        return _whole_text(field, sign, value)
    hyperparameter = HYPERPARAMETERS.get(field)
    if hyperparameter is None:
        return _numeric(attrgetter(field), compare, _number(field, value))
    wanted = _value(hyperparameter, sign, value)
    if isinstance(wanted, float):
        return _numeric(lambda run: run.experiment.get(field), compare, wanted)
    return lambda run, text: field in run.experiment and compare(run.experiment[field], wanted)


def _known(name: str) -> str:
    field = name.casefold()
    field = SHORT.get(field, field)
    if field in FIELDS:
        return field
    near = difflib.get_close_matches(field, FIELDS, n=1)
    if near:
        raise WorkbenchError(
            "{field}: runs have no such field; did you mean {near}?", field=name, near=near[0]
        )
    raise WorkbenchError(
        "{field}: runs have no such field; put quotes around it to search for it as text.",
        field=name,
    )


def _value(hyperparameter: Hyperparameter, sign: str, value: str) -> Any:
    """The value on the right as the experiment keeps it; numbers as float."""
    name = hyperparameter.name
    if hyperparameter.kind in ("int", "float"):
        return _number(name, value)
    if sign not in ("=", "==", "!="):
        raise WorkbenchError(
            "{field}: is not a number; compare it with = or !=, as in {example}.", **_example(name)
        )
    if hyperparameter.kind == "bool":
        truth = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        if value.casefold() not in truth:
            raise _no_choice(name, ("true", "false"), value)
        return truth[value.casefold()]
    if hyperparameter.kind == "numbers":
        numbers = channel_numbers(value)
        if numbers is None:
            raise WorkbenchError(
                "{field}: give a list of whole numbers, as in {example}.", **_example(name)
            )
        return ", ".join(map(str, numbers))
    if value.casefold() not in hyperparameter.choices:
        raise _no_choice(name, hyperparameter.choices, value)
    return value.casefold()


def _number(field: str, text: str) -> float:
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise WorkbenchError("{field}: must be a number (it is {value}).", field=field, value=text)
    return number


def _numeric(get: Callable[[RunRecord], Any], compare: _Compare, number: float) -> _Condition:
    def condition(run: RunRecord, text: str) -> bool:
        value = get(run)
        # NaN is below, above and unlike every number; here it is no value at all.
        return type(value) in (int, float) and value == value and compare(value, number)

    return condition


def _whole_text(field: str, sign: str, value: str) -> _Condition:
    if sign not in ("=", "==", "!="):
        raise WorkbenchError(
            "{field}: is not a number; compare it with = or !=, as in {example}.", **_example(field)
        )
    whole, texts, wanted = value.casefold(), _TEXTS[field], sign != "!="
    if field == "status" and whole not in STATUSES:
        raise _no_choice(field, STATUSES, value)
    return lambda run, text: (whole in [each.casefold() for each in texts(run)]) == wanted


def _date(compare: _Compare, value: str) -> _Condition:
    """Days are compared as days, where no time of day is given; in local time."""
    try:
        wanted = datetime.fromisoformat(value)
    except ValueError:
        raise WorkbenchError(
            "{field}: give a value, as in {example}.", **_example("created")
        ) from None
    wanted = wanted.astimezone()
    whole_days = len(value) <= len("2026-11-01")

    def holds(run: RunRecord, text: str) -> bool:
        try:
            created = datetime.fromisoformat(run.created).astimezone()
        except (ValueError, OverflowError, OSError):
            return False
        return compare(created.date(), wanted.date()) if whole_days else compare(created, wanted)

    return holds


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


_COMPARISONS: dict[str, _Compare] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": _same,
    "==": _same,
    "!=": lambda one, other: not _same(one, other),
}


def _no_choice(field: str, choices: Iterable[str], value: str) -> WorkbenchError:
    return WorkbenchError(
        "{field}: must be one of {choices} (it is {value}).",
        field=field,
        choices=", ".join(choices),
        value=value,
    )


def _example(field: str) -> dict[str, str]:
    examples = {
        "created": "created>=2026-11-01",
        "tag": "tag:lesson",
        "status": "status:failed",
        "preset": "preset:007",
        "data": "data:sample",
        "device": "device:cuda",
        "name": "name:first",
        "accuracy": "accuracy>60",
        "best_accuracy": "best_accuracy>60",
        "best_validation_accuracy": "best_validation_accuracy>60",
        "training_accuracy": "training_accuracy>60",
        "seconds": "seconds<600",
    }
    parameter = HYPERPARAMETERS.get(field)
    if parameter is not None:
        if parameter.kind == "bool":
            example = f"{field}=true"
        elif parameter.kind == "numbers":
            example = f'{field}="{parameter.default}"'
        elif parameter.choices:
            example = f"{field}={next(iter(parameter.choices))}"
        else:
            example = f"{field}>={parameter.default:g}"
    else:
        example = examples.get(field, f"{field}>=1")
    return {"field": field, "example": example}
