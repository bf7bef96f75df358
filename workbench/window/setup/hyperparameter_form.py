"""The form of the hyperparameters, made from their declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from workbench.messages import Message
from workbench.spec.experiment import (
    HYPERPARAMETERS,
    REGISTRIES,
    Experiment,
    ExperimentError,
    Hyperparameter,
    channel_numbers,
    experiment_from,
    names_without_effect,
    unmet,
)
from workbench.spec.networks import network_layers, own_network_problems
from workbench.spec.presets import Preset, how_it_ran
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import number_text, size_text, tooltip, value_text
from workbench.window.kit.translation import say, tr
from workbench.window.setup.as_run_switch import AsRunSwitch
from workbench.window.setup.hyperparameter_row import HyperparameterRow, Raw
from workbench.window.setup.save_preset_dialog import SavePresetDialog

# --- arithmetic ------------------------------------------------------------------------------


def raw_values(experiment: Experiment) -> dict[str, Raw]:
    """Return what the editors hold when they show ``experiment``."""
    return {
        name: number_text(value) if HYPERPARAMETERS[name].kind in ("int", "float") else value
        for name, value in experiment.model_dump().items()
    }


def check(raw: Mapping[str, Raw]) -> tuple[Experiment | None, dict[str, Message]]:
    """The experiment that the fields with an effect make, or ``None`` and each field's problem."""
    off = names_without_effect(raw)
    values: dict[str, Any] = {name: value for name, value in raw.items() if name not in off}
    empty = {
        name: Message("{field}: enter a value.", field=name)
        for name, value in values.items()
        if isinstance(value, str) and not value.strip()
    }
    try:
        experiment = experiment_from(values)
    except ExperimentError as error:
        problems = {**error.problems, **empty}
        return None, {name: problems[name] for name in HYPERPARAMETERS if name in problems}
    return experiment, {}


def same(parameter: Hyperparameter, raw: Raw, value: Any) -> bool:
    """Return whether ``raw`` means ``value``: ``1e-3`` is 0.001."""
    if parameter.kind == "numbers":
        return channel_numbers(raw) == channel_numbers(value)
    if parameter.kind not in ("int", "float"):
        return raw == value
    try:
        return float(raw) == value
    except ValueError:
        return False


def sentence(message: Message) -> str:
    """A field's problem with the field's label in place of its key."""
    labels = {
        key: tr(HYPERPARAMETERS[str(message.values[key])].label)
        for key in ("field", "other")
        if message.values.get(key) in HYPERPARAMETERS
    }
    return say(Message(message.template, **{**message.values, **labels}))


def reason(message: Message) -> str:
    """The problem for the line below its field, which need not repeat the field's name."""
    label = tr(HYPERPARAMETERS[str(message.values["field"])].label)
    text = sentence(message).removeprefix(f"{label}: ")
    return text[:1].upper() + text[1:]


# --- widget ----------------------------------------------------------------------------------


class _Fields(QScrollArea):
    """At least as wide as its fields, which would be cut: it scrolls up and down alone."""

    def minimumSizeHint(self) -> QSize:
        bar = self.verticalScrollBar().sizeHint().width()
        fields = self.widget()
        width = fields.minimumSizeHint().width() if fields is not None else 0
        return QSize(width + bar + 2 * self.frameWidth(), super().minimumSizeHint().height())


class HyperparameterForm(QWidget):
    """Edits the next run's experiment, which starts from a preset.

    ``changed``: an edit, or another preset or experiment; the validity may have changed.
    ``preset_saved``: the id of a preset that was just written. ``examples_wanted``: training images
    are to be shown as the network gets them.
    """

    changed = Signal()
    preset_saved = Signal(str)
    examples_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("hyperparameterPanel")
        self._preset: Preset | None = None
        self._as_run = False
        start = experiment_from({})
        self._raw = raw_values(start)
        self._experiment: Experiment | None = start
        self._problems: dict[str, Message] = {}
        self._bfloat16_gain: float | None = None

        self.heading = QLabel()
        self.heading.setProperty("role", "heading")
        self.state = ElidedLabel("muted")
        self.state.setObjectName("hyperparameterState")
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.as_run_switch = AsRunSwitch(self.state)
        self.as_run_switch.chosen.connect(self._choose_as_run)

        self.examples_button = QPushButton()
        self.examples_button.setObjectName("examplesButton")
        self.examples_button.clicked.connect(self.examples_wanted)
        self._groups: dict[str, QLabel] = {}
        self._rows: dict[str, HyperparameterRow] = {}
        content = QWidget()
        self._fill(content)
        self.scroll_area = _Fields()
        self.scroll_area.setObjectName("hyperparameterScroll")
        self.scroll_area.setProperty("card", True)
        self.scroll_area.setFrameShape(QFrame.Shape.StyledPanel)
        self.scroll_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have it
        self.scroll_area.setWidgetResizable(True)
        self.scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll_area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.scroll_area.setWidget(content)
        # The card's own background, not the window's.
        content.setAutoFillBackground(False)
        self.scroll_area.viewport().setAutoFillBackground(False)

        self.save_button = QPushButton()
        self.save_button.setObjectName("savePresetButton")
        self.save_button.clicked.connect(self._ask_name)
        self.reset_button = QPushButton()
        self.reset_button.setObjectName("resetButton")
        self.reset_button.clicked.connect(self.reset)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.save_button)
        buttons.addStretch(1)
        buttons.addWidget(self.reset_button)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.heading)
        layout.addWidget(self.as_run_switch)
        layout.addWidget(self.scroll_area, 1)
        layout.addLayout(buttons)
        self.retranslate()

    def _fill(self, content: QWidget) -> None:
        grid = QGridLayout(content)
        grid.setContentsMargins(4, 4, 10, 4)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(2, 1)
        at = 0
        for name, parameter in HYPERPARAMETERS.items():
            if parameter.group not in self._groups:
                heading = QLabel()
                heading.setProperty("role", "heading")
                heading.setContentsMargins(0, 4, 0, 4)
                self._groups[parameter.group] = heading
                grid.addWidget(heading, at, 1, 1, HyperparameterRow.COLUMNS - 1)
                if parameter.group == "Augmentation":
                    heading.setContentsMargins(0, 12, 0, 12)  # room around the button
                    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    grid.addWidget(self.examples_button, at, 2, 1, -1, right)
                at += 1
            row = HyperparameterRow(parameter, self)
            row.place(grid, at)
            row.edited.connect(self._edited)
            self._rows[name] = row
            at += 2
        grid.setRowStretch(at, 1)

    # --- what others ask for -----------------------------------------------------------------

    def set_preset(self, preset: Preset) -> None:
        """Fill the form with ``preset`` as declared; edits are dropped."""
        self._preset, self._as_run = preset, False
        self._take(preset.experiment)

    def set_experiment(self, experiment: Experiment) -> None:
        """Fill the form with ``experiment``; it shows what differs from the current preset."""
        preset = self._preset
        self._as_run = preset is not None and how_it_ran(preset, experiment) == "as_run"
        self._take(experiment)

    def reset(self) -> None:
        """Back to the preset, as declared or as run, as the switch says."""
        self._take(self._start())

    def experiment(self) -> Experiment | None:
        """Return what the person has set, ``None`` while a value is wrong."""
        return self._experiment

    def is_changed(self) -> bool:
        """Return whether what the person has set differs from the preset as declared, or as run
        where the switch says so."""
        return any(self._differs(name, self._start()) for name in HYPERPARAMETERS)

    def problem(self) -> str:
        """The first wrong field's sentence; empty while all are right."""
        return next((sentence(message) for message in self._problems.values()), "")

    def editor(self, name: str) -> QWidget:
        """The editor of the hyperparameter ``name``."""
        return self._rows[name].editor

    # --- inside ------------------------------------------------------------------------------

    def _take(self, experiment: Experiment) -> None:
        self._raw = raw_values(experiment)
        self._experiment, self._problems = check(self._raw)
        self._show()
        self.changed.emit()

    def _edited(self) -> None:
        self._raw = {name: row.raw() for name, row in self._rows.items()}
        self._experiment, self._problems = check(self._raw)
        self._show_states()
        self.changed.emit()

    def _start(self) -> Experiment:
        if self._preset is None:
            return experiment_from({})
        return (
            self._preset.as_run if self._as_run and self._preset.as_run else self._preset.experiment
        )

    def _choose_as_run(self, as_run: bool) -> None:
        """Take over what the two differ in; other edits stay."""
        before = raw_values(self._start())
        self._as_run = as_run
        after = raw_values(self._start())
        changes = {name: raw for name, raw in after.items() if raw != before[name]}
        self._raw = {**self._raw, **changes}
        self._experiment, self._problems = check(self._raw)
        self._show()
        self.changed.emit()

    def _is_changed(self, name: str) -> bool:
        """Return whether ``name`` differs from the preset as declared."""
        return self._preset is not None and self._differs(name, self._preset.experiment)

    def _differs(self, name: str, experiment: Experiment) -> bool:
        if self._preset is None or name in names_without_effect(self._raw):
            return False
        return not same(HYPERPARAMETERS[name], self._raw[name], getattr(experiment, name))

    def _show(self) -> None:
        for name, row in self._rows.items():
            row.show_raw(self._raw[name])
        self._show_states()

    def _show_states(self) -> None:
        off = names_without_effect(self._raw)
        for name, row in self._rows.items():
            notes = []
            if name in off:
                notes.append(self._why_off(row.parameter))
            is_changed = self._is_changed(name)
            if is_changed and self._preset is not None:
                value = getattr(self._preset.experiment, name)
                notes.append(tr("Preset: {value}").format(value=value_text(row.parameter, value)))
            if name in REGISTRIES and self._raw[name] in REGISTRIES[name]:
                choice = REGISTRIES[name][str(self._raw[name])]
                notes.append(f"{tr(choice.label)}: {tr(choice.help)}" if choice.help else "")
            if name == "network" and self._experiment is not None:
                notes.append(size_text(network_layers(self._experiment, 10)))
            problem = self._problems.get(name)
            row.show_state(name not in off, is_changed, reason(problem) if problem else "", *notes)
        self._rows["network"].show_note(self._network_size())
        self._show_head()

    def _network_size(self) -> str:
        """Return how large the network of the form is, empty while a value is wrong; what is wrong
        with a network of one's own comes first."""
        if problems := own_network_problems():
            return " ".join(map(say, problems))
        experiment = self._experiment
        return "" if experiment is None else size_text(network_layers(experiment, 10), short=True)

    def show_bfloat16_gain(self, gain: float | None) -> None:
        """Return how many times faster a step of this experiment was in bfloat16 than in float32,
        when both were timed here; ``None`` where they were not."""
        self._bfloat16_gain = gain
        text = tr("bfloat16, timed here: {gain} times the speed of float32")
        self._rows["precision"].show_note("" if gain is None else text.format(gain=f"{gain:.2f}"))

    def _why_off(self, parameter: Hyperparameter) -> str:
        other = HYPERPARAMETERS[unmet(parameter.name, self._raw) or ""]
        raw = self._raw[other.name]
        value = raw if other.kind in ("int", "float") else value_text(other, raw)
        return tr("Has no effect while {field} is {value}.").format(
            field=tr(other.label), value=value
        )

    def _show_head(self) -> None:
        is_changed = self.is_changed()
        if self._preset is None:
            text = ""
        elif is_changed:
            text = tr("changed")
        elif self._as_run:
            text = tr("as actually run")
        else:
            text = tr("unchanged")
        self.state.setText(text)
        self.state.set_tint("accent" if is_changed else "muted")
        self.save_button.setEnabled(self._experiment is not None)
        self.save_button.setToolTip(tooltip(self.problem()))
        self.reset_button.setEnabled(is_changed)
        self.as_run_switch.show_preset(self._preset, self._as_run)

    def _ask_name(self) -> None:
        if self._experiment is None:
            return
        dialog = SavePresetDialog(self._suggested_name(), self._experiment, self)
        dialog.saved.connect(lambda preset: self.preset_saved.emit(preset.id))
        dialog.open()

    def _suggested_name(self) -> str:
        """``007, learning rate 0.01``: what tells it from the preset, where that is short."""
        if self._preset is None:
            return ""
        if not self._preset.built_in:
            return self._preset.title
        parts = [self._preset.id]
        for name in filter(self._is_changed, HYPERPARAMETERS):
            parameter = HYPERPARAMETERS[name]
            value = value_text(parameter, getattr(self._experiment, name))
            parts.append(f"{tr(parameter.label).lower()} {value}")
        return ", ".join(parts[:3])

    def retranslate(self) -> None:
        self.heading.setText(tr("Hyperparameters"))
        for group, label in self._groups.items():
            label.setText(tr(group))
        for row in self._rows.values():
            row.retranslate()
        self.show_bfloat16_gain(self._bfloat16_gain)
        self.examples_button.setText(tr("Show images…"))
        self.examples_button.setToolTip(
            tooltip(tr("Sixteen training images as the network gets them, beside the originals"))
        )
        self.save_button.setText(tr("Save as preset…"))
        self.reset_button.setText(tr("Reset"))
        self.reset_button.setToolTip(tr("Back to the preset's values"))
        self._show()
        self.scroll_area.updateGeometry()  # as wide as the fields are in this language

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif theme.is_restyled(event) or event.type() == QEvent.Type.FontChange:
            for row in self._rows.values():
                row.restyle()


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    from workbench.spec.presets import find_preset
    from workbench.window.kit.theme import Theme

    application = QApplication([])
    Theme(application)
    form = HyperparameterForm()
    form.set_preset(find_preset("007"))
    form.resize(290, 480)
    form.show()
    application.exec()
