"""The guided first run: five steps in a card above the run, and a frame around what each is on."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from workbench.spec.presets import find_preset
from workbench.window.help.help_html import HelpReader
from workbench.window.kit import theme
from workbench.window.kit.focus_ring import place_of
from workbench.window.kit.painting import painting
from workbench.window.kit.settings import Settings
from workbench.window.kit.translation import tr

PRESET, EPOCHS = "007", 3
"""What the first run trains: it learns within about a minute on the sample."""

_DONE = "help/first_steps"


class FirstSteps(QFrame):
    """Hidden until :meth:`begin`; what was skipped or gone through is not offered again."""

    setup_wanted = Signal(str, int)
    """The id of a preset and the number of epochs for the first run."""

    def __init__(
        self, reader: HelpReader, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("firstSteps")
        self.setProperty("card", True)
        self._reader = reader
        self._settings = settings
        self._frame = _TargetFrame(self)
        self.step = 0
        self.title = QLabel()
        self.title.setProperty("role", "heading")
        self.text = QLabel()
        self.text.setObjectName("firstStepsText")
        self.text.setWordWrap(True)
        self.setup, self.back, self.next, self.skip = (QPushButton() for _ in range(4))
        for name, button, act in (
            ("firstStepsSetUp", self.setup, self._set_up),
            ("firstStepsBack", self.back, lambda: self._go(self.step - 1)),
            ("firstStepsNext", self.next, lambda: self._go(self.step + 1)),
            ("firstStepsSkip", self.skip, self.end),
        ):
            button.setObjectName(name)
            button.setAutoDefault(False)
            button.clicked.connect(act)
        buttons = QHBoxLayout()
        buttons.addWidget(self.title, 1)
        for button in (self.setup, self.back, self.next, self.skip):
            buttons.addWidget(button)
        # Each button keeps its place in every step: what is clicked again must be the same.
        policy = self.skip.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.skip.setSizePolicy(policy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 8)
        layout.addLayout(buttons)
        layout.addWidget(self.text)
        self.hide()

    @property
    def is_new(self) -> bool:
        """Whether they were neither skipped nor gone through yet."""
        return not self._settings.text(_DONE)

    def begin(self) -> None:
        """Shows the first step."""
        self.show()
        self._go(0)
        self.next.setFocus()

    def end(self) -> None:
        """Hides the steps, and does not offer them again; the menu has them."""
        self._settings.set_text(_DONE, "done")
        self._frame.put_around(None)
        self.hide()

    def run_began(self) -> None:
        """A run trains: what is to be watched comes next."""
        self._pass("train")

    def run_ended(self) -> None:
        """The run has ended, and lies among the saved ones."""
        self._pass("watch")

    def _set_up(self) -> None:
        """Have the first run set up, and show the field that is not as the preset says."""
        self.setup_wanted.emit(PRESET, EPOCHS)
        self.text.setText(
            tr(
                "Preset {preset} is chosen, with {epochs} epochs in place of its {all}: see Epochs "
                "in the form."
            ).format(preset=PRESET, epochs=EPOCHS, all=find_preset(PRESET).experiment.epochs)
        )
        field = self.window().findChild(QWidget, "hyperparameter_epochs")
        if field is None:
            return
        above = field.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(field)
        self._frame.put_around(field)

    def _pass(self, key: str) -> None:
        steps = self._reader.texts().steps
        if not self.isHidden() and steps[self.step].key == key:
            self._go(self.step + 1)

    def _go(self, step: int) -> None:
        if step >= len(self._reader.texts().steps):
            self.end()
            return
        self.step = max(step, 0)
        self.retranslate()

    def retranslate(self) -> None:
        steps = self._reader.texts().steps
        entry = steps[self.step]
        self.title.setText(
            tr("Step {step} of {steps}: {name}").format(
                step=self.step + 1, steps=len(steps), name=entry.name
            )
        )
        self.text.setText(entry.texts[0])
        self.setup.setText(tr("Set up {preset}").format(preset=PRESET))
        self.setup.setVisible(entry.key == "preset")
        self.back.setText(tr("Back"))
        self.back.setEnabled(self.step > 0)
        last = self.step == len(steps) - 1
        widths = []
        for text in (tr("Next"), tr("Done")):
            self.next.setText(text)
            widths.append(self.next.sizeHint().width())
        self.next.setMinimumWidth(max(widths))
        self.next.setText(tr("Done") if last else tr("Next"))
        self.skip.setText(tr("Skip"))
        self.skip.setVisible(not last)
        if not self.isHidden():
            self._frame.put_around(self.window().findChild(QWidget, entry.on))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


class _TargetFrame(QObject):
    """Keeps a frame around one widget, wherever that goes in its window."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._target: QWidget | None = None
        self._frame: _Frame | None = None

    def put_around(self, target: QWidget | None) -> None:
        for widget in self._watched():
            widget.removeEventFilter(self)
        self._target = target
        for widget in self._watched():
            widget.installEventFilter(self)
        self._place()

    def _watched(self) -> list[QWidget]:
        return [] if self._target is None else [self._target, self._target.window()]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (
            QEvent.Type.Move,
            QEvent.Type.Resize,
            QEvent.Type.Show,
            QEvent.Type.Hide,
            QEvent.Type.LayoutRequest,
        ):
            self._place()
        return False

    def _place(self) -> None:
        if self._target is None:
            if self._frame is not None:
                self._frame.hide()
            return
        if self._frame is None:
            self._frame = _Frame(self._target.window())
        place = place_of(self._target)
        self._frame.setVisible(not place.isEmpty())
        self._frame.setGeometry(place.adjusted(-3, -3, 3, 3))
        self._frame.raise_()


class _Frame(QWidget):
    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("firstStepsFrame")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.colors().best), 3, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(2, 2, -2, -2), 6, 6)
