"""What window tests have: offscreen Qt, and failure on leaked threads, timers and Qt warnings."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QEvent, QThread, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from workbench.window.theme import Theme

# What the offscreen platform itself says, about itself.
HARMLESS = ("This plugin does not support", "propagateSizeHints")


@pytest.fixture(scope="session")
def qapp_cls() -> type[QApplication]:
    return QApplication


@pytest.fixture(scope="session", autouse=True)
def _theme(qapp: QApplication) -> Theme:
    return Theme(qapp)


@pytest.fixture(autouse=True)
def _no_leaks(qapp: QApplication, qtbot: QtBot, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a thread, a running timer or a top-level widget behind, or during
    which Qt printed a warning."""
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
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    QApplication.processEvents()
    qInstallMessageHandler(previous)
    left = [t for t in set(threading.enumerate()) - threads if t.is_alive()]
    assert not left, f"threads left: {left}"
    running = [t for t in qapp.findChildren(QTimer) if t.isActive()]
    assert not running, f"timers left: {running}"
    busy = [t for t in qapp.findChildren(QThread) if t.isRunning()]
    assert not busy, f"Qt threads left: {busy}"
    assert not messages, f"Qt warned: {messages}"
