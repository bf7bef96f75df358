"""The expected curves under a run's own, and whether it is on track by them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from tests.window.run.shown import after_epoch, training
from workbench.data.data_choice import DataInfo
from workbench.engine.events import EpochDone, Evaluation, RunStarted
from workbench.library.catalog import Library
from workbench.library.run_folder import RunRecord
from workbench.spec.expected import Curve, Expected, expected_of
from workbench.spec.experiment import Experiment, with_changes
from workbench.spec.presets import find_preset
from workbench.window.plots.plot_legend import PlotLegend
from workbench.window.run import shown_run
from workbench.window.run.live_view import LiveView
from workbench.window.run.run_header import RunHeader
from workbench.window.run.run_view import RunView
from workbench.window.run.shown_run import ShownRun
from workbench.window.work.live_runs import LiveRuns

NINE = find_preset("009").experiment
CURVE = Curve(
    "009",
    with_changes(NINE, {"scheduler": "none"}),
    (1.6, 1.2, 1.0),
    (50.0, 58.0, 61.0),
    "CIFAR-10, JPEG",
    "a CPU",
    "2026-11-24",
)


def seeds(count: int) -> list[Curve]:
    """Curves that lie a point apart, around :data:`CURVE`."""
    return [
        replace(
            CURVE,
            experiment=with_changes(CURVE.experiment, {"seed": seed}),
            accuracy=tuple(a + seed - (count - 1) / 2 for a in CURVE.accuracy),
        )
        for seed in range(count)
    ]


def expected(count: int = 1) -> Expected:
    found = expected_of(NINE, seeds(count))
    assert found is not None
    return found


def legends(view: LiveView) -> list[str]:
    return [legend.accessibleName() for legend in view.findChildren(PlotLegend)]


@pytest.fixture
def view(qtbot: QtBot) -> RunView:
    view = RunView(LiveRuns())
    qtbot.addWidget(view)
    view.resize(700, 700)
    view.show()
    return view


def record(library: Library, experiment: Experiment, accuracies: list[float], **data: Any) -> Any:
    made = RunRecord(
        id="",
        created="2026-11-24T22:00:00+00:00",
        preset="009",
        title="",
        experiment=experiment.values(),
        data={"kind": "folder", "name": "CIFAR-10, JPEG", "comparable": True, **data},
        device="cpu",
        environment={},
        epochs=experiment.epochs,
        steps_per_epoch=4,
    )
    writer = library.create(made)
    for epoch, accuracy in enumerate(accuracies, 1):
        writer.add_losses(np.full(4, 1.5))
        writer.add(done(epoch, accuracy))
    writer.update(status="stopped")
    writer.close()
    return replace(writer.record, folder=writer.folder)


def done(epoch: int, accuracy: float) -> EpochDone:
    test = Evaluation("train", 1, 1, accuracy, 1.0, ("a",), (100.0,), ((1,),))
    return EpochDone(epoch, 1.5, 1.5, 1e-4, 1.0, 1.0, test, False)


def started(made: RunRecord) -> RunStarted:
    data = DataInfo("folder", "CIFAR-10, JPEG", (), 4, 1, "", True)
    return RunStarted(
        data, "cpu", "CPU", None, 1, made.epochs, made.steps_per_epoch, 1, run=str(made.folder)
    )


def state(view: RunView | RunHeader) -> QLabel:
    found = view.findChild(QLabel, "runState")
    assert found is not None
    return found


def test_the_expected_curves_are_drawn_thin_and_dotted_with_a_name(qtbot: QtBot) -> None:
    view = LiveView()
    qtbot.addWidget(view)
    view.resize(620, 590)
    view.show()
    qtbot.waitExposed(view)
    view.start(100, 30, [1e-4] * 30, None, False, "train")
    view.set_expected(expected())
    view.refresh()
    x, y = view.accuracy.expected.getOriginalDataset()
    assert (list(x), list(y)) == ([1, 2, 3], [50.0, 58.0, 61.0])
    x, y = view.loss.expected.getOriginalDataset()
    assert (list(x), list(y)) == ([0.5, 1.5, 2.5], [1.6, 1.2, 1.0])
    pen = view.accuracy.expected.opts["pen"]
    assert pen.style() == Qt.PenStyle.DotLine
    assert pen.widthF() < view.accuracy.test.opts["pen"].widthF()
    assert [text.startswith("expected") for text in legends(view)[:2]] == [True, True]
    low, high = view.accuracy.view.viewRange()[1]
    assert low < 50.0 < 61.0 < high
    view._log.setChecked(True)
    view.refresh()
    _, y = view.loss.expected.getOriginalDataset()
    assert y == pytest.approx(np.log10([1.6, 1.2, 1.0]))

    view.start(100, 30, [1e-4] * 30, None, False, "train")  # another run, of which nothing is known
    view.refresh()
    assert not any("expected" in text for text in legends(view))
    assert not view.accuracy.expected.isVisible()
    assert not view.loss.expected.isVisible()


@pytest.mark.parametrize(
    ("accuracy", "words", "basis"),
    [
        (58.0, "Training · on track", "95% of runs stay in the band of these 5 seeds"),
        (50.0, "Training · below expected", "CIFAR-10, JPEG with a CPU"),
        (66.0, "Training · above expected", "51.14% to 64.86% is expected"),
    ],
)
def test_the_header_says_whether_a_run_is_on_track_and_by_what(
    qtbot: QtBot, accuracy: float, words: str, basis: str
) -> None:
    header = RunHeader()
    qtbot.addWidget(header)

    def follow(curves: Expected | None, epoch: int) -> None:
        figures = tuple(after_epoch(number, accuracy) for number in range(1, epoch + 1))
        state = training(finished_epochs=figures)
        header.show_run(ShownRun(state, "009", key="run 1", expected=curves))

    follow(expected(5), 2)
    assert state(header).text() == words
    assert basis in state(header).toolTip()
    for silent in ((expected(5), 4), (expected(4), 2)):  # beyond what was measured; few seeds
        follow(*silent)
        assert state(header).text() == "Training"
        assert state(header).toolTip() == ""


def test_the_band_is_shaded_and_its_level_named(qtbot: QtBot) -> None:
    view = LiveView()
    qtbot.addWidget(view)
    view.resize(620, 590)
    view.show()
    qtbot.waitExposed(view)
    view.start(100, 30, [1e-4] * 30, None, False, "train")
    view.set_expected(expected(4))
    view.refresh()
    assert not view.accuracy.band_between.isVisible()
    assert not any("band" in text for text in legends(view))
    view.set_expected(expected(5))
    view.refresh()
    assert view.accuracy.band_between.isVisible()
    ends = [curve.getOriginalDataset()[1] for curve in view.accuracy.band]
    assert ends[0][1] == pytest.approx(expected(5).low[1])
    assert ends[1][1] == pytest.approx(expected(5).high[1])
    assert view.accuracy.band_between.path().boundingRect().height() > 10.0
    assert any("expected, 95% band" in text for text in legends(view))
    assert "by the 5 seeds" in view.accuracy.legend.toolTip()


def test_a_run_on_the_reports_data_is_judged_as_it_goes(
    view: RunView, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_run, "expected_of", lambda e: expected_of(e, seeds(5)))
    library = Library(tmp_path)
    made = record(library, NINE, [50.5])
    live = view.live_runs
    key = live.begin("009", sample=False)
    view.begin(key)
    live.hear(key, started(made))
    live.hear(key, done(1, 50.5))
    assert state(view).text().endswith("· on track")
    live.hear(key, done(2, 30.0))
    assert state(view).text().endswith("· below expected")
    view.live.refresh()
    assert "expected" in legends(view.live)[0]


@pytest.mark.parametrize(
    ("changes", "data"),
    [
        ({"learning_rate": 0.5}, {}),
        ({}, {"comparable": False}),
        ({}, {"kind": "sample", "comparable": False}),
    ],
)
def test_nothing_is_expected_where_nothing_compares(
    view: RunView,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    data: dict[str, Any],
) -> None:
    monkeypatch.setattr(shown_run, "expected_of", lambda e: expected_of(e, [CURVE]))
    view.show_record(record(Library(tmp_path), with_changes(NINE, changes), [50.5], **data))
    view.live.refresh()
    assert state(view).text() == "Stopped"
    assert not any("expected" in text for text in legends(view.live))
