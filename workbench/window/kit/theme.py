"""Colors of the window and its plots, light and dark.

Series are told apart by color and by dash or marker; the hues (blue, orange, green, red-violet)
follow Okabe and Ito's palette, which people with color-blindness tell apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from workbench import paths


@dataclass(frozen=True)
class Colors:
    """Colors by what they mean, as ``#rrggbb``. ``field``: the edge of what is typed into, chosen
    from or pressed; ``border``: of what only groups."""

    dark: bool
    window: str
    surface: str
    border: str
    field: str
    text: str
    muted: str
    accent: str
    accent_text: str
    selection: str
    grid: str
    measured: str
    raw: str
    training: str
    steps: str
    reported: str
    best: str
    validation: str
    problem: str
    sample: str


LIGHT = Colors(
    dark=False,
    window="#f3f5f8",
    surface="#ffffff",
    border="#d5dae1",
    field="#808897",
    text="#1b1f27",
    muted="#596273",
    accent="#1b66bb",
    accent_text="#ffffff",
    selection="#dfecfb",
    grid="#e3e7ec",
    measured="#1b66bb",
    raw="#8fb8e6",
    training="#c2410c",
    steps="#f3c4aa",
    reported="#9b5600",
    best="#00775b",
    validation="#b0398a",
    problem="#b3261e",
    sample="#7a4da3",
)

DARK = Colors(
    dark=True,
    window="#16191f",
    surface="#1f232b",
    border="#373e4a",
    field="#6c778a",
    text="#e8ebf0",
    muted="#9ea7b6",
    accent="#5aa9f5",
    accent_text="#0d1117",
    selection="#263a52",
    grid="#2d333d",
    measured="#5aa9f5",
    raw="#37608c",
    training="#fb8c4b",
    steps="#7a4a2e",
    reported="#e69f3c",
    best="#35c296",
    validation="#ef8fc7",
    problem="#ff8a7e",
    sample="#c9a0f0",
)


def colors() -> Colors:
    """The colors that hold now. Widgets that paint themselves ask again on
    ``QEvent.PaletteChange``."""
    palette = QGuiApplication.palette()
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def is_restyled(event: QEvent) -> bool:
    """Return whether ``event`` (of ``changeEvent``) says that colors may have changed."""
    return event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)


class Theme(QObject):
    """Keeps palette and style sheet of the application with the system's light or dark, or with
    what the person chose."""

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        application.setStyle("Fusion")
        self._hints = QGuiApplication.styleHints()
        self._scheme = "system"
        self._hints.colorSchemeChanged.connect(self._apply)
        self._apply()

    def choose(self, scheme: str) -> None:
        """``"system"``, ``"light"`` or ``"dark"``."""
        self._scheme = scheme
        self._hints.setColorScheme(
            {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(
                scheme, Qt.ColorScheme.Unknown
            )
        )
        self._apply()

    def _apply(self) -> None:
        system_is_dark = self._hints.colorScheme() == Qt.ColorScheme.Dark
        # Not every platform takes the choice over, so it is looked at first.
        c = (
            DARK
            if self._scheme == "dark" or (self._scheme == "system" and system_is_dark)
            else LIGHT
        )
        self._application.setPalette(_palette(c))
        folder = paths.shipped("resources")
        style = (folder / "style.qss").read_text(encoding="utf-8")
        values = {
            **{name: str(value) for name, value in vars(c).items()},
            "resources": folder.as_posix(),
            "shade": "dark" if c.dark else "light",
        }
        style = re.sub(r"@(\w+)", lambda match: values[match[1]], style)
        self._application.setStyleSheet(style)


def _palette(c: Colors) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for r, value in {
        role.Window: c.window,
        role.WindowText: c.text,
        role.Base: c.surface,
        role.AlternateBase: c.window,
        role.Text: c.text,
        role.Button: c.surface,
        role.ButtonText: c.text,
        role.BrightText: c.problem,
        role.Highlight: c.accent,
        role.HighlightedText: c.accent_text,
        role.Link: c.accent,
        role.ToolTipBase: c.surface,
        role.ToolTipText: c.text,
        role.PlaceholderText: c.muted,
        role.Mid: c.border,
        role.Dark: c.border,
        role.Light: c.surface,
        role.Midlight: c.border,
        role.Shadow: c.border,
        role.Accent: c.accent,
    }.items():
        palette.setColor(r, QColor(value))
    for r in (role.WindowText, role.Text, role.ButtonText):
        faint = QColor(c.muted)
        faint.setAlpha(150)
        palette.setColor(QPalette.ColorGroup.Disabled, r, faint)
    return palette
