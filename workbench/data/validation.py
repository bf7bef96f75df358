"""The validation split: training images that are kept from training, to choose by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from workbench.data.datasets import DataSet
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment
from workbench.spec.networks import may_have_batch_norm

SPLIT_STREAM = 20_000
"""Beside the seed, so that no other random number of the run comes from the same stream."""


def split_indices(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which images stay for training and which are for validation: ``share`` of each class,
    rounded (half up), drawn by a generator of its own from ``seed``.

    ``labels``: int64, (N,). Both results: int64, together each of 0 to N - 1 once; the training
    images in ascending order, those for validation in a random one: where the images of a class lie
    together, batch norm in training mode would else see batches of one class.
    """
    random = np.random.default_rng((SPLIT_STREAM, seed))
    chosen = [np.zeros(0, np.int64)]
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        count = int(share * len(own) + 0.5)
        chosen.append(random.permutation(own)[:count])
    validation = random.permutation(np.concatenate(chosen))
    return np.setdiff1d(np.arange(len(labels)), validation), validation


def split_validation(experiment: Experiment, data: DataSet) -> DataSet:
    """``data`` with the experiment's validation split taken out of its training images; as it is
    where the experiment has none. Its ``info`` stays that of the whole data set.

    Raises :class:`WorkbenchError` where the share leaves a class without training or without
    validation images, or fewer of either than batch norm can do with.
    """
    if not experiment.validation_share:
        return data
    # Waits for the device where the data lie there; once, before the run.
    labels = data.train_labels.cpu().numpy()
    training, validation = split_indices(labels, experiment.validation_share, experiment.seed)
    _require_images(experiment, data, labels, validation)
    kept, held_out = torch.from_numpy(training), torch.from_numpy(validation)
    device = data.train_labels.device
    kept, held_out = kept.to(device), held_out.to(device)
    return replace(
        data,
        train_images=data.train_images[kept],
        train_labels=data.train_labels[kept],
        validation_images=data.train_images[held_out],
        validation_labels=data.train_labels[held_out],
    )


def _require_images(
    experiment: Experiment, data: DataSet, labels: np.ndarray, validation: np.ndarray
) -> None:
    images = np.bincount(labels, minlength=len(data.info.classes))
    held_out = np.bincount(labels[validation], minlength=len(images))
    for name, count, taken in zip(data.info.classes, images, held_out, strict=True):
        if count and taken == 0:
            raise WorkbenchError(
                "validation_share: {share} of the {count} training images of {name} gives no "
                "image; choose a larger share, or 0 for no validation split.",
                share=experiment.validation_share,
                count=f"{count:,}",
                name=name,
            )
        if count and taken == count:
            raise WorkbenchError(
                "validation_share: {share} of the {count} training images of {name} leaves none to "
                "train on; choose a smaller share, or 0 for no validation split.",
                share=experiment.validation_share,
                count=f"{count:,}",
                name=name,
            )
    # Batch norm cannot train, nor be tested in training mode, on a single image.
    if (
        may_have_batch_norm(experiment.model_dump())
        and min(len(validation), len(labels) - len(validation)) < 2
    ):
        raise WorkbenchError(
            "validation_share: {share} of {count} training images leaves a single one on one side, "
            "and batch norm needs two; choose another share, or 0 for no validation split.",
            share=experiment.validation_share,
            count=f"{len(labels):,}",
        )
