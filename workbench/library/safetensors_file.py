"""Weights as safetensors: tensors without code, with what the program knows of them as texts."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from torch import Tensor

from workbench.library.safe_file import cleaned
from workbench.library.safe_pickle import refuse_damaged

LARGEST_HEADER = 4_000_000
"""In bytes; that of the program's networks has a few thousand."""

_VALUES = ("experiment", "classes", "metrics", "data")


def is_safetensors(content: bytes) -> bool:
    """Tell whether ``content`` begins as a safetensors file does: the length of a JSON object."""
    if len(content) < 10 or content[8:9] != b"{":
        return False
    return 2 <= struct.unpack("<Q", content[:8])[0] <= min(LARGEST_HEADER, len(content) - 8)


def to_safetensors(values: dict[str, Any], more: dict[str, str]) -> bytes:
    """Return ``values``, of the program's own format, as the content of a safetensors file;
    ``more`` texts go into its metadata."""
    from safetensors.torch import save

    about = {
        **more,
        "format": "pt",  # as Hugging Face's libraries expect it
        "kind": values["kind"],
        "cifar_workbench_format": str(values["format"]),
        "program": values["program"],
        **({"preset": values["preset"]} if values["preset"] is not None else {}),
        **{name: json.dumps(values[name]) for name in _VALUES},
    }
    return save(values["state_dict"], about)


def from_safetensors(path: Path, content: bytes) -> dict[str, Any]:
    """Return what :func:`to_safetensors` was given, or of another program's file its tensors alone.

    Raises :class:`WorkbenchError` where the file at ``path`` is damaged.
    """
    from safetensors.torch import load

    try:
        (length,) = struct.unpack("<Q", content[:8])
        about = json.loads(content[8 : 8 + length]).get("__metadata__", {})
        tensors: dict[str, Tensor] = load(content)
        if "cifar_workbench_format" not in about:
            return dict(tensors)
        return {
            "kind": about.get("kind"),
            "format": int(about["cifar_workbench_format"]),
            "preset": about.get("preset"),
            **{name: cleaned(json.loads(about.get(name, "null"))) for name in _VALUES},
            "state_dict": tensors,
        }
    except Exception:
        # The library and JSON raise nearly anything for what is damaged.
        refuse_damaged(path)
