"""The live curves: what a person sees in them and does with them."""

from __future__ import annotations

import csv
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QThreadPool
from PySide6.QtGui import QColor, QImage, QPalette, QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QFileDialog, QLabel, QPushButton, QSlider
from pytestqt.qtbot import QtBot

from workbench.spec.expected import Expected
from workbench.spec.experiment import experiment_from
from workbench.spec.presets import Reported
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.plots.epoch_plot import EpochPlot
from workbench.window.plots.plot_legend import PlotLegend
from workbench.window.run.live_view import MARGIN, REFRESH, LiveView
from workbench.window.run.rate_plot import planned_rates

BOTH = Reported(accuracy=74.96, accuracy_train_mode=65.60)
RATES = [1e-3] * 20 + [2e-4] * 10


@pytest.fixture
def view(qtbot: QtBot) -> LiveView:
    view = LiveView()
    qtbot.addWidget(view)
    view.resize(620, 590)
    view.show()
    qtbot.waitExposed(view)
    return view


def start(view: LiveView, steps: int = 100, **changes: Any) -> None:
    values: dict[str, Any] = {
        "steps_per_epoch": steps,
        "epochs": 30,
        "learning_rates": RATES,
        "reported": Reported(accuracy=70.10),
        "sample": False,
        "test_mode": "eval",
    }
    view.start(**(values | changes))


def find(view: LiveView, name: str, kind: Any = EpochPlot) -> Any:
    found = view.findChild(kind, name)
    assert found is not None, name
    return found


def words(view: LiveView) -> list[str]:
    """The words in the middles of the plots."""
    labels = [label for label in view.findChildren(QLabel) if "Words" in label.objectName()]
    return [label.text() for label in labels if label.isVisible()]


def notice(view: LiveView) -> str:
    return find(view, "lossNotice", ElidedLabel).text()


def readout(view: LiveView) -> str:
    return find(view, "readout", ElidedLabel).text()


def legends(view: LiveView) -> str:
    return " | ".join(legend.accessibleName() for legend in view.findChildren(PlotLegend))


def drawn(curve: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = curve.getOriginalDataset()
    return (np.empty(0), np.empty(0)) if x is None else (np.asarray(x), np.asarray(y))


def reported_texts(view: LiveView) -> list[str]:
    return [line.label.format for line in view.accuracy.reported_lines if line.isVisible()]


def wheel(plot: EpochPlot, at: QPoint, clicks: int = 3) -> None:
    viewport = plot.viewport()
    event = QWheelEvent(
        QPointF(at),
        viewport.mapToGlobal(QPointF(at)),
        QPoint(),
        QPoint(0, 120 * clicks),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)


def middle(plot: EpochPlot) -> QPoint:
    return plot.viewport().rect().center()


def over_axis(plot: EpochPlot) -> QPoint:
    return QPoint(int(plot.axis.width() / 2), plot.height() // 2)


def test_empty_plots_say_what_will_appear(view: LiveView) -> None:
    assert len(words(view)) == 3
    assert "loss of every step" in words(view)[0]
    start(view)
    view.add_losses([2.0])
    view.refresh()
    assert words(view) == ["The test accuracy appears here after each epoch."]
    view.clear()
    view.refresh()
    assert len(words(view)) == 3


def test_losses_of_a_short_run_are_all_drawn_at_their_epochs(view: LiveView) -> None:
    start(view)
    losses = np.linspace(2.3, 0.5, 250)
    view.add_losses(losses[:100])
    view.add_losses(losses[100:])
    assert view.step_count() == 250
    view.refresh()
    x, y = drawn(view.loss.raw)
    np.testing.assert_allclose(x, np.arange(1, 251) / 100)
    np.testing.assert_allclose(y, losses, rtol=1e-6)
    _, smoothed = drawn(view.loss.smooth)
    assert smoothed[0] == y[0]
    low, high = find(view, "lossPlot").view.viewRange()[1]
    assert low <= y.min() < y.max() <= high
    assert notice(view) == ""


def test_points_are_painted_later_and_not_too_often(view: LiveView, qtbot: QtBot) -> None:
    start(view)
    view.refresh()
    times = []
    view.loss.raw.sigPlotChanged.connect(lambda *_: times.append(time.perf_counter()))
    for _ in range(40):
        view.add_losses([1.0] * 10)
        assert len(times) < 40
        qtbot.wait(REFRESH // 10)
    qtbot.waitUntil(lambda: len(drawn(view.loss.raw)[0]) == 400, timeout=2000)
    assert min(np.diff(times)) > REFRESH / 1000 * 0.8


def test_a_hidden_view_paints_when_it_is_shown(view: LiveView, qtbot: QtBot) -> None:
    start(view)
    view.refresh()
    view.hide()
    view.add_losses([1.0, 2.0])
    qtbot.wait(2 * REFRESH)
    assert len(drawn(view.loss.raw)[0]) == 0
    view.show()
    qtbot.waitUntil(lambda: len(drawn(view.loss.raw)[0]) == 2, timeout=2000)


def test_follow_goes_on_and_a_zoom_holds(view: LiveView, qtbot: QtBot) -> None:
    follow = find(view, "followButton", QPushButton)
    start(view)
    view.add_losses([1.0] * 250)
    view.refresh()
    assert view.visible_epochs() == pytest.approx((0.0, 5.0 * MARGIN))
    wheel(find(view, "lossPlot"), middle(find(view, "lossPlot")))
    assert not follow.isChecked()
    held = view.visible_epochs()
    assert 0.0 < held[0] < held[1] < 5.0
    view.add_losses([1.0] * 1000)
    view.refresh()
    assert view.visible_epochs() == held
    for name in ("accuracyPlot", "learningRatePlot"):  # one epoch axis for all
        assert tuple(find(view, name).view.viewRange()[0]) == pytest.approx(held)
    qtbot.mouseClick(follow, Qt.MouseButton.LeftButton)
    view.refresh()
    assert view.visible_epochs() == pytest.approx((0.0, 20.0 * MARGIN))
    view.add_losses([1.0] * 1250)
    view.refresh()
    assert view.visible_epochs() == pytest.approx((0.0, 30.0 * MARGIN))


def test_a_drag_in_any_plot_moves_all_and_holds(view: LiveView, qtbot: QtBot) -> None:
    start(view)
    view.add_losses([1.0] * 500)
    view.refresh()
    plot = find(view, "accuracyPlot")
    at = middle(plot)
    values = plot.view.viewRange()[1]
    qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    for step in range(1, 6):
        qtbot.mouseMove(plot.viewport(), at - QPoint(20 * step, 10 * step))
        qtbot.wait(15)  # pyqtgraph takes a drag's moves at most every 10 ms
    qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=at - QPoint(100, 50))
    if find(view, "followButton", QPushButton).isChecked():
        pytest.skip("the platform sent no moves with a button held")
    assert view.visible_epochs()[0] > 0.0
    assert plot.view.viewRange()[1] == values  # only along the epochs


def test_keys_move_and_zoom(view: LiveView, qtbot: QtBot) -> None:
    start(view)
    view.add_losses([1.0] * 500)
    view.refresh()
    plot = find(view, "lossPlot")
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    assert view.visible_epochs() == pytest.approx((0.5 * MARGIN, 4.5 * MARGIN))
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert view.visible_epochs() == pytest.approx((0.9 * MARGIN, 4.9 * MARGIN))
    assert not find(view, "followButton", QPushButton).isChecked()
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    view.refresh()
    assert view.visible_epochs() == pytest.approx((0.0, 5.0 * MARGIN))


def test_zoomed_in_values_fit_what_is_visible(view: LiveView) -> None:
    start(view)
    view.add_losses([10.0] * 100 + [1.0] * 100 + [2.0] * 100)
    view.refresh()
    find(view, "followButton", QPushButton).click()
    view.loss.view.setXRange(1.5, 1.9, padding=0)
    view.refresh()
    assert find(view, "lossPlot").view.viewRange()[1][1] < 3.0  # of both lines


def test_losses_out_of_view_are_counted(view: LiveView) -> None:
    start(view)
    view.add_losses([1.0] * 297 + [9.0] * 3)
    view.refresh()
    assert notice(view) == ""
    plot = find(view, "lossPlot")
    wheel(plot, over_axis(plot), clicks=5)
    view.refresh()
    assert "3 points above" in notice(view)
    find(view, "followButton", QPushButton).click()
    view.refresh()
    assert notice(view) == ""


def test_nan_is_a_gap_with_a_word(view: LiveView) -> None:
    start(view)
    view.add_losses([1.0, math.nan, 3.0, math.inf, 5.0])
    view.refresh()
    for curve in (view.loss.raw, view.loss.smooth):
        assert np.isnan(drawn(curve)[1]).tolist() == [False, True, False, True, False]
    assert "2 steps NaN or infinite, from epoch 1" in notice(view)
    start(view)
    view.add_losses([math.nan] * 300)
    view.add_epoch(1, math.nan, 1e-3)
    view.refresh()
    assert "No step has had a finite loss." in words(view)


def test_log_scale_shows_powers_and_says_what_it_cannot_show(view: LiveView, qtbot: QtBot) -> None:
    start(view)
    view.add_losses([10.0, 1.0, 0.0, 0.1])
    qtbot.mouseClick(
        find(view, "logScale", QCheckBox), Qt.MouseButton.LeftButton, pos=QPoint(8, 10)
    )
    view.refresh()
    y = drawn(view.loss.raw)[1]
    np.testing.assert_allclose(y[[0, 1, 3]], [1.0, 0.0, -1.0], atol=1e-6)
    assert np.isnan(y[2])
    assert "1 point of 0 or less" in notice(view)
    plot = find(view, "lossPlot")
    ticks = plot.axis.tickValues(*plot.view.viewRange()[1], 100)
    assert plot.axis.tickStrings(ticks[0][1], 1.0, 1.0) == ["0.1", "1", "10"]


def test_the_smoothing_slider(view: LiveView, qtbot: QtBot) -> None:
    start(view)
    view.add_losses([4.0, 2.0])
    slider = find(view, "smoothingSlider", QSlider)
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    view.refresh()
    np.testing.assert_array_equal(drawn(view.loss.smooth)[1], [4.0, 2.0])
    assert find(view, "smoothingValue", QLabel).text() == "0.00"
    assert "smoothed 0.00" in legends(view)
    qtbot.keyClick(slider, Qt.Key.Key_End)
    view.refresh()
    assert drawn(view.loss.smooth)[1][1] == pytest.approx((0.99 * 4 + 2) / 1.99)
    slider.clearFocus()
    event_at = slider.rect().center()
    before = slider.value()
    event = QWheelEvent(
        QPointF(event_at),
        slider.mapToGlobal(QPointF(event_at)),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(slider, event)
    assert slider.value() == before


def test_a_legend_without_room_for_its_words_takes_shorter_ones(view: LiveView) -> None:
    start(view)
    view.add_epoch(1, 40.0, 1e-3)
    view.refresh()
    legend = next(w for w in view.findChildren(PlotLegend) if "best" in w.accessibleName())
    legend.resize(legend.sizeHint())
    assert legend.words()[-1] == "best by test, epoch 1"
    legend.resize(legend.width() - 1, legend.height())
    assert legend.words()[-1] == "best"


def test_a_click_on_a_legend_hides_a_curve_for_as_long_as_the_view_lives(
    qtbot: QtBot, view: LiveView
) -> None:
    start(view)
    view.add_losses([5.0, 1.0, 1.2, 1.1])
    view.add_epoch(1, 40.0, 1e-3)
    view.refresh()
    buttons = {b.text(): b for w in view.findChildren(PlotLegend) for b in w.buttons()}
    qtbot.mouseClick(buttons["each step"], Qt.MouseButton.LeftButton)
    qtbot.keyClick(buttons["measured"], Qt.Key.Key_Space)
    assert not view.loss.raw.isVisible()
    assert view.loss.smooth.isVisible()
    assert not view.accuracy.test.isVisible()
    assert view.accuracy.best_mark.isVisible()
    start(view)  # another run
    view.add_losses([5.0, 1.0])
    view.add_epoch(1, 40.0, 1e-3)
    view.refresh()
    assert not view.loss.raw.isVisible()
    assert not view.accuracy.test.isVisible()
    qtbot.mouseClick(buttons["each step"], Qt.MouseButton.LeftButton)
    assert view.loss.raw.isVisible()


def test_small_learning_rates_are_written_as_a_person_would(view: LiveView) -> None:
    axis = find(view, "learningRatePlot").axis
    rates = [5e-05, 1e-4, 1.5e-4]
    assert axis.tickStrings(rates, 1.0, 5e-05) == ["0.00005", "0.0001", "0.00015"]


def test_accuracy_with_best_and_reported(view: LiveView) -> None:
    start(view)
    for epoch, accuracy in enumerate([50.0, 72.9, math.nan, 72.9, 60.0], 1):
        view.add_epoch(epoch, accuracy, 1e-3)
    view.refresh()
    assert drawn(view.accuracy.best_mark)[0].tolist() == [2.0]
    assert "best by test, epoch 2" in legends(view)
    assert "validation" not in legends(view)
    assert len(drawn(view.accuracy.validation)[0]) == 0
    assert reported_texts(view) == ["reported 70.10%"]
    low, high = find(view, "accuracyPlot").view.viewRange()[1]
    assert low < 50.0
    assert high > 72.9 + 0.1 * (high - low)  # room for words over the line


def test_a_validation_split_has_a_curve_of_its_own_and_chooses_the_best(view: LiveView) -> None:
    start(view)
    for epoch, (test, validation) in enumerate([(50.0, 48.0), (60.0, 71.5), (70.0, 66.0)], 1):
        view.add_epoch(epoch, test, 1e-3, validation)
    view.refresh()
    assert drawn(view.accuracy.validation)[1].tolist() == [48.0, 71.5, 66.0]
    # The star stands on the test accuracy of the epoch that was best by validation.
    assert [part.tolist() for part in drawn(view.accuracy.best_mark)] == [[2.0], [60.0]]
    for words in ("test", "validation", "best by validation, epoch 2"):
        assert words in legends(view)
    high = find(view, "accuracyPlot").view.viewRange()[1][1]
    assert high > 71.5
    view._on_hovered(2.0)
    assert "validation 71.50%" in readout(view)
    table = view._epochs_table().splitlines()
    assert table[0].endswith(",validation_accuracy_percent")
    assert table[2].endswith(",71.5")
    start(view)  # the next run, without one
    view.add_epoch(1, 50.0, 1e-3)
    view.refresh()
    assert "validation" not in legends(view)
    assert len(drawn(view.accuracy.validation)[0]) == 0
    assert "validation" not in view._epochs_table()


def test_both_reported_values_are_told_apart(view: LiveView) -> None:
    start(view, reported=BOTH, test_mode="train")
    view.refresh()
    assert reported_texts(view) == ["reported, final 74.96%", "reported, training mode 65.60%"]
    assert len({line.pen.style() for line in view.accuracy.reported_lines}) == 2
    view.add_epoch(1, 64.0, 1e-3)
    view.set_final(75.1)
    view.refresh()
    assert drawn(view.accuracy.final_mark)[1].tolist() == [75.1]
    assert "75.10%" in view.accuracy.final_text.toPlainText()


def test_a_final_test_in_the_mode_of_the_epochs_needs_no_mark(view: LiveView) -> None:
    start(view)
    view.add_epoch(1, 64.0, 1e-3)
    view.set_final(64.0)
    view.refresh()
    assert len(drawn(view.accuracy.final_mark)[0]) == 0


def test_the_sample_is_marked_and_never_compared(view: LiveView) -> None:
    start(view, reported=BOTH, sample=True)
    view.add_epoch(1, 97.0, 1e-3)
    view.refresh()
    assert reported_texts(view) == []
    assert find(view, "accuracySample", QLabel).text() == "sample"


def test_the_learning_rate_planned_and_used(view: LiveView) -> None:
    start(view)
    view.add_losses([1.0] * 2150)
    for epoch in range(1, 22):
        view.add_epoch(epoch, 50.0, RATES[epoch - 1])
    view.refresh()
    x, y = drawn(view.rate.used)
    assert x.tolist() == [0.0, 20.0, 20.0, 21.5]
    np.testing.assert_allclose(10.0**y, [1e-3, 1e-3, 2e-4, 2e-4])
    assert drawn(view.rate.planned)[0][-1] == 30.0
    start(view, learning_rates=[1e-3] * 30)
    view.refresh()
    assert drawn(view.rate.planned)[1].tolist() == [1e-3, 1e-3]  # constant: no log axis


def test_a_rate_that_changes_from_step_to_step_is_drawn_so(view: LiveView) -> None:
    experiment = experiment_from({"scheduler": "one_cycle", "learning_rate": 0.2, "epochs": 30})
    rates = planned_rates(experiment, 30, 100)
    assert len(rates) == 30 * 66  # as many of each epoch as can be seen
    start(view, learning_rates=rates)
    view.add_losses([1.0] * 1500)
    view.add_epoch(1, 50.0, 0.1)
    view.refresh()
    x, y = drawn(view.rate.planned)
    assert x[-1] == 30.0
    assert x[np.argmax(y)] == pytest.approx(6.0, abs=0.1)
    assert y.max() == pytest.approx(0.2, rel=0.01)
    assert drawn(view.rate.used)[0][-1] == pytest.approx(15.0)
    assert len(planned_rates(experiment_from({}), 3, 3125)) == 3


def test_values_under_the_pointer(view: LiveView, qtbot: QtBot) -> None:
    start(view, sample=True)
    view.add_losses(np.linspace(2.0, 1.0, 300))
    view.add_epoch(1, 61.25, 1e-3)
    view.refresh()
    height = find(view, "readout", ElidedLabel).height()
    assert "Point at" in readout(view)
    plot = find(view, "lossPlot")
    at = plot.mapFromScene(plot.view.mapViewToScene(QPointF(1.5, 1.5)))
    qtbot.mouseMove(plot.viewport(), at)
    qtbot.waitUntil(lambda: "epoch 2" in readout(view), timeout=1000)
    for part in ("step", "loss 1.", "smoothed 1.", "accuracy 61.25% (epoch 1)", "sample"):
        assert part in readout(view)
    assert find(view, "readout", ElidedLabel).height() == height
    view.resize(view.minimumSizeHint().width(), view.height())
    plot.hovered.emit(1.5)
    assert "step" not in readout(view)
    for part in ("smoothed loss 1.", "accuracy 61.25% (epoch 1)"):  # these stay
        assert part in readout(view)
    assert all(p.pointer.isVisible() for p in view.findChildren(EpochPlot))
    plot.hovered.emit(None)
    assert "Point at" in readout(view)


def test_all_plots_share_their_left_edge(view: LiveView) -> None:
    start(view)
    view.add_losses([1e6, 1e-5])
    view.refresh()
    edges = {
        plot.mapTo(view, plot.mapFromScene(plot.view.sceneBoundingRect().topLeft())).x()
        for plot in view.findChildren(EpochPlot)
    }
    assert len(edges) == 1


def test_it_fits_the_middle_of_a_small_window(view: LiveView) -> None:
    start(view, reported=BOTH, test_mode="train", sample=True)
    view.add_epoch(10, 64.0, 1e-3)
    view.set_final(75.1)
    view.refresh()
    assert view.minimumSizeHint().width() <= 620
    assert view.minimumSizeHint().height() <= 560


def saved_rows(epochs: int) -> list[dict[str, Any]]:
    return [
        {"epoch": e, "accuracy": 50.0 + e / 10, "learning_rate": 1e-3, "loss": 1.0}
        for e in range(1, epochs + 1)
    ]


def show_saved(view: LiveView, losses: np.ndarray, epochs: int, steps: int) -> None:
    rates = [1e-3] * epochs
    view.show_saved(steps, epochs, rates, BOTH, False, "train", losses, saved_rows(epochs), 75.1)


def test_a_million_steps_are_drawn_as_their_envelope(view: LiveView, qtbot: QtBot) -> None:
    losses = np.random.default_rng(0).gamma(9, 0.2, 300 * 3125).astype(np.float32)
    losses[400_000] = 50.0
    show_saved(view, losses, 300, 3125)
    qtbot.waitUntil(lambda: not view._dirty and view._painting is None)
    assert view.visible_epochs() == pytest.approx((0.0, 300.0 * MARGIN))
    assert len(drawn(view.loss.raw)[0]) < 10_000
    assert np.nanmax(drawn(view.loss.raw)[1]) == 50.0  # the one spike


def test_many_losses_come_in_pieces_and_none_is_left_out(view: LiveView, qtbot: QtBot) -> None:
    losses = np.random.default_rng(0).gamma(9, 0.2, 700_000).astype(np.float32)
    show_saved(view, losses, 224, 3125)
    view.add_losses([7.0])  # before the others are there
    assert view.step_count() == 700_001
    assert len(view.points.loss) == 0  # the window goes on meanwhile
    qtbot.waitUntil(lambda: not view._dirty and view._painting is None)
    assert np.array_equal(view.points.loss.raw.values, [*losses, 7.0])
    assert drawn(view.loss.raw)[0][-1] == pytest.approx(700_001 / 3125, abs=0.1)
    show_saved(view, losses, 224, 3125)
    assert "".join(view._losses_table()).count("\n") == 700_001  # with its header
    show_saved(view, losses, 224, 3125)
    show_saved(view, np.ones(10, np.float32), 1, 10)  # another run meanwhile
    qtbot.waitUntil(lambda: not view._dirty and view._painting is None)
    assert view.points.loss.raw.values.tolist() == [1.0] * 10


def test_more_points_may_follow_a_saved_run(view: LiveView) -> None:
    show_saved(view, np.ones(200, np.float32), 2, 100)
    view.add_losses([1.0] * 50)
    view.refresh()
    assert view.step_count() == 250
    assert drawn(view.loss.raw)[0][-1] == 2.5


def test_a_saved_run_is_never_announced_as_empty(view: LiveView) -> None:
    assert "appears here" in words(view)[0]
    show_saved(view, np.ones(200, np.float32), 2, 100)
    assert len(words(view)) == 3  # as before, until the curves are there
    view.refresh()
    assert words(view) == []
    show_saved(view, np.ones(100, np.float32), 1, 100)
    assert words(view) == []


def test_another_run_takes_the_place_of_what_was_drawn_without_a_wait(view: LiveView) -> None:
    measured = Expected(
        (1.5, 1.0), (30.0, 40.0), (29.0, 39.0), (31.0, 41.0), (1, 1), "CIFAR-10", "cpu"
    )
    show_saved(view, np.ones(200, np.float32), 2, 100)
    view.refresh()
    show_saved(view, np.ones(100, np.float32), 1, 100)
    view.set_expected(measured)
    assert view._timer.isActive()
    assert view._timer.interval() == 0
    # Until then nothing of the new run stands beside the curves of the old one.
    assert not view.loss.expected.isVisible()
    assert not view.accuracy.expected.isVisible()
    view.refresh()
    assert view.loss.expected.isVisible()
    assert view.accuracy.expected.isVisible()


def test_plots_that_are_drawn_one_after_the_other_miss_nothing(
    view: LiveView, qtbot: QtBot
) -> None:
    def one_plot() -> None:
        view._on_turn()
        assert view._painting is not None

    show_saved(view, np.ones(200, np.float32), 2, 100)
    one_plot()
    view.add_losses([1.0] * 100)  # between two plots
    view.add_epoch(3, 64.0, 1e-3)
    qtbot.waitUntil(lambda: not view._dirty and view._painting is None)
    assert drawn(view.accuracy.test)[0].tolist() == [1, 2, 3]
    assert drawn(view.loss.raw)[0][-1] == 3.0
    show_saved(view, np.ones(200, np.float32), 2, 100)
    one_plot()
    show_saved(view, np.ones(100, np.float32), 1, 100)  # another run between two plots
    qtbot.waitUntil(lambda: not view._dirty and view._painting is None)
    assert drawn(view.accuracy.test)[0].tolist() == [1]
    show_saved(view, np.ones(300, np.float32), 3, 100)
    one_plot()
    view.hide()
    view.show()
    qtbot.waitUntil(lambda: not view._dirty and view._painting is None)
    assert drawn(view.accuracy.test)[0].tolist() == [1, 2, 3]
    ends = [plot.view.viewRange()[0] for plot in view._plots]
    assert ends[0] == pytest.approx([0.0, 3 * MARGIN])
    assert ends[0] == ends[1] == ends[2]


def test_no_menu_of_pyqtgraph(view: LiveView, qtbot: QtBot) -> None:
    for plot in view.findChildren(EpochPlot):
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.RightButton, pos=middle(plot))
        assert QApplication.activePopupWidget() is None
        assert not plot.getPlotItem().autoBtn.isVisible()
        assert plot.accessibleName()


# --- export ----------------------------------------------------------------------------


def export(view: LiveView, qtbot: QtBot, name: str, path: Path) -> None:
    """Chooses ``name`` in the menu of Export and ``path`` in the dialog."""
    menu = find(view, "exportButton", QPushButton).menu()
    next(action for action in menu.actions() if action.objectName() == name).trigger()
    dialog = view.findChildren(QFileDialog, "saveDialog")[-1]
    dialog.fileSelected.emit(str(path))
    dialog.close()


def test_export_of_the_picture(view: LiveView, qtbot: QtBot, tmp_path: Path) -> None:
    show_saved(view, np.linspace(3, 1, 3000, dtype=np.float32), 30, 100)
    export(view, qtbot, "exportPng", tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert image.width() > 1000
    pixels = {image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in (150,)}
    assert theme.LIGHT.surface in pixels
    export(view, qtbot, "exportSvg", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<image" not in text  # shapes, not pictures
    for part in ("Loss", "Test accuracy", "reported, final 74.96%", "measured"):
        assert part in text


def test_export_in_the_dark_is_dark_on_white(
    view: LiveView, qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> None:
    light = qapp.palette()
    dark = QPalette(light)
    dark.setColor(QPalette.ColorRole.Window, QColor(theme.DARK.window))
    qapp.setPalette(dark)
    try:
        qapp.processEvents()
        show_saved(view, np.ones(300, np.float32), 3, 100)
        view.refresh()
        assert find(view, "lossPlot").backgroundBrush().color().name() == theme.DARK.surface
        export(view, qtbot, "exportSvg", tmp_path / "a.svg")
        assert find(view, "lossPlot").backgroundBrush().color().name() == theme.DARK.surface
    finally:
        qapp.setPalette(light)
    text = (tmp_path / "a.svg").read_text()
    assert theme.LIGHT.measured in text
    assert theme.DARK.measured not in text
    assert theme.DARK.surface not in text


def test_export_of_the_tables(view: LiveView, qtbot: QtBot, tmp_path: Path) -> None:
    show_saved(view, np.linspace(3, 1, 3000, dtype=np.float32), 30, 100)
    export(view, qtbot, "exportEpochsCsv", tmp_path / "epochs.csv")
    export(view, qtbot, "exportLossesCsv", tmp_path / "losses.csv")
    assert QThreadPool.globalInstance().waitForDone(3000)
    with (tmp_path / "epochs.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 30
    with (tmp_path / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3000
    assert rows[0]["loss"] == "3.0"


@pytest.mark.parametrize("name", ["exportPng", "exportSvg", "exportEpochsCsv", "exportLossesCsv"])
def test_a_place_that_cannot_be_written_is_told(
    view: LiveView, qtbot: QtBot, tmp_path: Path, name: str
) -> None:
    start(view)
    path = tmp_path / "no such folder" / "x"
    with qtbot.waitSignal(view.problem, timeout=3000) as signal:
        export(view, qtbot, name, path)
    assert str(path) in signal.args[0]
    assert "cannot be written" in signal.args[0]


def test_an_empty_view_can_be_exported(view: LiveView, qtbot: QtBot, tmp_path: Path) -> None:
    for name in ("exportPng", "exportSvg", "exportEpochsCsv", "exportLossesCsv"):
        export(view, qtbot, name, tmp_path / name)
    assert QThreadPool.globalInstance().waitForDone(3000)
    assert len(list(tmp_path.glob("export*"))) == 4


def test_a_run_of_one_step_shows_its_point(view: LiveView) -> None:
    start(view, steps=1, epochs=1)
    view.add_losses([2.3])
    view.refresh()
    x, y = view.loss.lonely_steps.getData()
    assert (list(x), list(y)) == ([1.0], pytest.approx([2.3]))
    view.add_losses([2.2])  # from here on there is a line
    view.refresh()
    assert not len(view.loss.lonely_steps.getData()[0] or ())


def row(epoch: int, test_loss: float, loss: float, **more: Any) -> dict[str, Any]:
    """A row of ``epochs.csv`` of 10 test images."""
    return {
        **{"epoch": epoch, "loss": loss, "last_loss": loss, "accuracy": 50.0, "correct": 5},
        **{"total": 10, "test_loss": test_loss, "test_mode": "eval", "learning_rate": 1e-3},
        **{"seconds": 1.0, "test_seconds": 1.0, **more},
    }


def test_the_training_accuracy_of_a_single_epoch_is_a_mark(qtbot: QtBot, view: LiveView) -> None:
    rows = [row(epoch, 2.0, 2.0, training_correct=20, training_total=40) for epoch in (1, 2)]
    losses = np.full(200, 1.0, np.float32)
    for count, symbol in ((1, "o"), (2, None)):
        part = losses[: 100 * count]
        view.show_saved(100, 4, [1e-3] * count, None, False, "eval", part, rows[:count])
        qtbot.waitUntil(lambda n=count: len(drawn(view.accuracy.training)[0]) == n)
        assert view.accuracy.training.opts["symbol"] == symbol


def test_training_and_test_are_drawn_and_the_gap_is_named(qtbot: QtBot, view: LiveView) -> None:
    counted = [{"training_correct": right, "training_total": 40} for right in (20, 30, 38, 40)]
    rows = [
        row(epoch, test, loss, **more)
        for epoch, (test, loss, more) in enumerate(
            zip((2.0, 1.0, 1.5, 2.5), (2.0, 1.0, 0.5, 0.25), counted, strict=True), 1
        )
    ]
    losses = np.full(400, 1.0, np.float32)
    view.show_saved(100, 4, [1e-3] * 4, None, False, "eval", losses, rows)
    qtbot.waitUntil(lambda: len(drawn(view.accuracy.training)[0]) == 4)
    assert drawn(view.accuracy.training)[1].tolist() == [50.0, 75.0, 95.0, 100.0]
    qtbot.waitUntil(lambda: len(drawn(view.loss.test)[0]) == 4)
    assert drawn(view.loss.test)[0].tolist() == [1, 2, 3, 4]
    assert drawn(view.loss.test)[1].tolist() == [2.0, 1.0, 1.5, 2.5]
    assert drawn(view.loss.mean)[0].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert "mean of the epoch" in legends(view)
    assert view.loss.turn.isVisible()
    assert view.loss.turn.value() == view.accuracy.turn.value() == 2
    assert view.loss.turn.label.toPlainText() == "memorizing since epoch 2"
    assert "a gap of +50.00 points" in view.accuracy.legend.toolTip()
    assert view.loss.view.viewRange()[1][1] > 2.5  # the test loss is seen whole
    assert "training_accuracy_percent" in view._epochs_table()


def test_a_run_that_was_not_counted_shows_what_it_has(qtbot: QtBot, view: LiveView) -> None:
    rows = [row(1, 2.0, 2.0), row(2, 1.0, 1.0)]
    losses = np.full(200, 1.0, np.float32)
    view.show_saved(100, 2, [1e-3] * 2, None, False, "eval", losses, rows)
    qtbot.waitUntil(lambda: len(drawn(view.loss.test)[0]) == 2)
    assert len(drawn(view.accuracy.training)[0]) == 0
    assert "training" not in legends(view)
    assert not view.loss.turn.isVisible()
