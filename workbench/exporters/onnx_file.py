"""Network with its pixel scaling as ``.onnx``, with a model card; checked with ONNX Runtime."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.collector import collector_set_aside
from workbench.exporters.deployable import Deployable, images_to_check_on, load_source
from workbench.exporters.job import Job
from workbench.exporters.model_card import card_beside, model_card
from workbench.exporters.traced import (
    Run,
    cannot_hold,
    compare,
    exported_program,
    one_precision,
)
from workbench.library.weights import values_of
from workbench.messages import Message, WorkbenchError

USE = """
import json
import numpy, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession("{name}")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
image = Image.open("cat.jpg").convert("RGB").resize((32, 32))
images = numpy.asarray(image)[None]  # uint8 (1, 32, 32, 3)
logits, probabilities = session.run(None, {{"images": images}})
print(classes[probabilities[0].argmax()])
"""

OPSET = 18


def write(job: Job) -> None:
    """Write each source's network, and compare its class with ours on every test image."""
    with collector_set_aside():  # a window that waits for these imports would stand still
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    for source, path in job.places(".onnx"):
        job.look()
        weights = load_source(source, job)
        assert source.weights is not None
        network = Deployable(weights, source.weights).eval()
        place = job.stage.file(path)
        values = values_of(weights)
        del values["state_dict"]
        _write(path, place, network, values)
        job.look()
        images = images_to_check_on(source, weights, job)
        different, largest = compare(network, _runtime(place), images, job)
        if different:
            raise WorkbenchError(
                "{path}: ONNX Runtime gives another class for {different} of {images} test images, "
                "so the file was not kept.",
                path=path,
                different=different,
                images=f"{len(images.images):,}",
            )
        job.said.append(
            Message(
                "{name}: ONNX Runtime gives the same class for all {images} test images of {data}; "
                "largest difference of a logit {largest}.",
                name=path.name,
                images=f"{len(images.images):,}",
                data=images.name,
                largest=f"{largest:.2g}",
            )
        )
        use = USE.format(name=path.name)
        card = model_card(source, about=values, known=job.known, notes=weights.notes, use=use)
        job.stage.file(card_beside(path)).write_text(card, "utf-8")


def _write(path: Path, place: Path, network: Deployable, about: dict[str, Any]) -> None:
    import onnx

    exported = exported_program(path, network, "ONNX")
    try:
        with warnings.catch_warnings(), one_precision():
            warnings.simplefilter("ignore")  # the exporter's own words for programmers
            program = torch.onnx.export(
                exported,
                (),
                dynamo=True,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["logits", "probabilities"],
                verbose=False,
            )
        assert program is not None
        model = program.model_proto
    except Exception as error:
        raise cannot_hold(path, "ONNX", error) from None
    model.producer_name = "CIFAR Workbench"
    model.doc_string = "uint8 images (N, 32, 32, 3), R G B; logits and probabilities (N, classes)"
    for node in [*model.graph.node, *(node for f in model.functions for node in f.node)]:
        del node.metadata_props[:]  # stack traces, with the names of folders
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = "N"
    del model.graph.metadata_props[:], model.metadata_props[:]
    texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in about.items()}
    onnx.helper.set_model_props(model, texts)
    onnx.checker.check_model(model)
    place.write_bytes(model.SerializeToString())


def _runtime(place: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        place.read_bytes(), options, providers=["CPUExecutionProvider"]
    )

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, probabilities = session.run(["logits", "probabilities"], {"images": images})
        return logits, probabilities

    return run


logging.getLogger("torch.onnx").setLevel(logging.ERROR)
logging.getLogger("onnxscript").setLevel(logging.ERROR)
