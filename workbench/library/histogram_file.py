"""``histograms.jsonl`` of a run folder: a line for each epoch. Opens without torch."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.engine.events import BINS, LayerHistogram
from workbench.library.run_record import parse_json
from workbench.library.safe_file import read_bytes, reason_of
from workbench.messages import Message, WorkbenchError

HISTOGRAMS = "histograms.jsonl"
LARGEST = 256_000_000  # in bytes: a hundred layers over some thousand epochs
MOST_LAYERS = 10_000

Epochs = dict[int, tuple[LayerHistogram, ...]]
"""The histograms after each epoch, from 1."""

_Value = Annotated[float, Field(ge=-1e39, le=1e39)]
_Count = Annotated[int, Field(ge=0, le=10**12)]


class _Layer(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, frozen=True)

    layer: Annotated[str, Field(max_length=300)]
    kind: Literal["weights", "gradients"]
    low: _Value
    high: _Value
    counts: Annotated[list[_Count], Field(min_length=BINS, max_length=BINS)]


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    epoch: Annotated[int, Field(ge=1, le=100_000)]
    layers: Annotated[list[_Layer], Field(max_length=MOST_LAYERS)]


def line_of(epoch: int, histograms: tuple[LayerHistogram, ...]) -> bytes:
    """Return the line of an epoch, with its end."""
    content = {"epoch": epoch, "layers": [asdict(one) for one in histograms]}
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read_histograms(folder: Path) -> Epochs:
    """Return the histograms of a run; empty where it keeps none. A last line that a kill cut off is
    left out.

    Raises :class:`WorkbenchError` where the file cannot be read.
    """
    try:
        content = read_bytes(folder / HISTOGRAMS, LARGEST)
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        found: Epochs = {}
        for line in lines:
            one = _Line.model_validate(parse_json(line))
            if any(not layer.low < layer.high for layer in one.layers):
                raise ValueError("no range")
            found[one.epoch] = tuple(
                LayerHistogram(x.layer, x.kind, x.low, x.high, tuple(x.counts)) for x in one.layers
            )
        return found
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason: object = reason_of(error)
    except (ValueError, RecursionError, ValidationError):
        reason = Message("it is damaged")
    raise WorkbenchError(
        "{path}: {file} cannot be read ({reason}).", path=folder, file=HISTOGRAMS, reason=reason
    )
