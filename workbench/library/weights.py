"""Weight files: the program's own, and state dicts that PyTorch wrote by itself.

A file is looked through (:mod:`workbench.library.safe_pickle`) before anything of it is loaded.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench import __version__, atomic
from workbench.data.data_choice import CIFAR10_CLASSES
from workbench.engine.networks import build_empty
from workbench.library.checkpoint import KIND as CHECKPOINT_KIND
from workbench.library.checkpoint import PIXEL_STATISTICS
from workbench.library.foreign_weights import recognized_inside
from workbench.library.safe_pickle import plain_from, read_file
from workbench.library.safetensors_file import from_safetensors, is_safetensors
from workbench.library.state_dicts import converted, difference, tensors_of
from workbench.messages import Message, WorkbenchError
from workbench.spec.experiment import (
    HYPERPARAMETERS,
    Experiment,
    ExperimentError,
    experiment_from,
)
from workbench.spec.networks import NETWORKS, NetworkError, require_network

FORMAT = 1
"""The format that :func:`save_weights` writes, and the newest that can be read."""

KIND = "cifar-workbench weights"


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


def statistics_of(weights: Weights) -> tuple[Tensor, Tensor] | None:
    """Return mean and standard deviation of each color by which pixels were scaled, 0 to 255,
    float64 (3,); ``None`` where the weights do not say them."""
    mean = weights.metrics.get("pixel_mean")
    deviation = weights.metrics.get("pixel_deviation")
    if mean is None or deviation is None:
        return None
    return torch.tensor(mean, dtype=torch.float64), torch.tensor(deviation, dtype=torch.float64)


def save_weights(path: Path, weights: Weights) -> None:
    """Write ``weights`` to ``path`` in the program's own format; an existing file is replaced
    whole or not at all. ``notes`` are not kept, and of ``data`` no paths.

    Raises :class:`WorkbenchError` where the file cannot be written, and ``TypeError`` where
    ``metrics`` or ``data`` are not plain values, which could not be read back.
    """
    content = values_of(weights)
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


def values_of(weights: Weights) -> dict[str, Any]:
    """Return what a file of the program's own format holds of ``weights``: plain values and
    ``state_dict``, tensors on the CPU in memory of their own.

    Raises ``TypeError`` where ``metrics`` or ``data`` are not plain values.
    """
    data = _without_places(weights.data)
    for name, values in (("metrics", weights.metrics), ("data", data)):
        if values is not None and not _is_plain(values):
            raise TypeError(f"{name}: plain values are needed, not {values!r}")
    return {
        "format": FORMAT,
        "kind": KIND,
        "program": __version__,
        "experiment": weights.experiment.values(),
        "preset": weights.preset,
        "classes": list(weights.classes),
        "metrics": weights.metrics,
        # A file that is handed on says which images these were, not where they lay.
        "data": data,
        # A view would be written with all of the storage that it looks at.
        "state_dict": {
            key: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for key, tensor in weights.state_dict.items()
        },
    }


def _without_places(data: dict[str, Any] | None) -> dict[str, Any] | None:
    if data is None:
        return None
    named = ("path", "skipped_files", "left_out")  # with the names of files
    return {name: value for name, value in data.items() if name not in named}


def load_weights(path: Path, *, own: bool = False) -> Weights:
    """Return the weights in ``path``: the program's own format, as ``.pkl`` or ``.safetensors``, or
    the state dict of one of its networks as ``torch.save`` (since PyTorch 1.2, also from a GPU, in
    any protocol) or safetensors write it, also inside a checkpoint of another program.

    What a plain state dict does not say is assumed as in the report, and ``notes`` say so, and what
    was changed to read it. ``own``: the file belongs to a run, and may not be a link.
    Raises :class:`WorkbenchError` with one sentence for everything else. No code in the file is
    run.
    """
    content = read_file(path, own=own)
    values: dict[Any, Any]
    if is_safetensors(content):
        values = from_safetensors(path, content)
    else:
        values = plain_from(path, content)
    if values.get("kind") == CHECKPOINT_KIND:
        raise WorkbenchError(
            "{path}: is the checkpoint of a run that has not ended, not weights; resume the run, "
            "or choose its weights (.pkl).",
            path=path,
        )
    return _from_own(path, values) if values.get("kind") == KIND else _from_plain(path, values)


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
        "metrics": _is_plain(values.get("metrics")) and _are_metrics(values["metrics"]),
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
    require_network(path, experiment_values)
    try:
        experiment = experiment_from(experiment_values)
    except ExperimentError as error:
        raise WorkbenchError(
            "{path}: has an experiment that cannot be used: {problem}",
            path=path,
            problem=error.message,
        ) from None
    tensors = tensors_of(path, values["state_dict"])
    expected = build_empty(experiment, len(values["classes"])).state_dict()
    other = difference(tensors, expected)
    if other and NETWORKS[experiment.network].batch_norm is None:
        raise NetworkError(
            "{path}: its weights do not fit the network {network} as it is installed now: "
            "{difference}.",
            path=path,
            network=experiment.network,
            difference=other,
        )
    if other:
        raise WorkbenchError(
            "{path}: its weights do not fit its experiment: {difference}.",
            path=path,
            difference=other,
        )
    state_dict, notes = converted(path, tensors, expected)
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
    tensors, experiment, expected, reading_notes = recognized_inside(path, values)
    state_dict, value_notes = converted(path, tensors, expected)
    outputs = len(next(reversed(expected.values())))
    notes = []
    if outputs == len(CIFAR10_CLASSES):
        classes: tuple[str, ...] = CIFAR10_CLASSES
        notes.append(Message("The file does not name its classes; those of CIFAR-10 are assumed."))
    else:
        classes = tuple(f"class {index}" for index in range(outputs))
        notes.append(Message("The file does not name its {count} classes.", count=outputs))
    if "activation" not in experiment.without_effect():
        notes.append(
            Message(
                "The file does not say its activation; {activation} is assumed, as in the report.",
                activation=HYPERPARAMETERS["activation"].choices[experiment.activation],
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
        notes=(*notes, *reading_notes, *value_notes),
    )


def _are_metrics(values: dict[str, Any]) -> bool:
    """Tell whether the figures of a file are what their names say; others are short texts or
    finite numbers."""
    for name, value in values.items():
        if name in PIXEL_STATISTICS:
            least = 0.0 if name == "pixel_deviation" else -math.inf
            if not isinstance(value, list | tuple) or len(value) != 3:
                return False
            if not all(type(v) is float and math.isfinite(v) and v >= least for v in value):
                return False
        elif name in ("epoch", "step"):
            if type(value) is not int or not 0 <= value <= 10**13:
                return False
        elif name in ("accuracy", "validation_accuracy"):
            if value is not None and not (type(value) in (int, float) and 0 <= value <= 100):
                return False
        elif type(value) is str:
            if len(value) > 300 or not value.isprintable():
                return False
        elif type(value) is float and not math.isfinite(value):
            return False
    return True


def _is_plain(values: object) -> bool:
    """Return whether ``values`` is a dict of texts, numbers, and lists or tuples of them, all of
    Python's own types: NumPy's numbers pass for ``float``, but are pickled as code."""

    def is_scalar(value: object) -> bool:
        return value is None or type(value) in (str, bool, int, float)

    return type(values) is dict and all(
        type(key) is str
        and (is_scalar(value) or (type(value) in (list, tuple) and all(map(is_scalar, value))))
        for key, value in values.items()
    )
