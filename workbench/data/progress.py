"""How far a data set is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataProgress:
    """``done`` of ``total`` (files, bytes, or images compared with the others, as ``unit`` says)
    while data load."""

    done: int
    total: int
    unit: Literal["files", "bytes", "images"] = "files"
