"""What crosses the pipe between the program and a worker, as bytes.

A pickle whose reader builds nothing but the plain values, tensors and events that are listed here:
a worker may be another machine's, and nothing that comes from one is run. Tensors and arrays go as
their bytes, not as handles of shared memory, which would be lost with the process that made them.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import torch

from workbench.data.data_choice import DataInfo, LeftOut
from workbench.data.progress import DataProgress
from workbench.data.shared import SharedData
from workbench.engine import events
from workbench.engine.checkpoint import Checkpoint
from workbench.engine.pace import Slowdown
from workbench.engine.status import RunStatus
from workbench.engine.training import Outcome
from workbench.messages import Count, Message
from workbench.running.executors.job import Ready

LARGEST = 1 << 30
"""Bytes of one message."""

_EVENTS = (
    *(events.RunStarted, events.Notice, events.StepsDone, events.Slowed, events.ThreadsChanged),
    *(events.EvaluationProgress, events.Evaluation, events.EpochDone, events.WeightsReady),
    *(events.CheckpointReady, events.FinalTest, events.Paused, events.Resumed, events.RunEnded),
)
_PLAIN: tuple[type, ...] = (
    *_EVENTS,
    *(DataProgress, DataInfo, LeftOut, SharedData, Checkpoint, Slowdown, RunStatus, Outcome),
    *(Count, Message, Ready, type(Path()), PurePosixPath, PureWindowsPath),
)
_KNOWN: dict[tuple[str, str], Any] = {(kind.__module__, kind.__qualname__): kind for kind in _PLAIN}
_DTYPES = {
    str(dtype): dtype
    for dtype in (
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    )
}


def encode(value: object) -> bytes:
    """Return ``value`` as bytes. Raises ``ValueError`` for what cannot cross."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(value)
    return buffer.getvalue()


def decode(content: bytes) -> Any:
    """Return what :func:`encode` was given. Raises ``ValueError`` for anything else."""
    try:
        return _Unpickler(io.BytesIO(content)).load()
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"no message of a worker: {error}") from None


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            plain = value.detach().contiguous().cpu()
            if str(plain.dtype) not in _DTYPES:
                raise ValueError(f"{plain.dtype} cannot cross")
            raw = plain.reshape(-1).view(torch.uint8).numpy().tobytes()
            return ("tensor", str(plain.dtype), tuple(plain.shape), raw)
        if isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise ValueError("an array of objects cannot cross")
            return ("array", value.dtype.str, value.shape, value.tobytes())
        return None


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[(module, name)]
        except KeyError:
            raise ValueError(f"{module}.{name} is no part of a message") from None

    def persistent_load(self, content: Any) -> Any:
        kind, dtype, shape, raw = content
        build: Callable[[str, tuple[int, ...], bytes], Any] = {"tensor": _tensor, "array": _array}[
            kind
        ]
        return build(dtype, shape, raw)


def _tensor(dtype: str, shape: tuple[int, ...], raw: bytes) -> torch.Tensor:
    if not raw:
        return torch.empty(shape, dtype=_DTYPES[dtype])
    flat = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(_DTYPES[dtype])
    return flat.reshape(shape)


def _array(dtype: str, shape: tuple[int, ...], raw: bytes) -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.hasobject or kind.itemsize * math.prod(shape) != len(raw):
        raise ValueError("no array")
    return np.frombuffer(bytearray(raw), kind).reshape(shape)
