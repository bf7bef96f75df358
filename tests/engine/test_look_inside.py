"""The look inside a network, by worked examples and on every network that there is."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.engine.look_inside import (
    MOST_CHANNELS,
    first_filters,
    grad_cam,
    gradient_saliency,
    layer_outputs,
)
from workbench.engine.networks import build_network
from workbench.spec.experiment import experiment_from
from workbench.spec.networks import NETWORKS


class MeanOfMaps(nn.Module):
    """Two maps by a convolution of one pixel, ReLU, the mean of each, and two classes."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        self.relu = nn.ReLU(inplace=in_place)
        self.classes = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            # The first map is red, the second green minus blue.
            self.conv.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, -1]]).view(2, 3, 1, 1))
            self.classes.weight.copy_(torch.tensor([[4.0, -8.0], [0.0, 4.0]]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.classes(self.relu(self.conv(images)).mean((2, 3)))
        return scores


RED = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
GREEN = torch.tensor([[0.0, 1.0], [5.0, 1.0]])
BLUE = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
IMAGE = torch.stack([RED, GREEN, BLUE])[None]


@pytest.mark.parametrize("in_place", [False, True])
def test_the_arithmetic_of_a_small_network(in_place: bool) -> None:
    network = MeanOfMaps(in_place).eval()
    conv, relu = layer_outputs(network, IMAGE)
    assert (conv.name, conv.kind, relu.name) == ("conv", "Conv2d", "relu")
    second = GREEN - BLUE
    assert torch.equal(conv.maps, torch.stack([RED, second]))
    assert torch.equal(relu.maps, torch.stack([RED, second.relu()]))

    # d score / d map = weight / 4 pixels: 1 and -2 for class 0, 0 and 1 for class 1.
    # Class 0: of red 1 each, where red is above 0; of green and blue 2, where green - blue is.
    expected = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    assert torch.equal(gradient_saliency(network, IMAGE, 0), expected)
    assert torch.equal(gradient_saliency(network, IMAGE, 1), torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    # Class 0: red - 2 * relu(second), at least 0; class 1: relu(second).
    assert grad_cam(network, IMAGE, 0).tolist() == [[1.0, 0.0], [0.0, 3.0]]  # type: ignore[union-attr]
    assert grad_cam(network, IMAGE, 1).tolist() == [[0.0, 1.0], [4.0, 0.0]]  # type: ignore[union-attr]


def test_the_map_of_a_coarse_layer_is_enlarged_to_the_image() -> None:
    network = nn.Sequential(nn.Conv2d(3, 1, 16, stride=16, bias=False), nn.Flatten())
    with torch.no_grad():
        network[0].weight.fill_(1.0)
    image = torch.zeros(1, 3, 32, 32)
    image[:, :, :16, :16] = 1.0
    cam = grad_cam(network, image, 0)
    assert cam is not None
    assert cam.shape == (32, 32)
    assert cam[:8, :8].min() == cam.max() > 0
    assert cam[24:, 24:].max() == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_looked_into_and_stays_as_it_was(name: str) -> None:
    torch.manual_seed(0)
    network = build_network(experiment_from({"network": name}), 10).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)  # as some may be, and saved weights are
    image = torch.rand(1, 3, 32, 32)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    logits, random = network(image), torch.get_rng_state()

    filters = first_filters(network)
    assert filters is not None
    assert filters.ndim == 4
    assert filters.shape[1] == 3
    outputs = layer_outputs(network, image)
    first = outputs[0]
    assert first.kind == "Conv2d"
    conv = network.get_submodule(first.name)
    assert isinstance(conv, nn.Conv2d)
    expected = F.conv2d(image, conv.weight, conv.bias, conv.stride, conv.padding)
    torch.testing.assert_close(first.maps, expected[0, :MOST_CHANNELS])
    assert all(len(one.maps) == min(one.channels, MOST_CHANNELS) for one in outputs)
    saliency, cam = gradient_saliency(network, image, 3), grad_cam(network, image, 3)
    assert cam is not None
    for seen in (saliency, cam):
        assert seen.shape == (32, 32)
        assert seen.min() >= 0
        assert torch.isfinite(seen).all()
    assert saliency.max() > 0

    assert torch.equal(network(image), logits)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_a_network_without_convolution() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)).eval()
    image = torch.rand(1, 3, 32, 32)
    assert first_filters(network) is None
    assert layer_outputs(network, image) == []
    assert grad_cam(network, image, 0) is None
    saliency = gradient_saliency(network, image, 1)
    weights = network[1].weight.detach()[1].view(3, 32, 32).abs()
    torch.testing.assert_close(saliency, weights.amax(0))
