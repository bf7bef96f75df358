"""A library of many runs: how long it takes to open, to search, to sort, and to look at again.

    python tests/benchmarks/library_size.py [--json] [--runs 10000] [--rounds 5]
    python tests/benchmarks/library_size.py --changing [--json] [--runs 2000]

Makes a library of small run folders. Each opening is a window of its own in this process, until
the table shows every run; an empty library opens beside it. With ``--changing``, another process
trains some of the runs, as far as their files show: five times a second one of them has an epoch
more. Measured are the window's share of a core and the longest hold of its event loop, in the
orders and groups that a user may choose; its own work is what the hold takes of a core, which a
busy machine does not lengthen. Needs a display, or QT_QPA_PLATFORM=offscreen.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--changing", action="store_true")
    parser.add_argument("--seconds", type=float, default=8, help="of each way with --changing")
    parser.add_argument("--train", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        change_runs(Path(options.train))
        return
    options.runs = options.runs or (2_000 if options.changing else 10_000)
    with tempfile.TemporaryDirectory() as home:
        os.environ["CIFAR_WORKBENCH_HOME"] = home
        if options.changing:
            result = measure_changing(Path(home), options.runs, options.seconds)
        else:
            result = measure(Path(home), options.runs, options.rounds)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    if options.changing:
        print(f"{result['machine']}; {result['runs']:,} runs, {CHANGES} changes a second")
        for name, row in result["ways"].items():
            print(
                f"{name:<34}{row['core_percent']:>6.1f}% of a core, loop held "
                f"{row['held_ms']:>6.1f} ms at most (own work {row['turn_ms']:.1f}), table "
                f"{row['behind_s']:.1f} s behind at most"
            )
        return
    print(f"{result['machine']}; {result['runs']:,} runs, median of {options.rounds}")
    for name, seconds in result["open_s"].items():
        print(f"{name:<44}{seconds:>9.3f} s")
    for name, row in result["ms"].items():
        print(f"{name:<44}{row['median']:>9.1f} ms, most {row['most']:.1f} ms")


def make_library(path: Path, runs: int) -> None:
    """Finished runs a minute apart, of the presets in turn; every tenth has labels."""
    from datetime import UTC, datetime, timedelta

    from workbench.spec.presets import Preset, list_presets

    presets = [preset for preset in list_presets() if isinstance(preset, Preset)]
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    environment = {
        "cifar_workbench": "0.1.0",
        "python": platform.python_version(),
        "torch": "2.6.0",
        "system": platform.platform(),
        "device": "cpu",
        "device_name": "a processor",
        "cpu_threads": 2,
    }
    data = {
        "kind": "cifar10",
        "name": "CIFAR-10",
        "classes": [f"class {number}" for number in range(10)],
        "train_images": 50_000,
        "test_images": 10_000,
        "fingerprint": "0" * 64,
        "comparable": True,
        "path": None,
        "skipped": 0,
        "skipped_files": [],
    }
    for number in range(runs):
        preset = presets[number % len(presets)]
        moment = begun + timedelta(minutes=number)
        folder = path / f"{moment:%Y-%m-%d_%H%M%S}_{preset.id}"
        folder.mkdir(parents=True)
        experiment = {**preset.experiment.values(), "seed": number}
        record = {
            "id": folder.name,
            "created": moment.isoformat(timespec="seconds"),
            "preset": preset.id,
            "title": preset.title,
            "experiment": experiment,
            "data": data,
            "device": "cpu",
            "environment": environment,
            "epochs": preset.experiment.epochs,
            "steps_per_epoch": 3125,
            "status": "finished",
            "epochs_done": preset.experiment.epochs,
            "accuracy": 30 + number % 4500 / 100,
            "best_epoch": 1,
            "best_accuracy": 30 + number % 4500 / 100,
            "seconds": 100.0,
            "reason": None,
            "reason_parts": None,
            "weights": f"mlp_weight_{preset.id}.pkl",
            "best_weights": None,
            "name": "",
            "format": 1,
        }
        (folder / "run.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
        if number % 10 == 0:
            labels = {"format": 1, "name": f"run {number}", "tags": ["tenth"], "starred": True}
            (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")


def measure(home: Path, runs: int, rounds: int) -> dict[str, Any]:
    from PySide6.QtCore import QEventLoop, Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from workbench.library.catalog import Library
    from workbench.window.kit.settings import Settings
    from workbench.window.kit.theme import Theme
    from workbench.window.kit.translation import Translation
    from workbench.window.main_window import MainWindow

    application = QApplication([])
    theme, translation = Theme(application), Translation(application)
    full, empty = home / "full", home / "empty"
    make_library(full, runs)
    times: dict[str, list[float]] = {}
    windows: list[MainWindow] = []

    def wait(milliseconds: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def timed(name: str, act: Callable[[], object]) -> None:
        started = time.perf_counter()
        act()
        times.setdefault(name, []).append(time.perf_counter() - started)

    def open_window(path: Path, wanted: int) -> None:
        window = MainWindow(Library(path), Settings(), theme, translation)
        windows.append(window)
        window.resize(1440, 900)
        window.show()
        while window.saved.table.total < wanted:
            # One turn of the event loop: slices of reading, and painting between them.
            application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
        window.grab()

    def close() -> None:
        window = windows.pop()
        window.close()
        window.deleteLater()
        wait(50)

    def opened(name: str, path: Path, wanted: int) -> None:
        timed(name, lambda: open_window(path, wanted))

    for number in range(rounds + 1):
        if number == 1:
            times.clear()  # the first round warms up
        opened("open an empty library", empty, 0)
        close()
        for index in full.glob(".index*"):
            index.unlink()
        opened("open it without its index", full, runs)
        wait(300)
        close()
        opened("open it with its index", full, runs)
        close()
    open_window(full, runs)
    saved = windows[0].saved

    def sort(column: int) -> None:
        saved.view.sortByColumn(column, Qt.SortOrder.DescendingOrder)

    late: list[float] = []
    for _ in range(rounds):
        for text in ("a", "ad", "adam", "seed<5000", "learning_rate<0.001 tag:tenth", "zzz", ""):
            timed(f"search {text!r}", lambda text=text: saved.search.setText(text))
            wait(20)
        for column in (2, 4, 1):
            timed(f"sort by column {column}", lambda c=column: sort(c))
            wait(20)
        timed("look at the library again", saved.refresh)
        wait(20)
    # The longest that the window is held up while it opens.
    close()
    probe, last = QTimer(), [time.perf_counter()]
    probe.setInterval(0)

    def tick() -> None:
        now = time.perf_counter()
        late.append(now - last[0])
        last[0] = now

    probe.timeout.connect(tick)
    open_window(full, 0)
    last[0] = time.perf_counter()
    probe.start()
    while windows[0].saved.table.total < runs:
        wait(10)
    wait(1500)
    probe.stop()
    times["event loop held up while it opens"] = [max(late)]
    windows[0].session.wait(10_000)
    close()
    medians = {name: statistics.median(values) for name, values in times.items()}
    opening = {name: value for name, value in medians.items() if name.startswith("open ")}
    more = opening["open it with its index"] - opening["open an empty library"]
    return {
        "machine": f"{platform.platform()}, {os.cpu_count()} cores, "
        f"Qt platform {application.platformName()}",
        "runs": runs,
        "open_s": {**opening, "more than an empty one": more},
        "ms": {
            name: {"median": 1000 * medians[name], "most": 1000 * max(values)}
            for name, values in times.items()
            if not name.startswith("open ")
        },
    }


CHANGES = 5
"""Changes a second of a library that changes."""
TRAINING = 20
"""Runs that change, in turn."""


def change_runs(library: Path) -> None:
    """Holds the locks of the newest runs and gives each of them an epoch more in turn, until this
    process is ended."""
    from filelock import FileLock

    folders = sorted(library.glob("2026*"))[-TRAINING:]
    locks = [FileLock(folder / "run.lock") for folder in folders]
    for lock in locks:
        lock.acquire()
    epochs = 0
    while True:
        epochs += 1
        for place, folder in enumerate(folders):
            record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            accuracy = 10 + (epochs * 7 + place * 4) % 80 + 0.25
            record |= {
                "status": "running",
                "weights": None,
                "epochs": 100_000,
                "epochs_done": epochs,
                "accuracy": accuracy,
                "best_accuracy": max(accuracy, record["best_accuracy"]),
            }
            beside = folder / "run.json.part"
            beside.write_text(json.dumps(record, indent=1), encoding="utf-8")
            beside.replace(folder / "run.json")
            time.sleep(1 / CHANGES)


def measure_changing(home: Path, runs: int, seconds: float) -> dict[str, Any]:
    from PySide6.QtCore import QEventLoop, Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from workbench.library.catalog import Library
    from workbench.window.kit.settings import Settings
    from workbench.window.kit.theme import Theme
    from workbench.window.kit.translation import Translation
    from workbench.window.main_window import MainWindow
    from workbench.window.saved.run_cells import ACCURACY, DATE, RUN

    application = QApplication([])
    path = home / "full"
    make_library(path, runs)
    window = MainWindow(Library(path), Settings(), Theme(application), Translation(application))
    window.resize(1440, 900)
    window.show()

    def wait(seconds: float) -> None:
        loop = QEventLoop()
        QTimer.singleShot(int(1000 * seconds), loop.quit)
        loop.exec()

    while window.saved.table.total < runs:
        wait(0.05)
    window.session.wait(10_000)
    wait(2)

    def watched() -> dict[str, float]:
        began, used = time.perf_counter(), time.process_time()
        wait(seconds)
        share = (time.process_time() - used) / (time.perf_counter() - began)
        gaps: list[float] = []
        turns: list[float] = []
        last, last_used = time.perf_counter(), time.thread_time()

        def tick() -> None:
            nonlocal last, last_used
            now, now_used = time.perf_counter(), time.thread_time()
            gaps.append(now - last)
            turns.append(now_used - last_used)
            last, last_used = now, now_used

        probe = QTimer()
        probe.setTimerType(Qt.TimerType.PreciseTimer)
        probe.setInterval(1)
        probe.timeout.connect(tick)
        probe.start()
        behind = 0.0
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            wait(0.5)
            behind = max(behind, _behind(window.saved.table, path))
        probe.stop()
        return {
            "core_percent": 100 * share,
            "held_ms": 1000 * max(gaps),
            "turn_ms": 1000 * max(turns),
            "behind_s": behind,
        }

    ways = {"nothing changes": watched()}
    command = [sys.executable, __file__, "--train", str(path)]
    trains = subprocess.Popen(command)
    try:
        wait(TRAINING / CHANGES + 3)
        view, columns = window.saved.view, window.saved.columns
        for name, column in (("date", DATE), ("name", RUN), ("accuracy", ACCURACY)):
            view.sortByColumn(column, Qt.SortOrder.DescendingOrder)
            wait(1)
            ways[f"by {name}"] = watched()
        window.saved.search.setText("accuracy>30 adam")
        wait(1)
        ways["by accuracy, searched"] = watched()
        window.saved.search.clear()
        columns._group("preset")
        wait(1)
        ways["by accuracy, in groups"] = watched()
    finally:
        trains.kill()
        trains.wait()
    window.close()
    window.session.wait(10_000)
    return {
        "machine": f"{platform.platform()}, {os.cpu_count()} cores, "
        f"Qt platform {application.platformName()}",
        "runs": runs,
        "ways": ways,
    }


def _behind(table: Any, path: Path) -> float:
    """Return for how many seconds the table has not shown a change that is on the disk, of the
    runs that change."""
    behind = 0.0
    for folder in sorted(path.glob("2026*"))[-TRAINING:]:
        file = folder / "run.json"
        changed = file.stat().st_mtime
        epochs = json.loads(file.read_text(encoding="utf-8"))["epochs_done"]
        index = table.index_of(folder)
        if index.isValid() and table.record(index).epochs_done != epochs:
            behind = max(behind, time.time() - changed)
    return behind


if __name__ == "__main__":
    main()
