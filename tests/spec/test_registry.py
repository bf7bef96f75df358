"""A network, an optimizer and a scheduler of somebody else, added as anybody would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from workbench.spec.experiment import (
    HYPERPARAMETERS,
    Experiment,
    ExperimentError,
    experiment_from,
    with_changes,
)
from workbench.spec.networks import IMAGE, NETWORKS, Layer, Network, weight_bytes
from workbench.spec.optimizers import OPTIMIZERS, Optimizer
from workbench.spec.registry import Choice, Registry, resolve
from workbench.spec.schedulers import SCHEDULERS, Scheduler


def toy_layers(experiment: Experiment, classes: int) -> Sequence[Layer]:
    return (
        Layer("flatten", "", IMAGE, (3072,)),
        Layer("linear", "layer.0", (3072,), (classes,)),
    )


@pytest.fixture
def toys() -> Iterator[None]:
    NETWORKS.add(Network("toy", "Toy", "One linear layer.", layers=toy_layers))
    OPTIMIZERS.add(Optimizer("toy", "Toy SGD", "Without anything.", build="torch.optim:SGD"))
    SCHEDULERS.add(
        Scheduler("halving", "Halving", rate=lambda e, n: e.learning_rate / 2 ** (n - 1))
    )
    yield
    for registry, name in ((NETWORKS, "toy"), (OPTIMIZERS, "toy"), (SCHEDULERS, "halving")):
        registry.remove(name)


def test_names_are_plain_and_taken_once() -> None:
    registry: Registry[Choice] = Registry(Choice("one", "One"))
    for name in ("one", "Two", "a b", "", "../x", "x" * 41):
        with pytest.raises(ValueError, match=r"name|there already"):
            registry.add(Choice(name, "A label"))
    assert list(registry) == ["one"]


def test_a_builder_may_be_named_where_it_is() -> None:
    assert resolve("math:sqrt")(9.0) == 3.0
    assert resolve(abs)(-2) == 2


@pytest.mark.usefixtures("toys")
def test_a_registered_choice_can_be_written_and_shown() -> None:
    experiment = experiment_from({"network": "toy", "optimizer": "toy", "scheduler": "halving"})
    assert HYPERPARAMETERS["network"].choices["toy"] == "Toy"
    assert experiment.learning_rate_at(3) == experiment.learning_rate / 4
    assert experiment_from(experiment.values()) == experiment


@pytest.mark.usefixtures("toys")
def test_what_a_choice_does_not_use_is_off_and_refused() -> None:
    experiment = experiment_from({"network": "toy", "optimizer": "toy", "scheduler": "halving"})
    off = {"activation", "dropout", "batch_norm", "momentum", "step_size", "gamma"}
    assert off <= experiment.without_effect()
    with pytest.raises(ExperimentError, match="dropout: has no effect while network is toy") as e:
        experiment_from({"network": "toy", "dropout": 0.5})
    assert "set network to cnn" in str(e.value)
    with pytest.raises(ExperimentError, match="momentum"):
        with_changes(experiment, {"momentum": "0.9"})
    regularized = experiment_from({"dropout": 0.3, "batch_norm": True, "test_mode": "train"})
    assert with_changes(regularized, {"network": "toy"}).dropout == 0.0


def test_an_unknown_choice_is_refused_with_those_that_there_are() -> None:
    for value in ("transformer", 3, None, ["cnn"]):
        with pytest.raises(ExperimentError, match="network: must be one of cnn"):
            experiment_from({"network": value})


@pytest.mark.usefixtures("toys")
def test_size_and_layers_come_from_the_declaration() -> None:
    experiment = experiment_from({"network": "toy"})
    assert weight_bytes(experiment, 7) == 4 * (3072 * 7 + 7)
    assert sum(layer.multiply_adds for layer in toy_layers(experiment, 7)) == 3072 * 7


def test_a_choice_brings_its_korean_words() -> None:
    from workbench.window.kit.translation import read_texts

    NETWORKS.add(Network("toy", "Toy", korean={"Toy": "장난감"}))
    try:
        assert read_texts("ko")["Toy"] == "장난감"
    finally:
        NETWORKS.remove("toy")
    assert "Toy" not in read_texts("ko")
