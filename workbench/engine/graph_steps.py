"""Training steps on a GPU, many of them recorded once as a CUDA graph and played again.

A step of batch 16 is some hundred kernels of a few microseconds each; launched one by one from
Python they cost ten times what they compute. A graph launches them all at once
(https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs).
"""

from __future__ import annotations

import copy
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from workbench.data.datasets import DataSet
from workbench.engine.optimizers import set_learning_rate
from workbench.engine.steps import EagerSteps, PixelScaling
from workbench.messages import Message
from workbench.spec.experiment import Experiment
from workbench.spec.schedulers import SCHEDULERS

GRAPH_STEPS = 25
"""Steps in one graph: 3,125 steps, an epoch of batch 16, are 125 of them, with no step left
over. Their some hundred kernels each need a few milliseconds, so that Stop is still prompt."""

IN_FLIGHT = 2
"""Graphs that wait for the GPU at most. One more than runs keeps it busy; without a bound a whole
epoch would be queued at once, and its losses and a Stop would wait for it."""

WARM_UP_STEPS = 3
"""Steps before the recording, in which torch and cuDNN allocate and choose (as the notes above
ask for); their effect is undone."""

Play = Callable[[], None]

log = logging.getLogger("workbench")


class GraphSteps(EagerSteps):
    """Steps of full batches by a graph, the others (a short last batch) one by one.

    Everything a step reads changes in place: the order of the images, what augmentation does to
    them, the position in the order, the learning rates, the averaged copy, the buffer of losses.
    ``record`` turns a function of GPU work into one that plays it again.
    """

    def __init__(
        self,
        experiment: Experiment,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        data: DataSet,
        scaling: PixelScaling,
        record: Callable[[Callable[[], None]], Play] | None = None,
    ) -> None:
        super().__init__(experiment, network, optimizer, data, scaling)
        device = self.losses.device
        size = experiment.batch_size
        self._size = size
        self._full = sum(
            bounds == (step * size, (step + 1) * size) for step, bounds in enumerate(self.bounds)
        )
        self._offsets = torch.arange(size, device=device)
        self._position = torch.zeros(1, dtype=torch.int64, device=device)
        self._in_flight: deque[torch.cuda.Event] = deque()
        # A graph keeps the mode in which it was recorded.
        self._alone = 1 if experiment.eval_after_first_step else 0
        network.train(not experiment.eval_after_first_step)
        # The rate of each step where the scheduler changes it from step to step; float64, so that
        # it is rounded once, as a rate for the whole epoch is.
        self._varies = SCHEDULERS[experiment.scheduler].rate_of_step is not None
        self._rate_table = torch.zeros(len(self.bounds), dtype=torch.float64, device=device)
        self._play: Play | None = None
        if self._full >= self._alone + GRAPH_STEPS:
            self._play = (record or self._record)(self._graph_steps)

    def begin_epoch(self, order: Tensor, rates: float | Sequence[float], epoch: int = 1) -> None:
        super().begin_epoch(order, rates, epoch)
        if self._varies:
            self._rate_table.copy_(torch.tensor(self._rates, dtype=torch.float64))

    def advance(self, step: int) -> int:
        if self._play is None or step < self._alone or step + GRAPH_STEPS > self._full:
            return super().advance(step)
        self._position.fill_(step)
        self._play()
        self._wait_for_room()
        return GRAPH_STEPS

    def _graph_steps(self) -> None:
        steps = []
        for _ in range(GRAPH_STEPS):
            place = torch.add(self._offsets, self._position, alpha=self._size)
            if self._varies:
                rate = self._rate_table.index_select(0, self._position)
                set_learning_rate(self.optimizer, rate.squeeze(0))
            indices = self.order[place]
            loss, logits = self.train_on(indices)
            self.losses.index_copy_(0, self._position, loss.view(1))
            if self._ema:
                self._average(self._averaging.index_select(0, self._position).squeeze(0))
            self._position.add_(1)
            steps.append((logits, indices))
        self._count(steps)

    def _record(self, work: Callable[[], None]) -> Play:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), left_as_it_was(self.network, self.optimizer):
            for _ in range(WARM_UP_STEPS):
                self.train_on(self.order[: self._size])
        torch.cuda.current_stream().wait_stream(stream)
        self.optimizer.zero_grad(set_to_none=True)  # the graph has gradients of its own
        graph = torch.cuda.CUDAGraph()
        with _capturable(self.optimizer), torch.cuda.graph(graph):
            work()
        return graph.replay

    def _wait_for_room(self) -> None:
        if self.losses.device.type != "cuda":
            return
        event = torch.cuda.Event()
        event.record()
        self._in_flight.append(event)
        if len(self._in_flight) > IN_FLIGHT:
            # Waits for the device: for the graph before the last, so that it never runs dry.
            self._in_flight.popleft().synchronize()


@contextmanager
def left_as_it_was(network: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Put weights, running statistics, optimizer and the GPU's random state back, in place.

    State that the optimizer did not have before is set to 0, which is what it begins with.
    """
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state: dict[Any, dict[str, Any]] = {
        parameter: copy.deepcopy(values) for parameter, values in optimizer.state.items()
    }
    on_gpu = next(iter(weights.values())).device.type == "cuda"
    random = torch.cuda.get_rng_state() if on_gpu else torch.get_rng_state()
    try:
        yield
    finally:
        with torch.no_grad():
            for name, tensor in network.state_dict().items():
                tensor.copy_(weights[name])
            for parameter, values in optimizer.state.items():
                before = state.get(parameter, {})
                for key, value in values.items():
                    if isinstance(value, Tensor):
                        value.copy_(before[key]) if key in before else value.zero_()
        torch.cuda.set_rng_state(random) if on_gpu else torch.set_rng_state(random)


@contextmanager
def _capturable(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Adam's consent to being recorded. Its fused form is the same with and without it, and
    outside of a recording torch would warn of it."""
    groups = [group for group in optimizer.param_groups if "capturable" in group]
    before = [group["capturable"] for group in groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group, value in zip(groups, before, strict=True):
            group["capturable"] = value


def can_record(device: torch.device) -> bool:
    """Return whether graphs exist for ``device``."""
    return device.type == "cuda"


def build_steps(
    experiment: Experiment,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: DataSet,
    scaling: PixelScaling,
) -> tuple[EagerSteps, Message | None]:
    """The fastest steps that the device of ``data`` can do; with a sentence where a GPU could not
    record a graph and trains step by step instead."""
    if not can_record(data.train_labels.device):
        return EagerSteps(experiment, network, optimizer, data, scaling), None
    try:
        return GraphSteps(experiment, network, optimizer, data, scaling), None
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        log.exception("The CUDA graph could not be recorded")
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return EagerSteps(experiment, network, optimizer, data, scaling), Message(
            "The GPU could not record the steps as a CUDA graph ({reason}); it trains step by "
            "step, which is slower but gives the same result.",
            reason=reason,
        )
