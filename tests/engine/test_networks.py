import copy
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.engine.networks import build_empty, build_network, prepare
from workbench.engine.steps import pixel_statistics
from workbench.spec.experiment import Experiment, experiment_from
from workbench.spec.networks import IMAGE, NETWORKS, Layer, Network, network_layers

PLAIN = experiment_from({})
REGULARIZED = experiment_from({"activation": "leaky_relu", "dropout": 0.2, "batch_norm": True})
NO_DROPOUT = experiment_from({"activation": "leaky_relu", "dropout": 0.0, "batch_norm": True})
ONLY_DROPOUT = experiment_from({"dropout": 0.2})

PLAIN_KEYS = {
    "layer.0.weight": (16, 3, 3, 3),
    "layer.0.bias": (16,),
    "layer.2.weight": (32, 16, 3, 3),
    "layer.2.bias": (32,),
    "layer.5.weight": (64, 32, 3, 3),
    "layer.5.bias": (64,),
    "fc_layer.0.weight": (100, 4096),
    "fc_layer.0.bias": (100,),
    "fc_layer.2.weight": (10, 100),
    "fc_layer.2.bias": (10,),
}

REGULARIZED_KEYS = {
    "layer.0.weight": (16, 3, 3, 3),
    "layer.0.bias": (16,),
    "layer.3.weight": (16,),
    "layer.3.bias": (16,),
    "layer.3.running_mean": (16,),
    "layer.3.running_var": (16,),
    "layer.3.num_batches_tracked": (),
    "layer.4.weight": (32, 16, 3, 3),
    "layer.4.bias": (32,),
    "layer.7.weight": (32,),
    "layer.7.bias": (32,),
    "layer.7.running_mean": (32,),
    "layer.7.running_var": (32,),
    "layer.7.num_batches_tracked": (),
    "layer.9.weight": (64, 32, 3, 3),
    "layer.9.bias": (64,),
    "layer.12.weight": (64,),
    "layer.12.bias": (64,),
    "layer.12.running_mean": (64,),
    "layer.12.running_var": (64,),
    "layer.12.num_batches_tracked": (),
    "fc_layer.0.weight": (100, 4096),
    "fc_layer.0.bias": (100,),
    "fc_layer.3.weight": (100,),
    "fc_layer.3.bias": (100,),
    "fc_layer.3.running_mean": (100,),
    "fc_layer.3.running_var": (100,),
    "fc_layer.3.num_batches_tracked": (),
    "fc_layer.4.weight": (10, 100),
    "fc_layer.4.bias": (10,),
}

ONLY_DROPOUT_KEYS = {
    "layer.0.weight": (16, 3, 3, 3),
    "layer.0.bias": (16,),
    "layer.3.weight": (32, 16, 3, 3),
    "layer.3.bias": (32,),
    "layer.7.weight": (64, 32, 3, 3),
    "layer.7.bias": (64,),
    "fc_layer.0.weight": (100, 4096),
    "fc_layer.0.bias": (100,),
    "fc_layer.3.weight": (10, 100),
    "fc_layer.3.bias": (10,),
}

ALL = [PLAIN, REGULARIZED, NO_DROPOUT, ONLY_DROPOUT]
KNOWN = [experiment_from({"network": name}) for name in ("resnet9", "airbench94", "resnet18")]
WIDE = experiment_from({"channels": "8, 8, 8, 8, 8, 8", "batch_norm": True})


@pytest.mark.parametrize(
    ("experiment", "keys"),
    [
        (PLAIN, PLAIN_KEYS),
        (REGULARIZED, REGULARIZED_KEYS),
        (NO_DROPOUT, REGULARIZED_KEYS),
        (ONLY_DROPOUT, ONLY_DROPOUT_KEYS),
    ],
)
def test_weight_keys_and_shapes(experiment: Experiment, keys: dict[str, tuple[int, ...]]) -> None:
    for network in (build_network(experiment, 10), build_empty(experiment, 10)):
        found = {key: tuple(value.shape) for key, value in network.state_dict().items()}
        assert list(found.items()) == list(keys.items())


def types(modules: nn.Sequential) -> list[type[nn.Module]]:
    return [type(module) for module in modules]


def test_modules_of_the_plain_network() -> None:
    network = build_empty(PLAIN, 10)
    assert types(network.layer) == [
        *(nn.Conv2d, nn.ReLU),
        *(nn.Conv2d, nn.ReLU, nn.MaxPool2d),
        *(nn.Conv2d, nn.ReLU, nn.MaxPool2d),
    ]
    assert types(network.fc_layer) == [nn.Linear, nn.ReLU, nn.Linear]


@pytest.mark.parametrize("experiment", [REGULARIZED, NO_DROPOUT])
def test_modules_of_the_regularized_network(experiment: Experiment) -> None:
    network = build_empty(experiment, 10)
    after = (nn.LeakyReLU, nn.Dropout2d, nn.BatchNorm2d)
    assert types(network.layer) == [
        *(nn.Conv2d, *after),
        *(nn.Conv2d, *after, nn.MaxPool2d),
        *(nn.Conv2d, *after, nn.MaxPool2d),
    ]
    assert types(network.fc_layer) == [
        *(nn.Linear, nn.LeakyReLU, nn.Dropout, nn.BatchNorm1d),
        nn.Linear,
    ]
    dropouts = [m.p for m in network.modules() if isinstance(m, nn.Dropout | nn.Dropout2d)]
    assert dropouts == [experiment.dropout] * 4


def test_modules_with_dropout_alone() -> None:
    network = build_empty(ONLY_DROPOUT, 10)
    assert types(network.layer) == [
        *(nn.Conv2d, nn.ReLU, nn.Dropout2d),
        *(nn.Conv2d, nn.ReLU, nn.Dropout2d, nn.MaxPool2d),
        *(nn.Conv2d, nn.ReLU, nn.Dropout2d, nn.MaxPool2d),
    ]
    assert types(network.fc_layer) == [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]


def test_convolutions_keep_the_size_and_pools_halve_it() -> None:
    network = build_empty(PLAIN, 10)
    for module in network.layer:
        if isinstance(module, nn.Conv2d):
            assert (module.kernel_size, module.padding, module.stride) == ((3, 3), (1, 1), (1, 1))
        if isinstance(module, nn.MaxPool2d):
            assert (module.kernel_size, module.stride) == (2, 2)


@pytest.mark.parametrize("experiment", [*ALL, *KNOWN, WIDE])
@pytest.mark.parametrize("classes", [10, 3])
def test_output(experiment: Experiment, classes: int) -> None:
    network = build_network(experiment, classes)
    for training in (True, False):
        logits = network.train(training)(torch.rand(5, 3, 32, 32))
        assert logits.shape == (5, classes)
        assert logits.dtype is torch.float32
        assert logits.isfinite().all()


@pytest.mark.parametrize("experiment", ALL)
def test_build_empty_leaves_the_random_state_alone(experiment: Experiment) -> None:
    before = torch.get_rng_state()
    network = build_empty(experiment, 10)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(value.is_meta for value in network.state_dict().values())
    build_network(experiment, 10)  # which does draw
    assert not torch.equal(torch.get_rng_state(), before)


def test_the_same_random_state_gives_the_same_weights() -> None:
    def weights() -> dict[str, torch.Tensor]:
        with torch.random.fork_rng():
            torch.manual_seed(7)
            return build_network(REGULARIZED, 10).state_dict()

    one, other = weights(), weights()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("experiment", [*ALL, *KNOWN, WIDE])
def test_the_declared_layers_are_those_of_the_network(experiment: Experiment) -> None:
    network = build_network(experiment, 7).eval()
    layers = network_layers(experiment, 7)
    shapes = {}
    for name, module in network.named_modules():
        module.register_forward_hook(
            lambda _, __, output, name=name: shapes.update({name: tuple(output.shape[1:])})
        )
    network(torch.rand(2, 3, 32, 32))
    assert {layer.key: layer.outputs for layer in layers if layer.key}.items() <= shapes.items()
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    kept = sum(value.numel() for value in network.state_dict().values())
    assert sum(layer.parameters for layer in layers) == trained
    assert sum(layer.buffers for layer in layers) == kept - trained


GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "network_keys.json").read_text())


@pytest.mark.parametrize("name", GOLDEN)
def test_keys_and_shapes_stay_what_files_have(name: str) -> None:
    network, _, channels = name.partition(" ")
    values = {"network": network, **({"channels": channels} if channels else {})}
    state_dict = build_empty(experiment_from(values), 10).state_dict()
    assert [[key, list(value.shape)] for key, value in state_dict.items()] == GOLDEN[name]


def test_sizes_are_those_that_the_sources_name() -> None:
    def size(name: str) -> tuple[int, int]:
        layers = network_layers(experiment_from({"network": name}), 10)
        return sum(e.parameters for e in layers), sum(e.multiply_adds for e in layers)

    # He et al. and its CIFAR form: 11.17 million, 0.56 billion multiply-adds.
    assert size("resnet18") == (11_173_962, 555_422_720)
    assert size("resnet9")[0] == 6_573_120
    # 0.36 PFLOPs in the paper: 9.9 epochs of 50,000 images, forward and twice that backward, two
    # operations a multiply-add.
    assert size("airbench94")[1] * 9.9 * 50_000 * 3 * 2 == pytest.approx(0.36e15, rel=0.03)


def test_a_copy_of_a_network_with_branches_has_its_own_weights() -> None:
    with torch.random.fork_rng():
        network = build_network(KNOWN[2], 10).eval()
    copied = copy.deepcopy(network)
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        before = network(images)
        for parameter in network.parameters():
            parameter.zero_()
        assert torch.equal(copied(images), before)


def test_airbench94_whitens_patches_of_the_training_images() -> None:
    generator = torch.Generator().manual_seed(3)
    smooth = torch.rand(300, 9, 9, 3, generator=generator).repeat_interleave(4, 1)
    images = (255 * smooth.repeat_interleave(4, 2)[:, :32, :32]).to(torch.uint8)
    experiment = experiment_from({"network": "airbench94", "normalization": "dataset"})
    with torch.random.fork_rng():
        network = build_network(experiment, 10)
    state = torch.get_rng_state()
    mean, deviation = pixel_statistics(images)

    def scaling(pixels: torch.Tensor) -> torch.Tensor:
        return ((pixels - mean) / deviation).float().permute(0, 3, 1, 2)

    prepare(network, experiment, images, scaling)
    assert torch.equal(torch.get_rng_state(), state)
    weight = network.get_parameter("0.weight")
    assert not weight.requires_grad
    assert torch.equal(weight[:12], -weight[12:])
    with torch.no_grad():
        filtered = F.conv2d(scaling(images), weight[:12]).transpose(0, 1).flatten(1).double()
    covariance = filtered @ filtered.T / filtered.shape[1]
    # White but for what is added to the variances, most in the least direction.
    assert (covariance - torch.diag(covariance.diagonal())).abs().max() < 1e-3
    assert (covariance.diagonal()[:6] - 1).abs().max() < 0.02
    # The convolutions begin as identities.
    first = network.get_parameter("2.conv1.weight")
    assert torch.equal(first[:24, :, 1, 1], torch.eye(24))


def test_a_network_of_declared_layers_needs_no_code_of_its_own() -> None:
    def layers(experiment: Experiment, classes: int) -> list[Layer]:
        return [
            Layer("flatten", "", IMAGE, (3072,)),
            Layer("linear", "layer.0", (3072,), (classes,)),
        ]

    NETWORKS.add(Network("toy", "Toy", layers=layers))
    try:
        network = build_network(experiment_from({"network": "toy"}), 5)
    finally:
        NETWORKS.remove("toy")
    assert network(torch.rand(4, 3, 32, 32)).shape == (4, 5)
    assert list(network.state_dict()) == ["layer.0.weight", "layer.0.bias"]
