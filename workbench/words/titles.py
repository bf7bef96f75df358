"""What a run, a preset and a data set are called. ``tr`` translates a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.data.data_choice import is_sample
from workbench.library.run_folder import RunRecord, preset_number
from workbench.plain_text import visible


def run_title(record: RunRecord, tr: Callable[[str], str] = str) -> str:
    """``009 · Dropout, fixed``: the preset's number, and the run's name or else the title."""
    if not record.name:
        return preset_title(record.preset, record.title, tr)
    number = preset_number(record.preset)
    named = record.name if record.name.startswith(number) else f"{number} · {record.name}"
    return visible(named)


def preset_title(preset: str | None, title: str, tr: Callable[[str], str] = str) -> str:
    """``009 · Dropout, fixed``; the title alone for an own preset."""
    parts = (preset_number(preset), tr(title) if title else "")
    return visible(" · ".join(filter(None, parts)) or preset or "")


def data_name(data: Mapping[str, Any], tr: Callable[[str], str] = str) -> str:
    """The name of the data set in a ``DataInfo`` of plain values."""
    return tr("sample") if is_sample(data) else visible(data.get("name", ""))
