"""A run that is shown from its files, some of which are damaged."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from tests.library.made_runs import make_run
from workbench.library.catalog import Library
from workbench.library.run_folder import read_record
from workbench.window.run.run_view import RunView
from workbench.window.work.live_runs import LiveRuns


def test_a_damaged_test_is_said_and_the_rest_is_shown(qtbot: QtBot, tmp_path: Path) -> None:
    run = make_run(Library(tmp_path), "001", [20.0, 30.0], prediction_seed=1)
    (run.folder / "test.json").write_text('{"per_class": ["x"]}')
    view = RunView(LiveRuns())
    qtbot.addWidget(view)
    view.show()
    view.show_record(read_record(run.folder))
    assert view.record is not None
    assert view.record.id == run.id
    said = view.header.findChildren(type(view.header._message_label))
    assert any("runs check --fix" in label.text() for label in said)
    assert view.live.step_count() > 0
