"""What a person can do: one QAction each, for menu, toolbar and key alike."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from workbench.window.kit import theme
from workbench.window.kit.icons import icon
from workbench.window.kit.translation import LANGUAGES, tr


class Actions(QObject):
    """The actions of the main window. Those on saved runs belong to ``SavedModels``."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._paused = False
        self.train = self._action("train", "Ctrl+Return")
        self.enqueue = self._action("enqueue", "Ctrl+Shift+A")
        self.pause = self._action("pause", "Ctrl+Space")
        self.stop = self._action("stop", "Ctrl+.")
        self.cancel = self._action("cancel", "Ctrl+Shift+.")
        self.open_weights = self._action("open_weights", QKeySequence.StandardKey.Open)
        self.quit = self._action("quit", QKeySequence.StandardKey.Quit)
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        self.back_to_run = self._action("back_to_run", "Ctrl+L")
        self.repeat = self._action("repeat", "Ctrl+Shift+Return")
        self.vary = self._action("vary", "Ctrl+M")
        self.sweeps = self._action("sweeps", "Ctrl+Shift+M")
        self.show_queue = self._action("show_queue", "Ctrl+J")
        self.try_image = self._action("try_image", "Ctrl+I")
        self.browse_data = self._action("browse_data", "Ctrl+Shift+D")
        self.story = self._action("story", "Ctrl+Shift+E")  # Ctrl+E: end of a field's line
        self.reset_layout = self._action("reset_layout")
        self.first_steps = self._action("first_steps")
        self.shortcuts = self._action("shortcuts", QKeySequence.StandardKey.HelpContents)
        self.glossary = self._action("glossary")
        self.explain = self._action("explain", "Shift+F1")
        self.point = self._action("point")
        for action in (self.shortcuts, self.explain):  # in windows of their own too
            action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        self.about = self._action("about")
        self.about.setMenuRole(QAction.MenuRole.AboutRole)
        self.import_runs = self._action("import_runs")
        self.open_library = self._action("open_library")

        self.themes = QActionGroup(self)
        self.theme = {
            name: self._choice(self.themes, f"theme_{name}") for name in ("system", "light", "dark")
        }
        self.languages = QActionGroup(self)
        self.language = {
            name: self._choice(self.languages, f"language_{name}") for name in LANGUAGES
        }
        self.retranslate()
        self.restyle()

    def _action(self, name: str, key: object = None) -> QAction:
        action = QAction(self)
        action.setObjectName(f"{name}Action")
        if key is not None:
            action.setShortcut(QKeySequence(key))  # type: ignore[call-overload]
        return action

    def _choice(self, group: QActionGroup, name: str) -> QAction:
        action = self._action(name)
        action.setCheckable(True)
        group.addAction(action)
        return action

    def retranslate(self) -> None:
        self.train.setText(tr("Train"))
        self.enqueue.setText(tr("Add to queue"))
        self.show_queue.setText(tr("Show the queue"))
        self.pause.setText(tr("Resume") if self._paused else tr("Pause"))
        self.stop.setText(tr("Stop and keep"))
        self.cancel.setText(tr("Cancel"))
        self.open_weights.setText(tr("Open weights…"))
        self.quit.setText(tr("Quit"))
        self.back_to_run.setText(tr("Show the running run"))
        self.repeat.setText(tr("Repeat with other seeds…"))
        self.vary.setText(tr("Vary…"))
        self.sweeps.setText(tr("Sweeps…"))
        self.try_image.setText(tr("Try an image…"))
        self.browse_data.setText(tr("Look at the data…"))
        self.story.setText(tr("The report's experiments…"))
        self.reset_layout.setText(tr("Reset layout"))
        self.first_steps.setText(tr("First steps"))
        self.shortcuts.setText(tr("Shortcuts"))
        self.glossary.setText(tr("Glossary and plots"))
        self.explain.setText(tr("What is this?"))
        self.point.setText(tr("What is this? By a click"))
        self.about.setText(tr("About CIFAR Workbench"))
        self.import_runs.setText(tr("Import runs…"))
        self.open_library.setText(tr("Show the library's folder"))
        self.theme["system"].setText(tr("Follow system"))
        self.theme["light"].setText(tr("Light"))
        self.theme["dark"].setText(tr("Dark"))
        for name, action in self.language.items():
            action.setText(LANGUAGES[name])  # each in its own language

    def show_paused(self, paused: bool) -> None:
        """While a run is paused, Pause goes on with it."""
        if paused != self._paused:
            self._paused = paused
            self.retranslate()
            self.restyle()

    def restyle(self) -> None:
        """Paint the icons in the colors that hold now."""
        c = theme.colors()
        self.train.setIcon(icon("train", c.accent_text, c.muted))
        self.pause.setIcon(icon("train" if self._paused else "pause", c.text, c.muted))
        self.enqueue.setIcon(icon("enqueue", c.text, c.muted))
        for name in ("stop", "cancel"):
            getattr(self, name).setIcon(icon(name, c.text, c.muted))
        self.back_to_run.setIcon(icon("back", c.text, c.muted))
