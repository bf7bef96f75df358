"""What the window remembers from one start to the next, in the person's folder."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from workbench import paths


class Settings:
    """Language, theme, layout, last preset and data set; ``window.ini`` in the home folder."""

    def __init__(self) -> None:
        self._store = QSettings(str(paths.home() / "window.ini"), QSettings.Format.IniFormat)

    def text(self, key: str, default: str = "") -> str:
        value = self._store.value(key, default)
        return value if isinstance(value, str) else default

    def set_text(self, key: str, value: str) -> None:
        self._store.setValue(key, value)

    def record(self, key: str) -> dict[str, Any]:
        """A stored dictionary of plain values; empty where there is none, or a broken one."""
        try:
            value = json.loads(self.text(key, "{}"))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def set_record(self, key: str, value: dict[str, Any]) -> None:
        self.set_text(key, json.dumps(value, ensure_ascii=False))

    def bytes(self, key: str) -> QByteArray:
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    def set_bytes(self, key: str, value: QByteArray) -> None:
        self._store.setValue(key, value)

    def save(self) -> None:
        """Write what changed now; Qt would do so a little later."""
        self._store.sync()
