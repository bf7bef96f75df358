"""Steps as a graph: the same training as step by step. Without a GPU the recording is played by
calling the recorded function; what only a GPU shows is in ``tests/benchmarks/gpu_check.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.conftest import cut
from tests.matrix import slow_after
from workbench.data.datasets import DataSet
from workbench.engine import graph_steps, training
from workbench.engine.control import RunControl
from workbench.engine.events import Event, Notice, StepsDone, WeightsReady
from workbench.engine.graph_steps import GRAPH_STEPS, GraphSteps, build_steps, left_as_it_was
from workbench.engine.networks import build_network
from workbench.engine.optimizers import build_optimizer
from workbench.engine.steps import EagerSteps, pixel_scaling
from workbench.spec.experiment import experiment_from

CPU = torch.device("cpu")


class Recorder:
    """Plays what was recorded by calling it, and counts."""

    def __init__(self) -> None:
        self.played = 0

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        def play() -> None:
            self.played += 1
            work()

        return play


def all_of(kind: type, data: DataSet, values: dict[str, Any], **more: Any) -> list[torch.Tensor]:
    """Weights, losses and counts of recognized images after two epochs with two learning rates."""
    experiment = experiment_from(values)
    torch.manual_seed(experiment.seed)
    network = build_network(experiment, 10).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(experiment, network.parameters(), CPU)
    scaling = pixel_scaling(experiment, data)
    steps = kind(experiment, network, optimizer, data, scaling, **more)
    orders = torch.Generator().manual_seed(1)
    losses = []
    for epoch, constant in ((1, 0.01), (2, 0.002)):
        rates = experiment.learning_rates(epoch, len(steps.bounds))
        if experiment.scheduler == "none":
            rates = [constant] * len(steps.bounds)
        order = torch.randperm(len(data.train_labels), generator=orders)
        steps.begin_epoch(order, rates, epoch)
        step = 0
        while step < len(steps.bounds):
            step += steps.advance(step)
        at_once, correct = steps.results(0, len(steps.bounds))
        assert at_once == steps.losses.tolist()
        losses += [steps.losses.clone(), torch.tensor(correct)]
    averaged = steps.averaged.state_dict().values()
    return [*network.state_dict().values(), *averaged, *losses]


@pytest.mark.parametrize(
    "values",
    [
        {"batch_size": 2},
        {"batch_size": 2, "momentum": 0.9, "weight_decay": 0.001},
        {"batch_size": 2, "optimizer": "adam", "activation": "leaky_relu", "dropout": 0.3},
        {"batch_size": 2, "optimizer": "adam", "batch_norm": True},
        {
            "batch_size": 2,
            "batch_norm": True,
            "momentum": 0.9,
            "nesterov": True,
            "weight_decay": 0.01,
            "decay_norm_and_bias": False,
            "label_smoothing": 0.1,
            "ema": 0.9,
            "scheduler": "cosine",
            "epochs": 2,
            "flip": "random",
            "crop_padding": 4,
            "cutout": 8,
        },
        {"batch_size": 2, "optimizer": "muon", "momentum": 0.9, "scheduler": "one_cycle"},
    ],
)
@pytest.mark.parametrize("images", slow_after(1, [69, 70, 2 * GRAPH_STEPS]))
def test_graphs_train_what_single_steps_train(
    values: dict[str, Any], images: int, sample: DataSet
) -> None:
    data = cut(sample, images, 20)
    recorder = Recorder()
    graph = all_of(GraphSteps, data, values, record=recorder)
    assert recorder.played == 2  # one graph in each of the two epochs, the rest one by one
    eager = all_of(EagerSteps, data, values)
    assert all(torch.equal(a, b) for a, b in zip(graph, eager, strict=True))


def test_a_data_set_too_small_for_a_graph_records_none(small: DataSet) -> None:
    recorder = Recorder()
    all_of(GraphSteps, small, {"batch_size": 16}, record=recorder)
    assert recorder.played == 0


@pytest.mark.slow
@pytest.mark.parametrize("slip", [False, True])
def test_a_whole_training_by_graphs_is_the_same(
    slip: bool, sample: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = cut(sample, 140, 30)
    experiment = experiment_from(
        {"batch_size": 2, "epochs": 2, "dropout": 0.2, "eval_after_first_step": slip}
    )

    def events() -> list[Event]:
        heard: list[Event] = []
        assert training.train(experiment, data, heard.append, RunControl()).status == "finished"
        return heard

    def losses(heard: list[Event]) -> list[float]:
        return [loss for e in heard if isinstance(e, StepsDone) for loss in e.losses]

    def weights(heard: list[Event]) -> dict[str, torch.Tensor]:
        return [e.state_dict for e in heard if isinstance(e, WeightsReady)][-1]

    eager = events()
    monkeypatch.setattr(
        training, "build_steps", lambda *a: (GraphSteps(*a, record=Recorder()), None)
    )
    graph = events()
    assert losses(graph) == losses(eager)
    assert all(torch.equal(weights(graph)[n], t) for n, t in weights(eager).items())


@pytest.mark.parametrize(
    "values", [{"optimizer": "adam"}, {"momentum": 0.9}, {"optimizer": "rmsprop"}]
)
def test_the_warm_up_leaves_nothing_behind(values: dict[str, Any], small: DataSet) -> None:
    experiment = experiment_from({"dropout": 0.2, "batch_norm": True, **values})
    torch.manual_seed(0)
    network = build_network(experiment, 10)
    optimizer = build_optimizer(experiment, network.parameters(), CPU)
    steps = EagerSteps(experiment, network, optimizer, small, pixel_scaling(experiment, small))
    indices = torch.arange(16)

    def states() -> list[torch.Tensor]:
        tensors = [t for values in optimizer.state.values() for t in values.values()]
        return [t.clone() for t in [*network.state_dict().values(), *tensors]]

    before, random = states(), torch.get_rng_state()
    with left_as_it_was(network, optimizer):
        steps.train_on(indices)
    after = states()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=False))
    assert all(not t.any() for t in after[len(before) :])  # as an optimizer begins
    assert torch.equal(torch.get_rng_state(), random)
    # An optimizer that has moments already gets those back.
    steps.train_on(indices)
    before = states()
    with left_as_it_was(network, optimizer):
        steps.train_on(indices)
    assert all(torch.equal(a, b) for a, b in zip(before, states(), strict=True))


class Broken(GraphSteps):
    def _record(self, work: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")


def test_where_recording_fails_the_run_says_why_and_trains_step_by_step(
    sample: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_steps, "can_record", lambda device: True)
    monkeypatch.setattr(graph_steps, "GraphSteps", Broken)
    heard: list[Event] = []
    experiment = experiment_from({"batch_size": 2, "epochs": 1})
    outcome = training.train(experiment, cut(sample, 70, 20), heard.append, RunControl())
    assert outcome.status == "finished"
    notice = heard[0]
    assert isinstance(notice, Notice)
    assert "operation not permitted when stream is capturing" in str(notice.message)
    assert "and more" not in str(notice.message)


def test_memory_that_runs_out_while_recording_is_no_reason_to_go_on(
    sample: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(GraphSteps):
        def _record(self, work: Callable[[], None]) -> Callable[[], None]:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(graph_steps, "can_record", lambda device: True)
    monkeypatch.setattr(graph_steps, "GraphSteps", Full)
    data = cut(sample, 70, 20)
    experiment = experiment_from({"batch_size": 2})
    network: nn.Module = build_network(experiment, 10)
    optimizer = build_optimizer(experiment, network.parameters(), CPU)
    with pytest.raises(torch.OutOfMemoryError):
        build_steps(experiment, network, optimizer, data, pixel_scaling(experiment, data))
