"""All of the window is usable from 960x540 logical pixels on, also at twice the font."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QPushButton, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from tests.library.made_runs import make_run
from workbench.data.data_choice import choose_data
from workbench.library.catalog import Library
from workbench.spec.experiment import experiment_from
from workbench.window.compare.comparison_window import ComparisonWindow
from workbench.window.compare.story_window import StoryWindow
from workbench.window.data.data_window import DataWindow
from workbench.window.help.help_window import HelpWindow
from workbench.window.images.image_store import ImageStore
from workbench.window.images.inside_window import InsideWindow
from workbench.window.kit.settings import Settings
from workbench.window.kit.theme import Theme
from workbench.window.kit.translation import LANGUAGES, Translation
from workbench.window.main_window import MainWindow
from workbench.window.setup.augmentation_window import AugmentationWindow
from workbench.window.weights.own_image_window import OwnImageWindow
from workbench.window.work.session import Work

SMALL = (960, 540)


@pytest.fixture
def translation(qapp: QApplication) -> Iterator[Translation]:
    translation = Translation(qapp)
    yield translation
    translation.use("en")


@pytest.fixture(params=[1.0, 2.0], ids=["font", "twice the font"])
def font(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[float]:
    before = qapp.font()
    larger = qapp.font()
    larger.setPointSizeF(before.pointSizeF() * request.param)
    qapp.setFont(larger)
    yield request.param
    qapp.setFont(before)


def fits(window: QWidget) -> bool:
    least = window.minimumSizeHint().expandedTo(window.minimumSize())
    return least.width() <= SMALL[0] and least.height() <= SMALL[1] - 30  # its title bar


def test_every_window_fits_a_small_screen_in_both_languages(
    qtbot: QtBot, theme: Theme, translation: Translation, home: Path, font: float
) -> None:
    library = Library()
    records = [make_run(library), make_run(library)]
    images = ImageStore()
    main = MainWindow(library, Settings(), theme, translation)
    windows: list[QWidget] = [
        main,
        ComparisonWindow(records, images),
        StoryWindow(records),
        DataWindow(),
        OwnImageWindow(main.session),
        HelpWindow(main.help.reader, list),
        InsideWindow(),
        AugmentationWindow(experiment_from({"flip": "random"}), choose_data("sample")),
    ]
    qtbot.waitUntil(lambda: windows[1].ready and windows[2].ready, timeout=20_000)  # type: ignore[attr-defined]
    windows[-1].setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    for language in (*LANGUAGES, "en"):
        translation.use(language)
        for window in windows:
            window.resize(*SMALL)
            window.show()
            QApplication.processEvents()
            hint = window.minimumSizeHint().toTuple()
            assert fits(window), f"{window.objectName()} in {language}: {hint}"
            assert window.width() <= SMALL[0]
    # Reached by scrolling: whatever is cut at first can be brought into view.
    train_more = main.form.findChild(QPushButton, "savePresetButton")
    area = main.findChild(QDockWidget, "hyperparameterDock").widget()
    assert isinstance(area, QScrollArea)
    area.ensureWidgetVisible(train_more)
    QApplication.processEvents()
    place = QRect(train_more.mapTo(area.viewport(), QPoint(0, 0)), train_more.size())
    assert area.viewport().rect().intersects(place)
    for window in windows[::-1]:
        window.close()
    images.stop(10_000)
    assert main.session.wait(10_000)
    assert Work.wait_for_all(10_000)
    for window in windows:
        window.deleteLater()
    images.deleteLater()


def test_docks_yield_to_the_run_in_a_narrow_window_and_come_back(
    qtbot: QtBot, theme: Theme, translation: Translation, home: Path
) -> None:
    main = MainWindow(Library(), Settings(), theme, translation)
    main.resize(1280, 800)
    main.show()
    docks = main.findChildren(QDockWidget)
    presets = main.findChild(QDockWidget, "presetDock")
    for _ in range(2):
        main.resize(1280, 800)
        QApplication.processEvents()
        assert not main.tabifiedDockWidgets(presets)
        main.resize(*SMALL)
        QApplication.processEvents()
        assert main.centralWidget().width() >= 0.45 * SMALL[0]
        assert len(main.tabifiedDockWidgets(presets)) == len(docks) - 1
    main.close()
    again = MainWindow(Library(), Settings(), theme, translation)
    again.show()
    again.resize(1280, 800)
    QApplication.processEvents()
    assert not again.tabifiedDockWidgets(again.findChild(QDockWidget, "presetDock"))
    again.close()
    for window in (main, again):
        window.deleteLater()
    assert Work.wait_for_all(10_000)


def test_buttons_stay_where_they_are_as_weights_are_loaded(
    qtbot: QtBot, theme: Theme, translation: Translation, home: Path
) -> None:
    main = MainWindow(Library(), Settings(), theme, translation)
    main.resize(1280, 800)
    main.show()
    QApplication.processEvents()
    before = [button.mapTo(main, QPoint(0, 0)) for button in _buttons(main)]
    main.weights_card.show_weights("w.pkl", "007 Adam", ["3 epochs"], ["ReLU is assumed."])
    qtbot.waitUntil(lambda: main.weights_card.height() > 80)
    assert [button.mapTo(main, QPoint(0, 0)) for button in _buttons(main)] == before
    main.close()
    main.deleteLater()
    assert Work.wait_for_all(10_000)


def _buttons(main: MainWindow) -> list[QPushButton]:
    return [
        button
        for bar in (main.saved.buttons, main.results)
        for button in bar.findChildren(QPushButton)
    ]


def test_no_key_of_the_menus_is_one_that_a_field_takes(
    qtbot: QtBot, theme: Theme, translation: Translation, home: Path
) -> None:
    main = MainWindow(Library(), Settings(), theme, translation)
    main.show()
    taken = set()
    for action in main.actions_.findChildren(QAction):
        for key in action.shortcuts():
            event = QKeyEvent(
                QEvent.Type.ShortcutOverride, key[0].key(), key[0].keyboardModifiers()
            )
            event.ignore()
            QApplication.sendEvent(main.saved.search, event)
            if event.isAccepted():
                taken.add(action.objectName())
    assert not taken
    main.close()
    main.deleteLater()
    assert Work.wait_for_all(10_000)
