"""What commands print of other people's texts, and which names of runs they take."""

from __future__ import annotations

import ast
import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

import workbench
from tests.commands.conftest import Call
from tests.library.made_runs import CIFAR10_JPEG, make_run
from workbench import cli, paths
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.plain_text import visible
from workbench.spec.experiment import experiment_from
from workbench.spec.presets import save_preset

EVIL = "x\x1b[2J\x9b31m\u202e\r\nRun: forged\u2028y\ud800"
TYPED = EVIL.replace("\ud800", "\udcb0")
"""As an argument: what is not UTF-8 there is such a surrogate."""


@pytest.fixture
def library(home: Path) -> Library:
    return Library(home / "library")


def evil_run(library: Library, seed: int = 0) -> RunRecord:
    classes = [f"{EVIL}{number}" for number in range(10)]
    run = make_run(
        library, data={**CIFAR10_JPEG, "name": EVIL, "classes": classes}, name=EVIL, seed=seed
    )
    path = run.folder / "test.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "classes": classes}))
    return library.label(
        run, lambda labels: replace(labels, name=EVIL, notes=f"one\n{EVIL}", tags=("a\x1bb",))
    )


def is_harmless(text: str) -> bool:
    return all(
        line.isprintable() and not line.startswith("Run: forged") for line in text.split("\n")
    )


def test_no_command_lets_a_text_reach_the_terminal(
    call: Call, library: Library, tmp_path: Path
) -> None:
    run, other = evil_run(library), evil_run(library, 1)
    broken = library.path / "broken\x1b[31m"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    save_preset("mine", experiment_from({}))
    own = paths.user_presets() / "mine\x1b.yaml"
    own.write_text('title: "\\e[31m"\nexperiment: {}\ncolor: 1\n')
    for command in (
        ("runs",),
        ("runs", "label", run.id, "--star"),
        ("runs", "check"),
        ("compare", run.id, other.id),
        ("report", run.id, "-o", str(tmp_path / "r.html")),
        ("presets",),
        ("train", TYPED),
        ("train", "001", "--set", f"epochs={TYPED}"),
        ("train", "001", "--set", f"{TYPED}=1"),
        ("train", "001", "--dataset", TYPED),
        ("resume", TYPED),
        ("test", TYPED),
        ("inspect", TYPED),
        ("predict", TYPED, TYPED),
        ("runs", TYPED),
        ("runs", "trash", TYPED),
        ("runs", "trash", run.id),
        ("runs", "trash"),
        ("runs", "trash", "--restore", TYPED),
    ):
        _, out, err = call(*command)
        assert is_harmless(out), command
        assert is_harmless(err), command
        assert "unexpected" not in err
        assert "does not know" not in err, command
    _, out, _ = call("runs")
    assert r"x\x1b[2J\x9b31m\u202e\r\nRun: forged\u2028y�" in out


def test_what_argparse_says_and_help_with_a_percent_sign(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CIFAR_WORKBENCH_HOME", str(tmp_path / "100%s\x1b"))
    code, out, _ = call("runs", "--help")
    assert code == 0
    assert "100%s\\x1b" in out
    code, _, err = call("train", "001", f"--nonsense{TYPED}")
    assert code == 2
    assert is_harmless(err)


def test_every_line_of_the_commands_goes_through_one_place() -> None:
    package = Path(workbench.__file__).parent
    allowed = {("terminal.py", "tell"), ("output.py", "print_json"), ("cli.py", "main")}
    for path in (package / "cli.py", *(package / "commands").glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
                        assert (path.name, function.name) in allowed


def test_a_message_of_the_log_is_one_line(home: Path) -> None:
    format = cli._LogFormat("%(levelname)s %(message)s")
    record = logging.LogRecord("w", logging.ERROR, "", 0, "%s: no", (EVIL,), None)
    assert format.format(record) == f"ERROR {visible(EVIL)}: no"


# --- names of runs ---------------------------------------------------------------------


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def test_restore_takes_a_name_or_the_printed_path_and_nothing_else(
    call: Call, library: Library, home: Path, tmp_path: Path
) -> None:
    live, gone = make_run(library), make_run(library, seed=1)
    _, out, _ = call("runs", "trash", gone.id)
    printed = out.strip()
    trash = library.path / ".trash"
    (trash / "checkpoint.pt").write_bytes(b"x")
    (trash / "link").symlink_to(live.folder)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "run.json").write_text("{}")
    before = files(home)
    for name in (
        *(f"../{live.id}", f"../{gone.id}", str(live.folder), f"./{gone.id}", f"{gone.id}/"),
        *("", ".", "..", "/", "link", "checkpoint.pt", f"x/../{gone.id}", f"{trash}/../{live.id}"),
        *(str(tmp_path / "elsewhere"), f"{trash}//{gone.id}", f"{printed}/", f"{printed}/.", TYPED),
        *("a" * 5_000, f"..\\{live.id}", "~nobody", gone.id.upper() + "x"),
    ):
        code, out, err = call("runs", "trash", "--restore", gone.id, name)
        assert (code, out) == (2, ""), name
        assert err.count("\n") == 1
        assert len(err) < 600
        assert files(home) == before, name
    assert call("runs", "trash", "--restore", printed, gone.id)[0] == 0
    assert {run.id for run in Library(library.path).runs()} == {live.id, gone.id}
    call("runs", "trash", gone.id)
    os.rename(trash, tmp_path / "moved")  # noqa: PTH104
    trash.symlink_to(tmp_path / "moved")
    assert call("runs", "trash", "--restore", gone.id)[0] == 2
    assert (tmp_path / "moved" / gone.id / "run.json").is_file()


def test_other_commands_take_runs_that_are_where_they_say(
    call: Call, library: Library, home: Path, tmp_path: Path
) -> None:
    run, gone = make_run(library), make_run(library, seed=1)
    elsewhere = Library(tmp_path / "other")
    foreign = make_run(elsewhere)
    call("runs", "trash", gone.id)
    trashed = library.path / ".trash" / gone.id
    before = files(home), files(tmp_path / "other")
    for command in (
        ("runs", "trash", str(foreign.folder)),
        ("runs", "trash", str(trashed)),
        ("runs", "trash", f".trash/{gone.id}"),
        ("runs", "label", f".trash/{gone.id}", "--star"),
        ("runs", "label", str(trashed), "--star"),
        ("runs", "label", "", "--star"),
        ("runs", "label", f"x/../{run.id}", "--star"),
        ("resume", str(trashed)),
        ("resume", "a" * 5_000),
        ("compare", "~nobody-of-this-name/x"),
        ("report", "..", "-o", str(tmp_path / "x.html")),
    ):
        code, out, err = call(*command)
        assert (code, out) == (2, ""), command
        assert err.count("\n") == 1, command
        assert (files(home), files(tmp_path / "other")) == before, command
    assert call("runs", "label", str(foreign.folder), "--star")[0] == 0
