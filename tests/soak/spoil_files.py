"""Spoils the files of runs in every way that a loop can think of, and uses them.

    python tests/soak/spoil_files.py [--count 1000] [--seed 0] [--resume 100] [--json]

Each mutation changes one file of a sound run: a value, its bytes, or what lies in its place. Then
the program reads it, labels it, checks and mends it, deletes it and brings it back; with
``--resume`` so many are trained on as well. Only sentences may come of it: no other exception, no
wait, no change outside the library, no memory beyond a limit. Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

import torch

from tests.conftest import cut
from tests.library import mutations
from workbench.data.data_choice import choose_data
from workbench.data.datasets import load_data
from workbench.engine.control import RunControl
from workbench.engine.events import StepsDone
from workbench.library.catalog import Library
from workbench.library.run_folder import read_record
from workbench.messages import WorkbenchError
from workbench.running import runner
from workbench.spec.experiment import experiment_from


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--resume", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    mutations.with_an_index()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        os.environ["CIFAR_WORKBENCH_HOME"] = f"{place}/home"
        result = soak(Path(place), options.count, options.resume, options.seed)
    result["seconds"] = round(time.monotonic() - started)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"seed {options.seed}: {result['mutations']} files spoiled, {result['resumed']} runs "
            f"resumed ({result['ends']}), slowest {result['slowest_s']} s, memory at most "
            f"{result['memory_mb']} MB more, {result['seconds']} s in all"
        )
        for problem in result["problems"]:
            print(f"WRONG  {problem}")
        print(f"wrong: {len(result['problems'])}")
    return 1 if result["problems"] else 0


def soak(place: Path, count: int, resumes: int, seed: int) -> dict[str, Any]:
    sound = mutations.make_victim(place / "sound" / "library")
    outside = place / "outside"
    before = mutations.make_outside(outside, sound)
    stopped = stopped_run(place / "stopped") if resumes else sound
    known = mutations.mutations(outside)
    names = list(known)
    problems: list[str] = []
    ends: Counter[str] = Counter()
    slowest = 0.0
    used = memory()
    for number in range(count + resumes):
        draw = random.Random(f"{seed} {number}")
        training = number >= count
        name = draw.choice([n for n in names if n[0] != "." or not training])
        source = stopped if training else sound
        folder = Path(shutil.copytree(source, place / "library" / "run"))
        path = Path(os.path.normpath(folder / name.replace("007", "001" if training else "007")))
        Library(folder.parent).runs()
        path.touch()
        mutate = draw.choice(known[name])
        where = f"{number} {name} {getattr(mutate, '__name__', mutate)}"
        began = time.monotonic()
        try:
            mutate(path, draw)
            began = time.monotonic()
            with mutations.limited(60):
                if training:
                    ends[resume(folder)] += 1
                else:
                    mutations.use_and_write(folder)
        except Exception as error:
            problems.append(f"{where}: {type(error).__name__}: {str(error)[:200]}")
        slowest = max(slowest, time.monotonic() - began)
        if mutations.content_of(outside) != before:
            problems.append(f"{where}: something outside the library changed")
            shutil.rmtree(outside)
            before = mutations.make_outside(outside, sound)
        shutil.rmtree(folder.parent)
        if number % 100 == 99:
            print(f"{number + 1} of {count + resumes}, {len(problems)} wrong", file=sys.stderr)
    return {
        "mutations": count + resumes,
        "resumed": resumes,
        "ends": dict(ends),
        "slowest_s": round(slowest, 1),
        "memory_mb": (memory() - used) // 1_000_000,
        "problems": problems,
    }


def memory() -> int:
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def stopped_run(path: Path) -> Path:
    """A run that was stopped in its second epoch, on a few images of the sample."""
    data = cut(load_data(choose_data("sample"), lambda p: None, lambda: False), 70, 50)
    runner.load_data = lambda choice, progress, stop: data  # type: ignore[attr-defined]
    control = RunControl()

    def listen(event: object) -> None:
        if isinstance(event, StepsDone) and event.epoch == 2:
            control.stop()

    ended = runner.run_experiment(
        experiment_from({"epochs": 3, "optimizer": "adam", "validation_share": 0.3}),
        Library(path),
        listen,
        control,
        data=choose_data("sample"),
        device="cpu",
        preset="001",
    )
    assert ended.status == "stopped", ended.reason
    return Path(ended.run)


def resume(folder: Path) -> str:
    """Trains the run on; how that ended."""
    ended = runner.resume_run(folder, Library(folder.parent), lambda event: None, RunControl())
    if "does not know" in str(ended.reason):
        raise AssertionError(str(ended.reason))
    if ended.status == "finished":
        read_record(Path(ended.run))  # what was written can be read
        return "finished"
    try:
        read_record(folder)
    except WorkbenchError:
        return "refused, unreadable as before"
    return "refused"


if __name__ == "__main__":
    sys.exit(main())
