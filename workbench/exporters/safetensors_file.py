"""Weights as ``.safetensors``, with a model card; read again by Load."""

from __future__ import annotations

import json

import torch

from workbench.engine.steps import scaling_of
from workbench.exporters.deployable import load_source
from workbench.exporters.job import Job
from workbench.exporters.model_card import card_beside, model_card
from workbench.library.safetensors_file import to_safetensors
from workbench.library.weights import Weights, load_weights, statistics_of, values_of
from workbench.messages import Message, WorkbenchError

USE = """
from safetensors import safe_open
with safe_open("{name}", framework="pt") as file:
    about = file.metadata()  # experiment, classes, metrics and scaling, as JSON
    state_dict = {{key: file.get_tensor(key) for key in file.keys()}}
"""


def write(job: Job) -> None:
    """Write the weights of each source, and compare what was written bit by bit."""
    for number, (source, path) in enumerate(job.places(".safetensors")):
        job.look()
        weights = load_source(source, job)
        values = values_of(weights)
        place = job.stage.file(path)
        place.write_bytes(to_safetensors(values, {"scaling": json.dumps(_scaling(weights))}))
        _require_same(weights, load_weights(place))
        use = USE.format(name=path.name)
        card = model_card(source, about=values, known=job.known, notes=weights.notes, use=use)
        job.stage.file(card_beside(path)).write_text(card, "utf-8")
        job.said.append(
            Message("{name}: read again, every number is the same bit by bit.", name=path.name)
        )
        job.progress(number + 1, len(job.sources))


def _scaling(weights: Weights) -> dict[str, object]:
    """Return how pixels of 0 to 255 become what the network takes: ``pixel * factor + offset``."""
    statistics = statistics_of(weights)
    if weights.experiment.normalization == "dataset" and statistics is None:
        return {}  # the weights alone are whole without it
    scaling = scaling_of(weights.experiment, statistics)
    return {
        "factor": scaling.factor.flatten().tolist(),
        "offset": scaling.offset.flatten().tolist(),
    }


def _require_same(written: Weights, read: Weights) -> None:
    same = written.state_dict.keys() == read.state_dict.keys() and all(
        tensor.dtype == read.state_dict[key].dtype
        # As bytes: NaN differs from itself.
        and torch.equal(
            tensor.contiguous().reshape(-1).view(torch.uint8),
            read.state_dict[key].contiguous().reshape(-1).view(torch.uint8),
        )
        for key, tensor in written.state_dict.items()
    )
    if not same:
        raise WorkbenchError("The file does not hold the same numbers when it is read again.")
