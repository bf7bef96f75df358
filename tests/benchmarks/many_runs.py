"""How many runs are finished in an hour: one after the other, in workers, and with joblib.

    python tests/benchmarks/many_runs.py [--preset 001] [--runs 8] [--epochs 4]
        [--ways alone 1 2 joblib] [--dataset sample|PATH] [--json]

``alone`` is one run after the other in one process with as many threads as there are cores; a
number is so many worker processes with their share of the cores; ``joblib`` are as many processes
of joblib as there are cores, one thread each, without a queue. The data are loaded once, before
anything is timed. Overhead: what a run takes beyond its own training and tests; the start of the
workers is part of it. To be run on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

import psutil
import torch

from tests.benchmarks.machine import machine
from workbench.data.data_choice import DataChoice, choose_data
from workbench.data.datasets import load_data
from workbench.engine.control import RunControl
from workbench.engine.cores import usable_cores
from workbench.library.catalog import Library
from workbench.library.queue import Queue
from workbench.library.queue_entry import new_entry
from workbench.running import runner
from workbench.running.queue_runner import QueueRunner
from workbench.spec.experiment import Experiment, with_changes
from workbench.spec.presets import find_preset


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="001")
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--ways", nargs="+", default=["alone", "1", "2", "joblib"])
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    choice = choose_data(options.dataset)
    data = load_data(choice, lambda p: None, lambda: False)
    runner.load_data = lambda choice, progress, stop: data  # type: ignore[attr-defined]
    first = with_changes(find_preset(options.preset).experiment, {"epochs": options.epochs})
    experiments = [with_changes(first, {"seed": seed}) for seed in range(options.runs)]
    rows = [measured(way, experiments, choice) for way in options.ways]
    if options.json:
        print(json.dumps({"machine": machine(), "preset": options.preset, "ways": rows}, indent=2))
        return 0
    print(f"{options.runs} runs of {options.preset}, {options.epochs} epochs, {choice.kind}")
    for row in rows:
        print(
            f"{row['way']:<8} {row['runs_per_hour']:8.0f} runs an hour  {row['seconds']:6.1f} s  "
            f"overhead {row['overhead']:5.2f} s a run  "
            f"worker {row['worker_megabytes']:5.0f} MB, {row['own_megabytes']:5.0f} of its own"
        )
    return 0


def measured(way: str, experiments: list[Experiment], choice: DataChoice) -> dict[str, Any]:
    """Train all of them in one way."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder) / "library")
        memory = Memory()
        started = time.monotonic()
        if way == "joblib":
            workers = usable_cores()
            with_joblib(experiments, library.path, choice, workers)
        else:
            workers = 1 if way == "alone" else int(way)
            with_queue(way, workers, experiments, library, choice)
        seconds = time.monotonic() - started
        memory.end()
        trained = sum(run.seconds for run in library.runs())
        assert [run.status for run in library.runs()] == ["finished"] * len(experiments)
    return {
        "way": way,
        "seconds": seconds,
        "runs_per_hour": len(experiments) * 3600 / seconds,
        "overhead": (seconds * workers - trained) / len(experiments),
        "worker_megabytes": memory.most / 1e6,
        "own_megabytes": memory.most_own / 1e6,
    }


def with_queue(
    way: str, workers: int, experiments: list[Experiment], library: Library, choice: DataChoice
) -> None:
    threads = usable_cores() if way == "alone" else None
    Queue(library.path).add(
        new_entry(each, choice, device="cpu", threads=threads) for each in experiments
    )
    executor = "in_process" if way == "alone" else "local"
    QueueRunner(library, executor=executor, workers=workers).run()


def with_joblib(
    experiments: list[Experiment], library: Path, choice: DataChoice, workers: int
) -> None:
    import joblib

    joblib.Parallel(n_jobs=workers, backend="loky")(
        joblib.delayed(one)(each.values(), library, choice.kind, choice.path)
        for each in experiments
    )


def one(values: dict[str, Any], library: Path, kind: Any, path: Path | None) -> None:
    """One run in a process of joblib's, which loads the data for itself."""
    from workbench.messages import Message
    from workbench.spec.experiment import experiment_from

    ended = runner.run_experiment(
        experiment_from(values),
        Library(library),
        lambda event: None,
        RunControl(),
        data=DataChoice(kind, path, Message("")),
        device="cpu",
        threads=1,
    )
    assert ended.status == "finished", ended.reason


class Memory:
    """The most memory of a child process: all that is resident, and what it shares with nobody."""

    def __init__(self) -> None:
        self.most = self.most_own = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(1.0):
            for child in psutil.Process().children(recursive=True):
                try:
                    found = child.memory_full_info()
                except psutil.Error:
                    continue
                self.most = max(self.most, found.rss)
                self.most_own = max(self.most_own, found.uss)

    def end(self) -> None:
        self._ended.set()
        self._thread.join()


if __name__ == "__main__":
    torch.set_num_threads(usable_cores())
    sys.exit(main())
