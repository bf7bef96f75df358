"""The command line, as a person or a script uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from workbench import cli, paths
from workbench.commands import presets

QUICK = ["--set", "epochs=1", "--set", "batch_size=100", "--dataset", "sample", "--device", "cpu"]


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    try:
        code = cli.main(list(arguments))
    except SystemExit as error:
        code = int(error.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def process(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(cli.__file__).parents[1]),
            **environment,
        },
    )


@pytest.fixture
def trained(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, out, _ = call("train", "007", *QUICK, "--json", capsys=capsys)
    assert code == 0
    return json.loads(out)


@pytest.mark.slow
def test_train_prints_one_json_value_and_its_files_exist(trained: dict[str, Any]) -> None:
    assert trained["preset"] == "007"
    assert trained["dataset"] == "sample"
    assert trained["device"] == "cpu"
    assert trained["epochs"] == 1
    assert trained["seconds"] > 0
    run, weights = Path(trained["run"]), Path(trained["weights"])
    assert run.parent == paths.library()
    assert weights == run / "mlp_weight_007.pkl"
    assert weights.is_file()
    test = trained["test"]
    assert test["total"] == 500
    assert test["accuracy"] == pytest.approx(100 * test["correct"] / 500)
    assert sum(map(sum, test["confusion"])) == 500
    assert sum(test["confusion"][i][i] for i in range(10)) == test["correct"]
    assert len(test["per_class"]) == len(test["classes"]) == 10


@pytest.mark.slow
def test_the_weights_test_the_same_tomorrow(
    trained: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call("test", trained["weights"], "--dataset", "sample", "--json", capsys=capsys)
    assert code == 0
    result = json.loads(out)
    assert result["test"] == trained["test"]
    assert result["preset"] == "007"
    assert result["run"] == trained["run"]
    assert result["epochs"] == 1

    code, out, _ = call("test", trained["weights"], "--dataset", "sample", capsys=capsys)
    assert f"Accuracy of Test Data: {trained['test']['correct']}/500" in out
    for name in trained["test"]["classes"]:
        assert name in out
    assert "sample" in out


@pytest.mark.slow
def test_inspect_shows_hyperparameters_and_figures(
    trained: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call("inspect", trained["weights"], capsys=capsys)
    assert code == 0
    assert "layer.0.weight" in out
    code, out, _ = call("inspect", trained["weights"], "--json", capsys=capsys)
    inspected = json.loads(out)
    assert inspected["experiment"]["optimizer"] == "adam"
    assert inspected["state_dict"]["fc_layer.2.weight"] == [10, 100]
    assert inspected["parameters"] == 434294
    assert inspected["metrics"]["accuracy"] == trained["test"]["accuracy"]


@pytest.mark.slow
def test_runs_are_listed_newest_first(
    trained: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    time.sleep(1.1)
    _, out, _ = call("train", "001", *QUICK, "--json", capsys=capsys)
    newer = json.loads(out)
    _, out, _ = call("runs", "--json", capsys=capsys)
    runs = json.loads(out)
    assert [r["run"] for r in runs] == [newer["run"], trained["run"]]
    assert runs[0]["status"] == "finished"
    assert runs[0]["accuracy"] == newer["test"]["accuracy"]
    assert (runs[0]["epochs_done"], runs[0]["epochs"]) == (1, 1)
    assert runs[0]["weights"] == newer["weights"]
    _, out, _ = call("runs", capsys=capsys)
    assert trained["run"] in out


@pytest.mark.slow
def test_a_run_that_learned_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("train", "004", *QUICK, capsys=capsys)
    assert code == 0
    assert "no better than chance: guessing among 10 classes gives 10.00%" in out


@pytest.mark.slow
def test_a_library_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "else where")
    code, out, _ = call("train", "001", *QUICK, "--library", place, "--json", capsys=capsys)
    assert code == 0
    assert Path(json.loads(out)["run"]).parent == Path(place)
    _, out, _ = call("runs", "--library", place, "--json", capsys=capsys)
    assert len(json.loads(out)) == 1
    _, out, _ = call("runs", "--json", capsys=capsys)
    assert json.loads(out) == []


def test_train_without_json_prints_the_reports_lines(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("train", "001", *QUICK, capsys=capsys)
    assert code == 0
    assert "Sample data" in out
    assert "iteration 0: loss 2." in out
    assert "Accuracy of Test Data: " in out
    assert "/500 (" in out
    assert "Total: " in out
    assert "mlp_weight_001.pkl" in out


def test_presets_lists_all_eleven(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call("presets", "--json", capsys=capsys)
    presets = json.loads(out)
    assert [p["id"] for p in presets][:11] == [f"{i:03}" for i in range(1, 12)]
    assert presets[0]["title"]
    assert presets[5]["experiment"]["gamma"] == 0.1
    assert presets[5]["as_run"]["scheduler"] == "none"
    assert presets[0]["as_run"] is None
    assert presets[10]["reported"]["accuracy"] == 75.18
    _code, out, _ = call("presets", capsys=capsys)
    assert "75.18%" in out


@pytest.mark.slow
def test_a_preset_trains_as_it_ran_where_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("train", "009", "--as-run", *QUICK, "--json", capsys=capsys)
    assert code == 0
    experiment = json.loads(out)["experiment"]
    assert experiment["scheduler"] == "none"
    assert experiment["test_images_in_batch_norm"] is True
    assert experiment["epochs"] == 1  # a change goes before
    code, out, _ = call("train", "001", "--as-run", *QUICK, capsys=capsys)
    assert code == 0
    assert "001 was actually run as written." in out


def test_data_says_what_is_there_and_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("data", capsys=capsys)
    assert code == 0
    assert "data download" in out
    code, out, _ = call("data", "--json", capsys=capsys)
    assert json.loads(out)["default"] == "sample"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "099"], "099: there is no such preset"),
        (["train", "no/such.yaml"], "there is no such file"),
        (["train", "001", "--set", "epoch=3"], "did you mean epochs?"),
        (["train", "001", "--set", "epochs"], "write it as key=value"),
        (["train", "001", "--set", "gamma=0.5"], "gamma: has no effect"),
        (["train", "001", "--dataset", "/no/such/folder"], "there is no such folder"),
        (["train", "001", "--dataset", "cifar10"], "data download"),
        (["train", "001", "--dataset", "sample", "--device", "cuda:7"], "cuda:7"),
        (["train", "001", "--dataset", "sample", "--device", "abacus"], "no such device"),
        (["test", "nothing.pkl", "--dataset", "sample"], "nothing.pkl"),
        (["inspect", "nothing.pkl"], "nothing.pkl"),
        (["frobnicate"], "invalid choice"),
        (["train"], "PRESET_OR_FILE"),
        (["data", "upload"], "invalid choice"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(*arguments, capsys=capsys)
    assert code == 2
    assert out in ("", "Sample data, made by the program, as chosen.\n")
    assert len(err.splitlines()) == 1
    assert sentence in err


def test_a_failed_run_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["--set", "learning_rate=10", "--set", "momentum=0.99", "--set", "epochs=2"]
    code, out, err = call("train", "001", *QUICK, *changes, "--json", capsys=capsys)
    assert code == 1
    result = json.loads(out)
    assert result["status"] == "failed"
    assert Path(result["weights"]).is_file()
    assert "learning rate" in err.splitlines()[-1]


def test_an_unknown_error_goes_to_the_log_and_its_place_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    cli.log.handlers.clear()
    monkeypatch.setattr(presets, "list_presets", lambda: 1 / 0)
    code, _out, err = call("presets", capsys=capsys)
    for handler in cli.log.handlers:
        handler.close()
    cli.log.handlers.clear()
    assert code == 1
    assert "Traceback" not in err
    assert str(paths.log_file()) in err
    assert "ZeroDivisionError" in paths.log_file().read_text()


@pytest.mark.slow
def test_ctrl_c_stops_keeps_and_exits_with_130() -> None:
    running = process(
        "train", "001", "--set", "epochs=1000", "--dataset", "sample", "--device", "cpu", "--json"
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "Epoch 1/1000:" in line:
            break
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=20)
    assert running.returncode == 130
    result = json.loads(out)
    assert result["status"] == "stopped"
    assert result["epochs"] >= 1
    assert Path(result["weights"]).is_file()
    runs = json.loads(process("runs", "--json").communicate(timeout=20)[0])
    assert runs[0]["status"] == "stopped"


@pytest.mark.slow
def test_a_reader_that_leaves_does_not_end_the_run() -> None:
    running = process("train", "001", *QUICK)
    assert running.stdout is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.wait(timeout=60) == 0
    assert running.stderr is not None
    running.stderr.close()
    runs = json.loads(process("runs", "--json").communicate(timeout=20)[0])
    assert runs[0]["status"] == "finished"


@pytest.mark.slow
def test_a_terminal_that_cannot_write_korean_does_not_end_the_command(tmp_path: Path) -> None:
    running = process(
        "train", "001", *QUICK, "--library", str(tmp_path / "실험"), PYTHONIOENCODING="cp1252"
    )
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert "Weights: " in out


@pytest.mark.slow
@pytest.mark.parametrize("place", ["/dev/null/home", "~nobody-of-this-name/x", "50% off"])
def test_a_home_that_cannot_be_used_is_one_sentence(place: str) -> None:
    out, err = process("train", "--help", CIFAR_WORKBENCH_HOME=place).communicate(timeout=20)
    assert "Traceback" not in out + err
    running = process("train", "001", *QUICK, CIFAR_WORKBENCH_HOME=place)
    out, err = running.communicate(timeout=60)
    assert "Traceback" not in out + err
    if "%" not in place:
        assert running.returncode == 2
        assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_weights_are_tested_on_their_own_data_unless_told_otherwise(
    trained: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_ROOT", "/nowhere")
    _, out, _ = call("test", trained["weights"], "--json", capsys=capsys)
    assert json.loads(out)["dataset"] == "sample"


def test_train_help_names_every_hyperparameter_with_its_limits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = call("train", "--help", capsys=capsys)
    assert code == 0
    assert "learning_rate   above 0 to 10" in out
    assert "test_mode       train | eval" in out


@pytest.mark.slow
def test_a_killed_run_is_interrupted() -> None:
    running = process(
        "train", "001", "--set", "epochs=1000", "--dataset", "sample", "--device", "cpu", "--json"
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "Epoch 1/1000:" in line:
            break
    seen = json.loads(process("runs", "--json").communicate(timeout=20)[0])
    running.kill()
    running.communicate(timeout=20)
    assert seen[0]["status"] == "running"
    runs = json.loads(process("runs", "--json").communicate(timeout=20)[0])
    assert runs[0]["status"] == "interrupted"
    assert runs[0]["epochs_done"] >= 1


def test_what_needs_no_torch_does_not_import_it() -> None:
    code = (
        "import sys, workbench.cli as c;"
        "c.main(['presets']); c.main(['runs']); c.main(['data']);"
        "sys.exit(any(m.split('.')[0] in ('torch', 'PySide6', 'torchvision') for m in sys.modules))"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
    )


def test_training_imports_no_qt() -> None:
    code = (
        "import sys, workbench.running.runner;"
        "sys.exit(any(m.split('.')[0] in ('PySide6', 'pyqtgraph') for m in sys.modules))"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
    )


@pytest.mark.skipif(sys.platform != "linux", reason="a display is always there")
@pytest.mark.parametrize("display", ["", ":4711"])
def test_without_a_display_the_window_says_so_in_one_sentence(display: str) -> None:
    running = process(QT_QPA_PLATFORM="", DISPLAY=display, WAYLAND_DISPLAY="")
    out, err = running.communicate(timeout=20)
    assert running.returncode == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "train" in err
    assert "display" in err


@pytest.mark.slow
def test_an_interrupted_training_is_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    quick = [*QUICK, "--set", "epochs=3"]
    code, out, _ = call("train", "001", *quick, "--json", capsys=capsys)
    assert code == 0
    whole = json.loads(out)
    running = process("train", "001", *quick, OMP_NUM_THREADS="1")
    assert running.stderr is not None
    runs = paths.library()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.02)
        folders = [f for f in runs.iterdir() if str(f) != whole["run"]]
        if folders and (folders[0] / "epochs.csv").is_file():
            break
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    (folder,) = folders
    code, out, err = call("resume", folder.name, "--json", capsys=capsys)
    assert code == 0, err
    resumed = json.loads(out)
    assert resumed["run"] == str(folder)
    assert len(resumed["resumed"]) == 1
    assert resumed["test"] == whole["test"]

    code, _, err = call("resume", folder.name, capsys=capsys)
    assert code == 2
    assert "has already trained to epoch 3" in err
    code, _, err = call("resume", folder.name, "--set", "seed=3", capsys=capsys)
    assert code == 2
    assert "only epochs can" in err
    code, out, _ = call("resume", folder.name, "--set", "epochs=4", "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out)["continues"] == folder.name
