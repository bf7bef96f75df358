"""What a document is made of, and its two forms: HTML and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape as html_escape

from workbench.file_names import file_name
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
    """``rows`` as long as ``header``. ``shades``, 0 to 1, color the cells after the first.
    ``groups`` are the numbers of the rows, from 0, that only name the group below them."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shades: tuple[tuple[float, ...], ...] | None = None
    groups: frozenset[int] = frozenset()

    def numeric(self) -> list[bool]:
        """For each column whether it holds numbers, which align at the right; the first one names
        the rows."""
        rows = [row for number, row in enumerate(self.rows) if number not in self.groups]
        columns = range(1, len(self.header))
        return [False, *(is_numeric(row[column] for row in rows) for column in columns)]


@dataclass(frozen=True)
class Plot:
    """``name`` is part of a file's name; ``svg`` the SVG element."""

    name: str
    title: str
    svg: str


Block = Heading | Paragraph | Table | Plot

_NUMBER = re.compile(r"≈?\s?[-+\u2212]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?(/\d[\d,]*)?%?")
_NO_VALUE = ("", "–")


def is_numeric(texts: Iterable[str]) -> bool:
    """True where ``texts`` are numbers as this program writes them, apart from cells without a
    value, and there is at least one: such a column aligns at the right, one of words at the
    left."""
    values = [text for text in texts if text not in _NO_VALUE]
    return bool(values) and all(_NUMBER.fullmatch(text) for text in values)


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f27; background: #ffffff;
  max-width: 58em; margin: 2em auto; padding: 0 1em; }
h2 { border-top: 1px solid #d5dae1; padding-top: 0.8em; margin-top: 2em; }
table { border-collapse: collapse; margin: 0.6em 0 1.2em; font-size: 13px; }
th, td { border-bottom: 1px solid #e3e7ec; padding: 3px 9px; text-align: left; }
.number { text-align: right; }
tbody th { padding-top: 9px; }
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
    kinds = [' class="number"' if numeric else "" for numeric in table.numeric()]
    head = "".join(
        f"<th{kind}>{escape(cell)}</th>" for cell, kind in zip(table.header, kinds, strict=True)
    )
    lines = [f"<table><thead><tr>{head}</tr></thead><tbody>"]
    for number, row in enumerate(table.rows):
        if number in table.groups:
            name = f'<th colspan="{len(row)}" scope="rowgroup">{escape(row[0])}</th>'
            lines.append(f"<tr>{name}</tr>")
            continue
        cells = [f"<td{kinds[0]}>{escape(row[0])}</td>"]
        shades = table.shades[number] if table.shades else (0.0,) * (len(row) - 1)
        for cell, kind, shade in zip(row[1:], kinds[1:], shades, strict=True):
            # From white to a blue on which black is still read.
            style = f' style="background:rgba(29,107,196,{0.55 * shade:.3f})"' if shade else ""
            cells.append(f"<td{kind}{style}>{escape(cell)}</td>")
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
            parts.append("\n".join(_markdown_table(block)))
        else:
            name = f"{len(plots) + 1:02d}-{file_name(block.name.lower(), otherwise='plot')}.svg"
            plots[name] = block.svg
            parts.append(f"![{_markdown(block.title)}](<{folder}/{name}>)")
    return "\n\n".join(parts) + "\n", plots


def _markdown_table(table: Table) -> Iterator[str]:
    yield _markdown_row(table.header)
    yield "|" + "".join("---:|" if numeric else "---|" for numeric in table.numeric())
    for number, row in enumerate(table.rows):
        if number in table.groups:
            yield f"| **{_markdown(row[0])}** |" + " |" * (len(row) - 1)
        else:
            yield _markdown_row(row)


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_markdown(cell).replace("\n", " ") for cell in cells) + " |"


def _markdown(text: str) -> str:
    """``text`` as it stands: nothing in it becomes markup or HTML."""
    text = visible(text, keep="\n")
    escaped = re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", text)
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A line that would begin a list.
    return re.sub(r"^(\s*\d*)([-+.])(?=\s)", r"\1\\\2", escaped)
