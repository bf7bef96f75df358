"""A look inside saved weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.data.datasets import DataSet
from workbench.engine.networks import build_network
from workbench.library.weights import Weights, save_weights
from workbench.messages import WorkbenchError
from workbench.running.inference import predict_images
from workbench.running.inside import look_inside
from workbench.spec.experiment import Experiment, experiment_from

CLASSES = tuple(f"class {number}" for number in range(10))
DATA = {"kind": "sample", "name": "sample", "classes": CLASSES}


def saved(folder: Path, experiment: Experiment, scale: float = 1.0, **metrics: object) -> Path:
    torch.manual_seed(0)
    state = build_network(experiment, 10).state_dict()
    weights = {name: value * scale for name, value in state.items()}
    path = folder / "weights.pkl"
    save_weights(path, Weights(experiment, CLASSES, weights, "001", metrics, DATA))
    return path


def test_it_explains_what_the_weights_say(tmp_path: Path, small: DataSet) -> None:
    path = saved(tmp_path, experiment_from({"normalization": "half"}))
    image = small.test_images[3].numpy()
    inside = look_inside(path, image)
    asked = predict_images(path, image[None], device="cpu")
    np.testing.assert_allclose(inside.probabilities, asked.probabilities[0], rtol=1e-5)
    assert inside.target == asked.probabilities[0].argmax()
    assert inside.classes == CLASSES
    assert inside.filters is not None
    assert inside.filters.shape[1] == 3
    assert inside.layers[0].channels == len(inside.filters)
    assert inside.saliency.shape == inside.cam.shape == (32, 32)  # type: ignore[union-attr]
    other = look_inside(path, image, target=(inside.target + 1) % 10)
    assert other.target != inside.target
    assert not np.array_equal(other.saliency, inside.saliency)


def test_weights_that_cannot_be_asked_are_one_sentence(tmp_path: Path, small: DataSet) -> None:
    image = small.test_images[0].numpy()
    path = saved(tmp_path, experiment_from({"normalization": "dataset"}))
    with pytest.raises(WorkbenchError, match="does not say which mean and deviation"):
        look_inside(path, image)
    path = saved(tmp_path, experiment_from({"normalization": "half"}), scale=1e30)
    with pytest.raises(WorkbenchError, match="scores that are not numbers"):
        look_inside(path, image)
    path.unlink()
    with pytest.raises(WorkbenchError, match=r"weights\.pkl"):
        look_inside(path, image)
