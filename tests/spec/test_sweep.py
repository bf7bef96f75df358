"""Sweeps: how fields vary, which points there are, and everything that is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.messages import WorkbenchError
from workbench.spec.experiment import HYPERPARAMETERS, Experiment, with_changes
from workbench.spec.presets import find_preset
from workbench.spec.sweep import MOST_POINTS, Sweep, SweepError, sweep_from
from workbench.spec.sweep_file import SweepFile, is_sweep_file, parse_sweep, sweep_text
from workbench.spec.ways import Range, Values, examples, parse_way


@pytest.fixture(scope="module")
def base() -> Experiment:
    """007: Adam, no scheduler, no validation split."""
    return find_preset("007").experiment


def problems(base: Experiment, vary: dict[str, Any], **more: Any) -> dict[str, str]:
    with pytest.raises(SweepError) as refused:
        sweep_from(base, vary, **more)
    return {name: str(message) for name, message in refused.value.problems}


# --- how a field varies ----------------------------------------------------------------


def test_lists_and_ranges_are_read_as_they_are_typed() -> None:
    assert parse_way("batch_size", " 16, 64 ,256,") == Values((16, 64, 256))
    assert parse_way("batch_size", ["16", 64]) == Values((16, 64))
    assert parse_way("batch_norm", "true, false") == Values((True, False))
    assert parse_way("learning_rate", "0.0001..0.1:log") == Range(0.0001, 0.1, True)
    assert parse_way("learning_rate", "1e-4 to 0.1, log, 6 values") == Range(1e-4, 0.1, True, 6)
    channels = parse_way("channels", "16, 32, 64; 32, 64, 128")
    assert channels.grid() == ("16, 32, 64", "32, 64, 128")
    assert parse_way("channels", str(channels)) == channels
    assert parse_way("epochs", "2..9") == Range(2, 9, whole=True)
    for text in ("0.0001..0.1:log:6", "1e-07..1e-05", "0.1, 0.2"):
        way = parse_way("learning_rate", text)
        assert parse_way("learning_rate", str(way)) == way


def test_every_example_beside_a_field_is_read_as_it_stands() -> None:
    for name, parameter in HYPERPARAMETERS.items():
        if not parameter.slip and (not parameter.choices or len(parameter.choices) > 1):
            for text in examples(name).split(" / "):
                parse_way(name, text)


def test_a_range_on_a_logarithmic_scale_has_even_steps_and_its_own_ends() -> None:
    assert parse_way("learning_rate", "0.0001..0.1:log:4").grid() == (0.0001, 0.001, 0.01, 0.1)
    assert parse_way("batch_size", "16..256:log:5").grid() == (16, 32, 64, 128, 256)
    assert parse_way("epochs", "1..3:9").grid() == (1, 2, 3)


# --- points ----------------------------------------------------------------------------


def test_a_grid_has_every_combination_that_differs(base: Experiment) -> None:
    sweep = sweep_from(
        base, {"momentum": "0, 0.9", "optimizer": "sgd, adam", "batch_size": "16, 64"}, seeds=2
    )
    # Momentum changes nothing with Adam: two points less.
    assert (sweep.method, sweep.size, sweep.runs) == ("grid", 6, 12)
    assert {"optimizer": "adam", "batch_size": 16} in sweep.points
    for values in sweep.points:
        experiment = sweep.experiment_at(values, 1)
        assert experiment.seed == 1
        assert all(getattr(experiment, name) == value for name, value in values.items())


def test_random_points_are_the_same_again_within_their_limits_and_spread(
    base: Experiment,
) -> None:
    vary = {"learning_rate": "0.0001..0.1:log", "batch_size": "16, 64"}
    sweep = sweep_from(base, vary, trials=200, seed=3)
    assert sweep.points == sweep_from(base, vary, trials=200, seed=3).points
    assert sweep.points[:50] == sweep_from(base, vary, trials=50, seed=3).points
    assert sweep.points != sweep_from(base, vary, trials=200, seed=4).points
    rates = [values["learning_rate"] for values in sweep.points]
    assert all(0.0001 <= rate <= 0.1 for rate in rates)
    # As many below the middle of the logarithmic scale as above it.
    assert 70 <= sum(rate < 0.00316 for rate in rates) <= 130


def test_random_points_of_few_combinations_are_each_tried_once(base: Experiment) -> None:
    sweep = sweep_from(base, {"batch_size": "16..20"}, trials=5, method="random")
    assert sorted(values["batch_size"] for values in sweep.points) == [16, 17, 18, 19, 20]
    assert "from 1 to 5" in problems(base, {"batch_size": "16..20"}, trials=6)["trials"]


def test_seeds_count_from_the_experiments_own_or_are_listed(base: Experiment) -> None:
    base = with_changes(base, {"seed": 5})
    repeats = sweep_from(base, {}, seeds=3)
    assert (repeats.size, repeats.seeds) == (1, (5, 6, 7))
    listed = sweep_from(base, {"seed": "1, 9", "batch_size": "16, 64"})
    assert (listed.size, listed.seeds) == (2, (1, 9))
    assert "leave out" in problems(base, {"seed": "1, 9"}, seeds=3)["seeds"]
    assert "seed" in problems(with_changes(base, {"seed": 2**31 - 2}), {}, seeds=3)["seeds"]


# --- refusals --------------------------------------------------------------------------


def test_everything_that_is_wrong_is_named_at_once(base: Experiment) -> None:
    found = problems(
        base,
        {
            "learning_rat": "1",
            "learning_rate": "0.1..0.1",
            "dropout": "0.5..0.1",
            "weight_decay": "0..1:log",
            "momentum": "0.1, 0.9",
            "batch_size": "16, 0",
            "epochs": "1..three",
            "scheduler": "none..step",
            "eval_after_first_step": "true, false",
        },
    )
    assert {name: said.partition(": ")[2][:30] for name, said in found.items()} == {
        "learning_rat": "there is no such hyperparamete",
        "learning_rate": "the range from 0.1 to 0.1 is e",
        "dropout": "the range from 0.5 to 0.1 is r",
        "weight_decay": "a range on a logarithmic scale",
        "momentum": "has no effect while optimizer ",
        "batch_size": "must be 1 or more (it is 0).",
        "epochs": "must be a whole number (it is ",
        "scheduler": "is not a number, so that it ha",
        "eval_after_first_step": "only reproduces a slip of the ",
    }


@pytest.mark.parametrize(
    ("vary", "more", "name", "said"),
    [
        ({}, {}, "points", "Nothing varies"),
        ({"batch_size": "16"}, {}, "batch_size", "two values or more"),
        ({"batch_size": "16,,64"}, {}, "batch_size", "missing between two commas"),
        ({"batch_size": "16, 16"}, {}, "batch_size", "16 stands twice"),
        ({"learning_rate": "0.1..0.2:lag"}, {}, "learning_rate", "lag is not understood"),
        ({"learning_rate": "0.1..0.2:1"}, {}, "learning_rate", "from 2 to"),
        ({"learning_rate": "0.1..0.2"}, {"method": "grid"}, "learning_rate", "0.1..0.2:5"),
        ({"batch_size": "16, 64"}, {"method": "grid", "trials": 2}, "trials", "every combination"),
        ({"batch_size": "16, 64"}, {"method": "best"}, "method", "grid, random, tpe"),
        ({"batch_size": "16, 64"}, {"method": "tpe"}, "method", "validation_share"),
        ({"batch_size": "16, 64"}, {"prune": "median"}, "prune", "validation_share"),
        ({"batch_norm": "true, false", "batch_size": "1, 8"}, {}, "batch_size", "2 or more"),
        ({"seed": "0..500"}, {}, "seed", "from 1 to 100"),
    ],
)
def test_refusals(
    base: Experiment, vary: dict[str, Any], more: dict[str, Any], name: str, said: str
) -> None:
    assert said in problems(base, vary, **more)[name]


def test_adaptive_and_pruned_sweeps_need_a_validation_split_at_every_point(
    base: Experiment,
) -> None:
    split = with_changes(base, {"validation_share": 0.1})
    vary = {"learning_rate": "0.0001..0.1:log"}
    sweep = sweep_from(split, vary, method="tpe", prune="hyperband", trials=9)
    assert (sweep.adaptive, sweep.points, sweep.chosen_on) == (True, (), "validation")
    assert sweep_from(base, vary).chosen_on == "test"
    vary["validation_share"] = "0, 0.1"
    assert "method" in problems(split, vary, method="tpe")
    one_epoch = with_changes(split, {"epochs": 1})
    assert "one epoch" in problems(one_epoch, {"batch_size": "16, 64"}, prune="median")["prune"]


def test_many_points_are_refused_unless_they_are_meant(base: Experiment) -> None:
    vary = {"learning_rate": "0.0001..0.1:log:300", "batch_size": "16..256:log:100"}
    assert "27,300 points" in problems(base, vary)["points"]
    assert sweep_from(base, vary, many=True).size == 27_300
    vary["dropout"] = "0..0.5:50"
    assert f"{MOST_POINTS:,}" in problems(base, vary, many=True)["points"]


# --- the file --------------------------------------------------------------------------


def test_what_is_written_reads_back_the_same(base: Experiment) -> None:
    for vary, more in (
        ({"learning_rate": "0.0001..0.1:log:6", "batch_size": "16, 64"}, {"seeds": 2}),
        ({"seed": "3, 9"}, {}),
        ({"learning_rate": "0.0001..0.1"}, {"trials": 7, "seed": 4, "title": "a: b"}),
    ):
        sweep = sweep_from(base, vary, preset="007", **more)
        file = SweepFile(sweep, "2026-11-26T00:00:00+00:00", "sample", "cpu", True)
        again = parse_sweep(Path("s.yaml"), sweep_text(file))
        assert again == SweepFile(_with_seed(sweep), *_rest(file))


def _with_seed(sweep: Sweep) -> Sweep:
    from dataclasses import replace

    experiment = with_changes(sweep.experiment, {"seed": sweep.seeds[0]})
    return replace(sweep, experiment=experiment)


def _rest(file: SweepFile) -> tuple[Any, ...]:
    return file.created, file.dataset, file.device, file.stopped


def test_a_file_by_hand_says_what_differs_from_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(
        "preset: '007'\nset: {epochs: 5}\nvary:\n  learning_rate: [0.001, 1e-2]\nseeds: 2\n"
    )
    assert is_sweep_file(path)
    assert not is_sweep_file(find_preset("007").path)
    sweep = parse_sweep(path, path.read_text()).sweep
    assert (sweep.preset, sweep.experiment.epochs, sweep.runs) == ("007", 5, 4)
    assert sweep.points == ({"learning_rate": 0.001}, {"learning_rate": 0.01})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1", "is not a sweep"),
        ("vary: {batch_size: '16, 64'}", "needs an experiment or a preset"),
        ("preset: '007'\nvary: {batch_size: '16'}", "line 2: batch_size: needs two"),
        ("preset: '007'\nvaried: {}", "line 2: varied: there is no such field"),
        ("preset: '007'\nset: {epochs: 0}", "line 2: epochs: must be 1 or more"),
        ("format: 2\nnew: 1", "newer version"),
        ("preset: '007'\nseeds: many", "line 2: seeds: cannot be many"),
        ("preset: '099'\nseeds: 2", "there is no such preset"),
        ("preset: [", "is not valid YAML"),
    ],
)
def test_files_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(WorkbenchError) as refused:
        parse_sweep(Path("s.yaml"), text)
    assert said in str(refused.value)
