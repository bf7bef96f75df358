"""Weights that other programs saved: with wrappers, inside checkpoints, in any pickle protocol."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.library.test_weights import REGULARIZED, make_weights, refusal, same
from workbench.engine.networks import build_network
from workbench.library import pickle_protocols
from workbench.library.weights import load_weights

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = build_network(REGULARIZED, 10)
    return dict(network.state_dict())


def renamed(state: State, change: Callable[[str], str]) -> State:
    return {change(key): tensor for key, tensor in state.items()}


def read(path: Path, values: object, **how: Any) -> tuple[State, list[str]]:
    """The tensors of a file with ``values``, and the notes on it; no warning is shown."""
    torch.save(values, path, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights = load_weights(path)
    return weights.state_dict, list(map(str, weights.notes))


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "net.model.module."]
)
def test_names_of_wrappers_are_taken_off(tmp_path: Path, state: State, prefix: str) -> None:
    found, notes = read(tmp_path / "w.pt", renamed(state, lambda key: prefix + key))
    assert same(found, state)
    assert any("was taken off" in note for note in notes)


def test_a_part_that_was_compiled_by_itself_is_recognized(tmp_path: Path, state: State) -> None:
    inner = renamed(state, lambda key: key.replace("layer.", "layer._orig_mod.", 1))
    found, notes = read(tmp_path / "w.pt", inner)
    assert same(found, state)
    assert any("“_orig_mod.” was taken off" in note for note in notes)


@pytest.mark.parametrize(
    "place", [("state_dict",), ("model_state_dict",), ("model",), ("ema",), ("model", "state_dict")]
)
def test_a_state_dict_inside_a_checkpoint_is_found(
    tmp_path: Path, state: State, place: tuple[str, ...]
) -> None:
    values: Any = state
    for name in reversed(place):
        values = {"epoch": 7, "lr_schedulers": [{"last_epoch": 7}], name: values}
    found, notes = read(tmp_path / "w.ckpt", values)
    assert same(found, state)
    assert f"Its weights lie inside the file, under {'.'.join(place)}." in notes


def test_a_lightning_checkpoint_with_its_metrics(tmp_path: Path, state: State) -> None:
    values = {
        "pytorch-lightning_version": "2.6.6",
        "state_dict": {
            **renamed(state, lambda key: f"model.{key}"),
            "loss.weight": torch.ones(10),
        },
        "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": []}],
    }
    found, notes = read(tmp_path / "epoch=3.ckpt", values)
    assert same(found, state)
    assert "Left out, as not of the network: 1 tensor of the file." in notes


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_numbers_are_converted_and_that_is_said(
    tmp_path: Path, state: State, kind: torch.dtype
) -> None:
    others = {k: t.to(kind) if t.is_floating_point() else t for k, t in state.items()}
    found, notes = read(tmp_path / "w.pt", others)
    assert same(found, {k: t.to(state[k].dtype) for k, t in others.items()})
    name = str(kind).removeprefix("torch.")
    assert f"The values were stored as {name} and converted to float32." in notes


def test_missing_counters_of_batch_norm_are_zero(tmp_path: Path, state: State) -> None:
    without = {key: tensor for key, tensor in state.items() if "num_batches" not in key}
    found, notes = read(tmp_path / "w.pt", {"state_dict": without})
    assert same(found, state)
    assert any("num_batches_tracked" in note for note in notes)


@pytest.mark.parametrize("in_zip", [True, False])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_is_read_without_a_warning(
    tmp_path: Path, state: State, protocol: int, in_zip: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    values = {"state_dict": state, "note": "Größe", "same": ["a", "a"], "more": {"torch": 1.5}}
    path = tmp_path / "w.pth"
    found, _ = read(path, values, pickle_protocol=protocol, _use_new_zipfile_serialization=in_zip)
    assert same(found, state)
    assert capfd.readouterr() == ("", "")


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("run",))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_code_is_refused_in_every_protocol(
    tmp_path: Path, state: State, protocol: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, in_zip in enumerate((True, False)):
        path = tmp_path / f"{number}.pt"
        torch.save(
            {"state_dict": state, "x": Harmful()},
            path,
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=in_zip,
        )
        assert "contains code" in refusal(path)
    assert capsys.readouterr().out == ""


def test_a_name_that_is_put_together_is_no_name() -> None:
    # A list where a text has to be; a name with a line break, which would begin another operation.
    import io

    for content in (
        b"\x80\x04]\x8c\x05print\x93.",
        b"\x80\x04\x8c\x02os\x8c\x08a\nsystem\x93.",
        b"\x80\x04\x93.",
    ):
        with pytest.raises(ValueError, match=r"."):
            pickle_protocols.as_protocol_2(io.BytesIO(content))


def test_plain_values_survive_the_change_of_protocol() -> None:
    import io

    text = "x" * 300
    values = {"a": [1, 2.5, None, True, text, text], "b": ("c", {"c": -(2**40)}), "é": "a"}
    for protocol in range(2, 6):
        stream = io.BytesIO(pickle.dumps(values, protocol) + b"rest")
        changed = pickle_protocols.as_protocol_2(stream)
        assert pickle.loads(changed) == values
        assert stream.read() == b"rest"


def test_another_network_is_told_by_its_own_names(tmp_path: Path, state: State) -> None:
    path = tmp_path / "w.pt"
    torch.save({"state_dict": {"model.conv1.weight": torch.zeros(3)}}, path)
    assert "holds the weights of another network" in refusal(path)


def test_safetensors_of_another_program(tmp_path: Path, state: State) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "model.safetensors"
    halved = {f"module.{k}": t.half() if t.is_floating_point() else t for k, t in state.items()}
    save_file(halved, path)
    loaded = load_weights(path)
    assert same(loaded.state_dict, {k: halved[f"module.{k}"].to(t.dtype) for k, t in state.items()})
    assert loaded.format is None
    content = path.read_bytes()
    for damaged in (content[:-5], content[:300], content[:9] + b"#" + content[10:]):
        path.write_bytes(damaged)
        assert refusal(path).endswith(("copy or download the file again.", "torch.save wrote."))


def test_own_safetensors_is_bit_equal(tmp_path: Path) -> None:
    from workbench.library.safetensors_file import to_safetensors
    from workbench.library.weights import values_of

    weights = make_weights(REGULARIZED)
    path = tmp_path / "w.safetensors"
    path.write_bytes(to_safetensors(values_of(weights), {"scaling": "x"}))
    loaded = load_weights(path)
    assert same(loaded.state_dict, weights.state_dict)
    assert (loaded.experiment, loaded.classes, loaded.metrics, loaded.preset, loaded.notes) == (
        *(weights.experiment, weights.classes, weights.metrics, weights.preset),
        (),
    )
