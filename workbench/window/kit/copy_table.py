"""Tables on the clipboard: as text with tabs, and as a table for spreadsheets."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QMimeData
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence

from workbench.plain_text import table_cell


def copy_table(rows: Sequence[Sequence[str]], caption: str = "", header: bool = True) -> None:
    """Put ``rows`` on the clipboard; ``caption`` and ``header`` as in :func:`as_html`, cells as
    :func:`table_cell` makes them."""
    rows = [[table_cell(cell) for cell in row] for row in rows]
    data = QMimeData()
    data.setText(as_tsv(rows))
    data.setHtml(as_html(rows, caption, header))
    QGuiApplication.clipboard().setMimeData(data)


def claims_copy(event: QEvent) -> bool:
    """Return whether a widget must accept ``event`` to get Ctrl+C before the window's own Copy,
    which would know nothing of its rows."""
    return (
        isinstance(event, QKeyEvent)
        and event.type() == QEvent.Type.ShortcutOverride
        and event.matches(QKeySequence.StandardKey.Copy)
    )


def as_tsv(rows: Sequence[Sequence[str]]) -> str:
    return "".join(
        "\t".join(" ".join(cell.split()) if cell else "" for cell in row) + "\n" for row in rows
    )


def as_html(rows: Sequence[Sequence[str]], caption: str = "", header: bool = True) -> str:
    """A table for spreadsheets and word processors; with ``header`` the first row and the first
    column are its headings."""
    parts = [f"<table><caption>{html.escape(caption)}</caption>" if caption else "<table>"]
    for i, row in enumerate(rows):
        tags = ["th" if header and (i == 0 or j == 0) else "td" for j in range(len(row))]
        cells = zip(tags, row, strict=True)
        parts.append("<tr>" + "".join(f"<{t}>{html.escape(c)}</{t}>" for t, c in cells) + "</tr>")
    return "".join([*parts, "</table>"])
