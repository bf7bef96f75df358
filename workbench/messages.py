"""Sentences for people: a template and its values, so that the window can translate them.

The template is the key of the translation; ``str()`` gives the English sentence.
"""

from __future__ import annotations

import string

from workbench.plain_text import visible


class Count(int):
    """A number of things, which picks their form: ``"{count:image|images}"`` gives ``1 image`` and
    ``1,024 images``. Without forms, as in a language that has none, it is the number alone."""

    def __format__(self, forms: str) -> str:
        number = format(int(self), ",")
        if "|" not in forms:
            return number
        one, many = forms.split("|")
        return f"{number} {one if self == 1 else many}"


class Message:
    """One sentence: ``Message("{path}: not found.", path=path)``.

    ``template`` is a ``str.format`` template, ``values`` its fields. A value may be a
    ``Message`` of its own. Texts among them come from files and from people: what they hide is
    shown as escapes, so that the sentence stays one line.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        self.template = template
        self.values = values

    def __str__(self) -> str:
        return self.template.format(**{name: plain(v) for name, v in self.values.items()})

    def __repr__(self) -> str:
        return f"Message({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def plain(value: object) -> object:
    """A value for a sentence: numbers stay numbers, as templates format them."""
    if value is None or isinstance(value, int | float | Message):
        return value
    return visible(value)


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
