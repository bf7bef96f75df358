"""What a run will take: a few training steps and test batches on random images, timed; and with how
many threads the steps are fastest."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from workbench.data.data_choice import DataInfo
from workbench.data.datasets import DataSet
from workbench.engine.evaluation import EVALUATION_BATCH, test_logits
from workbench.engine.graph_steps import GRAPH_STEPS, build_steps
from workbench.engine.networks import build_network
from workbench.engine.optimizers import build_optimizer
from workbench.engine.step_times import Timing
from workbench.engine.steps import PixelScaling, pixel_scaling
from workbench.messages import Cancelled
from workbench.spec.experiment import Experiment, with_changes

TRAINING_SECONDS, TEST_SECONDS = 0.3, 0.1
"""For how long steps and test batches are repeated, after the first of each."""

THREADS_SECONDS, ROUNDS = 0.6, 2
"""For how long steps are repeated with all numbers of threads together, and in how many turns: a
moment in which another program works does not hit one number alone."""

LARGEST_CPU_BATCH = 64
"""A larger batch is timed as this many images and counted by its share, as one step of 50,000
would take half a minute."""


def time_steps(
    experiment: Experiment,
    device: torch.device,
    classes: int = 10,
    stop: Callable[[], bool] = lambda: False,
) -> Timing:
    """Time ``experiment`` on ``device``, in about 0.7 s where torch has computed there before.

    Leaves torch's default random state as it was, but draws from it meanwhile: nothing else of
    the process may (as with :func:`workbench.engine.training.train`). ``stop`` is asked between
    steps; once it is true, :class:`~workbench.messages.Cancelled` is raised.
    """
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng([device] if on_gpu else []):
        if on_gpu:
            with torch.cuda.device(device):  # streams and graphs are its own
                return _time_on_gpu(experiment, device, classes, stop)
        return Timing(*_seconds(experiment, device, classes, stop))


def time_threads(
    experiment: Experiment,
    numbers: Sequence[int],
    classes: int = 10,
    stop: Callable[[], bool] = lambda: False,
) -> dict[int, float]:
    """Time a training step of ``experiment`` on the CPU with each of ``numbers`` threads.

    Takes under a second in all where a step of one thread takes less than 50 ms. Leaves torch's
    default random state and its number of threads as they were, and ``stop`` is asked between
    steps, as with :func:`time_steps`. Returns seconds per step by number of threads.
    """
    before = torch.get_num_threads()
    try:
        with torch.random.fork_rng([]):
            return _time_threads(experiment, numbers, classes, stop)
    finally:
        torch.set_num_threads(before)


def _time_threads(
    experiment: Experiment, numbers: Sequence[int], classes: int, stop: Callable[[], bool]
) -> dict[int, float]:
    size, train, *_ = _training(experiment, torch.device("cpu"), classes)
    times: dict[int, list[float]] = {number: [] for number in numbers}
    seconds = THREADS_SECONDS / (len(numbers) * ROUNDS)
    for _ in range(ROUNDS):
        for number in numbers:
            torch.set_num_threads(number)
            times[number] += _times(train, seconds, stop)
    scale = experiment.batch_size / size
    return {number: statistics.median(steps) * scale for number, steps in times.items()}


def _time_on_gpu(
    experiment: Experiment, device: torch.device, classes: int, stop: Callable[[], bool]
) -> Timing:
    # What torch has set aside would not count as free.
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    try:
        seconds = _seconds(experiment, device, classes, stop)
        peak = torch.cuda.max_memory_allocated(device) - before
        timing = Timing(*seconds, peak, free)
    except torch.OutOfMemoryError:
        timing = Timing(None, None, free, free)
    finally:
        torch.cuda.empty_cache()
    return timing


def _seconds(
    experiment: Experiment, device: torch.device, classes: int, stop: Callable[[], bool]
) -> tuple[float, float]:
    """Of a step, and of a test image."""
    size, train, network, scaling, data = _training(experiment, device, classes)
    step = statistics.median(_times(train, TRAINING_SECONDS, stop))

    in_training_mode = experiment.test_mode == "train"
    network.train(in_training_mode)
    images = data.test_images[: size if in_training_mode else EVALUATION_BATCH]

    mirrored = experiment.test_flip and not in_training_mode

    def test() -> int:
        test_logits(
            network, scaling(images), mirrored
        ).cpu()  # waits for the device, which is what is timed
        return len(images)

    with torch.no_grad():
        image = statistics.median(_times(test, TEST_SECONDS, stop))
    return step * experiment.batch_size / size, image


def _training(
    experiment: Experiment, device: torch.device, classes: int
) -> tuple[int, Callable[[], int], nn.Module, PixelScaling, DataSet]:
    """Images of a timed step, a function that trains and returns for how many steps, and what it
    trains on."""
    size = experiment.batch_size
    if device.type == "cpu":
        size = min(size, LARGEST_CPU_BATCH)
    timed = with_changes(experiment, {"batch_size": size})
    data = _random_images(size, device, classes)
    network = build_network(timed, classes).to(device).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(timed, network.parameters(), device)
    scaling = pixel_scaling(timed, data)
    steps, _ = build_steps(timed, network, optimizer, data, scaling)
    network.train(not timed.eval_after_first_step)
    # Of rate 0: noise must not drive the weights to infinity.
    steps.begin_epoch(torch.arange(len(data.train_labels)) % len(data.train_images), 0.0)

    def train() -> int:
        done = steps.advance(1)  # the first may be in another mode
        steps.results(1, 1 + done)  # waits for the device
        return done

    return size, train, network, scaling, data


def _times(work: Callable[[], int], seconds: float, stop: Callable[[], bool]) -> list[float]:
    """Seconds of one of the things of which each call of ``work`` does that many, for each of the
    calls that begin within ``seconds`` of the first one's end, which itself does not count
    (torch allocates and chooses in it)."""
    times: list[float] = []
    work()
    began = now = time.perf_counter()
    while not times or now - began < seconds:
        if stop():
            raise Cancelled
        count = work()
        before, now = now, time.perf_counter()
        times.append((now - before) / count)
    return times


def _random_images(size: int, device: torch.device, classes: int) -> DataSet:
    """Labels for one step and a graph of steps of ``size`` images each; images for one step, as
    the order may name each of them often, and for a batch of either test."""
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (size, 32, 32, 3), dtype=torch.uint8, generator=generator)
    count = max(size, EVALUATION_BATCH)
    test = torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=generator)
    labels = size * (GRAPH_STEPS + 1)
    names = tuple(str(number) for number in range(classes))
    info = DataInfo("sample", "random images", names, labels, count, "", comparable=False)
    return DataSet(
        info,
        train.to(device),
        torch.arange(labels, device=device) % classes,
        test.to(device),
        torch.arange(count, device=device) % classes,
    )
