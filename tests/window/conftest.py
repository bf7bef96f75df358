"""What window tests have: offscreen Qt, and failure on leaked threads, timers and Qt warnings."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QThread, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from workbench.window.kit.theme import Theme

# What the offscreen platform itself says, about itself.
HARMLESS = ("This plugin does not support", "propagateSizeHints")


@pytest.fixture(scope="session")
def qapp_cls() -> type[QApplication]:
    return QApplication


@pytest.fixture(scope="session", autouse=True)
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp)


@pytest.fixture(scope="session", autouse=True)
def _modules_set_aside(theme: Theme) -> None:
    """What importing torch leaves behind is 400,000 objects that no test need look through."""
    import workbench.running.runner
    import workbench.window.main_window  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_leaks(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test that leaves a thread, a running timer or a top-level widget behind, or during
    which Qt printed a warning."""
    monkeypatch.setattr(gc, "freeze", lambda: None)  # it would hide what a test leaves behind
    messages: list[str] = []

    def listen(kind: QtMsgType, context: object, text: str) -> None:
        if kind != QtMsgType.QtDebugMsg and not any(part in text for part in HARMLESS):
            messages.append(text)

    previous = qInstallMessageHandler(listen)
    threads = set(threading.enumerate())
    widgets = set(map(id, QApplication.topLevelWidgets()))
    yield
    for widget in QApplication.topLevelWidgets():
        if id(widget) not in widgets:
            widget.close()
            widget.deleteLater()
    # The offscreen platform aborts at exit with a clipboard that Python filled.
    QApplication.clipboard().clear()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    QApplication.processEvents()
    qInstallMessageHandler(previous)
    left = [
        thread
        for thread in set(threading.enumerate()) - threads
        # Python's note of a QThread stays when that has ended; QThreads are looked at below.
        if thread.is_alive() and not isinstance(thread, threading._DummyThread)
    ]
    assert not left, f"threads left: {left}"
    busy = [o for o in _alive(QThread) if o.isRunning()]
    assert not busy, f"Qt threads left: {busy}"
    running = [o for o in _alive(QTimer) if o.isActive()]
    assert not running, f"timers left: {running}"
    assert not messages, f"Qt warned: {messages}"


def _alive(kind: type) -> list[Any]:
    # Not only the application's children: most objects have other parents, or none.
    kinds, found = [kind], {kind}
    while kinds:
        more = set(kinds.pop().__subclasses__()) - found
        found |= more
        kinds += more
    return [o for o in gc.get_objects() if type(o) in found and shiboken6.isValid(o)]
