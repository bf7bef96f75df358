"""Steps per second of a training: ours, beside what else trains the same network.

    python tests/benchmarks/training_speed.py [--json] [--rounds 5] [--steps 300]

Presets 001, 009, 012 and 013, each with the contenders of contenders.py, in turns within each
round, so that a machine whose speed drifts treats all alike; the table shows the median of the
rounds, and the ratio to the faster bare loop of the same round. A second table has the test after
each epoch. Lightning and skorch come with `pip install -e ".[bench]"`; the window needs a display,
or QT_QPA_PLATFORM=offscreen. What is not there is left out, with a word.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from contenders import (
    LeftOut,
    Run,
    bare_loop,
    lightning,
    notebook_loop,
    ours,
    ours_not_augmenting,
    ours_not_counting,
    random_data,
    skorch,
)
from machine import machine, sentence, version
from open_window import WindowProcess

from workbench.data.datasets import DataSet
from workbench.engine.control import RunControl
from workbench.engine.devices import choose_device
from workbench.engine.events import EpochDone
from workbench.engine.training import train
from workbench.spec.experiment import HYPERPARAMETERS, Experiment, with_changes
from workbench.spec.networks import weight_bytes
from workbench.spec.presets import find_preset

PRESETS = ("001", "009", "012", "013")
IMAGES = 50_000
"""Training images of CIFAR-10."""
STEPS = 300
"""Steps that are timed of a batch of 16; of larger ones fewer, as many images at most."""
TEST_IMAGES = 10_000
LARGE = 4_000_000
"""Bytes of weights."""

PRECISIONS = list(HYPERPARAMETERS["precision"].choices)
BARE = ("bare loop, contiguous", "bare loop, channels last")

NOT_COUNTING = "no training accuracy"
NOT_AUGMENTING = "no augmentation"

Contender = Callable[[Experiment, DataSet], Run]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--presets", nargs="+", default=PRESETS, help="default: 001 009 012 013")
    parser.add_argument(
        "--steps", type=int, help="default: 300, of a batch of 256 60; on a GPU an epoch"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0], help="of ours")
    parser.add_argument("--batch-size", type=int, help="in place of the presets' own")
    parser.add_argument("--only", nargs="+", help="contenders whose names begin so; bare loops too")
    options = parser.parse_args()
    device = choose_device(options.device).device
    with tempfile.TemporaryDirectory() as home:
        os.environ["CIFAR_WORKBENCH_HOME"] = home  # not among the person's own runs
        result = measure(device, options)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_tables(result)


def epoch_steps(batch_size: int) -> int:
    """Steps of an epoch of CIFAR-10, but for a last batch that is shorter."""
    return IMAGES // batch_size


def measure(device: torch.device, options: argparse.Namespace) -> dict[str, Any]:
    presets: Sequence[str] = options.presets
    wanted, rounds, precision = options.steps, options.rounds, options.precision
    changes: dict[str, Any] = {"epochs": 1, "test_mode": "eval"}
    if options.batch_size:
        changes["batch_size"] = options.batch_size
    contenders: dict[str, Contender] = {
        "notebook loop": notebook_loop,
        "Lightning": lightning,
        "skorch": skorch,
        BARE[0]: partial(bare_loop, layout=torch.contiguous_format),
        BARE[1]: partial(bare_loop, layout=torch.channels_last),
        named(precision): in_precision(ours, precision),
        f"{named(precision)}, {NOT_COUNTING}": in_precision(ours_not_counting, precision),
        f"{named(precision)}, {NOT_AUGMENTING}": in_precision(ours_not_augmenting, precision),
    }
    left_out: dict[str, str] = {}
    window = None
    with_window = f"{named(precision)}, window open"
    try:
        if options.only is None or with_window.startswith(tuple(options.only)):
            window = WindowProcess()
            contenders[with_window] = in_precision(window.train, precision)
    except LeftOut as reason:
        left_out["CIFAR Workbench, window open"] = str(reason)
    for other in PRECISIONS:
        contenders.setdefault(named(other), in_precision(ours, other))
    if options.only is not None:
        chosen = (*BARE, *options.only)
        contenders = {n: c for n, c in contenders.items() if n.startswith(chosen)}
        contenders.setdefault(named(precision), in_precision(ours, precision))

    rows, tests = [], []
    for preset in presets:
        experiment = with_changes(find_preset(preset).experiment, changes)
        size = experiment.batch_size
        steps = wanted or (STEPS if size <= 16 else STEPS // 5)
        if wanted is None and device.type == "cuda":
            steps = epoch_steps(size)
        data = random_data(steps * size, device)
        # A large network's test would take minutes on a CPU: a part of it, counted by its share.
        large = device.type == "cpu" and weight_bytes(experiment, 10) > LARGE
        to_test = random_data(size, device, TEST_IMAGES // 20 if large else TEST_IMAGES)
        names = []
        for name, contender in contenders.items():
            try:
                contender(experiment, data)  # does not count: caches, memory, kernels
                names.append(name)
            except LeftOut as reason:
                left_out[name] = str(reason)
        speeds: dict[str, list[float]] = {name: [] for name in names}
        test_seconds: list[float] = []
        seconds_of_test(with_precision(experiment, precision), to_test)
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                speeds[name].append(contenders[name](experiment, data).steps_per_second)
            test_seconds.append(seconds_of_test(with_precision(experiment, precision), to_test))
            print(f"{preset}: round {number + 1}/{rounds}", file=sys.stderr)
        bare = [max(pair) for pair in zip(*(speeds[name] for name in BARE), strict=True)]
        rows += [row(preset, name, speeds[name], bare, size) for name in names]
        shares = [
            s * x / epoch_steps(size) * TEST_IMAGES / len(to_test.test_labels)
            for s, x in zip(test_seconds, speeds[named(precision)], strict=True)
        ]
        tests.append(
            {
                "preset": preset,
                "seconds": statistics.median(test_seconds) * TEST_IMAGES / len(to_test.test_labels),
                "share_of_epoch": statistics.median(shares),
                "smallest_share": min(shares),
                "largest_share": max(shares),
            }
        )
    platform = window.platform if window else None
    if window:
        window.close()
    return {
        "machine": machine(
            str(device),
            lightning=version("pytorch-lightning"),
            skorch=version("skorch"),
            qt_platform=platform,
            steps=wanted or "by batch size",
            rounds=rounds,
        ),
        "rows": rows,
        "tests": tests,
        "left_out": left_out,
    }


def named(precision: str) -> str:
    return "CIFAR Workbench" + ("" if precision == PRECISIONS[0] else f", {precision}")


def with_precision(experiment: Experiment, precision: str) -> Experiment:
    return with_changes(experiment, {"precision": precision})


def in_precision(contender: Contender, precision: str) -> Contender:
    return lambda experiment, data: contender(with_precision(experiment, precision), data)


def seconds_of_test(experiment: Experiment, data: DataSet) -> float:
    """Seconds of the test after an epoch, in evaluation mode, as a run reports them."""
    seconds: list[float] = []

    def listen(event: object) -> None:
        if isinstance(event, EpochDone):
            seconds.append(event.test_seconds)

    train(experiment, data, listen, RunControl())
    return seconds[0]


def row(
    preset: str, name: str, speeds: list[float], bare: list[float], batch_size: int
) -> dict[str, Any]:
    return {
        "preset": preset,
        "contender": name,
        "steps_per_second": statistics.median(speeds),
        "slowest": min(speeds),
        "fastest": max(speeds),
        "seconds_per_epoch": epoch_steps(batch_size) / statistics.median(speeds),
        "ratio_to_bare": statistics.median(
            limit / mine for mine, limit in zip(speeds, bare, strict=True)
        ),
    }


def print_tables(result: dict[str, Any]) -> None:
    print(sentence(result["machine"]))
    print(f"\n{'preset':<7}{'contender':<38}{'steps/s':>9}{'spread':>18}{'s/epoch':>9}{'ratio':>8}")
    for row in result["rows"]:
        spread = f"{row['slowest']:.1f} to {row['fastest']:.1f}"
        print(
            f"{row['preset']:<7}{row['contender']:<38}{row['steps_per_second']:>9.1f}"
            f"{spread:>18}{row['seconds_per_epoch']:>9.1f}{row['ratio_to_bare']:>8.3f}"
        )
    for name, reason in result["left_out"].items():
        print(f"{name}: left out. {reason}")
    print(f"\nTest of {TEST_IMAGES:,} images in evaluation mode")
    print(f"{'preset':<7}{'seconds':>9}{'share of an epoch':>20}{'spread':>16}")
    for row in result["tests"]:
        spread = f"{row['smallest_share']:.1%} to {row['largest_share']:.1%}"
        print(f"{row['preset']:<7}{row['seconds']:>9.2f}{row['share_of_epoch']:>20.1%}{spread:>16}")


if __name__ == "__main__":
    main()
