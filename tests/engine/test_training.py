"""What a training promises: the same seed, the same weights; stop, pause, NaN; one order of
events."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.conftest import cut
from workbench.data.datasets import DataSet
from workbench.engine import stopwatch, training
from workbench.engine.control import RunControl
from workbench.engine.devices import has_bfloat16
from workbench.engine.evaluation import evaluate
from workbench.engine.events import (
    CheckpointReady,
    EpochDone,
    Event,
    FinalTest,
    Paused,
    Resumed,
    StepsDone,
    WeightsReady,
)
from workbench.engine.networks import build_network
from workbench.engine.steps import pixel_scaling
from workbench.engine.training import Outcome, train
from workbench.spec.experiment import Experiment, experiment_from, with_changes
from workbench.spec.presets import Preset, find_preset, list_presets

TODAY = {
    "batch_norm": True,
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 0.001,
    "decay_norm_and_bias": False,
    "label_smoothing": 0.1,
    "ema": 0.9,
    "drop_last": True,
    "scheduler": "one_cycle",
    "flip": "random",
    "crop_padding": 4,
    "test_flip": True,
}
"""Most of what a recipe of today has."""
REGULARIZED = {"activation": "leaky_relu", "dropout": 0.2, "batch_norm": True}


def run(
    data: DataSet, control: RunControl | None = None, **values: Any
) -> tuple[Outcome, list[Event]]:
    events: list[Event] = []
    outcome = train(
        experiment_from({"epochs": 2, **values}), data, events.append, control or RunControl()
    )
    return outcome, events


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def last_weights(events: list[Event]) -> dict[str, torch.Tensor]:
    return [e for e in of(events, WeightsReady) if e.kind == "last"][-1].state_dict


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("preset", [p.id for p in list_presets()])
def test_every_preset_trains_two_steps_and_is_tested(preset: str, small: DataSet) -> None:
    found = find_preset(preset)
    assert isinstance(found, Preset)
    size = min(found.experiment.batch_size, 16)
    experiment = with_changes(found.experiment, {"epochs": 1, "batch_size": size})
    events: list[Event] = []
    outcome = train(experiment, cut(small, 2 * size, 20), events.append, RunControl())
    assert outcome.status == "finished"
    assert sum(len(e.losses) for e in of(events, StepsDone)) == 2
    assert all(math.isfinite(loss) for e in of(events, StepsDone) for loss in e.losses)
    assert of(events, EpochDone)[0].test.mode == experiment.test_mode
    assert outcome.test is not None
    assert outcome.test.total == 20
    assert outcome.test.mode == "eval"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"momentum": 0.9, "weight_decay": 0.001},
        {"optimizer": "adam", **REGULARIZED, "test_mode": "train"},
        {"normalization": "dataset", "dropout": 0.3},
        TODAY,
        {"optimizer": "muon", "momentum": 0.9, "flip": "alternating", "cutout": 9},
    ],
)
def test_a_seed_gives_the_same_weights_bit_for_bit(values: dict[str, Any], small: DataSet) -> None:
    first, events = run(small, **values, seed=3)
    torch.rand(17)  # what the process drew before must not matter
    second, again = run(small, **values, seed=3)
    assert same(last_weights(events), last_weights(again))
    losses = [[x for e in of(run_, StepsDone) for x in e.losses] for run_ in (events, again)]
    assert losses[0] == losses[1]
    assert [e.loss for e in of(events, EpochDone)] == [e.loss for e in of(again, EpochDone)]
    assert first.test == second.test
    _, other = run(small, **values, seed=4)
    assert not same(last_weights(events), last_weights(other))


def test_training_accuracy_is_that_of_the_training_images(small: DataSet) -> None:
    # A rate this small leaves the weights as they are, and nothing here acts in training alone.
    _, events = run(small, epochs=1, learning_rate=1e-12, batch_size=16)
    (done,) = of(events, EpochDone)
    experiment = experiment_from({})
    network = build_network(experiment, 10)
    network.load_state_dict(last_weights(events))
    on_training = replace(
        small,
        test_images=small.train_images,
        test_labels=small.train_labels,
    )
    test, _ = evaluate(
        network, on_training, pixel_scaling(experiment, small), lambda: None, lambda event: None
    )
    assert (done.training_correct, done.training_total) == (test.correct, 70)
    assert 0 < test.correct < 70


def test_a_test_with_mirror_images_is_the_mean_of_both_and_says_so(small: DataSet) -> None:
    values = {"epochs": 1, "learning_rate": 0.05, "ema": 0.5}
    _, plain = run(small, **values)
    _, mirrored = run(small, **values, test_flip=True)
    assert same(last_weights(plain), last_weights(mirrored))
    one, other = (of(events, FinalTest)[0] for events in (plain, mirrored))
    assert (one.figures.mirrored, other.figures.mirrored) == (False, True)
    assert of(mirrored, EpochDone)[0].test.mirrored
    # The final test is that of the weights that are kept: here the averaged ones.
    network = build_network(experiment_from(values), 10).eval()
    network.load_state_dict(last_weights(mirrored))
    pixels = pixel_scaling(experiment_from(values), small)(small.test_images)
    with torch.no_grad():
        logits = network(pixels)
        assert torch.allclose(torch.from_numpy(one.logits), logits, atol=1e-5)
        both = (logits + network(pixels.flip(3))) / 2
    assert torch.allclose(torch.from_numpy(other.logits), both, atol=1e-5)


def test_testing_in_another_mode_changes_nothing_of_the_training(small: DataSet) -> None:
    values = {"optimizer": "adam", **REGULARIZED}
    _, plain = run(small, **values, test_mode="eval")
    _outcome, noisy = run(small, **values, test_mode="train")
    # Also the running statistics of batch norm: the report's program let test images into them.
    assert same(last_weights(plain), last_weights(noisy))
    assert of(plain, EpochDone)[0].test != of(noisy, EpochDone)[0].test


def test_training_mode_uses_the_batchs_statistics_and_active_dropout(small: DataSet) -> None:
    # A rate this small leaves the weights as they began: only the test differs.
    values = {"batch_norm": True, "epochs": 1, "learning_rate": 1e-12, "test_mode": "train"}

    def losses(**more: Any) -> tuple[float, float]:
        _, events = run(small, **values, **more)
        return of(events, EpochDone)[0].test.loss, of(events, FinalTest)[0].figures.loss

    in_training, final = losses(batch_size=16)
    assert in_training != pytest.approx(final)
    assert in_training != pytest.approx(losses(batch_size=5)[0])
    assert in_training != pytest.approx(losses(batch_size=16, dropout=0.5)[0])


def test_test_images_move_the_statistics_of_batch_norm_only_where_asked_for(small: DataSet) -> None:
    """As the report until 010: only the running statistics, and so only the final test."""
    values = {"optimizer": "adam", **REGULARIZED, "test_mode": "train"}
    _, plain = run(small, **values)
    _, slipped = run(small, **values, test_images_in_batch_norm=True)
    before, after = last_weights(plain), last_weights(slipped)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    statistics = {name for name in before if "running_" in name or "num_batches" in name}
    assert moved == statistics
    tests = math.ceil(50 / 16)
    (count,) = {int(after[n] - before[n]) for n in moved if "num_batches" in n}
    assert count == 2 * tests
    assert [e.test for e in of(plain, EpochDone)] == [e.test for e in of(slipped, EpochDone)]
    assert of(plain, FinalTest)[0].figures.loss != of(slipped, FinalTest)[0].figures.loss


def test_all_but_the_first_step_train_in_evaluation_mode_where_asked_for(small: DataSet) -> None:
    """As 011's printed loop: batch norm's statistics move once an epoch, and dropout drops
    nothing after the first step."""
    values = {**REGULARIZED, "dropout": 0.5, "eval_after_first_step": True}
    _, slipped = run(small, **values)
    (count,) = {int(v) for n, v in last_weights(slipped).items() if "num_batches" in n}
    assert count == 2  # epochs
    _, plain = run(small, **{**values, "eval_after_first_step": False})
    (count,) = {int(v) for n, v in last_weights(plain).items() if "num_batches" in n}
    assert count == 2 * math.ceil(70 / 16)

    # With one step an epoch there is no other, and the test sees the network as ever.
    one_step = {**values, "batch_size": 70, "test_mode": "train"}
    _, slipped = run(small, **one_step)
    _, plain = run(small, **{**one_step, "eval_after_first_step": False})
    assert same(last_weights(slipped), last_weights(plain))
    assert [e.test for e in of(slipped, EpochDone)] == [e.test for e in of(plain, EpochDone)]


def test_without_dropout_and_batch_norm_evaluation_mode_trains_the_same(small: DataSet) -> None:
    _, slipped = run(small, eval_after_first_step=True)
    _, plain = run(small)
    assert same(last_weights(slipped), last_weights(plain))


def test_the_dropout_is_off_after_the_first_step(small: DataSet) -> None:
    # A rate this small leaves the weights as they began, so that the loss is dropout's alone.
    values = {"dropout": 0.9, "learning_rate": 1e-12, "epochs": 1}

    def losses(**more: Any) -> list[float]:
        return [x for e in of(run(small, **values, **more)[1], StepsDone) for x in e.losses]

    plain = [
        x for e in of(run(small, **{**values, "dropout": 0.0})[1], StepsDone) for x in e.losses
    ]
    slipped = losses(eval_after_first_step=True)
    assert slipped[0] == losses()[0] != plain[0]
    assert slipped[1:] == pytest.approx(plain[1:])
    assert losses()[1:] != pytest.approx(plain[1:])


def test_the_best_weights_are_those_that_were_tested(sample: DataSet) -> None:
    data = cut(sample, 200, 100)
    _, events = run(data, epochs=3, optimizer="adam")
    for event, done in zip(
        [e for e in of(events, WeightsReady) if e.kind == "best"],
        [e for e in of(events, EpochDone) if e.best],
        strict=True,
    ):
        # In the layout that it was tested in: another one may differ in the last bits.
        network = build_network(Experiment(), 10).to(memory_format=torch.channels_last)
        network.load_state_dict(event.state_dict)
        scaling = pixel_scaling(Experiment(), data)
        figures, _ = evaluate(network, data, scaling, lambda: None, lambda progress: None)
        assert figures == done.test
        assert event.accuracy == figures.accuracy


def test_weights_are_kept_within_an_epoch_too(
    small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.engine.training.SNAPSHOT_STEPS", 3)
    outcome, events = run(
        small, learning_rate=5, momentum=0.99, epochs=50, batch_size=4, weight_decay=0.5
    )
    assert outcome.status == "failed"
    last = of(events, WeightsReady)[-1]
    assert last.step > 0
    assert last.step % 3 == 0 or last.step % 18 == 0
    torch.manual_seed(0)
    assert not same(last.state_dict, build_network(Experiment(), 10).state_dict())


def test_the_events_come_in_order_and_add_up(small: DataSet) -> None:
    outcome, events = run(small, epochs=3, test_mode="train")
    assert outcome.status == "finished"
    assert outcome.epochs_done == 3
    steps = math.ceil(70 / 16)
    for epoch in (1, 2, 3):
        parts = [e for e in of(events, StepsDone) if e.epoch == epoch]
        assert sum(len(e.losses) for e in parts) == steps
        assert parts[-1].step == steps
        done = of(events, EpochDone)[epoch - 1]
        losses = [loss for e in parts for loss in e.losses]
        assert done.loss == pytest.approx(sum(losses) / steps)
        assert done.last_loss == losses[-1]
        assert events.index(parts[-1]) < events.index(done)
    best = [e for e in of(events, WeightsReady) if e.kind == "best"]
    accuracies = [e.test.accuracy for e in of(events, EpochDone)]
    assert best[-1].epoch == accuracies.index(max(accuracies)) + 1
    assert of(events, EpochDone)[0].best
    assert [e.best for e in of(events, EpochDone)].count(True) == len(best)
    final = of(events, FinalTest)[0]
    assert final.logits.shape == (50, 10)
    assert (final.logits.argmax(1) == final.labels).sum() == final.figures.correct
    assert sum(map(sum, final.figures.confusion)) == 50
    for name, row, share in zip(
        final.figures.classes, final.figures.confusion, final.figures.per_class, strict=True
    ):
        index = final.figures.classes.index(name)
        assert share == pytest.approx(100 * row[index] / sum(row))


def test_the_learning_rate_decays(small: DataSet) -> None:
    _, events = run(small, scheduler="step", step_size=1, gamma=0.5, learning_rate=0.4, epochs=3)
    assert [e.learning_rate for e in of(events, EpochDone)] == pytest.approx([0.4, 0.2, 0.1])


def test_a_last_batch_of_one_image_trains_with_batch_norm(small: DataSet) -> None:
    # 70 = 3 * 23 + 1, and batch norm cannot train on one image.
    outcome, events = run(small, **REGULARIZED, batch_size=23, test_mode="train")
    assert outcome.status == "finished"
    assert of(events, StepsDone)[-1].step == 3
    outcome, events = run(small, batch_size=23)
    assert of(events, StepsDone)[-1].step == 4


def test_a_batch_larger_than_the_data_set(small: DataSet) -> None:
    outcome, events = run(small, batch_size=1000)
    assert outcome.status == "finished"
    assert of(events, StepsDone)[-1].step == 1


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_good_weights(small: DataSet) -> None:
    outcome, events = run(small, learning_rate=10, momentum=0.99, epochs=50)
    assert outcome.status == "failed"
    assert "learning rate" in str(outcome.reason)
    assert all(bool(torch.isfinite(t).all()) for t in last_weights(events).values())
    assert not of(events, FinalTest)


def test_stop_keeps_the_weights_so_far(small: DataSet) -> None:
    control = RunControl()
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepsDone) and event.epoch == 2:
            control.stop()

    outcome = train(experiment_from({"epochs": 9}), small, listen, control)
    assert outcome.status == "stopped"
    assert outcome.epochs_done == 1
    # The weights before the checkpoint, so that a disk with room for one keeps them.
    assert [type(e) for e in events[-2:]] == [WeightsReady, CheckpointReady]
    best = next(e for e in of(events, WeightsReady) if e.kind == "best")
    assert not same(last_weights(events), best.state_dict)  # the steps of epoch 2 are in it


def test_stop_during_a_test_leaves_the_network_untouched(small: DataSet) -> None:
    """The statistics of batch norm are put back when a test in training mode is broken off."""
    control = RunControl()
    reference: list[Event] = []
    train(
        experiment_from({"epochs": 1, **REGULARIZED, "test_mode": "train"}),
        small,
        reference.append,
        RunControl(),
    )
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if type(event).__name__ == "EvaluationProgress":
            control.stop()

    train(
        experiment_from({"epochs": 1, **REGULARIZED, "test_mode": "train"}),
        small,
        listen,
        control,
    )
    assert same(last_weights(events), last_weights(reference))


def test_pause_waits_and_goes_on_to_the_same_weights(small: DataSet) -> None:
    _, reference = run(small, dropout=0.5)
    control = RunControl()
    events: list[Event] = []
    paused = threading.Event()

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepsDone) and event.epoch == 1 and not paused.is_set():
            control.pause()
        if isinstance(event, Paused):
            paused.set()

    thread = threading.Thread(
        target=train, args=(experiment_from({"epochs": 2, "dropout": 0.5}), small, listen, control)
    )
    thread.start()
    assert paused.wait(10)
    seen = len(events)
    thread.join(0.3)
    assert thread.is_alive()
    assert len(events) == seen
    control.resume()
    thread.join(20)
    assert not thread.is_alive()
    assert of(events, Resumed)
    assert same(last_weights(events), last_weights(reference))
    # The pause is no training time.
    assert of(events, EpochDone)[0].seconds < 0.3 + of(reference, EpochDone)[0].seconds * 3


def test_what_the_listener_raises_reports_the_last_good_weights(small: DataSet) -> None:
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, EpochDone):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        train(Experiment(), small, listen, RunControl())
    assert isinstance(events[-1], WeightsReady)


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "at_least"), [("007", 90.0), ("009", 80.0)])
def test_the_sample_is_learned_in_three_epochs(
    preset: str, at_least: float, sample: DataSet
) -> None:
    experiment = with_changes(find_preset(preset).experiment, {"epochs": 3})
    outcome = train(experiment, sample, lambda event: None, RunControl())
    assert outcome.test is not None
    assert outcome.test.accuracy > at_least


needs_bfloat16 = pytest.mark.skipif(
    not has_bfloat16(torch.device("cpu")), reason="this processor has no bfloat16"
)


@pytest.mark.slow
@needs_bfloat16
def test_bfloat16_goes_with_what_a_recipe_of_today_has(small: DataSet) -> None:
    _, events = run(small, **TODAY, precision="bfloat16")
    _, again = run(small, **TODAY, precision="bfloat16")
    _, full = run(small, **TODAY)
    weights = last_weights(events)
    assert same(weights, last_weights(again))
    assert not same(weights, last_weights(full))
    assert all(t.dtype != torch.bfloat16 and torch.isfinite(t).all() for t in weights.values())


@pytest.mark.slow
@needs_bfloat16
def test_bfloat16_learns_as_well_and_keeps_float32_weights(sample: DataSet) -> None:
    data = cut(sample, 400, 200)
    values = {"optimizer": "adam", **REGULARIZED, "epochs": 4}
    plain, plain_events = run(data, **values)
    short, events = run(data, **values, precision="bfloat16")
    _, again = run(data, **values, precision="bfloat16")
    weights = last_weights(events)
    assert all(t.dtype != torch.bfloat16 for t in weights.values())
    assert not same(weights, last_weights(plain_events))
    assert same(weights, last_weights(again))
    assert plain.test is not None
    assert short.test is not None
    assert short.test.accuracy == pytest.approx(plain.test.accuracy, abs=8)
    assert plain.test.accuracy > 60


def test_the_time_that_the_machine_slept_is_no_training_time(
    small: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = [0.0]
    clock = stopwatch.time.monotonic

    class Time:
        @staticmethod
        def monotonic() -> float:
            return clock() + slept[0]

    monkeypatch.setattr(stopwatch, "time", Time)
    monkeypatch.setattr(training, "REPORT_INTERVAL", 0.0)
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepsDone) and (event.epoch, event.step) == (1, 2):
            slept[0] += 3600.0

    outcome = train(experiment_from({"epochs": 2}), small, listen, RunControl())
    assert outcome.seconds < 300
    assert all(e.seconds < 300 for e in of(events, EpochDone))
    assert all(e.seconds < 300 for e in of(events, StepsDone))
