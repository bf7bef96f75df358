"""Histograms of the layers, as the tab shows them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from tests.library.made_runs import make_run
from workbench.engine.events import BINS, EpochDone, Evaluation, LayerHistogram
from workbench.engine.run_state import RunState
from workbench.library.catalog import Library
from workbench.library.histogram_file import HISTOGRAMS, line_of
from workbench.window.run.histograms_view import HistogramsView
from workbench.window.run.shown_run import ShownRun


def histogram(layer: str, kind: Any, low: float = -1.0) -> LayerHistogram:
    return LayerHistogram(layer, kind, low, 1.0, tuple(range(BINS)))


def open_on(qtbot: QtBot, run: ShownRun | None) -> HistogramsView:
    view = HistogramsView()
    qtbot.addWidget(view)
    view.resize(560, 420)
    view.show_run(run)
    view.show()
    return view


def test_each_layer_has_its_epochs(qtbot: QtBot, tmp_path: Path) -> None:
    record = make_run(Library(tmp_path), histograms=True)
    both = (histogram("conv1.0", "weights"), histogram("conv1.0", "gradients"))
    lines = line_of(1, both) + line_of(2, (*both, histogram("linear", "weights", -3.0)))
    (record.folder / HISTOGRAMS).write_bytes(lines)
    run = ShownRun(RunState(), record=record)
    view = open_on(qtbot, run)
    assert [view.layer_box.itemText(i) for i in range(2)] == ["conv1.0", "linear"]
    assert view.weights.epochs == view.gradients.epochs == [1, 2]
    np.testing.assert_allclose(view.weights.grid.sum(0), 1.0)
    view.layer_box.setCurrentIndex(1)
    assert (view.weights.epochs, view.weights.low) == ([2], -3.0)
    assert view.gradients.epochs == []

    row = (1,) + (0,) * 9
    test = Evaluation("eval", 1, 10, 10.0, 1.0, tuple("abcdefghij"), (1.0,) * 10, (row,) * 10)
    event = EpochDone(
        *(3, 1.0, 1.0, 0.1, 1.0, 1.0, test, False),
        histograms=(histogram("linear", "gradients"),),
    )
    view.on_event(event, run)
    assert view.layer_box.currentText() == "linear"
    assert view.gradients.epochs == [3]
    view.grab()  # paints


def test_why_there_are_none_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    view = open_on(qtbot, None)
    assert "appear here while a run trains" in view.weights._empty
    record = make_run(Library(tmp_path))
    view.show_run(ShownRun(RunState(), record=record))
    assert "keeps no histograms" in view.weights._empty
    kept = replace(record, experiment={**record.experiment, "histograms": True})
    view.show_run(ShownRun(RunState(), record=kept))
    assert "after each epoch" in view.weights._empty
    (record.folder / HISTOGRAMS).write_text("nonsense\n")
    view.show_run(ShownRun(RunState(), record=kept))
    assert "it is damaged" in view.weights._empty
    view.grab()
