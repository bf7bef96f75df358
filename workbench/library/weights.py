"""Weight files: the program's own, and state dicts that PyTorch wrote by itself.

A file is looked through before ``torch.load`` sees it, without running any of it: the pickle
in it may name only what tensors are rebuilt from. That gives each refusal its reason, and keeps
out what ``weights_only=True`` lets through but weights never need (such as a call that reserves
memory of any size).
"""

from __future__ import annotations

import io
import itertools
import pickletools
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from workbench import __version__, atomic
from workbench.engine.data_choice import CIFAR10_CLASSES
from workbench.engine.networks import build_empty
from workbench.library.checkpoint import KIND as CHECKPOINT_KIND
from workbench.messages import Message, WorkbenchError
from workbench.spec.experiment import Experiment, ExperimentError, experiment_from

FORMAT = 1
"""The format that :func:`save_weights` writes, and the newest that can be read."""

KIND = "cifar-workbench weights"

LARGEST_FILE = 100_000_000
"""In bytes. The network's weights take 1.7 million with ten classes."""

_MOST_OPERATIONS = 1_000_000  # of one pickle; that of a state dict has about a thousand

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # how torch.save began its files until PyTorch 1.5
_LEGACY_PICKLES = 5  # magic number, protocol version, system, the object, keys of the storages

_STORAGES = (
    *("Float", "Double", "Half", "BFloat16", "ComplexFloat", "ComplexDouble"),
    *("Long", "Int", "Short", "Char", "Byte", "Bool"),
)
_ALLOWED = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    *(f"torch.{name}Storage" for name in _STORAGES),
}

_WHOLE_NUMBERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


@dataclass(frozen=True, eq=False)
class Weights:
    """A trained network and what is known of it.

    ``state_dict``: float32 tensors on the CPU (``num_batches_tracked``: int64), by the
    network's keys. ``classes``: a name for each output. ``metrics``: plain figures (epoch,
    step, accuracy in percent, status). ``data``: the ``DataInfo`` as plain values. ``format``
    is ``None`` where the file was a plain state dict. ``notes`` say what was assumed.
    """

    experiment: Experiment
    classes: tuple[str, ...]
    state_dict: dict[str, Tensor] = field(repr=False)
    preset: str | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] | None = None
    format: int | None = FORMAT
    notes: tuple[Message, ...] = ()


def build_from(weights: Weights) -> nn.Module:
    """The network with these weights in it, in evaluation mode, on the CPU.

    Shares the memory of ``weights.state_dict``. Draws no random number, so it may be called
    while a run trains.
    """
    network = build_empty(weights.experiment, len(weights.classes))
    network.load_state_dict(weights.state_dict, assign=True)
    return network.eval()


def save_weights(path: Path, weights: Weights) -> None:
    """Writes ``weights`` to ``path`` in the program's own format; an existing file is replaced
    whole or not at all. ``notes`` are not kept, and of ``data`` no paths.

    Raises :class:`WorkbenchError` where the file cannot be written, and ``TypeError`` where
    ``metrics`` or ``data`` are not plain values, which could not be read back.
    """
    for name, values in (("metrics", weights.metrics), ("data", weights.data)):
        if values is not None and not _is_plain(values):
            raise TypeError(f"{name}: plain values are needed, not {values!r}")
    content = {
        "format": FORMAT,
        "kind": KIND,
        "program": __version__,
        "experiment": weights.experiment.values(),
        "preset": weights.preset,
        "classes": list(weights.classes),
        "metrics": weights.metrics,
        # A file that is handed on says which images these were, not where they lay.
        "data": _without_places(weights.data),
        # A view would be written with all of the storage that it looks at.
        "state_dict": {
            key: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for key, tensor in weights.state_dict.items()
        },
    }
    # Through memory, because torch.save turns a full disk into a RuntimeError without its reason.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    try:
        with atomic.replacing(path) as file:
            file.write(buffer.getbuffer())
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written ({reason}).", path=path, reason=error.strerror or error
        ) from None


def _without_places(data: dict[str, Any] | None) -> dict[str, Any] | None:
    if data is None:
        return None
    return {name: value for name, value in data.items() if name not in ("path", "skipped_files")}


def load_weights(path: Path) -> Weights:
    """The weights in ``path``: the program's own format, or the state dict of one of its
    networks as ``torch.save`` writes it, since PyTorch 1.2 and also from a GPU.

    What a plain state dict does not say is assumed as in the report, and ``notes`` say so.
    Raises :class:`WorkbenchError` with one sentence for everything else. No code in the file is
    run.
    """
    content = _read(path)
    _look_through(path, content)
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:
        # Damage makes torch raise errors of every kind, with sentences for programmers.
        _refuse_damaged(path)
    if not isinstance(loaded, dict):
        _refuse_other_file(path)
    # A pickle can shadow an OrderedDict's methods, but not those of dict.
    values = dict(dict.items(loaded))
    if values.get("kind") == CHECKPOINT_KIND:
        raise WorkbenchError(
            "{path}: is the checkpoint of a run that has not ended, not weights; resume the run, "
            "or choose its weights (.pkl).",
            path=path,
        )
    return _from_own(path, values) if values.get("kind") == KIND else _from_plain(path, values)


# --- looking through a file, without running it ------------------------------------------


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise WorkbenchError("{path}: is a folder; choose a weights file (.pkl).", path=path)
        if path.exists() and not path.is_file():
            _refuse_other_file(path)
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise WorkbenchError("{path}: there is no such file.", path=path) from None
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be read ({reason}).", path=path, reason=error.strerror or error
        ) from None
    if not content:
        raise WorkbenchError("{path}: is empty; copy or save the file again.", path=path)
    if len(content) > LARGEST_FILE:
        _refuse_too_large(path)
    return content


def _look_through(path: Path, content: bytes) -> None:
    """Raises :class:`WorkbenchError` unless ``content`` is a file of ``torch.save`` whose
    pickles name nothing but tensors."""
    if content.startswith(b"PK\x03\x04"):
        pickles = [io.BytesIO(pickle) for pickle in _pickles_in_zip(path, content)]
    elif _is_legacy(content):
        # One after the other in the same stream; the storages follow.
        pickles = [io.BytesIO(content)] * _LEGACY_PICKLES
    else:
        _refuse_other_pickle(path, content)
    names: list[str] = []
    try:
        for pickle in pickles:
            names.extend(_globals(pickle))
    except (ValueError, OverflowError):
        _refuse_damaged(path)
    _refuse_code(path, names)


def _pickles_in_zip(path: Path, content: bytes) -> list[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(record.file_size for record in archive.infolist()) > LARGEST_FILE:
                _refuse_too_large(path)
            names = archive.namelist()
            if any(name.endswith("/constants.pkl") for name in names):
                raise WorkbenchError(
                    "{path}: is a TorchScript program, not weights; save model.state_dict() "
                    "instead.",
                    path=path,
                )
            pickles = [name for name in names if name.endswith("/data.pkl")]
            if not pickles:
                _refuse_other_file(path)
            if archive.testzip():  # torch reads over a flipped bit
                _refuse_damaged(path)
            return [archive.read(name) for name in pickles]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
        # RuntimeError: encrypted or a compression that Python does not know.
        _refuse_damaged(path)


def _is_legacy(content: bytes) -> bool:
    try:
        first = itertools.islice(pickletools.genops(content), 3)
        return any(argument == _LEGACY_MAGIC for _, argument, _ in first)
    except (ValueError, OverflowError):
        return False


def _globals(pickle: io.BytesIO) -> Iterator[str]:
    """The functions and classes that one pickle names, in its order; the stream stands behind
    the pickle afterwards. Raises ``ValueError`` where the pickle is cut off or damaged."""
    strings = ["", ""]
    for number, (operation, argument, _) in enumerate(pickletools.genops(pickle)):
        if number == _MOST_OPERATIONS:
            raise ValueError("too long")
        if operation.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".", 1)
        elif operation.name == "STACK_GLOBAL":
            # Picklers put module and name right before it. torch.load knows no such operation,
            # so a pickle that does otherwise gets a wrong name here, but is still refused.
            yield ".".join(strings[-2:])
        elif isinstance(argument, str):
            strings.append(argument)


def _refuse_other_pickle(path: Path, content: bytes) -> NoReturn:
    """A pickle that torch.save did not write, or no pickle at all."""
    names: list[str] = []
    complete = True
    try:
        names.extend(_globals(io.BytesIO(content)))
    except (ValueError, OverflowError):
        complete = False
    # Text can begin like an old pickle by chance; from protocol 2 on there is a first byte.
    if complete or content.startswith(b"\x80"):
        _refuse_code(path, names)
    _refuse_other_file(path)


def _refuse_code(path: Path, names: list[str]) -> None:
    others = [name for name in names if name not in _ALLOWED]
    if not others:
        return
    from_python = [name for name in others if _belongs_to_python(name)]
    if any(name.startswith("torch.nn.modules.") for name in others) and not from_python:
        raise WorkbenchError(
            "{path}: is a whole pickled network, which is code; save model.state_dict() instead.",
            path=path,
        )
    raise WorkbenchError(
        "{path}: contains code (it would call {name}), so nothing of it was run; if it is "
        "yours, save model.state_dict() with torch.save instead.",
        path=path,
        name=_short((from_python or others)[0]),
    )


def _belongs_to_python(name: str) -> bool:
    module = name.partition(".")[0]
    # Protocol 2 writes sets, which every network holds, under their name in Python 2.
    is_set = name in ("__builtin__.set", "builtins.set")
    return not is_set and (module == "__builtin__" or module in sys.stdlib_module_names)


def _refuse_damaged(path: Path) -> NoReturn:
    raise WorkbenchError(
        "{path}: is damaged or incomplete; copy or download the file again.", path=path
    ) from None


def _refuse_other_file(path: Path) -> NoReturn:
    raise WorkbenchError(
        "{path}: is not a weights file; choose one that this program or torch.save wrote.",
        path=path,
    )


def _refuse_too_large(path: Path) -> NoReturn:
    raise WorkbenchError(
        "{path}: holds more than {limit} MB, too much for weights of this program's networks; "
        "choose another file.",
        path=path,
        limit=LARGEST_FILE // 1_000_000,
    )


# --- from what was loaded to weights -----------------------------------------------------


def _from_own(path: Path, values: dict[Any, Any]) -> Weights:
    number = values.get("format")
    if type(number) is int and number > FORMAT:
        raise WorkbenchError(
            "{path}: was written by a newer version of the program (format {number}, this one "
            "reads up to {known}); update the program.",
            path=path,
            number=number,
            known=FORMAT,
        )
    experiment_values: Any = values.get("experiment")
    classes = values.get("classes")
    tests = {
        "format": type(number) is int and number >= 1,
        # Its keys and values go into sentences.
        "experiment": _is_plain(experiment_values)
        and all(str(part).isprintable() for item in experiment_values.items() for part in item),
        "preset": values.get("preset") is None or type(values["preset"]) is str,
        "classes": type(classes) is list and bool(classes) and all(type(c) is str for c in classes),
        "metrics": _is_plain(values.get("metrics")),
        "data": values.get("data") is None or _is_plain(values["data"]),
        "state_dict": isinstance(values.get("state_dict"), dict),
    }
    for name, passed in tests.items():
        if not passed:
            raise WorkbenchError(
                "{path}: its field {field} cannot be used; the file was changed or is damaged.",
                path=path,
                field=name,
            )
    try:
        experiment = experiment_from(experiment_values)
    except ExperimentError as error:
        raise WorkbenchError(
            "{path}: has an experiment that cannot be used: {problem}",
            path=path,
            problem=error.message,
        ) from None
    tensors = _tensors(path, values["state_dict"])
    expected = build_empty(experiment, len(values["classes"])).state_dict()
    difference = _difference(tensors, expected)
    if difference:
        raise WorkbenchError(
            "{path}: its weights do not fit its experiment: {difference}.",
            path=path,
            difference=difference,
        )
    state_dict, notes = _converted(path, tensors, expected)
    return Weights(
        experiment=experiment,
        classes=tuple(values["classes"]),
        state_dict=state_dict,
        preset=values.get("preset"),
        metrics=values["metrics"],
        data=values.get("data"),
        format=number,
        notes=notes,
    )


def _from_plain(path: Path, values: dict[Any, Any]) -> Weights:
    tensors = _tensors(path, values)
    experiment, expected = _recognized(path, tensors)
    state_dict, value_notes = _converted(path, tensors, expected)
    outputs = len(next(reversed(expected.values())))
    notes = []
    if outputs == len(CIFAR10_CLASSES):
        classes: tuple[str, ...] = CIFAR10_CLASSES
        notes.append(Message("The file does not name its classes; those of CIFAR-10 are assumed."))
    else:
        classes = tuple(f"class {index}" for index in range(outputs))
        notes.append(Message("The file does not name its {count} classes.", count=outputs))
    activation = {"relu": "ReLU", "leaky_relu": "Leaky ReLU"}[experiment.activation]
    notes.append(
        Message(
            "The file does not say its activation; {activation} is assumed, as in the report.",
            activation=activation,
        )
    )
    if experiment.dropout:
        notes.append(
            Message(
                "The file does not say its dropout; {dropout} is assumed, which changes nothing "
                "in evaluation mode.",
                dropout=experiment.dropout,
            )
        )
    notes.append(
        Message("The file does not say how pixels were scaled; Half (-1 to 1) is assumed.")
    )
    notes.append(
        Message("The file does not say how it was trained; the training fields are defaults.")
    )
    return Weights(
        experiment=experiment,
        classes=classes,
        state_dict=state_dict,
        format=None,
        notes=(*notes, *value_notes),
    )


def _recognized(path: Path, tensors: dict[str, Tensor]) -> tuple[Experiment, dict[str, Tensor]]:
    """The experiment that these keys and shapes belong to, and its network's state dict on the
    ``meta`` device."""
    plain = experiment_from({"activation": "relu", "normalization": "half"})
    regularized = {"activation": "leaky_relu", "dropout": 0.2, "normalization": "half"}
    experiments = [
        plain,
        experiment_from({**regularized, "batch_norm": True}),
        experiment_from(regularized),
    ]

    def expected(experiment: Experiment) -> dict[str, Tensor]:
        last = tensors.get(next(reversed(build_empty(experiment, 1).state_dict())))
        # An impossible number of outputs is then told as a difference in shape.
        outputs = len(last) if last is not None and last.ndim == 1 and len(last) else 1
        return build_empty(experiment, outputs).state_dict()

    nearest = min(experiments, key=lambda e: len(expected(e).keys() ^ tensors.keys()))
    difference = _difference(tensors, expected(nearest))
    if difference:
        raise WorkbenchError(
            "{path}: holds the weights of another network: {difference}.",
            path=path,
            difference=difference,
        )
    return nearest, expected(nearest)


def _tensors(path: Path, values: dict[Any, Any]) -> dict[str, Tensor]:
    """``values`` as a state dict, without the ``module.`` that DataParallel puts before keys."""
    tensors: dict[str, Tensor] = {}
    for key, value in dict.items(values):
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise WorkbenchError(
                "{path}: is not a state dict ({key} is {type}, not a tensor); save "
                "model.state_dict() by itself.",
                path=path,
                key=_short(str(key)) if isinstance(key, str | int) else "a key",
                type=type(value).__name__,
            )
        # A stride of 0 makes a tensor of any size out of a few bytes.
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            _refuse_damaged(path)
        tensors[key] = value
    if not tensors:
        raise WorkbenchError("{path}: holds no weights; save the file again.", path=path)
    if all(key.startswith("module.") for key in tensors):
        return {key.removeprefix("module."): tensor for key, tensor in tensors.items()}
    return tensors


def _difference(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Message | None:
    """What keys and shapes have against each other, in short; ``None`` where they agree."""
    differences = [
        *(Message("{key} is missing", key=key) for key in expected if key not in tensors),
        *(
            Message("{key} is not expected", key=_short(key))
            for key in tensors
            if key not in expected
        ),
        *(
            Message(
                "{key} is {shape} instead of {wanted}",
                key=key,
                shape=_shape(tensors[key]),
                wanted=_shape(tensor),
            )
            for key, tensor in expected.items()
            if key in tensors and tensors[key].shape != tensor.shape
        ),
    ]
    if len(differences) < 2:
        return differences[0] if differences else None
    return Message(
        "{first} ({count} differences in all)", first=differences[0], count=len(differences)
    )


def _converted(
    path: Path, tensors: dict[str, Tensor], expected: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], tuple[Message, ...]]:
    """The tensors in the network's order and number formats, each in memory of its own, and
    notes on what is peculiar about them."""
    state_dict: dict[str, Tensor] = {}
    formats: set[str] = set()
    not_finite = 0
    for key, wanted in expected.items():
        tensor = tensors[key].detach()
        number_format = str(tensor.dtype).removeprefix("torch.")
        if wanted.is_floating_point():
            fits = tensor.is_floating_point()
        else:
            fits = tensor.dtype in _WHOLE_NUMBERS
        if not fits:
            raise WorkbenchError(
                "{path}: {key} holds {format} numbers, which this network does not take; save "
                "it as float32.",
                path=path,
                key=key,
                format=number_format,
            )
        if wanted.is_floating_point() and tensor.dtype is not torch.float32:
            formats.add(number_format)
        state_dict[key] = tensor.to(wanted.dtype, copy=True, memory_format=torch.contiguous_format)
        not_finite += int((~state_dict[key].isfinite()).sum())
    notes = []
    if formats:
        notes.append(
            Message(
                "The values were stored as {formats} and converted to float32.",
                formats=", ".join(sorted(formats)),
            )
        )
    if not_finite:
        notes.append(
            Message(
                "{count} of the values are not finite numbers (NaN or infinite), so what the "
                "network predicts means nothing.",
                count=not_finite,
            )
        )
    return state_dict, tuple(notes)


def _is_plain(values: object) -> bool:
    """Whether ``values`` is a dict of texts, numbers, and lists or tuples of them, all of
    Python's own types: NumPy's numbers pass for ``float``, but are pickled as code."""

    def is_scalar(value: object) -> bool:
        return value is None or type(value) in (str, bool, int, float)

    return type(values) is dict and all(
        type(key) is str
        and (is_scalar(value) or (type(value) in (list, tuple) and all(map(is_scalar, value))))
        for key, value in values.items()
    )


def _shape(tensor: Tensor) -> str:
    return "×".join(str(size) for size in tensor.shape) or "a single number"


def _short(text: str) -> str:
    """Text out of a file, fit for a sentence: one line, not long."""
    printable = text if text.isprintable() else ascii(text)[1:-1]
    return printable if len(printable) <= 60 else f"{printable[:59]}…"
