"""Training: a plain function that reads top to bottom. It knows no thread, no file, no window."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workbench.data.datasets import DataSet
from workbench.engine import divergence
from workbench.engine.checkpoint import Checkpoint, optimizer_state, restore_optimizer
from workbench.engine.control import RunControl
from workbench.engine.evaluation import (
    StopRequested,
    check,
    evaluate,
    evaluate_in_training_mode,
)
from workbench.engine.events import (
    CheckpointReady,
    EpochDone,
    Evaluation,
    EvaluationProgress,
    Event,
    FinalTest,
    Notice,
    Paused,
    Resumed,
    StepsDone,
    ThreadsChanged,
    WeightsReady,
)
from workbench.engine.graph_steps import build_steps
from workbench.engine.histograms import layer_histograms
from workbench.engine.networks import build_network, prepare
from workbench.engine.optimizers import build_optimizer
from workbench.engine.status import RunStatus
from workbench.engine.steps import pixel_scaling
from workbench.engine.stopwatch import Stopwatch
from workbench.messages import Message, WorkbenchError
from workbench.spec.experiment import Experiment

REPORT_INTERVAL = 0.1
"""Seconds between two transfers of losses from the device. Nobody reads faster, and each costs the
window a little of the core that trains."""

SNAPSHOT_STEPS = 500
"""Steps between two copies of the weights, kept against a loss that is not a number. Counted in
steps, not in seconds, so that what is kept does not depend on the machine's speed."""


CHECKPOINT_INTERVAL = 30.0
"""Seconds between two checkpoints: what a kill can cost at most."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended: ``FINISHED``, ``STOPPED`` (stop or cancel was asked for) or
    ``FAILED`` with its ``reason``. ``seconds``: training and tests, without pauses."""

    status: RunStatus
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
    start: Checkpoint | None = None,
) -> Outcome:
    """Train ``experiment`` on ``data``, on the device where its tensors lie.

    ``report`` hears ``Notice``, ``StepsDone``, ``EvaluationProgress``, ``WeightsReady``,
    ``CheckpointReady``, ``ThreadsChanged``, ``EpochDone``, ``Paused``, ``Resumed`` and
    ``FinalTest``, on the calling thread; what it raises ends the training.
    ``control`` is asked between steps and between test batches. An experiment with a validation
    split needs ``data`` that :func:`~workbench.data.validation.split_validation` has split.

    The same seed gives the same weights, bit for bit, on the CPU at the same number of threads.
    From a checkpoint of the same experiment and data, ``start``, it goes on as if it had not
    stopped: on the CPU at the same number of threads bit for bit.
    The first weights and the order of the images are drawn from two generators that begin from the
    same seed, so from the same random numbers: harmless as far as is known.
    Draws from torch's default random state: nothing else of the process may, meanwhile.
    Whatever ends it, the weights so far are reported first: after a loss that is NaN or
    infinite the last good ones. With ``ema`` the weights that are tested and reported are those of
    the averaged copy.
    """
    return _Training(experiment, data, report, control, start).run()


class _Training:
    def __init__(
        self,
        experiment: Experiment,
        data: DataSet,
        report: Callable[[Event], None],
        control: RunControl,
        start: Checkpoint | None,
    ) -> None:
        if bool(experiment.validation_share) != (data.to_validate() is not None):
            raise ValueError("the data are not split as the experiment asks for")
        device = data.train_images.device
        if device.type == "cuda":
            torch.cuda.set_device(device)  # streams, graphs and random states are its own
        torch.manual_seed(experiment.seed)
        network = build_network(experiment, len(data.info.classes))
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.optimizer = build_optimizer(experiment, self.network.parameters(), device)
        self.scaling = pixel_scaling(experiment, data)
        if start is None:
            prepare(self.network, experiment, data.train_images, self.scaling)
        self.steps, notice = build_steps(
            experiment, self.network, self.optimizer, data, self.scaling
        )
        # The order of the images has a random state of its own: dropout draws from the default
        # one, and a network without dropout sees the same batches. Another seed than the weights'
        # would be cleaner, and would change what every seed has given.
        self.order = torch.Generator().manual_seed(experiment.seed)

        self.experiment = experiment
        self.data = data
        self.report = report
        self.control = control
        self.watch = Stopwatch()
        self.epoch = 1
        self.step = 0
        self.epoch_losses: list[float] = []
        self.epoch_correct: int | None = 0
        self.epoch_started = 0.0
        self.epoch_order = self.order.get_state()
        self.epoch_augmentation = self.steps.augmenter.random.get_state()
        self.epochs_done = 0
        self.steps_done = 0
        self.accuracy: float | None = None
        self.best_accuracy = -1.0
        self.waited = 0
        self.good_step = 0
        self.tested = self.steps.averaged
        self.good = cpu_state_dict(self.tested)
        self.before_test: Checkpoint | None = None
        if start is not None:
            self._go_on_from(start)
        if self.experiment.ema:
            averaged = Message(
                "Tests and saved weights are of an averaged copy of the weights (EMA, {decay} per "
                "step), not of the weights that are trained.",
                decay=self.experiment.ema,
            )
            report(Notice(averaged))
        # The first as soon as there is something to keep.
        self.checkpoint_at = self.watch.seconds() - CHECKPOINT_INTERVAL
        if notice is not None:
            report(Notice(notice))

    def _go_on_from(self, start: Checkpoint) -> None:
        self.network.load_state_dict(start.network)
        if start.optimizer:
            restore_optimizer(self.optimizer, self.network, start.optimizer)
        if self.experiment.ema:
            self.tested.load_state_dict(start.averaged or start.network)
        self.order.set_state(start.order)
        if start.augmentation is not None:
            self.steps.augmenter.random.set_state(start.augmentation)
        else:
            self.steps.augmenter.pass_over(start.epoch - 1)
        torch.set_rng_state(start.random)
        device = self.data.train_labels.device
        if device.type == "cuda" and start.cuda_random is not None:
            torch.cuda.set_rng_state(start.cuda_random, device)
        elif device.type == "cuda":
            # Begun elsewhere: another state than that of the first epoch.
            torch.cuda.manual_seed(self.experiment.seed * 1_000_003 + start.epoch)
        self.watch = Stopwatch(start.seconds)
        self.epoch, self.step = start.epoch, start.step
        self.epoch_losses = start.losses.tolist()
        self.epoch_correct = start.correct if start.step else 0
        self.epoch_started = start.seconds - start.epoch_seconds
        self.epoch_order = start.order
        self.epoch_augmentation = self.steps.augmenter.random.get_state()
        self.epochs_done, self.steps_done = start.epoch - 1, start.steps_done
        self.accuracy, self.best_accuracy = start.accuracy, start.best_accuracy
        self.waited = start.waited
        self.good, self.good_step = start.good, start.good_step

    def run(self) -> Outcome:
        try:
            while self.epoch <= self.experiment.epochs and not self._waited_enough():
                self._epoch(self.epoch)
            if self.epoch <= self.experiment.epochs:
                self.report(Notice(self._why_early()))
            self._report_checkpoint()
            started = self.watch.seconds()
            test, logits = evaluate(
                self.tested,
                self.data,
                self.scaling,
                self._between_test_batches,
                self.report,
                self.experiment.test_flip,
            )
            if not math.isfinite(test.loss):
                raise Diverged(divergence.FINAL_TEST, loss=test.loss)
        except StopRequested:
            # A disk that is too full for one of the two must not cost the other.
            try:
                self._report_weights()
            finally:
                self._report_checkpoint()
            return Outcome(RunStatus.STOPPED, self.epochs_done, self.watch.seconds())
        except Diverged as error:
            self._report_good_weights()
            return Outcome(RunStatus.FAILED, self.epochs_done, self.watch.seconds(), error.message)
        except Exception:
            self._report_good_weights()
            raise
        labels = self.data.test_labels.cpu().numpy()
        # The weights first: what fails after hours of training must not take them along.
        self.accuracy = test.accuracy
        self._report_weights()
        self.report(FinalTest(test, logits.numpy(), labels, self.watch.seconds() - started))
        return Outcome(RunStatus.FINISHED, self.epochs_done, self.watch.seconds(), test=test)

    def _epoch(self, epoch: int) -> None:
        rates = self.experiment.learning_rates(epoch, len(self.steps.bounds))
        self.network.train(not (self.step > 0 and self.experiment.eval_after_first_step))
        if self.step == 0:
            self.epoch_started = self.watch.seconds()
        started = self.epoch_started
        self.epoch_order = self.order.get_state()
        order = torch.randperm(len(self.data.train_labels), generator=self.order)
        self.epoch_augmentation = self.steps.augmenter.random.get_state()
        self.steps.begin_epoch(order, rates, epoch)
        self._train_epoch(epoch)

        seconds = self.watch.seconds() - started
        # The last step's loss was finite, but its update may not have been.
        self._keep_good_weights(epoch)
        # A test in training mode can move batch norm's statistics: a stop in its middle must not
        # leave half of that in the checkpoint.
        self.before_test = self._checkpoint()
        histograms = layer_histograms(self.network) if self.experiment.histograms else ()
        test, validation = self._test(epoch)
        self.before_test = None
        test_seconds = self.watch.seconds() - started - seconds
        self.epochs_done, self.accuracy = epoch, test.accuracy
        # With a validation split the test images take no part in the choice.
        chosen_by = (validation or test).accuracy
        best = chosen_by > self.best_accuracy
        self.waited = 0 if best else self.waited + 1
        if best:
            self.best_accuracy = chosen_by
            self.report(
                WeightsReady(
                    kind="best",
                    epoch=epoch,
                    step=self.steps_done,
                    accuracy=test.accuracy,
                    state_dict=self.good,
                    validation_accuracy=validation.accuracy if validation else None,
                )
            )
        losses, correct = self.epoch_losses, self.epoch_correct
        self.epoch, self.step, self.epoch_losses, self.epoch_correct = epoch + 1, 0, [], 0
        self.epoch_order = self.order.get_state()
        self.epoch_augmentation = self.steps.augmenter.random.get_state()
        self.report(
            EpochDone(
                epoch=epoch,
                loss=math.fsum(losses) / len(losses),
                last_loss=losses[-1],
                learning_rate=rates[-1],
                seconds=seconds,
                test_seconds=test_seconds,
                test=test,
                best=best,
                validation=validation,
                training_correct=correct,
                training_total=self.steps.bounds[-1][1],
                histograms=histograms,
            )
        )
        self._checkpoint_if_due()

    def _waited_enough(self) -> bool:
        patience = self.experiment.early_stopping
        return self.step == 0 and 0 < patience <= self.waited

    def _why_early(self) -> Message:
        values = {
            "epoch": f"{self.epochs_done:,}",
            "total": f"{self.experiment.epochs:,}",
            "since": f"{self.epochs_done - self.waited:,}",
            "best": f"{self.best_accuracy:.2f}",
        }
        if self.experiment.validation_share:
            return Message(
                "Ended early after epoch {epoch} of {total}: since epoch {since} the accuracy "
                "on the validation split has not risen above {best}%.",
                **values,
            )
        return Message(
            "Ended early after epoch {epoch} of {total}: since epoch {since} the accuracy on "
            "the test set has not risen above {best}%. Selected on the test set, that figure "
            "is optimistic.",
            **values,
        )

    def _train_epoch(self, epoch: int) -> None:
        bounds, correct_before = self.steps.bounds, self.epoch_correct
        reported, reported_at = self.step, self.watch.seconds()
        step = self.step
        while step < len(bounds):
            done = self.steps.advance(step)
            self.watch.lap("step")
            step += done
            if step == 1 and self.experiment.eval_after_first_step:
                self.network.eval()
            self.steps_done += done
            snapshot = self.steps_done % SNAPSHOT_STEPS < done  # passed or reached just now
            due = self.watch.seconds() - reported_at >= REPORT_INTERVAL
            if due or snapshot or self.control.asked or step == len(bounds):
                # Waits for the device: all losses since the last time in one transfer.
                fresh, correct = self.steps.results(reported, step)
                now = self.watch.lap("transfer")
                images = bounds[step - 1][1] - bounds[reported][0]
                self._check_losses(epoch, reported, fresh)
                self.step = step
                self.epoch_losses += fresh
                if correct_before is not None:
                    self.epoch_correct = correct_before + correct
                self.report(
                    StepsDone(
                        epoch=epoch,
                        step=step,
                        losses=tuple(fresh),
                        seconds=now - self.epoch_started,
                        images_per_second=images / max(now - reported_at, 1e-9),
                    )
                )
                if snapshot:
                    self._keep_good_weights(epoch)
                self._between_batches()
                self._checkpoint_if_due()
                self._change_threads_if_asked()
                reported, reported_at = step, self.watch.seconds()

    def _test(self, epoch: int) -> tuple[Evaluation, Evaluation | None]:
        """The test split, and the validation split where there is one, in the same mode."""
        held_out = self.data.to_validate()
        total = len(self.data.test_labels) + (len(held_out.test_labels) if held_out else 0)
        validation, done = None, 0
        if held_out is not None:
            validation = self._test_on(held_out, epoch, 0, total)
            done = validation.total
        moves = self.experiment.test_images_in_batch_norm
        return self._test_on(self.data, epoch, done, total, moves), validation

    def _test_on(
        self, data: DataSet, epoch: int, done: int, total: int, moves_statistics: bool = False
    ) -> Evaluation:
        """The figures of the split that is in the place of the test split in ``data``, where
        ``done`` of ``total`` images have been tested before."""

        def progress(event: EvaluationProgress) -> None:
            self.report(EvaluationProgress(done + event.done, total))

        if self.experiment.test_mode == "eval":
            test, _ = evaluate(
                self.tested,
                data,
                self.scaling,
                self._between_test_batches,
                progress,
                self.experiment.test_flip,
            )
        else:
            test, _ = evaluate_in_training_mode(
                self.tested,
                data,
                self.scaling,
                self.experiment,
                epoch,
                self._between_test_batches,
                progress,
                moves_statistics,
            )
        return test

    def _between_test_batches(self) -> None:
        self.watch.lap("test")
        self._between_batches()

    def _between_batches(self) -> None:
        if self.control.paused:
            self._pause()
        check(self.control)

    def _pause(self) -> None:
        self.watch.halt()
        self._report_checkpoint()
        self.report(Paused())
        self.control.wait_while_paused()
        self.watch.go_on()
        self.report(Resumed())

    def _check_losses(self, epoch: int, before: int, losses: list[float]) -> None:
        for offset, loss in enumerate(losses, 1):
            if not math.isfinite(loss):
                raise Diverged(
                    divergence.LOSS,
                    loss="infinite" if math.isinf(loss) else "NaN",
                    step=before + offset,
                    epoch=epoch,
                    good=self.good_step,
                )

    def _keep_good_weights(self, epoch: int) -> None:
        weights = cpu_state_dict(self.tested)
        for name, tensor in weights.items():
            if not bool(torch.isfinite(tensor).all()):
                raise Diverged(
                    divergence.WEIGHT,
                    name=name,
                    epoch=epoch,
                    good=self.good_step,
                )
        self.good, self.good_step = weights, self.steps_done

    def _checkpoint_if_due(self) -> None:
        if self.watch.seconds() - self.checkpoint_at >= CHECKPOINT_INTERVAL:
            self._report_checkpoint()

    def _change_threads_if_asked(self) -> None:
        threads, before = self.control.take_threads(), torch.get_num_threads()
        if threads is None or threads == before:
            return
        # From here on the run is, bit for bit, one that is resumed with so many threads.
        self._report_checkpoint()
        torch.set_num_threads(threads)
        self.report(ThreadsChanged(self.epoch, self.step, threads, before))

    def _report_checkpoint(self) -> None:
        self.report(CheckpointReady(self.before_test or self._checkpoint()))
        self.checkpoint_at = self.watch.seconds()

    def _checkpoint(self) -> Checkpoint:
        """Return where the training stands, now that the losses so far have been reported."""
        seconds, device = self.watch.seconds(), self.data.train_labels.device
        return Checkpoint(
            epoch=self.epoch,
            step=self.step,
            steps_done=self.steps_done,
            losses=torch.tensor(self.epoch_losses, dtype=torch.float32),
            network=cpu_state_dict(self.network),
            optimizer=optimizer_state(self.optimizer, self.network),
            good=self.good,
            good_step=self.good_step,
            order=self.epoch_order,
            augmentation=self.epoch_augmentation,
            averaged=cpu_state_dict(self.tested) if self.experiment.ema else None,
            random=torch.get_rng_state(),
            cuda_random=torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            accuracy=self.accuracy,
            best_accuracy=self.best_accuracy,
            seconds=seconds,
            epoch_seconds=seconds - self.epoch_started if self.step else 0.0,
            waited=self.waited,
            correct=self.epoch_correct,
        )

    def _report_weights(self) -> None:
        weights = cpu_state_dict(self.tested)
        self.report(WeightsReady("last", self.epochs_done, self.steps_done, self.accuracy, weights))

    def _report_good_weights(self) -> None:
        self.report(WeightsReady("last", self.epochs_done, self.good_step, None, self.good))


def cpu_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Copies of the weights on the CPU, contiguous; a wait for the device."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in network.state_dict().items()
    }
