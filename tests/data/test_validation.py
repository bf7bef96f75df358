"""The validation split, the best epoch by it, and early stopping."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import cut
from tests.engine.test_training import REGULARIZED, last_weights, of, same
from workbench.data.datasets import DataSet
from workbench.data.validation import split_indices, split_validation
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.evaluation import evaluate
from workbench.engine.events import (
    EpochDone,
    Evaluation,
    EvaluationProgress,
    Event,
    FinalTest,
    Notice,
    StepsDone,
    WeightsReady,
)
from workbench.engine.networks import build_network
from workbench.engine.steps import pixel_scaling, pixel_statistics
from workbench.engine.training import Outcome, train
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, experiment_from


def run(data: DataSet, **values: Any) -> tuple[Outcome, list[Event]]:
    events: list[Event] = []
    experiment = experiment_from({"epochs": 2, **values})
    return train(
        experiment, split_validation(experiment, data), events.append, RunControl()
    ), events


# --- the split -------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_each_class_gives_its_share_and_each_image_is_on_one_side(share: float) -> None:
    labels = np.repeat([0, 1, 2], [100, 40, 8])[np.random.default_rng(0).permutation(148)]
    training_, validation = split_indices(labels, share, seed=3)
    assert sorted([*training_, *validation]) == list(range(148))
    assert list(training_) == sorted(training_)
    counts = np.bincount(labels[validation])
    assert counts.tolist() == [round(100 * share), round(40 * share), math.floor(8 * share + 0.5)]


def test_images_of_a_class_do_not_follow_each_other_in_the_validation_split() -> None:
    # As in a folder of images; batch norm in training mode would see batches of one class.
    labels = np.repeat(np.arange(10), 500)
    validation = split_indices(labels, 0.2, seed=0)[1]
    batches = labels[validation].reshape(-1, 20)
    assert min(len(set(batch)) for batch in batches.tolist()) > 4


def test_the_seed_alone_draws_the_split() -> None:
    labels = np.arange(500) % 10
    first = split_indices(labels, 0.2, seed=1)[1]
    torch.rand(3)
    np.random.default_rng(1).random(5)
    assert np.array_equal(first, split_indices(labels, 0.2, seed=1)[1])
    assert not np.array_equal(first, split_indices(labels, 0.2, seed=2)[1])


def test_what_is_split_is_the_data_sets_own_images(small: DataSet) -> None:
    experiment = experiment_from({"validation_share": 0.3, "normalization": "dataset"})
    data = split_validation(experiment, small)
    held_out = data.to_validate()
    assert held_out is not None
    assert data.info == small.info
    assert len(data.train_labels) + len(held_out.test_labels) == 70
    seen = {image.numpy().tobytes() for image in data.train_images}
    assert not any(image.numpy().tobytes() in seen for image in held_out.test_images)
    assert torch.bincount(held_out.test_labels).tolist() == [2] * 10
    assert same({"test": data.test_images}, {"test": small.test_images})
    # Pixels are measured on what is trained on alone.
    of_all = pixel_statistics(small.train_images)[0]
    assert not torch.equal(pixel_statistics(data.train_images)[0], of_all)
    scaling = pixel_scaling(experiment, data)
    assert not torch.equal(scaling.offset, pixel_scaling(experiment, small).offset)


@pytest.mark.parametrize(
    ("values", "train_images", "sentence"),
    [
        ({"validation_share": 0.01}, 70, "0.01 of the 7 training images of red disc gives no"),
        ({"validation_share": 0.5}, 10, "leaves none to train on; choose a smaller share"),
    ],
)
def test_a_share_that_leaves_a_class_empty_says_so(
    values: dict[str, Any], train_images: int, sentence: str, small: DataSet
) -> None:
    with pytest.raises(WorkbenchError, match=r"^validation_share: ") as refused:
        split_validation(experiment_from(values), cut(small, train_images, 50))
    assert sentence in str(refused.value)


def test_batch_norm_needs_two_images_on_each_side(small: DataSet) -> None:
    ones = torch.zeros_like(small.train_labels)
    data = cut(replace(small, train_labels=ones), 3, 50)
    split_validation(experiment_from({"validation_share": 0.4}), data)
    with pytest.raises(WorkbenchError, match="batch norm needs two"):
        split_validation(experiment_from({"validation_share": 0.4, "batch_norm": True}), data)


def test_training_refuses_data_that_are_not_split(small: DataSet) -> None:
    with pytest.raises(ValueError, match="not split"):
        train(experiment_from({"validation_share": 0.2}), small, lambda e: None, RunControl())


# --- a training with it ----------------------------------------------------------------


@pytest.mark.parametrize("values", [{}, {"optimizer": "adam", **REGULARIZED, "test_mode": "train"}])
def test_each_epoch_is_tested_on_both_and_trains_on_neither(
    values: dict[str, Any], small: DataSet
) -> None:
    outcome, events = run(small, validation_share=0.3, **values)
    assert outcome.status == "finished"
    assert sum(len(e.losses) for e in of(events, StepsDone)) == 2 * math.ceil(50 / 16)
    for done in of(events, EpochDone):
        assert (done.validation.total, done.test.total) == (20, 50)
        assert done.validation.mode == done.test.mode == values.get("test_mode", "eval")
    # One progress for both, which never goes back.
    first = [e for e in of(events, EvaluationProgress)][:-1]
    assert {e.total for e in first if e.total != 50} == {70}
    assert of(events, FinalTest)[0].figures.total == 50


@pytest.mark.parametrize(
    "more",
    [
        {"test_mode": "train"},
        {"test_mode": "train", "test_images_in_batch_norm": True},
        {"ema": 0.9, "flip": "random", "crop_padding": 4, "test_flip": True},
    ],
)
def test_the_validation_test_moves_nothing_of_training_and_test(
    more: dict[str, Any], small: DataSet
) -> None:
    """The same 50 images trained on without a split give the same run: no random number, and no
    statistics of batch norm, come from the validation."""
    values = {"optimizer": "adam", **REGULARIZED, **more}
    _, events = run(small, validation_share=0.3, **values)
    data = split_validation(experiment_from({"validation_share": 0.3}), small)
    alone = replace(data, validation_images=None, validation_labels=None)
    _, plain = run(alone, **values)
    assert same(last_weights(events), last_weights(plain))
    assert [e.test for e in of(events, EpochDone)] == [e.test for e in of(plain, EpochDone)]
    assert of(events, FinalTest)[0].figures == of(plain, FinalTest)[0].figures


def test_the_best_weights_are_those_that_were_best_on_the_validation_split(sample: DataSet) -> None:
    data = cut(sample, 300, 100)
    experiment = experiment_from({"optimizer": "adam", "validation_share": 0.3, "epochs": 4})
    split = split_validation(experiment, data)
    events: list[Event] = []
    train(experiment, split, events.append, RunControl())
    event = [e for e in of(events, WeightsReady) if e.kind == "best"][-1]
    done = [e for e in of(events, EpochDone) if e.best][-1]
    accuracies = [e.validation.accuracy for e in of(events, EpochDone)]
    assert done.epoch == event.epoch == accuracies.index(max(accuracies)) + 1
    # In the layout that it was tested in: another one may differ in the last bits.
    network = build_network(Experiment(), 10).to(memory_format=torch.channels_last)
    network.load_state_dict(event.state_dict)
    held_out = split.to_validate()
    assert held_out is not None
    figures, _ = evaluate(
        network, held_out, pixel_scaling(Experiment(), split), lambda: None, lambda progress: None
    )
    assert figures == done.validation
    assert event.validation_accuracy == figures.accuracy
    assert event.accuracy == done.test.accuracy


# --- which epoch is the best, and when a run ends early --------------------------------


def told(
    monkeypatch: pytest.MonkeyPatch, test: list[float], validation: list[float] | None = None
) -> None:
    """Tests after each epoch give these accuracies, whatever the network says."""

    def figures(data: DataSet, epoch: int) -> Evaluation:
        of_validation = validation is not None and data.test_images is data.validation_images
        accuracy = (validation if of_validation and validation else test)[epoch - 1]
        return Evaluation("eval", 1, len(data.test_labels), accuracy, 1.0, (), (), ())

    monkeypatch.setattr(
        training._Training, "_test_on", lambda self, data, epoch, *more: figures(data, epoch)
    )


def test_the_best_epoch_goes_by_validation_and_not_by_test(
    small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, test=[30.0, 60.0, 90.0], validation=[50.0, 70.0, 40.0])
    _, events = run(small, validation_share=0.3, epochs=3)
    assert [e.best for e in of(events, EpochDone)] == [True, True, False]
    best = [e for e in of(events, WeightsReady) if e.kind == "best"]
    assert [(e.epoch, e.accuracy, e.validation_accuracy) for e in best] == [
        (1, 30.0, 50.0),
        (2, 60.0, 70.0),
    ]
    _, events = run(small, epochs=3)
    assert [e.best for e in of(events, EpochDone)] == [True, True, True]
    assert all(e.validation is None for e in of(events, EpochDone))


@pytest.mark.parametrize(
    ("patience", "validation", "epochs_done"),
    [
        (1, [50.0, 60.0, 60.0, 90.0, 95.0, 99.0], 3),  # as good is not better
        (2, [50.0, 40.0, 60.0, 55.0, 59.9, 99.0], 5),
        (3, [50.0, 40.0, 45.0, 60.0, 61.0, 62.0], 6),
        (5, [50.0, 40.0, 40.0, 40.0, 40.0, 40.0], 6),  # in the last epoch: it was not early
        (0, [50.0, 40.0, 40.0, 40.0, 40.0, 40.0], 6),
    ],
)
def test_a_run_ends_once_so_many_epochs_brought_no_better_one(
    patience: int,
    validation: list[float],
    epochs_done: int,
    small: DataSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told(monkeypatch, test=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0], validation=validation)
    outcome, events = run(small, validation_share=0.3, early_stopping=patience, epochs=6)
    assert outcome.status == "finished"
    assert outcome.epochs_done == len(of(events, EpochDone)) == epochs_done
    assert outcome.test is not None
    assert [e for e in of(events, WeightsReady) if e.kind == "last"][-1].epoch == epochs_done
    said = [str(e.message) for e in of(events, Notice)]
    if epochs_done == 6:
        assert said == []
    else:
        (sentence,) = said
        assert sentence.startswith(f"Ended early after epoch {epochs_done} of 6: since epoch ")
        assert (
            f"validation split has not risen above {max(validation[:epochs_done]):.2f}%" in sentence
        )


def test_without_a_split_early_stopping_goes_by_the_test_set_and_says_so(
    small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, test=[50.0, 40.0, 45.0, 60.0])
    outcome, events = run(small, early_stopping=2, epochs=4)
    assert outcome.epochs_done == 3
    (notice,) = of(events, Notice)
    assert "has not risen above 50.00%. Selected on the test set, that figure is optimistic" in str(
        notice.message
    )
