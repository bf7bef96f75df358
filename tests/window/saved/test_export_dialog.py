"""Export in the window, and runs that are dropped on it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialogButtonBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.library.made_runs import make_run
from workbench.exporters.export import export
from workbench.library.catalog import Library
from workbench.window.kit.save_file import FolderDialog
from workbench.window.saved.export_dialog import ExportDialog
from workbench.window.saved.sharing import Sharing
from workbench.words.titles import run_title


def choose(dialog: ExportDialog, name: str) -> None:
    dialog.formats.setCurrentIndex(dialog.formats.findData(name))


def test_tables_are_written_and_what_was_checked_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    run = make_run(Library(tmp_path / "library"), accuracies=(20.0,))
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = ExportDialog([run], [run], parent)
    dialog.show()
    choose(dialog, "csv")
    assert not dialog.best.isVisible()
    dialog.write_to(str(tmp_path / "tables"))
    qtbot.waitUntil(lambda: dialog.show_button.isVisible(), timeout=10_000)
    assert "Read again: 1 run, 1 epoch, 4 steps." in dialog.answer.text()
    assert (tmp_path / "tables" / "steps.csv").is_file()
    with qtbot.waitSignal(dialog.show_in_folder_requested) as asked:
        dialog.show_button.click()
    assert asked.args == [tmp_path / "tables"]
    choose(dialog, "safetensors")
    dialog.write_to(str(tmp_path / "m.safetensors"))
    qtbot.waitUntil(lambda: "has no weights" in dialog.answer.text(), timeout=10_000)
    dialog.reject()


def test_what_traces_the_network_waits_until_nothing_trains(qtbot: QtBot, tmp_path: Path) -> None:
    run = make_run(Library(tmp_path / "library"), accuracies=(20.0,))
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = ExportDialog([run], [], parent)
    dialog.set_busy(lambda: True)
    choose(dialog, "pt2")
    assert not dialog.go.isEnabled()
    assert "Not available while something is running." in dialog.help.text()
    choose(dialog, "csv")
    assert dialog.go.isEnabled()
    dialog.reject()


def test_a_share_comes_in_and_what_is_none_is_a_sentence(qtbot: QtBot, tmp_path: Path) -> None:
    run = make_run(Library(tmp_path / "library"), accuracies=(20.0,))
    export([run], "share", tmp_path / "m.zip")
    parent = QWidget()
    qtbot.addWidget(parent)
    there = Library(tmp_path / "there")
    sharing = Sharing(there, parent)
    said: list[str] = []
    problems: list[str] = []
    sharing.said.connect(said.append)
    sharing.problem.connect(problems.append)
    for _ in range(2):
        with qtbot.waitSignal(sharing.imported, timeout=10_000):
            sharing.bring_in(tmp_path / "m.zip")
    assert [text for text in said if "MB" not in text] == [
        "Imported: 1 run.",
        "Already in the library: 1 run.",
    ]
    assert [record.id for record in there.runs()] == [run.id]
    (tmp_path / "bad.zip").write_bytes(b"x")
    with qtbot.waitSignal(sharing.problem, timeout=10_000):
        sharing.bring_in(tmp_path / "bad.zip")
    assert "is no share of this program" in problems[0]


def test_the_run_is_named_and_what_was_written_goes_with_its_format(
    qtbot: QtBot, tmp_path: Path
) -> None:
    run = make_run(Library(tmp_path / "library"), accuracies=(20.0,))
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = ExportDialog([run], [run], parent)
    dialog.show()
    assert dialog.runs.text() == run_title(run)
    choose(dialog, "csv")
    assert "cifar-workbench-csv" in dialog.help.text()
    dialog.write_to(str(tmp_path / "cifar-workbench-csv"))
    qtbot.waitUntil(lambda: dialog.show_button.isVisible(), timeout=10_000)
    assert str(tmp_path / "cifar-workbench-csv") in dialog.answer.text()
    choose(dialog, "html")
    assert dialog.answer.text() == ""
    assert not dialog.show_button.isVisible()
    dialog.reject()


def test_a_folder_that_is_not_there_is_made_and_remembered(qtbot: QtBot, tmp_path: Path) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    chosen: list[str] = []
    asked = FolderDialog(parent, "Export")
    asked.fileSelected.connect(chosen.append)
    asked.setDirectory(str(tmp_path))
    asked.show()
    line = asked.findChild(QLineEdit, "fileNameEdit")
    qtbot.keyClicks(line, "made")
    buttons = asked.findChild(QDialogButtonBox)
    button = next(b for b in buttons.buttons() if b.text().strip("&") == "Choose")
    qtbot.waitUntil(button.isEnabled)
    button.click()
    assert (tmp_path / "made").is_dir()
    assert chosen == [str(tmp_path / "made")]
    following = FolderDialog(parent, "Export")
    assert following.directory().absolutePath() == str(tmp_path / "made")
    following.close()
