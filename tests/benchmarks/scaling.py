"""How time and memory grow: with the batch size, the length of a run in the window, the number of
images, and the threads of the processor.

    python tests/benchmarks/scaling.py [--json] [--quick] [--rounds 3]

Each figure comes from a process of its own, and the processes take turns; the table shows medians
of the rounds. ``memory`` is the most that the process had (on a GPU: that torch took of it) above
what it had before what is measured. Growth is the exponent p of ``value ** p``: the slope of a
straight line through the logarithms, through all points and through the last two. 1 is linear,
less is better. Preset 001 trains on random pixels. For the length of a run nothing is trained:
losses and tests of as many epochs of 3,125 steps go through the whole window, at hundreds of times
the speed; that needs a display, or QT_QPA_PLATFORM=offscreen.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
import torch
from contenders import LeftOut, random_data
from machine import machine, sentence
from open_window import OpenWindow

from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet
from workbench.engine.control import RunControl
from workbench.engine.devices import choose_device
from workbench.engine.events import EpochDone, Evaluation, Event, StepsDone
from workbench.engine.status import RunStatus
from workbench.engine.training import Outcome
from workbench.library.catalog import Library
from workbench.running.runner import run_experiment
from workbench.spec.experiment import Experiment, with_changes
from workbench.spec.presets import find_preset

EPOCH = 3125


@dataclass(frozen=True)
class Figure:
    """``time`` in the unit of its axis, ``memory`` in MB."""

    time: float
    memory: float


# --- what one process measures ---------------------------------------------------------


class Memory:
    """The most memory that is taken within a ``with`` above what there was, in MB: of the process,
    looked at 100 times a second, or of torch on a GPU."""

    def __init__(self, device: torch.device) -> None:
        self.added = 0.0
        self._gpu = device.type == "cuda"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(self._taken(),))

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self, before: int) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(0.01)
            self.added = max(self.added, (self._taken() - before) / 1e6)

    def _taken(self) -> int:
        if self._gpu:
            return torch.cuda.max_memory_allocated()
        return psutil.Process().memory_info().rss


def epoch_seconds(data: DataSet, epochs: int, **changes: Any) -> float:
    """Seconds of the last of ``epochs`` of preset 001, its test left out."""
    changes = {"epochs": epochs, "test_mode": "eval", **changes}
    seconds: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochDone):
            seconds.append(event.seconds)

    with patch("workbench.running.runner.load_data", return_value=data):
        run_experiment(
            with_changes(find_preset("001").experiment, changes),
            Library(),
            listen,
            RunControl(),
            data=choose_data("sample"),
            device=str(data.train_images.device),
        )
    return seconds[-1]


def batch_size(value: int, device: torch.device) -> Figure:
    """Milliseconds a step, after an epoch that does not count."""
    images = 4096
    data = random_data(images, device)
    with Memory(device) as memory:
        seconds = epoch_seconds(data, 2, batch_size=value)
    return Figure(1000 * seconds / (images / value), memory.added)


def images(value: int, device: torch.device) -> Figure:
    """Seconds an epoch; the memory of the images themselves counts."""
    with Memory(device) as memory:
        seconds = epoch_seconds(random_data(value, device), 1)
    return Figure(seconds, memory.added)


def threads(value: int, device: torch.device) -> Figure:
    """Milliseconds a step of 16 images, after an epoch that does not count."""
    torch.set_num_threads(value)
    data = random_data(4000, device)
    with Memory(device) as memory:
        seconds = epoch_seconds(data, 2)
    return Figure(1000 * seconds / 250, memory.added)


def run_length(value: int, device: torch.device) -> Figure:
    """Milliseconds for one repaint of the live view at the end of a run of ``value`` epochs; the
    memory that the run added to the start of the window."""
    window = OpenWindow()
    window.show()
    live, session = window.window.run_view.live, window.window.session
    data = random_data(16, torch.device("cpu"))
    experiment = with_changes(find_preset("011").experiment, {"epochs": value})
    with (
        patch("workbench.running.runner.load_data", return_value=data),
        patch("workbench.running.executors.job.training_bounds", return_value=range(EPOCH)),
        patch("workbench.running.executors.in_process.train", played),
        Memory(torch.device("cpu")) as memory,
    ):
        key = window.window.live_runs.begin("", sample=True)
        window.window.run_view.begin(key)
        session.train(experiment, choose_data("sample"), "cpu", None, "", key=key)
        window.until_idle()
        window.wait(300)
    assert live.step_count() == value * EPOCH
    times = []
    losses = np.random.default_rng(0).gamma(2.0, 0.5, 100).astype("f4")
    for _ in range(30):
        live.add_losses(losses)
        started = time.perf_counter()
        live.refresh()
        live.grab()  # paints it whole
        times.append(time.perf_counter() - started)
        window.wait(20)
    window.close()
    return Figure(1000 * statistics.median(times), memory.added)


def played(
    experiment: Experiment,
    data: DataSet,
    report: Callable[[Event], None],
    control: RunControl,
    start: None = None,
) -> Outcome:
    """In place of ``train``: reports what a training of full epochs would, without training."""
    random = np.random.default_rng(0)
    classes = data.info.classes
    test = Evaluation(
        mode="eval",
        correct=5000,
        total=10_000,
        accuracy=50.0,
        loss=1.5,
        classes=classes,
        per_class=(50.0,) * len(classes),
        confusion=((100,) * len(classes),) * len(classes),
    )
    for epoch in range(1, experiment.epochs + 1):
        losses = tuple(random.gamma(2.0, 0.5, EPOCH).tolist())
        for start in range(0, EPOCH, 125):
            some = losses[start : start + 125]
            report(StepsDone(epoch, start + len(some), some, 0.01 * start, 1600.0))
        report(EpochDone(epoch, 1.0, losses[-1], 0.01, 30.0, 1.5, test, best=epoch == 1))
        time.sleep(0.02)  # the window draws meanwhile
    return Outcome(RunStatus.FINISHED, experiment.epochs, 31.5 * experiment.epochs, test=test)


# --- all of them -----------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """What is varied, over which values, and what its time is."""

    name: str
    time: str
    measure: Callable[[int, torch.device], Figure]
    values: Sequence[int]
    quick: Sequence[int]


def _thread_counts() -> list[int]:
    cores = os.cpu_count() or 1
    return sorted({2**power for power in range(cores.bit_length()) if 2**power < cores} | {cores})


AXES = {
    axis.name: axis
    for axis in (
        Axis("batch size", "ms a step", batch_size, (16, 64, 256, 1024, 4096), (16, 256, 4096)),
        Axis("epochs in the window", "ms a repaint", run_length, (3, 30, 100, 300), (3, 30, 300)),
        Axis("images", "s an epoch", images, (5000, 16_000, 50_000), (2000, 5000)),
        Axis("threads", "ms a step", threads, _thread_counts(), _thread_counts()),
    )
}


def growth(values: Sequence[float], measured: Sequence[float]) -> float:
    """The exponent p with which ``measured`` grows as ``values ** p``: the slope of the straight
    line of least squares through the logarithms."""
    return float(np.polyfit(np.log(values), np.log(measured), 1)[0])


def in_fresh_process(axis: Axis, value: int, device: str) -> dict[str, Any]:
    """The figure, or the reason why it is left out."""
    command = [sys.executable, __file__, "--device", device, "--case", axis.name, str(value)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def measure_case(name: str, value: int, device: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        os.environ["CIFAR_WORKBENCH_HOME"] = home
        try:
            figure = AXES[name].measure(value, choose_device(device).device)
        except LeftOut as reason:
            return {"left_out": str(reason)}
    return {"time": figure.time, "memory": figure.memory}


def measure(device: str, quick: bool, rounds: int) -> dict[str, Any]:
    figures: dict[tuple[str, int], list[dict[str, float]]] = {}
    left_out: dict[str, str] = {}
    for number in range(rounds):
        for axis in AXES.values():
            for value in axis.quick if quick else axis.values:
                if axis.name in left_out:
                    continue
                print(f"round {number + 1}/{rounds}: {axis.name} {value:,}", file=sys.stderr)
                figure = in_fresh_process(axis, value, device)
                if "left_out" in figure:
                    left_out[axis.name] = figure["left_out"]
                else:
                    figures.setdefault((axis.name, value), []).append(figure)
    return {
        "machine": machine(device, rounds=rounds),
        "axes": [
            table(axis, {v: found for (name, v), found in figures.items() if name == axis.name})
            for axis in AXES.values()
            if axis.name not in left_out
        ],
        "left_out": left_out,
    }


def table(axis: Axis, figures: dict[int, list[dict[str, float]]]) -> dict[str, Any]:
    rows = []
    for value, found in figures.items():
        times = [figure["time"] for figure in found]
        rows.append(
            {
                "value": value,
                "time": statistics.median(times),
                "fastest": min(times),
                "slowest": max(times),
                "memory_mb": statistics.median(figure["memory"] for figure in found),
            }
        )
    result: dict[str, Any] = {"axis": axis.name, "time": axis.time, "rows": rows}
    if len(rows) > 1:
        values = [row["value"] for row in rows]
        # Below 1 MB it is the noise of the allocator that grows.
        for name, column in (
            ("time", [row["time"] for row in rows]),
            ("memory", [max(row["memory_mb"], 1.0) for row in rows]),
        ):
            result[f"{name}_growth"] = growth(values, column)
            result[f"{name}_growth_at_the_end"] = growth(values[-2:], column[-2:])
    return result


def print_tables(result: dict[str, Any]) -> None:
    print(sentence(result["machine"]))
    for axis in result["axes"]:
        print(f"\n{axis['axis']:<22}{axis['time']:>14}{'spread':>20}{'memory, MB':>13}")
        for row in axis["rows"]:
            digits = max(0, 2 - math.floor(math.log10(row["time"])))
            spread = f"{row['fastest']:,.{digits}f} to {row['slowest']:,.{digits}f}"
            print(
                f"{row['value']:<22,}{row['time']:>14,.{digits}f}{spread:>20}"
                f"{row['memory_mb']:>13,.0f}"
            )
        if "time_growth" in axis:
            for what, words in (("growth", "growth"), ("growth_at_the_end", "growth at the end")):
                print(f"{words:<22}{axis[f'time_{what}']:>14.2f}{axis[f'memory_{what}']:>33.2f}")
    for name, reason in result["left_out"].items():
        print(f"\n{name}: left out. {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer values, one round")
    parser.add_argument("--rounds", type=int, help="default: 3, and 1 with --quick")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--case", nargs=2, metavar=("AXIS", "VALUE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        name, value = options.case
        print(json.dumps(measure_case(name, int(value), options.device)))
        return
    rounds = options.rounds or (1 if options.quick else 3)
    result = measure(options.device, options.quick, rounds)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_tables(result)


if __name__ == "__main__":
    main()
