"""Data sets that are CIFAR-10 by their folders and not by their images, known by fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALTERED: Mapping[str, str] = {
    # What tests/reproduction/compress_again.py makes of CIFAR-10 as JPEG files.
    "87d63466384fd891a30c61fa66f18b7c9058b0f333f9031a204c5071f50b1783": "CIFAR-10, JPEG twice",
}
"""The name of each by its fingerprint (SHA-256, as in ``DataInfo``)."""


def is_comparable(data: Mapping[str, Any]) -> bool:
    """Return whether a run on ``data``, a ``DataInfo`` of plain values, may stand beside the
    report's figures. Asks the table of today: a run that was kept before a data set came into it
    says otherwise of itself."""
    return bool(data.get("comparable")) and data.get("fingerprint") not in ALTERED
