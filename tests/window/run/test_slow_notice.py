"""The line of a run that another program slows down, its button, and the box for the threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from tests.window.run.shown import training
from workbench.engine.events import Slowed
from workbench.engine.pace import Slowdown
from workbench.window.kit.settings import Settings
from workbench.window.kit.translation import Translation
from workbench.window.run.run_header import RunHeader
from workbench.window.run.shown_run import ShownRun
from workbench.window.run.slow_notice import SlowNotice
from workbench.window.setup import threads_box
from workbench.window.setup.threads_box import ThreadsBox

RUN = ShownRun(training(), "001", key="run 1")
SLOW = Slowdown(35.0, 130.0, 2, 1, 80.0)


@pytest.fixture
def header(qtbot: QtBot) -> RunHeader:
    header = RunHeader()
    qtbot.addWidget(header)
    header.resize(700, 120)
    header.show()
    header.show_run(RUN)
    return header


@pytest.fixture
def korean(qapp: QApplication) -> Iterator[Translation]:
    translation = Translation(qapp)
    yield translation
    translation.use("en")


def slow(header: RunHeader, slowdown: Slowdown | None) -> None:
    run = RUN.after(None, RUN.state.after(Slowed(slowdown)))
    header.on_event(Slowed(slowdown), run)


def text(header: RunHeader) -> str:
    label = header.findChild(QLabel, "slowText")
    assert label is not None
    return label.text() if label.isVisible() else ""


def button(header: RunHeader) -> QPushButton:
    found = header.findChild(QPushButton, "fewerThreadsButton")
    assert found is not None
    return found


def test_it_comes_with_the_slowdown_and_goes_with_it(header: RunHeader) -> None:
    assert text(header) == ""
    slow(header, SLOW)
    assert text(header).startswith("Another program takes processor time: 35 of 130 steps")
    assert button(header).text() == "Use 1 thread"
    slow(header, None)
    assert text(header) == ""
    assert not button(header).isVisible()
    slow(header, SLOW)
    header.show_run(ShownRun(training(), "002"))  # another run is shown
    assert text(header) == ""


def test_the_button_asks_once_for_the_number_it_names(header: RunHeader, qtbot: QtBot) -> None:
    asked: list[int] = []
    header.threads_wanted.connect(asked.append)
    slow(header, Slowdown(35.0, 300.0, 8, 6, 210.0))
    assert button(header).text() == "Use 6 threads"
    button(header).click()
    button(header).click()
    assert asked == [6]
    slow(header, SLOW)  # slow again, later
    button(header).click()
    assert asked == [6, 1]


def test_where_fewer_threads_would_not_help_there_is_no_button(header: RunHeader) -> None:
    slow(header, Slowdown(35.0, 80.0, 1))
    assert text(header) == "Another program takes processor time: 35 of 80 steps a second."
    assert not button(header).isVisible()


def test_both_follow_the_language(header: RunHeader, korean: Translation) -> None:
    slow(header, SLOW)
    korean.use("ko")
    QApplication.processEvents()
    assert "스레드 1개로는 약 80스텝입니다" in text(header)
    assert button(header).text() == "스레드 1개 사용"


def test_it_works_without_a_header(qtbot: QtBot) -> None:
    notice = SlowNotice()
    qtbot.addWidget(notice)
    assert notice.isHidden()


# --- the box ---------------------------------------------------------------------------


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_box, "usable_cores", lambda: 4)


def box(qtbot: QtBot) -> ThreadsBox:
    made = ThreadsBox(Settings())
    qtbot.addWidget(made)
    return made


@pytest.mark.usefixtures("cores")
def test_a_choice_is_told_and_kept_for_the_next_start(qtbot: QtBot, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    first = box(qtbot)
    assert [first.itemText(i) for i in range(first.count())] == [
        "Threads: auto",
        *(f"Threads: {count}" for count in (1, 2, 3, 4)),
    ]
    assert first.threads() is None
    told: list[object] = []
    first.chosen.connect(told.append)
    first.setCurrentIndex(2)
    assert (first.threads(), told) == (2, [2])
    first._settings.save()
    assert box(qtbot).threads() == 2
    first.setCurrentIndex(0)
    first._settings.save()
    assert told == [2, None]
    assert box(qtbot).threads() is None


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("kept", ["64", "-1", "x", "²", "0", "1.5"])
def test_a_number_that_this_machine_does_not_have_is_auto(
    kept: str, qtbot: QtBot, home: Path
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    settings = Settings()
    settings.set_text("threads", kept)
    made = ThreadsBox(settings)
    qtbot.addWidget(made)
    assert made.threads() is None


@pytest.mark.usefixtures("cores")
def test_off_it_says_why_and_speaks_korean(qtbot: QtBot, korean: Translation) -> None:
    made = box(qtbot)
    made.set_off("A run trains.")
    assert not made.isEnabled()
    assert made.toolTip() == "A run trains."
    made.set_off("")
    assert "fastest then" in made.toolTip()
    korean.use("ko")
    QApplication.processEvents()
    assert made.itemText(0) == "스레드: 자동"
