"""The line that offers to resume what was interrupted before the window was opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from workbench.library.run_folder import RunRecord
from workbench.window.kit.settings import Settings
from workbench.window.saved import interrupted_bar
from workbench.window.saved.interrupted_bar import InterruptedBar


@pytest.fixture(autouse=True)
def _all_have_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupted_bar, "has_checkpoint", lambda folder: True)


def run(number: int, status: str = "interrupted") -> RunRecord:
    return RunRecord(
        id=f"run {number}",
        created=f"2026-11-0{number}T10:00:00+00:00",
        preset="007",
        title=f"Run {number}",
        experiment={"epochs": 3},
        data={"kind": "sample", "name": "sample"},
        device="cpu",
        environment={},
        epochs=3,
        steps_per_epoch=10,
        status=status,  # type: ignore[arg-type]
        folder=Path(f"run {number}"),
    )


def opened(qtbot: QtBot, *runs: RunRecord) -> InterruptedBar:
    bar = InterruptedBar(Settings())
    qtbot.addWidget(bar)
    bar.show_runs(runs)
    return bar


def test_each_run_that_was_dismissed_stays_away(qtbot: QtBot) -> None:
    bar = opened(qtbot, run(1), run(2))
    assert "Run 2" in bar.text.text()
    assert bar.others.text() == "1 more"
    bar.dismiss.click()
    assert bar.isHidden()
    # Also once the newest of them is resumed and ends.
    assert opened(qtbot, run(1), run(2, "finished")).isHidden()
    # A later interruption is offered alone, and dismissing it brings no earlier one back.
    bar = opened(qtbot, run(1), run(2), run(3))
    assert "Run 3" in bar.text.text()
    assert bar.others.isHidden()
    bar.dismiss.click()
    assert opened(qtbot, run(1), run(2), run(3)).isHidden()
