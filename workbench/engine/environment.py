"""What a run ran on: versions, device, threads."""

from __future__ import annotations

import platform
from typing import Any

import torch

import workbench
from workbench.engine.devices import Device


def environment(device: Device) -> dict[str, Any]:
    """Plain values, kept with every run and shown with it."""
    facts: dict[str, Any] = {
        "cifar_workbench": workbench.__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # a class of torch's own, which no file takes
        "system": platform.platform(),
        "device": str(device.device),
        "device_name": device.name,
        "cpu_threads": torch.get_num_threads(),
    }
    if device.device.type == "cuda":
        facts["cuda"] = torch.version.cuda
        facts["cudnn"] = torch.backends.cudnn.version()
    return facts
