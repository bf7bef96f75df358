"""How long the window's event loop is held up: idle, while a run trains, with a million steps.

    python tests/benchmarks/window_latency.py [--json] [--seconds 15] [--dataset sample|PATH]
    python tests/benchmarks/window_latency.py --training-only [--neighbours N] [--nice N]

A timer that should fire every 5 ms notes by how much it is late. Then, in milliseconds: opening a
saved run, switching tabs and presets, and the gallery of the run's test images (10,000 with
CIFAR-10 as --dataset), scrolled from top to bottom, by keyboard, and with eight other runs
selected. ``--training-only`` leaves that out, and says how many steps a second the run makes
beside so many busy programs, with the worker at that nice. Needs a display, or
QT_QPA_PLATFORM=offscreen.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from busy_machine import neighbours
from machine import machine, sentence

PROBE_MS = 5


def quantile(values: list[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--dataset", default="sample", help="as in `cifar-workbench train`")
    parser.add_argument("--training-only", action="store_true")
    parser.add_argument("--neighbours", type=int, default=0, help="programs that are busy beside")
    parser.add_argument("--nice", type=int, help="of the worker; default: as the window has it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which ends the neighbours too
    with tempfile.TemporaryDirectory() as home, neighbours(options.neighbours):
        os.environ["CIFAR_WORKBENCH_HOME"] = home
        if options.nice is not None:
            from workbench.window.work import session

            session.NICE = options.nice
        result = measure(options.seconds, options.dataset, options.training_only)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(sentence(result["machine"]))
    print(f"{'event loop held up, ms':<54}{'median':>8}{'99%':>8}{'most':>8}")
    for name, row in result["delays"].items():
        print(f"{name:<54}{row['median']:>8.1f}{row['p99']:>8.1f}{row['max']:>8.1f}")
    if "steps_per_second" in result:
        print(f"{result['steps_per_second']:.1f} steps a second")
    print(f"{'what a person does, ms':<54}{'median':>8}{'':>8}{'most':>8}")
    for name, row in result["actions"].items():
        print(f"{name:<54}{row['median']:>8.1f}{'':>8}{row['max']:>8.1f}")


def measure(seconds: float, dataset: str, training_only: bool = False) -> dict[str, Any]:
    from PySide6.QtCore import QEventLoop, Qt, QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QWidget

    from workbench.data.data_choice import choose_data
    from workbench.engine.events import RunEnded, StepsDone
    from workbench.library.catalog import Library
    from workbench.spec.experiment import with_changes
    from workbench.spec.presets import find_preset
    from workbench.window.kit.settings import Settings
    from workbench.window.kit.theme import Theme
    from workbench.window.kit.translation import Translation
    from workbench.window.main_window import MainWindow

    application = QApplication(sys.argv[:1])
    window = MainWindow(Library(), Settings(), Theme(application), Translation(application))
    window.resize(1440, 900)
    window.show()

    late: list[float] = []
    expected = [0.0]
    probe = QTimer()
    probe.setTimerType(Qt.TimerType.PreciseTimer)
    probe.setInterval(PROBE_MS)

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(0.0, (now - expected[0]) * 1000))
        expected[0] = now + PROBE_MS / 1000

    probe.timeout.connect(tick)

    def wait(milliseconds: float) -> None:
        loop = QEventLoop()
        QTimer.singleShot(int(milliseconds), loop.quit)
        loop.exec()

    def watch(during: float) -> dict[str, float]:
        wait(300)
        late.clear()
        expected[0] = time.perf_counter() + PROBE_MS / 1000
        probe.start()
        wait(during * 1000)
        probe.stop()
        return {"median": quantile(late, 0.5), "p99": quantile(late, 0.99), "max": max(late)}

    def until(kind: type) -> None:
        loop = QEventLoop()

        def heard(_: str, event: object) -> None:
            if isinstance(event, kind):
                loop.quit()

        window.session.run_event.connect(heard)
        loop.exec()
        window.session.run_event.disconnect(heard)

    delays: dict[str, dict[str, float]] = {}
    speeds: dict[str, float] = {}
    QTimer.singleShot(310, window.session.find_devices)
    found: list[Any] = []
    window.session.devices_found.connect(found.append)
    delays["importing torch, at the start"] = watch(5.0)
    while not found:
        wait(100)
    delays["idle"] = watch(seconds / 3)

    window.presets.select("001")
    experiment = with_changes(find_preset("001").experiment, {"epochs": 100_000})
    key = window.live_runs.begin("001", sample=True)
    window.run_view.begin(key)
    window.session.train(experiment, choose_data(dataset), "auto", "001", "", key=key)
    until(StepsDone)
    steps: list[int] = []

    def count(_: str, event: object) -> None:
        if isinstance(event, StepsDone):
            steps.append(len(event.losses))

    window.session.run_event.connect(count)
    for name in ("live",) if training_only else ("live", "confusion", "log", "details"):
        began, before = time.perf_counter(), sum(steps)
        window.run_view.tabs.setCurrentWidget(getattr(window.run_view, name))
        delays[f"training, {name} tab"] = watch(seconds if name == "live" else seconds / 3)
        speeds[name] = (sum(steps) - before) / (time.perf_counter() - began)
    window.session.stop()
    until(RunEnded)
    wait(200)
    if training_only:
        threads = Library().runs()[0].environment["cpu_threads"]
        window.close()
        window.session.wait(10_000)
        return {
            "machine": machine(qt_platform=application.platformName(), threads_of_run=threads),
            "delays": delays,
            "actions": {},
            "steps_per_second": speeds["live"],
        }

    million = make_run(Library().runs()[0].folder, epochs=320)
    show = window.run_view.tabs.setCurrentWidget
    actions: dict[str, Callable[[], None]] = {
        "open a saved run of 1,000,000 steps": lambda: window._open_run(million),
        "switch to the confusion tab": lambda: show(window.run_view.confusion),
        "switch to the details tab": lambda: show(window.run_view.details),
        "switch to the live tab": lambda: show(window.run_view.live),
        "choose preset 009": lambda: window.presets.select("009"),
        "choose preset 002": lambda: window.presets.select("002"),
    }
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(5):
        for name, act in actions.items():
            started = time.perf_counter()
            act()
            application.sendPostedEvents()
            window.grab()  # with everything painted
            times[name].append((time.perf_counter() - started) * 1000)
            wait(50)
    window.run_view.tabs.setCurrentIndex(0)
    feeder = QTimer()
    feeder.setInterval(33)
    losses = np.random.default_rng(0).gamma(2.0, 0.5, 70).astype("f4")
    feeder.timeout.connect(lambda: window.run_view.live.add_losses(losses))
    feeder.start()
    delays["million steps, 2,100 more a second"] = watch(seconds / 2)
    feeder.stop()

    # --- what opens, with the event loop going on between what is read and what is painted ---
    def opens(act: Callable[[], Any]) -> dict[str, float]:
        longest, opened = [], []
        for _ in range(6):
            QTimer.singleShot(400, lambda: opened.append(act()))
            longest.append(watch(1.0)["max"])
            if isinstance(opened[-1], QWidget):
                opened[-1].close()
        return {"median": statistics.median(longest), "p99": max(longest), "max": max(longest)}

    runs = [million, Library().runs()[-1]]
    delays["open a run of a million steps, longest of each"] = opens(
        lambda: window._open_run(million)
    )
    delays["compare two runs, longest of each"] = opens(lambda: window.result_windows.compare(runs))

    # --- the gallery ---
    record = make_tested(Library().runs()[-1].folder)
    others = [make_tested(record.folder, seed) for seed in range(1, 9)]
    images, gallery = window.run_view.images, window.run_view.images.gallery
    scroll = gallery.verticalScrollBar()
    selected: list[Any] = []
    images.other_runs = lambda: selected

    def open_run() -> None:
        window.run_view.tabs.setCurrentIndex(0)
        window._open_run(million)
        window._open_run(record)

    def first_show() -> None:
        window.run_view.tabs.setCurrentWidget(images)

    def until_shown(milliseconds: int = 120_000) -> float:
        started = time.perf_counter()
        while not gallery.images.rowCount() and time.perf_counter() - started < milliseconds / 1000:
            wait(5)
        return (time.perf_counter() - started) * 1000

    def hold(act: Callable[[], None]) -> float:
        QTimer.singleShot(310, act)
        return watch(0.8)["max"]

    def timed(act: Callable[[], object]) -> float:
        started = time.perf_counter()
        act()
        application.processEvents()  # with everything painted
        return (time.perf_counter() - started) * 1000

    open_run()
    wait(200)
    asked_and_there: list[float] = []

    def first_read() -> None:
        asked_and_there.append(time.perf_counter())
        first_show()

    window.images.loaded.connect(lambda _: asked_and_there.append(time.perf_counter()))
    first = hold(first_read)
    until_shown()
    delays["images read for the first time"] = {"median": first, "p99": first, "max": first}
    times["images read for the first time"] = [(asked_and_there[1] - asked_and_there[0]) * 1000]
    wait(500)
    holds: dict[str, list[float]] = {}
    window.run_view.tabs.setCurrentIndex(0)
    opening = holds["open a saved run of 1,000,000 steps"] = []
    for _ in range(5):
        window._open_run(record)
        wait(200)
        opening.append(hold(lambda: window._open_run(million)))
    for name, runs in (("", []), (", eight other runs", others)):
        shows = holds[f"first show of the gallery{name}"] = []
        for _ in range(5):
            open_run()
            images._others.clear()  # read again
            selected[:] = runs
            wait(200)
            shows.append(hold(first_show))
            until_shown()
        wait(500)
        times[f"scroll the gallery a step{name}"] = [
            timed(lambda place=place: scroll.setValue(place))
            for place in np.linspace(0, scroll.maximum(), 300).round().astype(int).tolist()
        ]
        gallery.setFocus()
        gallery.setCurrentIndex(gallery.images.index(0))
        keys = (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_PageDown, Qt.Key.Key_Up)
        times[f"move in it by keyboard{name}"] = [
            timed(lambda key=key: QTest.keyClick(gallery, key)) for key in keys * 25
        ]
        times[f"jump to an image and see it large{name}"] = [
            timed(lambda row=row: gallery.setCurrentIndex(gallery.images.index(row)))
            for row in np.random.default_rng(0).integers(0, gallery.images.rowCount(), 50).tolist()
        ]
        times[f"choose only the mistakes{name}"] = [
            timed(lambda which=which: images.which_box.setCurrentIndex(which))
            for which in (2, 0) * 5
        ]
    for name, values in holds.items():
        delays[name] = {
            "median": statistics.median(values),
            "p99": quantile(values, 0.99),
            "max": max(values),
        }

    window.close()
    window.session.wait(10_000)
    return {
        "machine": machine(qt_platform=application.platformName()),
        "delays": delays,
        "actions": {
            name: {"median": statistics.median(values), "max": max(values)}
            for name, values in times.items()
        },
        "images": gallery.images.rowCount(),
    }


def make_tested(like: Path, seed: int = 0) -> Any:
    """The run ``like`` with a final test (``seed`` 0), or a copy of it with another one: random
    logits for the real images, which costs the window as much as any."""
    import shutil
    from dataclasses import replace

    from workbench.library.run_folder import read_record, write_record

    folder = like.with_name(f"tested_{seed}") if seed else like
    if seed:
        shutil.copytree(like, folder)
    record = read_record(folder)
    random = np.random.default_rng(seed)
    count, classes = record.data["test_images"], len(record.data["classes"])
    logits = random.normal(size=(count, classes)).astype("f4")
    labels = np.random.default_rng(0).permutation(np.arange(count) % classes)
    np.savez_compressed(folder / "test_logits.npz", logits=logits, labels=labels)
    record = replace(record, experiment={**record.experiment, "seed": seed})
    write_record(record)
    return read_record(folder)


def make_run(like: Path, epochs: int) -> Any:
    """A finished run of ``epochs`` times 3,125 steps, beside the run ``like``."""
    import shutil
    from dataclasses import replace

    from workbench.library.run_folder import read_record, write_record

    folder = like.with_name("million")
    shutil.copytree(like, folder)
    generator = np.random.default_rng(0)
    generator.gamma(2.0, 0.5, epochs * 3125).astype("<f4").tofile(folder / "losses.f32")
    columns = "epoch loss last_loss accuracy correct total test_loss test_mode learning_rate"
    with (folder / "epochs.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*columns.split(), "seconds", "test_seconds"])
        for epoch in range(1, epochs + 1):
            accuracy = 40 + 30 * epoch / epochs
            table.writerow([epoch, 1, 1, accuracy, 200, 500, 1, "eval", 0.001, 30, 2])
    record = read_record(folder)
    record = replace(record, epochs=epochs, epochs_done=epochs, steps_per_epoch=3125)
    write_record(replace(record, experiment={**record.experiment, "epochs": epochs}))
    return read_record(folder)


if __name__ == "__main__":
    main()
