"""``cifar-workbench report``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.conftest import Call
from tests.library.made_runs import make_run
from workbench.library.catalog import Library


def test_html_and_markdown_by_the_ending(call: Call, library: Library, tmp_path: Path) -> None:
    record = make_run(library)
    page = tmp_path / "report.html"
    code, out, err = call("report", record.id, "-o", page)
    assert (code, err) == (0, "")
    assert out == f"Wrote {page}.\n"
    assert record.id in page.read_text(encoding="utf-8")
    code, out, _ = call("report", record.folder, "-o", tmp_path / "r.md", "--json")
    files = json.loads(out)["files"]
    assert code == 0
    assert all(Path(file).is_file() for file in files)
    assert len(files) == 4  # the page, two plots and the drawing of the network


def test_what_cannot_be_written(call: Call, library: Library, tmp_path: Path) -> None:
    record = make_run(library)
    code, out, err = call("report", record.id, "-o", tmp_path / "report.docx")
    assert (code, out) == (2, "")
    assert ".html or .md" in err
    assert call("report", record.id)[0] == 2
    assert call("report", "-o", tmp_path / "a.html")[0] == 2
