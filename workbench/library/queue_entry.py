"""One entry of a library's queue: an experiment that waits, runs or has ended. Opens without torch.

``{"format": 1, "id": "17", "order": 17.0, "state": "waiting", "experiment": {...}, ...}`` in a file
of its own, which is checked here before anything of it is used.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from workbench.data.data_choice import BATCHES_FOLDER, DataChoice, choice_of
from workbench.library.run_record import (
    ExperimentFile,
    field_of,
    is_plain_name,
    parse_json,
    plain_json,
    reason_from,
)
from workbench.library.safe_file import read_bytes, reason_of
from workbench.messages import Message, WorkbenchError
from workbench.path_text import from_text, shown, to_text
from workbench.spec.experiment import Experiment

FORMAT = 1
"""Format number of an entry's file."""

LARGEST = 1_000_000
"""In bytes; an entry takes one thousand."""

State = Literal["waiting", "running", "finished", "failed", "stopped", "interrupted"]
"""``interrupted``: it is ``running`` in its file, and the process that ran it is gone."""

TO_DO = ("waiting", "interrupted")
"""States of the entries that a queue still runs."""

ENDED = ("finished", "failed", "stopped")


@dataclass(frozen=True)
class Entry:
    """An entry of the queue.

    Args:
        experiment: its hyperparameters as plain values.
        data: ``kind`` and ``path`` of the data set.
        id: a number as text, given by the queue.
        order: entries run in ascending order.
        created: when it was added, in UTC.
        preset, title: what it was made from.
        device: as in :func:`~workbench.engine.devices.choose_device`.
        threads: of the CPU; ``None`` leaves it to the workers.
        keep_checkpoint: also when the run finishes.
        sweep, point, seed: labels of the sweep that it belongs to, the number of its point and the
            seed of its repeat; the run's record gets them too.
        state: see :data:`State`.
        run: the id of its run, once it has one; the run's folder is made right after it is kept
            here. A waiting entry with a run resumes it.
        reason: why it failed, in English; ``reason_parts`` as in
            :class:`~workbench.library.run_record.RunRecord`.
    """

    experiment: dict[str, Any]
    data: dict[str, Any]
    id: str = ""
    order: float = 0.0
    created: str = ""
    preset: str | None = None
    title: str = ""
    device: str = "auto"
    threads: int | None = None
    keep_checkpoint: bool = False
    sweep: str | None = None
    point: int | None = None
    seed: int | None = None
    state: State = "waiting"
    run: str | None = None
    reason: str | None = None
    reason_parts: dict[str, Any] | None = None
    format: int = field(default=FORMAT, compare=False)

    @property
    def why(self) -> Message | None:
        """Return why it failed, as a message that the window can translate."""
        return reason_from(self.reason, self.reason_parts)

    @property
    def has_begun(self) -> bool:
        """Return whether there is, or was, a run of it: what it trains can no longer be edited."""
        return self.run is not None or self.state != "waiting"

    def data_choice(self) -> DataChoice:
        """Return the data set that it names. Raises :class:`WorkbenchError` where it is not on
        this machine."""
        path = self.data.get("path")
        if self.data.get("kind") == "cifar10" and path:
            folder = from_text(str(path))
            if (folder / BATCHES_FOLDER).is_dir():
                found = Message("CIFAR-10, found in {path}.", path=shown(folder / BATCHES_FOLDER))
                return DataChoice("cifar10", folder, found)
        return choice_of(self.data)


def new_entry(
    experiment: Experiment,
    data: DataChoice,
    *,
    preset: str | None = None,
    title: str = "",
    device: str = "auto",
    threads: int | None = None,
    keep_checkpoint: bool = False,
    sweep: str | None = None,
    point: int | None = None,
    seed: int | None = None,
) -> Entry:
    """Make an entry for :meth:`Queue.add <workbench.library.queue.Queue.add>`; the arguments are
    those of :class:`Entry`."""
    place = {"kind": data.kind, "path": to_text(data.path) if data.path else None}
    return Entry(
        experiment=experiment.values(),
        data=place,
        preset=preset,
        title=title,
        device=device,
        threads=threads,
        keep_checkpoint=keep_checkpoint,
        sweep=sweep,
        point=point,
        seed=seed,
    )


_FIELDS = frozenset(Entry.__dataclass_fields__)


def with_reason(entry: Entry, state: State, reason: Message | None = None) -> Entry:
    """Return ``entry`` in another state, and why."""
    parts = None
    if reason is not None:
        values = {name: str(value)[:2_000] for name, value in reason.values.items()}
        parts = {"template": reason.template, "values": values}
    text = str(reason)[:2_000] if reason is not None else None
    return replace(entry, state=state, reason=text, reason_parts=parts)


# --- what the file may hold ------------------------------------------------------------


def _path(text: Any) -> str | None:
    # By hand: what stands for the bytes of a file name is no text to pydantic.
    if text is not None and (type(text) is not str or len(text) > 5_000):
        raise ValueError("is no path")
    return text


def _run(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError("is no plain name")
    return name


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


_Word = Annotated[str, Field(max_length=300)]
_Text = Annotated[str, Field(max_length=10_000)]


class _Strict(BaseModel):
    # What a newer version added is left out.
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, frozen=True)


class _Data(_Strict):
    kind: Literal["cifar10", "folder", "sample"]
    path: Annotated[str | None, PlainValidator(_path)] = None


class _Reason(_Strict):
    template: Annotated[str, Field(max_length=2_000)]
    values: Annotated[dict[_Word, Annotated[str, Field(max_length=5_000)]], Field(max_length=50)]


class _EntryFile(_Strict):
    """What the file of an entry may hold."""

    format: Annotated[int, Field(ge=1, le=FORMAT)]
    id: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]
    order: Annotated[float, Field(ge=-1e12, le=1e12)]
    created: Annotated[_Word, AfterValidator(_moment)]
    preset: _Word | None = None
    title: _Text = ""
    experiment: ExperimentFile
    data: _Data
    device: Annotated[str, Field(pattern=r"^[a-z0-9:]{1,40}$")] = "auto"
    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    keep_checkpoint: bool = False
    sweep: _Word | None = None
    point: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**63)] | None = None
    state: Literal["waiting", "running", "finished", "failed", "stopped"] = "waiting"
    run: Annotated[_Word, AfterValidator(_run)] | None = None
    reason: _Text | None = None
    reason_parts: _Reason | None = None


def read_entry(path: Path) -> Entry:
    """Read an entry's file, its state as written.

    Raises ``FileNotFoundError`` where there is none, and :class:`WorkbenchError` where it is
    damaged or of a newer format.
    """
    try:
        content = parse_json(read_bytes(path, LARGEST))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else Message("not valid JSON")
        raise _unreadable(path, reason) from None
    number = content.get("format") if isinstance(content, dict) else None
    if type(number) is int and number > FORMAT:
        raise WorkbenchError(
            "{path}: this entry of the queue was written by a newer version of the program; "
            "update the program to run it.",
            path=path,
        )
    try:
        _EntryFile.model_validate(content)
    except ValidationError as error:
        raise _unreadable(path, _field(field_of(error))) from None
    if content["id"] != path.stem:
        raise _unreadable(path, _field("id"))
    values = {name: value for name, value in content.items() if name in _FIELDS}
    values["data"] = {name: content["data"].get(name) for name in ("kind", "path")}
    return Entry(**values)


def _field(name: str) -> Message:
    return Message("{field} is damaged", field=name)


def _unreadable(path: Path, reason: object) -> WorkbenchError:
    return WorkbenchError(
        "{path}: this entry of the queue cannot be read ({reason}); remove it and add it again.",
        path=path,
        reason=reason,
    )


def entry_text(entry: Entry) -> str:
    """Return what the file of ``entry`` is to hold. Raises :class:`WorkbenchError` where it could
    not be read again."""
    content = asdict(entry)
    if entry.state == "interrupted":
        content["state"] = "running"
    text = plain_json(content)
    try:
        _EntryFile.model_validate(parse_json(text.encode()))
    except ValidationError as error:
        raise WorkbenchError(
            "The queue: {field} cannot be kept; it is too long or not what it may be.",
            field=field_of(error),
        ) from None
    return text
