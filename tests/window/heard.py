"""Waiting for what a session reports of its run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.window.work.session import Session


def of_kind(kind: type, where: Callable[[Any], bool] = lambda event: True) -> dict[str, Any]:
    """For ``qtbot.waitSignal(session.run_event, **of_kind(EpochDone))``."""
    return {"check_params_cb": lambda key, event: isinstance(event, kind) and where(event)}


def listen(session: Session, kind: type, listener: Callable[[Any], object]) -> None:
    """Calls ``listener`` with each event of a kind."""
    session.run_event.connect(
        lambda key, event: listener(event) if isinstance(event, kind) else None
    )
