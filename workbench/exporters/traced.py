"""What the formats with a network inside share: an example, what is said where a network does not
fit in, and the comparison on the test images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.exporters.deployable import Deployable, TestedOn
from workbench.exporters.job import Job
from workbench.messages import WorkbenchError

log = logging.getLogger("workbench")

Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Logits and probabilities, float32 (N, classes), of uint8 (N, 32, 32, 3)."""


def exported_program(path: Path, network: Deployable, label: str) -> torch.export.ExportedProgram:
    """Return ``network`` as torch.export has it, for any number of images.

    Raises :class:`WorkbenchError` where the format called ``label`` cannot hold it.
    """
    example = torch.zeros((2, 32, 32, 3), dtype=torch.uint8)
    try:
        with torch.no_grad(), one_precision():
            program = torch.export.export(
                network, (example,), dynamic_shapes=({0: torch.export.Dim("images", min=1)},)
            )
    except Exception as error:
        raise cannot_hold(path, label, error) from None
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names the folders of this machine
    return program


@contextmanager
def one_precision() -> Iterator[None]:
    """Give cuDNN's convolutions the precision of the rest of cuDNN, and put both back.

    torch.export asks for one setting of all cuDNN and fails where a training has set that of
    convolutions (:func:`~workbench.engine.devices.use_full_float32`). Where it fails there it
    leaves oneDNN off, so that later trainings of the process would give other numbers.
    """
    cudnn: Any = torch.backends.cudnn
    conv = getattr(cudnn, "conv", None)  # torch 2.9 and newer
    before = conv.fp32_precision if conv is not None else None
    onednn = torch.backends.mkldnn.enabled
    try:
        if conv is not None:
            conv.fp32_precision = cudnn.rnn.fp32_precision
        yield
    finally:
        if conv is not None:
            conv.fp32_precision = before
        torch.backends.mkldnn.enabled = onednn


def cannot_hold(path: Path, label: str, error: Exception) -> WorkbenchError:
    """Return the sentence for a network that does not fit into a format; torch's own goes to the
    log."""
    log.warning("%s: the network cannot be exported", path, exc_info=error)
    return WorkbenchError(
        "{path}: {label} cannot hold this network ({kind}); export its weights as safetensors.",
        path=path,
        label=label,
        kind=type(error).__name__,
    )


def compare(network: Deployable, run: Run, images: TestedOn, job: Job) -> tuple[int, float]:
    """Run all test images through both.

    Returns how many images get another class, and the largest difference of two logits (0 where
    both are NaN, or infinite alike). Raises :class:`Cancelled`.
    """
    done = different = 0
    largest = 0.0
    with torch.no_grad():
        for batch in images.batches():
            job.look()
            ours = network(torch.from_numpy(batch))[0].numpy()
            theirs = run(batch)[0]
            different += int((ours.argmax(1) != theirs.argmax(1)).sum())
            with np.errstate(invalid="ignore"):
                gap = np.abs(ours.astype(np.float64) - theirs)
            same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
            largest = max(largest, float(np.where(same, 0.0, np.nan_to_num(gap, nan=np.inf)).max()))
            done += len(batch)
            job.progress(done, len(images.images))
    return different, largest
