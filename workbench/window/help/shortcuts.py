"""All shortcuts, gathered from the actions of the window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from workbench.window.kit.mnemonics import without_mnemonic
from workbench.window.kit.translation import tr


@dataclass(frozen=True)
class Shortcut:
    """``menu`` in which it stands, ``text`` of its entry, and its ``keys``."""

    menu: str
    text: str
    keys: str


def all_shortcuts(menus: Iterable[QMenu], native: bool = True) -> list[Shortcut]:
    """Return those of the entries of ``menus``, in their order, as this system writes keys or, with
    ``native`` off, as all systems do; then the keys of plots, images and tables."""
    style = (
        QKeySequence.SequenceFormat.NativeText
        if native
        else QKeySequence.SequenceFormat.PortableText
    )
    found = []
    for menu in menus:
        title = _words(menu.title())
        for action in _actions(menu):
            keys = [key.toString(style) for key in action.shortcuts()]
            if keys:
                found.append(Shortcut(title, _words(action.text()), ", ".join(keys)))
    return found + _keys_of_widgets()


def _words(text: str) -> str:
    return without_mnemonic(text).rstrip("…")


def _actions(menu: QMenu) -> Iterator[QAction]:
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from _actions(inner)
        elif not action.isSeparator():
            yield action


def _keys_of_widgets() -> list[Shortcut]:
    """Return what keys do in a widget that has the focus: no actions, so written here."""
    plots, tables = tr("Plots"), tr("Tables")
    return [
        Shortcut(plots, tr("Move along the epochs"), "← →"),
        Shortcut(plots, tr("Zoom"), "+ −"),
        Shortcut(plots, tr("Follow the run again"), "Home"),
        Shortcut(tables, tr("Copy the selected rows"), "Ctrl+C"),
        Shortcut(tr("Number fields"), tr("The next or the previous value"), "↑ ↓"),
        Shortcut(tr("Windows"), tr("Close a window on runs or data"), "Esc, Ctrl+W"),
    ]
