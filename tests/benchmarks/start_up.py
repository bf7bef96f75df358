"""Seconds from the command to the window's first paint, beside an empty Qt window with one plot.

    python tests/benchmarks/start_up.py [--json] [--rounds 7]

Each start is a process of its own, timed from outside; the two take turns. Needs a display, or
QT_QPA_PLATFORM=offscreen. A warm machine is meant: the first round does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from machine import machine, sentence

OURS = """
import sys, time
from PySide6.QtCore import QEvent, QObject
from workbench import cli
from workbench.window import app

class Watch(QObject):
    painted = 0.0
    def eventFilter(self, watched, event):
        if not self.painted and event.type() == QEvent.Type.Paint:
            self.painted = time.time()
        return False

class Window(app.MainWindow):
    def show(self):
        self.watch = Watch()
        self.run_view.header.installEventFilter(self.watch)
        self.session.devices_found.connect(self.report)
        super().show()
    def report(self, devices):
        print(self.watch.painted, time.time(), flush=True)
        self.close()

app.MainWindow = Window
sys.exit(cli.main([]))
"""

EMPTY = """
import time
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMainWindow
import pyqtgraph

class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            print(time.time(), 0.0, flush=True)
            QApplication.quit()
        return False

application = QApplication([])
window, watch = QMainWindow(), Watch()
plot = pyqtgraph.PlotWidget()
window.setCentralWidget(plot)
plot.viewport().installEventFilter(watch)
window.show()
application.exec()
"""


def start(program: str) -> tuple[float, float]:
    """Seconds to the first paint, and to torch being there (0 for the empty window)."""
    with tempfile.TemporaryDirectory() as home:
        started = time.time()
        output = subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "CIFAR_WORKBENCH_HOME": home},
        ).stdout
    painted, ready = map(float, output.split())
    return painted - started, ready - started if ready else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    contenders = {"empty window": EMPTY, "CIFAR Workbench": OURS}
    paint: dict[str, list[float]] = {name: [] for name in contenders}
    ready: list[float] = []
    for number in range(options.rounds + 1):
        for name, program in contenders.items():
            painted, torch_there = start(program)
            if number:
                paint[name].append(painted)
                if torch_there:
                    ready.append(torch_there)
    ratios = [b / a for a, b in zip(*paint.values(), strict=True)]
    result = {
        "machine": machine(),
        "first_paint": {name: statistics.median(values) for name, values in paint.items()},
        "slowest_first_paint": {name: max(values) for name, values in paint.items()},
        "ratio": statistics.median(ratios),
        "torch_ready": statistics.median(ready),
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(sentence(result["machine"]))
    for name, values in paint.items():
        print(
            f"{name:<18} first paint after {statistics.median(values):.2f} s "
            f"({min(values):.2f} to {max(values):.2f})"
        )
    print(f"ratio {result['ratio']:.2f}; torch is there after {result['torch_ready']:.2f} s")


if __name__ == "__main__":
    main()
