"""Why Compare and Write report are off."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from workbench.window.saved.results_bar import ResultsBar


def test_a_row_that_cannot_be_read_is_a_chosen_one(qtbot: QtBot) -> None:
    unreadable = 0
    bar = ResultsBar(list, lambda: unreadable)
    qtbot.addWidget(bar)
    assert "Choose a run first." in bar.report_button.toolTip()
    for unreadable, words in ((1, "This run cannot be read."), (2, "Too few of the chosen runs")):
        bar.update_state()
        for button in (bar.compare_button, bar.report_button):
            assert words in button.toolTip()
            assert not button.isEnabled()
