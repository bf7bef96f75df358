"""What checkpoints cost a training: seconds to take and write one, as a share of their interval.

    python tests/benchmarks/checkpoint_cost.py [--json] [--rounds 30]

For 001 (SGD: the weights alone) and 009 (Adam: two more tensors for each weight), written to the
disk that holds the program's folder, as a run writes them: taken from the training, flushed,
written to a temporary file, synced and renamed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from contenders import BATCH, random_data
from machine import machine, sentence

from workbench import paths
from workbench.data.data_choice import choose_data
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.engine.devices import choose_device
from workbench.library.catalog import Library
from workbench.library.run_folder import CHECKPOINT
from workbench.running import runner
from workbench.spec.experiment import with_changes
from workbench.spec.presets import find_preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device).device
    paths.home().mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory(dir=paths.home()) as folder:
        for preset in ("001", "009"):
            rows.append(measure(preset, options.rounds, str(device), Path(folder)))
    result = {"machine": machine(str(device)), "interval": INTERVAL, "rows": rows}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(sentence(result["machine"]))
    print(f"{'preset':<8}{'MB':>6}{'ms, median':>12}{'spread':>16}{f'share of {INTERVAL:g} s':>18}")
    for row in rows:
        spread = f"{row['least']:.1f} to {row['most']:.1f}"
        print(
            f"{row['preset']:<8}{row['megabytes']:>6.1f}{row['milliseconds']:>12.1f}{spread:>16}"
            f"{row['share']:>18.3%}"
        )


INTERVAL = training.CHECKPOINT_INTERVAL


def measure(preset: str, rounds: int, device: str, folder: Path) -> dict[str, Any]:
    """A run that takes a checkpoint after each step, each timed from asking to its end."""
    seconds: list[float] = []
    report = training._Training._report_checkpoint

    def timed(self: Any) -> None:
        started = time.perf_counter()
        report(self)
        seconds.append(time.perf_counter() - started)

    data = random_data(rounds * BATCH, choose_device(device).device)
    training.CHECKPOINT_INTERVAL = training.REPORT_INTERVAL = 0.0
    training._Training._report_checkpoint = timed  # type: ignore[method-assign]
    load, runner.load_data = runner.load_data, lambda *parts: data  # type: ignore[assignment]
    try:
        ended = runner.run_experiment(
            with_changes(find_preset(preset).experiment, {"epochs": 1, "test_mode": "eval"}),
            Library(folder),
            lambda event: None,
            RunControl(),
            data=choose_data("sample"),
            device=device,
            keep_checkpoint=True,
        )
    finally:
        training._Training._report_checkpoint = report  # type: ignore[method-assign]
        training.CHECKPOINT_INTERVAL, runner.load_data = INTERVAL, load
    milliseconds = [1000 * s for s in seconds[1:]]
    return {
        "preset": preset,
        "megabytes": (Path(ended.run) / CHECKPOINT).stat().st_size / 1e6,
        "milliseconds": statistics.median(milliseconds),
        "least": min(milliseconds),
        "most": max(milliseconds),
        "share": statistics.median(milliseconds) / 1000 / INTERVAL,
    }


if __name__ == "__main__":
    main()
