"""Weights as a network that takes images as they are, and the images that it is checked on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data.data_choice import DataChoice, choice_of, choose_data
from workbench.data.datasets import load_data
from workbench.data.kept_images import kept_test_images
from workbench.data.progress import DataProgress
from workbench.engine.evaluation import EVALUATION_BATCH
from workbench.engine.steps import scaling_of
from workbench.exporters.job import Job, Source
from workbench.library.weights import Weights, build_from, load_weights, statistics_of
from workbench.messages import Message, WorkbenchError


class Deployable(nn.Module):
    """A network with its pixel scaling inside.

    Input: uint8 (N, 32, 32, 3), R G B. Outputs: logits and probabilities, float32 (N, classes).
    """

    factor: Tensor
    offset: Tensor

    def __init__(self, weights: Weights, path: Path) -> None:
        """Raise :class:`WorkbenchError` where it is not known how pixels were scaled; ``path`` is
        the file of the weights."""
        super().__init__()
        statistics = statistics_of(weights)
        if weights.experiment.normalization == "dataset" and statistics is None:
            raise WorkbenchError(
                "{path}: does not say which mean and deviation its pixels were scaled with.",
                path=path,
            )
        scaling = scaling_of(weights.experiment, statistics)
        self.network = build_from(weights)
        self.register_buffer("factor", scaling.factor)
        self.register_buffer("offset", scaling.offset)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        pixels = images.permute(0, 3, 1, 2).to(torch.float32) * self.factor + self.offset
        logits = self.network(pixels)
        return logits, logits.softmax(1)


def load_source(source: Source, job: Job) -> Weights:
    """Return the weights of ``source``; what they do not say is told to whoever asked."""
    assert source.weights is not None
    weights = load_weights(source.weights)
    job.said += weights.notes
    return weights


@dataclass(frozen=True)
class TestedOn:
    """Images that a network is checked on: uint8 (N, 32, 32, 3); ``name`` of their data set."""

    __test__ = False  # pytest takes the name for a test

    name: str
    images: np.ndarray

    def batches(self) -> Iterator[np.ndarray]:
        """Yield the images in batches."""
        for start in range(0, len(self.images), EVALUATION_BATCH):
            yield self.images[start : start + EVALUATION_BATCH]


def images_to_check_on(source: Source, weights: Weights, job: Job) -> TestedOn:
    """Return the test images of the data that the weights were trained on, or of the job's own
    choice; those of the sample where neither is on this machine, which is said."""
    if job.images is not None:
        return _load(choose_data(job.images), job)
    data = (source.record.data if source.record is not None else None) or weights.data or {}
    kept = kept_test_images(str(data.get("fingerprint", "")))
    if kept is not None:
        return TestedOn(str(data.get("name", "")), kept.images)
    if data:
        try:
            return _load(choice_of(data), job)
        except WorkbenchError:
            pass  # said below
    job.said.append(
        Message(
            "{name}: the test images that it was trained with are not on this machine; it was "
            "checked on those of the sample.",
            name=source.name,
        )
    )
    return _load(choose_data("sample"), job)


def _load(choice: DataChoice, job: Job) -> TestedOn:
    def progress(event: DataProgress) -> None:
        job.progress(event.done, event.total)

    data = load_data(choice, progress, job.stop)
    return TestedOn(data.info.name, data.test_images.numpy())
