"""What can be read and seen, computed from the themes: WCAG 2.2, 1.4.3 and 1.4.11."""

from __future__ import annotations

import re

import pytest

from workbench import paths
from workbench.window.kit.shades import contrast
from workbench.window.kit.theme import DARK, LIGHT, Colors
from workbench.words.run_lines import RUN_DASHES, RUN_MARKERS

TEXTS = ("text", "muted", "accent", "measured", "reported", "best", "validation", "problem")
FIELDS = ("QLineEdit", "QComboBox", "QAbstractSpinBox", "QPushButton", "QToolBar QToolButton")

themes = pytest.mark.parametrize("c", [LIGHT, DARK], ids=["light", "dark"])


@themes
def test_text_is_read_on_every_ground_and_on_the_selection(c: Colors) -> None:
    grounds = ("window", "surface", "selection")
    faint = [
        f"{text} on {ground}: {contrast(getattr(c, text), getattr(c, ground)):.2f}"
        for text in (*TEXTS, "sample")
        for ground in grounds
        if contrast(getattr(c, text), getattr(c, ground)) < 4.5
    ]
    assert not faint
    assert contrast(c.accent_text, c.accent) >= 4.5


@themes
def test_the_focus_is_seen_on_every_ground_also_on_what_has_its_color(c: Colors) -> None:
    for ground in (c.window, c.surface, c.selection):
        assert contrast(c.accent, ground) >= 3
    # The ring has an inner line in the color of surfaces: on Train, and on a checked box.
    assert contrast(c.surface, c.accent) >= 3


def edges(selector: str) -> list[str]:
    """The colors of the style sheet for the border of ``selector`` as it lies there, by name."""
    style = (paths.shipped("resources") / "style.qss").read_text(encoding="utf-8")
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    found = []
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", style):
        if selector in [one.strip() for one in selectors.split(",")]:
            found += re.findall(r"border(?:-color)?:[^;]*@(\w+)", body)
    return found


@themes
@pytest.mark.parametrize("selector", [*FIELDS, "QCheckBox::indicator"])
def test_the_edges_of_fields_and_buttons_are_seen(c: Colors, selector: str) -> None:
    names = edges(selector)
    assert names
    for name in names:
        for ground in (c.window, c.surface):
            assert contrast(getattr(c, name), ground) >= 3, f"{selector}: {name}"


def test_the_runs_of_a_comparison_differ_without_color() -> None:
    assert len(RUN_DASHES) == len(set(RUN_DASHES)) == len(RUN_MARKERS) == len(set(RUN_MARKERS)) == 8
