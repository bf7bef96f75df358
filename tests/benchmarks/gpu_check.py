"""Proves and measures the training on a GPU, in one command, without Qt.

    python tests/benchmarks/gpu_check.py [--json] [--device cuda]

Meant to take under five minutes; it has not run on a GPU yet.

1. Equal: 200 steps as recorded graphs and step by step give the same weights and losses within
   float tolerance, for 001, for 009 without dropout, with a decay of the learning rate between, for
   012, and for the other optimizers.
2. Alike: with dropout the losses of several seeds are the same in distribution.
3. Fast: seconds of an epoch of 3,125 steps, for 001 and 009: the notebook loop of the report's
   time, a bare eager loop, ours step by step, ours by graphs; and of the test after it.
4. Prompt: seconds from Stop to the end of a run.

The exit code is 1 where a check fails or a target is missed, 2 where there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from contenders import BATCH, bare_loop, notebook_loop, random_data
from machine import machine, sentence

from workbench.data.datasets import DataSet
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.devices import choose_device, use_full_float32
from workbench.engine.events import EpochDone, Event, Notice, StepsDone, WeightsReady
from workbench.engine.graph_steps import GraphSteps
from workbench.engine.steps import EagerSteps
from workbench.engine.training import train
from workbench.messages import WorkbenchError
from workbench.spec.experiment import Experiment, with_changes
from workbench.spec.presets import find_preset

EPOCH = 3125
TARGET_SECONDS = {"001": 0.5, "009": 0.8}
"""An epoch on an H100, as issue 4 of the project asks."""
TARGET_RATIO = 10
"""Times the notebook loop on the same GPU."""
TARGET_TEST = 0.05
"""Of an epoch's time, for the test of 10,000 images."""
TEST_IMAGES = 10_000
SHORT = 500
"""Steps of the contenders that are too slow for a whole epoch each."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    try:
        device = choose_device(options.device).device
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    use_full_float32()
    result = {
        "machine": machine(str(device)),
        "equal": [equal(preset, changes, device) for preset, changes in SAME],
        "alike": alike(device),
        "speed": [speed(preset, device) for preset in TARGET_SECONDS],
        "stop_seconds": seconds_to_stop(device),
    }
    result["checks"] = checks(result)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_result(result)
    return 0 if all(result["checks"].values()) else 1


SAME: list[tuple[str, dict[str, Any]]] = [
    ("001", {}),
    ("001", {"momentum": 0.9, "weight_decay": 0.0005}),
    ("009", {"dropout": 0.0}),
    ("009", {"dropout": 0.0, "precision": "bfloat16"}),
    ("011", {"dropout": 0.0, "learning_rate": 0.001}),
    ("013", {"batch_size": BATCH, "learning_rate": 0.001}),
    ("014", {"batch_size": BATCH, "learning_rate": 0.001}),
    ("015", {"batch_size": BATCH, "learning_rate": 0.001}),
    ("012", {"batch_size": 16, "learning_rate": 0.01, "cutout": 8, "ema": 0.9}),
    ("001", {"optimizer": "adamw", "weight_decay": 0.01, "scheduler": "cosine"}),
    ("001", {"optimizer": "rmsprop", "learning_rate": 0.0001, "momentum": 0.5}),
    ("001", {"optimizer": "muon", "momentum": 0.9, "scheduler": "one_cycle"}),
]


def run(
    kind: type[EagerSteps], experiment: Experiment, data: DataSet
) -> tuple[list[float], dict[str, torch.Tensor], list[Event]]:
    """A training with one kind of steps: losses, last weights, everything heard."""
    heard: list[Event] = []

    def build(*parts: Any) -> tuple[EagerSteps, None]:
        return kind(*parts), None

    chosen = patch.object(training, "build_steps", build)
    with chosen:
        train(experiment, data, heard.append, RunControl())
    losses = [loss for event in heard if isinstance(event, StepsDone) for loss in event.losses]
    weights = [event.state_dict for event in heard if isinstance(event, WeightsReady)][-1]
    return losses, weights, heard


def equal(preset: str, changes: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """200 steps in two epochs, of which the second has another rate where there is a decay."""
    experiment = find_preset(preset).experiment
    if experiment.scheduler == "step":
        changes = {**changes, "step_size": 1}
    experiment = with_changes(experiment, {**changes, "epochs": 2, "test_mode": "eval"})
    data = random_data(100 * BATCH, device)
    graph_losses, graph, _ = run(GraphSteps, experiment, data)
    eager_losses, eager, _ = run(EagerSteps, experiment, data)
    worst = max(
        float((graph[name].double() - value.double()).norm() / value.double().norm().clamp_min(1))
        for name, value in eager.items()
    )
    loss = max(abs(a - b) for a, b in zip(graph_losses, eager_losses, strict=True))
    # Kernels that add in another order differ in the last bits, which 200 steps let grow.
    tolerance = 0.05 if experiment.precision == "bfloat16" else 0.005
    return {
        "preset": preset,
        "changes": changes,
        "steps": len(graph_losses),
        "loss_difference": loss,
        "weight_difference": worst,
        "equal": len(graph_losses) == 200 and loss < tolerance and worst < tolerance,
    }


def alike(device: torch.device, seeds: int = 12) -> dict[str, Any]:
    """009 with its dropout: mean loss of the last 50 of 200 steps, over seeds."""
    data = random_data(200 * BATCH, device)
    means: dict[str, list[float]] = {"graph": [], "eager": []}
    for seed in range(seeds):
        experiment = with_changes(
            find_preset("009").experiment, {"epochs": 1, "test_mode": "eval", "seed": seed}
        )
        for name, kind in (("graph", GraphSteps), ("eager", EagerSteps)):
            losses, _, _ = run(kind, experiment, data)
            means[name].append(statistics.fmean(losses[-50:]))
    graph, eager = means["graph"], means["eager"]
    # Same seed, same weights and batches: the pairs differ by their dropout alone.
    pairs = [a - b for a, b in zip(graph, eager, strict=True)]
    error = statistics.stdev(pairs) / len(pairs) ** 0.5
    return {
        "seeds": seeds,
        "graph": statistics.fmean(graph),
        "eager": statistics.fmean(eager),
        "difference": statistics.fmean(pairs),
        "standard_error": error,
        "dropout_drawn_anew": len(set(graph)) == seeds,
        "alike": abs(statistics.fmean(pairs)) < 4 * error,
    }


def speed(preset: str, device: torch.device) -> dict[str, Any]:
    """Seconds of an epoch of 3,125 steps, median of three, and what the graphs save."""
    experiment = with_changes(find_preset(preset).experiment, {"epochs": 2, "test_mode": "eval"})
    whole, short = (
        random_data(EPOCH * BATCH, device, TEST_IMAGES),
        random_data(SHORT * BATCH, device),
    )

    def epoch_of(contender: Callable[[Experiment, DataSet], Any]) -> float:
        return EPOCH / contender(experiment, short).steps_per_second

    def ours(
        kind: type[EagerSteps], data: DataSet, **changes: Any
    ) -> tuple[float, float, list[Event]]:
        _, _, heard = run(kind, with_changes(experiment, changes), data)
        last = [event for event in heard if isinstance(event, EpochDone)][-1]
        scale = EPOCH * BATCH / len(data.train_labels)
        return last.seconds * scale, last.test_seconds, heard

    rounds: dict[str, list[float]] = {}
    for _ in range(3):
        for name, seconds in {
            "notebook loop": partial(epoch_of, notebook_loop),
            "bare loop, channels last": partial(
                epoch_of, partial(bare_loop, layout=torch.channels_last)
            ),
            "ours, step by step": lambda: ours(EagerSteps, short)[0],
            "ours, graphs": lambda: ours(GraphSteps, whole)[0],
            "ours, graphs, bfloat16": lambda: ours(GraphSteps, whole, precision="bfloat16")[0],
            "test of 10,000": lambda: ours(GraphSteps, whole)[1],
        }.items():
            rounds.setdefault(name, []).append(seconds())
    seconds = {name: statistics.median(values) for name, values in rounds.items()}
    return {
        "preset": preset,
        "seconds": seconds,
        "spread": {name: [min(values), max(values)] for name, values in rounds.items()},
        "times_notebook": seconds["notebook loop"] / seconds["ours, graphs"],
        "test_share": seconds["test of 10,000"] / seconds["ours, graphs"],
        "variants": variants(experiment, whole),
        "kernels": kernels(experiment, short),
    }


def variants(experiment: Experiment, data: DataSet) -> dict[str, float]:
    """Seconds of an epoch by graphs with settings that the program does not use."""

    def seconds() -> float:
        _, _, heard = run(GraphSteps, experiment, data)
        return [event for event in heard if isinstance(event, EpochDone)][-1].seconds

    found = {}
    torch.backends.cudnn.benchmark = True
    found["cuDNN benchmark"] = seconds()
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = True
    found["TF32 in convolutions"] = seconds()
    use_full_float32()
    return found


def kernels(experiment: Experiment, data: DataSet) -> dict[str, float]:
    """What a step by step training launches: kernels a step, and the GPU's busy microseconds."""
    from torch.profiler import ProfilerActivity, profile

    steps = 100
    cut = DataSet(
        data.info,
        data.train_images[: steps * BATCH],
        data.train_labels[: steps * BATCH],
        data.test_images,
        data.test_labels,
    )
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        run(EagerSteps, with_changes(experiment, {"epochs": 1}), cut)
    on_gpu = [event for event in profiled.events() if event.device_type.name == "CUDA"]
    return {
        "kernels_per_step": len(on_gpu) / steps,
        "busy_us_per_step": sum(event.device_time for event in on_gpu) / steps,
    }


def seconds_to_stop(device: torch.device) -> float:
    """From Stop, in the middle of an epoch by graphs, to the end of the run."""
    experiment = with_changes(find_preset("009").experiment, {"epochs": 50})
    control, asked = RunControl(), [0.0]

    def listen(event: Event) -> None:
        if isinstance(event, Notice):
            print(event.message, file=sys.stderr)
        if isinstance(event, StepsDone) and event.epoch == 2 and not asked[0]:
            asked[0] = time.perf_counter()
            control.stop()

    train(experiment, random_data(EPOCH * BATCH, device), listen, control)
    return time.perf_counter() - asked[0]


def checks(result: dict[str, Any]) -> dict[str, bool]:
    found = {f"equal: {row['preset']} {row['changes']}": row["equal"] for row in result["equal"]}
    found["alike with dropout"] = result["alike"]["alike"]
    found["dropout is drawn anew in each run"] = result["alike"]["dropout_drawn_anew"]
    on_h100 = "H100" in result["machine"]["device_name"]
    for row in result["speed"]:
        preset = row["preset"]
        seconds = row["seconds"]["ours, graphs"]
        found[f"{preset}: {TARGET_RATIO} times the notebook loop"] = (
            row["times_notebook"] >= TARGET_RATIO
        )
        if on_h100:
            target = TARGET_SECONDS[preset]
            found[f"{preset}: an epoch within {target} s on an H100"] = seconds <= target
        found[f"{preset}: a test within 5% of an epoch"] = row["test_share"] <= TARGET_TEST
    found["Stop within a second"] = result["stop_seconds"] < 1
    return found


def print_result(result: dict[str, Any]) -> None:
    print(sentence(result["machine"]))
    for row in result["equal"]:
        print(
            f"{row['preset']} {row['changes']}: {row['steps']} steps, losses differ by "
            f"{row['loss_difference']:.2g}, weights by {row['weight_difference']:.2g}"
        )
    alike = result["alike"]
    print(
        f"009 with dropout, {alike['seeds']} seeds: mean loss {alike['graph']:.4f} by graphs, "
        f"{alike['eager']:.4f} step by step, difference {alike['difference']:.4f}, standard error "
        f"{alike['standard_error']:.4f}"
    )
    for row in result["speed"]:
        print(f"{row['preset']}: seconds of an epoch of 3,125 steps (median, spread)")
        for name, seconds in row["seconds"].items():
            low, high = row["spread"][name]
            print(f"  {name:<28}{seconds:>9.3f}   {low:.3f} to {high:.3f}")
        for name, seconds in row["variants"].items():
            print(f"  {'with ' + name:<28}{seconds:>9.3f}")
        print(
            f"  {row['times_notebook']:.1f} times the notebook loop; the test is "
            f"{row['test_share']:.1%} of an epoch; a step is "
            f"{row['kernels']['kernels_per_step']:.0f} kernels, "
            f"{row['kernels']['busy_us_per_step']:.0f} us of the GPU"
        )
    print(f"Stop to the end of the run: {result['stop_seconds']:.2f} s")
    for name, passed in result["checks"].items():
        print(f"{'ok    ' if passed else 'FAILED'}  {name}")


if __name__ == "__main__":
    sys.exit(main())
