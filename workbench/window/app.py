"""Starts the window."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from contextlib import suppress
from typing import Any

from PySide6.QtCore import QThreadPool, QTimer
from PySide6.QtWidgets import QApplication

import workbench
from workbench import paths
from workbench.library.catalog import Library
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import LANGUAGES, Translation, system_language
from workbench.window.main_window import MainWindow
from workbench.window.work.session import Work

log = logging.getLogger("workbench")


def _to_the_log(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    log.error("Unforeseen in the window", exc_info=(kind, error, trace))


def _crashes_to_a_file() -> None:
    """Has Python write where it was into a file when the process dies without an exception, as
    when Qt aborts it. Not into the log itself, which is put aside when it is full."""
    with suppress(OSError):  # a home that cannot be written is reported where it matters
        path = paths.log_file().with_name("crashes.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        faulthandler.enable(path.open("a", encoding="utf-8"))


def run_window() -> int:
    """Open the window and return its exit code once it is closed."""
    sys.excepthook = _to_the_log  # a desktop start has no terminal to print it to
    _crashes_to_a_file()
    application = QApplication(sys.argv[:1])
    application.setApplicationName("cifar-workbench")
    application.setApplicationDisplayName("CIFAR Workbench")
    application.setApplicationVersion(workbench.__version__)
    application.setDesktopFileName("cifar-workbench")
    settings = Settings()
    theme = Theme(application)
    theme.choose(settings.text("theme", "system"))
    translation = Translation(application)
    language = settings.text("language")
    translation.use(language if language in LANGUAGES else system_language())
    window = MainWindow(Library(), settings, theme, translation)
    window.show()
    window.offer_first_steps()
    # Behind the first paint: importing torch holds Python up for moments.
    QTimer.singleShot(0, window.session.find_devices)
    code = application.exec()
    QThreadPool.globalInstance().waitForDone(2000)  # a table that is still being written
    if not Work.wait_for_all(30_000):
        log.error("A thread did not end; the process ends without it")
        os._exit(code)  # Python's own exit would destroy the thread, and Qt abort
    return code
