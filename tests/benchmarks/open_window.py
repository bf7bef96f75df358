"""The contender with a window: a run that a person watches.

For training_speed.py it is a process of its own, which waits for its turn. After a training in the
main thread a second thread of the same process trains a quarter slower, with 110 context switches
a step where there was not one: OpenMP counts the threads of both, finds more than there are cores,
and puts them to sleep at every barrier. In the program's own process only the worker trains.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any
from unittest.mock import patch

import torch
from contenders import LeftOut, Listener, Run, random_data

from workbench.data.data_choice import choose_data
from workbench.data.datasets import DataSet
from workbench.engine.events import EpochDone, RunEnded, StepsDone
from workbench.library.catalog import Library
from workbench.spec.experiment import Experiment, experiment_from


class OpenWindow:
    """The program's window; raises :class:`LeftOut` where there can be none."""

    def __init__(self) -> None:
        try:
            from PySide6.QtWidgets import QApplication
        except ImportError:
            raise LeftOut("PySide6 is not installed, so there is no window.") from None
        seen = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
        if sys.platform == "linux" and not any(os.environ.get(name) for name in seen):
            raise LeftOut("There is no display; QT_QPA_PLATFORM=offscreen does without one.")
        from workbench.window.kit.settings import Settings
        from workbench.window.kit.theme import Theme
        from workbench.window.kit.translation import Translation
        from workbench.window.main_window import MainWindow

        # Kept: without a reference it would go, and the window with it.
        self._application: Any = QApplication.instance() or QApplication(sys.argv[:1])
        application = self._application
        self.platform = application.platformName()
        self.window = MainWindow(
            Library(), Settings(), Theme(application), Translation(application)
        )
        self.window.resize(1440, 900)

    def show(self) -> None:
        self.window.show()
        self.wait(300)  # until it is painted

    def train(self, experiment: Experiment, data: DataSet) -> Run:
        """Trains with the window visible and its live tab on; hidden again for the others."""
        listener = Listener(len(data.train_labels) // experiment.batch_size)
        ended: list[RunEnded] = []

        def heard(_: str, event: object) -> None:
            if isinstance(event, StepsDone | EpochDone):
                listener(event)
            elif isinstance(event, RunEnded):
                ended.append(event)

        session = self.window.session
        connections = [
            session.run_event.connect(heard),
        ]
        self.show()
        key = self.window.live_runs.begin("", sample=True)
        self.window.run_view.begin(key)
        with patch("workbench.running.runner.load_data", return_value=data):
            device = str(data.train_images.device)
            session.train(experiment, choose_data("sample"), device, None, "", key=key)
            self.until_idle()
        for connection in connections:
            session.disconnect(connection)
        self.window.hide()
        return listener.run(ended[0])

    def wait(self, milliseconds: int) -> None:
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def until_idle(self) -> None:
        """Lets the window work until its session has nothing more to do."""
        from PySide6.QtCore import QEventLoop

        loop = QEventLoop()

        def changed(state: str) -> None:
            if state == "idle":
                loop.quit()

        connection = self.window.session.state_changed.connect(changed)
        loop.exec()
        self.window.session.disconnect(connection)

    def close(self) -> None:
        self.window.close()
        self.window.session.wait(10_000)
        self.window.deleteLater()


class WindowProcess:
    """An :class:`OpenWindow` in a process of its own; raises :class:`LeftOut` as that does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.platform = self._answer()["platform"]

    def train(self, experiment: Experiment, data: DataSet) -> Run:
        """As :meth:`OpenWindow.train`, on random pixels of its own, as many as ``data`` has."""
        assert self._process.stdin
        asked = {
            "experiment": experiment.values(),
            "images": len(data.train_labels),
            "device": str(data.train_images.device),
        }
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        answer = self._answer()
        return Run(answer["steps"], answer["steps_per_second"], dict)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"left_out": "The window's process ended."}
        if "left_out" in answer:
            raise LeftOut(answer["left_out"])
        return answer

    def close(self) -> None:
        self._process.communicate()  # the end of its input is the end of its work


def main() -> None:
    """Answers each line on standard input, an experiment, by one line on standard output."""

    def answer(**values: Any) -> None:
        print(json.dumps(values), flush=True)

    try:
        window = OpenWindow()
    except LeftOut as reason:
        answer(left_out=str(reason))
        return
    answer(platform=window.platform)
    for line in sys.stdin:
        asked = json.loads(line)
        data = random_data(asked["images"], torch.device(asked["device"]))
        try:
            run = window.train(experiment_from(asked["experiment"]), data)
            answer(steps=run.steps, steps_per_second=run.steps_per_second)
        except LeftOut as reason:
            answer(left_out=str(reason))
    window.close()


if __name__ == "__main__":
    main()
