"""One hyperparameter of the form: label, editor, unit, and the line that says what is wrong."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from workbench.spec.experiment import Hyperparameter
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.hyperparameter_text import limits_text, number_text, tooltip
from workbench.window.kit.painting import painting
from workbench.window.kit.translation import tr

Raw = str | bool
"""What an editor holds: a choice's key, a checkbox's state, a number as it was typed."""

SMALLEST_STEP = Decimal("0.00001")
"""Where a quantity of any magnitude (weight decay) begins above 0 when it is stepped up."""
SHARE_STEP = Decimal("0.05")
GAP = 8
"""Pixels below an editor that has no reason line."""


def stepped(parameter: Hyperparameter, text: str, up: bool) -> str | None:
    """The number after (``up``) or before the one in ``text``, within the limits; ``None`` where
    ``text`` is no number (a list is none) or there is none.

    Whole numbers go by 1. A share (which cannot reach 1, as dropout) goes by 0.05.
    Any other number goes 1, 2, 5, 10, since what matters of a learning rate is its magnitude.
    """
    if parameter.kind == "numbers":
        return None
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > Decimal("1e15"):
        return None
    if parameter.kind == "int":
        if value != value.to_integral_value():
            return None
        following = value + (1 if up else -1)
    elif parameter.maximum_excluded or (parameter.maximum is not None and parameter.maximum < 1):
        steps = value / SHARE_STEP
        whole = steps.to_integral_value("ROUND_FLOOR" if up else "ROUND_CEILING")
        following = (whole + (1 if up else -1)) * SHARE_STEP
    else:
        following = _next_of_1_2_5(value, up)
    if not _allowed(parameter, following):
        return None
    return number_text(int(following) if parameter.kind == "int" else float(following))


def _next_of_1_2_5(value: Decimal, up: bool) -> Decimal:
    if value <= 0:
        return SMALLEST_STEP if up else value
    if not up and value <= SMALLEST_STEP / 10_000:
        return Decimal(0)
    decade = Decimal(1).scaleb(value.adjusted())
    steps = [decade * factor for factor in map(Decimal, ("0.5", "1", "2", "5", "10"))]
    if up:
        return next(step for step in steps if step > value)
    return next(step for step in reversed(steps) if step < value)


def _allowed(parameter: Hyperparameter, value: Decimal) -> bool:
    low, high = parameter.minimum, parameter.maximum
    if low is not None and (
        value < Decimal(str(low)) or (parameter.minimum_excluded and value <= low)
    ):
        return False
    return not (
        high is not None
        and (value > Decimal(str(high)) or (parameter.maximum_excluded and value >= high))
    )


class NumberEdit(QLineEdit):
    """Free typing; Up and Down step within the limits. The wheel changes nothing."""

    def __init__(self, parameter: Hyperparameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameter = parameter
        self.setMaxLength(64)  # a float takes 24 at most, a list of channels 34

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and not self.isReadOnly():
            text = stepped(self._parameter, self.text(), event.key() == Qt.Key.Key_Up)
            if text is not None:
                self.selectAll()
                self.insert(text)  # unlike setText, Undo takes it back
            return
        super().keyPressEvent(event)

    def minimumSizeHint(self) -> QSize:
        return QSize(
            self.fontMetrics().horizontalAdvance("0.00001") + 16, super().minimumSizeHint().height()
        )

    def sizeHint(self) -> QSize:
        return QSize(self.minimumSizeHint().width(), super().sizeHint().height())


class ChoiceBox(QComboBox):
    """The wheel scrolls the form and never changes the choice."""

    def __init__(self, parameter: Hyperparameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for key in parameter.choices:
            self.addItem("", key)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class ChangeMark(QWidget):
    """A dot where a value differs from the preset's. Takes its room also while there is none."""

    SIDE = 6

    def __init__(self) -> None:
        super().__init__()
        self.on = False
        self.setFixedSize(self.SIDE + 2, self.SIDE + 2)

    def set_on(self, on: bool) -> None:
        self.on = on
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.on:
            return
        with painting(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.colors().accent))
            painter.drawEllipse(1, 1, self.SIDE, self.SIDE)


def _set_role(label: QLabel, role: str) -> None:
    if label.property("role") != role:
        label.setProperty("role", role)
        label.style().unpolish(label)
        label.style().polish(label)


class HyperparameterRow(QObject):
    """The widgets of one hyperparameter, made from its declaration, put into a grid that all rows
    share. ``edited`` is emitted for each change by the person."""

    edited = Signal()

    COLUMNS = 4
    """Mark of a changed value, label, editor, unit. Below them runs the reason line."""

    def __init__(self, parameter: Hyperparameter, parent: QObject) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self._showing = False
        self._notes: tuple[str, ...] = ()
        self._raw: Raw = False if parameter.kind == "bool" else ""
        name = parameter.name
        self.mark = ChangeMark()
        self.mark.setObjectName(f"changed_{name}")
        self.label = QLabel()
        self.label.setObjectName(f"label_{name}")
        self.editor = self._make_editor()
        self.editor.setObjectName(f"hyperparameter_{name}")
        self.label.setBuddy(self.editor)
        self.unit = QLabel()
        self.unit.setProperty("role", "muted")
        self.reason = ElidedLabel("problem")
        self.reason.setObjectName(f"reason_{name}")
        self.reason.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self.note = ElidedLabel("muted")
        self.note.setObjectName(f"note_{name}")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self.note.setContentsMargins(0, 3, 0, GAP - 2)
        self.restyle()

    def _make_editor(self) -> QWidget:
        parameter = self.parameter
        if parameter.kind == "bool":
            box = QCheckBox()
            box.toggled.connect(self._changed)
            return box
        if parameter.kind == "choice":
            if len(parameter.choices) == 1:
                return QLabel()  # nothing to choose: the value stands there in plain text
            choice = ChoiceBox(parameter)
            choice.currentIndexChanged.connect(self._changed)
            return choice
        edit = NumberEdit(parameter)
        edit.textChanged.connect(self._changed)
        return edit

    def place(self, grid: QGridLayout, row: int) -> None:
        """Put the widgets into two rows of ``grid``, from ``row`` on."""
        grid.addWidget(self.mark, row, 0)
        grid.addWidget(self.label, row, 1)
        grid.addWidget(self.editor, row, 2, 1, 1 if self.parameter.unit else 2)
        # Hidden ones too: a widget without a parent would be a window of its own.
        grid.addWidget(self.unit, row, 3)
        self.unit.setVisible(bool(self.parameter.unit))
        grid.addWidget(self.reason, row + 1, 1, 1, 3)
        grid.addWidget(self.note, row + 1, 1, 1, 3)
        self.note.hide()
        if not isinstance(self.editor, NumberEdit):
            # What cannot be wrong needs no room for a reason.
            self.reason.hide()
            grid.setRowMinimumHeight(row + 1, GAP)

    # --- value ------------------------------------------------------------------------------

    def raw(self) -> Raw:
        """Return what the editor holds."""
        return self._raw

    def show_raw(self, raw: Raw) -> None:
        """Show a value; not an edit."""
        self._showing = True
        self._raw = raw
        if isinstance(self.editor, QCheckBox):
            self.editor.setChecked(bool(raw))
        elif isinstance(self.editor, ChoiceBox):
            self.editor.setCurrentIndex(self.editor.findData(raw))
        elif isinstance(self.editor, NumberEdit):
            if self.editor.text() != raw:
                self.editor.setText(str(raw))
                self.editor.setCursorPosition(0)
        elif isinstance(self.editor, QLabel):
            self.editor.setText(tr(self.parameter.choices.get(str(raw), str(raw))))
        self._showing = False

    def _changed(self) -> None:
        if self._showing:
            return
        if isinstance(self.editor, QCheckBox):
            self._raw = self.editor.isChecked()
        elif isinstance(self.editor, ChoiceBox):
            self._raw = self.editor.currentData()
        elif isinstance(self.editor, NumberEdit):
            self._raw = self.editor.text()
        self.edited.emit()

    # --- state ------------------------------------------------------------------------------

    def show_state(self, enabled: bool, changed: bool, problem: str, *notes: str) -> None:
        """Return how the row looks: off or not, marked as changed, wrong for the reason ``problem``
        ("" where it is right); ``notes`` are added to its tooltip."""
        role = "" if enabled else "muted"
        if isinstance(self.editor, QLabel):
            _set_role(self.editor, role)
        else:
            self.editor.setEnabled(enabled)
        self.mark.set_on(changed)
        self.reason.setText(problem)
        if bool(self.editor.property("invalid")) != bool(problem):
            self.editor.setProperty("invalid", bool(problem))
            self.editor.style().unpolish(self.editor)
            self.editor.style().polish(self.editor)
        self._notes = (problem, *notes)
        _set_role(self.label, role)
        self._describe()

    def show_note(self, text: str) -> None:
        """Something to know of the choice, in small below it; "" for nothing."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def _describe(self) -> None:
        problem, *notes = self._notes or ("",)
        words = [problem, tr(self.parameter.help), limits_text(self.parameter), *notes]
        for widget in (self.mark, self.label, self.editor, self.unit):
            widget.setToolTip(tooltip(*words))
        self.editor.setAccessibleDescription(" ".join(word for word in words if word))

    def retranslate(self) -> None:
        """Set all texts but those of the state, which whoever called ``show_state`` sets again."""
        parameter = self.parameter
        self.label.setText(tr(parameter.label))
        self.editor.setAccessibleName(tr(parameter.label))
        self.unit.setText(tr(parameter.unit) if parameter.unit else "")
        if isinstance(self.editor, ChoiceBox):
            for index, label in enumerate(parameter.choices.values()):
                self.editor.setItemText(index, tr(label))
        self.show_raw(self._raw)
        self._describe()

    def restyle(self) -> None:
        """Take the font that holds now."""
        small = self.label.font()
        small.setPointSizeF(max(small.pointSizeF() * 0.85, 6.0))
        self.reason.setFont(small)
        self.note.setFont(small)
