"""What a large library remembers of its runs, so that it opens without reading each of them.

``.index.sqlite`` in the library holds the records of runs beside what their files looked like
(time, size, inode). The run folders stay the truth: a record counts only while its files look the
same, and the index may be deleted at any time. It is never waited for: where it cannot be read or
written, the library does without.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from workbench import atomic
from workbench.library.run_folder import RunRecord

FILE = ".index.sqlite"

_SHARED = ("data", "environment")
"""Fields that many runs have in common: equal ones are kept and read once."""

_PLAIN = tuple(f.name for f in fields(RunRecord) if f.name not in (*_SHARED, "folder"))

VERSION = zlib.crc32(",".join((*_PLAIN, *_SHARED)).encode()) >> 1
"""Changes with the fields of a record; an index of another version is made anew."""

Seen = tuple[int, ...]
"""What the files of a run looked like."""


class RunIndex:
    """The index of the library in ``library``. For one thread."""

    def __init__(self, library: Path) -> None:
        self._path = library / FILE
        self._library = library
        self._connection: sqlite3.Connection | None = None
        self._off = False
        self._shared: dict[int, Any] = {}

    def find(self, name: str, seen: Seen) -> RunRecord | None:
        """The record of the run in the folder ``name``, if its files still look as ``seen``."""
        connection = self._open(create=False)
        if connection is None:
            return None
        try:
            row = connection.execute(
                "SELECT seen, plain, data, environment FROM runs WHERE name = ?", (name,)
            ).fetchone()
            if row is None or row[0] != _text(seen):
                return None
            plain = dict(zip(_PLAIN, _decode(row[1])[0], strict=True))
            plain["data"] = self._value(connection, row[2])
            plain["environment"] = self._value(connection, row[3])
        except (sqlite3.Error, ValueError, TypeError):
            self._give_up()
            return None
        plain["tags"] = tuple(plain["tags"])
        return RunRecord(**plain, folder=self._library / name)

    def save(self, runs: Iterable[tuple[Seen, RunRecord]]) -> None:
        """Remembers the records, in one transaction."""
        connection = self._open(create=True)
        if connection is None:
            return
        rows = [
            (
                run.folder.name,
                _text(seen),
                _json([getattr(run, name) for name in _PLAIN]),
                *(_json(getattr(run, name)) for name in _SHARED),
            )
            for seen, run in runs
        ]
        texts = {(text,) for row in rows for text in row[3:]}
        number = "(SELECT id FROM texts WHERE text = ?)"
        try:
            with connection:
                connection.executemany("INSERT OR IGNORE INTO texts (text) VALUES (?)", texts)
                connection.executemany(
                    f"REPLACE INTO runs VALUES (?, ?, ?, {number}, {number})", rows
                )
        except sqlite3.Error:
            self._give_up()

    def keep_only(self, names: Iterable[str]) -> None:
        """Forgets the runs that are no longer there."""
        connection = self._open(create=False)
        if connection is None:
            return
        try:
            known = {name for (name,) in connection.execute("SELECT name FROM runs")}
            gone = [(name,) for name in known.difference(names)]
            with connection:
                connection.executemany("DELETE FROM runs WHERE name = ?", gone)
        except sqlite3.Error:
            self._give_up()

    def close(self) -> None:
        """Closes the file; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._shared = {}

    def _value(self, connection: sqlite3.Connection, number: int) -> Any:
        if number not in self._shared:
            query = "SELECT text FROM texts WHERE id = ?"
            (text,) = connection.execute(query, (number,)).fetchone()
            self._shared[number] = json.loads(text)
        return self._shared[number]

    def _open(self, create: bool) -> sqlite3.Connection | None:
        if self._off or self._connection is not None:
            return self._connection
        if not self._path.exists() and not (create and self._library.is_dir()):
            return None
        try:
            connection = sqlite3.connect(self._path, timeout=0)
        except sqlite3.Error:
            self._off = True
            return None
        try:
            self._prepare(connection)
        except sqlite3.Error as error:
            connection.close()
            if "locked" not in str(error):  # else another window writes it; this one does without
                with suppress(OSError):
                    atomic.delete(self._path)
            self._off = True
            return None
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # Nothing is lost with it: no wait for the disk.
        connection.execute("PRAGMA synchronous = OFF")
        with closing(connection.execute("PRAGMA user_version")) as cursor:
            version = cursor.fetchone()[0]
        if version == VERSION:
            return
        with connection:
            connection.execute("DROP TABLE IF EXISTS runs")
            connection.execute("DROP TABLE IF EXISTS texts")
            connection.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
            connection.execute(
                "CREATE TABLE runs (name TEXT PRIMARY KEY, seen TEXT, plain TEXT, "
                "data INTEGER, environment INTEGER)"
            )
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def _give_up(self) -> None:
        """Damaged, locked or on a full disk: for this session the runs are read one by one."""
        self.close()
        self._off = True


_decode = json.JSONDecoder().raw_decode
"""``json.loads`` without its look for white space, which takes longer than the rest."""


def _text(seen: Seen) -> str:
    return ",".join(map(str, seen))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
