"""What is known of one run: the record, and what ``run.json`` and ``test.json`` may hold.

A file of a library is somebody else's until it was checked here: kinds, limits, finite figures,
plain names. The same models check what is about to be written. Opens without torch.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    create_model,
)

from workbench.data.data_choice import DataKind, is_sample
from workbench.engine.events import Evaluation
from workbench.engine.run_state import RunState
from workbench.library.safe_file import clean_path, cleaned, escaped
from workbench.messages import Message, WorkbenchError, plain_fields
from workbench.plain_text import visible
from workbench.spec.experiment import Experiment, tests_otherwise
from workbench.spec.networks import require_network

FORMAT = 1
"""Format number of a run folder."""

MOST_CLASSES = 1000
"""Classes of a data set: the confusion matrix has the square of them."""

Status = Literal["running", "finished", "stopped", "failed", "interrupted"]


@dataclass(frozen=True)
class RunRecord:
    """What the catalog shows of a run. ``accuracy`` in percent: the final test's, or the last
    epoch's while there is none. ``best_accuracy`` is the test accuracy of the best epoch, which
    was chosen by ``best_validation_accuracy``, or by the test itself where that is ``None``.
    ``training_accuracy`` is that of the last epoch on its training images, counted while it
    trained, and ``None`` where it was not.
    ``created`` is UTC in ISO 8601; ``seconds`` as in ``RunEnded``;
    ``weights`` and ``best_weights`` are file names in the folder. ``continues``: the id of the
    finished run that this one trains on; ``resumed``: an entry for each time that the run went on
    (``at``, ``epoch``, ``step``, ``notices``, ``threads``). ``threads_timed``: steps a second by
    number of CPU threads, where that number was chosen by timing. ``entry``: of the queue, which it
    was run for; ``sweep`` and ``point``: the sweep and the number of its point that it belongs to
    (:class:`~workbench.library.queue_entry.Entry`). ``experiment``, ``data`` and
    ``environment`` are plain values. ``name``, ``notes``, ``tags`` and ``starred`` are what a
    person wrote to it, from ``labels.json``."""

    id: str
    created: str
    preset: str | None
    title: str
    experiment: dict[str, Any]
    data: dict[str, Any]
    device: str
    environment: dict[str, Any]
    epochs: int
    steps_per_epoch: int
    status: Status = "running"
    epochs_done: int = 0
    accuracy: float | None = None
    best_epoch: int | None = None
    best_accuracy: float | None = None
    best_validation_accuracy: float | None = None
    training_accuracy: float | None = None
    seconds: float = 0.0
    reason: str | None = None
    reason_parts: dict[str, Any] | None = None
    weights: str | None = None
    best_weights: str | None = None
    continues: str | None = None
    resumed: list[dict[str, Any]] = field(default_factory=list)
    threads_timed: dict[str, float] = field(default_factory=dict)
    entry: str | None = None
    sweep: str | None = None
    point: int | None = None
    name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    starred: bool = False
    format: int = FORMAT
    folder: Path = field(default=Path(), compare=False)

    @property
    def why(self) -> Message | None:
        """Return why the run failed, as a message that the window can translate."""
        return reason_from(self.reason, self.reason_parts)

    @property
    def ended_early(self) -> bool:
        """Return whether early stopping ended it, before its last epoch."""
        patient = bool(self.experiment.get("early_stopping"))
        return patient and self.status == "finished" and self.epochs_done < self.epochs

    @property
    def is_sample(self) -> bool:
        """Return whether it was trained on the program's own sample."""
        return is_sample(self.data)

    @property
    def best_chosen_on(self) -> Literal["validation", "test"] | None:
        """By which split the best epoch was chosen; ``None`` while there is no best epoch."""
        if self.best_epoch is None:
            return None
        return "test" if self.best_validation_accuracy is None else "validation"

    @property
    def tested_otherwise(self) -> bool:
        """Return whether the accuracies after the epochs, the best one's too, were taken in another
        way than that of the final test, as :func:`tests_otherwise` says."""
        return tests_otherwise(self.experiment)

    @property
    def mirrored(self) -> bool:
        """Return whether its accuracies are of the mean of each test image and its mirror image."""
        return bool(self.experiment.get("test_flip"))

    @property
    def averaged(self) -> bool:
        """Return whether tests and weights are of an averaged copy of the weights that were
        trained."""
        return bool(self.experiment.get("ema"))

    @property
    def label(self) -> str:
        """Return what the run is called: ``007 Adam``, with its name in place of the title where it
        has one, else its id."""
        return self.label_with(self.title)

    def label_with(self, title: str) -> str:
        """:attr:`label` with the preset's title in another language; in one line, as
        :func:`visible` shows it."""
        number = preset_number(self.preset)
        if self.name.startswith(number):
            number = "" if self.name else number
        words = " ".join(filter(None, (number, self.name or title)))
        return visible(words or self.preset or self.id)


def reason_from(reason: str | None, parts: dict[str, Any] | None) -> Message | None:
    """Return what a file keeps of a reason, as a message that can be translated where it can be."""
    template, values = (parts or {}).get("template"), (parts or {}).get("values")
    if isinstance(template, str) and isinstance(values, dict):
        # The file's own text is a format string only where it has nothing but plain fields.
        names = plain_fields(template)
        if names is not None and all(isinstance(values.get(name), str) for name in names):
            return Message(template, **{name: values[name] for name in names})
    return Message("{reason}", reason=reason) if reason else None


def reached(state: RunState) -> dict[str, Any]:
    """Return the fields of a record that follow from what the run has reached after an epoch."""
    best = state.best
    return {
        "epochs_done": state.epochs_done,
        "accuracy": state.accuracy,
        "training_accuracy": state.finished_epochs[-1].training_accuracy,
        "seconds": state.seconds,
        "best_epoch": best.epoch if best else None,
        "best_accuracy": best.test.accuracy if best else None,
        "best_validation_accuracy": best.validation.accuracy if best and best.validation else None,
    }


def preset_number(preset: str | None) -> str:
    """The id of a preset of the report, a number that people know it by; empty for an own one,
    whose id only repeats its title."""
    return preset if preset and preset.isdigit() else ""


# --- what the files may hold -----------------------------------------------------------


def is_plain_name(name: str) -> bool:
    """Return whether ``name`` is the name of a file in the run's own folder, on every system."""
    return name not in ("", ".", "..") and not re.search(r"[/\\:\x00-\x1f]", name)


def _plain_name(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError("is no plain name")
    return name


def _weights_name(name: str) -> str:
    if name.startswith(".") or not name.endswith(".pkl"):
        raise ValueError("is no name of weights")
    return _plain_name(name)


def _file_path(text: Any) -> str:
    # By hand: what stands for the bytes of a file name is no text to pydantic.
    if type(text) is not str or len(text) > 5_000:
        raise ValueError("is no path")
    return text


def _moment(text: str) -> str:
    # Beyond these years a time zone leads out of what a date can hold.
    if not 1970 < datetime.fromisoformat(text).year < 9999:
        raise ValueError("is no moment of a run")
    return text


_Word = Annotated[str, Field(max_length=300)]
_Text = Annotated[str, Field(max_length=10_000)]
_FilePath = Annotated[str, PlainValidator(_file_path)]
_Name = Annotated[str, Field(max_length=255), AfterValidator(_plain_name)]
_WeightsName = Annotated[str, Field(max_length=255), AfterValidator(_weights_name)]
_Epochs = Annotated[int, Field(ge=0, le=100_000)]
_Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
_Percent = Annotated[float, Field(ge=0, le=100)]
_Seconds = Annotated[float, Field(ge=0, le=1e10)]
_Classes = Annotated[list[_Word], Field(max_length=MOST_CLASSES)]


class _Strict(BaseModel):
    # What a newer version added is left out.
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, frozen=True)


class _LeftOut(_Strict):
    what: _Text = ""
    kind: _Text = ""
    count: _Count = 0
    example: _FilePath = ""


class _DataFacts(_Strict):
    kind: DataKind = "sample"
    name: _Word = ""
    classes: _Classes = []
    train_images: _Count = 0
    test_images: _Count = 0
    fingerprint: _Word = ""
    comparable: bool = False
    path: _FilePath | None = None
    skipped: _Count = 0
    skipped_files: Annotated[list[_FilePath], Field(max_length=100)] = []
    left_out: Annotated[list[_LeftOut], Field(max_length=100)] = []


class _Resumed(_Strict):
    at: _Word = ""
    epoch: _Epochs = 0
    step: _Count = 0
    notices: Annotated[list[_Text], Field(max_length=100)] = []
    threads: Annotated[int, Field(ge=0, le=4096)] = 0


class _ReasonParts(_Strict):
    template: Annotated[str, Field(max_length=2_000)]
    values: Annotated[dict[_Word, Annotated[str, Field(max_length=5_000)]], Field(max_length=50)]


# Each hyperparameter by its own declaration, strictly: "0.1" is no number. How they fit each other
# takes longer, and is looked at where run.json is read.
ExperimentFile: Any = create_model(
    "ExperimentFile",
    __config__=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True),
    **{name: (item.annotation, item) for name, item in Experiment.model_fields.items()},  # type: ignore[call-overload]
)


class RunFigures(_Strict):
    """``run.json`` without what many runs have in common."""

    id: _Word
    created: Annotated[_Word, AfterValidator(_moment)]
    preset: _Word | None
    title: _Text
    experiment: ExperimentFile
    device: _Word
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    steps_per_epoch: Annotated[int, Field(ge=1, le=1_000_000_000)]
    status: Status = "running"
    epochs_done: _Epochs = 0
    accuracy: _Percent | None = None
    best_epoch: _Epochs | None = None
    best_accuracy: _Percent | None = None
    best_validation_accuracy: _Percent | None = None
    training_accuracy: _Percent | None = None
    seconds: _Seconds = 0.0
    reason: _Text | None = None
    reason_parts: _ReasonParts | None = None
    weights: _WeightsName | None = None
    best_weights: _WeightsName | None = None
    continues: _Name | None = None
    resumed: Annotated[list[_Resumed], Field(max_length=10_000)] = []
    threads_timed: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}$")],
            Annotated[float, Field(gt=0, le=1e9)],
        ],
        Field(max_length=1_000),
    ] = {}
    entry: _Word | None = None
    sweep: _Word | None = None
    point: _Count | None = None
    name: _Text = ""
    format: Annotated[int, Field(ge=1, le=FORMAT)]


class DataFile(_Strict):
    """The data set in ``run.json``, which many runs have in common."""

    data: _DataFacts


class EnvironmentFile(_Strict):
    """What a run ran on, in ``run.json``, which many runs have in common."""

    environment: Annotated[dict[_Word, _Text | bool | _Count | float | None], Field(max_length=100)]


class RunFile(RunFigures, DataFile, EnvironmentFile):
    """What ``run.json`` may hold."""


_PARTS: dict[str, type[BaseModel]] = {"data": _DataFacts, "reason_parts": _ReasonParts}
_NEEDED = {
    item.name
    for item in fields(RunRecord)
    if item.default is MISSING and item.default_factory is MISSING
}


def checked(model: type[BaseModel], content: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``content`` that ``model`` knows, as they stand. Raises ``ValidationError``."""
    model.model_validate(content)
    values = {name: content[name] for name in model.model_fields if name in content}
    for name, part in _PARTS.items():
        if isinstance(values.get(name), dict):
            known = part.model_fields
            values[name] = {key: item for key, item in values[name].items() if key in known}
    return values


def parse_json(content: bytes) -> Any:
    """A value of JSON in UTF-8, without lone surrogates; NaN and infinity are null, as
    :func:`plain_json` writes them. Raises ``ValueError`` or ``RecursionError``."""
    value = json.loads(content.decode("utf-8-sig"), parse_constant=lambda name: None)
    if not re.search(rb"\\u[dD][89a-fA-F]", content):
        return value
    result = cleaned(value)
    # A path keeps the bytes that are no text: without them the folder is not found again.
    path = _path_of(value)
    if path is not None:
        result["data"]["path"] = clean_path(path)
    return result


def _path_of(content: Any) -> str | None:
    data = content.get("data") if isinstance(content, dict) else None
    path = data.get("path") if isinstance(data, dict) else None
    return path if isinstance(path, str) else None


def plain_json(value: object, indent: int | None = 1) -> str:
    """JSON with NaN and infinity as null, which is all that JSON has for them; lone surrogates are
    escaped."""
    separators = None if indent else (",", ":")
    return escaped(
        json.dumps(_finite(value), ensure_ascii=False, indent=indent, separators=separators)
    )


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def record_from(content: Any, folder: Path) -> RunRecord:
    """The record that ``content``, of the ``run.json`` in ``folder``, holds. Its ``id`` is the
    folder's name.

    Raises :class:`WorkbenchError` that names what cannot be used.
    """
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise WorkbenchError("{path}: this is not a run folder.", path=folder)
    if content["format"] > FORMAT:
        raise WorkbenchError(
            "{path}: this run was written by a newer version of the program; update the program "
            "to open it.",
            path=folder,
        )
    if not content.keys() >= _NEEDED:
        raise WorkbenchError("{path}: run.json lacks fields; it is damaged.", path=folder)
    require_network(folder, content["experiment"])
    try:
        values = checked(RunFile, content)
    except ValidationError as error:
        raise _unreadable(folder, field_of(error)) from None
    try:
        Experiment.model_validate(values["experiment"])
    except ValidationError as error:
        raise _unreadable(folder, f"experiment.{field_of(error)}".rstrip(".")) from None
    return RunRecord(**values | {"id": folder.name}, folder=folder)


def _unreadable(folder: Path, name: str) -> WorkbenchError:
    return WorkbenchError(
        "{path}: {field} in run.json cannot be read; the file is damaged.", path=folder, field=name
    )


def field_of(error: ValidationError) -> str:
    """The first field that ``error`` is about, fit for a sentence: ``data.name``."""
    parts = [str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"]]
    name = ".".join(part for part in parts if part not in _KINDS_OF_UNIONS)
    name = name if name.isprintable() else ascii(name)[1:-1]
    return name if len(name) <= 60 else f"{name[:59]}…"


_KINDS_OF_UNIONS = ("str", "int", "float", "bool", "constrained-str", "constrained-int")


# --- test.json -------------------------------------------------------------------------


class TestFile(_Strict):
    """What ``test.json`` may hold; a loss of null is one that is not a number."""

    __test__ = False  # pytest takes the name for a test

    epoch: _Epochs
    final: bool
    mode: Literal["train", "eval"]
    correct: _Count
    total: Annotated[int, Field(ge=1, le=1_000_000_000)]
    accuracy: _Percent
    loss: Annotated[float, Field(ge=0)] | None
    classes: Annotated[list[_Word], Field(min_length=1, max_length=MOST_CLASSES)]
    per_class: list[_Percent | None]
    confusion: list[list[_Count]]
    mirrored: bool = False


def test_from(content: Any) -> tuple[Evaluation, int, bool]:
    """The test that ``content``, of a ``test.json``, holds, the epoch that it followed, and whether
    it is the final one. Raises ``ValueError`` where it cannot be used."""
    test = TestFile.model_validate(content)
    count = len(test.classes)
    sizes = {len(test.per_class), len(test.confusion), *map(len, test.confusion)}
    if sizes != {count} or test.correct > test.total:
        raise ValueError("the sizes do not fit")
    evaluation = Evaluation(
        mode=test.mode,
        correct=test.correct,
        total=test.total,
        accuracy=test.accuracy,
        loss=math.nan if test.loss is None else test.loss,
        classes=tuple(test.classes),
        per_class=tuple(test.per_class),
        confusion=tuple(map(tuple, test.confusion)),
        mirrored=test.mirrored,
    )
    return evaluation, test.epoch, test.final


test_from.__test__ = False  # type: ignore[attr-defined]
