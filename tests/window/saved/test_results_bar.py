"""Why Compare and Write report are off."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from workbench.window.saved.results_bar import ResultsBar


def test_a_row_that_cannot_be_read_is_a_chosen_one(qtbot: QtBot) -> None:
    unreadable: list[int] = []
    bar = ResultsBar(list, lambda: len(unreadable))
    qtbot.addWidget(bar)
    assert "Choose a run first." in bar.report_button.toolTip()
    for words in ("This run cannot be read.", "Too few of the chosen runs"):
        unreadable.append(1)
        bar.update_state()
        for button in (bar.compare_button, bar.report_button):
            assert words in button.toolTip()
            assert not button.isEnabled()
