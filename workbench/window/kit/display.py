"""Whether a window can be shown at all. Qt itself would abort the process where it cannot."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from workbench.messages import Message


def display_problem() -> Message | None:
    """Return why no window can be shown, in one sentence; ``None`` where one can."""
    if sys.platform != "linux":
        return None
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0].split(";")[0]
    if platform and platform not in ("xcb", "wayland"):
        return None  # offscreen, vnc, ...: chosen by whoever set it
    if _wayland_answers():
        return None
    if not os.environ.get("DISPLAY"):
        return Message(
            "There is no display for the window; train without it: cifar-workbench train 007 "
            "--set epochs=3"
        )
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
        # Qt's xcb plugin needs it, and aborts without it.
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError as error:
        return Message(
            "The window needs a system library that is missing ({reason}); on Debian install "
            "libxcb-cursor0 and libegl1, or train without the window: cifar-workbench train "
            "007 --set epochs=3",
            reason=str(error).partition(":")[0],
        )
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    if refused:
        return Message(
            "The display {display} does not answer; train without the window: cifar-workbench "
            "train 007 --set epochs=3",
            display=os.environ["DISPLAY"],
        )
    return None


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY", "")
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(name) and Path(folder, name).exists()
