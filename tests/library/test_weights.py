import errno
import io
import json
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from workbench.data.data_choice import CIFAR10_CLASSES
from workbench.engine.networks import build_network
from workbench.library import safe_pickle
from workbench.library.weights import FORMAT, KIND, Weights, build_from, load_weights, save_weights
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, experiment_from

DATA = Path(__file__).parents[1] / "golden"

PLAIN = experiment_from({})
REGULARIZED = experiment_from({"activation": "leaky_relu", "dropout": 0.2, "batch_norm": True})
ONLY_DROPOUT = experiment_from({"activation": "leaky_relu", "dropout": 0.2})


def make_weights(experiment: Experiment = PLAIN, classes: int = 10) -> Weights:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = build_network(experiment, classes)
    return Weights(
        experiment=experiment,
        classes=tuple(f"kind {index}" for index in range(classes)),
        state_dict=network.state_dict(),
        preset="001",
        metrics={"epoch": 3, "step": 9375, "accuracy": 31.25, "loss": None, "status": "finished"},
        data={"name": "Sample", "classes": ("a", "b"), "comparable": False},
    )


def content(**changes: object) -> dict[str, object]:
    """What a file of the program's own format holds, with changes."""
    weights = make_weights()
    return {
        "format": FORMAT,
        "kind": KIND,
        "experiment": weights.experiment.values(),
        "preset": None,
        "classes": list(weights.classes),
        "metrics": {},
        "data": None,
        "state_dict": weights.state_dict,
        **changes,
    }


def refusal(path: Path) -> str:
    """The sentence with which ``path`` is refused: one line that names the file."""
    with pytest.raises(WorkbenchError) as caught:
        load_weights(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    assert text.endswith(".")
    assert len(text) - len(str(path)) < 250
    return text


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return list(one) == list(other) and all(
        one[key].dtype == other[key].dtype
        and one[key].shape == other[key].shape
        and one[key].numpy().tobytes() == other[key].numpy().tobytes()
        for key in one
    )


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def images() -> torch.Tensor:
    return (torch.arange(2 * 3 * 32 * 32) % 255 / 127.5 - 1).reshape(2, 3, 32, 32)


# --- the program's own format ------------------------------------------------------------


@pytest.mark.parametrize(
    ("experiment", "classes"), [(PLAIN, 10), (REGULARIZED, 10), (ONLY_DROPOUT, 3)]
)
def test_round_trip_is_exact(tmp_path: Path, experiment: Experiment, classes: int) -> None:
    saved = make_weights(experiment, classes)
    path = tmp_path / "last.pkl"
    save_weights(path, saved)
    loaded = load_weights(path)
    assert same(loaded.state_dict, saved.state_dict)
    assert loaded.experiment == saved.experiment
    assert loaded.classes == saved.classes
    assert loaded.preset == saved.preset
    assert loaded.metrics == saved.metrics
    assert loaded.data == saved.data
    assert loaded.format == FORMAT
    assert loaded.notes == ()
    assert files(tmp_path) == ["last.pkl"]


def test_views_are_saved_without_the_rest_of_their_memory(tmp_path: Path) -> None:
    weights = make_weights()
    large = torch.zeros(10_000_000)
    large[:10] = torch.arange(10.0)
    weights.state_dict["fc_layer.2.bias"] = large[:10]
    weights.state_dict["fc_layer.2.weight"] = torch.rand(100, 10).t()
    path = tmp_path / "last.pkl"
    save_weights(path, weights)
    assert path.stat().st_size < 2_000_000
    assert load_weights(path).state_dict["fc_layer.2.bias"].tolist() == list(range(10))


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.pkl"
    save_weights(path, make_weights())
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkbenchError) as caught:
        save_weights(path, make_weights(REGULARIZED))
    assert str(caught.value) == f"{path}: cannot be written ({os.strerror(errno.ENOSPC)})."
    assert path.read_bytes() == before
    assert files(tmp_path) == ["last.pkl"]


def test_saving_into_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "last.pkl"
    with pytest.raises(WorkbenchError, match=r"cannot be written \(.+\)\.$"):
        save_weights(path, make_weights())


def test_numbers_that_could_not_be_read_back_are_not_saved(tmp_path: Path) -> None:
    weights = make_weights()
    weights.metrics["accuracy"] = np.float64(31.25)
    with pytest.raises(TypeError, match="metrics"):
        save_weights(tmp_path / "last.pkl", weights)
    assert files(tmp_path) == []


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.pkl"
    for number in (FORMAT + 1, 10**18):
        torch.save(content(format=number), path)
        assert "newer version of the program" in refusal(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "1"),
        ("format", True),
        ("format", 0),
        ("experiment", None),
        ("experiment", {"epochs": torch.zeros(3)}),
        ("experiment", {"activation": "two\nlines"}),
        ("experiment", {"two\nlines": 1}),
        ("preset", 1),
        ("classes", []),
        ("classes", ["a", 1]),
        ("metrics", {"accuracy": {"a": {}}}),
        ("metrics", {"accuracy": 101.0}),
        ("metrics", {"epoch": "third"}),
        ("metrics", {"step": -1}),
        ("metrics", {"pixel_mean": [1.0, 2.0]}),
        ("metrics", {"pixel_deviation": [1.0, -2.0, 3.0]}),
        ("metrics", {"pixel_mean": [1.0, float("nan"), 3.0]}),
        ("metrics", {"status": "x\x1b[2J"}),
        ("metrics", {"loss": float("inf")}),
        ("data", [1]),
        ("state_dict", []),
    ],
)
def test_a_field_that_was_changed_is_named(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "changed.pkl"
    torch.save(content(**{field: value}), path)
    assert f"its field {field} cannot be used" in refusal(path)


def test_an_experiment_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "changed.pkl"
    torch.save(content(experiment={"epochs": 0}), path)
    assert "epochs: must be 1 or more (it is 0)." in refusal(path)


def test_weights_that_do_not_fit_their_experiment_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "changed.pkl"
    torch.save(content(experiment=REGULARIZED.values()), path)
    text = refusal(path)
    assert "do not fit its experiment" in text
    assert "is missing" in text
    torch.save(content(classes=["cat", "dog"]), path)
    assert "fc_layer.2.weight is 10×100 instead of 2×100" in refusal(path)


# --- plain state dicts -------------------------------------------------------------------


@pytest.mark.parametrize("zip_format", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("experiment", [PLAIN, REGULARIZED, ONLY_DROPOUT])
def test_a_plain_state_dict_is_recognized(
    tmp_path: Path, experiment: Experiment, prefix: str, zip_format: bool
) -> None:
    network = build_network(experiment, 10)
    path = tmp_path / "plain.pkl"
    torch.save(
        OrderedDict((prefix + key, value) for key, value in network.state_dict().items()),
        path,
        _use_new_zipfile_serialization=zip_format,
    )
    loaded = load_weights(path)
    assert same(loaded.state_dict, network.state_dict())
    assert loaded.experiment == experiment
    assert loaded.classes == CIFAR10_CLASSES
    assert loaded.format is None
    assert loaded.metrics == {}
    notes = [str(note) for note in loaded.notes]
    assert "The file does not name its classes; those of CIFAR-10 are assumed." in notes
    activation = "ReLU" if experiment is PLAIN else "Leaky ReLU"
    assert (
        f"The file does not say its activation; {activation} is assumed, as in the report." in notes
    )
    assert any("pixels" in note for note in notes)
    assert any("dropout" in note for note in notes) == (experiment is not PLAIN)
    assert all("\n" not in note and note.endswith(".") for note in notes)


def test_the_number_of_classes_is_that_of_the_last_layer(tmp_path: Path) -> None:
    path = tmp_path / "plain.pkl"
    torch.save(build_network(REGULARIZED, 3).state_dict(), path)
    loaded = load_weights(path)
    assert loaded.classes == ("class 0", "class 1", "class 2")
    assert build_from(loaded)(images()).shape == (2, 3)


@pytest.mark.parametrize("zip_format", [True, False])
def test_weights_saved_from_a_gpu_are_loaded_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zip_format: bool
) -> None:
    network = build_network(REGULARIZED, 10)
    path = tmp_path / "gpu.pkl"
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(network.state_dict(), path, _use_new_zipfile_serialization=zip_format)
    assert b"cuda:0" in path.read_bytes()
    loaded = load_weights(path)
    assert same(loaded.state_dict, network.state_dict())
    assert {str(value.device) for value in loaded.state_dict.values()} == {"cpu"}


def test_parameters_become_tensors(tmp_path: Path) -> None:
    path = tmp_path / "plain.pkl"
    torch.save(build_network(PLAIN, 10).state_dict(keep_vars=True), path)
    assert {type(value) for value in load_weights(path).state_dict.values()} == {torch.Tensor}


@pytest.mark.parametrize("number_format", [torch.float64, torch.float16, torch.bfloat16])
def test_other_floats_are_converted_and_said(tmp_path: Path, number_format: torch.dtype) -> None:
    network = build_network(REGULARIZED, 10).to(number_format)
    path = tmp_path / "plain.pkl"
    torch.save(network.state_dict(), path)
    loaded = load_weights(path)
    assert same(loaded.state_dict, network.float().state_dict())
    name = str(number_format).removeprefix("torch.")
    assert f"The values were stored as {name} and converted to float32." in map(str, loaded.notes)


@pytest.mark.parametrize("number_format", [torch.int64, torch.bool, torch.complex64])
def test_numbers_that_are_no_floats_are_refused(tmp_path: Path, number_format: torch.dtype) -> None:
    state_dict = build_network(PLAIN, 10).state_dict()
    state_dict["layer.0.bias"] = torch.zeros(16, dtype=number_format)
    path = tmp_path / "plain.pkl"
    torch.save(state_dict, path)
    assert "layer.0.bias holds" in refusal(path)


def test_values_that_are_not_finite_load_with_a_note(tmp_path: Path) -> None:
    state_dict = build_network(PLAIN, 10).state_dict()
    state_dict["layer.0.bias"][:2] = torch.tensor([float("nan"), float("inf")])
    path = tmp_path / "plain.pkl"
    torch.save(state_dict, path)
    loaded = load_weights(path)
    assert any(str(note).startswith("2 of the values are not finite") for note in loaded.notes)
    assert same(loaded.state_dict, state_dict)


# --- building ----------------------------------------------------------------------------


@pytest.mark.parametrize("experiment", [PLAIN, REGULARIZED, ONLY_DROPOUT])
def test_build_from_gives_the_same_outputs_and_draws_nothing(experiment: Experiment) -> None:
    weights = make_weights(experiment)
    before = torch.get_rng_state()
    network = build_from(weights)
    assert torch.equal(torch.get_rng_state(), before)
    assert not network.training
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    reference = build_network(experiment, 10)
    reference.load_state_dict(weights.state_dict)
    with torch.no_grad():
        assert torch.equal(network(images()), reference.eval()(images()))


# --- golden files ------------------------------------------------------------------------

GOLDEN_LOGITS = {
    "format1_001.pkl": [
        [
            0.01537,
            0.54659,
            -1.01034,
            0.41612,
            0.10149,
            0.70725,
            -0.57832,
            0.55362,
            0.00576,
            0.69797,
        ],
        [0.00128, 0.54636, -1.00469, 0.40856, 0.10162, 0.7037, -0.58342, 0.55473, 0.00151, 0.70949],
    ],
    "pytorch12_state_dict.pkl": [
        [
            -0.21658,
            0.95126,
            -0.34007,
            -0.82579,
            -0.94233,
            -0.51719,
            0.0917,
            0.54383,
            -1.20793,
            0.85056,
        ],
        [
            -0.21746,
            0.95134,
            -0.34155,
            -0.82693,
            -0.94119,
            -0.51603,
            0.09204,
            0.54491,
            -1.20872,
            0.85026,
        ],
    ],
}


@pytest.mark.parametrize("name", GOLDEN_LOGITS)
def test_golden_files_predict_what_they_did(name: str) -> None:
    network = build_from(load_weights(DATA / name))
    with torch.no_grad():
        logits = network(images())
    assert torch.allclose(logits, torch.tensor(GOLDEN_LOGITS[name]), rtol=0, atol=1e-4)


def test_the_golden_file_of_format_1() -> None:
    loaded = load_weights(DATA / "format1_001.pkl")
    assert loaded.format == 1
    assert loaded.preset == "001"
    assert loaded.experiment == experiment_from({"test_mode": "train"})
    assert loaded.classes == tuple(f"golden {index}" for index in range(10))
    assert loaded.metrics == {"epoch": 3, "step": 9375, "accuracy": 30.5, "status": "finished"}
    assert loaded.data is not None
    assert loaded.data["name"] == "Golden data"
    assert loaded.data["comparable"] is False
    assert loaded.notes == ()


def test_the_golden_file_of_pytorch_1_2() -> None:
    loaded = load_weights(DATA / "pytorch12_state_dict.pkl")
    assert loaded.experiment == REGULARIZED
    assert loaded.format is None
    with (DATA / "pytorch12_state_dict.pkl").open("rb") as file:
        # Harmless: the first three pickles are two numbers and a dict of them.
        assert file.peek(2)[:2] == b"\x80\x02"
        assert pickle.load(file) == 0x1950A86A20F9469CFC6C
        assert pickle.load(file) == 1001
        assert pickle.load(file)["little_endian"] is True
        assert file.peek(2)[:2] == b"\x80\x02"
    assert b"cuda:0" in (DATA / "pytorch12_state_dict.pkl").read_bytes()


# --- what is refused ---------------------------------------------------------------------


def test_a_missing_file(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "none.pkl")


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.pkl"
    path.touch()
    assert "is empty" in refusal(path)


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid"), reason="needs Unix modes")
def test_a_file_without_permission(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = tmp_path / "secret.pkl"
    path.write_bytes(b"x")
    path.chmod(0)
    assert "cannot be read" in refusal(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a Unix device")
def test_a_device() -> None:
    assert "is not a weights file" in refusal(Path("/dev/zero"))


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"some text\n",
        b".",
        b"cat and\ndog and more\n",
        "Gewichte: é\n".encode(),
        json.dumps({"layer.0.weight": [1.0, 2.0]}).encode(),
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00 \x00\x00\x00 \x08\x02\x00\x00\x00",
        bytes(range(256)),
        bytes(5000),
        b"\x80\x02",
        b"\xff\xfe\x00",
        *(pickle.dumps([1, 2, "three"], protocol) for protocol in range(6)),
        npz(),
    ],
    ids=range(17),
)
def test_what_is_no_weights_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pkl"
    path.write_bytes(content)
    assert "is not a weights file" in refusal(path)


@pytest.mark.parametrize("zip_format", [True, False])
@pytest.mark.parametrize("share", [0.0001, 0.001, 0.2, 0.5, 0.99, 0.99999])
def test_a_truncated_file(tmp_path: Path, share: float, zip_format: bool) -> None:
    path = tmp_path / "cut.pkl"
    state_dict = build_network(REGULARIZED, 10).state_dict()
    torch.save(state_dict, path, _use_new_zipfile_serialization=zip_format)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "is damaged or incomplete" in refusal(path)


def test_a_flipped_bit(tmp_path: Path) -> None:
    path = tmp_path / "flipped.pkl"
    save_weights(path, make_weights())
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 4
    path.write_bytes(changed)
    assert "is damaged or incomplete" in refusal(path)


class Other(nn.Module):
    def __init__(self, hidden: int = 50) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())
        self.head = nn.Linear(hidden, 10)


@pytest.mark.parametrize(
    "values",
    [
        {"channels": "8, 8"},
        {"channels": "4", "activation": "leaky_relu", "dropout": 0.2, "batch_norm": True},
        {"network": "resnet9"},
        {"network": "airbench94"},
        {"network": "resnet18"},
    ],
    ids=str,
)
def test_a_plain_state_dict_tells_its_network(tmp_path: Path, values: dict[str, Any]) -> None:
    with torch.random.fork_rng():
        network = build_network(experiment_from(values), 7)
    path = tmp_path / "plain.pkl"
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, path)
    weights = load_weights(path)
    assert values.items() <= weights.experiment.values().items()
    assert len(weights.classes) == 7
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(build_from(weights)(images), network.eval()(images))
    # Activation and dropout are the CNN's to choose.
    assert any("activation" in str(note) for note in weights.notes) == ("channels" in values)


def test_another_network(tmp_path: Path) -> None:
    path = tmp_path / "other.pkl"
    torch.save(Other().state_dict(), path)
    text = refusal(path)
    assert "holds the weights of another network" in text
    assert "fc_layer.0.weight is missing (6 differences in all)" in text
    torch.save({"head.0.weight": torch.zeros(2)}, path)
    assert "is missing" in refusal(path)


def test_another_shape_and_another_key(tmp_path: Path) -> None:
    path = tmp_path / "other.pkl"
    state_dict = build_network(PLAIN, 10).state_dict()
    torch.save({**state_dict, "layer.2.weight": torch.zeros(32, 16, 5, 5)}, path)
    assert refusal(path).endswith(
        "another network: layer.2.weight is 32×16×5×5 instead of 32×16×3×3."
    )
    torch.save({**state_dict, "layer\n9\x1b.weight" + "x" * 500: torch.zeros(1)}, path)
    assert "is not expected" in refusal(path)
    for last in (torch.zeros(()), torch.zeros(0), torch.zeros(10, 2)):
        torch.save({**state_dict, "fc_layer.2.bias": last}, path)
        assert "another network" in refusal(path)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "holds no weights"),
        ([torch.zeros(3)], "is not a weights file"),
        (torch.zeros(3), "is not a weights file"),
        ({"epoch": 3, "state_dict": {}}, "holds no weights"),
        ({"epoch": 3, "optimizer": {"lr": 0.1}}, "(epoch is int, not a tensor)"),
        ({"layer.0.weight": [1.0]}, "(layer.0.weight is list, not a tensor)"),
        ({0: torch.zeros(3)}, "(0 is Tensor, not a tensor)"),
    ],
)
def test_what_is_no_state_dict(tmp_path: Path, values: object, reason: str) -> None:
    path = tmp_path / "other.pkl"
    torch.save(values, path)
    assert reason in refusal(path)


@pytest.mark.parametrize("way", ["zip", "legacy", "raw"])
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_a_whole_network(tmp_path: Path, way: str) -> None:
    path = tmp_path / "whole.pkl"
    network = build_network(REGULARIZED, 10)
    if way == "raw":
        path.write_bytes(pickle.dumps(network.layer[2]))
    else:
        torch.save(network, path, _use_new_zipfile_serialization=way == "zip")
    text = refusal(path)
    assert "is a whole pickled network" in text
    assert "save model.state_dict() instead" in text


def test_a_torchscript_program(tmp_path: Path) -> None:
    path = tmp_path / "script.pkl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        archive.writestr("archive/constants.pkl", pickle.dumps((), 2))
    assert "TorchScript" in refusal(path)


class Evil:
    """Would write ``marker`` when unpickled."""

    def __init__(self, marker: Path, function: str) -> None:
        self.marker = marker
        self.function = function

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        code = f"open({str(self.marker)!r}, 'w').close()"
        if self.function == "system":
            command = f'{sys.executable} -c "{code}"'
            return os.system, (command,)
        return exec, (code,)


def write_evil(path: Path, evil: Evil, way: str) -> None:
    if way.startswith("raw"):
        path.write_bytes(pickle.dumps(evil, int(way[-1])))
    elif way == "zip, protocol 4":
        torch.save({"a": evil}, path, pickle_protocol=4)
    elif way == "in the state dict":
        torch.save(content(state_dict={"layer.0.weight": evil}), path)
    elif way == "with a network":
        torch.save([nn.Linear(2, 2), evil], path)
    elif way == "legacy, first pickle":
        path.write_bytes(pickle.dumps(evil, 2) + pickle.dumps(0x1950A86A20F9469CFC6C, 2))
    elif way == "legacy, last pickle":
        buffer = io.BytesIO()
        torch.save([], buffer, _use_new_zipfile_serialization=False)
        keys = pickle.dumps([], 2)
        assert buffer.getvalue().endswith(keys)
        path.write_bytes(buffer.getvalue().removesuffix(keys) + pickle.dumps(evil, 2))
    else:
        torch.save([evil], path, _use_new_zipfile_serialization=way == "zip")


@pytest.mark.parametrize("function", ["system", "exec"])
@pytest.mark.parametrize(
    "way",
    [
        *(f"raw, protocol {protocol}" for protocol in range(6)),
        "zip",
        "zip, protocol 4",
        "in the state dict",
        "with a network",
        "legacy",
        "legacy, first pickle",
        "legacy, last pickle",
    ],
)
def test_code_is_named_and_not_run(tmp_path: Path, way: str, function: str) -> None:
    path, marker = tmp_path / "evil.pkl", tmp_path / "marker"
    write_evil(path, Evil(marker, function), way)
    text = refusal(path)
    name = f"{os.name}.system" if function == "system" else r"exec"
    assert "contains code (it would call " in text
    assert f"{name})" in text
    assert not marker.exists()


def test_the_code_of_these_tests_would_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    pickle.loads(pickle.dumps(Evil(marker, "exec")))
    assert marker.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"cbuiltins\nbytearray\n(I100000000000\ntR.",  # allowed by weights_only
        b"ctorch\nFloatTensor\n(I100000000000\ntR.",
    ],
)
def test_calls_that_reserve_memory_are_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "large.pkl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + body)
        archive.writestr("archive/version", "3")
    assert "contains code" in refusal(path)


def test_a_zip_that_unpacks_to_more_than_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pkl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        with archive.open("archive/data/0", "w") as record:
            for _ in range(101):
                record.write(bytes(1_000_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(WorkbenchError, match="more than 100 MB"):
        safe_pickle.load_plain(path, largest=100_000_000)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.pkl"
    with path.open("wb") as file:
        file.truncate(safe_pickle.LARGEST_FILE + 1)
    assert "more than 1000 MB" in refusal(path)


@pytest.mark.parametrize("zip_format", [True, False])
def test_storages_larger_than_the_file(tmp_path: Path, zip_format: bool) -> None:
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(300)}, buffer, _use_new_zipfile_serialization=zip_format)
    number, large = b"M" + (300).to_bytes(2, "little"), b"J" + (2**31 - 1).to_bytes(4, "little")
    path = tmp_path / "large.pkl"
    if zip_format:
        with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
            for record in old.infolist():
                changed = old.read(record)
                if record.filename.endswith("data.pkl"):
                    assert changed.count(number) == 2
                    changed = changed.replace(number, large)
                new.writestr(record.filename, changed)
    else:
        assert buffer.getvalue().count(number) == 2
        path.write_bytes(buffer.getvalue().replace(number, large))
    assert "is damaged or incomplete" in refusal(path)


def test_a_tensor_larger_than_its_storage(tmp_path: Path) -> None:
    state_dict = build_network(PLAIN, 10).state_dict()
    state_dict["fc_layer.2.bias"] = torch.zeros(1).expand(10**12)
    path = tmp_path / "large.pkl"
    torch.save(state_dict, path)
    assert "is damaged or incomplete" in refusal(path)


def test_a_pickle_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_pickle, "_MOST_OPERATIONS", 100)
    path = tmp_path / "long.pkl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"N0" * 100 + b"}.")
    assert "is damaged or incomplete" in refusal(path)


def test_an_ordered_dict_with_shadowed_methods(tmp_path: Path) -> None:
    state_dict = build_network(PLAIN, 10).state_dict()
    # PyTorch's own pickler would stumble over the real names.
    for name in ("itemZ", "keyZ", "geZ", "valueZ"):
        state_dict.__dict__[name] = [1]
    buffer = io.BytesIO()
    torch.save(state_dict, buffer, _use_new_zipfile_serialization=False)
    changed = buffer.getvalue()
    for method in (b"items", b"keys", b"get", b"values"):
        assert changed.count(method[:-1] + b"Z") == 1
        changed = changed.replace(method[:-1] + b"Z", method)
    path = tmp_path / "shadowed.pkl"
    path.write_bytes(changed)
    assert same(load_weights(path).state_dict, state_dict)
