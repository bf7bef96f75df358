"""What holds for the whole process that trains or tests, before and after."""

from __future__ import annotations

import gc

import torch

from workbench.engine.devices import use_full_float32
from workbench.engine.memory import give_memory_back, keep_freed_memory


def prepare_process() -> None:
    """Return what every training and test of this process relies on."""
    use_full_float32()
    keep_freed_memory()


def free_memory() -> None:
    """Give back what a run or a test leaves behind, also on the GPU."""
    gc.collect()
    give_memory_back()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
