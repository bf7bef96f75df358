"""The drawing of a network as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.messages import Message
from workbench.report.blocks import escape
from workbench.spec.layers import Layer
from workbench.words.network_drawing import BOX_HEIGHT, Drawing, draw

_FILLS = {
    "conv": "#dbe8f8",
    "linear": "#e4ddf4",
    "max_pool": "#e7ecef",
    "mean_pool": "#e7ecef",
    "add": "#f6e7cf",
    "image": "#ffffff",
}
_OTHER = "#eef1f4"

_STYLE = (
    "font: 12px system-ui, sans-serif",
    "max-height: 22cm",  # on paper; as high as a plot, its texts would be too small to read
)


def network_picture(layers: Sequence[Layer], say: Callable[[Message], str]) -> str:
    """Return the drawing of ``layers`` as an SVG element, on a white ground in every theme;
    ``say`` puts words into the reader's language."""
    drawing = draw(layers)
    style = "; ".join(_STYLE)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width:g} '
        f'{drawing.height:g}" width="{drawing.width:g}" height="{drawing.height:g}" role="img" '
        f'style="{style}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *_lines(drawing),
    ]
    for box in drawing.boxes:
        fill = _FILLS.get(box.kind, _OTHER)
        parts.append(
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{BOX_HEIGHT:g}" '
            f'rx="5" fill="{fill}" stroke="#8c97a6"/>'
        )
        parts.append(_text(box.x + 8, box.y + 15, say(box.title)))
        parts.append(_text(box.x + box.width - 8, box.y + 15, box.shape, "end", "#46505e"))
        details = " · ".join(say(words) for words in box.details)
        parts.append(_text(box.x + 8, box.y + 31, details, color="#46505e"))
    return "\n".join([*parts, "</svg>"])


def _lines(drawing: Drawing) -> list[str]:
    parts = []
    for points in drawing.lines:
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="#6b7686"/>')
        (from_x, from_y), (x, y) = points[-2:]
        # An arrow's head: down, or to the left.
        down = y > from_y and from_x == x
        sides = ((x - 4, y - 7), (x + 4, y - 7)) if down else ((x + 7, y - 4), (x + 7, y + 4))
        head = " ".join(f"{a:g},{b:g}" for a, b in ((x, y), *sides))
        parts.append(f'<polygon points="{head}" fill="#6b7686"/>')
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start", color: str = "#1b1f27") -> str:
    if not text:
        return ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'
