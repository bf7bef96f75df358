"""The YAML that this program reads: plain scalars, lists and mappings, and nothing else of YAML.

Scalars stay the text that was written (``null`` and nothing at all are ``None``), and the field
that takes one makes a number of it: YAML's own rules read ``010`` as 8, ``1:30`` as 90, ``no`` as
false, and fail at ``2024-13-45``. Tags, anchors and aliases, duplicate keys, several documents,
and what is larger or deeper than any file of ours are refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from workbench.messages import Message, WorkbenchError
from workbench.plain_text import shortened

LARGEST_FILE = 64_000
"""In bytes. The longest preset of the report has 2,500."""
DEEPEST = 8
"""Lists and mappings in each other."""
MOST_VALUES = 5_000
"""Scalars, lists and mappings in all."""

_NULLS = ("", "~", "null", "Null", "NULL")
# libyaml where PyYAML was built with it: start-up pays for the reading.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class PlainYaml:
    """``content``: texts, ``None``, lists and dicts with texts as keys. ``lines``: the line,
    from 1, of each key, by the keys that lead to it."""

    content: Any
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def line_of(self, *keys: object) -> int:
        """The line of the last of these ``keys`` that is in the file; 1 where none is."""
        path = tuple(map(str, keys))
        return next(
            (self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 1
        )


class YamlError(WorkbenchError):
    """A text that is not YAML of the kind above; ``line`` counts from 1."""

    def __init__(self, line: int, message: Message) -> None:
        self.line = line
        super().__init__(message)


def read_text(path: Path, largest: int = LARGEST_FILE) -> str:
    """The text of a regular file in UTF-8.

    Raises :class:`WorkbenchError` for what is not there, not a regular file, longer than
    ``largest`` bytes, or not UTF-8.
    """
    try:
        # A FIFO in the file's place would wait for a writer forever.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise WorkbenchError("{path}: is not a regular file.", path=path)
            content = file.read(largest + 1)
        if len(content) > largest:
            raise WorkbenchError(
                "{path}: is larger than {limit} kB, too large for such a file.",
                path=path,
                limit=largest // 1000,
            )
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise WorkbenchError("{path}: there is no such file.", path=path) from None
    except IsADirectoryError:
        raise WorkbenchError("{path}: is not a regular file.", path=path) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise WorkbenchError(
            "{path}: cannot be read ({reason}).", path=path, reason=reason
        ) from None


def parse(text: str, most_values: int = MOST_VALUES) -> PlainYaml:
    """The one document in ``text``; ``content`` is ``None`` where there is none.

    Raises :class:`YamlError`.
    """
    try:
        reader = _Reader(yaml.parse(text, Loader=_LOADER), most_values)
        content = reader.document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = getattr(error, "position", 0)
        line = mark.line + 1 if mark else text.count("\n", 0, place) + 1
        raise YamlError(line, Message("is not valid YAML")) from None
    return PlainYaml(content, reader.lines)


class _Reader:
    def __init__(self, events: Iterator[Any], most_values: int) -> None:
        self._events = events
        self._left = most_values
        self.lines: dict[tuple[str, ...], int] = {}

    def document(self) -> Any:
        content, documents = None, 0
        event: Any
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    _refuse(event, Message("a second document begins here, and only one is read"))
            elif isinstance(event, yaml.NodeEvent):
                content = self._node(event, ())
        return content

    def _node(self, event: Any, path: tuple[str, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            _refuse(event, Message("there are more values than such a file has"))
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            _refuse(
                event,
                Message("anchors and aliases (& and *) are not read; put such text in quotes"),
            )
        if event.tag is not None:
            _refuse(event, Message("tags (!) are not read; put such text in quotes"))
        if isinstance(event, yaml.ScalarEvent):
            return None if not event.style and event.value in _NULLS else event.value
        if len(path) >= DEEPEST:
            _refuse(event, Message("there are more than {count} levels", count=DEEPEST))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return self._mapping(path)

    def _list(self, path: tuple[str, ...]) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._node(event, (*path, str(len(values)))))
        return values

    def _mapping(self, path: tuple[str, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                _refuse(event, Message("a name must stand before the colon"))
            self._node(event, ())
            key = event.value
            if key in values:
                _refuse(event, Message("{key} stands there twice", key=shortened(key)))
            self.lines[(*path, key)] = _line(event)
            values[key] = self._node(next(self._events), (*path, key))
        return values


def _refuse(event: Any, message: Message) -> NoReturn:
    raise YamlError(_line(event), message)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
