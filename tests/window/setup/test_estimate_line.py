"""The line that says what a run will take."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from workbench.analysis.estimate import Estimate
from workbench.window.setup.estimate_line import EstimateLine


def test_what_it_says(qtbot: QtBot) -> None:
    line = EstimateLine()
    qtbot.addWidget(line)
    line.show_estimate(Estimate(125.0, 3, 9_400_000, 10**9))
    assert line.text() == "About 2 min 5 s · 9 MB of disk"
    assert "latest 3 similar runs" in line.toolTip()
    line.show_estimate(Estimate(125.0, 3, 9_400_000, 10**9, at_most=True))
    assert line.text() == "At most 2 min 5 s · 9 MB of disk"
    line.show_estimate(Estimate(None, 0, 9_400_000, None))
    assert line.text() == "No estimate yet · 9 MB of disk"
    line.show_estimate(Estimate(125.0, 3, 9_400_000, 2_000_000))
    assert line.text() == "Needs 9 MB of disk space; 2 MB free"
    assert line._tint == "problem"
    line.show_estimate(Estimate(125.0, 0, 9_400_000, None))
    assert line.text() == "About 2 min 5 s · 9 MB of disk"
    assert "a few steps, timed on this machine" in line.toolTip()
    line.show_estimate(Estimate(125.0, 0, 9_400_000, None, 310_000_000, 10**10))
    assert line.text() == "About 2 min 5 s · 9 MB of disk · 310 MB of GPU memory"
    assert line._tint == "muted"
    line.show_estimate(Estimate(125.0, 3, 9_400_000, None, 310_000_000, 200_000_000))
    assert line.text() == "GPU memory: needs 310 MB, 200 MB free"
    assert line._tint == "problem"
    line.show_estimate(
        Estimate(None, 0, 10**6, None, memory_bytes=9 * 10**9, free_memory_bytes=2 * 10**9)
    )
    assert line.text() == "Memory: needs 9,000 MB, 2,000 MB free"
    assert line._tint == "problem"
    line.show_estimate(None)
    assert line.text() == ""
    assert line._tint == "muted"
