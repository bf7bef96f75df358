"""One run on the sample, with weights, figures and a final test; written once, never trained."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from tests.library.made_runs import make_run
from workbench.data.datasets import DataSet
from workbench.engine.networks import build_network
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, write_record
from workbench.library.weights import Weights, save_weights
from workbench.spec.experiment import experiment_from


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("jane") / "library")


@pytest.fixture(scope="module")
def run(library: Library, sample: DataSet) -> RunRecord:
    """A run of 009 whose network has random weights."""
    data = {**asdict(sample.info), "classes": list(sample.info.classes), "left_out": []}
    data["skipped_files"] = []
    record = make_run(library, "009", (40.0, 55.0), data=data, epochs=2)
    experiment = experiment_from(record.experiment)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        state = build_network(experiment, 10).state_dict()
    weights = Weights(
        experiment,
        sample.info.classes,
        state,
        preset="009",
        metrics={"epoch": 2, "step": 8, "accuracy": 55.0, "status": "finished"},
        data=data,
    )
    name = "mlp_weight_009.pkl"
    save_weights(record.folder / name, weights)
    record = replace(record, weights=name)
    write_record(record)
    return record


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
