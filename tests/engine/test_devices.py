"""Which device is taken, and the sentence where a GPU is not."""

from __future__ import annotations

import pytest
import torch

from workbench.engine import devices
from workbench.engine.devices import choose_device, has_kernels
from workbench.messages import WorkbenchError

TODAY = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"]


@pytest.mark.parametrize(
    ("capability", "architectures", "runs"),
    [
        ((6, 1), TODAY, False),
        ((6, 1), ["sm_50", "sm_60", "sm_70"], True),
        ((7, 5), TODAY, True),
        ((8, 9), TODAY, True),
        ((9, 0), ["sm_90a"], False),
        ((10, 3), TODAY, True),
        ((13, 0), TODAY, True),
        ((8, 0), ["sm_86"], False),
        ((8, 0), [], False),
    ],
)
def test_which_gpus_a_build_has_kernels_for(
    capability: tuple[int, int], architectures: list[str], runs: bool
) -> None:
    assert has_kernels(capability, architectures) is runs


def _pretend(monkeypatch: pytest.MonkeyPatch, gpus: list[tuple[str, tuple[int, int]]]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(gpus))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(gpus))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: gpus[index][0])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: gpus[index][1])
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: TODAY)


def test_auto_leaves_a_gtx_1060_and_says_which_build_would_serve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _pretend(monkeypatch, [("GeForce GTX 1060 6GB", (6, 1))])
    device = choose_device("auto")
    assert device.device.type == "cpu"
    assert "GTX 1060" in str(device.note)
    assert "CUDA 12.6" in str(device.note)
    with pytest.raises(WorkbenchError, match="sm_61"):
        choose_device("cuda")


def test_auto_takes_the_first_gpu_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, [("GeForce GTX 1060 6GB", (6, 1)), ("H100", (9, 0))])
    assert choose_device("auto").device == torch.device("cuda", 1)
    assert choose_device("auto").note is None


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, [])
    assert choose_device("auto").device.type == "cpu"
    for wanted in ("cuda", "cuda:3"):
        with pytest.raises(WorkbenchError, match="finds 0 GPUs"):
            choose_device(wanted)
    with pytest.raises(WorkbenchError, match="there is no such device"):
        choose_device("tpu")


def test_bfloat16_is_refused_where_the_device_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_bfloat16", lambda device: False)
    cpu = devices.Device(torch.device("cpu"), "Some CPU")
    with pytest.raises(WorkbenchError, match="Some CPU has no bfloat16 arithmetic"):
        devices.require_precision(cpu, "bfloat16")
    devices.require_precision(cpu, "float32")
