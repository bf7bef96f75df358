"""``cifar-workbench predict``, and the images that it refuses."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.commands.conftest import Call
from workbench.data.data_choice import CIFAR10_CLASSES, choose_data
from workbench.data.datasets import DataSet
from workbench.data.image_file import read_image_file
from workbench.engine.control import RunControl
from workbench.engine.networks import build_network
from workbench.library.weights import Weights, load_weights, save_weights
from workbench.messages import WorkbenchError
from workbench.running.inference import evaluate_weights, predict_images
from workbench.spec.experiment import experiment_from


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    experiment = experiment_from({"batch_norm": True, "dropout": 0.5})
    path = tmp_path / "weights.pkl"
    state_dict = build_network(experiment, 10).state_dict()
    save_weights(path, Weights(experiment, CIFAR10_CLASSES, state_dict))
    return path


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 pixels in a few hundred bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_probabilities_of_images_of_any_size(call: Call, weights: Path, tmp_path: Path) -> None:
    names = []
    for number, size in enumerate([(32, 32), (300, 200)]):
        pixels = np.random.default_rng(number).integers(0, 256, (*size[::-1], 3), np.uint8)
        path = tmp_path / f"image {number}.png"
        Image.fromarray(pixels).save(path)
        names.append(path)
    code, out, err = call("predict", weights, *names, "--json", "--device", "cpu")
    assert (code, err) == (0, "")
    results = json.loads(out)
    assert [result["image"] for result in results] == list(map(str, names))
    for result in results:
        assert list(result["probabilities"]) == list(CIFAR10_CLASSES)
        assert sum(result["probabilities"].values()) == pytest.approx(1.0)
        assert result["probability"] == max(result["probabilities"].values())
        assert result["probabilities"][result["predicted"]] == result["probability"]
    code, out, _ = call("predict", weights, names[0])
    assert code == 0
    assert "always chooses one of its classes" in out
    assert results[0]["predicted"] in out


def test_predictions_are_those_of_a_test(weights: Path, sample: DataSet) -> None:
    outcome = predict_images(weights, sample.test_images.numpy(), device="cpu")
    test = evaluate_weights(
        weights, choose_data("sample"), lambda event: None, RunControl(), device="cpu"
    )
    right = outcome.probabilities.argmax(1) == sample.test_labels.numpy()
    assert right.sum() == test.figures.correct
    assert outcome.classes == load_weights(weights).classes


def test_what_is_no_image_gets_a_sentence(call: Call, weights: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    Image.new("RGB", (40, 40), "red").save(good)
    broken = {
        "bomb.png": (bomb(), "too large"),
        "text.jpg": (b"hello", "not an image"),
        "cut.png": (good.read_bytes()[:60], "damaged"),
        "script.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        "empty.png": (b"", "not an image"),
    }
    for name, (content, words) in broken.items():
        path = tmp_path / name
        path.write_bytes(content)
        code, out, err = call("predict", weights, path)
        assert code == 2
        assert out == ""
        assert err.count("\n") == 1
        assert name in err
        assert words in err
    code, out, err = call(
        "predict", weights, tmp_path / "cut.png", good, tmp_path / "no.png", "--json"
    )
    assert code == 2
    results = json.loads(out)
    assert [bool(result["problem"]) for result in results] == [True, False, True]
    assert "there is no such file" in err


def test_an_image_from_memory() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (1, 2, 3)).save(stream, "PNG")
    stream.seek(0)
    assert (read_image_file(stream) == (1, 2, 3)).all()
    with pytest.raises(WorkbenchError, match="the clipboard: is not an image"):
        read_image_file(io.BytesIO(b"no"), "the clipboard")


def test_weights_that_do_not_say_their_scaling(tmp_path: Path) -> None:
    experiment = experiment_from({"normalization": "dataset"})
    path = tmp_path / "weights.pkl"
    state_dict = build_network(experiment, 10).state_dict()
    images = np.zeros((1, 32, 32, 3), np.uint8)
    save_weights(path, Weights(experiment, CIFAR10_CLASSES, state_dict))
    with pytest.raises(WorkbenchError, match="mean and deviation"):
        predict_images(path, images, device="cpu")
    metrics = {"pixel_mean": [0.0] * 3, "pixel_deviation": [255.0] * 3}
    save_weights(path, Weights(experiment, CIFAR10_CLASSES, state_dict, metrics=metrics))
    assert predict_images(path, images, device="cpu").probabilities.sum() == pytest.approx(1.0)


@pytest.mark.slow
def test_an_image_that_is_not_square_is_cropped_or_squeezed(
    call: Call, weights: Path, tmp_path: Path
) -> None:
    middle = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    wide = np.zeros((64, 160, 3), np.uint8)
    wide[:, 48:112] = middle
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide.transpose(1, 0, 2)).save(tmp_path / "tall.png")
    Image.fromarray(middle).save(tmp_path / "middle.png")
    Image.fromarray(middle.transpose(1, 0, 2)).save(tmp_path / "turned.png")

    def share(name: str, *options: str) -> dict[str, float]:
        _, out, _ = call("predict", weights, tmp_path / name, "--json", "--device", "cpu", *options)
        return dict(json.loads(out)[0]["probabilities"])

    assert share("wide.png") == share("wide.png", "--fit", "crop") == share("middle.png")
    assert share("tall.png") == share("turned.png")
    whole = share("wide.png", "--fit", "whole")
    assert whole != share("wide.png")
    pixels = read_image_file(tmp_path / "wide.png", fit="whole")
    assert (pixels[:, 0] == 0).all()  # the edge is still there
    code, out, _ = call("predict", "--help")
    assert (code, "square in its middle" in " ".join(out.split())) == (0, True)
