"""What a benchmark ran on, said once for all scripts."""

from __future__ import annotations

import os
from importlib import metadata
from typing import Any

import psutil

from workbench.engine.devices import choose_device, cpu_name
from workbench.engine.environment import environment


def machine(device: str = "cpu", **more: Any) -> dict[str, Any]:
    """Processor, memory, device, threads of this process, and versions, as plain values;
    ``more`` is what only one script knows."""
    return {
        "processor": cpu_name(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        **environment(choose_device(device)),
        **more,
    }


def version(package: str) -> str:
    """Of an installed package; ``"not installed"`` where it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def sentence(machine: dict[str, Any]) -> str:
    """The same in one line, for the head of a table."""
    known = {name: value for name, value in machine.items() if value is not None}
    if known["device_name"] == known["processor"]:
        del known["device_name"]
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in known.items())
