"""The report's lines of a run, as they come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontDatabase,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QShortcut,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from workbench import atomic, paths
from workbench.engine.events import Event
from workbench.messages import Count
from workbench.window.kit import theme
from workbench.window.kit.elided_label import ElidedLabel
from workbench.window.kit.save_file import ask_to_save
from workbench.window.kit.translation import tr
from workbench.window.run.shown_run import ShownRun

LINES = 20_000
"""How many lines stay on the screen: the last of days of training."""


class LogView(QWidget):
    """Read-only lines with find, copy and save. It follows the end until the person scrolls up,
    and again once they are back at the end."""

    problem = Signal(str)
    """One sentence for the person: the file could not be written."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known = 0  # lines of the run
        self._follows = True
        self._place: QTextCursor | None = None  # what was found

        self._text = QPlainTextEdit()
        self._text.setObjectName("logView")
        self._text.setReadOnly(True)
        # A caret, so that lines can be selected by the keyboard too.
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._text.setUndoRedoEnabled(False)
        self._text.setMaximumBlockCount(LINES)
        # Lines stay lines: wrapping would lay out every one of them again at each resize.
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setTabChangesFocus(True)
        self._text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._bar = self._text.verticalScrollBar()
        self._bar.valueChanged.connect(self._scrolled)
        self._bar.rangeChanged.connect(self._range_changed)

        self._find_row = QWidget()
        self._find_row.setObjectName("logFindRow")
        self._find_field = QLineEdit()
        self._find_field.setObjectName("logFindField")
        self._find_field.setClearButtonEnabled(True)
        self._find_field.textChanged.connect(self._find_anew)
        self._find_field.installEventFilter(self)
        self._previous = QPushButton()
        self._previous.setObjectName("logFindPreviousButton")
        self._previous.clicked.connect(lambda: self.find_next(backwards=True))
        self._next = QPushButton()
        self._next.setObjectName("logFindNextButton")
        self._next.clicked.connect(lambda: self.find_next())
        self._close = QPushButton()
        self._close.setObjectName("logFindCloseButton")
        self._close.clicked.connect(self.close_find)
        self._found = QLabel()
        self._found.setObjectName("logFindResult")
        self._found.setProperty("role", "problem")
        find = QHBoxLayout(self._find_row)
        find.setContentsMargins(0, 0, 0, 0)
        for widget in (self._find_field, self._found, self._previous, self._next, self._close):
            find.addWidget(widget, 1 if widget is self._find_field else 0)
        self._find_row.hide()

        self._note = ElidedLabel("muted")
        self._note.setObjectName("logNote")
        self._find = QPushButton()
        self._find.setObjectName("logFindButton")
        self._find.clicked.connect(self.open_find)
        self._copy = QPushButton()
        self._copy.setObjectName("logCopyButton")
        self._copy.clicked.connect(self.copy_all)
        self._save = QPushButton()
        self._save.setObjectName("logSaveButton")
        self._save.clicked.connect(self._ask_where)
        buttons = QHBoxLayout()
        buttons.addWidget(self._note, 1)
        for button in (self._find, self._copy, self._save):
            buttons.addWidget(button)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._find_row)
        layout.addLayout(buttons)

        inside = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for key, does in (
            (QKeySequence.StandardKey.Find, self.open_find),
            (QKeySequence.StandardKey.FindNext, self.find_next),
            (QKeySequence.StandardKey.FindPrevious, lambda: self.find_next(backwards=True)),
        ):
            QShortcut(QKeySequence(key), self, context=inside).activated.connect(does)
        self.retranslate()
        self._enable()

    # --- the run -----------------------------------------------------------------------

    def show_run(self, run: ShownRun | None) -> None:
        """Show the log of ``run``, from its end."""
        lines = run.lines if run is not None else ()
        self._known = len(lines)
        if lines:
            self.set_text("\n".join(lines))
        else:
            self.clear()

    def on_event(self, event: Event | None, run: ShownRun) -> None:
        """Add the lines that came."""
        self.append(run.lines[self._known :])
        self._known = len(run.lines)

    # --- lines -------------------------------------------------------------------------

    def append(self, lines: Sequence[str]) -> None:
        """Add ``lines`` at the end."""
        if not lines:
            return
        follows, from_end = self._follows, self._text.blockCount() - self._bar.value()
        sideways = self._text.horizontalScrollBar().value()
        self._text.appendPlainText("\n".join(lines))
        if follows:
            self._to_end()
        elif self._text.blockCount() == LINES:
            # Lines went at the top: what the person reads stays where it is.
            self._bar.setValue(LINES - from_end - len(lines))
        self._text.horizontalScrollBar().setValue(sideways)
        self._enable()

    def set_text(self, text: str) -> None:
        """Show ``text`` in place of all lines, from its end."""
        self._mark(None)
        self._text.setPlainText(text.removesuffix("\n"))
        self._to_end()
        self._enable()

    def clear(self) -> None:
        self._mark(None)
        self._text.clear()
        self._follows = True
        self._enable()

    def _scrolled(self, value: int) -> None:
        self._follows = value >= self._bar.maximum()

    def _to_end(self) -> None:
        self._bar.setValue(self._bar.maximum())
        self._follows = True

    def _range_changed(self) -> None:
        # More lines, or less room for them: the view was made lower, or shown again.
        if self._follows:
            self._to_end()

    def _enable(self) -> None:
        empty = self._text.document().isEmpty()
        for button in (self._find, self._copy, self._save):
            button.setEnabled(not empty)
        full = self._text.blockCount() >= LINES
        self._note.setText(
            tr("The last {lines} lines; the run's log.txt has all of them.").format(
                lines=f"{LINES:,}"
            )
            if full
            else ""
        )

    # --- copy and save -----------------------------------------------------------------

    def copy_all(self) -> None:
        QGuiApplication.clipboard().setText(self._all())
        self._note.setText(
            tr("Copied {lines:line|lines}.").format(lines=Count(self._text.blockCount()))
        )

    def _all(self) -> str:
        return self._text.toPlainText() + "\n"

    def _ask_where(self) -> None:
        text = self._all()
        ask_to_save(
            self,
            tr("Save the log"),
            "log",
            {"txt": tr("Text")},
            lambda path, kind: self._write(path, text),
        )

    def _write(self, path: Path, text: str) -> None:
        try:
            atomic.write_text(path, paths.without_places(text))
        except OSError as error:
            self.problem.emit(
                tr("{path}: cannot be written ({reason}).").format(
                    path=path, reason=error.strerror or error
                )
            )
            return
        self._note.setText(tr("Saved {name}.").format(name=path.name))

    # --- find --------------------------------------------------------------------------

    def open_find(self) -> None:
        """Open the find line with what is selected."""
        selected = self._text.textCursor().selectedText()
        self._find_row.show()
        if selected and "\u2029" not in selected:
            self._find_field.setText(selected)
        self._find_field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._find_field.selectAll()

    def close_find(self) -> None:
        """Close the find line; what was found stays selected."""
        self._find_row.hide()
        if self._place is not None:
            self._text.setTextCursor(self._place)
        self._mark(None)
        self._text.setFocus(Qt.FocusReason.OtherFocusReason)

    def find_next(self, backwards: bool = False) -> None:
        """Go to the next place with the wanted text, around the end."""
        if self._find_row.isHidden():
            self.open_find()
            return
        start = self._text.textCursor()
        if self._place is not None and self._place.position() == start.position():
            start = self._place  # else the person clicked elsewhere meanwhile
        self._go(start, backwards)

    def _find_anew(self) -> None:
        # From where the last place begins: typing on stays at it while it still fits.
        start = QTextCursor(self._place or self._text.textCursor())
        start.setPosition(start.selectionStart())
        self._go(start, backwards=False)

    def _go(self, start: QTextCursor, backwards: bool) -> None:
        wanted, document = self._find_field.text(), self._text.document()
        flags = QTextDocument.FindFlag.FindBackward if backwards else QTextDocument.FindFlag(0)
        found = document.find(wanted, start, flags) if wanted else QTextCursor()
        if wanted and found.isNull():
            around = QTextCursor(document)
            if backwards:
                around.movePosition(QTextCursor.MoveOperation.End)
            found = document.find(wanted, around, flags)
        self._found.setText(tr("Not found") if wanted and found.isNull() else "")
        if found.isNull():
            self._mark(None)
            return
        # Only the caret goes there: a selection would be painted, faintly, over the mark.
        caret = QTextCursor(found)
        caret.clearSelection()
        self._text.setTextCursor(caret)
        self._mark(found)

    def _mark(self, place: QTextCursor | None) -> None:
        self._place = place
        if place is None:
            self._text.setExtraSelections([])
            return
        colors = theme.colors()
        mark = QTextEdit.ExtraSelection()
        mark.cursor = place
        mark.format.setBackground(QColor(colors.accent))
        mark.format.setForeground(QColor(colors.accent_text))
        self._text.setExtraSelections([mark])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            watched is not self._find_field
            or not isinstance(event, QKeyEvent)
            or event.type() != QEvent.Type.KeyPress
        ):
            return False
        if event.key() == Qt.Key.Key_Escape:
            self.close_find()
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.find_next(bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            return True
        return False

    # --- words -------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif theme.is_restyled(event):
            self._mark(self._place)

    def retranslate(self) -> None:
        self._text.setPlaceholderText(tr("The report's lines appear here while a run trains."))
        self._text.setAccessibleName(tr("Log"))
        self._find_field.setPlaceholderText(tr("Find in the log"))
        self._find_field.setAccessibleName(tr("Find in the log"))
        self._previous.setText(tr("Previous"))
        self._next.setText(tr("Next"))
        self._close.setText(tr("Close"))
        self._find.setText(tr("Find…"))
        self._find.setToolTip(
            QKeySequence(QKeySequence.StandardKey.Find).toString(
                QKeySequence.SequenceFormat.NativeText
            )
        )
        self._copy.setText(tr("Copy all"))
        self._save.setText(tr("Save…"))
        self._enable()


if __name__ == "__main__":
    import sys

    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv)
    theme.Theme(application)
    view = LogView()
    view.append([f"Epoch 1/3, iteration {i * 1000}: loss {2.3 / (i + 1):.4f}" for i in range(200)])
    view.resize(620, 560)
    view.show()
    sys.exit(application.exec())
