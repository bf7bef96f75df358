"""*Vary...*: which hyperparameters of the form a sweep varies, and how; refusals stand beside the
fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from workbench.analysis.sweep_estimate import SweepEstimate, sweep_estimate
from workbench.data.data_choice import DataChoice
from workbench.engine.cores import usable_cores
from workbench.library.run_folder import RunRecord
from workbench.messages import Count, Message
from workbench.path_text import to_text
from workbench.spec.experiment import HYPERPARAMETERS, Experiment
from workbench.spec.sweep import (
    DEFAULT_TRIALS,
    METHODS,
    MOST_SEEDS,
    PRUNERS,
    Sweep,
    SweepError,
    sweep_from,
)
from workbench.spec.sweep_file import SweepFile
from workbench.spec.ways import examples
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import tooltip, value_text
from workbench.window.kit.translation import say, tr
from workbench.window.setup.hyperparameter_form import sentence
from workbench.words.figures import duration

if TYPE_CHECKING:
    from workbench.engine.step_times import Timing

QUIET_MS = 120
"""After the last key that long nothing is computed."""


@dataclass(frozen=True)
class Start:
    """What a sweep begins with: the form's experiment and its preset, the data and the device that
    are chosen, and what the time is estimated from."""

    experiment: Experiment
    preset: str | None
    title: str
    data: DataChoice
    device: str
    library: Path
    records: Sequence[RunRecord] = ()
    images: tuple[int, int] | None = None
    timings: Mapping[tuple[object, ...], Timing] = field(default_factory=dict)


def default_workers(device: str, gpu: bool = False) -> int:
    """Return how many runs at a time are offered."""
    return 1 if gpu or device.startswith("cuda") else max(1, min(4, usable_cores()))


class VaryDialog(QDialog):
    """``started``: the SweepFile and the number of workers that were asked for."""

    started = Signal(object, int)

    def __init__(
        self, start: Start, seeds: int = 1, gpu: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("varyDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._start = start
        self._values = start.experiment.values()
        self._method_chosen = False
        self.sweep: Sweep | None = None
        self.problems: dict[str, Message] = {}

        self.intro = QLabel()
        self.intro.setWordWrap(True)
        self.intro.setProperty("role", "muted")
        self.fields: dict[str, QLineEdit] = {}
        self.reasons: dict[str, ElidedLabel] = {}
        self._labels: dict[str, QLabel] = {}
        self._now: dict[str, QLabel] = {}
        self.method = self._box("sweepMethod", METHODS)
        self.trials = self._number("sweepTrials", 1, 100_000, DEFAULT_TRIALS)
        self.seeds = self._number("sweepSeeds", 1, MOST_SEEDS, seeds)
        self.prune = self._box("sweepPrune", PRUNERS)
        self.workers = self._number("sweepWorkers", 1, 256, default_workers(start.device, gpu))
        self._choices = [QLabel() for _ in range(5)]
        self.summary = QLabel()
        self.summary.setObjectName("sweepSummary")
        self.summary.setWordWrap(True)
        self.summary.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        # Room for the longest sentence before it is said.
        self.summary.setMinimumHeight(5 * self.summary.fontMetrics().lineSpacing())
        buttons = QDialogButtonBox()
        self.start_button = buttons.addButton("", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start_button.setObjectName("sweepStartButton")
        self.start_button.setProperty("primary", True)
        self._cancel = buttons.addButton("", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        self._lay_out(buttons)

        self._timer = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._timer.timeout.connect(self.check)
        for edit in self.fields.values():
            edit.textChanged.connect(lambda: self._timer.start())
        self.method.activated.connect(self._choose_method)
        self.prune.currentIndexChanged.connect(lambda: self.check())
        for box in (self.trials, self.seeds, self.workers):
            box.valueChanged.connect(lambda: self._timer.start())
        self.resize(760, 680)
        self.retranslate()
        self.check()

    def _box(self, name: str, choices: Mapping[str, str]) -> QComboBox:
        box = QComboBox()
        box.setObjectName(name)
        for key in choices:
            box.addItem("", key)
        return box

    def _number(self, name: str, low: int, high: int, value: int) -> QSpinBox:
        box = QSpinBox()
        box.setObjectName(name)
        box.setRange(low, high)
        box.setValue(value)
        return box

    def _lay_out(self, buttons: QWidget) -> None:
        content = QWidget()
        grid = QGridLayout(content)
        grid.setContentsMargins(8, 8, 8, 8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(2, 1)
        for row, (name, parameter) in enumerate(HYPERPARAMETERS.items()):
            if parameter.slip or name == "seed" or (parameter.choices and self._is_alone(name)):
                continue
            label, now, edit = QLabel(), QLabel(), QLineEdit()
            edit.setObjectName(f"vary_{name}")
            edit.setMaxLength(2_000)
            now.setProperty("role", "muted")
            label.setBuddy(edit)
            reason = ElidedLabel("problem")
            reason.setObjectName(f"varyReason_{name}")
            self.fields[name], self.reasons[name] = edit, reason
            self._labels[name], self._now[name] = label, now
            grid.addWidget(label, 2 * row, 0)
            grid.addWidget(now, 2 * row, 1)
            grid.addWidget(edit, 2 * row, 2)
            grid.addWidget(reason, 2 * row + 1, 2)
        grid.setRowStretch(2 * len(HYPERPARAMETERS), 1)
        self.fields_area = QScrollArea()
        self.fields_area.setFrameShape(QFrame.Shape.StyledPanel)
        self.fields_area.setWidgetResizable(True)
        self.fields_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.fields_area.setWidget(content)
        choices = QGridLayout()
        boxes = (self.method, self.trials, self.seeds, self.prune, self.workers)
        for number, (label, box) in enumerate(zip(self._choices, boxes, strict=True)):
            label.setBuddy(box)
            row, column = divmod(number, 3)
            pair = QHBoxLayout()
            pair.addWidget(label)
            pair.addWidget(box, 1)
            choices.addLayout(pair, row, column)
        layout = QVBoxLayout(self)
        layout.addWidget(self.intro)
        layout.addWidget(self.fields_area, 1)
        layout.addLayout(choices)
        layout.addWidget(self.summary)
        layout.addWidget(buttons)

    def _is_alone(self, name: str) -> bool:
        return len(HYPERPARAMETERS[name].choices) < 2

    # --- what was typed ----------------------------------------------------------------

    def vary(self) -> dict[str, str]:
        """Return what was typed, by field; fields that stay are left out."""
        return {name: edit.text() for name, edit in self.fields.items() if edit.text().strip()}

    def _choose_method(self) -> None:
        self._method_chosen = True
        self.check()

    def check(self) -> None:
        """Look at what was typed, and say what is wrong, or what would be run."""
        vary = self.vary()
        wanted = self.method.currentData() if self._method_chosen else None
        self.sweep, self.problems = None, {}
        try:
            self.sweep = self._made(vary, wanted)
        except SweepError as error:
            for name, message in error.problems:
                self.problems.setdefault(name, message)
        if self.sweep is not None and not self._method_chosen:
            self.method.setCurrentIndex(self.method.findData(self.sweep.method))
        self.trials.setEnabled(self.method.currentData() != "grid")
        self._show()

    def _made(self, vary: Mapping[str, str], method: str | None) -> Sweep:
        start = self._start
        more: dict[str, Any] = {
            "seeds": self.seeds.value(),
            "prune": self.prune.currentData(),
            "preset": start.preset,
            "title": start.title,
        }
        if method is None:
            made = sweep_from(start.experiment, vary, **more)  # a grid where that is possible
            if made.method == "grid":
                return made
            method = made.method
        trials = None if method == "grid" else self.trials.value()
        return sweep_from(start.experiment, vary, method=method, trials=trials, **more)

    def estimate(self) -> SweepEstimate | None:
        """Return how long the sweep takes; ``None`` while there is none."""
        if self.sweep is None:
            return None
        start = self._start
        return sweep_estimate(
            self.sweep,
            start.data,
            start.device,
            start.records,
            start.library,
            self.workers.value(),
            images=start.images,
            timings=start.timings,
        )

    def _show(self) -> None:
        for name, reason in self.reasons.items():
            problem = self.problems.get(name)
            reason.setText(_without_name(problem) if problem is not None else "")
            edit = self.fields[name]
            if bool(edit.property("invalid")) != (problem is not None):
                edit.setProperty("invalid", problem is not None)
                edit.style().unpolish(edit)
                edit.style().polish(edit)
        general = [m for name, m in self.problems.items() if name not in self.fields]
        if general:
            text, role = " ".join(_without_name(message) for message in general), "problem"
        elif self.problems:
            text, role = tr("Correct what is marked above."), "problem"
        else:
            text, role = self._summary() if self.sweep is not None else "", "muted"
        if not self.vary() and self.seeds.value() < 2:
            text, role = tr("Write values beside a hyperparameter, or take several seeds."), "muted"
        self.summary.setText(text)
        self.summary.setProperty("role", role)
        self.summary.style().unpolish(self.summary)
        self.summary.style().polish(self.summary)
        self.start_button.setEnabled(self.sweep is not None)

    def _summary(self) -> str:
        sweep, expected = self.sweep, self.estimate()
        assert sweep is not None
        assert expected is not None
        text = tr(
            "{points:point|points} × {seeds:seed|seeds} = {runs:run|runs}, {workers} at a time"
        ).format(
            points=Count(sweep.size),
            seeds=Count(len(sweep.seeds)),
            runs=Count(sweep.runs),
            workers=expected.workers,
        )
        if expected.seconds is None:
            text += " · " + tr("how long is not known before the first run")
        else:
            time = duration(expected.seconds, tr)
            template = tr("at most about {time}") if expected.at_most else tr("about {time} in all")
            text += " · " + template.format(time=time)
        lines = [text]
        if not self._method_chosen and sweep.method != "grid":
            template = tr(
                "The method is now “{method}”: a range without a number of values has no grid."
            )
            lines.append(template.format(method=tr(METHODS[sweep.method])))
        if sweep.vary and sweep.chosen_on == "test":
            lines.append(
                tr(
                    "Without a validation split the points are ranked by the test set, which is "
                    "optimistic; set Validation in the form to choose by held-out images."
                )
            )
        if sweep.vary and len(sweep.seeds) < 2:
            lines.append(
                tr("With one seed it cannot be told what is better and what had a luckier seed.")
            )
        return "\n".join(lines)

    def _accept(self) -> None:
        self.check()
        if self.sweep is None:
            return
        data = self._start.data
        place = to_text(data.path) if data.kind != "sample" and data.path else data.kind
        file = SweepFile(self.sweep, dataset=place, device=self._start.device)
        self.started.emit(file, self.workers.value())
        self.accept()

    # --- words -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Vary hyperparameters"))
        self.intro.setText(
            tr(
                "Beside a hyperparameter write a list (16, 64, 256) or a range (0..0.5; "
                "0.0001..0.1:log on a logarithmic scale); with a number of values "
                "(0.0001..0.1:log:6) every combination can be tried. What is left empty stays as "
                "it is."
            )
        )
        for name, edit in self.fields.items():
            parameter = HYPERPARAMETERS[name]
            self._labels[name].setText(tr(parameter.label))
            now = self._values.get(name)
            self._now[name].setText("–" if now is None else value_text(parameter, now))
            edit.setPlaceholderText(examples(name))
            edit.setToolTip(tooltip(tr(parameter.help)))
            edit.setAccessibleName(tr(parameter.label))
        words = (
            tr("Method"),
            tr("Points"),
            tr("Seeds per point"),
            tr("End early"),
            tr("Runs at a time"),
        )
        for label, text in zip(self._choices, words, strict=True):
            label.setText(text)
        for box, choices in ((self.method, METHODS), (self.prune, PRUNERS)):
            for index, text in enumerate(choices.values()):
                box.setItemText(index, tr(text))
        self.start_button.setText(tr("Start"))
        self._cancel.setText(tr("Cancel"))
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


def _without_name(message: Message) -> str:
    """A sentence without the name of its field, beside which it stands."""
    if message.values.get("field") in HYPERPARAMETERS:
        text, name = sentence(message), tr(HYPERPARAMETERS[str(message.values["field"])].label)
    else:
        text, name = say(message), str(message.values.get("field", ""))
    text = text.removeprefix(f"{name}: ")
    return text[:1].upper() + text[1:]
