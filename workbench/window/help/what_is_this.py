"""What is this? The term or the plot behind a widget, and the box that explains it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QGroupBox,
    QHeaderView,
    QLabel,
    QTabBar,
    QTabWidget,
    QWhatsThis,
    QWidget,
)

from workbench.window.help.help_html import HelpReader, entry_html
from workbench.window.kit.translation import tr
from workbench.words.help_texts import HelpEntry, HelpTexts

TERM_OF = {
    "presetList": "preset",
    "presetNote": "preset",
    "presetDock": "preset",
    "asRunSwitch": "as_written",
    "asDeclaredButton": "as_written",
    "asRunButton": "as_written",
    "hyperparameterPanel": "hyperparameter",
    "savePresetButton": "preset",
    "datasetButton": "split",
    "deviceBox": "device",
    "threadsBox": "threads",
    "smoothingSlider": "smoothing",
    "smoothingValue": "smoothing",
    "bestAccuracy": "best_epoch",
    "runHeader": "run",
    "reportView": "reported",
    "confusionView": "confusion",
    "classesView": "class",
    "savedModels": "library",
    "weightsCard": "weights",
    "interruptedBar": "interrupted",
    "comparisonSentence": "mcnemar",
    "comparisonPairs": "mcnemar",
    "comparisonSpread": "seed_spread",
    "dataDuplicates": "duplicates",
    "dataCounts": "class",
    "dataSplitBox": "split",
}
"""The term that a widget is about, by its object name, where its words do not say it."""

_OF_A_HYPERPARAMETER = ("label_", "hyperparameter_", "reason_", "note_", "changed_")


def entry_at(widget: QWidget | None, place: QPoint | None, texts: HelpTexts) -> HelpEntry | None:
    """Return what explains ``widget``, or else what it stands in.

    ``place`` in the widget's own pixels, where something was pointed at; ``None`` for the current
    tab or none.
    """
    while widget is not None:
        found = _entry_of(widget, place, texts)
        if found is not None or widget.isWindow():
            return found
        if place is not None:
            place = widget.mapToParent(place)
        widget = widget.parentWidget()
    return None


def _entry_of(widget: QWidget, place: QPoint | None, texts: HelpTexts) -> HelpEntry | None:
    name = widget.objectName()
    if (plot := texts.plot_on(name)) is not None:
        return plot
    for beginning in _OF_A_HYPERPARAMETER:
        if name.startswith(beginning) and (term := texts.term(name.removeprefix(beginning))):
            return term
    for label in _labels(widget, place):
        if (term := texts.of_label(label)) is not None:
            return term
    return texts.term(TERM_OF[name]) if name in TERM_OF else None


def _labels(widget: QWidget, place: QPoint | None) -> list[str]:
    """The words by which ``widget`` says what it is."""
    if isinstance(widget, QHeaderView):
        model = widget.model()
        if place is None or model is None:
            return []
        section = widget.logicalIndexAt(place)
        return [str(model.headerData(section, widget.orientation()) or "")]
    if isinstance(widget, QTabBar):
        return [widget.tabText(widget.tabAt(place) if place else widget.currentIndex())]
    if isinstance(widget, QTabWidget):
        return [widget.tabText(widget.currentIndex())]
    if isinstance(widget, QLabel | QAbstractButton):
        return [widget.text()]
    if isinstance(widget, QGroupBox):
        return [widget.title()]
    if isinstance(widget, QComboBox):
        return [widget.accessibleName()]
    return []


class WhatIsThis(QObject):
    """Explains what has the focus, or what is pointed at."""

    def __init__(self, reader: HelpReader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader = reader
        self._pointing = False

    def explain_focus(self) -> None:
        """Explains what has the focus; where there is nothing to say of it, what is pointed at."""
        widget = QApplication.focusWidget()
        entry = entry_at(widget, None, self._reader.texts())
        if widget is None or entry is None:
            self.point()
            return
        place = widget.mapToGlobal(QPoint(min(40, widget.width() // 2), min(40, widget.height())))
        QWhatsThis.showText(place, entry_html(entry), widget)

    def point(self) -> None:
        """The next click explains what is there, and does nothing else; Esc gives up."""
        application = QApplication.instance()
        if self._pointing or application is None:
            return
        self._pointing = True
        QGuiApplication.setOverrideCursor(Qt.CursorShape.WhatsThisCursor)
        application.installEventFilter(self)

    def stop(self) -> None:
        """End the pointing."""
        application = QApplication.instance()
        if self._pointing and application is not None:
            self._pointing = False
            QGuiApplication.restoreOverrideCursor()
            application.removeEventFilter(self)

    def explain_at(self, place: QPoint, widget: QWidget | None) -> None:
        """Explains ``widget``, or else what lies at ``place`` of the screen."""
        widget = widget or QApplication.widgetAt(place)
        if widget is None:
            return
        entry = entry_at(widget, widget.mapFromGlobal(place), self._reader.texts())
        words = entry_html(entry) if entry else f"<p>{tr('There is no explanation of this.')}</p>"
        QWhatsThis.showText(place, words, widget)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent):
            self.stop()
            # The window hears of a click before the widget in it does.
            clicked = watched if isinstance(watched, QWidget) else None
            self.explain_at(event.globalPosition().toPoint(), clicked)
            return True
        if kind in (QEvent.Type.KeyPress, QEvent.Type.ApplicationDeactivate):
            self.stop()
            return kind == QEvent.Type.KeyPress
        return kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)
