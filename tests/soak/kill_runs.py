"""Kills short runs at random moments, and looks for anything lost.

    python tests/soak/kill_runs.py [--kills 100] [--seed 0] [--json]

Each run is trained in a process of its own that dies by SIGKILL, and is resumed in another that
may die in the same way, until one gets to the end. After each kill the library must open, `runs
check` must find no fault, and in the end everything that was measured must be what an uninterrupted
run measured, bit for bit. Needs fork (not Windows).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: a fork must not find threads
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

import torch

from tests.conftest import cut
from tests.running.test_resume import EXPERIMENTS, everything
from workbench.data.data_choice import choose_data
from workbench.data.datasets import load_data
from workbench.engine import training
from workbench.engine.control import RunControl
from workbench.library.catalog import Library
from workbench.library.check import check_library
from workbench.library.run_folder import has_checkpoint
from workbench.running import runner
from workbench.spec.experiment import experiment_from

IMAGES, TEST_IMAGES, EPOCHS = 500, 200, 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = cut(load_data(choose_data("sample"), lambda p: None, lambda: False), IMAGES, TEST_IMAGES)
    runner.load_data = lambda choice, progress, stop: data  # type: ignore[attr-defined]
    training.CHECKPOINT_INTERVAL = training.REPORT_INTERVAL = 0.02
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        result = soak(Path(folder), options.kills, draw)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"{result['kills']} kills in {result['runs']} runs, {result['resumed']} times resumed, "
            f"{result['from_the_start']} begun anew before their first checkpoint"
        )
        for problem in result["problems"]:
            print(f"LOST  {problem}")
        print(f"losses found: {len(result['problems'])}")
    return 1 if result["problems"] else 0


def soak(folder: Path, wanted: int, draw: random.Random) -> dict[str, Any]:
    kills = runs = resumed = anew = 0
    problems: list[str] = []
    whole: dict[str, Any] = {}
    lasts: dict[str, float] = {}
    while kills < wanted:
        name = draw.choice(list(EXPERIMENTS))
        experiment = experiment_from({"epochs": EPOCHS, "seed": 1, **EXPERIMENTS[name]})
        if name not in whole:
            reference = Library(folder / "reference" / str(len(whole)))
            started = time.monotonic()
            in_child(lambda: train(experiment, reference), None)  # noqa: B023
            lasts[name] = time.monotonic() - started
            whole[name] = everything(reference.runs()[0].folder)
        library = Library(folder / f"library {runs} 실험 🙂")
        runs += 1
        begin: Callable[[], None] = lambda: train(experiment, library)  # noqa: B023, E731
        for _ in range(20):
            # Now and then it is let alone, so that a run also comes to its end.
            moment = draw.uniform(0, 1.2 * lasts[name]) if draw.random() < 0.85 else None
            killed = in_child(begin, moment)
            kills += killed
            where = f"run {runs} ({name}), kill {kills}"
            found = (
                [f.message for f in check_library(library.path) if f.fault]
                if (library.path.exists())
                else []
            )
            problems += [f"{where}: {message}" for message in found]
            records, unread = library.read()
            problems += [f"{where}: {error}" for error in unread]
            if not killed:
                break
            if records and records[0].status == "finished":
                break
            if records and has_checkpoint(records[0].folder):
                kept = records[0]
                resumed += 1
                begin = lambda: resume(kept.folder, library)  # noqa: B023, E731
            else:
                anew += 1
                library = Library(folder / f"library {runs} again {anew}")
                begin = lambda: train(experiment, library)  # noqa: B023, E731
        else:
            in_child(begin, None)
        records = library.runs()
        if [r.status for r in records] != ["finished"]:
            problems.append(f"run {runs} ({name}): ended as {[r.status for r in records]}")
        elif everything(records[0].folder) != whole[name]:
            problems.append(f"run {runs} ({name}): differs from the uninterrupted run")
        print(f"{kills} of {wanted} kills, {len(problems)} losses", file=sys.stderr)
    return {
        "kills": kills,
        "runs": runs,
        "resumed": resumed,
        "from_the_start": anew,
        "problems": problems,
    }


def train(experiment: Any, library: Library) -> None:
    runner.run_experiment(
        experiment,
        library,
        lambda event: None,
        RunControl(),
        data=choose_data("sample"),
        device="cpu",
        preset="001",
    )


def resume(folder: Path, library: Library) -> None:
    ended = runner.resume_run(folder, library, lambda event: None, RunControl())
    assert ended.status == "finished", ended.reason


def in_child(work: Callable[[], None], moment: float | None) -> bool:
    """Does ``work`` in a process of its own, killed after ``moment`` seconds; whether it was."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"failed: {error!r}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    if moment is not None:
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


if __name__ == "__main__":
    sys.exit(main())
