"""The help: terms, plots and first steps, in both languages from ``resources/help/*.yaml``, the one
place where they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench import paths
from workbench.spec import plain_yaml
from workbench.spec.experiment import HYPERPARAMETERS

LARGEST_FILE, MOST_VALUES = 200_000, 5_000
"""Bytes and values of a file of help."""

PLOT_PARTS = ("drawn", "measured", "unsaid")
"""What is drawn, how it is measured, what it does not say."""


@dataclass(frozen=True)
class HelpEntry:
    """``texts``: one paragraph, of a plot one for each of :data:`PLOT_PARTS`. ``also``: other
    labels of the screen that mean it. ``on``: the object name of the widget that it is about."""

    key: str
    name: str
    texts: tuple[str, ...]
    also: tuple[str, ...] = ()
    on: str = ""


@dataclass(frozen=True)
class HelpTexts:
    """Everything in one language. ``terms`` by name, ``plots`` and ``steps`` in their order."""

    terms: tuple[HelpEntry, ...]
    plots: tuple[HelpEntry, ...]
    steps: tuple[HelpEntry, ...]

    def term(self, key: str) -> HelpEntry | None:
        """Return the term with this key; ``None`` where there is none."""
        return next((entry for entry in self.terms if entry.key == key), None)

    def plot_on(self, name: str) -> HelpEntry | None:
        """Return the plot whose widget has this object name."""
        return next((entry for entry in self.plots if entry.on == name), None)

    def of_label(self, label: str) -> HelpEntry | None:
        """Return the term that a label of the screen shows: by its name or another label of it,
        else the longest of these that the label begins with."""
        label = _plain(label)
        if not label:
            return None
        # A term before the hyperparameter of the same name, as "precision" of a class.
        terms = sorted(self.terms, key=lambda entry: entry.key not in HYPERPARAMETERS)
        named = {_plain(name): entry for entry in terms for name in (*entry.also, entry.name)}
        if label in named:
            return named[label]
        beginning = [n for n in named if len(n) > 1 and label.startswith(n) and _ends(label, n)]
        return named[max(beginning, key=len)] if beginning else None


def _plain(label: str) -> str:
    return " ".join(label.replace("&", "").strip(" :…·").casefold().split())


def _ends(label: str, name: str) -> bool:
    """Return whether a word ends in ``label`` where ``name`` does."""
    return not label[len(name) : len(name) + 1].isalnum()


def read_help(language: str, translate: Callable[[str], str] = str) -> HelpTexts:
    """Return the help in ``"en"`` or ``"ko"``.

    ``translate`` puts the labels and the help of hyperparameters into the language: they are
    declared with them, and stand among the terms. Raises :class:`WorkbenchError` where a file is
    not what it must be.
    """
    own = [
        HelpEntry(name, translate(p.label), (translate(p.help),))
        for name, p in HYPERPARAMETERS.items()
    ]
    terms = [*own, *(_entry(key, raw, language, ("text",)) for key, raw in read_file("terms"))]
    return HelpTexts(
        terms=tuple(sorted(terms, key=lambda entry: entry.name.casefold())),
        plots=tuple(_entry(key, raw, language, PLOT_PARTS) for key, raw in read_file("plots")),
        steps=tuple(_entry(key, raw, language, ("text",)) for key, raw in read_file("first_steps")),
    )


def read_file(name: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the entries of ``resources/help/<name>.yaml`` as they stand."""
    path = paths.shipped("resources") / "help" / f"{name}.yaml"
    content = plain_yaml.parse(plain_yaml.read_text(path, LARGEST_FILE), MOST_VALUES).content
    return list(content.items())


def _entry(key: str, raw: Mapping[str, Any], language: str, parts: tuple[str, ...]) -> HelpEntry:
    own = raw[language]
    return HelpEntry(
        key,
        own["name"],
        tuple(own[part] for part in parts),
        tuple(own.get("also", ())),
        raw.get("on", ""),
    )
