"""The declaration of the hyperparameters, and what it refuses."""

from __future__ import annotations

import pytest

from workbench.spec.experiment import (
    HYPERPARAMETERS,
    Experiment,
    ExperimentError,
    differences,
    experiment_from,
    parse_assignments,
    with_changes,
)


def test_every_hyperparameter_says_what_a_form_needs() -> None:
    for parameter in HYPERPARAMETERS.values():
        assert parameter.label
        assert parameter.group
        assert parameter.help.endswith(".")
        if parameter.kind in ("int", "float"):
            assert parameter.minimum is not None, parameter.name
            assert parameter.maximum is not None, parameter.name
            assert parameter.minimum <= parameter.default <= parameter.maximum
        if parameter.kind == "choice":
            assert parameter.default in parameter.choices


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"learning_rate": 0}, "learning_rate: must be greater than 0 (it is 0)."),
        ({"learning_rate": 11}, "learning_rate: must be 10 or less (it is 11)."),
        ({"learning_rate": "fast"}, "learning_rate: must be a number (it is fast)."),
        ({"learning_rate": float("nan")}, "learning_rate: must be a number (it is nan)."),
        ({"dropout": 1}, "dropout: must be less than 1 (it is 1)."),
        ({"validation_share": 0.6}, "validation_share: must be 0.5 or less (it is 0.6)."),
        ({"early_stopping": -1}, "early_stopping: must be 0 or more (it is -1)."),
        ({"epochs": 2.5}, "epochs: must be a whole number (it is 2.5)."),
        ({"batch_size": 0}, "batch_size: must be 1 or more (it is 0)."),
        ({"batch_norm": "perhaps"}, "batch_norm: must be true or false (it is perhaps)."),
        (
            {"optimizer": "lion"},
            "optimizer: must be one of sgd, adam, adamw, rmsprop, muon (it is lion).",
        ),
        ({"cutout": 33}, "cutout: must be 32 or less (it is 33)."),
        ({"crop_padding": 17}, "crop_padding: must be 16 or less (it is 17)."),
        (
            {"scheduler": "one_cycle", "warmup_share": 1},
            "warmup_share: must be less than 1 (it is 1).",
        ),
        (
            {"warmup_share": 0.1},
            "warmup_share: has no effect while scheduler is none; leave it out, or set scheduler "
            "to one_cycle / cosine.",
        ),
        ({"ema": 1}, "ema: must be less than 1 (it is 1)."),
        ({"flip": "vertical"}, "flip: must be one of none, random, alternating (it is vertical)."),
        (
            {"nesterov": True},
            "nesterov: has no effect while momentum is 0.0; leave it out, or set momentum above 0.",
        ),
        (
            {"nesterov": True, "momentum": 0.9, "optimizer": "rmsprop"},
            "nesterov: has no effect while optimizer is rmsprop; leave it out, or set optimizer to "
            "sgd / muon.",
        ),
        (
            {"decay_norm_and_bias": False},
            "decay_norm_and_bias: has no effect while weight_decay is 0.0; leave it out, or set "
            "weight_decay above 0.",
        ),
        (
            {"test_flip": True, "test_mode": "train"},
            "test_flip: has no effect while test_mode is train; leave it out, or set test_mode to "
            "eval.",
        ),
        (
            {"epoch": 3},
            "epoch: there is no such hyperparameter; did you mean epochs?",
        ),
        (
            {"gamma": 0.5},
            "gamma: has no effect while scheduler is none; leave it out, or set scheduler to step.",
        ),
        (
            {"optimizer": "adam", "momentum": 0.9},
            "momentum: has no effect while optimizer is adam; leave it out, or set optimizer to "
            "sgd / rmsprop / muon.",
        ),
        (
            {"test_images_in_batch_norm": True, "test_mode": "train"},
            "test_images_in_batch_norm: has no effect while batch_norm is false; leave it out, or "
            "set batch_norm to true.",
        ),
        (
            {"test_images_in_batch_norm": True, "batch_norm": True},
            "test_images_in_batch_norm: has no effect while test_mode is eval; leave it out, or "
            "set test_mode to train.",
        ),
        (
            {"batch_norm": True, "batch_size": 1},
            "batch_size: must be 2 or more with batch norm, which needs several images in a batch "
            "(it is 1).",
        ),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        experiment_from(values)
    assert str(caught.value) == sentence
    assert list(caught.value.problems) == [sentence.partition(":")[0]]


def test_every_bad_field_has_its_own_sentence() -> None:
    with pytest.raises(ExperimentError) as caught:
        experiment_from({"learning_rate": -1, "epochs": 0, "seed": 1})
    assert set(caught.value.problems) == {"learning_rate", "epochs"}


def test_assignments_mean_what_a_person_means() -> None:
    assert experiment_from(parse_assignments(["epochs=010"])).epochs == 10
    for text in ("epochs=1:00", "epochs=true"):
        with pytest.raises(ExperimentError, match="whole number"):
            experiment_from(parse_assignments([text]))
    with pytest.raises(ExperimentError, match="whole number"):
        experiment_from({"epochs": True})
    with pytest.raises(ExperimentError, match="gamma: has no effect"):
        with_changes(Experiment(), parse_assignments(["gamma=0.1"]))


def test_1e_3_is_a_number_and_null_is_none() -> None:
    values = parse_assignments(["learning_rate=1e-3", "batch_norm=true", "scheduler=null"])
    experiment = experiment_from(values)
    assert experiment.learning_rate == 0.001
    assert experiment.batch_norm is True
    assert experiment.scheduler == "none"


@pytest.mark.parametrize("text", ["epochs", "=3", ""])
def test_an_assignment_without_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(ExperimentError, match="key=value"):
        parse_assignments([text])


def test_taking_the_scheduler_away_takes_its_settings_along() -> None:
    decayed = experiment_from({"scheduler": "step", "step_size": 7, "gamma": 0.3})
    plain = with_changes(decayed, {"scheduler": "none"})
    assert plain == Experiment()
    with pytest.raises(ExperimentError, match="gamma: has no effect"):
        with_changes(decayed, {"scheduler": "none", "gamma": 0.5})


def test_differences_name_what_has_an_effect() -> None:
    before = experiment_from({"scheduler": "step", "gamma": 0.2})
    after = experiment_from({"epochs": 9})
    assert differences(before, after) == {
        "scheduler": ("step", "none"),
        "step_size": (20, None),
        "gamma": (0.2, None),
        "epochs": (3, 9),
    }


def test_the_learning_rate_decays_as_torch_does_it() -> None:
    torch = pytest.importorskip("torch")
    experiment = experiment_from(
        {"learning_rate": 0.01, "scheduler": "step", "step_size": 3, "gamma": 0.2, "epochs": 10}
    )
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.2)
    for epoch in range(1, 11):
        assert experiment.learning_rate_at(epoch) == pytest.approx(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()


def test_what_a_change_leaves_without_effect_is_judged_by_what_its_text_means() -> None:
    slipped = experiment_from(
        {"batch_norm": True, "test_mode": "train", "test_images_in_batch_norm": True}
    )
    assert with_changes(slipped, parse_assignments(["batch_norm=true"])) == slipped
    assert not with_changes(slipped, {"batch_norm": "false"}).test_images_in_batch_norm
    assert "test_images_in_batch_norm" not in experiment_from({"batch_norm": True}).values()


def test_slips_of_the_report_are_marked_and_off_unless_asked_for() -> None:
    slips = {name: p for name, p in HYPERPARAMETERS.items() if p.slip}
    assert list(slips) == ["eval_after_first_step", "test_images_in_batch_norm"]
    assert not any(p.default for p in slips.values())
    assert {p.group for p in slips.values()} == {"As the report ran it"}


@pytest.mark.parametrize(
    ("value", "channels"),
    [([16, 32, 64], (16, 32, 64)), ("8,8", (8, 8)), ("[64]", (64,)), (7, (7,)), ([2048] * 6, None)],
)
def test_channels_are_a_list_of_whole_numbers(value: object, channels: tuple[int, ...]) -> None:
    experiment = experiment_from({"channels": value})
    assert experiment.channel_list == (channels or (2048,) * 6)
    assert experiment_from(experiment.values()) == experiment
    assert with_changes(experiment_from({}), {"channels": value}) == experiment


@pytest.mark.parametrize(
    "value",
    [
        "",
        [],
        "16,,32",
        "0",
        [2049],
        "1,2,3,4,5,6,7",
        [1.5],
        "1.5",
        [True],
        True,
        None,
        {},
        "٣",
        "a",
    ],
)
def test_channels_that_are_none_are_refused_in_one_sentence(value: object) -> None:
    with pytest.raises(ExperimentError, match="channels: must be a list of 1 to 6 whole numbers"):
        experiment_from({"channels": value})


def test_channels_belong_to_the_cnn_alone() -> None:
    with pytest.raises(ExperimentError, match="channels: has no effect while network is resnet9"):
        experiment_from({"network": "resnet9", "channels": [8]})


def test_networks_with_batch_norm_need_two_images() -> None:
    with pytest.raises(ExperimentError, match="batch_size: must be 2 or more with batch norm"):
        experiment_from({"network": "resnet18", "batch_size": 1})
