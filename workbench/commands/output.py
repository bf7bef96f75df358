"""What commands print: JSON, tables, and which runs they were given."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workbench import atomic, paths
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord, plain_json, read_record
from workbench.library.trash import FOLDER as TRASH
from workbench.messages import WorkbenchError
from workbench.plain_text import shortened, table_cell, visible


def print_json(value: object) -> None:
    """``value`` as the one JSON value of the output; NaN and infinity are null. In ASCII: an
    escape that a terminal's encoding puts for what it lacks would be no JSON."""
    print(json.dumps(json.loads(plain_json(value)), indent=2))


def text_table(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """``rows`` of equal length in aligned columns: the first to the left, others to the right.
    What cells hide is shown."""
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def write_csv(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Replace ``path``; cells as :func:`table_cell` makes them. Raises :class:`WorkbenchError`
    where it cannot be written."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(table_cell, row) for row in rows)
    write_file(path, text.getvalue())


def write_file(path: Path, text: str) -> None:
    """Replace ``path``. Raises :class:`WorkbenchError` where it cannot be written."""
    try:
        atomic.write_text(path.absolute(), text)
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written ({reason}).", path=path, reason=error.strerror
        ) from None


def find_runs(names: Sequence[str], library: Library) -> list[RunRecord]:
    """The runs named by folder, or by id in ``library``, in this order.

    Raises :class:`WorkbenchError` for one that is not there.
    """
    return [_find_run(name, library) for name in names]


def _find_run(name: str, library: Library) -> RunRecord:
    # As an id only where it is a plain name: `..` leads out of the library.
    by_id = [library.path / name] if name and Path(name).name == name and name != ".." else []
    by_path = [paths.expanded(name)] if name else []
    for folder in (*by_path, *by_id):
        with suppress(OSError, ValueError):  # a name that is too long for the disk
            if not (folder / "run.json").is_file():
                continue
            folder = folder.absolute()
            if folder.parent.name == TRASH:
                raise WorkbenchError(
                    "{path}: is in the trash; `cifar-workbench runs trash --restore {name}` "
                    "brings it back.",
                    path=folder,
                    name=folder.name,
                )
            return read_record(folder)
    raise WorkbenchError(
        "{name}: there is no such run; name its folder, or its id in {library} "
        "(`cifar-workbench runs` lists them).",
        name=shortened(name),
        library=library.path,
    )
