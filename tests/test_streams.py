"""Streams that are closed, full, left by their reader, or in an encoding of their own; and what
Ctrl-C, a kill and a hang-up do."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import cli, paths
from workbench.commands.output import print_json
from workbench.commands.terminal import signals_stop
from workbench.engine.control import RunControl
from workbench.library.catalog import Library
from workbench.spec.experiment import experiment_from
from workbench.spec.presets import save_preset

QUICK = ["--set", "epochs=1", "--set", "batch_size=100", "--dataset", "sample", "--device", "cpu"]
NAMES = 'é 한글 🙂 \\ "'

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix shell")


# --- the encoding of a console --------------------------------------------------------------


def console(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    """Standard output and standard error in ``encoding``, as Python opens them."""
    written = io.BytesIO()
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(written, encoding=encoding, write_through=True)
        monkeypatch.setattr(sys, name, stream)
    return written


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp949", "cp437", "utf-8"])
def test_json_is_json_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save_preset(NAMES, experiment_from({}))
    written = console(monkeypatch, encoding)
    assert cli.main(["presets", "--json"]) == 0
    assert json.loads(written.getvalue().decode(encoding))[-1]["title"] == NAMES


def test_lone_surrogates_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "\ud800"})
    assert json.loads(capsys.readouterr().out.encode("ascii")) == {"name": "\ud800"}


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp949"])
def test_words_that_a_console_lacks_are_escaped(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_preset("한글 ✓", experiment_from({}))
    written = console(monkeypatch, encoding)
    assert cli.main(["presets"]) == 0
    assert cli.main(["train", "없음 ✓"]) == 2
    text = written.getvalue().decode(encoding)
    assert ("한글" if encoding == "cp949" else "\\ud55c\\uae00") in text
    assert "\\u2713: there is no such preset" in text


# --- closed, full, or left ------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_console_a_command_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):  # as pythonw has them
        monkeypatch.setattr(sys, name, None)
    assert cli.main(["presets"]) == 0
    assert cli.main(["train", "099"]) == 2
    assert cli.main(["train", "001", *QUICK, "--json"]) == 0
    assert [run.status for run in Library().runs()] == ["finished"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_run_whose_output_has_no_room_is_kept_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", full)
        code = cli.main(["train", "001", *QUICK])
    assert code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Standard output: cannot be written (the disk is full)")
    assert [run.status for run in Library().runs()] == ["finished"]


SHELL = {
    "closed output": "{command} presets >&-",
    "closed error": "{command} train 099 2>&-",
    "all closed": "{command} runs check <&- >&- 2>&-",
    "full": "{command} presets --help >/dev/full",
    "full error": "{command} train 099 2>/dev/full",
    "left": "({command} presets; echo $? >&2) | head -c 1",
    "C": "env -u PYTHONIOENCODING LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 "
    "{command} presets --json",
    "no folder": "mkdir gone && cd gone && rmdir ../gone && {command} runs",
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str]]:
    """Exit code, standard output and standard error of each of ``SHELL``, side by side."""
    home = tmp_path_factory.mktemp("home")
    (home / "presets").mkdir()
    (home / "presets" / "own.yaml").write_text(
        'title: "é 한글"\nexperiment: {}\n', encoding="utf-8"
    )
    top = str(Path(cli.__file__).parents[1])
    command = f"{sys.executable} -m workbench"
    running = {
        name: subprocess.Popen(
            ["sh", "-c", line.format(command=command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=home,
            env={**os.environ, "PYTHONPATH": top, "CIFAR_WORKBENCH_HOME": str(home)},
        )
        for name, line in SHELL.items()
    }
    return {name: _ended(process) for name, process in running.items()}


def _ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.mark.slow
def test_a_closed_stream_ends_nothing(shell: dict[str, tuple[int, str, str]]) -> None:
    assert shell["closed output"] == (0, "", "")
    assert shell["closed error"] == (2, "", "")
    assert shell["all closed"] == (0, "", "")


def test_output_that_is_lost_is_said_and_a_reader_that_leaves_is_not(
    shell: dict[str, tuple[int, str, str]],
) -> None:
    code, _, err = shell["full"]
    assert (code, len(err.splitlines())) == (1, 1)
    assert "the disk is full" in err
    assert shell["full error"] == (2, "", "")
    assert shell["left"] == (0, "p", "0\n")


def test_json_in_the_c_locale(shell: dict[str, tuple[int, str, str]]) -> None:
    code, out, err = shell["C"]
    assert (code, err) == (0, "")
    assert json.loads(out.encode("ascii"))[-1]["title"] == "é 한글"


def test_a_current_folder_that_was_deleted_is_one_sentence(
    shell: dict[str, tuple[int, str, str]],
) -> None:
    code, out, err = shell["no folder"]
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == (
        "The current folder was deleted; go to another one and try again."
    )
    assert "Traceback" not in err


# --- signals --------------------------------------------------------------------------------


WHILE_IMPORTING = """
import os, sys, importlib.abc

class Interrupts(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "workbench.cli":
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Interrupts())
sys.argv = ["cifar-workbench", "frobnicate"]
from workbench.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_signal_while_modules_are_imported_ends_without_a_traceback(
    number: signal.Signals, code: int
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WHILE_IMPORTING.format(number=int(number))],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", "")


@pytest.mark.slow
def test_what_was_ignored_at_the_start_stays_ignored(tmp_path: Path) -> None:
    # As nohup and a script's background jobs start it; a kill still stops the run and keeps it.
    command = f"{sys.executable} -m workbench train 001 --set epochs=5000 --set batch_size=100"
    running = subprocess.Popen(
        ["sh", "-c", f"trap '' HUP INT; exec {command} --dataset sample --device cpu --json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
    )
    _until(lambda: bool(_epochs_done()))
    running.send_signal(signal.SIGHUP)
    running.send_signal(signal.SIGINT)
    before = _epochs_done()
    _until(lambda: _epochs_done() > before + 1 or running.poll() is not None)
    assert running.poll() is None
    running.terminate()
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert json.loads(out)["status"] == "stopped"


def _epochs_done() -> int:
    return max((run.epochs_done for run in Library(paths.library()).runs()), default=0)


def _until(happened: Any) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def handlers() -> Iterator[dict[int, Any]]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


def test_each_signal_stops_the_run_and_is_given_back(handlers: dict[int, Any]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it for the tests too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    before = {number: signal.getsignal(number) for number in handlers}
    for number in handlers:
        control = RunControl()
        with signals_stop(control, io.StringIO()) as happened:
            os.kill(os.getpid(), number)
            assert happened
        assert control.stopping
        assert {n: signal.getsignal(n) for n in handlers} == before


def test_a_signal_that_is_ignored_is_left_alone(handlers: dict[int, Any]) -> None:
    for number in handlers:
        signal.signal(number, signal.SIG_IGN)
    control = RunControl()
    with signals_stop(control, io.StringIO()) as happened:
        for number in handlers:
            os.kill(os.getpid(), number)
    assert not happened
    assert not control.stopping
    assert {signal.getsignal(number) for number in handlers} == {signal.SIG_IGN}


def test_where_there_is_no_hang_up_ctrl_c_stops(
    handlers: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(signal, "SIGHUP")  # as on Windows
    control = RunControl()
    with signals_stop(control, io.StringIO()):
        os.kill(os.getpid(), signal.SIGINT)
    assert control.stopping
