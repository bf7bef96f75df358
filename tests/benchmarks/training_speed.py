"""Steps per second of a training, beside a bare loop over tensors.

    python tests/benchmarks/training_speed.py [--json] [--rounds 7] [--steps 300]

Contenders take turns within each round, so that a machine whose speed drifts treats all alike;
the table shows the median of the rounds, and the ratio to the faster bare loop of the same round.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from workbench.engine.control import RunControl
from workbench.engine.data_choice import CIFAR10_CLASSES, DataInfo
from workbench.engine.datasets import DataSet
from workbench.engine.devices import choose_device
from workbench.engine.events import EpochDone
from workbench.engine.networks import build_network
from workbench.engine.training import train
from workbench.spec.experiment import Experiment, with_changes
from workbench.spec.presets import find_preset

BATCH = 16


def random_data(images: int, device: torch.device) -> DataSet:
    """Random pixels: what they show does not change the speed."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, 32, 32, 3), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (images,), generator=generator)
    info = DataInfo("sample", "random", CIFAR10_CLASSES, images, BATCH, "", False)
    return DataSet(info, pixels, labels, pixels[:BATCH], labels[:BATCH]).to(device)


def bare_loop(experiment: Experiment, data: DataSet, channels_last: bool) -> float:
    """Seconds for one epoch of nothing but the arithmetic: no loss is read, nothing is kept."""
    torch.manual_seed(0)
    device = data.train_images.device
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = build_network(experiment, 10).to(device).to(memory_format=layout)
    kind = torch.optim.Adam if experiment.optimizer == "adam" else torch.optim.SGD
    optimizer = kind(network.parameters(), lr=experiment.learning_rate, fused=True)
    images = data.train_images.permute(0, 3, 1, 2).contiguous()
    if channels_last:
        images = images.to(memory_format=torch.channels_last)
    order = torch.randperm(len(images)).to(device)
    started = time.perf_counter()
    for start in range(0, len(images), BATCH):
        indices = order[start : start + BATCH]
        pixels = images[indices].to(torch.float32, memory_format=layout).div_(127.5).sub_(1)
        loss = F.cross_entropy(network(pixels), data.train_labels[indices])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def ours(experiment: Experiment, data: DataSet) -> float:
    """Seconds for one epoch of the program's own training, its test left out."""
    seconds: list[float] = []
    train(
        experiment,
        data,
        lambda event: seconds.append(event.seconds) if isinstance(event, EpochDone) else None,
        RunControl(),
    )
    return seconds[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    data = random_data(options.steps * BATCH, device.device)
    rows = []
    for preset in ("001", "009"):
        experiment = with_changes(find_preset(preset).experiment, {"epochs": 1})
        experiment = replace_test_mode(experiment)
        contenders: dict[str, Callable[[], float]] = {
            "bare loop, contiguous": lambda e=experiment: bare_loop(e, data, False),
            "bare loop, channels last": lambda e=experiment: bare_loop(e, data, True),
            "CIFAR Workbench": lambda e=experiment: ours(e, data),
        }
        for run in contenders.values():
            run()  # a round that does not count: caches, memory, kernels
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        names = list(contenders)
        for number in range(options.rounds):
            for name in names[number % 3 :] + names[: number % 3]:
                seconds[name].append(contenders[name]())
            print(f"{preset}: round {number + 1}/{options.rounds}", file=sys.stderr)
        bare = [min(pair) for pair in zip(seconds[names[0]], seconds[names[1]], strict=True)]
        for name in names:
            ratios = [mine / limit for mine, limit in zip(seconds[name], bare, strict=True)]
            per_second = [options.steps / s for s in seconds[name]]
            rows.append(
                {
                    "preset": preset,
                    "contender": name,
                    "steps_per_second": statistics.median(per_second),
                    "slowest": min(per_second),
                    "fastest": max(per_second),
                    "seconds_per_epoch": 3125 / statistics.median(per_second),
                    "ratio_to_bare": statistics.median(ratios),
                }
            )
    machine = {
        "device": device.name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "system": platform.platform(),
    }
    if options.json:
        print(json.dumps({"machine": machine, "rows": rows}, indent=2))
        return
    print(", ".join(f"{key}: {value}" for key, value in machine.items()))
    print(f"{'preset':<7}{'contender':<26}{'steps/s':>9}{'spread':>16}{'s/epoch':>9}{'ratio':>8}")
    for row in rows:
        spread = f"{row['slowest']:.0f} to {row['fastest']:.0f}"
        print(
            f"{row['preset']:<7}{row['contender']:<26}{row['steps_per_second']:>9.1f}"
            f"{spread:>16}{row['seconds_per_epoch']:>9.1f}{row['ratio_to_bare']:>8.3f}"
        )


def replace_test_mode(experiment: Experiment) -> Experiment:
    return with_changes(experiment, {"test_mode": "eval"})


if __name__ == "__main__":
    main()
