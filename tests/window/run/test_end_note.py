"""A person who does something else is told of a run's end, if it was worth the wait."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from workbench.engine.events import RunEnded
from workbench.window.run import end_note
from workbench.window.run.end_note import LONG_RUN, EndNote


@pytest.mark.parametrize(
    ("seconds", "status", "in_front", "told"),
    [
        (LONG_RUN + 1, "finished", False, True),
        (LONG_RUN + 1, "failed", False, True),
        (LONG_RUN + 1, "finished", True, False),
        (LONG_RUN - 1, "finished", False, False),
        (LONG_RUN + 1, "cancelled", False, False),
    ],
)
def test_the_end_of_a_long_run_is_told_in_the_background(
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    status: str,
    in_front: bool,
    told: bool,
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    alerts: list[QWidget] = []
    monkeypatch.setattr(QApplication, "alert", alerts.append)
    monkeypatch.setattr(end_note.QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    monkeypatch.setattr(window, "isActiveWindow", lambda: in_front)
    now = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(end_note, "time", SimpleNamespace(monotonic=lambda: next(now)))
    note = EndNote(window)
    note.begin()
    note.tell(RunEnded(status, 3, seconds))  # type: ignore[arg-type]
    assert bool(alerts) == told
