"""The card about the chosen preset: what it changes, what was reported and found."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from workbench.messages import Message
from workbench.spec.presets import BrokenPreset, Preset, Reported, preset_before
from workbench.window.kit.hyperparameter_text import changes_text, epochs_text, summaries
from workbench.window.kit.translation import say, tr
from workbench.window.setup.as_run_switch import how_it_differs

REPORTED_TEST_IMAGES = 10_000
"""Test images of CIFAR-10, on which every reported accuracy was taken."""

HARD_SPACE = "\N{NO-BREAK SPACE}"


def accuracy_text(reported: Reported) -> str:
    """``30.67%``, or ``≈70%`` where the report rounds."""
    if reported.accuracy_is_approximate:
        return f"≈{reported.accuracy:g}%"
    return f"{reported.accuracy:.2f}%"


def _amount(value: float, approximate: bool) -> str:
    return f"{'≈' if approximate else ''}{value:,g}"


def reported_lines(preset: Preset) -> list[str]:
    """Return what the report says of ``preset``'s result, one fact a line; empty where it says
    nothing."""
    reported = preset.reported
    if reported is None:
        return []
    accuracy = accuracy_text(reported)
    if reported.correct is not None:
        accuracy = tr("{accuracy}, {correct} of {total} correct").format(
            accuracy=accuracy,
            correct=f"{reported.correct:,}",
            total=f"{REPORTED_TEST_IMAGES:,}",
        )
    lines = [accuracy]
    if reported.accuracy_train_mode is not None:
        lines.append(
            tr("{accuracy} in training mode").format(
                accuracy=f"{reported.accuracy_train_mode:.2f}%"
            )
        )
    if preset.epochs_run is not None:
        lines.append(
            tr("Stopped after {done} of {epochs}").format(
                done=preset.epochs_run, epochs=epochs_text(preset.experiment.epochs)
            )
        )
    if reported.seconds_per_epoch is not None:
        lines.append(
            tr("{seconds} s per epoch on a GTX 1060").format(
                seconds=_amount(reported.seconds_per_epoch, reported.seconds_is_approximate)
            )
        )
    elif reported.seconds is not None:
        lines.append(
            tr("{seconds} s for the run on a GTX 1060").format(
                seconds=_amount(reported.seconds, reported.seconds_is_approximate)
            )
        )
    return lines


def published_lines(preset: Preset) -> list[str]:
    """Return what the source of the recipe says of it; nothing where there is none."""
    published = preset.published
    if published is None:
        return []
    first = f"{published.accuracy:g}%"
    if published.test_flip:
        first += ", " + tr("mean of each image and its mirror image")
    if published.runs is not None:
        first += ", " + tr("mean of {count} runs").format(count=f"{published.runs:,}")
    lines = [first]
    if published.epochs is not None:
        lines.append(tr("{count} epochs").format(count=f"{published.epochs:g}"))
    if published.seconds is not None:
        seconds = f"{published.seconds:g}"
        lines.append(
            tr("{seconds} s on {hardware}").format(seconds=seconds, hardware=published.hardware)
            if published.hardware
            else tr("{seconds} s").format(seconds=seconds)
        )
    elif published.hardware:
        lines.append(published.hardware)
    return [*lines, published.source]


def problem_text(preset: BrokenPreset) -> str:
    """Return why ``preset`` cannot be used, with its file's name in place of the whole path, which
    would fill the card."""
    message = preset.problem
    if "path" in message.values:
        message = Message(message.template, **{**message.values, "path": preset.path.name})
    return say(message)


def kept_together(changes: str) -> str:
    """``changes`` with hard spaces, so that lines break between changes and not within one, but
    for those that may be wider than the card."""
    parts = changes.split(" · ")
    return " · ".join(part.replace(" ", HARD_SPACE) if len(part) <= 32 else part for part in parts)


def sections(
    preset: Preset | BrokenPreset | None, presets: list[Preset | BrokenPreset]
) -> list[tuple[str, str, str]]:
    """``(heading, text, role)`` of what the card says; ``presets`` is the list that ``preset``
    stands in."""
    if preset is None:
        return [("", tr("Choose a preset at the left."), "muted")]
    if isinstance(preset, BrokenPreset):
        return [
            (tr("Cannot be used"), problem_text(preset), "problem"),
            ("", tr("Fix the file, then choose the preset again."), "muted"),
        ]
    before = preset_before(preset, presets)
    if before is None:
        first = (tr("Trains"), summaries(preset.experiment)[0], "")
    else:
        first = (
            tr("{preset} against {before}").format(preset=preset.id, before=before.id),
            kept_together(changes_text(before.experiment, preset.experiment))
            or tr("The same hyperparameters as {before}.").format(before=before.id),
            "",
        )
    return [
        first,
        (tr("As actually run"), kept_together(how_it_differs(preset)) if preset.as_run else "", ""),
        (tr("Reported"), "\n".join(reported_lines(preset)), "reported"),
        (tr("Published"), "\n".join(published_lines(preset)), ""),
        (tr("Tried"), tr(preset.tried) if preset.tried else "", ""),
        (tr("Found"), tr(preset.found) if preset.found else "", ""),
        (tr("Explained"), tr(preset.explained) if preset.explained else "", ""),
        (tr("Note"), tr(preset.note) if preset.note else "", ""),
    ]


class PresetNote(QScrollArea):
    """Scrolls where its text is too long; the keyboard scrolls it too."""

    MOST_SECTIONS = 8

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("presetNote")
        self.setProperty("card", True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._preset: Preset | BrokenPreset | None = None
        self._presets: list[Preset | BrokenPreset] = []
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(2)
        self._labels: list[tuple[QLabel, QLabel]] = []
        for _ in range(self.MOST_SECTIONS):
            heading, text = QLabel(), QLabel()
            heading.setProperty("role", "heading")
            heading.setTextFormat(Qt.TextFormat.PlainText)
            heading.setWordWrap(True)
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.setContentsMargins(0, 0, 0, 6)
            layout.addWidget(heading)
            layout.addWidget(text)
            self._labels.append((heading, text))
        layout.addStretch(1)
        self.setWidget(content)
        # The card's own background, not the window's.
        content.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
        self.retranslate()

    def show_preset(
        self, preset: Preset | BrokenPreset | None, presets: list[Preset | BrokenPreset]
    ) -> None:
        """Show ``preset``, which stands in the list ``presets``."""
        self._preset, self._presets = preset, presets
        self.retranslate()
        self.verticalScrollBar().setValue(0)

    def text(self) -> str:
        """Everything that the card says, for tests and screen readers."""
        said = (label.text() for pair in self._labels for label in pair if not label.isHidden())
        return "\n".join(said).replace(HARD_SPACE, " ")

    def retranslate(self) -> None:
        said = sections(self._preset, self._presets)
        said += [("", "", "")] * (self.MOST_SECTIONS - len(said))
        for (heading, label), (title, text, role) in zip(self._labels, said, strict=True):
            heading.setText(title)
            heading.setVisible(bool(title and text))
            label.setText(text)
            label.setVisible(bool(text))
            if label.property("role") != role:
                label.setProperty("role", role)
                label.style().unpolish(label)
                label.style().polish(label)
        self.setAccessibleName(tr("About the chosen preset"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    from workbench.spec.presets import list_presets
    from workbench.window.kit.theme import Theme

    application = QApplication([])
    Theme(application)
    everything = list_presets()
    note = PresetNote()
    note.show_preset(everything[8], everything)
    note.resize(290, 260)
    note.show()
    application.exec()
