"""Painters that always end: one that is left open takes the program down with the widget."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtGui import QPaintDevice, QPainter
from PySide6.QtWidgets import QWidget

log = logging.getLogger("workbench")

_said: set[str] = set()


@contextmanager
def painter_on(device: QPaintDevice) -> Iterator[QPainter]:
    """A painter on ``device`` that has ended on leaving, whatever is raised."""
    painter = QPainter(device)
    try:
        yield painter
    finally:
        if painter.isActive():
            painter.end()


@contextmanager
def painting(widget: QWidget) -> Iterator[QPainter]:
    """The painter of a paint event of ``widget``. What is raised goes to the log, as an exception
    cannot pass through Qt; the widget stays half painted."""
    with logged(type(widget).__name__), painter_on(widget) as painter:
        yield painter


@contextmanager
def logged(name: str) -> Iterator[None]:
    """Painting of ``name`` with a painter of Qt's own. What is raised goes to the log, once: the
    same is painted again many times a second."""
    try:
        yield
    except Exception as error:
        key = f"{name}: {error!r}"
        if key not in _said:
            _said.add(key)
            log.exception("%s could not be painted", name)
