"""Presets: the eleven of the report, those that go on from it, and your own, one YAML file each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from workbench import atomic, paths
from workbench.file_names import file_name, same_file_name
from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened, visible
from workbench.spec import plain_yaml
from workbench.spec.experiment import (
    WRONG_TYPES,
    Experiment,
    ExperimentError,
    differences,
    experiment_from,
    with_changes,
)


class Reported(BaseModel):
    """What the report says of a result. Accuracies in percent of 10,000 test images,
    ``seconds`` for the whole run and ``seconds_per_epoch`` on a GeForce GTX 1060 6GB.

    ``accuracy_train_mode``: in training mode, after the last epoch, where the final figure
    was taken in evaluation mode. ``accuracy_at_epoch`` and ``losses_at_epoch`` count epochs from
    1; the keys of the losses are iterations, counted from 0 as printed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    accuracy: float
    accuracy_is_approximate: bool = False
    correct: int | None = None
    accuracy_train_mode: float | None = None
    accuracy_at_epoch: dict[int, float] = {}
    losses_last_epoch: dict[int, float] = {}
    losses_at_epoch: dict[int, dict[int, float]] = {}
    seconds: float | None = None
    seconds_per_epoch: float | None = None
    seconds_is_approximate: bool = False
    weights: str | None = None


class Published(BaseModel):
    """What the source of a preset's recipe says of it: ``accuracy`` in percent, ``source`` where it
    is published, ``runs`` how many it is the mean of, ``seconds`` of training on ``hardware`` for
    ``epochs`` epochs; ``test_flip``: with the mean of each test image and its mirror image.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    accuracy: float
    source: str
    runs: int | None = None
    epochs: float | None = None
    seconds: float | None = None
    hardware: str = ""
    test_flip: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    experiment: dict[str, Any]
    as_run: dict[str, Any] = {}
    reported: Reported | None = None
    published: Published | None = None
    after: str = ""
    epochs_run: int | None = None
    tried: str = ""
    changed: str = ""
    found: str = ""
    explained: str = ""
    note: str = ""


@dataclass(frozen=True)
class Preset:
    """A named experiment as it was declared, and ``as_run``, what ran in its place; ``None``
    where it ran as declared. ``epochs_run``: where the report stopped it by hand, else ``None``.
    ``found`` is what the report concludes, ``explained`` what is known today. ``built_in`` is true
    for what ships with the program. ``reported`` is the report's figure, ``published`` that of the
    source of a recipe beyond it. ``after``: id of the preset that it goes on from; where it is
    empty, the one listed before it."""

    id: str
    title: str
    experiment: Experiment
    path: Path
    built_in: bool
    as_run: Experiment | None = None
    reported: Reported | None = None
    published: Published | None = None
    after: str = ""
    epochs_run: int | None = None
    tried: str = ""
    changed: str = ""
    found: str = ""
    explained: str = ""
    note: str = ""

    @property
    def beyond(self) -> bool:
        """Return whether it ships with the program and is none of the report's eleven."""
        return self.built_in and self.reported is None


@dataclass(frozen=True)
class BrokenPreset:
    """A file of a presets folder that could not be read, and why; ``built_in`` as in
    :class:`Preset`."""

    id: str
    path: Path
    problem: Message = field(compare=False)
    built_in: bool = False


def read_preset(path: Path, built_in: bool = False) -> Preset:
    """The preset in a YAML file; its id is the file's name without the ending.

    Raises :class:`WorkbenchError` naming file, field and reason.
    """
    return _preset_of(path, built_in, plain_yaml.read_text(path))


# A text is parsed once: the eleven of the report take 30 ms, and each run that is opened looks
# its preset up.
@lru_cache(maxsize=256)
def _preset_of(path: Path, built_in: bool, text: str) -> Preset:
    try:
        read = plain_yaml.parse(text)
    except plain_yaml.YamlError as error:
        raise _at(path, error.line, error.message) from None
    if not isinstance(read.content, dict):
        raise WorkbenchError(
            "{path}: is not a preset; it needs a title and an experiment.", path=path
        )
    try:
        # A name with nothing after it says nothing.
        file = _File.model_validate({k: v for k, v in read.content.items() if v is not None})
    except ValidationError as error:
        detail = error.errors()[0]
        raise _at(path, read.line_of(*detail["loc"]), _field_problem(detail)) from None
    place = "experiment"
    try:
        experiment = experiment_from(file.experiment)
        place = "as_run"
        as_run = with_changes(experiment, file.as_run)
        place = "epochs_run"
        if file.epochs_run is not None:
            as_run = with_changes(as_run, {"epochs": file.epochs_run})
    except ExperimentError as error:
        line = read.line_of(place, next(iter(error.problems)))
        raise _at(path, line, error.message) from None
    return Preset(
        id=path.stem,
        path=path,
        built_in=built_in,
        experiment=experiment,
        as_run=as_run if as_run != experiment else None,
        **{
            name: getattr(file, name)
            for name in (
                "title",
                "reported",
                "published",
                "after",
                "epochs_run",
                "tried",
                "changed",
                "found",
                "explained",
                "note",
            )
        },
    )


def _at(path: Path, line: int, problem: Message) -> WorkbenchError:
    return WorkbenchError("{path}, line {line}: {problem}", path=path, line=line, problem=problem)


def _field_problem(detail: Any) -> Message:
    """Return what pydantic has against a field of the file, in our words."""
    kind = detail["type"]
    values = {
        "field": ".".join(shortened(part) for part in detail["loc"]),
        "value": shortened(detail.get("input")),
    }
    if kind == "missing":
        return Message("{field}: is missing.", **values)
    if kind == "extra_forbidden":
        return Message("{field}: there is no such field in a preset.", **values)
    if kind == "string_type":
        return Message("{field}: must be a text (it is {value}).", **values)
    if kind in ("dict_type", "model_type"):
        return Message("{field}: must hold `name: value` lines (it is {value}).", **values)
    kind = "float" if kind == "finite_number" else kind.partition("_")[0]
    return Message(WRONG_TYPES.get(kind, WRONG_TYPES["other"]), **values)


def list_presets() -> list[Preset | BrokenPreset]:
    """The built-in presets in the order of their ids, then the person's own. One that cannot be
    read stands in its place with the reason."""
    built_in: list[Preset | BrokenPreset] = []
    for path in sorted(paths.shipped("presets").glob("*.yaml")):
        try:
            built_in.append(read_preset(path, built_in=True))
        except WorkbenchError as error:
            built_in.append(BrokenPreset(path.stem, path, error.message, built_in=True))
    taken = {preset.id for preset in built_in}
    own: list[Preset | BrokenPreset] = []
    for path in sorted(paths.user_presets().glob("*.yaml")):
        try:
            if path.stem in taken:
                raise WorkbenchError(
                    "{path}: {id} is the name of a built-in preset; rename the file.",
                    path=path,
                    id=path.stem,
                )
            own.append(read_preset(path))
        except WorkbenchError as error:
            own.append(BrokenPreset(path.stem, path, error.message))
    return [*built_in, *own]


def find_preset(name: str) -> Preset:
    """The preset with the id ``name``, or the one in the YAML file ``name``.

    Raises :class:`WorkbenchError`.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name:
        return read_preset(paths.expanded(name))
    return preset_with_id(name)


def preset_with_id(name: str) -> Preset:
    """The listed preset with this id; never a file elsewhere, as the id may stand in a file of
    somebody else. Raises :class:`WorkbenchError`."""
    presets = list_presets()
    for preset in presets:
        if preset.id == name:
            if isinstance(preset, BrokenPreset):
                raise WorkbenchError(preset.problem)
            return preset
    for preset in presets:
        if isinstance(preset, Preset) and same_file_name(preset.id, name):
            return preset
    raise WorkbenchError(
        "{name}: there is no such preset; there are {names}, or name a YAML file.",
        name=name,
        names=", ".join(preset.id for preset in presets if isinstance(preset, Preset)),
    )


def save_preset(title: str, experiment: Experiment) -> Preset:
    """Write the person's own preset into their presets folder, named after ``title``.

    An own preset of that name is replaced (see :func:`replaced_by`). Raises
    :class:`WorkbenchError` where the title makes no file name, belongs to a built-in preset, or
    the file cannot be written.
    """
    title = visible(title.strip())
    name = _name_of(title)
    if not name:
        raise WorkbenchError("Give the preset a name with at least one letter or digit.")
    folder = paths.user_presets()
    if (paths.shipped("presets") / f"{name}.yaml").exists():
        raise WorkbenchError(
            "{name} is the name of a built-in preset; choose another name.", name=name
        )
    text = yaml.safe_dump(
        {"title": title, "experiment": experiment.values()}, sort_keys=False, allow_unicode=True
    )
    before = replaced_by(title, list_presets())
    path = before.path if before else folder / f"{name}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, text)
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written ({reason}).", path=path, reason=error.strerror
        ) from None
    return read_preset(path)


def replaced_by(
    title: str, presets: Sequence[Preset | BrokenPreset]
) -> Preset | BrokenPreset | None:
    """The own one of ``presets`` that saving a preset under ``title`` would replace; ``None``
    where there is none. Names that differ only in case are one file on Windows and macOS, and
    here too."""
    name = _name_of(title)
    for preset in presets:
        own = isinstance(preset, BrokenPreset) or not preset.built_in
        if own and same_file_name(preset.id, name):
            return preset
    return None


def _name_of(title: str) -> str:
    return file_name(title, otherwise="")


def how_it_ran(preset: Preset, experiment: Experiment) -> Literal["declared", "as_run"] | None:
    """Return whether ``experiment`` is ``preset`` as declared or as run, but for the seed and for
    how long; ``None`` where it is neither, so that nothing reported compares with it."""
    free = {"seed", "epochs", "early_stopping", "histograms"}
    for how, one in (("declared", preset.experiment), ("as_run", preset.as_run)):
        if one is not None and not set(differences(one, experiment)) - free:
            return how  # type: ignore[return-value]
    return None


def preset_before(preset: Preset, presets: Sequence[Preset | BrokenPreset]) -> Preset | None:
    """The built-in preset that ``preset`` goes on from: the one that it names, else the one listed
    before it. ``None`` for the first and for own ones."""
    built_in = [p for p in presets if isinstance(p, Preset) and p.built_in]
    named = next((p for p in built_in if preset.built_in and p.id == preset.after), None)
    if named is not None:
        return named
    index = next((i for i, p in enumerate(built_in) if p.id == preset.id), 0)
    return built_in[index - 1] if index > 0 else None
