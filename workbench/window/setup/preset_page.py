"""The chosen preset, in the middle of the window: its note whole, what to press, what was measured
with its hyperparameters, and the layers of its network."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from workbench.spec.expected import Expected, expected_of
from workbench.spec.networks import network_layers
from workbench.spec.presets import BrokenPreset, Preset
from workbench.window.kit import theme
from workbench.window.kit.hyperparameter_text import summaries
from workbench.window.kit.translation import tr
from workbench.window.plots.plot_legend import PlotLegend
from workbench.window.run.network_view import NetworkView
from workbench.window.setup.expected_plot import ExpectedPlot
from workbench.window.setup.preset_note import PresetNote

TWO_COLUMNS = 500
"""Pixels of width from which note and plots stand side by side."""


class _Card(QFrame):
    """A card whose lines that wrap do not decide its height."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("card", "true")

    def hasHeightForWidth(self) -> bool:
        return False


class PresetPage(QWidget):
    """Shows ``note``, which follows the list of presets, beside plot and layers."""

    def __init__(self, note: PresetNote, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("presetPage")
        self._preset: Preset | BrokenPreset | None = None
        self._expected: Expected | None = None
        self._train = ""
        self.title = QLabel()
        self.title.setObjectName("presetTitle")
        self.title.setProperty("role", "title")
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        self.what_to_do = QLabel()
        self.what_to_do.setObjectName("presetWhatToDo")
        self.what_to_do.setProperty("role", "muted")
        self.what_to_do.setTextFormat(Qt.TextFormat.PlainText)
        self.what_to_do.setWordWrap(True)
        self.note = note

        self.plot_heading = QLabel()
        self.plot_heading.setProperty("role", "heading")
        self.legend = PlotLegend()
        self.plot = ExpectedPlot()
        self.measured = QLabel()
        self.measured.setObjectName("presetMeasured")
        self.measured.setProperty("role", "muted")
        self.measured.setTextFormat(Qt.TextFormat.PlainText)
        self.measured.setWordWrap(True)
        self.plot_card = _Card()
        plot = QVBoxLayout(self.plot_card)
        plot.setContentsMargins(8, 6, 8, 6)
        plot.setSpacing(4)
        plot.addWidget(self.plot_heading)
        plot.addWidget(self.legend)
        plot.addWidget(self.plot, 1)
        plot.addWidget(self.measured)
        self.network = NetworkView()
        self._side = QWidget()
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(8)
        # By their shares alone: a plot would like nearly all of the height.
        for part in (self.plot_card, self.network):
            part.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.plot_card.setMinimumHeight(170)
        self.network.setMinimumHeight(90)
        side.addWidget(self.plot_card, 3)
        side.addWidget(self.network, 4)

        columns = QHBoxLayout()
        columns.setSpacing(8)
        columns.addWidget(note, 5)
        columns.addWidget(self._side, 6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addWidget(self.what_to_do)
        layout.addLayout(columns, 1)
        self.retranslate()

    def show_preset(self, preset: Preset | BrokenPreset | None) -> None:
        """Show plot and layers of ``preset``; its note is shown by whoever chose it."""
        self._preset = preset
        self._expected = None
        if isinstance(preset, Preset):
            ran = preset.as_run or preset.experiment
            self._expected = expected_of(ran) or expected_of(preset.experiment)
            self.network.show_layers(network_layers(preset.experiment, 10))
        else:
            self.network.show_layers(())
        self._show()

    def set_train_key(self, key: str) -> None:
        """Name the key that trains, as the system writes it."""
        self._train = key
        self._show()

    def retranslate(self) -> None:
        """Set all texts in the language of the window."""
        self.plot_heading.setText(tr("Test accuracy, %"))
        self._show()

    def _show(self) -> None:
        preset = self._preset
        if not isinstance(preset, Preset):
            self.title.setText("" if preset is None else preset.id)
            self.what_to_do.setText("")
            self.plot.show_curves(None, None)
            self.legend.show_entries([])
            self.measured.setText("")
            return
        title = tr(preset.title) if preset.built_in else preset.title
        number = f"{preset.id}  " if preset.built_in else ""
        self.title.setText(f"{number}{title}  ·  {summaries(preset.experiment)[0]}")
        self.what_to_do.setText(
            tr(
                "Press Train ({key}) to run it on the chosen data, or change its hyperparameters "
                "first. A finished run opens from the table of saved models."
            ).format(key=self._train)
        )
        reported = preset.reported.accuracy if preset.reported else None
        if reported is None and preset.published:
            reported = preset.published.accuracy
        self.plot.show_curves(self._expected, reported)
        source = tr("reported") if preset.reported else tr("published")
        self.legend.show_entries(self.plot.entries(source))
        self.measured.setText(self._measured())

    def _measured(self) -> str:
        expected = self._expected
        if expected is None:
            return tr("No run with these hyperparameters has been measured for this program.")
        epochs, seeds = len(expected.accuracy), expected.seeds[-1]
        text = (
            tr("Measured: {accuracy} after epoch {epoch}, one seed, on {data}.")
            if seeds == 1
            else tr("Measured: {accuracy} after epoch {epoch}, mean of {seeds} seeds, on {data}.")
        )
        return text.format(
            accuracy=f"{expected.accuracy[-1]:.2f}%", epoch=epochs, seeds=seeds, data=expected.data
        )

    def hasHeightForWidth(self) -> bool:
        # Lines that wrap would ask for the height that plot and layers only wish for.
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # The note first where there is room for one of them only.
        self._side.setVisible(event.size().width() >= TWO_COLUMNS)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif theme.is_restyled(event):
            self._show()
