"""Networks of one's own, as a user installs them: a file in the folder, a package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from workbench import paths
from workbench.engine.networks import build_empty, build_network
from workbench.library.check import check_library
from workbench.library.weights import Weights, load_weights, save_weights
from workbench.messages import WorkbenchError
from workbench.spec.experiment import HYPERPARAMETERS, ExperimentError, experiment_from
from workbench.spec.networks import (
    NETWORKS,
    NetworkError,
    network_layers,
    own_network_problems,
)
from workbench.spec.own_networks import OwnNetwork, add_own_networks
from workbench.spec.registry import Registry

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```python\n(.*?)```", README, re.DOTALL)
Install = Callable[..., list[str]]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts files into the folder, and gives what is said of them."""
    monkeypatch.setenv("CIFAR_WORKBENCH_HOME", str(tmp_path / "home"))
    before = list(NETWORKS)

    def put(**texts: str) -> list[str]:
        paths.user_networks().mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (paths.user_networks() / f"{name}.py").write_text(text, encoding="utf-8")
        return list(map(str, add_own_networks(NETWORKS, tuple(HYPERPARAMETERS))))

    yield put
    for name in set(NETWORKS) - set(before):
        NETWORKS.remove(name)


FLAT = """from torch import nn

def build(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, {outputs}))
"""


def test_the_example_of_the_readme(install: Install) -> None:
    assert EXAMPLE is not None
    assert len(EXAMPLE[1].splitlines()) <= 16
    assert install(strided=EXAMPLE[1]) == []
    assert HYPERPARAMETERS["network"].choices["strided"] == "Strided"
    experiment = experiment_from({"network": "strided", "dropout": 0.3})
    with pytest.raises(ExperimentError, match="batch_norm: has no effect while network is strided"):
        experiment_from({"network": "strided", "batch_norm": True})
    with torch.random.fork_rng():
        network = build_network(experiment, 7)
        assert network(torch.rand(3, 3, 32, 32)).shape == (3, 7)
    layers = network_layers(experiment, 7)
    assert sum(e.parameters for e in layers) == sum(p.numel() for p in network.parameters())
    assert sum(e.multiply_adds for e in layers) == 16**2 * 75 * 32 + 8**2 * 800 * 64 + 4096 * 7


@pytest.mark.slow
def test_trains_is_named_in_its_weights_and_is_asked_for(install: Install, tmp_path: Path) -> None:
    """Trained by the command, in a process of its own."""
    install(flat=FLAT.format(outputs="classes"))
    done = _command("train", "001", "--set", "network=flat", "--set", "epochs=1", "--json")
    assert done.returncode == 0, done.stderr
    path = next(paths.library().glob("*/*.pkl"))
    assert load_weights(path).experiment.network == "flat"
    NETWORKS.remove("flat")
    with pytest.raises(NetworkError, match=r"needs the network flat, .* put flat.py into") as error:
        load_weights(path)
    assert str(path) in str(error.value)
    (paths.user_networks() / "flat.py").unlink()
    listed = _command("runs", "check", "--fix")
    assert "needs the network flat" in listed.stdout + listed.stderr
    assert path.exists()  # it is not damaged
    # Another network of that name.
    install(flat=FLAT.format(outputs="classes").replace("nn.Linear", "nn.LazyLinear(1), nn.Linear"))
    with pytest.raises(NetworkError):
        load_weights(path)


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workbench", *words]
    if words[0] == "train":
        command += ["--dataset", "sample", "--threads", "1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def build(classes:\n    pass\n", r"line 1: .*SyntaxError"),
        ("import os\nimport nowhere_at_all\n", r"line 2: .*No module named 'nowhere_at_all'"),
        ("x = 1\n", r"defines no function build\(classes, \.\.\.\)"),
        (
            "def build(classes, widths):\n    pass\n",
            r"line 1: build takes widths, which is no",
        ),
        ("\0", r"line 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(install: Install, text: str, said: str) -> None:
    problems = install(wrong=text, right=FLAT.format(outputs="classes"))
    assert len(problems) == 1
    assert re.search(said, problems[0])
    assert str(paths.user_networks() / "wrong.py") in problems[0]
    assert "wrong" not in NETWORKS
    assert "right" in NETWORKS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FLAT.format(outputs="classes + 1"), r"it gives 2×11"),
        ("def build(classes):\n    return None\n", r"must return a torch.nn.Module, not NoneType"),
        ("x = 1 / 0\n\ndef build(classes):\n    pass\n", r"line 1: .*ZeroDivisionError"),
        ("def build(classes):\n    return here\n", r"line 2: .*NameError: name 'here'"),
        (FLAT.format(outputs="classes").replace("3072", "30"), r"line 1: .*RuntimeError: mat1"),
    ],
)
def test_a_network_that_fails_when_it_is_built_is_one_sentence(
    install: Install, text: str, said: str
) -> None:
    assert install(wrong=text) == []
    experiment = experiment_from({"network": "wrong"})
    assert network_layers(experiment, 10) == ()
    with pytest.raises(NetworkError, match=said) as error:
        build_network(experiment, 10)
    assert str(paths.user_networks() / "wrong.py") in str(error.value)
    assert "\n" not in str(error.value)


def test_names_that_are_taken_or_none(install: Install) -> None:
    problems = install(cnn=FLAT, **{"Two Words": FLAT.format(outputs="classes")})
    assert [re.sub(r".*/networks/", "", problem)[:40] for problem in problems] == [
        "Two Words.py: Two Words is no name for a",
        "cnn.py: there is a network cnn already; ",
    ]


def test_weights_bring_no_code(install: Install, tmp_path: Path) -> None:
    """A weight file only names its network: what it says of it is not imported."""
    install(flat=FLAT.format(outputs="classes"))
    experiment = experiment_from({"network": "flat"})
    with torch.random.fork_rng():
        state_dict = build_network(experiment, 2).state_dict()
    path = tmp_path / "w.pkl"
    save_weights(path, Weights(experiment, ("a", "b"), state_dict))
    content = torch.load(path, weights_only=True)
    content["experiment"]["network"] = "os:system"
    torch.save(content, path)
    with pytest.raises(WorkbenchError, match="network: must be one of cnn"):
        load_weights(path)


def test_a_package_brings_a_network_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_networks"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')\n")
    (package / "deep" / "__init__.py").write_text("")
    (package / "deep" / "nets.py").write_text(
        FLAT.format(outputs="classes").replace("build", "flat_net")
    )
    facts = tmp_path / "some_networks-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: some-networks\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[cifar_workbench.networks]\nfrom_package = some_networks.deep.nets:flat_net\n"
        "gone = some_networks.nowhere:build\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CIFAR_WORKBENCH_HOME", str(tmp_path / "home"))
    registry: Registry = Registry()
    problems = add_own_networks(registry, tuple(HYPERPARAMETERS))
    assert list(registry) == ["from_package"]
    assert "some_networks" not in sys.modules
    assert len(problems) == 1
    assert "some_networks.nowhere" in str(problems[0])
    # Once it is built, it is.
    (package / "__init__.py").write_text("")
    NETWORKS.add(registry["from_package"])
    try:
        assert isinstance(NETWORKS["from_package"], OwnNetwork)
        empty = build_empty(experiment_from({"network": "from_package"}), 5)
        assert list(empty.state_dict()) == ["1.weight", "1.bias"]
    finally:
        NETWORKS.remove("from_package")


def test_the_program_starts_with_a_broken_file_and_without_torch(install: Install) -> None:
    install(wrong="import nowhere_at_all\n", flat=FLAT.format(outputs="classes"))
    code = (
        "import sys, workbench.cli as c; n = c.main(['presets', '--json']);"
        "assert n == 0 and 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)
    assert "wrong.py, line 1" in done.stderr
    assert done.stderr.count("\n") == 1
    assert isinstance(own_network_problems(), list)
    assert callable(check_library)
