"""How fast a training is while other programs want the processor too.

    python tests/benchmarks/busy_machine.py [--json] [--rounds 1] [--seconds 2]
        [--presets 001 009] [--neighbours 0 1 2] [--contenders NAME ...]

Each neighbour is a plain loop in Python, started and ended by this script. Each contender trains in
a process of its own, as whoever wrote it would start it: the others have their runtime's own way
of waiting and a thread for each core; ours chooses both by itself. A run of 24 steps that
does not count is followed by one of about ``--seconds``. Ratios are to one thread of the bare
loop in the same round: alone, and beside as many neighbours at the same nice. The window needs a
display, or QT_QPA_PLATFORM=offscreen. Measure on an otherwise idle machine: a last column says how
many cores' worth of time went elsewhere meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

ONE, ONE_NICE = "bare loop, 1 thread", "bare loop, 1 thread, nice"
CONTENDERS = (
    ONE,
    ONE_NICE,
    "bare loop",
    "notebook loop",
    "Lightning",
    "CIFAR Workbench",
    "CIFAR Workbench, window open",
)
PRESETS = ("001", "009")
FIRST = 24
"""Steps of the run that does not count."""

LOOP = "while True: pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS))
    parser.add_argument("--neighbours", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # a contender's own process
    options = parser.parse_args()
    # Ended from outside, it ends its neighbours too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if options.one:
        name, preset, seconds = options.one
        print(json.dumps(train(name, preset, float(seconds))))
        return
    result = measure(
        options.contenders, options.presets, options.neighbours, options.rounds, options.seconds
    )
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_table(result)


@contextmanager
def neighbours(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many programs that keep a core busy each, until the end of the block."""
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(count)]
    try:
        yield loops
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def measure(
    contenders: list[str], presets: list[str], counts: list[int], rounds: int, seconds: float
) -> dict[str, Any]:
    # Before anything of ours is imported, which sets how long threads wait.
    environment = dict(os.environ)
    from machine import machine

    found: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for number in range(rounds):
        for preset in presets:
            for count in sorted({0, *counts}):
                names = [ONE] if count not in counts else [*dict.fromkeys([ONE, *contenders])]
                for name in names:
                    answer = beside(count, name, preset, seconds, environment)
                    found.setdefault((preset, count, name), []).append(answer)
                    print(f"round {number + 1}/{rounds}", preset, count, answer, file=sys.stderr)
    return {
        "machine": machine(
            threads_of_others=os.cpu_count(), seconds=seconds, rounds=rounds, nice=_nice()
        ),
        "rows": [_row(key, found) for key in found],
    }


def beside(
    count: int, name: str, preset: str, seconds: float, environment: dict[str, str]
) -> dict[str, Any]:
    """One contender's answer, beside ``count`` neighbours; ``others`` are the cores' worth of time
    that neither they nor it took."""
    command = [sys.executable, __file__, "--one", name, preset, str(seconds)]
    with tempfile.TemporaryDirectory() as home, neighbours(count) as loops:
        before, started = psutil.cpu_times(), time.monotonic()
        child = subprocess.run(
            command,
            env={**environment, "CIFAR_WORKBENCH_HOME": home},
            capture_output=True,
            text=True,
        )
        passed, after = time.monotonic() - started, psutil.cpu_times()
        ours = sum(sum(psutil.Process(loop.pid).cpu_times()[:2]) for loop in loops)
    if child.returncode:
        raise SystemExit(f"{name} of {preset} failed:\n{child.stderr}")
    answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    idle = after.idle - before.idle + getattr(after, "iowait", 0) - getattr(before, "iowait", 0)
    busy = passed * (psutil.cpu_count() or 1) - idle
    return {**answer, "others": round(max(0.0, busy - ours - answer["cpu_seconds"]) / passed, 2)}


def train(name: str, preset: str, seconds: float) -> dict[str, Any]:
    """Trains here, in a process of its own; steps a second."""
    if "Workbench" in name:
        import workbench  # noqa: F401  (before torch, as the program's own commands do)
    import torch

    if name.startswith(ONE):
        torch.set_num_threads(1)
    if name == ONE_NICE:
        os.nice(_nice())
    from contenders import BATCH, LeftOut, bare_loop, lightning, notebook_loop, ours, random_data

    from workbench.engine.memory import keep_freed_memory
    from workbench.library.catalog import Library
    from workbench.spec.experiment import with_changes
    from workbench.spec.presets import find_preset

    experiment = with_changes(find_preset(preset).experiment, {"epochs": 1, "test_mode": "eval"})
    window: Any = None

    def once(steps: int) -> float:
        data = random_data(steps * BATCH, torch.device("cpu"))
        if name == "notebook loop":
            return notebook_loop(experiment, data).steps_per_second
        if name == "Lightning":
            return lightning(experiment, data).steps_per_second
        if name == "CIFAR Workbench":
            return ours(experiment, data).steps_per_second
        if window is not None:
            return window.train(experiment, data).steps_per_second
        return bare_loop(experiment, data, torch.channels_last).steps_per_second

    threads = torch.get_num_threads()
    try:
        if name.endswith("window open"):
            from open_window import OpenWindow

            window = OpenWindow()
        elif name != "CIFAR Workbench":
            keep_freed_memory()  # in favor of the others: their steps are no slower for page faults
        speed = once(FIRST)
        speed = once(max(FIRST, round(speed * seconds)))
    except LeftOut as reason:
        return {"name": name, "left_out": str(reason), "cpu_seconds": 0.0}
    if "Workbench" in name:
        threads = Library().runs()[0].environment["cpu_threads"]
    if window is not None:
        window.close()
    times = psutil.Process().cpu_times()
    return {
        "name": name,
        "steps_per_second": speed,
        "threads": threads,
        "cpu_seconds": times.user + times.system,
    }


def _nice() -> int:
    from workbench.window.work.session import NICE

    return NICE


def _row(
    key: tuple[str, int, str], found: dict[tuple[str, int, str], list[dict[str, Any]]]
) -> dict[str, Any]:
    """What the table has of a contender of ``key`` (preset, neighbours, name)."""
    preset, count, name = key
    answers = found[key]
    head = {"preset": preset, "neighbours": count, "contender": name}
    if any("left_out" in answer for answer in answers):
        return {**head, "left_out": answers[0]["left_out"]}
    limit = ONE_NICE if name.endswith("window open") else ONE
    here = found.get((preset, count, limit), found[preset, count, ONE])
    return {
        **head,
        **row(_speeds(answers), _speeds(found[preset, 0, ONE]), _speeds(here)),
        "threads": [answer["threads"] for answer in answers],
        "others": max(answer["others"] for answer in answers),
    }


def _speeds(answers: list[dict[str, Any]]) -> list[float]:
    return [answer["steps_per_second"] for answer in answers]


def row(speeds: list[float], alone: list[float], here: list[float]) -> dict[str, Any]:
    """Medians over the rounds; the ratios are of each round. ``alone``: one thread without a
    neighbour, ``here``: beside as many neighbours, at the same nice."""
    return {
        "steps_per_second": statistics.median(speeds),
        "slowest": min(speeds),
        "fastest": max(speeds),
        "of_one_thread_alone": _ratio(speeds, alone),
        "of_one_thread_beside": _ratio(speeds, here),
    }


def _ratio(speeds: list[float], limits: list[float]) -> float:
    return statistics.median(mine / limit for mine, limit in zip(speeds, limits, strict=True))


def print_table(result: dict[str, Any]) -> None:
    from machine import sentence

    print(sentence(result["machine"]))
    print(
        f"\n{'preset':<8}{'busy':>5}  {'contender':<30}{'steps/s':>9}{'spread':>16}{'threads':>9}"
        f"{'of 1 alone':>12}{'of 1 beside':>13}{'others':>8}"
    )
    for line in result["rows"]:
        head = f"{line['preset']:<8}{line['neighbours']:>5}  {line['contender']:<30}"
        if "left_out" in line:
            print(f"{head} left out. {line['left_out']}")
            continue
        spread = f"{line['slowest']:.1f} to {line['fastest']:.1f}"
        threads = "/".join(map(str, sorted(set(line["threads"]))))
        print(
            f"{head}{line['steps_per_second']:>9.1f}{spread:>16}{threads:>9}"
            f"{line['of_one_thread_alone']:>12.2f}{line['of_one_thread_beside']:>13.2f}"
            f"{line['others']:>8.2f}"
        )


if __name__ == "__main__":
    main()
