"""Korean is complete: every text of the program that a person can meet has its translation."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench
from workbench import paths
from workbench.analysis import against_report, differences, flips, sweep_runs, sweeps
from workbench.data.folder_scan import REASONS
from workbench.engine import divergence
from workbench.exporters.registry import EXPORTERS
from workbench.messages import Count
from workbench.spec.experiment import HYPERPARAMETERS, REGISTRIES, TEMPLATES
from workbench.spec.plain_yaml import parse
from workbench.spec.presets import Preset, list_presets
from workbench.spec.sweep import METHODS, PRUNERS
from workbench.window.compare import compared_curves, figure_choice
from workbench.window.kit.translation import MOST_TEXTS
from workbench.window.run.header_words import TRACK

PACKAGE = Path(workbench.__file__).parent
SENTENCES = {"Message", "WorkbenchError", "Diverged", "NetworkError"}


def _literal(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _literals(node: ast.AST) -> Iterator[str]:
    """The texts of a literal, or of both branches of a choice; not the keys of a look-up."""
    if isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif (text := _literal(node)) is not None:
        yield text


def texts_of(source: str) -> set[str]:
    """Literals that are handed to ``tr`` or begin a message, and words marked as such."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name == "tr" or name in SENTENCES:
                found |= {text for text in _literals(node.args[0]) if text}
    return found


def all_texts() -> set[str]:
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        # The command line speaks English.
        if path.name != "cli.py" and path.parent.name != "commands":
            found |= texts_of(path.read_text(encoding="utf-8"))
    for parameter in HYPERPARAMETERS.values():
        found |= {parameter.label, parameter.help, parameter.group, parameter.unit}
        found |= set(parameter.choices.values())
    found |= {choice.help for registry in REGISTRIES.values() for choice in registry.values()}
    for preset in list_presets():
        assert isinstance(preset, Preset)
        found |= {preset.title, preset.tried, preset.changed, preset.found}
        found |= {preset.explained, preset.note}
    for exporter in EXPORTERS.values():
        found |= {exporter.label, exporter.help}
    found |= {
        *against_report.TEMPLATES,
        *flips.TEMPLATES,
        *differences.ROW_WORDS,
        *figure_choice.WORDS,
        *compared_curves.LOSS_TITLES,
        *sweeps.TEMPLATES,
    }
    found |= {
        *REASONS,
        *TEMPLATES,
        *TRACK.values(),
        *METHODS.values(),
        *PRUNERS.values(),
        *divergence.TEMPLATES,
        *sweep_runs.PRUNED.values(),
    }
    return found - {""}


@pytest.fixture(scope="module")
def korean() -> dict[str, str]:
    # Not through read_texts, which goes on in English; a text that stands there twice is refused.
    path = paths.shipped("resources") / "translations" / "ko.yaml"
    return parse(path.read_text(encoding="utf-8"), MOST_TEXTS).content


def test_every_text_has_a_korean_one(korean: dict[str, str]) -> None:
    missing = sorted(text for text in all_texts() if text not in korean)
    assert not missing, "\n".join(missing)


def test_no_translation_is_left_over(korean: dict[str, str]) -> None:
    left = sorted(set(korean) - all_texts())
    assert not left, "\n".join(left)


def test_the_placeholders_are_the_same(korean: dict[str, str]) -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for english, translated in korean.items():
        assert fields(english) == fields(translated), english
        assert translated.strip(), english


def test_a_count_picks_its_form_and_korean_has_none(korean: dict[str, str]) -> None:
    template = "{count:image|images}, most confident first"
    assert template.format(count=Count(1)).startswith("1 image,")
    assert template.format(count=Count(1_024)).startswith("1,024 images,")
    assert template.format(count=Count(0)).startswith("0 images,")
    assert "1,024" in korean[template].format(count=Count(1_024))
