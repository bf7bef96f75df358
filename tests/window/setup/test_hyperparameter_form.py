"""The form of the hyperparameters, as a person uses it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from workbench import paths
from workbench.spec.experiment import HYPERPARAMETERS, experiment_from
from workbench.spec.presets import Preset, find_preset
from workbench.window.kit import translation
from workbench.window.setup.hyperparameter_form import HyperparameterForm
from workbench.window.setup.hyperparameter_row import ChangeMark, stepped
from workbench.window.setup.save_preset_dialog import SavePresetDialog


@pytest.fixture
def form(qtbot: QtBot) -> HyperparameterForm:
    form = HyperparameterForm()
    qtbot.addWidget(form)
    form.set_preset(preset("001"))
    form.resize(290, 420)
    form.show()
    return form


def preset(id: str) -> Preset:
    return find_preset(id)


def line(form: HyperparameterForm, name: str) -> QLineEdit:
    editor = form.editor(name)
    assert isinstance(editor, QLineEdit)
    return editor


def enter(qtbot: QtBot, form: HyperparameterForm, name: str, text: str) -> None:
    """Types ``text`` in place of what stands there."""
    line(form, name).selectAll()
    qtbot.keyClick(line(form, name), Qt.Key.Key_Backspace)
    qtbot.keyClicks(line(form, name), text)


def choose(qtbot: QtBot, form: HyperparameterForm, name: str, key: Qt.Key) -> None:
    qtbot.keyClick(form.editor(name), key)


def reason(form: HyperparameterForm, name: str) -> str:
    return form.findChild(QLabel, f"reason_{name}").text()


def marked(form: HyperparameterForm) -> list[str]:
    return [name for name in HYPERPARAMETERS if form.findChild(ChangeMark, f"changed_{name}").on]


def state(form: HyperparameterForm) -> str:
    return form.findChild(QLabel, "hyperparameterState").text()


def wheel(widget: QWidget) -> None:
    place = QPointF(widget.rect().center())
    event = QWheelEvent(
        place,
        widget.mapToGlobal(place),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


# --- stepping ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "up", "expected"),
    [
        ("epochs", "3", True, "4"),
        ("epochs", "1", False, None),
        ("epochs", "1.5", True, None),
        ("epochs", "100000", True, None),
        ("learning_rate", "0.001", True, "0.002"),
        ("learning_rate", "1e-3", False, "0.0005"),
        ("learning_rate", "0.0007", True, "0.001"),
        ("learning_rate", "10", True, None),
        ("learning_rate", "0", True, "0.00001"),
        ("gamma", "0.5", True, "1"),
        ("dropout", "0.1", True, "0.15"),
        ("dropout", "0.12", False, "0.1"),
        ("dropout", "0.95", True, None),
        ("dropout", "0", False, None),
        ("validation_share", "0", True, "0.05"),
        ("validation_share", "0.5", True, None),
        ("weight_decay", "0", True, "0.00001"),
        ("weight_decay", "1e-9", False, "0"),
        ("learning_rate", "", True, None),
        ("learning_rate", "nan", True, None),
        ("learning_rate", "1e999999", True, None),
        ("seed", "2147483647", True, None),
    ],
)
def test_a_step_stays_within_the_limits(
    name: str, text: str, up: bool, expected: str | None
) -> None:
    assert stepped(HYPERPARAMETERS[name], text, up) == expected


def test_up_and_down_step_the_field(form: HyperparameterForm, qtbot: QtBot) -> None:
    qtbot.keyClick(line(form, "epochs"), Qt.Key.Key_Up)
    qtbot.keyClick(line(form, "learning_rate"), Qt.Key.Key_Down)
    assert line(form, "epochs").text() == "4"
    assert line(form, "learning_rate").text() == "0.0005"
    assert marked(form) == ["learning_rate", "epochs"]


# --- editing -----------------------------------------------------------------------------


def test_every_hyperparameter_has_an_editor_that_says_what_it_is(
    form: HyperparameterForm,
) -> None:
    for name, parameter in HYPERPARAMETERS.items():
        editor = form.findChild(QWidget, f"hyperparameter_{name}")
        assert editor is form.editor(name)
        assert editor.accessibleName() == parameter.label
        assert parameter.help.split(".")[0][:20] in editor.toolTip()
    assert "1 to 50,000 images" in form.editor("batch_size").toolTip()


def test_no_field_is_cut_where_the_form_is_as_narrow_as_it_can_be(
    form: HyperparameterForm, qtbot: QtBot
) -> None:
    form.resize(form.minimumSizeHint().width(), 400)
    viewport = form.scroll_area.viewport()
    qtbot.waitUntil(lambda: form.width() == form.minimumSizeHint().width())
    for name in HYPERPARAMETERS:
        editor = form.editor(name)
        right = editor.mapTo(viewport.parentWidget(), editor.rect().topRight()).x()
        assert right <= viewport.geometry().right(), name


def test_every_preset_goes_in_and_comes_out_unchanged(form: HyperparameterForm) -> None:
    for number in range(1, 12):
        form.set_preset(preset(f"{number:03}"))
        assert form.experiment() == preset(f"{number:03}").experiment
        assert not form.is_changed()
        assert state(form) == "unchanged"


def test_an_edit_is_marked_and_reset_takes_it_back(form: HyperparameterForm, qtbot: QtBot) -> None:
    reset = form.findChild(QPushButton, "resetButton")
    assert not reset.isEnabled()
    with qtbot.waitSignal(form.changed, timeout=1000):
        enter(qtbot, form, "learning_rate", "1e-4")
    experiment = form.experiment()
    assert experiment is not None
    assert experiment.learning_rate == 0.0001
    assert line(form, "learning_rate").text() == "1e-4"  # as typed
    assert form.is_changed()
    assert state(form) == "changed"
    assert marked(form) == ["learning_rate"]
    assert "Preset: 0.001" in form.findChild(QLabel, "label_learning_rate").toolTip()
    qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)
    assert line(form, "learning_rate").text() == "0.001"
    assert not form.is_changed()
    assert marked(form) == []
    assert state(form) == "unchanged"


def test_the_same_number_written_otherwise_is_no_change(
    form: HyperparameterForm, qtbot: QtBot
) -> None:
    enter(qtbot, form, "learning_rate", " 1E-3 ")
    assert not form.is_changed()
    assert form.experiment() == preset("001").experiment


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("learning_rate", "-1", "Must be greater than 0 (it is -1)"),
        ("learning_rate", "11", "Must be 10 or less"),
        ("learning_rate", "", "Enter a value."),
        ("learning_rate", "  ", "Enter a value."),
        ("learning_rate", "nan", "Must be a number (it is nan)."),
        ("learning_rate", "1e999", "Must be a number (it is 1e999)."),
        ("learning_rate", "0,1", "Must be a number (it is 0,1)."),
        ("epochs", "1.5", "Must be a whole number (it is 1.5)."),
        ("epochs", "9" * 40, ""),  # in whatever words
        ("seed", "99999999999999", "Must be 2"),
    ],
)
def test_a_bad_value_is_marked_with_its_reason(
    form: HyperparameterForm, qtbot: QtBot, name: str, text: str, words: str
) -> None:
    place = form.editor("batch_size").geometry()
    enter(qtbot, form, name, text)
    assert form.experiment() is None
    assert form.editor(name).property("invalid") is True
    assert reason(form, name).startswith(words)
    assert reason(form, name)
    assert form.problem().startswith(HYPERPARAMETERS[name].label + ": ")
    assert words[:1].lower() + words[1:] in form.problem()
    assert form.editor("batch_size").geometry() == place  # nothing jumps
    save = form.findChild(QPushButton, "savePresetButton")
    assert not save.isEnabled()
    enter(qtbot, form, name, "1")
    assert form.experiment() is not None
    assert form.editor(name).property("invalid") is False
    assert reason(form, name) == form.problem() == ""
    assert save.isEnabled()


def test_fields_that_disagree_are_marked_too(form: HyperparameterForm, qtbot: QtBot) -> None:
    batch_norm = form.editor("batch_norm")
    assert isinstance(batch_norm, QCheckBox)
    qtbot.keyClick(batch_norm, Qt.Key.Key_Space)
    enter(qtbot, form, "batch_size", "1")
    assert reason(form, "batch_size").startswith("Must be 2 or more with batch norm")
    assert form.problem().startswith("Batch size: must be 2 or more with batch norm")


def test_fields_without_effect_are_off_and_say_why(form: HyperparameterForm, qtbot: QtBot) -> None:
    for name in ("step_size", "gamma"):
        assert not form.editor(name).isEnabled()
        assert "Has no effect while Scheduler is None." in form.editor(name).toolTip()
    assert line(form, "step_size").text() == "20"  # still seen
    choose(qtbot, form, "scheduler", Qt.Key.Key_Down)
    assert form.editor("step_size").isEnabled()
    assert "no effect" not in form.editor("step_size").toolTip()
    enter(qtbot, form, "step_size", "0")
    assert form.experiment() is None
    choose(qtbot, form, "scheduler", Qt.Key.Key_Up)
    # What has no effect cannot be wrong, and is no change.
    assert form.experiment() == preset("001").experiment
    assert reason(form, "step_size") == ""
    assert not form.is_changed()
    choose(qtbot, form, "optimizer", Qt.Key.Key_Down)
    assert not form.editor("momentum").isEnabled()


def test_nesterov_is_off_without_momentum_and_off_where_the_optimizer_has_none(
    form: HyperparameterForm, qtbot: QtBot
) -> None:
    assert not form.editor("nesterov").isEnabled()
    assert "Momentum is 0" in form.editor("nesterov").toolTip()
    enter(qtbot, form, "momentum", "0.9")
    assert form.editor("nesterov").isEnabled()
    enter(qtbot, form, "momentum", "x")  # no number yet: its own line says so
    assert form.editor("nesterov").isEnabled()
    enter(qtbot, form, "momentum", "0.9")
    choose(qtbot, form, "optimizer", Qt.Key.Key_Down)
    assert not form.editor("nesterov").isEnabled()
    assert not form.editor("decay_norm_and_bias").isEnabled()
    enter(qtbot, form, "weight_decay", "0.001")
    assert form.editor("decay_norm_and_bias").isEnabled()


def test_the_wheel_changes_nothing(form: HyperparameterForm) -> None:
    for name in ("optimizer", "scheduler", "learning_rate", "epochs", "batch_norm"):
        wheel(form.editor(name))
        form.editor(name).setFocus()
        wheel(form.editor(name))
    assert not form.is_changed()
    assert form.experiment() == preset("001").experiment


def test_tab_goes_from_top_to_bottom(form: HyperparameterForm, qtbot: QtBot) -> None:
    form.set_preset(preset("006"))
    editors = [form.editor(name) for name in HYPERPARAMETERS]
    expected = [e for e in editors if not isinstance(e, QLabel) and e.isEnabled()]
    # Beside the heading of its group.
    expected.insert(expected.index(form.editor("flip")), form.examples_button)
    expected[0].setFocus()
    met: list[QWidget | None] = [form.focusWidget()]
    for _ in range(len(expected)):
        form.focusNextChild()
        met.append(form.focusWidget())
    assert met[:-1] == expected
    assert met[-1] is form.findChild(QPushButton, "savePresetButton")


# --- as declared, as run -----------------------------------------------------------------


def test_the_switch_fills_in_what_ran_and_goes_back(form: HyperparameterForm, qtbot: QtBot) -> None:
    seven = preset("007")
    form.set_preset(seven)
    switch = form.as_run_switch
    assert switch.declared.isChecked()
    assert switch.difference.text() == "Scheduler Step → None · Epochs 60 → 25"
    with qtbot.waitSignal(form.changed, timeout=1000):
        qtbot.mouseClick(switch.as_run, Qt.MouseButton.LeftButton)
    assert form.experiment() == seven.as_run
    assert marked(form) == ["scheduler", "epochs"]
    assert state(form) == "as actually run"
    assert not form.is_changed()
    qtbot.mouseClick(switch.declared, Qt.MouseButton.LeftButton)
    assert form.experiment() == seven.experiment
    assert marked(form) == []
    assert state(form) == "unchanged"


def test_the_switch_leaves_other_edits_and_reset_goes_where_it_stands(
    form: HyperparameterForm, qtbot: QtBot
) -> None:
    seven = preset("007")
    form.set_preset(seven)
    enter(qtbot, form, "seed", "5")
    qtbot.mouseClick(form.as_run_switch.as_run, Qt.MouseButton.LeftButton)
    experiment = form.experiment()
    assert experiment is not None
    assert (experiment.seed, experiment.epochs, experiment.scheduler) == (5, 25, "none")
    assert state(form) == "changed"
    form.reset()
    assert form.experiment() == seven.as_run
    assert form.as_run_switch.as_run.isChecked()
    form.set_preset(preset("009"))
    assert form.as_run_switch.declared.isChecked()
    assert form.experiment() == preset("009").experiment


def test_a_preset_that_ran_as_declared_leaves_nothing_to_switch(form: HyperparameterForm) -> None:
    assert not form.as_run_switch.isEnabled()
    assert form.as_run_switch.difference.text() == "Ran as written"
    place = form.scroll_area.geometry()
    form.set_preset(preset("007"))
    assert form.as_run_switch.isEnabled()
    QApplication.processEvents()
    assert form.scroll_area.geometry() == place  # nothing jumps


def test_a_run_shows_which_of_the_two_it_is(form: HyperparameterForm) -> None:
    nine = preset("009")
    form.set_preset(nine)
    assert nine.as_run is not None
    assert form.as_run_switch.declared.isChecked()
    form.set_experiment(nine.as_run)  # a saved run's
    assert form.as_run_switch.as_run.isChecked()
    assert state(form) == "as actually run"


# --- others ask --------------------------------------------------------------------------


def test_hyperparameters_of_a_run_are_shown_against_the_preset(form: HyperparameterForm) -> None:
    form.set_preset(preset("007"))
    form.set_experiment(preset("009").experiment)
    assert form.experiment() == preset("009").experiment
    assert state(form) == "changed"
    assert marked(form) == ["activation", "dropout", "batch_norm", "learning_rate", "epochs"]


# --- saving ------------------------------------------------------------------------------


def dialog(form: HyperparameterForm, qtbot: QtBot) -> SavePresetDialog:
    qtbot.mouseClick(form.findChild(QPushButton, "savePresetButton"), Qt.MouseButton.LeftButton)
    return form.findChildren(SavePresetDialog)[-1]


def test_save_as_preset_writes_the_file_and_tells(form: HyperparameterForm, qtbot: QtBot) -> None:
    enter(qtbot, form, "learning_rate", "0.01")
    asked = dialog(form, qtbot)
    assert asked.name.text() == "001, learning rate 0.01"
    asked.name.selectAll()
    qtbot.keyClicks(asked.name, "My rate")
    with qtbot.waitSignal(form.preset_saved, timeout=1000) as saved:
        qtbot.keyClick(asked.name, Qt.Key.Key_Return)
    assert saved.args == ["My-rate"]
    assert (paths.user_presets() / "My-rate.yaml").is_file()
    assert preset("My-rate").title == "My rate"
    assert preset("My-rate").experiment == form.experiment()


def test_a_name_that_cannot_be_is_refused_in_words(form: HyperparameterForm, qtbot: QtBot) -> None:
    asked = dialog(form, qtbot)
    for name, words in (
        ("007", "007 is the name of a built-in preset; choose another name."),
        ("/", "Give the preset a name with at least one letter or digit."),
        ("", "Give the preset a name with at least one letter or digit."),
    ):
        asked.name.setText(name)
        qtbot.mouseClick(asked.save, Qt.MouseButton.LeftButton)
        assert asked.isVisible()
        assert asked.message.text() == words
    qtbot.keyClicks(asked.name, "a")
    assert asked.message.text() == ""
    qtbot.keyClick(asked.name, Qt.Key.Key_Escape)
    assert not paths.user_presets().exists()


def test_saving_over_an_own_preset_says_that_it_replaces(
    form: HyperparameterForm, qtbot: QtBot
) -> None:
    first = dialog(form, qtbot)
    first.name.setText("mine")
    qtbot.mouseClick(first.save, Qt.MouseButton.LeftButton)
    second = dialog(form, qtbot)
    second.name.setText("Mine")  # one file on Windows and macOS
    assert second.message.text() == "A preset with this name exists; saving replaces it."
    assert second.save.text() == "Replace"
    second.reject()


# --- room and words ------------------------------------------------------------------------


KOREAN = {
    "Hyperparameters": "하이퍼파라미터",
    "Learning rate": "학습률",
    "Scheduler": "학습률 스케줄러",
    "None": "사용 안 함",
    "Batch norm": "배치 정규화",
    "Weight decay": "가중치 감쇠 (L2)",
    "epochs": "에포크",
    "images": "이미지",
    "Evaluation mode": "평가 모드 (드롭아웃 끔)",
    "Save as preset…": "프리셋으로 저장…",
    "changed": "변경됨",
    "Has no effect while {field} is {value}.": "{field}: {value}이면 효과가 없습니다.",
    "{field}: must be greater than {limit} (it is {value}).": (
        "{field}: {limit}보다 커야 합니다 (현재 {value})."
    ),
}


def fits(form: HyperparameterForm) -> bool:
    content = form.scroll_area.widget()
    return (
        form.width() == 290
        and content.minimumSizeHint().width() <= form.scroll_area.viewport().width()
        and form.minimumSizeHint().width() <= 290
    )


def test_korean_and_english_fit_290_pixels(
    form: HyperparameterForm,
    qtbot: QtBot,
    qapp: QApplication,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert fits(form)
    enter(qtbot, form, "learning_rate", "-1")
    monkeypatch.setattr(translation, "read_texts", lambda language: KOREAN)
    language = translation.Translation(qapp)
    try:
        language.use("ko")
        QApplication.processEvents()
        assert form.heading.text() == "하이퍼파라미터"
        assert state(form) == "변경됨"
        assert form.findChild(QLabel, "label_learning_rate").text() == "학습률"
        assert reason(form, "learning_rate") == "0보다 커야 합니다 (현재 -1)."
        assert form.problem() == "학습률: 0보다 커야 합니다 (현재 -1)."
        assert "학습률 스케줄러: 사용 안 함이면 효과가 없습니다." in form.editor("gamma").toolTip()
        assert line(form, "learning_rate").text() == "-1"
        assert fits(form)
    finally:
        language.use("en")
    QApplication.processEvents()
    assert state(form) == "changed"


def test_the_fields_fit_into_a_narrow_dock(form: HyperparameterForm) -> None:
    form.resize(252, 420)  # what the docks leave to it at 1280 pixels
    QApplication.processEvents()
    content = form.scroll_area.widget()
    assert content.minimumSizeHint().width() <= form.scroll_area.viewport().width()


def test_precision_says_what_was_timed_here(form: HyperparameterForm) -> None:
    note = form.findChild(QLabel, "note_precision")
    assert note is not None
    assert not note.isVisible()
    form.show_bfloat16_gain(1.389)
    assert note.isVisible()
    assert note.text() == "bfloat16, timed here: 1.39 times the speed of float32"
    form.show_bfloat16_gain(0.8)
    assert "0.80 times" in note.text()
    form.show_bfloat16_gain(None)
    assert not note.isVisible()


def test_before_any_preset_the_form_holds_the_declared_defaults(qtbot: QtBot) -> None:
    form = HyperparameterForm()
    qtbot.addWidget(form)
    assert form.experiment() == experiment_from({})
    assert not form.is_changed()
    assert state(form) == ""
