"""Named choices that the program can be extended with: networks, optimizers, schedulers.

A choice is declared with its name, its words and the hyperparameters that have an effect with it.
YAML files, ``--set``, the form and the written report read the registries, so that a new choice
appears in all of them.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar


@dataclass(frozen=True)
class Choice:
    """One choice of a registry.

    Args:
        name: as YAML and ``--set`` write it: lower case letters, digits and ``_``.
        label: as the form shows it.
        help: one or two sentences for the form and ``--help``.
        fields: hyperparameters that have an effect only with choices that name them.
        korean: Korean for ``label`` and ``help`` by the English text, where
            ``resources/translations/ko.yaml`` does not have it.
    """

    name: str
    label: str
    help: str = ""
    fields: tuple[str, ...] = ()
    korean: Mapping[str, str] = field(default_factory=dict)


C = TypeVar("C", bound=Choice)


class Registry(Mapping[str, C], Generic[C]):
    """Choices by name, in the order in which they were added. ``more`` adds others when they are
    looked at for the first time."""

    def __init__(self, *choices: C, more: Callable[[Registry[C]], None] | None = None) -> None:
        self._known: dict[str, C] = {}
        self._more = None
        for choice in choices:
            self.add(choice)
        self._more = more

    @property
    def _choices(self) -> dict[str, C]:
        if self._more is not None:
            more, self._more = self._more, None
            more(self)
        return self._known

    def add(self, choice: C) -> None:
        """Add ``choice``. Raises ``ValueError`` where its name is no plain name, or is taken."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", choice.name):
            raise ValueError(f"{choice.name!r} is no name for a choice: use a-z, 0-9 and _")
        if choice.name in self._choices:
            raise ValueError(f"{choice.name!r} is there already")
        self._choices[choice.name] = choice

    def remove(self, name: str) -> None:
        """Take out what :meth:`add` added. Raises ``KeyError`` where it is not there."""
        del self._choices[name]

    def __getitem__(self, name: str) -> C:
        return self._choices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._choices)

    def __len__(self) -> int:
        return len(self._choices)

    @property
    def labels(self) -> Mapping[str, str]:
        """Label by name: a view that knows choices added later."""
        return _Labels(self)

    def using(self, hyperparameter: str) -> tuple[str, ...]:
        """Return the names of the choices with which ``hyperparameter`` has an effect; empty where
        it does not depend on this registry."""
        return tuple(c.name for c in self._choices.values() if hyperparameter in c.fields)


class _Labels(Mapping[str, str]):
    def __init__(self, registry: Registry[Any]) -> None:
        self._registry = registry

    def __getitem__(self, name: str) -> str:
        return self._registry[name].label

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry)

    def __len__(self) -> int:
        return len(self._registry)


def resolve(function: Callable[..., Any] | str) -> Callable[..., Any]:
    """Return ``function`` itself, or the one that ``"package.module:name"`` names, imported now:
    a declaration stays free of what only its builder needs."""
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
