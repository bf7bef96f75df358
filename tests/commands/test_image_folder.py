"""A folder of images from the command line, with names and files as people have them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.commands.conftest import Call
from workbench import paths
from workbench.library.weights import load_weights

CLASSES = ("고양이".encode("cp949"), "강아지".encode("cp949"))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="names are bytes on Unix only")
def test_names_that_are_not_utf_8_from_training_to_the_report(call: Call, tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode("데이터".encode("cp949"))
    for split in ("train", "test"):
        for label, name in enumerate(CLASSES):
            folder = root / split / os.fsdecode(name)
            folder.mkdir(parents=True)
            for number in range(8):
                with (folder / os.fsdecode(b"\xbb\xe7%d" % number)).open("wb") as file:
                    Image.new("RGB", (32, 32), (200 * label, number, 0)).save(file, "PNG")
            (folder / os.fsdecode(b"\xbb\xe7.txt")).write_text("no image")
    code, out, err = call(
        *("train", "001", "--dataset", root, "--device", "cpu"),
        *("--set", "epochs=1", "--set", "batch_size=4"),
    )
    assert code == 0, err
    assert "Left out, no image that can be read (.txt): 4, for example train/" in out + err
    (run,) = (folder for folder in paths.library().iterdir() if folder.name[0] != ".")
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    names = ["������ (%B0%AD%BE%C6%C1%F6)", "������ (%B0%ED%BE%E7%C0%CC)"]
    assert record["data"]["classes"] == names
    (weights,) = run.glob("mlp_weight_001.pkl")
    assert list(load_weights(weights).classes) == names
    code, out, err = call("test", weights, "--dataset", root, "--device", "cpu", "--json")
    assert code == 0, err
    assert json.loads(out)["dataset"] == record["data"]["name"]
    picture = next((root / "test" / os.fsdecode(CLASSES[0])).glob("*0"))
    code, out, err = call("predict", weights, picture, "--json", "--device", "cpu")
    assert code == 0, err
    assert set(json.loads(out)[0]["probabilities"]) == set(names)
    assert call("report", run, "-o", tmp_path / "report.html")[0] == 0
    code, _, err = call("resume", run.name, "--set", "epochs=2")  # finds its data again
    assert code == 0, err
    written = [path for path in paths.home().rglob("*") if path.suffix in (".json", ".csv", ".txt")]
    for path in [*written, tmp_path / "report.html"]:
        text = path.read_text(encoding="utf-8")
        assert "\\ud" not in text, path


def test_what_is_left_out_is_said_by_a_test_of_weights_too(call: Call, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("RGB", (32, 32)).save(tmp_path / split / name / "0.png")
    (tmp_path / "train" / "a" / "gone.png").symlink_to("nowhere")
    assert (
        call("train", "001", "--dataset", tmp_path, "--set", "epochs=1", "--device", "cpu")[0] == 0
    )
    (weights,) = paths.library().glob("*/mlp_weight_001.pkl")
    code, out, err = call("test", weights, "--dataset", tmp_path, "--device", "cpu")
    assert code == 0, err
    assert "Left out, link to nothing: 1, for example train/a/gone.png\n" in out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_an_own_image_that_is_a_pipe_or_of_unknown_values(call: Call, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    code, _, err = call("predict", tmp_path / "no weights.pkl", tmp_path / "pipe.png")
    assert (code, err) == (2, f"{tmp_path / 'pipe.png'}: is not a regular file.\n")
    Image.new("F", (9, 9), 7.0).save(tmp_path / "a.tif")
    code, _, err = call("predict", tmp_path / "no weights.pkl", tmp_path / "a.tif")
    assert code == 2
    assert "does not say which of its values are black and white (TIFF, 32-bit floating" in err
