"""Sentences for people: a template and its values, so that the window can translate them.

The template is the key of the translation; ``str()`` gives the English sentence.
"""

from __future__ import annotations

import string


class Message:
    """One sentence: ``Message("{path}: not found.", path=path)``.

    ``template`` is a ``str.format`` template, ``values`` its fields. A value may be a
    ``Message`` of its own.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        self.template = template
        self.values = values

    def __str__(self) -> str:
        return self.template.format(**self.values)

    def __repr__(self) -> str:
        return f"Message({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def plain_fields(template: str) -> list[str] | None:
    """The names of the fields of ``template``; ``None`` where it is no format string of plain
    fields alone (``{name}``, without index, attribute, conversion or format)."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return None
    named = [(name, form, how) for _, name, form, how in parts if name is not None]
    if any(not name.isidentifier() or form or how for name, form, how in named):
        return None
    return [name for name, _, _ in named]


class WorkbenchError(Exception):
    """Something the person can mend. ``str()`` is one plain sentence: what happened, to
    which file or field, what to do next."""

    def __init__(self, template: str | Message, /, **values: object) -> None:
        self.message = template if isinstance(template, Message) else Message(template, **values)
        super().__init__(str(self.message))


class Cancelled(Exception):
    """The person cancelled a download or the loading of data: nothing to report."""
