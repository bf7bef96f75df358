"""Kills workers, and the process that runs a queue, at random moments, and looks for anything lost.

    python tests/soak/kill_queue.py [--kills 50] [--seed 0] [--json]

A queue of twelve short runs is trained by two workers of one process, now and then of two
processes at once. At random moments a worker, the process, or both die by SIGKILL, and the queue is
run again. In the end each entry must have exactly one run, and each run must be, bit for bit, that
of a queue that nobody disturbed. In every third queue the disk is full for one entry. Needs Linux
or macOS.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

import psutil

from workbench.data.data_choice import choose_data
from workbench.library.catalog import Library
from workbench.library.check import check_library
from workbench.library.queue import Queue
from workbench.library.queue_entry import new_entry
from workbench.spec.experiment import experiment_from

EXPERIMENTS: tuple[dict[str, Any], ...] = (
    {"momentum": 0.9},
    {"optimizer": "adam", "dropout": 0.2, "batch_norm": True, "test_mode": "train"},
    {"scheduler": "step", "step_size": 1, "gamma": 0.5, "validation_share": 0.2},
)
RUNS = 12
IMAGES, TEST_IMAGES, EPOCHS = 1_000, 200, 6
MOST_SECONDS = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--full", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.work, options.full)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CIFAR_WORKBENCH_HOME"] = str(Path(folder) / "home")
        result = soak(Path(folder), options.kills, random.Random(options.seed))
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(", ".join(f"{value} {name}" for name, value in result.items() if name != "problems"))
        for problem in result["problems"]:
            print(f"LOST  {problem}")
        print(f"losses found: {len(result['problems'])}")
    return 1 if result["problems"] else 0


# --- the process that is killed ----------------------------------------------------------


def work(folder: Path, full: str | None) -> int:
    """Run the queue of the library ``folder``; entry ``full`` finds a full disk once."""
    from tests.conftest import cut
    from workbench.data.datasets import load_data
    from workbench.engine import training
    from workbench.running import queue_runner, runner

    data = cut(load_data(choose_data("sample"), lambda p: None, lambda: False), IMAGES, TEST_IMAGES)
    runner.load_data = lambda choice, progress, stop: data  # type: ignore[attr-defined]
    training.CHECKPOINT_INTERVAL = training.REPORT_INTERVAL = 0.05
    queue_runner.MOST_LOST = 1_000
    if full:
        save = runner.save_checkpoint

        def save_or_not(place: Path, stored: Any) -> None:
            marker = folder.parent / f"{folder.name} was full"
            entry = json.loads((place / "run.json").read_text())["entry"]
            if entry == full and stored.checkpoint.epoch > 2 and not marker.exists():
                marker.touch()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))
            save(place, stored)

        runner.save_checkpoint = save_or_not  # type: ignore[attr-defined]
    queue_runner.QueueRunner(Library(folder), workers=2).run()
    return 0


# --- the one that kills ------------------------------------------------------------------


def soak(folder: Path, wanted: int, draw: random.Random) -> dict[str, Any]:
    from tests.running.test_resume import everything

    counts = {"kills": 0, "of_workers": 0, "of_processes": 0, "of_both": 0, "queues": 0, "two": 0}
    problems: list[str] = []
    quiet = filled(folder / "quiet")
    finish(quiet, None)
    whole = {entry.id: everything(run_of(quiet, entry.run)) for entry in Queue(quiet).entries()}
    while counts["kills"] < wanted:
        counts["queues"] += 1
        library = filled(folder / f"library {counts['queues']} 실험 🙂")
        full = str(draw.randint(1, RUNS)) if counts["queues"] % 3 == 0 else None
        disturbed(library, full, wanted, draw, counts, problems)
        finish(library, full)
        if full and (folder / f"{library.name} was full").exists():
            failed = [e for e in Queue(library).entries() if e.state == "failed"]
            if [e.id for e in failed] != [full] or "disk is full" not in str(failed[0].why):
                problems.append(
                    f"{library.name}: after a full disk {[e.id for e in failed]} failed"
                )
            Queue(library).again([e.id for e in failed])
            finish(library, None)
        entries, unread = Queue(library).read()
        problems += [f"{library.name}: {error}" for error in unread]
        problems += [f"{library.name}: {f.message}" for f in check_library(library) if f.fault]
        records = {record.id: record for record in Library(library).runs()}
        if len(records) != RUNS or {e.run for e in entries} != set(records):
            problems.append(f"{library.name}: {len(records)} runs for {len(entries)} entries")
            continue
        for entry in entries:
            if entry.state != "finished":
                problems.append(f"{library.name}, entry {entry.id}: {entry.state} {entry.why}")
            elif everything(run_of(library, entry.run)) != whole[entry.id]:
                problems.append(f"{library.name}, entry {entry.id}: differs from the quiet one")
        print(f"{counts['kills']} of {wanted} kills, {len(problems)} losses", file=sys.stderr)
    return {**counts, "problems": problems}


def filled(library: Path) -> Path:
    """A library with a queue of twelve entries."""
    Queue(library).add(
        new_entry(
            experiment_from({"epochs": EPOCHS, "seed": number, **EXPERIMENTS[number % 3]}),
            choose_data("sample"),
            preset="001",
            device="cpu",
            threads=1,
        )
        for number in range(RUNS)
    )
    return library


def run_of(library: Path, run: str | None) -> Path:
    assert run is not None
    return library / run


def start(library: Path, full: str | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(Path(__file__)), "--work", str(library)]
    return subprocess.Popen([*command, "--full", full] if full else command)


def finish(library: Path, full: str | None) -> None:
    process = start(library, full)
    assert process.wait(timeout=MOST_SECONDS) == 0


def disturbed(
    library: Path,
    full: str | None,
    wanted: int,
    draw: random.Random,
    counts: dict[str, int],
    problems: list[str],
) -> None:
    """Run the queue and kill, until nothing is left to do or there were enough kills."""
    two = draw.random() < 0.4
    counts["two"] += two
    processes = [start(library, full) for _ in range(1 + two)]
    while counts["kills"] < wanted and any(e.state != "finished" for e in Queue(library).entries()):
        time.sleep(draw.uniform(0.3, 8.0))
        victim = draw.randrange(len(processes))
        if processes[victim].poll() is not None:
            if not any(e.state in ("waiting", "interrupted") for e in Queue(library).entries()):
                break
            processes[victim] = start(library, full)
            continue
        what = draw.choice(["worker", "worker", "process", "both"])
        until = time.monotonic() + 20
        while not (workers := workers_of(processes[victim])) and time.monotonic() < until:
            time.sleep(0.1)
        if not workers:
            continue
        chosen = [draw.choice(workers).pid] if what != "process" else []
        if what != "worker":
            chosen.append(processes[victim].pid)
        for each in draw.sample(chosen, len(chosen)):
            os.kill(each, signal.SIGKILL)
        counts["kills"] += 1
        counts[{"worker": "of_workers", "process": "of_processes", "both": "of_both"}[what]] += 1
        if what != "worker":
            processes[victim].wait()
            _, left = psutil.wait_procs(workers, timeout=10)
            problems += [f"{library.name}: worker {each.pid} was left behind" for each in left]
            processes[victim] = start(library, full)
        _, unread = Library(library).read()
        problems += [f"{library.name}: {error}" for error in unread]
    for process in processes:
        for each in (process, *workers_of(process)):
            each.kill()
        process.wait()


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        children = psutil.Process(process.pid).children()
        return [each for each in children if "spawn_main" in " ".join(each.cmdline())]
    except psutil.Error:
        return []


if __name__ == "__main__":
    sys.exit(main())
