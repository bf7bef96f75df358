"""What a plot says in words, and the room of its numbers."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtGui import QFontMetricsF
from pytestqt.qtbot import QtBot

from workbench.window.plots.curves import apart, stands_below
from workbench.window.plots.epoch_plot import EpochPlot, spoken_curve


def test_last_and_best_in_words() -> None:
    epochs, values = [1, 2, 3, 4], [50.0, 61.25, 60.5, math.nan]
    assert (
        spoken_curve("007", epochs, values, "highest", "%")
        == "007: last 60.5%, highest 61.25% at epoch 2"
    )
    assert spoken_curve("a", [0.5], [1e-7], "lowest") == "a: last 1e-07, lowest 1e-07 at epoch 0.5"
    assert spoken_curve("a", [1, 2], [math.nan, math.inf], "lowest") == ""
    assert spoken_curve("a", [], [], "lowest") == ""


def test_a_plot_speaks_of_what_it_shows_when_the_focus_comes(qtbot: QtBot) -> None:
    plot = EpochPlot("testPlot", 60, numbers_below=True)
    qtbot.addWidget(plot)
    plot.say("No epoch yet.")
    plot.show()
    assert plot.spoken() == "No epoch yet."
    first, second = plot.curve(x=[1.0, 2.0], y=[3.0, 2.0]), plot.curve()
    plot.name_curve(first, "one", "lowest")
    plot.name_curve(second, "two", "lowest")
    plot.say("")
    assert plot.spoken() == "one: last 2, lowest 2 at epoch 2"
    second.setData(np.array([1.0]), np.array([5.0]))
    plot.activateWindow()
    plot.setFocus()
    qtbot.waitUntil(plot.hasFocus)
    assert plot.accessibleDescription().endswith("; two: last 5, lowest 5 at epoch 1")
    first.setVisible(False)
    assert plot.spoken().startswith("two")


def test_numbers_of_a_low_logarithmic_axis_do_not_lie_over_each_other(qtbot: QtBot) -> None:
    plot = EpochPlot("testPlot", 60, numbers_below=True)
    qtbot.addWidget(plot)
    plot.axis.logarithmic = True
    line = QFontMetricsF(plot.axis.font()).height()
    for size in (20.0, 40.0, 60.0, 400.0):
        (_, named), _ = plot.axis.tickValues(-4.0, -2.3, size)
        places = np.array(named) / 1.7 * size
        assert len(named) >= 1
        assert (np.diff(places) >= line - 1e-6).all()
    assert apart([], 1.0) == []
    assert apart([0.0, 0.5, 1.0, 1.2, 2.5], 1.0) == [0.0, 1.0, 2.5]


def test_words_at_a_mark_stand_where_the_curve_is_not() -> None:
    assert stands_below(97.6, [], [])  # no room above
    assert stands_below(70.0, [], [75.0])  # a line lies there
    assert stands_below(70.0, [71.0, 72.0, 69.0], [])
    assert not stands_below(72.0, [70.0, 71.0], [])
    assert not stands_below(72.0, [math.nan], [])
