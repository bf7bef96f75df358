"""Training: a plain function that reads top to bottom. It knows no thread, no file, no window."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from workbench.engine.control import RunControl
from workbench.engine.datasets import DataSet
from workbench.engine.evaluation import (
    StopRequested,
    check,
    evaluate,
    evaluate_in_training_mode,
)
from workbench.engine.events import (
    EpochDone,
    Evaluation,
    Event,
    FinalTest,
    Notice,
    Paused,
    Resumed,
    StepsDone,
    WeightsReady,
)
from workbench.engine.graph_steps import build_steps
from workbench.engine.networks import build_network
from workbench.engine.optimizers import build_optimizer
from workbench.engine.steps import pixel_scaling
from workbench.messages import Message, WorkbenchError
from workbench.spec.experiment import Experiment

REPORT_INTERVAL = 1 / 30
"""Seconds between two transfers of losses from the device."""

SNAPSHOT_STEPS = 500
"""Steps between two copies of the weights, kept against a loss that is not a number. Counted in
steps, not in seconds, so that what is kept does not depend on the machine's speed."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended: ``finished``, ``stopped`` (stop or cancel was asked for) or
    ``failed`` with its ``reason``. ``seconds``: training and tests, without pauses."""

    status: str
    epochs_done: int
    seconds: float
    reason: Message | None = None
    test: Evaluation | None = None


class Diverged(WorkbenchError):
    """A loss or a weight is NaN or infinite."""


def train(
    experiment: Experiment,
    data: DataSet,
    report: Callable[[Event], None],
    control: RunControl,
) -> Outcome:
    """Trains ``experiment`` on ``data``, on the device where its tensors lie.

    ``report`` hears ``Notice``, ``StepsDone``, ``EvaluationProgress``, ``WeightsReady``,
    ``EpochDone``, ``Paused``, ``Resumed`` and ``FinalTest``, on the calling thread; what it
    raises ends the training.
    ``control`` is asked between steps and between test batches.

    The same seed gives the same weights, bit for bit, on the CPU at the same number of threads.
    Draws from torch's default random state: nothing else of the process may, meanwhile.
    Whatever ends it, the weights so far are reported first: after a loss that is NaN or
    infinite the last good ones.
    """
    return _Training(experiment, data, report, control).run()


@dataclass
class _Stopwatch:
    """Seconds without pauses."""

    _before: float = 0.0
    _since: float | None = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        return self._before + (time.monotonic() - self._since if self._since else 0.0)

    def halt(self) -> None:
        self._before, self._since = self.seconds(), None

    def go_on(self) -> None:
        self._since = time.monotonic()


class _Training:
    def __init__(
        self,
        experiment: Experiment,
        data: DataSet,
        report: Callable[[Event], None],
        control: RunControl,
    ) -> None:
        device = data.train_images.device
        torch.manual_seed(experiment.seed)
        network = build_network(experiment, len(data.info.classes))
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.optimizer = build_optimizer(experiment, self.network.parameters(), device)
        self.scaling = pixel_scaling(experiment, data)
        self.steps, notice = build_steps(
            experiment, self.network, self.optimizer, data, self.scaling
        )
        # The order of the images has a random state of its own: dropout draws from the default
        # one, and a network without dropout sees the same batches.
        self.order = torch.Generator().manual_seed(experiment.seed)

        self.experiment = experiment
        self.data = data
        self.report = report
        self.control = control
        self.watch = _Stopwatch()
        self.epochs_done = 0
        self.steps_done = 0
        self.accuracy: float | None = None
        self.best_accuracy = -1.0
        self.good_step = 0
        self.good = cpu_state_dict(self.network)
        if notice is not None:
            report(Notice(notice))

    def run(self) -> Outcome:
        try:
            for epoch in range(1, self.experiment.epochs + 1):
                self._epoch(epoch)
            started = self.watch.seconds()
            test, logits = evaluate(
                self.network, self.data, self.scaling, self._between_batches, self.report
            )
            if not math.isfinite(test.loss):
                raise Diverged(
                    "The loss of the final test is {loss}. Try a smaller learning rate.",
                    loss=test.loss,
                )
        except StopRequested:
            self._report_weights()
            return Outcome("stopped", self.epochs_done, self.watch.seconds())
        except Diverged as error:
            self._report_good_weights()
            return Outcome("failed", self.epochs_done, self.watch.seconds(), error.message)
        except Exception:
            self._report_good_weights()
            raise
        labels = self.data.test_labels.cpu().numpy()
        # The weights first: what fails after hours of training must not take them along.
        self.accuracy = test.accuracy
        self._report_weights()
        self.report(FinalTest(test, logits.numpy(), labels, self.watch.seconds() - started))
        return Outcome("finished", self.epochs_done, self.watch.seconds(), test=test)

    def _epoch(self, epoch: int) -> None:
        learning_rate = self.experiment.learning_rate_at(epoch)
        self.network.train()
        started = self.watch.seconds()
        order = torch.randperm(len(self.data.train_labels), generator=self.order)
        self.steps.begin_epoch(order, learning_rate)

        bounds, losses = self.steps.bounds, self.steps.losses
        epoch_losses: list[float] = []
        step, reported, reported_at = 0, 0, started
        while step < len(bounds):
            if self.control.paused:
                self._pause()
            done = self.steps.advance(step)
            step += done
            if step == 1 and self.experiment.eval_after_first_step:
                self.network.eval()
            self.steps_done += done
            snapshot = self.steps_done % SNAPSHOT_STEPS < done  # passed or reached just now
            due = self.watch.seconds() - reported_at >= REPORT_INTERVAL
            if due or snapshot or step == len(bounds) or self.control.stopping:
                # Waits for the device: all losses since the last time in one transfer.
                fresh = losses[reported:step].tolist()
                now = self.watch.seconds()
                images = bounds[step - 1][1] - bounds[reported][0]
                self._check_losses(epoch, reported, fresh)
                self.report(
                    StepsDone(
                        epoch=epoch,
                        step=step,
                        losses=tuple(fresh),
                        seconds=now - started,
                        images_per_second=images / max(now - reported_at, 1e-9),
                    )
                )
                epoch_losses += fresh
                reported, reported_at = step, now
                if snapshot:
                    self._keep_good_weights(epoch)
                check(self.control)

        seconds = self.watch.seconds() - started
        # The last step's loss was finite, but its update may not have been.
        self._keep_good_weights(epoch)
        test = self._test(epoch)
        test_seconds = self.watch.seconds() - started - seconds
        self.epochs_done, self.accuracy = epoch, test.accuracy
        best = test.accuracy > self.best_accuracy
        if best:
            self.best_accuracy = test.accuracy
            self.report(WeightsReady("best", epoch, self.steps_done, test.accuracy, self.good))
        self.report(
            EpochDone(
                epoch=epoch,
                loss=math.fsum(epoch_losses) / len(epoch_losses),
                last_loss=epoch_losses[-1],
                learning_rate=learning_rate,
                seconds=seconds,
                test_seconds=test_seconds,
                test=test,
                best=best,
            )
        )

    def _test(self, epoch: int) -> Evaluation:
        if self.experiment.test_mode == "eval":
            test, _ = evaluate(
                self.network, self.data, self.scaling, self._between_batches, self.report
            )
        else:
            test, _ = evaluate_in_training_mode(
                self.network,
                self.data,
                self.scaling,
                self.experiment,
                epoch,
                self._between_batches,
                self.report,
            )
        return test

    def _between_batches(self) -> None:
        if self.control.paused:
            self._pause()
        check(self.control)

    def _pause(self) -> None:
        self.watch.halt()
        self.report(Paused())
        self.control.wait_while_paused()
        self.watch.go_on()
        self.report(Resumed())

    def _check_losses(self, epoch: int, before: int, losses: list[float]) -> None:
        for offset, loss in enumerate(losses, 1):
            if not math.isfinite(loss):
                raise Diverged(
                    "The loss became {loss} at step {step} of epoch {epoch}; the weights after "
                    "{good} steps were kept. Try a smaller learning rate.",
                    loss="infinite" if math.isinf(loss) else "NaN",
                    step=before + offset,
                    epoch=epoch,
                    good=self.good_step,
                )

    def _keep_good_weights(self, epoch: int) -> None:
        weights = cpu_state_dict(self.network)
        for name, tensor in weights.items():
            if not bool(torch.isfinite(tensor).all()):
                raise Diverged(
                    "{name} became NaN or infinite in epoch {epoch}; the weights after {good} "
                    "steps were kept. Try a smaller learning rate.",
                    name=name,
                    epoch=epoch,
                    good=self.good_step,
                )
        self.good, self.good_step = weights, self.steps_done

    def _report_weights(self) -> None:
        weights = cpu_state_dict(self.network)
        self.report(WeightsReady("last", self.epochs_done, self.steps_done, self.accuracy, weights))

    def _report_good_weights(self) -> None:
        self.report(WeightsReady("last", self.epochs_done, self.good_step, None, self.good))


def cpu_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Copies of the weights on the CPU, contiguous; a wait for the device."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in network.state_dict().items()
    }
