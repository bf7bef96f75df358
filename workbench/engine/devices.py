"""Which device trains, and why."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from workbench.messages import Count, Message, WorkbenchError


@dataclass(frozen=True)
class Device:
    """A device as torch names it (``cpu``, ``cuda:0``), its product name, and a note on why
    it was chosen where that is worth a sentence."""

    device: torch.device
    name: str
    note: Message | None = None


def choose_device(wanted: str = "auto") -> Device:
    """``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    ``auto`` takes the first GPU that this build of torch has kernels for, else the CPU with a
    note that says what would serve. Raises :class:`WorkbenchError` where ``wanted`` is no
    device of this machine or cannot run.
    """
    if wanted == "auto":
        note = None
        for index in range(_gpu_count()):
            note = _unsupported(index)
            if note is None:
                return _gpu(index)
        return Device(torch.device("cpu"), cpu_name(), note)
    if wanted == "cpu":
        return Device(torch.device("cpu"), cpu_name())
    match = re.fullmatch(r"cuda(?::(\d+))?", wanted)
    if not match:
        raise WorkbenchError(
            "{wanted}: there is no such device; use auto, cpu, cuda or cuda:N.", wanted=wanted
        )
    index = int(match[1] or 0)
    if index >= _gpu_count():
        raise WorkbenchError(
            "{wanted}: torch {version} finds {count:GPU|GPUs} on this machine; use auto or cpu.",
            wanted=wanted,
            version=torch.__version__,
            count=Count(_gpu_count()),
        )
    if note := _unsupported(index):
        raise WorkbenchError(note)
    return _gpu(index)


def list_devices() -> list[Device]:
    """The devices that can train, the one that ``auto`` takes first."""
    usable = [_gpu(index) for index in range(_gpu_count()) if _unsupported(index) is None]
    return [*usable, Device(torch.device("cpu"), cpu_name())]


def require_precision(device: Device, precision: str) -> None:
    """Raise :class:`WorkbenchError` where ``device`` has no fast arithmetic in ``precision``
    (``"float32"`` or ``"bfloat16"``): it would only be slower."""
    if precision == "bfloat16" and not has_bfloat16(device.device):
        raise WorkbenchError(
            "precision: {device} has no bfloat16 arithmetic; set precision to float32.",
            device=device.name,
        )


def has_bfloat16(device: torch.device) -> bool:
    """Return whether ``device`` multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Not public until torch 2.14's torch.cpu.get_capabilities.
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def use_full_float32() -> None:
    """Make float32 mean float32 on GPUs too: by default cuDNN rounds the factors of
    convolutions to 10 bits there (TF32). For the whole process."""
    if hasattr(torch.backends.cudnn, "conv"):
        torch.backends.cudnn.conv.fp32_precision = "ieee"  # torch 2.9 and newer
    else:
        torch.backends.cudnn.allow_tf32 = False


def cpu_name() -> str:
    """Product name of the processor, or the architecture where it has none to tell."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def _gpu_count() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _gpu(index: int) -> Device:
    return Device(torch.device("cuda", index), torch.cuda.get_device_name(index))


def _unsupported(index: int) -> Message | None:
    capability = torch.cuda.get_device_capability(index)
    if has_kernels(capability, torch.cuda.get_arch_list()):
        return None
    values = {
        "name": torch.cuda.get_device_name(index),
        "arch": "sm_{}{}".format(*capability),
        "version": torch.__version__,
    }
    if capability < (7, 5):
        # From torch 2.8 on only the builds for CUDA 12.6 have them, and 2.14 is the last release
        # with such a build: github.com/pytorch/pytorch/issues/157517, /172352 and /190385.
        return Message(
            "The {name} ({arch}) needs an older build of torch: {version} has no kernels for it; "
            "torch 2.6 to 2.14 for CUDA 12.6 (its cu126 wheels) has.",
            **values,
        )
    return Message(
        "The {name} ({arch}) needs another build of torch: {version} has no kernels for it; take "
        "the newest release.",
        **values,
    )


def has_kernels(capability: tuple[int, int], architectures: list[str]) -> bool:
    """Return whether a build for ``architectures`` (``["sm_75", ..., "compute_120"]``) runs on a
    GPU of this compute capability.

    Machine code runs on the same major version from its own minor version on; PTX
    (``compute_``) on everything newer (CUDA C++ Programming Guide, "Application
    Compatibility"). Code for one GPU or family alone (``sm_90a``, ``sm_120f``) does not count.
    """
    for architecture in architectures:
        match = re.fullmatch(r"(sm|compute)_(\d+)(\d)", architecture)
        if not match:
            continue
        major, minor = int(match[2]), int(match[3])
        if match[1] == "compute" and capability >= (major, minor):
            return True
        if match[1] == "sm" and capability[0] == major and capability[1] >= minor:
            return True
    return False
