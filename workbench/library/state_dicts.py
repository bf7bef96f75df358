"""State dicts: which network they belong to, and whether their tensors are what it takes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workbench.engine.networks import build_empty
from workbench.library.safe_pickle import is_whole, refuse_damaged, short_text
from workbench.messages import Message, WorkbenchError
from workbench.spec.experiment import Experiment, ExperimentError, experiment_from
from workbench.spec.networks import NETWORKS, NetworkError

_WHOLE_NUMBERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def recognized(path: Path, tensors: dict[str, Tensor]) -> tuple[Experiment, dict[str, Tensor]]:
    """The experiment that these keys and shapes belong to, and its network's state dict on the
    ``meta`` device."""
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    experiments = []
    for name, network in NETWORKS.items():
        told = dict(network.fields_of(shapes))
        for variant in network.variants:
            values = {"network": name, "normalization": "half", **variant}
            try:
                experiments.append(experiment_from({**values, **told}))
            except ExperimentError:  # the shapes are of another network
                experiments.append(experiment_from(values))

    def expected(experiment: Experiment) -> dict[str, Tensor]:
        last = tensors.get(next(reversed(build_empty(experiment, 1).state_dict())))
        # An impossible number of outputs is then told as a difference in shape.
        outputs = len(last) if last is not None and last.ndim and len(last) else 1
        return build_empty(experiment, outputs).state_dict()

    def distance(experiment: Experiment) -> int:
        try:
            return len(expected(experiment).keys() ^ tensors.keys())
        except NetworkError:  # one's own, with a fault in it
            return sys.maxsize

    nearest = min(experiments, key=distance)
    other = difference(tensors, expected(nearest))
    if other:
        raise WorkbenchError(
            "{path}: holds the weights of another network: {difference}.",
            path=path,
            difference=other,
        )
    return nearest, expected(nearest)


def tensors_of(path: Path, values: dict[Any, Any]) -> dict[str, Tensor]:
    """Return ``values`` as a state dict. Raises :class:`WorkbenchError` where it is none."""
    tensors: dict[str, Tensor] = {}
    for key, value in dict.items(values):
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise WorkbenchError(
                "{path}: is not a state dict ({key} is {type}, not a tensor); save "
                "model.state_dict() by itself.",
                path=path,
                key=short_text(str(key)) if isinstance(key, str | int) else "a key",
                type=type(value).__name__,
            )
        if not is_whole(value):
            refuse_damaged(path)
        tensors[key] = value
    if not tensors:
        raise WorkbenchError("{path}: holds no weights; save the file again.", path=path)
    return tensors


def difference(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Message | None:
    """Return what keys and shapes have against each other, in short; ``None`` where they agree."""
    differences = [
        *(Message("{key} is missing", key=key) for key in expected if key not in tensors),
        *(
            Message("{key} is not expected", key=short_text(key))
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


def converted(
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


def _shape(tensor: Tensor) -> str:
    return "×".join(str(size) for size in tensor.shape) or "a single number"
