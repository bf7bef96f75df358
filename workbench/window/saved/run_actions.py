"""What can be done with saved runs: the actions, their words, and when each is on or off."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from workbench.library.run_folder import RunRecord, has_checkpoint
from workbench.window.kit.translation import tr


class RunActions(QObject):
    """Actions on the selected runs of ``view``, which has their keys. They do nothing themselves:
    whoever shows the runs connects them."""

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._off: dict[str, str] = {}
        keys = Qt.Key
        self.open = self._action("open", view, keys.Key_Return, keys.Key_Enter)
        self.resume = self._action("resume", view)
        self.give_up = self._action("give_up", view)
        self.load = self._action("load", view)
        self.load_best = self._action("load_best", view)
        self.test = self._action("test", view)
        self.hyperparameters = self._action("hyperparameters", view)
        self.rename = self._action("rename", view, keys.Key_F2)
        self.star = self._action("star", view)
        self.star.setShortcut(QKeySequence("Ctrl+D"))
        self.labels = self._action("labels", view)
        self.labels.setShortcut(QKeySequence("Ctrl+T"))
        self.delete = self._action("delete", view, keys.Key_Delete)
        self.show = self._action("show", view)
        self.undo = QAction(self)
        self.undo.setObjectName("undoDeleteAction")
        self.undo.setShortcut(QKeySequence.StandardKey.Undo)
        self.empty_trash = QAction(self)
        self.empty_trash.setObjectName("emptyTrashAction")
        self._separators = QAction(self), QAction(self)
        for separator in self._separators:
            separator.setSeparator(True)

    def _action(self, name: str, view: QWidget, *keys: Qt.Key) -> QAction:
        action = QAction(self)
        action.setObjectName(f"{name}RunAction")
        action.setShortcuts([QKeySequence(key) for key in keys])
        # Enter and Del mean something else in every other field, also in the name's own editor.
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        view.addAction(action)
        return action

    def for_menu(self) -> list[QAction]:
        """All of them, with separators."""
        return [
            self.open,
            self.resume,
            self.give_up,
            self.load,
            self.load_best,
            self.test,
            self.hyperparameters,
            self._separators[0],
            self.rename,
            self.star,
            self.labels,
            self.delete,
            self.undo,
            self.empty_trash,
            self._separators[1],
            self.show,
        ]

    def set_off(self, name: str, reason: str) -> None:
        """From the next :meth:`update` on, the action ``name`` is off for this ``reason``; an
        empty one lifts that."""
        self._off[name] = reason

    def retranslate(self) -> None:
        for action, text, short in (
            (self.open, tr("Open"), tr("Open")),
            (self.resume, tr("Resume"), ""),
            (self.give_up, tr("Give up resuming…"), tr("Give up…")),
            (self.load, tr("Load weights"), tr("Load")),
            (self.load_best, tr("Load best epoch's weights"), tr("Load best")),
            (self.test, tr("Test weights"), tr("Test")),
            (self.hyperparameters, tr("Use these hyperparameters"), ""),
            (self.rename, tr("Rename"), ""),
            (self.star, tr("Star"), ""),
            (self.labels, tr("Tags and notes…"), ""),
            (self.delete, tr("Delete"), ""),
            (self.show, tr("Show in folder"), ""),
            (self.empty_trash, tr("Empty trash…"), ""),
        ):
            action.setText(text)
            action.setIconText(short or text)

    def update(
        self,
        runs: Sequence[RunRecord],
        training: set[str],
        can_undo: bool,
        has_trash: bool,
        unreadable: int = 0,
    ) -> None:
        """Turn each on or off for the selected ``runs``. ``training``: names of the folders of
        runs that still train. ``unreadable``: runs that are selected too and cannot be read; they
        can only be shown in their folder and deleted."""
        count = len(runs) + unreadable
        one = runs[0] if count == 1 and runs else None
        choose = tr("Choose a run first.") if not count else tr("Choose one run only.")
        if count == 1 and unreadable:
            choose = tr("This run cannot be read.")
        trains = one is not None and one.folder.name in training
        interrupted = one is not None and one.status == "interrupted"
        no_weights = no_best = ""
        if one and not one.weights:
            no_weights = (
                tr("This run is still training; it saves its weights at the end.")
                if trains
                else tr("This run has no weights of its last epoch.")
            )
        if one and not one.best_weights:
            no_best = tr("This run has no weights of a best epoch.")
        more = one is not None and one.status == "finished"
        for name, action, why_not, does in (
            ("open", self.open, "", tr("Show the run's curves, matrix and log")),
            (
                "resume",
                self.resume,
                _why_not_resumed(one, trains),
                tr("Train for more epochs, as a new run that names the one it continues")
                if more
                else tr("Resume from the last checkpoint, as if the run had never stopped"),
            ),
            (
                "give_up",
                self.give_up,
                "" if interrupted else tr("Only resuming an interrupted run can be given up."),
                tr("Save the run's last weights, and count it as stopped; asks first"),
            ),
            ("load", self.load, no_weights, tr("Use the run's weights")),
            (
                "load_best",
                self.load_best,
                no_best,
                tr("Use the weights of the epoch that was best on the validation split")
                if one is not None and one.best_chosen_on == "validation"
                else tr(
                    "Use the weights of the epoch with the highest test accuracy in training "
                    "mode; selected on the test set"
                )
                if one is not None and one.tested_otherwise
                else tr(
                    "Use the weights of the epoch with the highest test accuracy; selected on "
                    "the test set, so that accuracy is optimistic"
                ),
            ),
            ("test", self.test, no_weights, tr("Test the run's weights on the chosen data set")),
            (
                "hyperparameters",
                self.hyperparameters,
                "",
                tr("Copy the run's hyperparameters into the form"),
            ),
            ("rename", self.rename, "", tr("Give the run a name")),
        ):
            _turn(action, self._off.get(name) or (choose if one is None else why_not), does)
        self.resume.setText(tr("Train for more epochs…") if more else tr("Resume"))
        _turn(
            self.show,
            self._off.get("show") or ("" if count == 1 else choose),
            tr("Show the run's files"),
        )
        some = "" if runs else tr("This run cannot be read.") if count == 1 else choose
        reason = self._off.get("delete", "") or ("" if count else choose)
        if runs and not unreadable and all(run.folder.name in training for run in runs):
            reason = reason or tr("A run that is still training cannot be deleted.")
        _turn(self.delete, reason, tr("Move the run to the library's .trash folder"))
        self.undo.setEnabled(can_undo)
        empty = "" if has_trash else tr("The trash is empty.")
        _turn(self.empty_trash, empty, tr("Permanently delete the runs in the library's trash"))
        all_starred = bool(runs) and all(run.starred for run in runs)
        self.star.setText(tr("Remove the star") if all_starred else tr("Star"))
        _turn(self.star, self._off.get("star", some), tr("Mark the run with a star"))
        _turn(self.labels, self._off.get("labels", some), tr("Edit the run's tags and notes"))


def _why_not_resumed(run: RunRecord | None, training: bool) -> str:
    if run is None:
        return ""
    if training:
        return tr("This run is still training.")
    if run.status == "finished":
        return "" if run.weights else tr("This run has no weights of its last epoch.")
    if not has_checkpoint(run.folder):
        return tr("This run has no checkpoint to resume from.")
    return ""


def _turn(action: QAction, reason: str, does: str) -> None:
    """On with a tooltip of what it ``does``, or off with the ``reason``."""
    action.setEnabled(not reason)
    key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    action.setToolTip(reason or (f"{does} ({key})" if key else does))
