"""The published networks through a whole training: what holds for the CNN holds for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.conftest import cut
from tests.engine.test_graph_steps import Recorder, all_of
from workbench.data.datasets import DataSet
from workbench.data.validation import split_validation
from workbench.engine.checkpoint import Checkpoint
from workbench.engine.control import RunControl
from workbench.engine.events import CheckpointReady, Event, FinalTest, StepsDone, WeightsReady
from workbench.engine.graph_steps import GRAPH_STEPS, GraphSteps
from workbench.engine.steps import EagerSteps
from workbench.engine.training import Outcome, train
from workbench.spec.experiment import Experiment, experiment_from

NAMES = ("resnet9", "airbench94", "resnet18")
FAST = {"batch_size": 8, "learning_rate": 0.01, "momentum": 0.9, "epochs": 2}


def trained(
    experiment: Experiment, data: DataSet, start: Checkpoint | None = None, stop_at: int = 0
) -> tuple[Outcome, dict[str, torch.Tensor], list[Event]]:
    """A training, which is stopped after ``stop_at`` steps where that is not 0."""
    events: list[Event] = []
    control = RunControl()

    def hear(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepsDone) and event.step == stop_at:
            control.stop()

    outcome = train(experiment, data, hear, control, start)
    weights = [event.state_dict for event in events if isinstance(event, WeightsReady)][-1]
    return outcome, weights, events


@pytest.fixture(scope="module")
def few(sample: DataSet) -> DataSet:
    return cut(sample, 24, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_was_stopped_goes_on_exactly_and_a_seed_is_all_that_counts(
    name: str, few: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.engine.training.REPORT_INTERVAL", 0.0)
    experiment = experiment_from({"network": name, **FAST})
    outcome, weights, events = trained(experiment, few)
    assert outcome.status == "finished"
    stopped, _, before = trained(experiment, few, stop_at=2)
    assert stopped.status == "stopped"
    kept = [event.checkpoint for event in before if isinstance(event, CheckpointReady)][-1]
    _, again, after = trained(experiment, few, start=kept)
    assert weights.keys() == again.keys()
    assert all(torch.equal(weights[key], again[key]) for key in weights)
    tests = [next(e for e in heard if isinstance(e, FinalTest)).logits for heard in (events, after)]
    assert (tests[0] == tests[1]).all()
    other = trained(experiment_from({**experiment.values(), "seed": 1, "epochs": 1}), few)[1]
    assert any(not torch.equal(weights[key], other[key]) for key in weights)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_keeps_float32_weights(name: str, few: DataSet) -> None:
    experiment = experiment_from({"network": name, **FAST, "epochs": 1, "precision": "bfloat16"})
    outcome, weights, _ = trained(experiment, few)
    assert outcome.status == "finished"
    assert {tensor.dtype for tensor in weights.values()} <= {torch.float32, torch.int64}


@pytest.mark.slow
@pytest.mark.parametrize("values", [{}, {"momentum": 0.9}, {"optimizer": "adam"}], ids=str)
def test_recorded_steps_train_the_same(values: dict[str, Any], sample: DataSet) -> None:
    data = cut(sample, 2 * GRAPH_STEPS + 4, 20)
    values = {"network": "airbench94", "batch_size": 2, **values}
    recorder = Recorder()
    graph = all_of(GraphSteps, data, values, record=recorder)
    assert recorder.played == 2
    for one, other in zip(graph, all_of(EagerSteps, data, values), strict=True):
        assert torch.equal(one, other)


def test_the_whitening_layer_sees_no_held_out_image(few: DataSet) -> None:
    experiment = experiment_from(
        {"network": "airbench94", **FAST, "epochs": 1, "validation_share": 0.5}
    )
    data = split_validation(experiment, few)
    _, weights, _ = trained(experiment, data)
    assert data.validation_images is not None
    others = replace(data, validation_images=255 - data.validation_images)
    assert torch.equal(weights["0.weight"], trained(experiment, others)[1]["0.weight"])
    darker = replace(data, train_images=data.train_images // 2)
    assert not torch.equal(weights["0.weight"], trained(experiment, darker)[1]["0.weight"])
