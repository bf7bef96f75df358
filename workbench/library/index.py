"""What a large library remembers of its runs, so that it opens without reading each of them.

``.index.sqlite`` in the library holds the records of runs beside what their files looked like
(time, size, inode). The run folders stay the truth: a record counts only while its files look the
same, and the index may be deleted at any time. It is never waited for: where it cannot be read or
written, the library does without. A file in its place that is not exactly ours (another table, a
trigger, a row that no run could have written) is thrown away.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from workbench import atomic
from workbench.library.run_record import (
    DataFile,
    EnvironmentFile,
    RunFigures,
    RunRecord,
    parse_json,
    plain_json,
)
from workbench.library.safe_file import LARGEST_JSON, open_to_read, require_plain

FILE = ".index.sqlite"

LARGEST = 2_000_000_000
"""In bytes; ten thousand runs take 10 million."""

_BESIDE = ("-journal", "-wal", "-shm")
"""Files that SQLite looks for beside a database. It plays back what they say, up to deleting a file
that a journal names; ours never has any."""

_SHARED = ("data", "environment")
"""Fields that many runs have in common: equal ones are kept and read once."""

_PLAIN = tuple(f.name for f in fields(RunRecord) if f.name not in (*_SHARED, "folder"))

_SCHEMA = (
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT UNIQUE)",
    "CREATE TABLE runs (name TEXT PRIMARY KEY, seen TEXT, plain TEXT, data INTEGER, "
    "environment INTEGER)",
)

VERSION = zlib.crc32(",".join((*_PLAIN, *_SHARED, *_SCHEMA, "2")).encode()) >> 1
"""Changes with the fields of a record; an index of another version is made again."""


class _Row(RunFigures):
    """What a row holds of its run: ``run.json`` but for what runs share, and the labels."""

    notes: str
    tags: list[Annotated[str, Field(max_length=10_000)]]
    starred: bool


_SHARED_MODELS: dict[str, type[BaseModel]] = {
    "data": DataFile,
    "environment": EnvironmentFile,
}

Seen = tuple[int, ...]
"""What the files of a run looked like."""


class RunIndex:
    """The index of the library in ``library``. For one thread at a time."""

    def __init__(self, library: Path) -> None:
        self._path = library / FILE
        self._library = library
        self._connection: sqlite3.Connection | None = None
        self._off = False
        self._shared: dict[tuple[str, int], Any] = {}

    def find(self, name: str, seen: Seen) -> RunRecord | None:
        """The record of the run in the folder ``name``, if its files still look as ``seen``."""
        connection = self._open(create=False)
        if connection is None or not _is_text(name):
            return None
        try:
            row = connection.execute(
                "SELECT seen, plain, data, environment FROM runs WHERE name = ?", (name,)
            ).fetchone()
            if row is None or row[0] != _text(seen):
                return None
            plain = parse_json(row[1].encode())
            _Row.model_validate(plain)
            plain["data"] = self._value(connection, "data", row[2])
            plain["environment"] = self._value(connection, "environment", row[3])
            return RunRecord(
                **plain | {"id": name, "tags": tuple(plain["tags"])}, folder=self._library / name
            )
        except sqlite3.OperationalError:
            self._give_up()  # locked, or the disk
        except (sqlite3.Error, ValueError, TypeError, AttributeError, RecursionError, MemoryError):
            self._throw_away()
        return None

    def save(self, runs: Iterable[tuple[Seen, RunRecord]]) -> None:
        """Remember the records, in one transaction."""
        connection = self._open(create=True)
        if connection is None:
            return
        rows = [
            (
                run.folder.name,
                _text(seen),
                plain_json({name: getattr(run, name) for name in _PLAIN}, indent=None),
                *(plain_json(getattr(run, name), indent=None) for name in _SHARED),
            )
            for seen, run in runs
            if _is_text(run.folder.name)
        ]
        texts = {(text,) for row in rows for text in row[3:]}
        number = "(SELECT id FROM texts WHERE text = ?)"
        try:
            with connection:
                connection.executemany("INSERT OR IGNORE INTO texts (text) VALUES (?)", texts)
                connection.executemany(
                    f"REPLACE INTO runs VALUES (?, ?, ?, {number}, {number})", rows
                )
        except (sqlite3.Error, ValueError):
            self._give_up()

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget the runs that are no longer there."""
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
        """Close the file; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._shared = {}

    def _value(self, connection: sqlite3.Connection, field: str, number: int) -> Any:
        if (field, number) not in self._shared:
            query = "SELECT text FROM texts WHERE id = ?"
            (text,) = connection.execute(query, (number,)).fetchone()
            content = parse_json(f'{{"{field}":{text}}}'.encode())
            _SHARED_MODELS[field].model_validate(content)
            self._shared[field, number] = content[field]
        return self._shared[field, number]

    def _open(self, create: bool) -> sqlite3.Connection | None:
        if self._off or self._connection is not None:
            return self._connection
        try:
            self._connection = self._connected(create)
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            self._off = True
            if "locked" in str(error):
                return None  # another window writes it; this one does without
            self._throw_away()
            with suppress(sqlite3.Error, OSError, ValueError, TypeError):
                self._connection = self._connected(create)
                self._off = False
        return self._connection

    def _connected(self, create: bool) -> sqlite3.Connection | None:
        if not self._is_there() and not (create and self._library.is_dir()):
            return None
        connection = sqlite3.connect(self._path, timeout=0, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_there(self) -> bool:
        """Return whether there is a file that may be given to SQLite, which would follow a link,
        wait for a FIFO, and play back what lies beside the file. Raises ``OSError`` where it may
        not."""
        for beside in _BESIDE:
            if os.path.lexists(self._path.with_name(FILE + beside)):
                raise OSError("not a file of ours")
        try:
            require_plain(self._path)
            found = self._path.lstat()
        except FileNotFoundError:
            return False
        if found.st_nlink > 1 or found.st_size > LARGEST:
            raise OSError("not a file of ours")
        if found.st_size:
            with open_to_read(self._path, LARGEST) as file:
                header = file.read(20)
            # The last two bytes say that SQLite writes it with a journal, as we do, and not ahead.
            if header[:16] != b"SQLite format 3\0" or header[18:20] != b"\1\1":
                raise OSError("not a database of ours")
        return True

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_JSON)
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        connection.execute("PRAGMA trusted_schema = OFF")
        # Nothing is lost with it: no wait for the disk, and no file beside it.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")
        with closing(connection.execute("PRAGMA user_version")) as cursor:
            version = cursor.fetchone()[0]
        with closing(connection.execute("SELECT sql FROM sqlite_master LIMIT 10")) as cursor:
            found = {sql for (sql,) in cursor if sql is not None}
        if version == VERSION and found == set(_SCHEMA):
            return
        if found:
            raise ValueError("another index, or none of ours")
        with connection:
            for table in _SCHEMA:
                connection.execute(table)
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def _throw_away(self) -> None:
        """Return what is not ours, or not any more: removed, links themselves and never what they
        lead to. The runs are read one by one."""
        self._give_up()
        for beside in ("", *_BESIDE):
            path = self._path.with_name(FILE + beside)
            with suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    atomic.delete_folder(path)
                else:
                    atomic.delete(path)

    def _give_up(self) -> None:
        """Damaged, locked or on a full disk: for this session the runs are read one by one."""
        self.close()
        self._off = True


def _text(seen: Seen) -> str:
    return ",".join(map(str, seen))


def _is_text(name: str) -> bool:
    """Return whether the database takes a folder's name, which may hold bytes that are no text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
