"""The eleven presets against the report's facts, and the person's own presets."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import paths
from workbench.file_names import file_name
from workbench.messages import WorkbenchError
from workbench.plain_text import visible
from workbench.spec.experiment import differences, experiment_from, with_changes
from workbench.spec.presets import (
    BrokenPreset,
    Preset,
    find_preset,
    how_it_ran,
    list_presets,
    preset_before,
    read_preset,
    replaced_by,
    save_preset,
)

# id: optimizer, learning rate, epochs, (step size, gamma), batch norm, dropout, test mode,
# reported accuracy, epochs run. From the report.
REPORT = {
    "001": ("sgd", 0.001, 3, None, False, 0.0, "train", 30.67, None),
    "002": ("sgd", 0.001, 100, None, False, 0.0, "train", 64.94, None),
    "003": ("sgd", 0.0001, 30, None, False, 0.0, "train", 29.63, None),
    "004": ("sgd", 0.00001, 60, None, False, 0.0, "train", 10.00, 37),
    "005": ("sgd", 0.00005, 60, None, False, 0.0, "train", 10.00, 6),
    "006": ("sgd", 0.001, 80, (20, 0.1), False, 0.0, "train", 62.82, None),
    "007": ("adam", 0.001, 60, (20, 0.2), False, 0.0, "train", 70.10, 25),
    "008": ("adam", 0.0001, 30, (20, 0.2), True, 0.0, "train", 70.0, None),
    "009": ("adam", 0.0001, 30, (20, 0.2), True, 0.2, "train", 74.96, None),
    "010": ("adam", 0.1, 100, (20, 0.2), True, 0.2, "train", 66.20, None),
    "011": ("adam", 0.01, 300, (20, 0.2), True, 0.2, "eval", 75.18, None),
}


def test_the_eleven_presets_are_the_reports_experiments() -> None:
    presets = [p for p in list_presets() if not (isinstance(p, Preset) and p.beyond)]
    assert [p.id for p in presets] == list(REPORT)
    for preset in presets:
        assert isinstance(preset, Preset)
        assert preset.reported is not None
        e = preset.experiment
        decay = (e.step_size, e.gamma) if e.scheduler == "step" else None
        assert (
            e.optimizer,
            e.learning_rate,
            e.epochs,
            decay,
            e.batch_norm,
            e.dropout,
            e.test_mode,
            preset.reported.accuracy,
            preset.epochs_run,
        ) == REPORT[preset.id], preset.id
        assert e.activation == ("leaky_relu" if e.batch_norm else "relu")
        assert (e.batch_size, e.momentum, e.weight_decay) == (16, 0.0, 0.0)
        if preset.reported.correct is not None:
            assert preset.reported.correct == round(preset.reported.accuracy * 100)
        assert preset.tried
        assert preset.found
        assert preset.explained


def test_as_run_is_what_the_report_ran_in_place_of_what_it_declared() -> None:
    changes = {
        p.id: {name: new for name, (_, new) in differences(p.experiment, p.as_run).items() if new}
        for p in list_presets()
        if isinstance(p, Preset) and p.as_run is not None
    }
    no_decay = {"scheduler": "none"}
    in_batch_norm = {**no_decay, "test_images_in_batch_norm": True}
    assert changes == {
        "004": {"epochs": 37},
        "005": {"epochs": 6},
        "006": no_decay,
        "007": {**no_decay, "epochs": 25},
        "008": in_batch_norm,
        "009": in_batch_norm,
        "010": in_batch_norm,
        "011": no_decay,
    }


def test_how_an_experiment_ran_is_told_but_for_the_seed_and_for_how_long() -> None:
    preset = find_preset("007")
    assert preset.as_run is not None
    assert how_it_ran(preset, with_changes(preset.experiment, {"seed": 3})) == "declared"
    assert how_it_ran(preset, with_changes(preset.as_run, {"epochs": 2})) == "as_run"
    assert how_it_ran(preset, with_changes(preset.experiment, {"early_stopping": 4})) == "declared"
    assert how_it_ran(preset, with_changes(preset.experiment, {"gamma": 0.3})) is None
    assert how_it_ran(preset, with_changes(preset.experiment, {"validation_share": 0.1})) is None
    assert how_it_ran(find_preset("001"), preset.experiment) is None
    own = save_preset("mine", experiment_from({"epochs": 4}))
    assert own.as_run is None
    assert how_it_ran(own, experiment_from({})) == "declared"


def test_both_accuracies_of_009_and_010_are_kept() -> None:
    assert find_preset("009").reported.accuracy_train_mode == 65.60  # type: ignore[union-attr]
    assert find_preset("010").reported.accuracy_train_mode == 54.18  # type: ignore[union-attr]


def test_the_id_comes_from_the_file_name_010_is_not_8() -> None:
    assert find_preset("010").id == "010"
    folder = paths.user_presets()
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("title: [")
    with pytest.raises(WorkbenchError, match="8: there is no such preset") as raised:
        find_preset("8")
    assert "broken" not in str(raised.value.message)


def test_the_preset_before() -> None:
    presets = list_presets()
    assert preset_before(find_preset("001"), presets) is None
    assert preset_before(find_preset("010"), presets) == find_preset("009")
    # 012 is taken apart by those listed after it, which go on from 011.
    assert preset_before(find_preset("012"), presets) == find_preset("011")
    assert preset_before(find_preset("012a"), presets) == find_preset("011")
    assert preset_before(find_preset("012b"), presets) == find_preset("012a")


def test_what_is_beyond_the_report_says_what_was_changed_and_nothing_reported() -> None:
    beyond = [p for p in list_presets() if isinstance(p, Preset) and p.beyond]
    assert {"012", "012a", "012b", "012c"} <= {p.id for p in beyond}
    for preset in beyond:
        assert preset.id > "011"
        assert preset.tried
        assert preset.changed


def test_a_published_figure_is_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "fast.yaml"
    text = (
        "title: Fast\nexperiment: {epochs: 2}\npublished:\n  accuracy: 94.01\n  source: a paper\n"
    )
    path.write_text(text + "  runs: 1000\n  test_flip: true\n", encoding="utf-8")
    published = read_preset(path).published
    assert published is not None
    assert (published.accuracy, published.runs, published.test_flip) == (94.01, 1000, True)
    path.write_text(text + "  speed: 3\n", encoding="utf-8")
    with pytest.raises(WorkbenchError, match=r"line 6: published.speed: there is no such field"):
        read_preset(path)


def test_an_own_preset_is_saved_listed_and_found() -> None:
    experiment = experiment_from({"learning_rate": "1e-4", "scheduler": "step", "gamma": 0.5})
    saved = save_preset("Mein Versuch 한국어", experiment)
    assert saved.path.parent == paths.user_presets()
    listed = list_presets()[-1]
    assert isinstance(listed, Preset)
    assert listed.title == "Mein Versuch 한국어"
    assert listed.experiment == experiment
    assert not listed.built_in
    assert find_preset(saved.id).experiment == experiment
    assert find_preset(str(saved.path)).experiment == experiment


@pytest.mark.parametrize("title", ["", "  ", "///"])
def test_a_preset_needs_a_name(title: str) -> None:
    with pytest.raises(WorkbenchError, match="name"):
        save_preset(title, experiment_from({}))


def test_a_built_in_preset_is_never_replaced() -> None:
    with pytest.raises(WorkbenchError, match="built-in"):
        save_preset("007", experiment_from({}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title: [", "not valid YAML"),
        ("- a\n- b\n", "is not a preset"),
        ("title: x\n", "experiment"),
        ("title: x\nexperiment: {}\ncolor: red\n", "color"),
        ("title: x\nexperiment: {learning_rate: -1}\n", "learning_rate: must be greater than 0"),
        ("title: x\nexperiment: {epoch: 1}\n", "did you mean epochs"),
        ("title: x\nexperiment: [1]\n", "experiment"),
        ("title: x\nexperiment: {}\nas_run: {gamma: 0.1}\n", "gamma: has no effect"),
    ],
)
def test_an_unreadable_preset_stays_in_the_list_with_file_and_reason(
    text: str, reason: str
) -> None:
    paths.user_presets().mkdir(parents=True)
    path = paths.user_presets() / "mine.yaml"
    path.write_text(text)
    broken = list_presets()[-1]
    assert isinstance(broken, BrokenPreset)
    assert broken.id == "mine"
    assert str(path) in str(broken.problem)
    assert reason in str(broken.problem)
    assert "\n" not in str(broken.problem)
    with pytest.raises(WorkbenchError, match=r"mine\.yaml"):
        find_preset("mine")


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="there is no such file"):
        read_preset(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(WorkbenchError, match="cannot be read"):
        read_preset(tmp_path / "bytes.yaml")


def test_an_own_file_with_a_built_in_name_is_named_not_used() -> None:
    paths.user_presets().mkdir(parents=True)
    (paths.user_presets() / "001.yaml").write_text("title: x\nexperiment: {epochs: 9}\n")
    assert find_preset("001").experiment.epochs == 3
    assert isinstance(list_presets()[-1], BrokenPreset)


@pytest.mark.parametrize("title", ["CON", "a:b", "nul.x", "dot.", "가" * 80, 'x<>|?*"', "a\x07b"])
def test_an_own_preset_of_any_title_is_a_file_on_every_system(title: str) -> None:
    saved = save_preset(title, experiment_from({"epochs": 7}))
    title = visible(title)
    assert saved.id == file_name(title)
    assert (saved.title, saved.experiment.epochs) == (title, 7)
    assert find_preset(saved.id) == saved


def test_names_that_differ_only_in_case_are_one_preset() -> None:
    first = save_preset("Adam", experiment_from({"epochs": 1}))
    assert replaced_by("ADAM", list_presets()) == first
    assert replaced_by("Adam 2", list_presets()) is None
    assert replaced_by("007", list_presets()) is None
    second = save_preset("adam", experiment_from({"epochs": 2}))
    assert second.path == first.path
    assert [preset.title for preset in list_presets() if not preset.built_in] == ["adam"]
    assert find_preset("aDAM") == second
