"""Look inside a trained network: its first filters, what each layer makes of an image, and which
pixels its answer depends on. Works on any network by hooks on its modules.

All functions take a network in evaluation mode, draw no random number and leave the network as it
was, so that they may be called beside a training of another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_CHANNELS = 64
"""Channels of a layer that are kept: enough to look at, and little memory in a wide network."""

_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout2d, nn.Flatten)
"""What changes no value in evaluation mode."""


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """What the module ``name`` of kind ``kind`` (its class) gave for one image: ``maps``, float32,
    (channels, height, width), the first :data:`MOST_CHANNELS` of its ``channels``."""

    name: str
    kind: str
    channels: int
    maps: Tensor


def first_filters(network: nn.Module) -> Tensor | None:
    """Return the weights of the first convolution, float32, (filters, inputs, height, width);
    ``None`` in a network without any."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight.detach().float().cpu()  # waits once, for what is shown
    return None


def layer_outputs(network: nn.Module, pixels: Tensor) -> list[LayerOutput]:
    """Return what every layer with channels of pixels makes of an image, in the order of the pass.

    Args:
        pixels: the scaled image, float32, (1, 3, height, width).
    """
    with torch.no_grad():
        found, _ = _watched(network, pixels)
    # A wait for each layer, of a few maps: once for an image that is looked at.
    return [
        LayerOutput(
            name,
            type(module).__name__,
            values.shape[1],
            values[0, :MOST_CHANNELS].float().cpu().contiguous(),
        )
        for name, module, values in found
    ]


def gradient_saliency(network: nn.Module, pixels: Tensor, target: int) -> Tensor:
    """Return how strongly the score of a class depends on each pixel, float32, (height, width).

    The magnitude of the gradient of the class score (the logit, not its softmax) with respect to
    the pixel, the largest of the three colors: Simonyan, Vedaldi and Zisserman, *Deep Inside
    Convolutional Networks*, 2014, section 3.1 (https://arxiv.org/abs/1312.6034).

    Args:
        pixels: the scaled image, float32, (1, 3, height, width).
        target: the class, from 0.
    """
    with torch.enable_grad():
        image = pixels.detach().clone().requires_grad_()
        score = network(image)[0, target]
        (gradient,) = torch.autograd.grad(score, image)
    return gradient[0].abs().amax(0).float().cpu()  # waits once, for what is shown


def grad_cam(network: nn.Module, pixels: Tensor, target: int) -> Tensor | None:
    """Return where the last convolution sees what speaks for a class, float32, (height, width), 0
    or more; ``None`` in a network without convolution.

    Grad-CAM: the maps of the last convolutional layer, weighted by the mean of the gradient of the
    class score with respect to each, summed, and negative values set to 0: Selvaraju et al.,
    *Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization*, 2017,
    equations 1 and 2 (https://arxiv.org/abs/1610.02391). Enlarged bilinearly to the size of the
    image. The maps are taken behind the activation where one follows at the same size.

    Args:
        pixels: the scaled image, float32, (1, 3, height, width).
        target: the class, from 0.
    """
    with torch.enable_grad():
        # A gradient flows through the whole network even where no weight asks for one.
        found, logits = _watched(network, pixels.detach().clone().requires_grad_())
        convolutions = [
            i for i, (_, module, _) in enumerate(found) if isinstance(module, nn.Conv2d)
        ]
        if not convolutions:
            return None
        shape = found[convolutions[-1]][2].shape
        maps = [values for *_, values in found[convolutions[-1] :] if values.shape == shape][-1]
        (gradient,) = torch.autograd.grad(logits[0, target], maps)
    weights = gradient.mean((2, 3), keepdim=True)
    cam = (weights * maps.detach()).sum(1, keepdim=True).relu().float()
    size = pixels.shape[2:]
    # Waits once, for what is shown.
    return F.interpolate(cam, size, mode="bilinear", align_corners=False)[0, 0].cpu()


def _watched(
    network: nn.Module, pixels: Tensor
) -> tuple[list[tuple[str, nn.Module, Tensor]], Tensor]:
    """Name, module and output of each leaf module that gives maps, as it runs, and the logits."""
    found: list[tuple[str, nn.Module, Tensor]] = []

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]:
        def hook(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
            if not isinstance(output, Tensor) or output.ndim != 4:
                return None
            # A copy goes on: what follows may change its input in place.
            found.append((name, module, output))
            return output.clone()

        return hook

    handles = [
        module.register_forward_hook(watch(name))
        for name, module in network.named_modules()
        if not any(module.children()) and not isinstance(module, _NOTHING)
    ]
    try:
        return found, network(pixels)
    finally:
        for handle in handles:
            handle.remove()
