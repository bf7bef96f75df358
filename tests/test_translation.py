"""Korean is complete: every text of the program that a person can meet has its translation."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest
import yaml

import workbench
from workbench import paths
from workbench.spec.experiment import HYPERPARAMETERS
from workbench.spec.presets import Preset, list_presets

PACKAGE = Path(workbench.__file__).parent
SENTENCES = {"Message", "WorkbenchError", "Diverged"}


def _literal(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts_of(source: str) -> set[str]:
    """Literals that are handed to ``tr`` or begin a message, and words marked as such."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name == "tr" or name in SENTENCES:
                for part in ast.walk(node.args[0]):
                    if (text := _literal(part)) is not None and text:
                        found.add(text)
    return found


def all_texts() -> set[str]:
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name != "cli.py":  # the command line speaks English
            found |= texts_of(path.read_text(encoding="utf-8"))
    for parameter in HYPERPARAMETERS.values():
        found |= {parameter.label, parameter.help, parameter.group, parameter.unit}
        found |= set(parameter.choices.values())
    for preset in list_presets():
        assert isinstance(preset, Preset)
        found |= {preset.title, preset.tried, preset.changed, preset.found, preset.note}
    from workbench.spec.experiment import _DISAGREEMENTS
    from workbench.window.run_view import RECORD_STATES, STATES

    found |= set(_DISAGREEMENTS.values()) | set(STATES.values()) | set(RECORD_STATES.values())
    return found - {""}


@pytest.fixture(scope="module")
def korean() -> dict[str, str]:
    path = paths.shipped("resources") / "translations" / "ko.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


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
