"""A look inside saved weights: filters, maps of an image and saliency, for any network."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench.data.data_choice import DataInfo
from workbench.data.datasets import DataSet
from workbench.engine.look_inside import first_filters, grad_cam, gradient_saliency, layer_outputs
from workbench.engine.steps import pixel_scaling
from workbench.library import weights as weight_files
from workbench.messages import WorkbenchError
from workbench.running.failures import explain

log = logging.getLogger("workbench")


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """The output of a layer for one image: ``maps``, float32, (some of its channels, height,
    width); ``channels`` is how many it has."""

    name: str
    kind: str
    channels: int
    maps: np.ndarray


@dataclass(frozen=True, eq=False)
class Inside:
    """What a network does with one image.

    Args:
        classes: names of the classes.
        probabilities: float64, (classes,).
        target: the class that ``saliency`` and ``cam`` are of.
        pixels: the image, uint8, (32, 32, 3).
        filters: weights of the first convolution, float32, (filters, 3, height, width), or
            ``None`` without one.
        layers: in the order of the pass.
        saliency: float32, (32, 32), :func:`~workbench.engine.look_inside.gradient_saliency`.
        cam: float32, (32, 32), :func:`~workbench.engine.look_inside.grad_cam`, or ``None`` without
            a convolution.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray
    target: int
    pixels: np.ndarray
    filters: np.ndarray | None
    layers: tuple[LayerMaps, ...]
    saliency: np.ndarray
    cam: np.ndarray | None


def look_inside(path: Path, image: np.ndarray, target: int | None = None) -> Inside:
    """Look at what the weights in the file ``path`` do with an image.

    Computes on the CPU and draws no random number: it may be called while a run trains.

    Args:
        image: uint8, (32, 32, 3).
        target: the class that is explained; by default the most probable one.

    Raises:
        WorkbenchError: where the weights cannot be read, do not say how their pixels are scaled,
            or give a score that is not a number.
    """
    try:
        weights = weight_files.load_weights(path)
        statistics = weight_files.statistics_of(weights)
        if weights.experiment.normalization == "dataset" and statistics is None:
            raise WorkbenchError(
                "{path}: does not say which mean and deviation its pixels were scaled with.",
                path=path,
            )
        network = weight_files.build_from(weights)
        pixels = _scaled(weights, image, statistics)
        with torch.no_grad():
            probabilities = network(pixels)[0].double().softmax(0).numpy()
        if not np.isfinite(probabilities).all():
            raise WorkbenchError(
                "{path}: gives scores that are not numbers; there is nothing to explain.", path=path
            )
        chosen = int(probabilities.argmax()) if target is None else target
        filters, cam = first_filters(network), grad_cam(network, pixels, chosen)
        return Inside(
            classes=weights.classes,
            probabilities=probabilities,
            target=chosen,
            pixels=image,
            filters=None if filters is None else filters.numpy(),
            layers=tuple(
                LayerMaps(one.name, one.kind, one.channels, one.maps.numpy())
                for one in layer_outputs(network, pixels)
            ),
            saliency=gradient_saliency(network, pixels, chosen).numpy(),
            cam=None if cam is None else cam.numpy(),
        )
    except WorkbenchError:
        raise
    except Exception as error:
        log.exception("The look inside failed")
        raise WorkbenchError(explain(error, path.parent)) from None


def filters_of(path: Path) -> np.ndarray | None:
    """Return the filters of the first convolution of the weights in the file ``path``, float32,
    (filters, inputs, height, width); ``None`` in a network without any.

    Draws no random number: it may be called while a run trains.

    Raises:
        WorkbenchError: where the weights cannot be read.
    """
    try:
        filters = first_filters(weight_files.build_from(weight_files.load_weights(path)))
    except WorkbenchError:
        raise
    except Exception as error:
        log.exception("The filters could not be read")
        raise WorkbenchError(explain(error, path.parent)) from None
    return None if filters is None else filters.numpy()


def _scaled(
    weights: weight_files.Weights,
    image: np.ndarray,
    statistics: tuple[torch.Tensor, torch.Tensor] | None,
) -> torch.Tensor:
    """The image as the network gets it, float32, (1, 3, 32, 32)."""
    nothing = torch.zeros(0, dtype=torch.int64)
    data = DataSet(
        info=DataInfo("folder", "image", weights.classes, 0, 1, "", False),
        train_images=torch.zeros((0, 32, 32, 3), dtype=torch.uint8),
        train_labels=nothing,
        test_images=torch.from_numpy(np.array(image[None])),  # a copy, may be written
        test_labels=nothing,
    )
    scaling = pixel_scaling(weights.experiment, data, statistics)
    return scaling(data.test_images).contiguous()
