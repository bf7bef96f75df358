"""The list of presets: the report's eleven, those beyond it and your own. The note on the chosen
one stands in the middle of the window."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtCore import Signal as QtSignal
from PySide6.QtGui import QAction, QColor, QFont, QFontMetrics, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QMessageBox,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from workbench import atomic
from workbench.messages import WorkbenchError
from workbench.spec.presets import BrokenPreset, Preset, list_presets
from workbench.window.kit import theme
from workbench.window.kit.hyperparameter_text import summaries, tooltip
from workbench.window.kit.painting import logged
from workbench.window.kit.translation import say, tr
from workbench.window.setup.preset_note import PresetNote, accuracy_text

PRESET = Qt.ItemDataRole.UserRole
GROUP = PRESET + 1
SOURCE = PRESET + 2
"""Whose accuracies stand below a heading."""
REPORT, BEYOND, OWN = "report", "beyond", "own"
WARNING = "⚠"


def preset_name(preset: Preset | BrokenPreset) -> str:
    """Return what a person calls it: ``007`` for one of the report, the title for one of their
    own."""
    return preset.id if isinstance(preset, BrokenPreset) or preset.built_in else preset.title


def whole_rows(height: int, row: int, rows: int) -> int:
    """The most of ``height`` pixels that hold whole rows of ``row`` pixels: at least one row, at
    most ``rows``."""
    return row * max(1, min(height // row, rows))


def delete_own(preset: Preset | BrokenPreset) -> None:
    """Delete the file of the person's own ``preset``. Raises :class:`WorkbenchError`."""
    try:
        atomic.delete(preset.path)
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be deleted ({reason}).", path=preset.path, reason=error.strerror
        ) from None


def is_own(preset: Preset | BrokenPreset | None) -> bool:
    """Return whether the person made it. A preset of the report never counts."""
    return preset is not None and not preset.built_in


def group_of(preset: Preset | BrokenPreset) -> str:
    """Return which presets it is listed with."""
    if is_own(preset):
        return OWN
    return BEYOND if isinstance(preset, Preset) and preset.beyond else REPORT


class _Rows(QStyledItemDelegate):
    """Paints a preset in one line, and headings (items without a preset)."""

    SIDE, ABOVE = 10, 3

    def _fonts(self, font: QFont) -> tuple[QFont, QFont, QFont]:
        bold, small = QFont(font), QFont(font)
        bold.setBold(True)
        small.setPointSizeF(max(font.pointSizeF() * 0.88, 6.0))
        return font, bold, small

    def height(self, font: QFont) -> int:
        """Pixels of each row; the same for all, so that only whole ones are shown."""
        normal, _, _ = self._fonts(font)
        return QFontMetrics(normal).height() + 2 * self.ABOVE + 1

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(100, self.height(option.font))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        with logged(type(self).__name__):
            self._paint(painter, option, index)

    def _paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        c = theme.colors()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        normal, bold, small = self._fonts(option.font)
        preset: Preset | BrokenPreset | None = index.data(PRESET)
        painter.save()
        painter.setPen(QColor(c.border))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if preset is None:
            painter.setFont(bold)
            painter.setPen(QColor(c.muted))
            inside = rect.adjusted(self.SIDE, 0, -self.SIDE, -self.ABOVE - 1)
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
            painter.drawText(inside, flags, index.data(Qt.ItemDataRole.DisplayRole))
            painter.setFont(small)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
            painter.drawText(inside, flags, index.data(SOURCE) or "")
            painter.restore()
            return
        enabled = bool(state & QStyle.StateFlag.State_Enabled)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect.adjusted(0, 0, 0, -1), QColor(c.selection))
            # Not by color alone: the chosen row has a bar.
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height() - 1), QColor(c.accent))
        elif state & QStyle.StateFlag.State_MouseOver and enabled:
            painter.fillRect(rect.adjusted(0, 0, 0, -1), QColor(c.window))
        text = QColor(c.text if enabled else c.muted)
        line = rect.adjusted(self.SIDE, self.ABOVE, -self.SIDE, -self.ABOVE - 1)
        if isinstance(preset, BrokenPreset):
            problem = QColor(c.problem)
            line.setRight(self._right(painter, line, tr("Cannot be used"), small, problem))
            self._left(painter, line, f"{WARNING} {preset.id}", bold, problem)
            painter.restore()
            return
        if preset.reported is not None:
            line.setRight(self._right(painter, line, accuracy_text(preset.reported), bold, text))
        elif preset.published is not None:
            accuracy = f"{preset.published.accuracy:g}%"
            line.setRight(self._right(painter, line, accuracy, bold, text))
        if preset.built_in:
            used = self._left(painter, line, preset.id, bold, text)
            self._left(painter, line.adjusted(used + 8, 0, 0, 0), tr(preset.title), normal, text)
        else:
            self._left(painter, line, preset.title, bold, text)
        painter.restore()

    def _left(self, painter: QPainter, rect: QRect, text: str, font: QFont, color: QColor) -> int:
        """Paint ``text``, shortened where it must be; return the pixels it took."""
        metrics = QFontMetrics(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.setFont(font)
        painter.setPen(color)
        # On the baseline, not in a box: a fallback font's line (Korean) is higher than ours.
        painter.drawText(rect.left(), rect.top() + metrics.ascent(), shown)
        return metrics.horizontalAdvance(shown)

    def _right(self, painter: QPainter, rect: QRect, text: str, font: QFont, color: QColor) -> int:
        """Paint ``text`` at the right end; return where what stands left of it must end."""
        metrics = QFontMetrics(font)
        left = rect.right() - metrics.horizontalAdvance(text)
        painter.setFont(font)
        painter.setPen(color)
        painter.drawText(left, rect.top() + metrics.ascent(), text)
        return left - 8


class _WholeRows(QWidget):
    """Cuts the list down to whole rows, as many as there is room for."""

    def __init__(self, rows: QListWidget, delegate: _Rows) -> None:
        super().__init__()
        self._rows, self._delegate = rows, delegate
        rows.setParent(self)

    def arrange(self) -> None:
        """Lay the list out again, after its rows, its font or the room have changed."""
        frame = 2 * self._rows.frameWidth()
        row = self._delegate.height(self._rows.font())
        height = whole_rows(self.height() - frame, row, self._rows.count()) + frame
        if height != self._rows.height() or self.width() != self._rows.width():
            self._rows.setGeometry(0, 0, self.width(), height)
            self._rows.scrollToItem(self._rows.currentItem())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()

    def height_of(self, rows: int) -> int:
        """Return the pixels that so many rows take."""
        return rows * self._delegate.height(self._rows.font()) + 2 * self._rows.frameWidth()

    def sizeHint(self) -> QSize:
        return QSize(290, self.height_of(13))

    def minimumSizeHint(self) -> QSize:
        return QSize(180, self.height_of(5))


class PresetPanel(QWidget):
    """Heading and list. :attr:`note` follows what is chosen, and stands elsewhere.

    ``selected`` tells of each newly chosen ``Preset`` or ``BrokenPreset``, by the person or by
    ``select``. ``show_in_folder`` asks to show a file (a ``Path``), ``problem`` says in one
    sentence what went wrong.
    """

    selected = QtSignal(object)
    reloaded = QtSignal()
    """The presets were read again."""
    show_in_folder = QtSignal(object)
    problem = QtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets: list[Preset | BrokenPreset] = []
        self._told: Preset | BrokenPreset | None = None
        self.heading = QLabel()
        self.heading.setProperty("role", "heading")
        self.list = QListWidget()
        self.list.setObjectName("presetList")
        self.list.setFrameShape(QFrame.Shape.StyledPanel)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerItem)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        delegate = _Rows(self.list)
        self.list.setItemDelegate(delegate)
        self.heading.setBuddy(self.list)
        self.note = PresetNote()

        self.show_action = QAction(self)
        self.show_action.setObjectName("showPresetInFolderAction")
        self.delete_action = QAction(self)
        self.delete_action.setObjectName("deletePresetAction")
        self.delete_action.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        for action in (self.show_action, self.delete_action):
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            self.list.addAction(action)
        self.show_action.triggered.connect(self._show_in_folder)
        self.delete_action.triggered.connect(self._ask_to_delete)

        self._body = _WholeRows(self.list, delegate)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.heading)
        layout.addWidget(self._body, 1)

        self.list.currentItemChanged.connect(self._chosen)
        self.list.customContextMenuRequested.connect(self._open_menu)
        self.reload()
        self.retranslate()

    # --- what others ask for -------------------------------------------------------------

    def by_id(self) -> dict[str, Preset]:
        """Return the presets that can be read, by id."""
        return {p.id: p for p in self._presets if isinstance(p, Preset)}

    def reload(self) -> None:
        """Read the presets again; what was chosen stays chosen, where it is still there.
        ``selected`` tells where that is another one now, or has changed."""
        chosen = self.current()
        row = self.list.currentRow()
        self.list.blockSignals(True)
        self.list.clear()
        self._presets = list_presets()
        before = ""
        for preset in self._presets:
            group = group_of(preset)
            if group != before:
                before = group
                divider = QListWidgetItem("")
                divider.setFlags(Qt.ItemFlag.NoItemFlags)
                divider.setData(GROUP, group)
                self.list.addItem(divider)
            item = QListWidgetItem(f"{preset.id} {getattr(preset, 'title', '')}")
            item.setData(PRESET, preset)
            self.list.addItem(item)
        self._name_rows()
        if chosen is not None:
            same = self._row_of(chosen.path)
            # What is gone leaves its place to the row that moved up.
            self._set_row(same if same is not None else min(row, self.list.count() - 1))
        self.list.blockSignals(False)
        self._body.arrange()
        self._chosen()
        self.reloaded.emit()

    def select(self, id: str) -> None:
        """Choose the preset with this id; an unknown one changes nothing."""
        row = next((self._row_of(p.path) for p in self._presets if p.id == id), None)
        if row is not None:
            self._set_row(row)

    def current(self) -> Preset | BrokenPreset | None:
        """The chosen preset."""
        item = self.list.currentItem()
        return item.data(PRESET) if item is not None else None

    # --- inside --------------------------------------------------------------------------

    def _row_of(self, path: Path) -> int | None:
        # By file: a broken preset may bear the id of one of the report's.
        for row in range(self.list.count()):
            preset = self.list.item(row).data(PRESET)
            if preset is not None and preset.path == path:
                return row
        return None

    def _set_row(self, row: int) -> None:
        while row > 0 and self.list.item(row).data(PRESET) is None:
            row -= 1
        if row == 0:  # the heading of the report's
            row = 1
        self.list.setCurrentRow(row)

    def _chosen(self, *_: object) -> None:
        preset = self.current()
        self._update_actions()
        # Told of already, and the same still: a broken one is told of again only by its reason.
        known = preset == self._told and (
            not isinstance(preset, BrokenPreset)
            or not isinstance(self._told, BrokenPreset)
            or preset.problem == self._told.problem
        )
        self._told = preset
        self.note.show_preset(preset, self._presets)
        if preset is not None and not known:
            self.selected.emit(preset)

    def _update_actions(self) -> None:
        own = is_own(self.current())
        self.delete_action.setEnabled(own)
        self.show_action.setEnabled(own)

    def _open_menu(self, position: QPoint) -> None:
        if not is_own(self.current()):
            return  # nothing can be done to a preset of the report
        menu = QMenu(self)
        menu.setObjectName("presetMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.show_action)
        menu.addAction(self.delete_action)
        menu.popup(self.list.viewport().mapToGlobal(position))

    def _show_in_folder(self) -> None:
        preset = self.current()
        if preset is not None and is_own(preset):
            self.show_in_folder.emit(preset.path)

    def _ask_to_delete(self) -> None:
        preset = self.current()
        if preset is None or not is_own(preset):
            return
        box = QMessageBox(self)
        box.setObjectName("deletePresetQuestion")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(tr("Delete preset"))
        box.setText(tr("Delete the preset “{name}”?").format(name=preset_name(preset)))
        box.setInformativeText(
            tr("Its file {file} is permanently deleted. Runs made with it stay.").format(
                file=preset.path.name
            )
        )
        delete = box.addButton(tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        delete.setObjectName("deleteButton")
        keep = box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole)
        keep.setObjectName("keepButton")
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)

        def finished() -> None:
            if box.clickedButton() is delete:
                self._delete(preset)

        box.finished.connect(finished)
        box.open()

    def _delete(self, preset: Preset | BrokenPreset) -> None:
        try:
            delete_own(preset)
        except WorkbenchError as error:
            self.problem.emit(say(error.message))
        self.reload()

    # --- words and colors ------------------------------------------------------------------

    def _name_rows(self) -> None:
        """Tooltips, the divider's text and what a screen reader says of each row."""
        for row in range(self.list.count()):
            item = self.list.item(row)
            preset = item.data(PRESET)
            if preset is None:
                heading, source = {
                    REPORT: (tr("The report"), tr("reported")),
                    BEYOND: (tr("Beyond the report"), tr("published")),
                    OWN: (tr("Own presets"), ""),
                }[item.data(GROUP)]
                item.setText(heading)
                item.setData(SOURCE, source)
                continue
            if isinstance(preset, BrokenPreset):
                lines = [preset.id, say(preset.problem)]
            else:
                title = tr(preset.title) if preset.built_in else preset.title
                lines = [f"{preset.id} {title}" if preset.built_in else title]
                lines.append(summaries(preset.experiment)[0])
                if preset.reported is not None:
                    lines.append(
                        tr("reported {accuracy}").format(accuracy=accuracy_text(preset.reported))
                    )
                if preset.published is not None:
                    lines.append(
                        tr("published {accuracy}").format(
                            accuracy=f"{preset.published.accuracy:g}%"
                        )
                    )
            item.setToolTip(tooltip(*lines))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(lines))

    def retranslate(self) -> None:
        self.heading.setText(tr("Presets"))
        self.list.setAccessibleName(tr("Presets"))
        self.show_action.setText(tr("Show in folder"))
        self.delete_action.setText(tr("Delete…"))
        self._name_rows()
        self.list.viewport().update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif event.type() == QEvent.Type.FontChange:
            self.list.doItemsLayout()
            self._body.arrange()
        elif theme.is_restyled(event):
            self.list.viewport().update()


if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication

    from workbench.window.kit.theme import Theme

    application = QApplication([])
    Theme(application)
    panel = PresetPanel()
    panel.select("007")
    panel.resize(290, 480)
    panel.show()
    application.exec()
