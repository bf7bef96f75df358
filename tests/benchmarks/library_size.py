"""A library of many runs: how long it takes to open, to search, to sort, and to look at again.

    python tests/benchmarks/library_size.py [--json] [--runs 10000] [--rounds 5]

Makes a library of small run folders. Each opening is a window of its own in this process, until
the table shows every run; an empty library opens beside it. Needs a display, or
QT_QPA_PLATFORM=offscreen.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["CIFAR_WORKBENCH_HOME"] = home
        result = measure(Path(home), options.runs, options.rounds)
    if options.json:
        print(json.dumps(result, indent=2))
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


if __name__ == "__main__":
    main()
