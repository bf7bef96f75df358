"""The contenders of training_speed.py: each trains one epoch of an experiment on given data, and
says how many steps it made a second.

All start from the same weights and make the same number of steps of as many images, in shuffled
order, with as many threads, with the experiment's optimizer, learning rates and augmentation. The
clock runs from the end of the first :data:`WARM_UP` steps to the end of the last one, and waits for
the device at both ends; tests after the epoch are left out. What ours sets for the whole process
(freed memory kept, float32 without TF32) holds for all that share it.
"""

from __future__ import annotations

import io
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import (
    Compose,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    ToTensor,
)

from workbench.data.data_choice import CIFAR10_CLASSES, DataInfo, choose_data
from workbench.data.datasets import DataSet
from workbench.engine.augmentation import crop, cut_out, flip
from workbench.engine.control import RunControl
from workbench.engine.events import EpochDone, Event, RunEnded, StepsDone
from workbench.engine.networks import build_network
from workbench.engine.steps import EagerSteps, pixel_scaling
from workbench.library.catalog import Library
from workbench.library.weights import load_weights
from workbench.running.runner import run_experiment
from workbench.spec.augmentations import augmentations
from workbench.spec.experiment import Experiment, with_changes

BATCH = 16
"""Images of a step in the report's presets."""

WARM_UP = 20
"""Steps before the clock: kernels are chosen, memory is taken, the window paints a run's start."""


class LeftOut(Exception):
    """Why a contender cannot run here, in one sentence."""


@dataclass(frozen=True)
class Run:
    """One epoch of a contender; ``weights`` gives those after it."""

    steps: int
    steps_per_second: float
    weights: Callable[[], dict[str, Tensor]]


class Clock:
    """Times the steps of one epoch of ``data`` but for the first ones."""

    def __init__(self, experiment: Experiment, data: DataSet) -> None:
        self.steps = 0
        self._of = len(data.train_labels) // experiment.batch_size
        self._before = min(WARM_UP, self._of // 2)
        self._device = data.train_images.device
        self._started = self._ended = 0.0

    def step(self) -> None:
        """A step was made, on a GPU perhaps only begun."""
        self.steps += 1
        if self.steps == self._before:
            self._started = self._now()
        elif self.steps == self._of:
            self._ended = self._now()

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def run(self, network: nn.Module) -> Run:
        seconds = self._ended - self._started
        return Run(self.steps, (self._of - self._before) / seconds, network.state_dict)


def random_data(images: int, device: torch.device, test_images: int = 16) -> DataSet:
    """Random pixels: what they show does not change the speed."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> tuple[Tensor, Tensor]:
        pixels = torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=generator)
        return pixels, torch.randint(0, 10, (count,), generator=generator)

    info = DataInfo("sample", "random", CIFAR10_CLASSES, images, test_images, "", False)
    return DataSet(info, *split(images), *split(test_images)).to(device)


# --- the limit of eager execution ------------------------------------------------------


def bare_loop(experiment: Experiment, data: DataSet, layout: torch.memory_format) -> Run:
    """Nothing but the arithmetic, on tensors that lie on the device: no loss is read, nothing is
    kept, nobody is told."""
    torch.manual_seed(experiment.seed)
    device = data.train_images.device
    network = build_network(experiment, 10).to(device).to(memory_format=layout)
    optimizer = plain_optimizer(experiment, network, fused=True)
    scaling = pixel_scaling(experiment, data)
    size, count = experiment.batch_size, len(data.train_images)
    images = data.train_images.permute(0, 3, 1, 2).contiguous(memory_format=layout)
    order = torch.randperm(count).to(device)
    rates = experiment.learning_rates(1, count // size)
    clock = Clock(experiment, data)
    for step, start in enumerate(range(0, count, size)):
        indices = order[start : start + size]
        if augmentations(experiment):
            batch = _augmented(experiment, data.train_images[indices]).permute(0, 3, 1, 2)
        else:
            batch = images[indices]
        pixels = batch.to(torch.float32, memory_format=layout)
        pixels = pixels.mul_(scaling.factor).add_(scaling.offset)
        for group in optimizer.param_groups:
            group["lr"] = rates[step]
        loss = F.cross_entropy(
            network(pixels),
            data.train_labels[indices],
            label_smoothing=experiment.label_smoothing,
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        clock.step()
    return clock.run(network)


def _augmented(experiment: Experiment, pixels: Tensor) -> Tensor:
    """Flips, crops and cutout of a batch, uint8 (N, 32, 32, 3), drawn for it alone."""
    count, device = len(pixels), pixels.device
    mirrored = torch.randint(2, (count, 1), device=device)
    shifts = torch.randint(2 * experiment.crop_padding + 1, (count, 2), device=device)
    none = torch.zeros(3, device=device)
    moved = crop(experiment, flip(experiment, pixels, mirrored, none), shifts, none)
    if not experiment.cutout:
        return moved
    centers = torch.randint(32, (count, 2), device=device)
    gray = torch.full((3,), 127, dtype=torch.uint8, device=device)
    return cut_out(experiment, moved, centers, gray)


# --- what a person would write, then and now -------------------------------------------


class Pictures(Dataset):  # type: ignore[type-arg]
    """The training split as PIL images with labels, through the experiment's flip and crop,
    ``ToTensor`` and ``Normalize``. torchvision's ``CIFAR10`` makes the PIL image again at
    each access; here it is there, which is in the favor of whoever uses this."""

    def __init__(self, experiment: Experiment, data: DataSet) -> None:
        self._images = [Image.fromarray(pixels) for pixels in data.train_images.cpu().numpy()]
        self._labels = data.train_labels.tolist()
        half = (0.5, 0.5, 0.5)
        steps: list[Any] = []
        if experiment.crop_padding:
            steps.append(RandomCrop(32, experiment.crop_padding, padding_mode="reflect"))
        if experiment.flip != "none":
            steps.append(RandomHorizontalFlip())
        self._transform = Compose([*steps, ToTensor(), Normalize(half, half)])

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(self._images[index]), self._labels[index]


def plain_optimizer(
    experiment: Experiment, network: nn.Module, fused: bool = False
) -> torch.optim.Optimizer:
    """As everybody writes it, with torch's defaults."""
    more: dict[str, Any] = {"fused": True} if fused else {}
    if experiment.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), lr=experiment.learning_rate, **more)
    return torch.optim.SGD(
        network.parameters(),
        lr=experiment.learning_rate,
        momentum=experiment.momentum,
        nesterov=experiment.nesterov,
        weight_decay=experiment.weight_decay,
        **more,
    )


def notebook_loop(experiment: Experiment, data: DataSet) -> Run:
    """The report's program, as far as what it printed and plotted tells: the loss was read, and
    printed with the running time, at iterations 0, 1000, 2000 and 3000 of an epoch, and once more
    after the last batch for the plot; at no other step."""
    torch.manual_seed(experiment.seed)
    device = data.train_images.device
    loader = DataLoader(Pictures(experiment, data), batch_size=experiment.batch_size, shuffle=True)
    network = build_network(experiment, 10).to(device)
    optimizer = plain_optimizer(experiment, network)
    criterion = nn.CrossEntropyLoss(label_smoothing=experiment.label_smoothing)
    screen, plotted = io.StringIO(), []
    started = time.time()
    clock = Clock(experiment, data)
    for iteration, (images, labels) in enumerate(loader):
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(network(images), labels)
        loss.backward()
        optimizer.step()
        if iteration % 1000 == 0:
            print(iteration, loss.item(), time.time() - started, file=screen)
        clock.step()
    plotted.append(loss.item())
    return clock.run(network)


def lightning(experiment: Experiment, data: DataSet) -> Run:
    """Lightning's ``Trainer``, with what it does beside training turned off."""
    try:
        import pytorch_lightning
    except ImportError:
        raise LeftOut("pytorch-lightning is not installed; the extra [bench] has it.") from None
    # It says which GPU it found, and asks for more workers, which two cores have no room for.
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.manual_seed(experiment.seed)
    clock, device = Clock(experiment, data), data.train_images.device

    class Module(pytorch_lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = build_network(experiment, 10)

        def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
            images, labels = batch
            smoothing = experiment.label_smoothing
            return F.cross_entropy(self.network(images), labels, label_smoothing=smoothing)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return plain_optimizer(experiment, self)

        def on_train_batch_end(self, *_: object) -> None:
            clock.step()

    module = Module()
    loader = DataLoader(Pictures(experiment, data), batch_size=experiment.batch_size, shuffle=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytorch_lightning.Trainer(
            max_epochs=1,
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=[device.index or 0] if device.type == "cuda" else 1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(module, loader)
    return clock.run(module.network)


def skorch(experiment: Experiment, data: DataSet) -> Run:
    """skorch's ``NeuralNetClassifier``, without a validation split and without its table."""
    if experiment.momentum:
        raise LeftOut("skorch is timed with the report's presets alone.")
    try:
        from skorch import NeuralNetClassifier
        from skorch.callbacks import Callback
    except ImportError:
        raise LeftOut("skorch is not installed; the extra [bench] has it.") from None
    torch.manual_seed(experiment.seed)
    clock = Clock(experiment, data)

    class Steps(Callback):
        def on_batch_end(self, net: object, **_: object) -> None:
            clock.step()

    classifier = NeuralNetClassifier(
        build_network(experiment, 10),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam if experiment.optimizer == "adam" else torch.optim.SGD,
        lr=experiment.learning_rate,
        max_epochs=1,
        batch_size=experiment.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        classes=list(range(10)),
        callbacks=[Steps()],
        verbose=0,
        device=str(data.train_images.device),
    )
    classifier.fit(Pictures(experiment, data), None)
    return clock.run(classifier.module_)


# --- ours ------------------------------------------------------------------------------


class Listener:
    """Makes a :class:`Run` of what a training of ours reports: its own clock, which is also what
    the person sees."""

    def __init__(self, steps: int) -> None:
        self._of = steps
        self._before = min(WARM_UP, steps // 2)
        self._warm: StepsDone | None = None
        self._epoch: EpochDone | None = None
        self._steps = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepsDone):
            self._steps += len(event.losses)
            if self._warm is None and self._before <= event.step < self._of:
                self._warm = event
        elif isinstance(event, EpochDone):
            self._epoch = event

    def run(self, ended: RunEnded) -> Run:
        if ended.status != "finished" or self._epoch is None or ended.weights is None:
            raise LeftOut(str(ended.reason or f"The run was {ended.status}."))
        steps, seconds = self._of, self._epoch.seconds
        # Losses come 30 times a second: a GPU may have made all its steps before the first.
        if self._warm is not None:
            steps, seconds = steps - self._warm.step, seconds - self._warm.seconds
        path = Path(ended.weights)
        return Run(self._steps, steps / seconds, lambda: load_weights(path).state_dict)


def ours_not_counting(experiment: Experiment, data: DataSet) -> Run:
    """Ours without the training accuracy: what counting it costs."""
    with patch.object(EagerSteps, "_count", lambda self, steps: None):
        return ours(experiment, data)


def ours_not_augmenting(experiment: Experiment, data: DataSet) -> Run:
    """Ours without augmentation: what that costs."""
    if not augmentations(experiment):
        raise LeftOut("Of the presets with augmentation alone.")
    nothing = {"flip": "none", "crop_padding": 0, "cutout": 0}
    return ours(with_changes(experiment, nothing), data)


def ours(experiment: Experiment, data: DataSet) -> Run:
    """A run as the command line makes it, kept in the library with every loss."""
    listener = Listener(len(data.train_labels) // experiment.batch_size)
    with patch("workbench.running.runner.load_data", return_value=data):
        ended = run_experiment(
            experiment,
            Library(),
            listener,
            RunControl(),
            data=choose_data("sample"),
            device=str(data.train_images.device),
        )
    return listener.run(ended)
