"""How the golden weight files in this folder were made. For reading; no test runs it.

``format1_001.pkl`` stays as it is for good: it is what format 1 was. A new format gets a file
of its own. ``pytorch12_state_dict.pkl`` is a plain state dict in the file format of PyTorch 1.2
with the tags of a GPU, as the report's files were, though a newer PyTorch wrote it.
``network_keys.json`` has the keys and shapes of each network's weights: what is saved today must
open tomorrow.

    python tests/golden/make_golden.py FOLDER
"""

import json
import math
import sys
from pathlib import Path

import torch
from torch import Tensor

import workbench.library.weights
from workbench.engine.networks import build_empty
from workbench.library.weights import Weights, save_weights
from workbench.spec.experiment import Experiment, experiment_from
from workbench.spec.presets import find_preset


def golden_state_dict(experiment: Experiment, classes: int) -> dict[str, Tensor]:
    """Numbers that depend on no random state, with few digits so that they pack well."""
    values: dict[str, Tensor] = {}
    for key, wanted in build_empty(experiment, classes).state_dict().items():
        index = torch.arange(wanted.numel(), dtype=torch.int64)
        # From -1 to 1 in 128ths.
        number = ((index * index * 31 + index * 17 + len(values) * 13) % 257 - 128) / 128
        if key.endswith("num_batches_tracked"):
            values[key] = torch.tensor(3125)
            continue
        if key.endswith("running_var"):
            number = 1 + number / 2
        elif wanted.ndim > 1:
            inputs = wanted[0].numel()
            number = number * 2.0 ** -math.floor(math.log2(inputs) / 2)
        values[key] = number.to(torch.float32).reshape(wanted.shape)
    return values


def make(folder: Path) -> None:
    assert workbench.library.weights.FORMAT == 1, "format1_001.pkl must not be made again"
    plain = find_preset("001").experiment
    classes = tuple(f"golden {index}" for index in range(10))
    weights = Weights(
        experiment=plain,
        classes=classes,
        state_dict=golden_state_dict(plain, 10),
        preset="001",
        metrics={"epoch": 3, "step": 9375, "accuracy": 30.5, "status": "finished"},
        data={
            "kind": "sample",
            "name": "Golden data",
            "classes": classes,
            "train_images": 50_000,
            "test_images": 10_000,
            "fingerprint": "0" * 64,
            "comparable": False,
            "path": None,
            "skipped": 0,
        },
    )
    save_weights(folder / "format1_001.pkl", weights)

    regularized = find_preset("009").experiment
    network = build_empty(regularized, 10)
    network.load_state_dict(golden_state_dict(regularized, 10), assign=True)
    torch.serialization.location_tag = lambda storage: "cuda:0"
    torch.save(
        network.state_dict(),  # with the versions that PyTorch keeps beside the tensors
        folder / "pytorch12_state_dict.pkl",
        _use_new_zipfile_serialization=False,
    )


def make_keys(folder: Path) -> None:
    named = {
        "cnn": {},
        "cnn 64, 128": {"channels": "64, 128"},
        **{name: {"network": name} for name in ("resnet9", "airbench94", "resnet18")},
    }
    lines = []
    for name, values in named.items():
        state_dict = build_empty(experiment_from(values), 10).state_dict()
        keys = ",\n  ".join(json.dumps([k, list(v.shape)]) for k, v in state_dict.items())
        lines.append(f" {json.dumps(name)}: [\n  {keys}\n ]")
    (folder / "network_keys.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    make_keys(Path(sys.argv[1]))
    make(Path(sys.argv[1]))
