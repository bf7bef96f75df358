"""Loads a data set to look at, with what a network would get of its images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from workbench.data.arrays import Progress
from workbench.data.browsed import BrowsedData
from workbench.data.data_choice import DataChoice
from workbench.data.datasets import load_data
from workbench.data.duplicates import find_duplicates
from workbench.data.kept_images import test_order
from workbench.engine.augmentation import Augmenter
from workbench.engine.steps import pixel_scaling, pixel_statistics
from workbench.spec.augmentations import augmentations
from workbench.spec.experiment import Experiment


def browse(choice: DataChoice, progress: Progress, stop: Callable[[], bool]) -> BrowsedData:
    """Load ``choice`` and look through it.

    ``progress`` and ``stop`` as in :func:`load_data`, which also says what is raised.
    """
    data = load_data(choice, progress, stop)
    own_order = np.argsort(test_order(len(data.test_labels)))  # the test split is kept shuffled
    images = (data.train_images.numpy(), data.test_images.numpy()[own_order])
    labels = (data.train_labels.numpy(), data.test_labels.numpy()[own_order])
    training, test = pixel_statistics(data.train_images), pixel_statistics(data.test_images)

    def network_input(experiment: Experiment, split: int, index: int) -> np.ndarray:
        scaling = pixel_scaling(experiment, data, training)
        image = torch.from_numpy(images[split][index : index + 1])
        return scaling(image)[0].permute(1, 2, 0).contiguous().numpy()

    def augmented(experiment: Experiment, index: int, count: int) -> np.ndarray | None:
        if not augmentations(experiment):
            return None
        # The image as often as epochs are drawn: an epoch draws once for each image.
        image = data.train_images[index : index + 1].expand(count, -1, -1, -1).contiguous()
        repeated = replace(
            data, train_images=image, train_labels=data.train_labels[index].expand(count)
        )
        augmenter = Augmenter(experiment, repeated, pixel_scaling(experiment, data, training))
        augmenter.random.manual_seed(index)
        augmenter.begin_epoch(1)
        return augmenter(image, torch.arange(count)).numpy()

    classes = len(data.info.classes)
    train_count, test_count = (np.bincount(own, minlength=classes) for own in labels)
    return BrowsedData(
        info=data.info,
        images=images,
        labels=labels,
        counts=(train_count, test_count),
        means=(training[0].numpy(), test[0].numpy()),
        deviations=(training[1].numpy(), test[1].numpy()),
        duplicates=find_duplicates(*images, *labels, stop, progress),
        network_input=network_input,
        augmented=augmented,
    )
