"""An experiment: every hyperparameter, declared once.

The declaration (default, limits, label, unit, help, when it has an effect) is what YAML
files, ``--set key=value`` and the form of the window are read and made from.
"""

from __future__ import annotations

import difflib
import functools
import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, LiteralString, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.spec.networks import NETWORKS, may_have_batch_norm
from workbench.spec.optimizers import OPTIMIZERS
from workbench.spec.registry import Registry
from workbench.spec.schedulers import SCHEDULERS

REGISTRIES: Mapping[str, Registry[Any]] = types.MappingProxyType(
    {"network": NETWORKS, "optimizer": OPTIMIZERS, "scheduler": SCHEDULERS}
)
"""The fields whose choices are registered, and where."""


class AboveZero:
    """A condition on a number that another field depends on: any above 0."""

    def __contains__(self, value: object) -> bool:
        try:
            return float(value) > 0  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return True  # what is no number is refused by its own field


ABOVE_ZERO = AboveZero()

Condition = tuple[Any, ...] | AboveZero
"""The values of a field with which another one has an effect."""


def _declare(
    default: Any,
    label: str,
    help: str,
    group: str,
    unit: str = "",
    only_if: Mapping[str, str | bool | Condition] | None = None,
    choices: Mapping[str, str] | None = None,
    slip: bool = False,
    **limits: Any,
) -> Any:
    return Field(
        default,
        title=label,
        description=help,
        json_schema_extra={
            "group": group,
            "unit": unit,
            "only_if": cast(Any, dict(only_if) if only_if else {}),
            "choices": dict(choices) if choices else None,
            "slip": slip,
        },
        **limits,
    )


# What fields can have against each other, by pydantic's error type.
_DISAGREEMENTS: dict[str, LiteralString] = {
    "no_effect": "{field}: has no effect while {other} is {now}; leave it out, or set {other} "
    "to {needed}.",
    "no_effect_at_zero": "{field}: has no effect while {other} is {now}; leave it out, or set "
    "{other} above 0.",
    "batch_norm_needs_two": "{field}: must be 2 or more with batch norm, which needs several "
    "images in a batch (it is {value}).",
    "channels": "{field}: must be a list of 1 to {most} whole numbers from 1 to {largest}, as in "
    "16, 32, 64 (it is {value}).",
}

# What a value can break, by pydantic's error type, and by the kind of its field.
_LIMITS = {
    "greater_than": "{field}: must be greater than {limit} (it is {value}).",
    "greater_than_equal": "{field}: must be {limit} or more (it is {value}).",
    "less_than": "{field}: must be less than {limit} (it is {value}).",
    "less_than_equal": "{field}: must be {limit} or less (it is {value}).",
}
WRONG_TYPES = {
    "int": "{field}: must be a whole number (it is {value}).",
    "float": "{field}: must be a number (it is {value}).",
    "bool": "{field}: must be true or false (it is {value}).",
    "other": "{field}: cannot be {value}.",
}
TEMPLATES = (*_DISAGREEMENTS.values(), *_LIMITS.values(), *WRONG_TYPES.values())
"""The sentences that are not written where they are said, for the translators."""


class Experiment(BaseModel):
    """What to run. Data set and device are choices of the run, not of the experiment.

    Build it with :func:`experiment_from`, which raises :class:`ExperimentError` with one
    sentence a field; building it directly raises pydantic's ``ValidationError``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    network: str = _declare(
        "cnn",
        "Network",
        "The layers that are trained.",
        "Network",
    )
    channels: str = _declare(
        "16, 32, 64",
        "Channels",
        "Of each convolution of the CNN, 1 to 6 of them. A max pool follows each but the first.",
        "Network",
    )
    activation: Literal["relu", "leaky_relu"] = _declare(
        "relu",
        "Activation",
        "Applied after each convolution and the first linear layer. Leaky ReLU keeps 1% of "
        "negative values.",
        "Network",
        choices={"relu": "ReLU", "leaky_relu": "Leaky ReLU"},
    )
    dropout: float = _declare(
        0.0,
        "Dropout",
        "Fraction of the channels (in linear layers, of the values) set to zero at each "
        "training step.",
        "Network",
        ge=0.0,
        lt=1.0,
    )
    batch_norm: bool = _declare(
        False,
        "Batch norm",
        "Normalizes each channel over the batch, after activation and dropout.",
        "Network",
    )
    optimizer: str = _declare(
        "sgd",
        "Optimizer",
        "SGD takes plain gradient steps; Adam, AdamW and RMSprop scale each weight's step by its "
        "past gradients. Muon makes the update of each weight matrix orthogonal.",
        "Optimizer",
    )
    learning_rate: float = _declare(
        0.001,
        "Learning rate",
        "Step size of the updates, before the scheduler: the highest one of a run.",
        "Optimizer",
        gt=0.0,
        le=10.0,
    )
    momentum: float = _declare(
        0.0,
        "Momentum",
        "Fraction of the previous update that each update carries over.",
        "Optimizer",
        ge=0.0,
        lt=1.0,
    )
    nesterov: bool = _declare(
        False,
        "Nesterov",
        "Takes the gradient where the momentum is about to carry the weights.",
        "Optimizer",
        only_if={"momentum": ABOVE_ZERO},
    )
    weight_decay: float = _declare(
        0.0,
        "Weight decay",
        "Pulls every weight toward zero: an L2 penalty; with AdamW and Muon, a share of the "
        "weight itself.",
        "Optimizer",
        ge=0.0,
        le=1.0,
    )
    decay_norm_and_bias: bool = _declare(
        True,
        "Decay norm, bias",
        "Weight decay also on batch norm's parameters and on biases. Off: on the weights of "
        "convolutions and linear layers alone.",
        "Optimizer",
        only_if={"weight_decay": ABOVE_ZERO},
    )
    label_smoothing: float = _declare(
        0.0,
        "Label smoothing",
        "Share of the target that is spread over all classes. The training loss is taken with "
        "it, the loss of tests without.",
        "Optimizer",
        ge=0.0,
        lt=1.0,
    )
    ema: float = _declare(
        0.0,
        "EMA",
        "Decay per step of an averaged copy of the weights (exponential moving average), which "
        "then is what is tested and saved. 0: no copy; 0.99 averages over some 100 steps.",
        "Optimizer",
        ge=0.0,
        lt=1.0,
    )
    batch_size: int = _declare(
        16,
        "Batch size",
        "Training images for each step. The last batch of an epoch may be shorter.",
        "Optimizer",
        unit="images",
        ge=1,
        le=50_000,
    )
    drop_last: bool = _declare(
        False,
        "Drop last batch",
        "Leaves out the last batch of each epoch where it is shorter than the others.",
        "Optimizer",
    )
    scheduler: str = _declare(
        "none",
        "Scheduler",
        "Step multiplies the learning rate by gamma at every step size epochs. One cycle falls "
        "to 0 in a straight line, cosine along half a cosine, both from step to step.",
        "Schedule",
    )
    warmup_share: float = _declare(
        0.2,
        "Warm-up",
        "Share of the run's steps in which the learning rate rises from 0 in a straight line.",
        "Schedule",
        ge=0.0,
        lt=1.0,
    )
    step_size: int = _declare(
        20,
        "Step size",
        "Epochs between two reductions of the learning rate.",
        "Schedule",
        unit="epochs",
        ge=1,
        le=100_000,
    )
    gamma: float = _declare(
        0.1,
        "Gamma",
        "Factor of each reduction of the learning rate.",
        "Schedule",
        gt=0.0,
        le=1.0,
    )
    epochs: int = _declare(
        3,
        "Epochs",
        "Passes over the training data.",
        "Schedule",
        unit="epochs",
        ge=1,
        le=100_000,
    )
    early_stopping: int = _declare(
        0,
        "Early stopping",
        "Ends the run after this many epochs in a row without a better accuracy on the "
        "validation split, or on the test set where there is no split, which makes the result "
        "optimistic. 0: never.",
        "Schedule",
        unit="epochs",
        ge=0,
        le=100_000,
    )
    flip: Literal["none", "random", "alternating"] = _declare(
        "none",
        "Flip",
        "Mirrors training images left to right. Random: each with probability one half. "
        "Alternating: half of them in the first epoch, then each in every other epoch.",
        "Augmentation",
        choices={"none": "None", "random": "Random", "alternating": "Alternating"},
    )
    crop_padding: int = _declare(
        0,
        "Crop padding",
        "Pads training images by this much on each side, by reflection, and cuts 32x32 out at a "
        "random place. 0: no crop.",
        "Augmentation",
        unit="pixels",
        ge=0,
        le=16,
    )
    cutout: int = _declare(
        0,
        "Cutout",
        "Side of a square of the mean color, laid over each training image at a random place; it "
        "may reach over the edge. 0: none.",
        "Augmentation",
        unit="pixels",
        ge=0,
        le=32,
    )
    normalization: Literal["none", "half", "dataset"] = _declare(
        "half",
        "Pixel scaling",
        "None: 0 to 1. Half: -1 to 1. Data set: mean 0 and deviation 1 for each color, "
        "measured on the training split.",
        "Data and test",
        choices={"none": "None (0 to 1)", "half": "Half (-1 to 1)", "dataset": "Data set"},
    )
    validation_share: float = _declare(
        0.0,
        "Validation",
        "Share of each class's training images held out from training, drawn with the seed. "
        "The best epoch and early stopping then use the accuracy on them. 0: none; both use "
        "the test set, which makes the result optimistic.",
        "Data and test",
        ge=0.0,
        le=0.5,
    )
    test_mode: Literal["train", "eval"] = _declare(
        "eval",
        "Test mode",
        "How the accuracy after each epoch is measured. Training mode keeps dropout on and "
        "batch norm on the batch's own statistics, as the report did until 010. The final test "
        "is always in evaluation mode.",
        "Data and test",
        choices={"train": "Training mode", "eval": "Evaluation mode"},
    )
    test_flip: bool = _declare(
        False,
        "Test with mirror",
        "Tests take the mean of the logits of each image and its mirror image. Takes twice as "
        "long, and usually gains some tenths of a percent; such a figure says so.",
        "Data and test",
        only_if={"test_mode": "eval"},
    )
    seed: int = _declare(
        0,
        "Seed",
        "Seed of all random numbers: weights, order of the images, dropout, augmentation, "
        "validation split.",
        "Run",
        ge=0,
        le=2**31 - 1,
    )
    precision: Literal["float32", "bfloat16"] = _declare(
        "float32",
        "Precision",
        "Number format of the training arithmetic. bfloat16 keeps 8 of float32's 24 bits in "
        "the layers; weights, loss and tests stay float32.",
        "Run",
        choices={"float32": "float32", "bfloat16": "bfloat16"},
    )
    histograms: bool = _declare(
        False,
        "Histograms",
        "Keeps histograms of each layer's weights and of their gradients after each epoch, for the "
        "tab Histograms. Off, as it takes some milliseconds and kilobytes for each epoch. Changes "
        "nothing of the training.",
        "Run",
    )
    eval_after_first_step: bool = _declare(
        False,
        "Trains in eval mode",
        "All but the first step of each epoch train in evaluation mode, without dropout and with "
        "batch norm's running statistics. By its indentation the training loop printed with 011 "
        "does this; the report's text says otherwise. Affects only networks with dropout or batch "
        "norm.",
        "As the report ran it",
        slip=True,
    )
    test_images_in_batch_norm: bool = _declare(
        False,
        "Tests update BN",
        "The report's bug until 010: the test after each epoch, in training mode, also updates "
        "batch norm's running statistics, which the final test then uses.",
        "As the report ran it",
        only_if={"batch_norm": True, "test_mode": "train"},
        slip=True,
    )

    @field_validator("network", "optimizer", "scheduler")
    @classmethod
    def _registered(cls, value: str, info: ValidationInfo) -> str:
        if value not in REGISTRIES[info.field_name or ""]:
            raise PydanticCustomError("unknown_choice", "not a registered choice")
        return value

    @field_validator("channels", mode="before")
    @classmethod
    def _channels_in_one_form(cls, value: object) -> str:
        numbers = channel_numbers(value)
        if numbers is None:
            written = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            context = {
                "field": "channels",
                "most": MOST_CONVOLUTIONS,
                "largest": f"{MOST_CHANNELS:,}",
                "value": shortened(written) or "empty",
            }
            raise PydanticCustomError("channels", _DISAGREEMENTS["channels"], context)
        return ", ".join(map(str, numbers))

    @model_validator(mode="before")
    @classmethod
    def _null_is_none(cls, values: Any) -> Any:
        # `scheduler: null` and `scheduler: none` mean the same to whoever writes YAML.
        if isinstance(values, Mapping) and values.get("scheduler", "") is None:
            return {**values, "scheduler": "none"}
        return values

    @model_validator(mode="after")
    def _fields_agree(self) -> Experiment:
        for name in self.without_effect() & self.model_fields_set:
            if getattr(self, name) != type(self).model_fields[name].default:
                message = no_effect(self, name)
                kind = next(k for k, t in _DISAGREEMENTS.items() if t == message.template)
                raise PydanticCustomError(kind, _DISAGREEMENTS[kind], dict(message.values))
        if (self.batch_norm or NETWORKS[self.network].batch_norm) and self.batch_size < 2:
            raise PydanticCustomError(
                "batch_norm_needs_two",
                _DISAGREEMENTS["batch_norm_needs_two"],
                {"field": "batch_size", "value": self.batch_size},
            )
        return self

    def without_effect(self) -> set[str]:
        """Names of the fields that change nothing in this experiment (step size without a
        scheduler)."""
        return names_without_effect(self.model_dump())

    def values(self) -> dict[str, Any]:
        """Every field that has an effect, by name, in the declared order."""
        hidden = self.without_effect()
        return {name: value for name, value in self.model_dump().items() if name not in hidden}

    @property
    def channel_list(self) -> tuple[int, ...]:
        """Channels of each convolution of the CNN."""
        return channel_numbers(self.channels) or ()

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate in ``epoch``, counted from 1; of a scheduler that goes from step
        to step, as if an epoch were one step."""
        return self.learning_rates(epoch, 1)[0]

    def learning_rates(self, epoch: int, steps: int) -> list[float]:
        """Return the learning rate of each of the ``steps`` of ``epoch``, counted from 1."""
        scheduler = SCHEDULERS[self.scheduler]
        of_step = scheduler.rate_of_step
        if of_step is None:
            return [scheduler.rate(self, epoch)] * steps
        first, total = (epoch - 1) * steps, self.epochs * steps
        return [of_step(self, step, total) for step in range(first, first + steps)]


MOST_CONVOLUTIONS, MOST_CHANNELS = 6, 2048
"""Convolutions of a CNN, and channels of each."""


def channel_numbers(value: object) -> tuple[int, ...] | None:
    """Return the channels that ``value`` means, a list or a text (``16, 32, 64``); ``None`` where
    it is no list of allowed numbers."""
    parts: list[object]
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("[") and text.endswith("]"):
            text = text[1:-1]
        parts = [part.strip() for part in text.split(",")]
        # No number of more than four digits is allowed.
        plain = all(p.isascii() and p.isdigit() and len(p) <= 4 for p in map(str, parts))
        parts = [int(str(part)) for part in parts] if plain else []
    else:
        parts = list(value) if isinstance(value, list | tuple) else [value]
    fits = all(type(part) is int and 1 <= part <= MOST_CHANNELS for part in parts)
    return tuple(parts) if fits and 1 <= len(parts) <= MOST_CONVOLUTIONS else None  # type: ignore[arg-type]


def names_without_effect(values: Mapping[str, Any]) -> set[str]:
    """Names of the fields that change nothing beside ``values``, which hold a choice's key or a
    boolean for each field that others depend on."""
    return {name for name in Experiment.model_fields if unmet(name, values)}


def tests_otherwise(values: Mapping[str, Any]) -> bool:
    """Return whether the tests after the epochs of the experiment with ``values`` take other
    figures than its final test, which is in evaluation mode: only with dropout or batch norm does
    training mode make a difference."""
    noisy = bool(values.get("dropout")) or may_have_batch_norm(values)
    return noisy and values.get("test_mode") == "train"


def unmet(name: str, values: Mapping[str, Any]) -> str | None:
    """Return the first field whose value in ``values`` leaves the field ``name`` without effect."""
    needed = needs(name)
    return next((other for other in needed if values[other] not in needed[other]), None)


def needs(name: str) -> dict[str, Condition]:
    """Return what the field ``name`` depends on: other fields, and the values of each with which it
    has an effect (:data:`Condition`). It needs all of the fields; empty where it always has one."""
    needed: dict[str, Condition] = {
        leader: using for leader, r in REGISTRIES.items() if (using := r.using(name))
    }
    for other, value in _extra(Experiment.model_fields[name])["only_if"].items():
        needed[other] = value if isinstance(value, tuple | AboveZero) else (value,)
    return needed


def _extra(field: FieldInfo) -> dict[str, Any]:
    assert isinstance(field.json_schema_extra, dict)
    return field.json_schema_extra


# --- the declaration, as forms and help texts read it ---------------------------------


@dataclass(frozen=True)
class Hyperparameter:
    """One declared field of :class:`Experiment`.

    ``kind`` is ``"choice"``, ``"bool"``, ``"int"``, ``"float"`` or ``"numbers"``, a list written as
    a text (``16, 32, 64``); ``choices`` maps each allowed value to its label; ``minimum`` and
    ``maximum`` are limits, and ``minimum_excluded`` / ``maximum_excluded`` say that the limit
    itself is not allowed; ``slip`` marks what only reproduces a slip of the report. When it has an
    effect, :func:`needs` tells.
    """

    name: str
    label: str
    help: str
    group: str
    unit: str
    kind: str
    default: Any
    choices: Mapping[str, str]
    minimum: float | None
    maximum: float | None
    minimum_excluded: bool
    maximum_excluded: bool
    slip: bool


_KINDS = {bool: "bool", int: "int", float: "float", str: "numbers"}


def _hyperparameter(name: str, field: FieldInfo) -> Hyperparameter:
    extra = _extra(field)
    limits: dict[str, float] = {}
    for rule in field.metadata:
        for key in ("ge", "gt", "le", "lt"):
            if getattr(rule, key, None) is not None:
                limits[key] = getattr(rule, key)
    choices: Mapping[str, str]
    if name in REGISTRIES:
        choices = REGISTRIES[name].labels
    else:
        values = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        labels = extra["choices"] or {}
        choices = types.MappingProxyType({value: labels.get(value, value) for value in values})
    kind = "choice" if name in REGISTRIES or choices else _KINDS[field.annotation]  # type: ignore[index]
    return Hyperparameter(
        name=name,
        label=field.title or name,
        help=field.description or "",
        group=extra["group"],
        unit=extra["unit"],
        kind=kind,
        default=field.default,
        choices=choices,
        minimum=limits.get("ge", limits.get("gt")),
        maximum=limits.get("le", limits.get("lt")),
        minimum_excluded="gt" in limits,
        maximum_excluded="lt" in limits,
        slip=extra["slip"],
    )


HYPERPARAMETERS: Mapping[str, Hyperparameter] = types.MappingProxyType(
    {name: _hyperparameter(name, field) for name, field in Experiment.model_fields.items()}
)


# --- reading ---------------------------------------------------------------------------


class ExperimentError(WorkbenchError):
    """Values that make no experiment. ``problems`` maps each field (or unknown key) to its
    sentence; ``str()`` is the first of them."""

    def __init__(self, problems: Mapping[str, Message]) -> None:
        self.problems = dict(problems)
        super().__init__(next(iter(self.problems.values())))


def experiment_from(values: Mapping[str, Any]) -> Experiment:
    """The experiment with these ``values`` by field name; fields left out take their defaults.

    Numbers may be strings (``"1e-3"``, which PyYAML does not read as a number). Raises
    :class:`ExperimentError`.
    """
    if not isinstance(values, Mapping):
        raise ExperimentError(
            {"": Message("The experiment must be a list of `field: value` lines.")}
        )
    # pydantic takes true for 1, which nobody means.
    numbers = {name for name, p in HYPERPARAMETERS.items() if p.kind in ("int", "float")}
    for name in numbers & values.keys():
        if isinstance(values[name], bool):
            raise ExperimentError({name: _wrong_type(name, values[name])})
    try:
        return Experiment.model_validate(dict(values))
    except ValidationError as error:
        problems: dict[str, Message] = {}
        for detail in error.errors():
            field, message = _problem(detail)
            problems.setdefault(field, message)
        raise ExperimentError(problems) from None


def _problem(detail: Any) -> tuple[str, Message]:
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind in _DISAGREEMENTS:
        return context["field"], Message(_DISAGREEMENTS[kind], **context)
    field = shortened(detail["loc"][0]) if detail["loc"] else ""
    value = shortened(detail.get("input"))
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(field, HYPERPARAMETERS, n=1)
        if near:
            return field, Message(
                "{field}: there is no such hyperparameter; did you mean {near}?",
                field=field,
                near=near[0],
            )
        return field, Message(
            "{field}: there is no such hyperparameter; there are {names}.",
            field=field,
            names=", ".join(HYPERPARAMETERS),
        )
    if kind in _LIMITS:
        limit = next(context[key] for key in ("gt", "ge", "lt", "le") if key in context)
        shown = f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"
        return field, Message(_LIMITS[kind], field=field, limit=shown, value=value)
    if field in HYPERPARAMETERS and HYPERPARAMETERS[field].kind == "choice":
        return field, Message(
            "{field}: must be one of {choices} (it is {value}).",
            field=field,
            choices=", ".join(HYPERPARAMETERS[field].choices),
            value=value,
        )
    return field, _wrong_type(field, value)


def _wrong_type(field: str, value: object) -> Message:
    kind = HYPERPARAMETERS[field].kind if field in HYPERPARAMETERS else "other"
    template = WRONG_TYPES.get(kind, WRONG_TYPES["other"])
    return Message(template, field=field, value=shortened(value))


def field_value(name: str, value: Any) -> Any:
    """Return ``value``, which may be a text, as the field ``name`` holds it, by its limits alone.

    Raises :class:`ExperimentError` where there is no such field, or it does not take the value.
    """
    if name not in HYPERPARAMETERS:
        experiment_from({name: value})  # raises: it says what is near
    if isinstance(value, bool) and HYPERPARAMETERS[name].kind in ("int", "float"):
        raise ExperimentError({name: _wrong_type(name, value)})
    if name in REGISTRIES and value not in REGISTRIES[name]:
        experiment_from({name: value})
    try:
        return getattr(_field_model(name).model_validate({name: value}), name)
    except ValidationError as error:
        raise ExperimentError({name: _problem(error.errors()[0])[1]}) from None


@functools.cache
def _field_model(name: str) -> type[BaseModel]:
    item = Experiment.model_fields[name]
    fields: Any = {name: (item.annotation, item)}
    return create_model(f"_{name}", __config__=Experiment.model_config, **fields)


def parse_assignments(assignments: list[str]) -> dict[str, Any]:
    """``["learning_rate=1e-3", "batch_norm=true"]`` as texts by field name; ``null`` is
    ``None``. Not read as YAML, for which ``010`` is 8 and ``1:00`` is 60.

    Raises :class:`ExperimentError` where one is not ``key=value``.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ExperimentError(
                {text: Message("{text}: write it as key=value, as in epochs=5.", text=text)}
            )
        values[key.strip()] = None if value.strip() == "null" else value.strip()
    return values


def with_changes(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    """``experiment`` with ``changes`` by field name.

    What a change leaves without effect (the step size once the scheduler is gone) falls back
    to its default; a change that itself has no effect is refused. Raises
    :class:`ExperimentError`.
    """
    values = {**experiment.values(), **changes}
    for name in names_without_effect({**_defaults(), **_parsed(values)}) - changes.keys():
        values.pop(name, None)
    changed = experiment_from(values)
    for name in changes:
        if name in changed.without_effect():
            raise ExperimentError({name: no_effect(changed, name)})
    return changed


def _defaults() -> dict[str, Any]:
    return {name: p.default for name, p in HYPERPARAMETERS.items()}


def _parsed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` as the fields hold them (a change may be a text: "true"). A value that its
    field refuses is left out: whoever reads the experiment afterwards says why."""
    parsed = {}
    for name, value in values.items():
        if name in HYPERPARAMETERS:
            kind: Any = Experiment.model_fields[name].annotation
            with suppress(ValidationError):
                parsed[name] = TypeAdapter(kind).validate_python(value)
        if name in REGISTRIES and parsed.get(name) not in REGISTRIES[name]:
            parsed.pop(name, None)
    return parsed


def no_effect(experiment: Experiment, name: str) -> Message:
    """Say why the field ``name``, one of ``experiment.without_effect()``, changes nothing."""
    other = unmet(name, experiment.model_dump())
    assert other is not None
    needed = needs(name)[other]
    context = {"field": name, "other": other, "now": plain_value(getattr(experiment, other))}
    if isinstance(needed, AboveZero):
        return Message(_DISAGREEMENTS["no_effect_at_zero"], **context)
    values = " / ".join(plain_value(value) for value in needed)
    return Message(_DISAGREEMENTS["no_effect"], **context, needed=values)


def plain_value(value: object) -> str:
    """A value as YAML and ``--set`` write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def differences(before: Experiment, after: Experiment) -> dict[str, tuple[Any, Any]]:
    """``{field: (before, after)}`` for the fields that have an effect in one of the two and
    differ; a field without effect counts as ``None``."""
    old, new = before.values(), after.values()
    return {
        name: (old.get(name), new.get(name))
        for name in HYPERPARAMETERS
        if old.get(name) != new.get(name)
    }
