"""What saved weights say: a test of a weight file, and images of a person's own."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench.data.data_choice import DataChoice, DataInfo
from workbench.data.datasets import DataSet, load_data
from workbench.engine.control import RunControl
from workbench.engine.devices import choose_device
from workbench.engine.evaluation import (
    EVALUATION_BATCH,
    StopRequested,
    check,
    evaluate,
    test_logits,
)
from workbench.engine.events import Evaluation, Listener
from workbench.engine.process import free_memory, prepare_process
from workbench.engine.steps import pixel_scaling
from workbench.engine.thread_choice import require_threads
from workbench.library import weights as weight_files
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.running.failures import explain

log = logging.getLogger("workbench")

# --- testing saved weights -------------------------------------------------------------


@dataclass(frozen=True)
class WeightsTest:
    """A test of a weight file: ``notes`` say what was assumed."""

    figures: Evaluation
    data: DataInfo
    device: str
    device_name: str
    seconds: float
    notes: tuple[Message, ...]
    weights: weight_files.Weights


def evaluate_weights(
    path: Path,
    data: DataChoice,
    listener: Listener,
    control: RunControl,
    *,
    device: str = "auto",
    threads: int | None = None,
) -> WeightsTest:
    """Test the weights in the file ``path`` on the test split of ``data``, in evaluation mode,
    with mirror images where their experiment tests so.

    ``threads``: of the CPU, the process's own number where it is ``None``.

    ``listener`` hears ``DataProgress`` and ``EvaluationProgress``. Raises :class:`WorkbenchError`
    with one sentence, and :class:`Cancelled` where ``control`` asks to stop.
    """
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(require_threads(threads))
        return _evaluate_weights(path, data, listener, control, device)
    except StopRequested:
        raise Cancelled from None
    except (WorkbenchError, Cancelled):
        raise
    except Exception as error:
        log.exception("The test failed")
        raise WorkbenchError(explain(error, path.parent)) from None
    finally:
        torch.set_num_threads(before)
        free_memory()


def _evaluate_weights(
    path: Path, data: DataChoice, listener: Listener, control: RunControl, device: str
) -> WeightsTest:
    prepare_process()
    weights = weight_files.load_weights(path)
    chosen = choose_device(device)
    data_set: DataSet = load_data(data, listener, lambda: control.stopping).to(chosen.device)
    info = data_set.info
    if len(info.classes) != len(weights.classes):
        raise WorkbenchError(
            "{path}: is for {classes} classes, but {data} has {others}; choose the data set it "
            "was trained on.",
            path=path,
            classes=len(weights.classes),
            data=info.name,
            others=len(info.classes),
        )
    notes = list(weights.notes)
    if info.classes != weights.classes:
        notes.append(
            Message(
                "The weights were trained on other classes ({theirs}) than those of {data}; "
                "the accuracy says little.",
                theirs=", ".join(weights.classes),
                data=info.name,
            )
        )
    network = weight_files.build_from(weights)
    network = network.to(chosen.device).to(memory_format=torch.channels_last)
    scaling = pixel_scaling(weights.experiment, data_set, weight_files.statistics_of(weights))
    started = time.monotonic()
    figures, _ = evaluate(
        network,
        data_set,
        scaling,
        lambda: check(control),
        listener,
        weights.experiment.test_flip,
    )
    return WeightsTest(
        figures=figures,
        data=info,
        device=str(chosen.device),
        device_name=chosen.name,
        seconds=time.monotonic() - started,
        notes=tuple(notes),
        weights=weights,
    )


MIRRORED = Message("Of the mean of each image and its mirror image, as the weights were tested.")

# --- images of a person's own ----------------------------------------------------------


@dataclass(frozen=True)
class ImagePredictions:
    """``probabilities``: float64 (N, classes), the softmax of the logits; ``notes`` say what was
    assumed of the weights."""

    classes: tuple[str, ...]
    probabilities: np.ndarray
    notes: tuple[Message, ...]


def predict_images(path: Path, images: np.ndarray, *, device: str = "auto") -> ImagePredictions:
    """Return what the weights in the file ``path`` say of ``images`` (uint8 (N, 32, 32, 3)), in
    evaluation mode.

    Raises :class:`WorkbenchError` with one sentence.
    """
    try:
        prepare_process()
        weights = weight_files.load_weights(path)
        statistics = weight_files.statistics_of(weights)
        if weights.experiment.normalization == "dataset" and statistics is None:
            raise WorkbenchError(
                "{path}: does not say which mean and deviation its pixels were scaled with.",
                path=path,
            )
        chosen = choose_device(device)
        nothing = torch.zeros(0, dtype=torch.int64)
        data = DataSet(
            info=DataInfo("folder", path.name, weights.classes, 0, len(images), "", False),
            train_images=torch.zeros((0, 32, 32, 3), dtype=torch.uint8),
            train_labels=nothing,
            test_images=torch.from_numpy(np.array(images)),  # a copy, may be written
            test_labels=nothing,
        ).to(chosen.device)
        network = weight_files.build_from(weights)
        network = network.to(chosen.device).to(memory_format=torch.channels_last)
        with torch.no_grad():
            scaling = pixel_scaling(weights.experiment, data, statistics)
            parts = [
                test_logits(
                    network,
                    scaling(data.test_images[start : start + EVALUATION_BATCH]),
                    weights.experiment.test_flip,
                )
                for start in range(0, len(images), EVALUATION_BATCH)
            ]
            probabilities = torch.cat(parts).double().softmax(1).cpu().numpy()
        notes = list(weights.notes)
        if weights.experiment.test_flip:
            notes.append(MIRRORED)
        return ImagePredictions(weights.classes, probabilities, tuple(notes))
    except WorkbenchError:
        raise
    except Exception as error:
        log.exception("The prediction failed")
        raise WorkbenchError(explain(error, path.parent)) from None
    finally:
        free_memory()
