"""Network with its pixel scaling as ``.pt2``, of torch.export; checked by reading it again."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import numpy as np
import torch

from workbench.exporters.deployable import Deployable, images_to_check_on, load_source
from workbench.exporters.job import Job
from workbench.exporters.traced import Run, cannot_hold, compare, exported_program
from workbench.library.weights import values_of
from workbench.messages import Message, WorkbenchError

ABOUT = "cifar-workbench.json"
"""Name of what the file says of itself, among its extra files."""


def write(job: Job) -> None:
    """Write each source's network, and compare its logits with ours on every test image."""
    for source, path in job.places(".pt2"):
        job.look()
        weights = load_source(source, job)
        assert source.weights is not None
        network = Deployable(weights, source.weights).eval()
        place = job.stage.file(path)
        values = values_of(weights)
        del values["state_dict"]
        exported = exported_program(path, network, "torch.export")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                buffer = io.BytesIO()
                torch.export.save(exported, buffer, extra_files={ABOUT: json.dumps(values)})
        except Exception as error:
            raise cannot_hold(path, "torch.export", error) from None
        place.write_bytes(buffer.getbuffer())
        images = images_to_check_on(source, weights, job)
        different, largest = compare(network, _loaded(place), images, job)
        if different or largest:
            raise WorkbenchError(
                "{path}: gives other numbers when it is read again (largest difference {largest}), "
                "so the file was not kept.",
                path=path,
                largest=f"{largest:.2g}",
            )
        job.said.append(
            Message(
                "{name}: read again, it gives exactly the same numbers on all {images} test images "
                "of {data}.",
                name=path.name,
                images=f"{len(images.images):,}",
                data=images.name,
            )
        )


def _loaded(place: Path) -> Run:
    module = torch.export.load(place).module()

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, probabilities = module(torch.from_numpy(images))
        return logits.numpy(), probabilities.numpy()

    return run
