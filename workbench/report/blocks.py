"""What a document is made of, and its two forms: HTML and Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape as html_escape

from workbench.plain_text import visible


@dataclass(frozen=True)
class Heading:
    """``level`` 1 (the document's own) to 3; ``new_page``: on paper it begins one."""

    level: int
    text: str
    new_page: bool = False


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Table:
    """``rows`` as long as ``header``. ``shades``, 0 to 1, color the cells after the first."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shades: tuple[tuple[float, ...], ...] | None = None


@dataclass(frozen=True)
class Plot:
    """``name`` is part of a file's name; ``svg`` the SVG element."""

    name: str
    title: str
    svg: str


Block = Heading | Paragraph | Table | Plot

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f27; background: #ffffff;
  max-width: 58em; margin: 2em auto; padding: 0 1em; }
h2 { border-top: 1px solid #d5dae1; padding-top: 0.8em; margin-top: 2em; }
table { border-collapse: collapse; margin: 0.6em 0 1.2em; font-size: 13px; }
th, td { border-bottom: 1px solid #e3e7ec; padding: 3px 9px; text-align: right; }
th:first-child, td:first-child { text-align: left; }
th { color: #596273; font-weight: 600; }
td { overflow-wrap: anywhere; }
p { white-space: pre-line; overflow-wrap: anywhere; }
figure { margin: 0.6em 0 1.2em; }
figcaption { color: #596273; font-size: 13px; }
svg { max-width: 100%; height: auto; }
@media print {
  body { margin: 0; max-width: none; font-size: 11px; }
  table { font-size: 9.5px; }
  .page { break-before: page; }
  h2 { border: none; }
  h2, h3 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  svg { max-height: 8cm; }
}
"""


def escape(text: str) -> str:
    """``text`` in HTML: nothing in it becomes markup, or changes how the rest reads."""
    return html_escape(visible(text, keep="\n"))


def as_html(title: str, blocks: Sequence[Block], language: str = "en") -> str:
    """One file that needs no other and runs no script. Every text is escaped."""
    parts = [
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    ]
    for block in blocks:
        if isinstance(block, Heading):
            page = ' class="page"' if block.new_page else ""
            parts.append(f"<h{block.level}{page}>{escape(block.text)}</h{block.level}>")
        elif isinstance(block, Paragraph):
            parts.append(f"<p>{escape(block.text)}</p>")
        elif isinstance(block, Table):
            parts.append(_html_table(block))
        else:
            parts.append(
                f"<figure>{block.svg}<figcaption>{escape(block.title)}</figcaption></figure>"
            )
    return "\n".join([*parts, "</body>", "</html>", ""])


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    lines = [f"<table><thead><tr>{head}</tr></thead><tbody>"]
    for number, row in enumerate(table.rows):
        cells = [f"<td>{escape(row[0])}</td>"]
        shades = table.shades[number] if table.shades else (0.0,) * (len(row) - 1)
        for cell, shade in zip(row[1:], shades, strict=True):
            # From white to a blue on which black is still read.
            style = f' style="background:rgba(29,107,196,{0.55 * shade:.3f})"' if shade else ""
            cells.append(f"<td{style}>{escape(cell)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def as_markdown(blocks: Sequence[Block], folder: str) -> tuple[str, dict[str, str]]:
    """The text, and the plots that it shows by file name in ``folder``."""
    parts: list[str] = []
    plots: dict[str, str] = {}
    for block in blocks:
        if isinstance(block, Heading):
            parts.append("#" * block.level + " " + _markdown(block.text))
        elif isinstance(block, Paragraph):
            parts.append("  \n".join(_markdown(line) for line in block.text.splitlines()))
        elif isinstance(block, Table):
            lines = [_markdown_row(block.header), "|" + "---|" + "---:|" * (len(block.header) - 1)]
            parts.append("\n".join([*lines, *map(_markdown_row, block.rows)]))
        else:
            name = f"{len(plots) + 1:02d}-{re.sub(r'[^a-z0-9]+', '-', block.name.lower())}.svg"
            plots[name] = block.svg
            parts.append(f"![{_markdown(block.title)}](<{folder}/{name}>)")
    return "\n\n".join(parts) + "\n", plots


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_markdown(cell).replace("\n", " ") for cell in cells) + " |"


def _markdown(text: str) -> str:
    """``text`` as it stands: nothing in it becomes markup or HTML."""
    text = visible(text, keep="\n")
    escaped = re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", text)
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A line that would begin a list.
    return re.sub(r"^(\s*\d*)([-+.])(?=\s)", r"\1\\\2", escaped)
