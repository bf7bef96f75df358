"""A sweep as a YAML file, written by hand or kept in a library.

::

    title: Learning rate and batch size of 007
    preset: "007"              # or `experiment:` with `field: value` lines, as in a preset
    set:                       # what differs from the preset, for all runs
      epochs: 5
      validation_share: 0.1
    vary:
      learning_rate: 0.0001..0.1:log
      batch_size: [16, 64]
    method: random             # grid, random or tpe
    trials: 20
    seeds: 3                   # runs of each point
    prune: none                # none, median or hyperband
    seed: 0                    # of the choice of points

The file of a library says ``format``, ``created``, ``dataset``, ``device`` and ``stopped`` too, and
holds the whole experiment, so that a preset that is edited later does not change the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened
from workbench.spec import plain_yaml
from workbench.spec.experiment import Experiment, ExperimentError, experiment_from, with_changes
from workbench.spec.presets import find_preset
from workbench.spec.sweep import Sweep, SweepError, sweep_from

FORMAT = 1
"""Format number of a sweep's file."""


class _File(BaseModel):
    """What the file may hold: texts, as plain YAML has nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(FORMAT, ge=1)
    title: str = Field("", max_length=1_000)
    preset: str | None = Field(None, max_length=300)
    experiment: dict[str, Any] | None = None
    set: dict[str, Any] = {}
    vary: dict[str, str | list[Any]] = {}
    method: str | None = None
    trials: int | None = None
    seeds: int | None = None
    prune: str = "none"
    seed: int = Field(0, ge=0, le=2**63)
    created: str = Field("", max_length=100)
    dataset: str | None = Field(None, max_length=5_000)
    device: str = Field("auto", pattern=r"^[a-z0-9:]{1,40}$")
    stopped: bool = False


@dataclass(frozen=True)
class SweepFile:
    """A sweep and how it is run: ``created`` in UTC, empty in a file written by hand; ``dataset``
    as :func:`~workbench.data.data_choice.choose_data` takes it, ``device`` as in ``choose_device``;
    ``stopped``: nothing more is to be run of it."""

    sweep: Sweep
    created: str = ""
    dataset: str | None = None
    device: str = "auto"
    stopped: bool = False


def is_sweep_file(path: Path) -> bool:
    """Tell a sweep's file from a preset's, which has nothing that varies. Raises
    :class:`WorkbenchError` where it cannot be read."""
    try:
        content = plain_yaml.parse(plain_yaml.read_text(path)).content
    except plain_yaml.YamlError:
        return False  # reading it as a preset says where
    return isinstance(content, dict) and bool({"vary", "seeds", "method"} & content.keys())


def read_sweep(path: Path, many: bool = False) -> SweepFile:
    """Read and check a sweep's file; ``many`` as in :func:`sweep_from`.

    Raises :class:`WorkbenchError` naming file, line and reason, and :class:`SweepError` where
    several things are wrong with what it describes.
    """
    return parse_sweep(path, plain_yaml.read_text(path), many)


def parse_sweep(path: Path, text: str, many: bool = False, checked: bool = False) -> SweepFile:
    """Read ``text``, of the file ``path``; ``checked`` as in :func:`sweep_from`. Raises as
    :func:`read_sweep`."""
    try:
        read = plain_yaml.parse(text)
    except plain_yaml.YamlError as error:
        raise _at(path, error.line, error.message) from None
    content = read.content
    if not isinstance(content, dict):
        raise WorkbenchError(
            "{path}: is not a sweep; it needs an experiment or a preset, and what varies.",
            path=path,
        )
    content = {name: value for name, value in content.items() if value is not None}
    number = str(content.get("format", FORMAT))
    if number.isdecimal() and int(number) > FORMAT:
        raise WorkbenchError(
            "{path}: this sweep was written by a newer version of the program; update the program "
            "to open it.",
            path=path,
        )
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        line = read.line_of(*detail["loc"])
        raise _at(path, line, _field_problem(detail)) from None
    try:
        experiment, preset, title = _base(path, file)
        sweep = sweep_from(
            experiment,
            file.vary,
            method=file.method,
            trials=file.trials,
            seeds=file.seeds,
            prune=file.prune,
            seed=file.seed,
            preset=preset,
            title=file.title or title,
            many=many,
            checked=checked,
        )
    except ExperimentError as error:
        name = next(iter(error.problems))
        place = "set" if name in file.set else "experiment"
        raise _at(path, read.line_of(place, name), error.message) from None
    except SweepError as error:
        located = [
            (name, _located(path, read.line_of(*_place(name)), message))
            for name, message in error.problems
        ]
        raise SweepError(located) from None
    return SweepFile(sweep, file.created, file.dataset, file.device, file.stopped)


def _base(path: Path, file: _File) -> tuple[Experiment, str | None, str]:
    if file.experiment is not None:
        return with_changes(experiment_from(file.experiment), file.set), file.preset, file.title
    if file.preset is None:
        raise WorkbenchError(
            "{path}: is not a sweep; it needs an experiment or a preset, and what varies.",
            path=path,
        )
    preset = find_preset(file.preset)
    return with_changes(preset.experiment, file.set), preset.id, preset.title


def _place(name: str) -> tuple[str, ...]:
    return (name,) if name in _File.model_fields and name != "seed" else ("vary", name)


def _at(path: Path, line: int, problem: Message) -> WorkbenchError:
    return WorkbenchError(_located(path, line, problem))


def _located(path: Path, line: int, problem: Message) -> Message:
    return Message("{path}, line {line}: {problem}", path=path, line=line, problem=problem)


def _field_problem(detail: Any) -> Message:
    name = ".".join(shortened(part) for part in detail["loc"][:2])
    if detail["type"] == "extra_forbidden":
        return Message("{field}: there is no such field in a sweep.", field=name)
    return Message("{field}: cannot be {value}.", field=name, value=shortened(detail.get("input")))


def sweep_text(file: SweepFile) -> str:
    """Write ``file`` as YAML that :func:`parse_sweep` reads back to the same value."""
    sweep = file.sweep
    vary: dict[str, str] = {name: str(way) for name, way in sweep.vary.items()}
    content: dict[str, Any] = {
        "format": FORMAT,
        "title": sweep.title,
        "created": file.created,
        "preset": sweep.preset,
        "experiment": sweep.experiment.values() | {"seed": sweep.seeds[0]},
        "vary": vary,
        "method": sweep.method,
        "trials": sweep.trials,
        "seeds": len(sweep.seeds),
        "prune": sweep.prune,
        "seed": sweep.seed,
        "dataset": file.dataset,
        "device": file.device,
        "stopped": file.stopped,
    }
    if sweep.seeds != tuple(range(sweep.seeds[0], sweep.seeds[0] + len(sweep.seeds))):
        vary["seed"] = ", ".join(map(str, sweep.seeds))
        del content["seeds"]
    content = {name: value for name, value in content.items() if value not in (None, "")}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
