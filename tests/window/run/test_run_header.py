"""The run's header: what it says, and that nothing in it moves or is clipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtWidgets import QApplication, QLabel, QProgressBar
from pytestqt.qtbot import QtBot

from tests.window.run.shown import after_epoch, figures_of, training
from workbench.data.progress import DataProgress
from workbench.engine.events import StepsDone
from workbench.engine.run_state import RunState, Speed
from workbench.engine.status import RunStatus
from workbench.library.run_folder import RunRecord
from workbench.messages import Message
from workbench.spec.presets import Reported
from workbench.window.run.run_header import RunHeader
from workbench.window.run.shown_run import ShownRun

REPORTED = Reported(accuracy=74.96, accuracy_train_mode=65.60)


@pytest.fixture
def header(qtbot: QtBot) -> RunHeader:
    header = RunHeader()
    qtbot.addWidget(header)
    header.resize(620, 90)
    header.show()
    return header


def shown(header: RunHeader) -> str:
    """Every text that a person sees."""
    return " | ".join(
        part.text() for part in header.findChildren(QLabel) if part.isVisible() and part.text()
    ).replace("\u2007", "")


def bar(header: RunHeader) -> QProgressBar:
    found = header.findChild(QProgressBar, "progressBar")
    assert found is not None
    return found


def label(header: RunHeader, name: str) -> QLabel:
    found = header.findChild(QLabel, name)
    assert found is not None
    return found


def shown_run(
    sample: bool = False, title: str = "009 · Dropout, fixed", **changes: Any
) -> ShownRun:
    return ShownRun(training(**changes), title, sample, "run 1", reported=REPORTED)


def fill(header: RunHeader, sample: bool = False, **changes: Any) -> None:
    header.show_run(shown_run(sample, **changes))


def in_training_mode() -> RunRecord:
    """Whose tests after the epochs are another figure than the final one."""
    experiment = {"test_mode": "train", "dropout": 0.5, "batch_norm": True}
    return RunRecord(
        *("", "2026-11-24T20:00:00+00:00", None, "Dropout", experiment, {}, "cpu", {}, 30, 3125)
    )


def test_without_a_run_it_says_what_to_do_at_the_same_height(header: RunHeader) -> None:
    assert shown(header) == "No run here yet. Choose a preset and press Train, or open a saved run."
    height = header.sizeHint().height()
    fill(header)
    assert header.sizeHint().height() == height
    header.show_run(None)
    assert shown(header) == "No run here yet. Choose a preset and press Train, or open a saved run."


def test_a_run_in_words_and_figures(header: RunHeader) -> None:
    fill(header)
    text = shown(header)
    for part in (
        "009 · Dropout, fixed",
        "Training",
        "62.40%",
        "best epoch 2 by test: 62.91%",
        "epoch 3 of 30 · step 1,200 of 3,125",
        "1,650 images/s",
        "9 min left",
    ):
        assert part in text
    assert bar(header).value() == round(1000 * (2 * 3125 + 1200) / (30 * 3125))
    fill(header, status=RunStatus.PAUSED)
    assert "Paused" in shown(header)


def test_the_words_of_the_best_epoch_push_nothing_aside(header: RunHeader) -> None:
    fill(header)
    width = header.minimumSizeHint().width()
    header.show_run(replace(shown_run(), record=in_training_mode()))
    assert header.minimumSizeHint().width() == width


def test_the_best_epoch_says_on_what_it_was_chosen(header: RunHeader) -> None:
    fill(header)
    assert "optimistic" in label(header, "bestAccuracy").toolTip()
    fill(header, finished_epochs=(after_epoch(1, 70.0, 60.0), after_epoch(2, 61.5, 63.2)))
    assert "best epoch 2 by validation: test 61.50%" in shown(header)
    tip = label(header, "bestAccuracy").toolTip()
    assert "63.20%" in tip
    assert "optimistic" not in tip
    # In training mode it is no figure to set beside the final test: the mode is said instead.
    header.show_run(replace(shown_run(), record=in_training_mode()))
    assert "best epoch 2 by test: 62.91% in training mode" in shown(header)
    tip = label(header, "bestAccuracy").toolTip()
    assert "Selected on the test set." in tip
    assert "optimistic" not in tip


def test_a_run_that_ended_early_is_at_its_end(header: RunHeader) -> None:
    early = replace(
        in_training_mode(), experiment={"early_stopping": 2}, status="finished", epochs_done=7
    )
    state = training(status=RunStatus.FINISHED, epoch=7, step=3125)
    header.show_run(ShownRun(state, record=early))
    assert "ended early after epoch 7 of 30" in shown(header)
    assert "Ended early" in shown(header)
    assert bar(header).value() == bar(header).maximum()


def test_like_is_compared_with_like(header: RunHeader) -> None:
    fill(header)
    assert "reported 65.60%" in shown(header)  # both in training mode
    fill(header, test=figures_of(75.1), final=True)
    assert "reported 74.96%" in shown(header)
    assert "final test accuracy" in shown(header)
    tip = label(header, "reportedAccuracy").toolTip()
    assert "65.60%" in tip
    assert "74.96%" in tip


def test_an_approximate_figure_says_so(header: RunHeader) -> None:
    reported = Reported(accuracy=70.0, accuracy_is_approximate=True)
    header.show_run(ShownRun(training(), "008", reported=reported))
    assert "reported ≈70%" in shown(header)


def test_the_sample_is_marked_and_never_compared(header: RunHeader) -> None:
    fill(header, sample=True)
    assert "sample" in shown(header)
    assert "reported" not in shown(header)
    fill(header)
    assert "sample" not in shown(header)


def test_nothing_moves_when_figures_change(header: RunHeader, qapp: QApplication) -> None:
    fill(header)
    fill(header, step=1, test=None, speed=Speed((5.0,), (3e4,), (1.0,)))
    qapp.processEvents()
    names = ("accuracyNumber", "runSpeed", "runTimeLeft", "runState", "runName")
    before = {name: label(header, name).geometry() for name in names}
    minimum = header.minimumSizeHint()
    fill(
        header,
        epoch=30,
        step=3125,
        test=figures_of(100.0, "train"),
        finished_epochs=(after_epoch(1, 50.0), after_epoch(2, 100.0)),
        speed=Speed((99_900.0,), (1.01,), (1.0,)),
    )
    qapp.processEvents()
    for name in names:
        now = label(header, name).geometry()
        assert now.left() == before[name].left()
        if name != "runState":  # it stands at the left of whatever room there is
            assert now.right() == before[name].right()
        assert now.top() == before[name].top()
        assert now.height() == before[name].height()
    assert header.minimumSizeHint().height() == minimum.height()


def test_a_long_name_ends_in_dots_and_is_whole_in_the_tooltip(
    header: RunHeader, qapp: QApplication
) -> None:
    name = "A run that somebody gave a very long name " * 5
    header.show_run(shown_run(title=name))
    qapp.processEvents()
    assert header.width() == 620
    assert label(header, "runName").width() < 620
    assert name.strip() in label(header, "runName").toolTip()


def test_loading_has_progress(header: RunHeader) -> None:
    state = RunState()

    def loading(done: int, total: int, unit: Any = "files") -> None:
        event = DataProgress(done, total, unit)
        header.on_event(event, ShownRun(state.after(event), "001", key="run 1"))

    header.show_run(ShownRun(state, "001", key="run 1"))
    assert "Loading data" in shown(header)
    loading(15_000, 60_000)
    assert "15,000 of 60,000 files" in shown(header)
    assert bar(header).value() == 250
    loading(85_000_000, 170_000_000, "bytes")
    assert "85 of 170 MB" in shown(header)
    loading(0, 0)
    assert bar(header).maximum() == 0  # busy
    fill(header, epoch=1, step=1)
    assert bar(header).value() == 0


def test_a_run_of_billions_of_steps(header: RunHeader) -> None:
    fill(
        header,
        epochs=100_000,
        steps_per_epoch=50_000,
        epoch=50_000,
        step=50_000,
        step_count=2_500_000_000,
        finished_epochs=(),
        speed=Speed((1e7,), (250.0,), (1.0,)),
    )
    assert bar(header).value() == 500
    assert "115 d 18 h left" in shown(header)


def test_steps_are_painted_now_and_then_and_those_of_an_epochs_end_at_once(
    header: RunHeader,
) -> None:
    run = shown_run()
    header.show_run(run)
    for step, seen in ((1300, "step 1,200"), (3125, "step 3,125")):
        event = StepsDone(3, step, (1.0,), 1.0, 1653.4)
        header.on_event(event, run.after(event, training(step=step)))
        assert seen in shown(header)


def test_a_run_that_was_asked_to_end_says_so_at_once(header: RunHeader) -> None:
    run = shown_run()
    header.show_run(run)
    header.on_event(None, run.after(None, run.state.stopping()))
    assert "Stopping" in shown(header)


def test_a_reason_is_shown_also_without_a_run(header: RunHeader) -> None:
    header.show_run(None, Message("{path}: there is no such folder.", path="/x"))
    assert "/x: there is no such folder." in shown(header)
    assert "No run here yet" in shown(header)
    fill(header)
    assert "no such folder" not in shown(header)
    fill(header, reason=Message("The loss is not finite any more. " * 6))
    assert label(header, "runMessage").wordWrap()
    assert "not finite" in shown(header)


def test_a_result_at_chance_is_said_until_another_run_is_shown(header: RunHeader) -> None:
    fill(header)
    assert "chance" not in shown(header)
    fill(header, test=figures_of(10.2), final=True)
    assert "no better than chance" in shown(header)
    fill(header)
    assert "chance" not in shown(header)


class _Longer(QTranslator):
    """Every text 30% longer, as another language may have it."""

    def translate(
        self, context: str, source: str, disambiguation: str | None = None, n: int = -1
    ) -> str:
        return source + "가" * (len(source) // 6)

    def isEmpty(self) -> bool:
        return False


@pytest.fixture
def longer(qapp: QApplication) -> Iterator[None]:
    translator = _Longer()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


@pytest.mark.usefixtures("longer")
def test_nothing_is_clipped_at_620_pixels_in_a_longer_language(
    header: RunHeader, qapp: QApplication
) -> None:
    for sample in (False, True):
        fill(
            header,
            sample,
            test=figures_of(100.0),
            final=True,
            finished_epochs=(after_epoch(30, 100.0),),
        )
        qapp.processEvents()
        assert header.width() == 620
        for part in header.findChildren(QLabel):
            if part.isVisible() and part.objectName() not in ("runName", "runMessage"):
                assert part.width() >= part.sizeHint().width(), part.text()


def test_the_language_can_change(header: RunHeader, qapp: QApplication) -> None:
    fill(header)
    translator = _Longer()
    qapp.installTranslator(translator)
    qapp.processEvents()
    assert "Training가" in shown(header)
    qapp.removeTranslator(translator)
    qapp.processEvents()
    assert "가" not in shown(header)
