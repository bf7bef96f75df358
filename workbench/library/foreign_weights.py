"""Weights that another program saved: found inside its checkpoint, without the names of wrappers,
and what was changed to read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workbench.library.safe_pickle import short_text
from workbench.library.state_dicts import recognized, tensors_of
from workbench.messages import Count, Message, WorkbenchError
from workbench.spec.experiment import Experiment

_USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
"""Where programs put a state dict in their checkpoints."""
_DEEPEST = 4
"""Wrappers around a network, and dictionaries around a state dict."""
_COMPILED = "_orig_mod."
_MOST_ENTRIES = 20_000


def recognized_inside(
    path: Path, values: dict[Any, Any]
) -> tuple[dict[str, Tensor], Experiment, dict[str, Tensor], tuple[Message, ...]]:
    """Return the tensors of a network in ``values``, its experiment, its state dict on the ``meta``
    device, and notes on what was changed to read them.

    Args:
        path: of the file, for sentences.
        values: what the file holds: a state dict, or a checkpoint with one inside.

    Raises :class:`WorkbenchError` where there is no network of this program's.
    """
    place, inside = _state_dict_in(values)
    tensors = tensors_of(path, inside)
    notes = []
    if place:
        notes.append(Message("Its weights lie inside the file, under {place}.", place=place))
    first: WorkbenchError | None = None
    for prefix, candidate in _candidates(tensors):
        filled, counters = _with_counters(candidate)
        try:
            experiment, expected = recognized(path, filled)
        except WorkbenchError as problem:
            # Of the whole state dict without its wrappers, which says most.
            if first is None or len(candidate) == len(tensors):
                first = problem
            continue
        if prefix:
            notes.append(
                Message("“{prefix}” was taken off the names of its weights.", prefix=prefix)
            )
        left_out = len(tensors) - len(candidate)
        if left_out:
            notes.append(
                Message(
                    "Left out, as not of the network: {count:tensor|tensors} of the file.",
                    count=Count(left_out),
                )
            )
        if counters:
            notes.append(
                Message(
                    "The file does not count the batches of its batch norms (num_batches_tracked); "
                    "0 is assumed, which changes no prediction."
                )
            )
        return filled, experiment, expected, tuple(notes)
    assert first is not None
    raise first


def _state_dict_in(values: dict[Any, Any]) -> tuple[str, dict[Any, Any]]:
    """The dictionary with tensors, and its place in ``values``; ``values`` itself where none lies
    deeper."""
    place: list[str] = []
    while len(place) < _DEEPEST and not _is_state_dict(values):
        inner = {
            key: value
            for key, value in values.items()
            if isinstance(key, str) and isinstance(value, dict)
        }
        usual = [name for name in _USUAL if name in inner]
        holding = [name for name in inner if _is_state_dict(inner[name])]
        chosen = usual or (holding if len(holding) == 1 else [])
        if not chosen:
            break
        place.append(chosen[0])
        # A pickle can shadow an OrderedDict's methods, but not those of dict.
        values = dict(dict.items(inner[chosen[0]]))
    if not _is_state_dict(values):
        return "", values
    return ".".join(map(short_text, place)), values


def _is_state_dict(values: dict[Any, Any]) -> bool:
    return bool(values) and all(isinstance(value, Tensor) for value in dict.values(values))


def _candidates(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """The tensors as they are, then those below each part of their names that is a wrapper's."""
    plain = {key.replace(_COMPILED, ""): tensor for key, tensor in tensors.items()}
    compiled = _COMPILED if plain.keys() != tensors.keys() else ""
    if len(plain) < len(tensors):  # two names became one
        plain, compiled = dict(tensors), ""
    waiting = [("", plain)]
    for depth in range(_DEEPEST + 1):
        deeper: dict[str, dict[str, Tensor]] = {}
        for prefix, found in waiting:
            yield f"{prefix}{compiled}", found
            if depth == _DEEPEST or len(found) > _MOST_ENTRIES:
                continue
            for key, tensor in found.items():
                part, dot, rest = key.partition(".")
                if dot and rest:
                    deeper.setdefault(f"{prefix}{part}.", {})[rest] = tensor
        # The larger ones first: the network is most of a file.
        waiting = sorted(deeper.items(), key=lambda item: -len(item[1]))[:4]


def _with_counters(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], bool]:
    """``tensors`` with a ``num_batches_tracked`` of 0 for each batch norm that has none."""
    filled: dict[str, Tensor] = {}
    added = False
    for key, tensor in tensors.items():
        filled[key] = tensor
        if key.endswith("running_var"):
            counter = f"{key.removesuffix('running_var')}num_batches_tracked"
            if counter not in tensors:
                filled[counter] = torch.zeros((), dtype=torch.int64)
                added = True
    return filled, added
